"""A container engine with an image in it, and the command run there, by root or by somebody else."""

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uv

from harness.containers import debian, definitions, dependencies
from harness.containers.definitions import Bootstrapped
from harness.core.settings import default_store
from harness.iree import releases
from harness.iree import toolchain as toolchains
from harness.store import scratch
from harness.store.store import Store
from tests.integration.engines import GROUP, Running
from tests.integration.laboratory import Laboratory, Result, clean_environment
from tests.integration.warm import HARNESS, ran

ROOT = Path(__file__).parents[2]
NAME = "cpu-debian"
_ENGINE = Path("/mnt/engine")
_SPACE = "mount -t tmpfs tmpfs /mnt &&"
_ENTERED = "touch {place} && mount --bind {socket} {place} &&"
# A layer over a folder that only root may enter, with another mode; seen by the command and its children only.
_OPENED = """
mkdir /mnt/{number}-up /mnt/{number}-work &&
mount -t overlay -o lowerdir={path},upperdir=/mnt/{number}-up,workdir=/mnt/{number}-work overlay {path} &&
chmod 755 {path} &&
"""


@dataclass(frozen=True, kw_only=True)
class Supplies:
    """What images are made of: a store that has it, and the folder that pins it."""

    store_dir: Path
    containers: Path

    def add(self, name: str) -> None:
        """Have the base of an image as its archive is today, and pin it so if that has moved on."""
        base = definitions.load(self.containers)[name].base
        assert isinstance(base, Bootstrapped)
        with Store(self.store_dir) as store, store.lock(f"supplies-{name}"):
            if store.find("bases", base.sha256):
                return
            with scratch.folder(store.root) as folder:
                sha256 = _made_before(base, folder) or debian.bootstrap(base, folder).sha256

                def move(to: Path) -> Mapping[str, str]:
                    shutil.move(folder / debian.TAR_NAME, to)
                    return {debian.TAR_NAME: sha256}

                store.provide("bases", sha256, move)
            pins = self.containers / definitions.IMAGES_NAME
            pins.write_text(pins.read_text().replace(base.sha256, sha256))


def _made_before(base: Bootstrapped, to: Path) -> str | None:
    """Copy a base that is in the cache of this user, as after `harness image build`, and return its digest."""
    with Store(default_store()) as store:
        entry = store.find("bases", base.sha256)
        if entry is None:
            return None
        shutil.copyfile(entry.path / debian.TAR_NAME, to / debian.TAR_NAME)
        return base.sha256


def supplies(folder: Path) -> Supplies:
    """Fill a folder with all that the image for the CPU is made of; other processes may do so too."""
    had = Supplies(store_dir=folder / "store", containers=folder / "containers")
    with Store(had.store_dir) as store:
        with store.lock("supplies"):
            if not had.containers.exists():
                shutil.copytree(ROOT / "containers", had.containers)
        had.add(NAME)
        toolchains.installed(releases.find(releases.newest().name), store)
        dependencies.installed(had.containers, definitions.load(had.containers)[NAME].python_version, store)
    return had


