"""The side of the wall that trusts nothing: what comes out of a container, from a worker that the tests play."""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.containers import container_tools, protocol
from harness.containers.container_tools import ContainerTools
from harness.containers.protocol import Order, Reply
from harness.core.errors import DiskError, EngineError, ToolError
from harness.host.cancel import Cancelled, CancelToken
from harness.host.process import ProcessResult
from harness.pipeline.tools import ToolRun

ENDED = ProcessResult(exit_code=0, signal=None, timed_out=False, seconds=1.0, cpu_seconds=1.0, peak_memory_bytes=1)
Serve = Callable[[socket.socket], None]


class Worker:
    """A container whose worker does what a test says."""

    def __init__(self, timeout_s: float = 10.0) -> None:
        self._ours, self._theirs = socket.socketpair()
        self.discarded: list[bool] = []
        self.tools = ContainerTools(
            connection=self._ours,
            worker_log=lambda: "Its log: empty",
            discard=lambda: self.discarded.append(True),
            timeout_s=timeout_s,
        )

    def serving(self, serve: Serve) -> None:
        """Serve the next tool, in a thread."""

        def work() -> None:
            descriptor = protocol.handed_over(self._theirs)
            assert descriptor is not None
            with socket.socket(fileno=descriptor) as connection:
                serve(connection)

        threading.Thread(target=work, daemon=True).start()

    def close(self) -> None:
        """End the worker."""
        self._theirs.close()
        self._ours.close()


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.close()


def asked(root: Path, **changes: Any) -> ToolRun:
    (root / "folder").mkdir(exist_ok=True)
    fields: dict[str, Any] = {"argv": ("tool",), "folder": root / "folder", "log_path": root / "log", "timeout_s": 30.0}
    return ToolRun(**(fields | changes))


def replying(reply: Reply, *files: int) -> Serve:
    """Return what reads an order and replies to it with files."""

    def serve(connection: socket.socket) -> None:
        with protocol.received(connection, Order):
            protocol.send(connection, reply, files)

    return serve


def opened(path: Path, content: bytes = b"") -> int:
    path.write_bytes(content)
    return os.open(path, os.O_RDONLY)


def test_what_comes_out_is_copied(tmp_path: Path, worker: Worker) -> None:
    files = opened(tmp_path / "l", b"said"), opened(tmp_path / "o", b"made")
    worker.serving(replying(Reply(process=ENDED, free_bytes=7, files=("0.bin",)), *files))
    end = worker.tools.run(asked(tmp_path, writes=("0.bin", "1.bin")), CancelToken())
    assert (end.process, end.free_bytes) == (ENDED, 7)
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["0.bin"]
    assert (tmp_path / "folder/0.bin").read_bytes() == b"made"
    assert (tmp_path / "log").read_text() == "said"


def test_what_a_tool_reads_goes_in_by_descriptor(tmp_path: Path, worker: Worker) -> None:
    (tmp_path / "secret").write_text("0600")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "open").write_text("0644")
    (tmp_path / "open").chmod(0o644)
    seen: list[Any] = []
    log = opened(tmp_path / "l")

    def serve(connection: socket.socket) -> None:
        with protocol.received(connection, Order) as (order, files):
            seen.append((order.argv, order.reads, [os.pread(each, 9, 0) for each in files]))
            protocol.send(connection, Reply(process=ENDED), [log])

    worker.serving(serve)
    worker.tools.run(asked(tmp_path, reads={"a": tmp_path / "secret", "b": tmp_path / "open"}), CancelToken())
    assert seen == [(("tool",), (("a", False), ("b", True)), [b"0600", b"0644"])]


def link(root: Path) -> None:
    (root / "folder/0.bin").symlink_to(root / "precious")


def test_nothing_is_written_through_a_link(tmp_path: Path, worker: Worker) -> None:
    (tmp_path / "precious").write_text("precious")
    wanted = asked(tmp_path, writes=("0.bin",))
    link(tmp_path)
    worker.serving(
        replying(Reply(process=ENDED, files=("0.bin",)), opened(tmp_path / "l"), opened(tmp_path / "o", b"x"))
    )
    worker.tools.run(wanted, CancelToken())
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (tmp_path / "folder/0.bin").is_symlink()


def special(root: Path, kind: str) -> int:
    match kind:
        case "folder":
            return os.open(root, os.O_RDONLY)
        case "pipe":
            return os.pipe()[0]
        case "fifo":
            os.mkfifo(root / "fifo")
            return os.open(root / "fifo", os.O_RDONLY | os.O_NONBLOCK)
        case "device":
            return os.open("/dev/zero", os.O_RDONLY)
        case _:
            return socket.socket(socket.AF_UNIX).detach()


