"""The worker is a real process; a folder plays the image."""

import contextlib
import errno
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.containers import manifest, protocol, worker
from harness.containers.manifest import Manifest
from harness.containers.protocol import Hello, Reply
from harness.core.blobs import Blob, Fetched, FetchedBlob
from harness.core.outcomes import Kind, Status
from harness.iree.toolchain import Toolchain
from harness.pipeline.step_results import CompileResult, FetchResult, Results, StepResult
from harness.pipeline.steps import Compile, Fetch, Link
from tests.patience import IN_PROCESS_S, comes_true
from tests.unit.samples import release

ENVIRONMENT = {"PYTHONPATH": str(Path(worker.__file__).parents[2])}
# Where an image has its files is fixed; this process has them elsewhere.
IN_ANOTHER_ROOT = """
import sys
from pathlib import Path
from harness.containers import manifest, worker
manifest.ROOT = Path(sys.argv.pop(1))
worker.main()
"""
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


def compilation(script: str, *links: Link) -> Compile:
    """Return a step whose compiler is a shell script."""
    argv = ("iree-compile", "-c", f"echo >statistics.json; {script}")
    return Compile(release="3.13.0", argv=argv, links=links, module="model.vmfb", products=("model.vmfb",))


def waits(pid: Path) -> bytes:
    """Return the request of a long step that writes its process id to a file."""
    step = compilation(f"echo $$ >{pid}.new; mv {pid}.new {pid}; sleep 60")
    return protocol.line(protocol.request(step, Results(), ()))


def is_gone(pid: Path) -> bool:
    return not Path(f"/proc/{pid.read_text().strip()}").exists()


@dataclass(frozen=True, kw_only=True)
class Running:
    root: Path
    child: "subprocess.Popen[bytes]"

    @property
    def log(self) -> str:
        return (self.root / "folder" / worker.LOG).read_text()

    @contextlib.contextmanager
    def called(self) -> Iterator[socket.socket]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            path = str(self.root / "folder" / worker.SOCKET)  # which is there a moment before anybody listens
            assert comes_true(lambda: connection.connect_ex(path) in {0, errno.EISCONN})
            yield connection

    def asked(self, line: bytes) -> bytes:
        with self.called() as connection, connection.makefile("rb") as file:
            connection.sendall(line)
            return file.readline()

    def done(self, step: Compile, results: Results | None = None) -> StepResult:
        answer = protocol.read(Reply, self.asked(protocol.line(protocol.request(step, results or Results(), ()))))
        return protocol.accepted(step, answer, [self.root / "store", self.root / "out"])


def argv(root: Path) -> list[str]:
    folders = (str(root / name) for name in ("", "folder", "store", "out"))
    return [sys.executable, "-c", IN_ANOTHER_ROOT, *folders, "30"]


@contextlib.contextmanager
def started(root: Path) -> Iterator[Running]:
    (root / "folder").mkdir()
    (root / manifest.NAME).write_text(manifest.text(ABOUT))
    with subprocess.Popen(argv(root), env=ENVIRONMENT) as child:
        try:
            assert comes_true((root / "folder" / worker.SOCKET).exists)
            yield Running(root=root, child=child)
        finally:
            child.kill()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with started(tmp_path_factory.mktemp("w")) as running, running.called() as first, first.makefile("rb") as file:
        hello: Hello = protocol.read(Hello, file.readline())
        assert hello.manifest == ABOUT
        yield running


def test_a_step_that_is_done(running: Running) -> None:
    (running.root / "blob").write_text("a program")
    blob = Blob(url="https://host/model.mlir")
    had = Fetched(path=running.root / "blob", blob=FetchedBlob(url=blob.url, sha256="ab", bytes=9), seconds=0)
    step = compilation("cat model.mlir >model.vmfb; echo done", Link(name="model.mlir", blob=blob))
    results = Results({Fetch(blob=blob): FetchResult(fetched=had)})
    done = running.done(step, results)
    assert done.verdict is None
    assert isinstance(done, CompileResult)
    assert (done.folder / "model.vmfb").read_text() == "a program"
    assert done.log_path
    assert done.log_path.read_text() == "done\n"
    again = running.done(step, results)
    assert isinstance(again, CompileResult)
    assert again.module.cached


def test_a_step_that_fails(running: Running) -> None:
    done = running.done(compilation("echo 'model.mlir:1:1: error: no' >&2; exit 1"))
    assert done.verdict
    assert (done.verdict.status, done.verdict.kind) == (Status.FAILED, Kind.COMPILE)
    assert "error: no" in done.log_tail
    assert done.log_path
    assert done.log_path.is_relative_to(running.root / "out")


def test_steps_at_the_same_time(running: Running) -> None:
    place = running.root / "meeting"
    place.mkdir()
    meets = "echo >model.vmfb; touch {place}/{me}; while [ ! -e {place}/{other} ]; do sleep 0.01; done"
    scripts = [meets.format(place=place, me=me, other=other) for me, other in (("a", "b"), ("b", "a"))]
    with running.called() as connection, connection.makefile("rb") as file:
        connection.sendall(protocol.line(protocol.request(compilation(scripts[0]), Results(), ())))
        assert running.done(compilation(scripts[1])).verdict is None
        assert protocol.read(Reply, file.readline()).result.verdict is None


def test_who_hangs_up_stops_the_step(running: Running) -> None:
    pid = running.root / "pid"
    with running.called() as connection:
        connection.sendall(waits(pid))
        assert comes_true(pid.exists)
    assert comes_true(lambda: is_gone(pid))
    assert running.done(compilation("echo next >model.vmfb")).verdict is None


@pytest.mark.parametrize(
    "line",
    [b"hello\n", b"", b"[" * 50_000 + b"\n", b'{"step": {"type": "Path"}}\n', protocol.line(Hello(manifest=ABOUT))],
)
def test_what_is_no_request_ends_that_connection_alone(running: Running, line: bytes) -> None:
    with running.called() as connection, connection.makefile("rb") as file:
        connection.sendall(line)
        connection.shutdown(socket.SHUT_WR)
        assert file.read() == b""
    assert comes_true(lambda: "Cannot read a Request message: " in running.log)
    assert running.done(compilation(f"echo {len(line)} >model.vmfb")).verdict is None


def test_a_step_that_raises_what_nobody_expects_ends_that_connection(running: Running) -> None:
    unknown = Link(name="model.mlir", blob=Blob(url="https://host/unknown"))
    line = protocol.line(protocol.Request(step=compilation("", unknown), needs=(), gpus=()))
    with running.called() as connection, connection.makefile("rb") as file:
        connection.settimeout(0.5)
        connection.sendall(line)
        assert file.readline() == b""
    assert comes_true(lambda: "ValueError" in running.log)


def test_it_goes_when_the_harness_does_and_takes_its_tools_along(tmp_path: Path) -> None:
    with started(tmp_path) as running, running.called() as first, running.called() as second:
        assert first.recv(1 << 20).startswith(b'{"manifest": {"image"')
        second.sendall(waits(tmp_path / "pid"))
        assert comes_true((tmp_path / "pid").exists)
        first.close()
        assert running.child.wait(IN_PROCESS_S) == 0
        assert comes_true(lambda: is_gone(tmp_path / "pid"))
