"""Real container engines: each in a folder of its own, ended by its process id, nothing left behind."""

import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker

from harness.containers.engine import Engine
from harness.host import devices
from tests.integration.laboratory import wait_for

# Who runs the engine without root, and who asks the others without being root. No account of the machine has it.
USER = 12345
GROUP = 23456  # which that user is in, too
VARIABLES = {"docker": "DOCKER_HOST", "podman": "CONTAINER_HOST", "rootless": "CONTAINER_HOST"}
_PLENTY_BYTES = 14 << 30
_SUBORDINATE = "200000:65536"
_COMMON = ("mmdebstrap", "setpriv", "unshare", "mount")
_PROGRAMS = {
    "docker": ("dockerd", "containerd", "runc"),
    "podman": ("podman", "conmon", "runc"),
    "rootless": ("podman", "conmon", "runc", "newuidmap", "newgidmap"),
    "registry": ("docker-registry",),
}
_STORAGE = '[storage]\ndriver="overlay"\nrunroot="{folder}/run"\ngraphroot="{folder}/root"\n'
# Where CAP_SYS_RESOURCE is missing, limits cannot be raised; where there is no systemd, it cannot make cgroups.
_CONTAINERS = """
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{folder}/libpod"
"""
_REGISTRIES = 'unqualified-search-registries = []\n[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n'
# The user and what belongs to it exist in the engine's own mount namespace only.
_AS_USER = """
mount --bind {folder}/passwd /etc/passwd && mount --bind {folder}/subuid /etc/subuid &&
mount --bind {folder}/subuid /etc/subgid &&
exec setpriv --reuid {user} --regid {user} --clear-groups --pdeathsig TERM "$@"
"""


class _Api:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __getattr__(self, name: str) -> Any:
        def ask(*arguments: Any, **options: Any) -> Any:
            with opened(self._path) as client:
                return getattr(client, name)(*arguments, **options)

        return ask


@dataclass(frozen=True, kw_only=True)
class Running:
    """An engine that answers. `pid` is None, and `folder` too, if somebody else has started it."""

    name: str
    socket: Path
    pid: int | None = None
    folder: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        others = dict.fromkeys(VARIABLES.values(), "unix:///nonexistent")
        return {**others, VARIABLES[self.name]: f"unix://{self.socket}"}

    @property
    def option(self) -> str:
        return "docker" if self.name == "docker" else "podman"

    @property
    def user(self) -> int:
        """Who asks it: in an engine without root, nobody else may."""
        return USER if self.name == "rootless" else 0

    @property
    def api(self) -> Any:
        return _Api(self.socket)

    @contextlib.contextmanager
    def client(self) -> Iterator[Engine]:
        with contextlib.closing(Engine(str(self.socket))) as engine:
            yield engine

    def at(self, path: Path) -> "Running":
        """Return this engine as it is seen where its socket is elsewhere."""
        return replace(self, socket=path)

    def containers(self) -> list[str]:
        """Return the names of all containers, also of those that have ended, and of those that a build uses."""
        found: list[dict[str, Any]] = self.api.containers(all=True)
        return sorted(each["Names"][0].lstrip("/") if each["Names"] else each["Id"] for each in found)