@dataclass(frozen=True, kw_only=True)
class Dock:
    """An engine, and what the command needs to run there."""

    engine: Running
    supplies: Supplies
    store_dir: Path

    @property
    def options(self) -> list[str]:
        """What the command is told in any case."""
        containers = ["--containers", str(self.supplies.containers)]
        return ["--engine", self.engine.option, *containers, "--store", str(self.store_dir)]

    def harness(self, *words: str, environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a command of the harness that is not on models; later options win."""
        command, rest = [each for each in words[:2] if not each.startswith("-")], list(words)
        argv = [*as_user(self.engine.user, self.engine), *HARNESS, *command, *self.options, *rest[len(command) :]]
        variables = {**user_environment(self.engine.user, self.engine), **(environment or {})}
        return ran(argv, cwd="/", env=variables)

    @functools.cached_property
    def tag(self) -> str:
        """The image's name, which is built the first time."""
        done = self.harness("image", "build", NAME)
        assert done.returncode == 0, done.stdout + done.stderr
        name: str = done.stdout.splitlines()[-1].split()[0]
        return name

    def __hash__(self) -> int:
        return hash(self.engine.socket)


class Yard(Laboratory):
    """A laboratory whose models run in containers, on behalf of a user."""

    def __init__(self, root: Path, dock: Dock, user: int, store_dir: Path) -> None:
        super().__init__(root, store_dir)
        self.dock, self.user = dock, user
        self.containers = Path(shutil.copytree(dock.supplies.containers, root / "containers"))
        hand_over(root, user)

    def argv(self, *arguments: str, command: str = "quality") -> list[str]:
        """Return the command line, as it is for the user."""
        places = ["--engine", self.dock.engine.option, "--containers", str(self.containers)]
        inside = [*places, "--image", NAME] if command in {"quality", "bench", "bisect", "matrix", "bless"} else []
        return [*as_user(self.user, self.dock.engine), *super().argv(*inside, *arguments, command=command)]

    def run(
        self,
        *arguments: str,
        command: str = "quality",
        environment: Mapping[str, str] | None = None,
        under: Sequence[str] = (),
    ) -> Result:
        """Run the command on all models of this folder."""
        hand_over(self.specs, self.user)
        variables = {**self.variables, **(environment or {})}
        return super().run(*arguments, command=command, environment=variables, under=under)

    @property
    def variables(self) -> dict[str, str]:
        """What the environment says of the engine and the user."""
        return user_environment(self.user, self.dock.engine)

    @property
    def log(self) -> str:
        """What the only case's run has printed."""
        command, _, printed = Path(self.out, self.case["logs"]["run"]).read_text().partition("\n")
        assert command.startswith("+ ")
        return printed

    @property
    def case(self) -> Any:
        """The only case of the last run."""
        return Result(code=0, text="", out_dir=self.out).case

    def left(self) -> list[str]:
        """Return what a run should not leave: containers, processes, mounts, and what is not the user's."""
        mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if f"{self.root}/" in line]
        others = [str(path) for path in self.root.rglob("*") if path.lstat().st_uid != self.user]
        partials = list(self.root.glob("store/tmp/scratch.*"))
        alive = [pid for pid in self.processes("") if str(self.root).encode() in _command_line(pid)]
        ours = [each for each in self.dock.engine.containers() if not each.startswith("test-")]
        return [*ours, *map(str, alive), *mounts, *others, *map(str, partials)]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def hand_over(folder: Path, user: int) -> None:
    """Make a folder and all in it a user's."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)


@contextlib.contextmanager
def open_folder(parent: str | None = None) -> Iterator[Path]:
    """Lend a folder that everybody may enter; pytest's own are for one user."""
    with tempfile.TemporaryDirectory(prefix="iq-", dir=parent, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def user_environment(user: int, engine: Running) -> dict[str, str]:
    """Return the environment of the command; nobody but root may write what measures coverage."""
    if not user:
        return clean_environment() | engine.environment
    measured = {name for name in os.environ if name.startswith("COVERAGE_")}
    kept = {name: value for name, value in clean_environment().items() if name not in measured}
    return kept | engine.at(_ENGINE).environment | {"HOME": tempfile.gettempdir()}


def as_user(user: int, engine: Running) -> list[str]:
    """Return what goes before a command of a user without rights and account, but of the group that an engine is for.

    The folders on the way to the harness and to the engine may be closed to all others than root.
    """
    if user == 0:
        return []
    script = opening() + _ENTERED.format(socket=engine.socket, place=_ENGINE)
    group = engine.socket.stat().st_gid
    script += f'exec setpriv --reuid {user} --regid {user} --groups {group},{GROUP} --no-new-privs "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "sh"]


def opening() -> str:
    """Return a script for a mount namespace that lets every user enter the folders of the harness and its Python."""
    return _SPACE + "".join(_OPENED.format(number=number, path=path) for number, path in enumerate(_closed_folders()))


@functools.cache
def _closed_folders() -> tuple[Path, ...]:
    """Return the folders on the way to the harness and its Python that others may not enter."""
    programs = (sys.prefix, sys.base_prefix, Path(sys.executable).resolve(), uv.find_uv_bin(), ROOT)
    folders = {parent for each in programs for parent in Path(each).parents}
    return tuple(sorted(each for each in folders if not each.stat().st_mode & 0o001))
