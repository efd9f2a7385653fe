"""The worker as a process of this machine, with the rights that it has in a container; a folder plays the image."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.containers import manifest, protocol, worker
from harness.containers.container_tools import ContainerTools
from harness.containers.manifest import Manifest
from harness.containers.protocol import Hello
from harness.core.errors import DiskError, ToolError
from harness.host.cancel import CancelToken
from harness.iree.toolchain import Toolchain
from harness.pipeline.tools import ToolEnd, ToolRun
from tests.integration.dock import opening
from tests.patience import IN_PROCESS_S, comes_true
from tests.unit.samples import release

# Where an image has its files is fixed; this process has them elsewhere.
IN_ANOTHER_ROOT = """
import sys
from pathlib import Path
from harness.containers import manifest, worker
root = Path(sys.argv.pop(1))
manifest.ROOT, worker.WORK = root, root / "work"
worker.main()
"""
RIGHTS = 'exec setpriv --inh-caps=-all --bounding-set=-all,+setuid,+setgid,+setpcap "$@"'
TOOLS = Toolchain(
    release=release("3.13.0"),
    iree_compile=Path("/bin/sh"),
    iree_run_module=Path("/bin/echo"),
    iree_dump_module=Path("/bin/echo"),
    compiler_commit="a" * 40,
    runtime_commit=None,
    build="build",
    runtime_build="runtime",
)
ABOUT = Manifest(
    image="cpu",
    tag="cpu-3.13.0-0123456789ab",
    inputs="0123456789ab",
    frame="456789ab",
    base="name:tag@sha256:ab",
    requirements="cd",
    harness="0.1.0+ef",
    toolchain=TOOLS,
    hip=None,
)


@dataclass(frozen=True, kw_only=True)
class Running:
    """A worker, and what its harness knows."""

    root: Path
    child: "subprocess.Popen[bytes]"
    connection: socket.socket
    discarded: list[bool] = field(default_factory=list)

    @property
    def log(self) -> str:
        """What the worker has logged."""
        return (self.root / worker.LOG).read_text()

    def ran(self, script: str, cancel: CancelToken | None = None, **changes: Any) -> ToolEnd:
        """Run a shell script as a tool."""
        folder = self.root / "taken"
        folder.mkdir(exist_ok=True)
        usual: dict[str, Any] = {"argv": ("/bin/sh", "-c", script), "timeout_s": 30.0}
        asked = ToolRun(folder=folder, log_path=self.root / "tool.log", **(usual | changes))
        (self.root / "tool.log").unlink(missing_ok=True)
        tools = ContainerTools(
            connection=self.connection, worker_log=lambda: self.log, discard=lambda: self.discarded.append(True)
        )
        return tools.run(asked, cancel or CancelToken())

    @property
    def said(self) -> str:
        """What the last tool printed."""
        return (self.root / "tool.log").read_text()

    def taken(self, name: str) -> str:
        """Return a file that the last tool wrote."""
        return (self.root / "taken" / name).read_text()


@contextlib.contextmanager
def memory_disk(place: Path, size_bytes: int) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextlib.contextmanager
def started(*, work_bytes: int = 0) -> Iterator[Running]:
    """Start a worker; with a size, its tools have a disk of their own."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        root = Path(name)
        root.chmod(0o755)
        (root / manifest.NAME).write_text(manifest.text(ABOUT))
        for folder in ("work", "hidden"):
            (root / folder).mkdir()
        (root / worker.LOG).touch()
        disk = memory_disk(root / "work", work_bytes) if work_bytes else contextlib.nullcontext()
        with disk, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(root / worker.SOCKET))
            listener.listen(1)
            listener.settimeout(IN_PROCESS_S)
            hidden = f"mount -t tmpfs tmpfs {root / 'hidden'} && "  # as an image lacks what this machine has
            within = [
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "sh",
                "-c",
                opening() + hidden + RIGHTS,
                "sh",
            ]
            argv = [*within, sys.executable, "-c", IN_ANOTHER_ROOT, str(root), str(root)]
            inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
            env = {**inherited, "PYTHONPATH": str(Path(worker.__file__).parents[2])}
            with subprocess.Popen(argv, cwd="/", env=env) as child:
                try:
                    connection, _ = listener.accept()
                    with connection:
                        connection.settimeout(IN_PROCESS_S)
                        with protocol.received(connection, Hello) as (hello, _):
                            assert hello.manifest == ABOUT
                        yield Running(root=root, child=child, connection=connection)
                finally:
                    child.kill()