def obstacle(name: str) -> str:
    """Return why an engine or a registry cannot be started here; empty if it can."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [each for each in (*_COMMON, *_PROGRAMS[name]) if not shutil.which(each, path=path)]
    if missing:
        return f"{', '.join(missing)} is not installed"
    return "" if os.geteuid() == 0 else "only root can start one"


def named(name: str) -> Running | None:
    """Return the engine that answers where the environment says, if there is one."""
    address = os.environ.get(VARIABLES[name], "").removeprefix("unix://")
    if not address or name == "rootless":
        return None
    running = Running(name=name, socket=Path(address))
    return running if _answers(running) else None


@contextlib.contextmanager
def docker_engine(*, data_size: str = "") -> Iterator[Running]:
    """Start Docker without a network of its own; `data_size` has its images on a small disk."""
    with lent_folder() as folder:
        _memory_disk(folder / "data", data_size)
        with begun(_docker_argv(folder), folder, {}) as pid:
            running = Running(name="docker", socket=folder / "socket", pid=pid, folder=folder)
            wait_for_answer(running)
            yield running


def _docker_argv(folder: Path) -> list[str]:
    places = [f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid"]
    alone = ["--bridge=none", "--iptables=false", "--ip6tables=false"]
    return ["dockerd", f"--host=unix://{folder}/socket", *places, *alone]


@contextlib.contextmanager
def podman_engine() -> Iterator[Running]:
    with lent_folder() as folder:
        _memory_disk(folder / "root")
        with begun(_podman_argv(folder), folder, _podman_files(folder)) as pid:
            running = Running(name="podman", socket=folder / "socket", pid=pid, folder=folder)
            wait_for_answer(running)
            yield running


@contextlib.contextmanager
def again(engine: Running) -> Iterator[None]:
    """Start an engine once more in the folder of one that has ended."""
    assert engine.folder
    assert engine.pid
    pid = engine.pid
    wait_for(lambda: not _alive(pid))  # it holds locks in that folder
    (engine.folder / "pid").unlink(missing_ok=True)
    is_docker = engine.name == "docker"
    argv = _docker_argv(engine.folder) if is_docker else _podman_argv(engine.folder)
    with begun(argv, engine.folder, {} if is_docker else _podman_files(engine.folder)):
        wait_for_answer(engine)
        yield


@contextlib.contextmanager
def rootless_engine() -> Iterator[Running]:
    """Start Podman's service as a user who has no rights and no account."""
    with lent_folder() as folder:
        variables = _podman_files(folder) | {"HOME": f"{folder}/home", "XDG_RUNTIME_DIR": f"{folder}/runtime"}
        (folder / "passwd").write_text(f"root:x:0:0::/root:/bin/sh\nuser:x:{USER}:{USER}::{folder}/home:/bin/sh\n")
        (folder / "subuid").write_text(f"user:{_SUBORDINATE}\n")
        for name in ("home", "runtime", "root", "run", "libpod", "tmp"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
            os.chown(folder / name, USER, USER)
        os.chown(folder, USER, USER)
        script = _AS_USER.format(folder=folder, user=USER)
        argv = ["unshare", "--mount", "sh", "-c", script, "sh", *_podman_argv(folder)]
        with begun(argv, folder, variables) as pid:
            running = Running(name="rootless", socket=folder / "socket", pid=pid, folder=folder)
            wait_for_answer(running)
            yield running


def opened(path: Path) -> "contextlib.closing[Any]":
    return contextlib.closing(docker.APIClient(base_url=f"unix://{path}", version=_api_version(path), timeout=120))


@functools.cache
def _api_version(path: Path) -> str:
    """Return the version of an engine's API; Podman needs half a second to say it."""
    with contextlib.closing(docker.APIClient(base_url=f"unix://{path}", version="auto", timeout=120)) as client:
        return str(client.api_version)


START: Mapping[str, Callable[[], contextlib.AbstractContextManager[Running]]] = {
    "docker": docker_engine,
    "podman": podman_engine,
    "rootless": rootless_engine,
}


def end(pid: int, folder: Path) -> None:
    """End what was started in a folder, and what it has started there in turn."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    with contextlib.suppress(AssertionError):
        wait_for(lambda: not _alive(pid), 30)
    for each in (pid, *_processes(folder)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


@contextlib.contextmanager
def lent_folder() -> Iterator[Path]:
    """Lend a folder that others may enter, with a name short enough for sockets; it and its mounts are gone after."""
    folder = Path(tempfile.mkdtemp(prefix="iq-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        lines = Path("/proc/self/mounts").read_text().splitlines()
        for place in sorted((line.split()[1] for line in lines if f"{folder}/" in line), reverse=True):
            subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def begun(argv: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Iterator[int]:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    environment = {"PATH": path, "HOME": str(folder), "TMPDIR": str(folder / "tmp"), **variables}
    (folder / "tmp").mkdir(exist_ok=True)
    argv = ["setpriv", "--pdeathsig", "TERM", *argv]  # if the tests are killed
    with (folder / "log").open("ab") as log:
        child = subprocess.Popen(argv, stdout=log, stderr=log, cwd=folder, env=environment, start_new_session=True)
    try:
        yield child.pid
    finally:
        end(child.pid, folder)
        child.wait()


def _memory_disk(place: Path, size: str = "") -> None:
    """Have a folder in memory, if a size is asked for or there is plenty of it: builds take half as long there."""
    place.mkdir()
    if size or devices.memory_bytes()[0] > _PLENTY_BYTES:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size or '6g'}", "tmpfs", place], check=True)


def _podman_argv(folder: Path) -> list[str]:
    return ["podman", "system", "service", "--time=0", f"unix://{folder}/socket"]


def _podman_files(folder: Path) -> dict[str, str]:
    """Write Podman's configuration and return the variables that name it."""
    variables = {}
    for name, text in (("storage", _STORAGE), ("containers", _CONTAINERS), ("registries", _REGISTRIES)):
        path = folder / f"{name}.conf"
        path.write_text(text.format(folder=folder))
        variables["CONTAINERS_CONF" if name == "containers" else f"CONTAINERS_{name.upper()}_CONF"] = str(path)
    return variables


def wait_for_answer(running: Running) -> None:
    wait_for(lambda: _answers(running))
    if running.user == 0:  # as for a group of those who may use it
        os.chown(running.socket, 0, USER)
        running.socket.chmod(0o660)


def _answers(running: Running) -> bool:
    """Ask as plainly as can be: the SDK leaves connections open if there is no answer."""
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(10)
            asking.connect(str(running.socket))
            asking.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
            return b" 200 " in asking.recv(64)
    except OSError:
        return False


def _alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _processes(folder: Path) -> list[int]:
    """Return the processes that name a file below a folder, on their command line or as what keeps them waiting."""
    found = [int(path.read_text()) for path in folder.rglob("pause.pid") if path.is_file()]
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{folder}/".encode() in (path / "cmdline").read_bytes():
                found.append(int(path.name))
    return [each for each in found if each != os.getpid()]