@pytest.mark.parametrize("kind", ["folder", "pipe", "fifo", "device", "socket"])
@pytest.mark.parametrize("place", ["log", "output"])
def test_only_regular_files_are_taken(tmp_path: Path, worker: Worker, kind: str, place: str) -> None:
    good, bad = opened(tmp_path / "l", b"x"), special(tmp_path, kind)
    files = (bad, good) if place == "log" else (good, bad)
    worker.serving(replying(Reply(process=ENDED, files=("0.bin",)), *files))
    with pytest.raises(EngineError, match="is no file"):
        worker.tools.run(asked(tmp_path, writes=("0.bin",)), CancelToken())
    assert list((tmp_path / "folder").iterdir()) == []


@pytest.mark.parametrize(
    ("names", "count"), [(("../x",), 1), (("0.bin", "1.bin"), 2), (("0.bin",), 2), (("0.bin",), 0), ((), 1)]
)
def test_only_files_that_were_asked_for_are_taken(
    tmp_path: Path, worker: Worker, names: Sequence[str], count: int
) -> None:
    files = [opened(tmp_path / str(index)) for index in range(count + 1)]
    worker.serving(replying(Reply(process=ENDED, files=tuple(names)), *files))
    with pytest.raises(EngineError, match=r"The container returned \d files"):
        worker.tools.run(asked(tmp_path, writes=("0.bin",)), CancelToken())
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_reply_without_even_a_log(tmp_path: Path, worker: Worker) -> None:
    worker.serving(replying(Reply(process=ENDED)))
    with pytest.raises(EngineError, match="The container returned"):
        worker.tools.run(asked(tmp_path), CancelToken())


def test_a_file_larger_than_the_disk_is_that_case_alone(tmp_path: Path, worker: Worker) -> None:
    huge = os.open(tmp_path / "huge", os.O_RDWR | os.O_CREAT)
    os.truncate(huge, 1 << 42)
    worker.serving(replying(Reply(process=ENDED, files=("0.bin",)), opened(tmp_path / "l"), huge))
    with pytest.raises(DiskError, match="No space left"):
        worker.tools.run(asked(tmp_path, writes=("0.bin",)), CancelToken())
    assert list((tmp_path / "folder").iterdir()) == []


def test_the_middle_of_a_very_long_log_is_left_out(
    tmp_path: Path, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_tools, "_LOG_BYTES", 10)
    worker.serving(replying(Reply(process=ENDED), opened(tmp_path / "l", b"a" * 10 + b"b" * 80 + b"c" * 10)))
    worker.tools.run(asked(tmp_path), CancelToken())
    assert (tmp_path / "log").read_bytes() == b"a" * 10 + b"\n... 80 bytes are left out ...\n" + b"c" * 10


def test_a_tool_that_does_not_start(tmp_path: Path, worker: Worker) -> None:
    worker.serving(replying(Reply(error="Cannot start it."), opened(tmp_path / "l")))
    with pytest.raises(ToolError, match="Cannot start it"):
        worker.tools.run(asked(tmp_path), CancelToken())


def test_a_full_disk_in_the_container(tmp_path: Path, worker: Worker) -> None:
    worker.serving(replying(Reply(no_space=True), opened(tmp_path / "l")))
    with pytest.raises(DiskError, match="No space left"):
        worker.tools.run(asked(tmp_path), CancelToken())


def test_a_container_that_stands_still_is_removed(tmp_path: Path) -> None:
    frozen = Worker(timeout_s=0.1)
    go_on = threading.Event()

    def stand_still(_: socket.socket) -> None:
        go_on.wait(10)

    frozen.serving(stand_still)
    with pytest.raises(EngineError, match="no sign of life for 0 s, so it was removed"):
        frozen.tools.run(asked(tmp_path), CancelToken())
    assert frozen.discarded
    go_on.set()
    frozen.close()


def test_a_tool_that_never_ends_is_late_although_the_worker_lives(
    tmp_path: Path, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_tools, "_GRACE_S", 0.05)
    ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        while not ended.wait(0.01):
            protocol.beat(connection)

    worker.serving(serve)
    with pytest.raises(EngineError, match="so it was removed"):
        worker.tools.run(asked(tmp_path, timeout_s=0.05), CancelToken())
    ended.set()


@pytest.mark.parametrize("serve", [lambda _: None, lambda each: each.sendall(b"\0\0")], ids=["nothing", "half a reply"])
def test_a_container_that_ends(tmp_path: Path, worker: Worker, serve: Serve) -> None:
    worker.serving(serve)
    with pytest.raises(EngineError, match=r"^The container has ended.*Its log: empty$"):
        worker.tools.run(asked(tmp_path), CancelToken())


def test_an_order_to_stop_ends_the_wait(tmp_path: Path, worker: Worker) -> None:
    cancel = CancelToken()

    def serve(connection: socket.socket) -> None:
        with protocol.received(connection, Order):
            cancel.set()
            assert connection.recv(1) == b""

    worker.serving(serve)
    with pytest.raises(Cancelled):
        worker.tools.run(asked(tmp_path), cancel)