@pytest.fixture(scope="module")
def running(able_to_start_containers: None) -> Iterator[Running]:  # noqa: ARG001 - without root there is none
    with started() as running:
        yield running


def test_a_tool_that_is_done(running: Running) -> None:
    (running.root / "a").write_text("an input")
    script = "cat in.txt >out.txt; echo said; exit 3"
    end = running.ran(script, reads={"in.txt": running.root / "a"}, writes=("out.txt",))
    assert (end.process.exit_code, running.taken("out.txt"), running.said) == (3, "an input", "said\n")
    assert end.free_bytes > 0
    assert comes_true(lambda: list((running.root / "work").iterdir()) == [])


def test_a_file_that_only_its_owner_may_read_is_copied(running: Running) -> None:
    (running.root / "secret").write_text("mine")
    (running.root / "secret").chmod(0o600)
    running.ran("readlink in.txt || cat in.txt", reads={"in.txt": running.root / "secret"})
    assert running.said == "mine"


def test_a_program_of_the_user_comes_along(running: Running) -> None:
    wrapper = running.root / "hidden" / "wrap"
    wrapper.write_text('#!/bin/sh\necho wrapped "$@"\n')
    wrapper.chmod(0o755)
    running.ran("", argv=(str(wrapper), "--x"))
    assert running.said == "wrapped --x\n"


def test_tools_are_different_users_without_rights(running: Running) -> None:
    seen = []
    for _ in range(2):
        running.ran("id -u; grep CapBnd /proc/self/status")
        seen.append(running.said.split())
    assert seen[0][0] != seen[1][0]
    assert {each[2] for each in seen} == {"0000000000000000"}


def test_its_temporary_folder_is_its_own(running: Running) -> None:
    running.ran('mkdir -m 700 "$TMPDIR/deep"; touch "$TMPDIR/deep/file" "$HOME/home"; pwd; ls')
    assert {"home", "tmp"} <= set(running.said.split())
    assert comes_true(lambda: list((running.root / "work").iterdir()) == [])


@pytest.mark.parametrize("made", ["ln -s /etc/passwd out", "mkfifo out", "mkdir out", "true"])
def test_only_a_regular_file_is_taken(running: Running, made: str) -> None:
    assert running.ran(made, writes=("out",)).process.exit_code == 0
    assert not (running.root / "taken" / "out").exists()


def test_tools_at_the_same_time(running: Running) -> None:
    """Two tools meet in a folder that both may enter."""
    place = running.root / "meeting"
    place.mkdir()
    place.chmod(0o777)
    meets = "touch {place}/{me}; while [ ! -e {place}/{other} ]; do sleep 0.01; done"
    first = threading.Thread(target=running.ran, args=(meets.format(place=place, me="a", other="b"),))
    first.start()
    running.ran(meets.format(place=place, me="b", other="a"))
    first.join()


def sleeping(*seconds: bytes) -> list[bytes]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            found += [each for each in seconds if words[:2] == [b"sleep", each]]
    return found


def test_a_tool_that_does_not_start(running: Running) -> None:
    with pytest.raises(ToolError, match="Cannot start no-such-tool"):
        running.ran("", argv=("no-such-tool",))


@pytest.mark.usefixtures("able_to_start_containers")
def test_a_full_disk_stops_the_tool() -> None:
    with started(work_bytes=80 << 20) as running, pytest.raises(DiskError, match="No space left"):
        running.ran("head -c 60000000 /dev/zero >big; sleep 1184")
    assert not sleeping(b"1184")


def test_what_is_no_order_ends_that_connection_alone(running: Running) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            protocol.hand_over(running.connection, theirs.fileno())
        ours.sendall(b"\0\0\0\5\0\0\0\0hello")
        assert ours.recv(1) == b""
    assert comes_true(lambda: "Cannot read a Order message" in running.log)
    assert running.ran("exit 4").process.exit_code == 4


@pytest.mark.usefixtures("able_to_start_containers")
def test_it_goes_when_the_harness_does() -> None:
    with started() as running:
        running.connection.close()
        assert running.child.wait(IN_PROCESS_S) == 0
