"""Runs tools in a container. Files go in and come out as descriptors; everything that comes out is checked here."""

import contextlib
import os
import socket  # noqa: TID251 - on this machine, not a network
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import IO

from harness.containers import protocol, worker
from harness.containers.protocol import LostError, Order, Reply
from harness.core.errors import DiskError, EngineError, ToolError
from harness.core.values import frozen
from harness.host import process
from harness.host.beneath import Folder
from harness.host.cancel import Cancelled, CancelToken
from harness.host.disk import disk_errors, free_bytes
from harness.pipeline.tools import ToolEnd, ToolRun

_BEATS_WITHIN_S = 30.0  # a worker beats every second
_GRACE_S = 120.0  # for what a worker does beside running a tool
_LEAST_FREE_BYTES = 64 << 20
_LOG_BYTES = 64 << 20  # the most that is kept of the beginning of a log, and of its end
_CHUNK_BYTES = 1 << 20


@frozen
class ContainerTools:
    """Runs tools in a container.

    Attributes:
        connection: to the worker in it; each tool has another, of which the worker gets one end.
        worker_log: returns a sentence with the end of the worker's log.
        discard: removes the container.
        timeout_s: the longest time without a sign of life from the worker.
    """

    connection: socket.socket
    worker_log: Callable[[], str]
    discard: Callable[[], object]
    timeout_s: float = _BEATS_WITHIN_S
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, asked: ToolRun, cancel: CancelToken) -> ToolEnd:
        """Run a tool as a user of its own; see `Tools.run`.

        Raises:
            EngineError: the container has ended or does not answer, or what came out is no file.
        """
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as after:
            after.enter_context(ours)
            after.enter_context(self._errors(cancel))
            reads = {**asked.reads, **_wrapper(asked.argv[0])}
            files = [after.enter_context(_opened(path)) for path in reads.values()]
            with theirs, self.lock:
                protocol.hand_over(self.connection, theirs.fileno())
            ours.settimeout(self.timeout_s)
            after.enter_context(cancel.calling(lambda: _hang_up(ours)))
            protocol.send(ours, _order(asked, reads, files), files)
            answer = protocol.received(ours, Reply, within_s=asked.timeout_s + _GRACE_S)
            reply, descriptors = after.enter_context(answer)
            return _taken(asked, reply, descriptors)

    @contextlib.contextmanager
    def _errors(self, cancel: CancelToken) -> Iterator[None]:
        """Say of a connection that fails what that means."""
        try:
            yield
        except TimeoutError as error:
            self.discard()
            raise EngineError(
                f"The container gave no sign of life for {self.timeout_s:.0f} s, so it was removed; "
                "check whether it was paused, or the machine overloaded."
            ) from error
        except (ConnectionError, LostError) as error:
            if cancel.is_set():
                raise Cancelled from error
            raise EngineError(
                f"The container has ended; check whether the engine still runs. {self.worker_log()}"
            ) from error


def _wrapper(program: str) -> Mapping[str, Path]:
    """Return the program of a command line as a file to read, if it is one of this machine."""
    return {worker.WRAPPER: Path(program)} if "/" in program and Path(program).is_file() else {}


def _order(asked: ToolRun, reads: Iterable[str], files: Sequence[int]) -> Order:
    return Order(
        argv=asked.argv,
        reads=tuple(zip(reads, map(_is_open_to_all, files), strict=True)),
        writes=asked.writes,
        timeout_s=asked.timeout_s,
        variables=asked.variables,
        cores=asked.cores,
    )


def _is_open_to_all(descriptor: int) -> bool:
    return bool(os.fstat(descriptor).st_mode & stat.S_IROTH)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _hang_up(connection: socket.socket) -> None:
    """End a connection, if it has not ended."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _taken(asked: ToolRun, reply: Reply, descriptors: Sequence[int]) -> ToolEnd:
    """Copy what came out, and return how the tool ended."""
    names = reply.files
    if len(descriptors) != 1 + len(names) or not set(names) <= set(asked.writes):
        raise EngineError(f"The container returned {len(descriptors)} files, {', '.join(names)}; use another image.")
    log, *files = descriptors
    with disk_errors(asked.folder):
        _copy_log(log, asked.log_path)
        for name, descriptor in zip(names, files, strict=True):
            _copy(descriptor, asked.folder / name)
    if reply.no_space:
        raise DiskError(f"The container stopped the tool: {process.NO_SPACE}. Free disk space for the engine.")
    if reply.process is None:
        raise ToolError(reply.error)
    return ToolEnd(process=reply.process, free_bytes=reply.free_bytes)


def _copy(descriptor: int, to: Path) -> None:
    """Copy a regular file, for which there is space."""
    size_bytes = _size(descriptor, to.name)
    if size_bytes + _LEAST_FREE_BYTES > free_bytes(to.parent):
        raise DiskError(f"Cannot write {to} of {size_bytes} bytes: {process.NO_SPACE}. Free disk space.")
    with Folder(to.parent).new(to) as target:
        _append(descriptor, target, 0, size_bytes)


def _copy_log(descriptor: int, to: Path) -> None:
    """Append a log to another; of a very long one only the beginning and the end."""
    size_bytes = _size(descriptor, "the log")
    with Folder(to.parent).appended(to) as target:
        if size_bytes <= 2 * _LOG_BYTES:
            _append(descriptor, target, 0, size_bytes)
            return
        _append(descriptor, target, 0, _LOG_BYTES)
        target.write(f"\n... {size_bytes - 2 * _LOG_BYTES} bytes are left out ...\n".encode())
        _append(descriptor, target, size_bytes - _LOG_BYTES, _LOG_BYTES)


def _size(descriptor: int, name: str) -> int:
    """Return the size of a regular file."""
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode):
        raise EngineError(f"The container returned something that is no file for {name}.")
    return state.st_size


def _append(descriptor: int, target: IO[bytes], start: int, length: int) -> None:
    while length and (chunk := os.pread(descriptor, min(length, _CHUNK_BYTES), start)):
        target.write(chunk)
        start += len(chunk)
        length -= len(chunk)
