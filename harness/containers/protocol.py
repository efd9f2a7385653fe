"""Messages between the harness and the worker in a container, which cross with descriptors of open files.

    harness  --Order-->  worker      a tool to run, and the files that it may read
    harness  <--Reply--  worker      how it ended, its log, and the files that it wrote

No path crosses: the harness opens what goes in, the worker opens what comes out, and each reads by descriptor what the
other opened. A message is a header with the length of its text and the number of its descriptors, a line of JSON, and
the descriptors. While a tool runs the worker sends empty headers, so that a container that stands still is noticed.
"""

import contextlib
import json
import os
import socket  # noqa: TID251 - on this machine, not a network
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from harness.containers.manifest import Manifest
from harness.core import records, strict_json
from harness.core.errors import EngineError
from harness.core.floats import Number
from harness.core.values import frozen
from harness.host.emulators import Emulator
from harness.host.process import ProcessResult

_HEADER = struct.Struct("!II")
_LONGEST_BYTES = 64 << 20
_MOST_DESCRIPTORS = 4096
_AT_ONCE = 128  # Linux takes up to 253: SCM_MAX_FD
_BEAT = _HEADER.pack(0, 0)


@frozen
class Hello:
    """The first message of a worker.

    Attributes:
        manifest: the manifest of its image.
        python: the path of the Python that runs it.
        python_version: such as `3.12`.
        emulators: the emulators of AMD GPUs in its image.
    """

    manifest: Manifest
    python: str
    python_version: str
    emulators: tuple[Emulator, ...] = ()


@frozen
class Order:
    """A tool to run. Its descriptors are those of the files that it may read.

    Attributes:
        argv: the command line, with paths in the image.
        reads: the plain name of each file, and whether the tool's user may open it itself. Others are copied for it.
        writes: the plain names of the files to take out.
        timeout_s: limit in seconds.
        variables: environment variables for the tool.
        cores: the cores that it may use; none for all.
    """

    argv: tuple[str, ...]
    reads: tuple[tuple[str, bool], ...]
    writes: tuple[str, ...]
    timeout_s: Number
    variables: Mapping[str, str]
    cores: tuple[int, ...] = ()


@frozen
class Reply:
    """How a tool ended. Its descriptors are those of the log and of the files that the tool wrote.

    Attributes:
        process: how it ended; None if it was not started.
        free_bytes: free space of the disk that it wrote to.
        files: the names of the files, of those that were asked for.
        error: why it was not started.
        no_space: whether the worker stopped it because the disk was full.
    """

    process: ProcessResult | None = None
    free_bytes: int = 0
    files: tuple[str, ...] = ()
    error: str = ""
    no_space: bool = False


_Message = TypeVar("_Message", Hello, Order, Reply)


class LostError(Exception):
    """The other side ended the connection."""


def send(connection: socket.socket, message: Hello | Order | Reply, descriptors: Sequence[int] = ()) -> None:
    """Send a message and descriptors, which stay open on this side."""
    text = json.dumps(records.as_json(message)).encode()
    connection.sendall(_HEADER.pack(len(text), len(descriptors)) + text)
    for start in range(0, len(descriptors), _AT_ONCE):
        socket.send_fds(connection, [b"."], descriptors[start : start + _AT_ONCE])


def beat(connection: socket.socket) -> None:
    """Tell the other side that this one still works."""
    connection.sendall(_BEAT)


@contextlib.contextmanager
def received(
    connection: socket.socket, kind: type[_Message], *, within_s: float | None = None
) -> Iterator[tuple[_Message, tuple[int, ...]]]:
    """Receive a message and its descriptors, which are closed on the way out.

    Args:
        connection: the connection; its timeout is the longest time without a beat.
        kind: the type of the message.
        within_s: the longest time for the message in all, in seconds.

    Raises:
        EngineError: it is not a message of this kind.
        LostError: the connection ended.
        OSError: the connection failed; TimeoutError if there was no beat, or no message, in time.
    """
    deadline = None if within_s is None else time.monotonic() + within_s
    while (header := _exactly(connection, _HEADER.size)) == _BEAT:
        if deadline is not None and time.monotonic() > deadline:
            raise TimeoutError("no answer in time")
    length, count = _HEADER.unpack(header)
    if length > _LONGEST_BYTES or count > _MOST_DESCRIPTORS:
        raise EngineError(f"A {kind.__name__} message is too long: {length} bytes and {count} files.")
    text = _exactly(connection, length)
    descriptors: list[int] = []
    try:
        while len(descriptors) < count:
            descriptors += _received_descriptors(connection)
        yield read(kind, text), tuple(descriptors)
    finally:
        for each in descriptors:
            os.close(each)


def read(kind: type[_Message], text: bytes) -> _Message:
    """Parse the text of a message.

    Raises:
        EngineError: the text is not a message of this kind.
    """
    try:
        return records.read(kind, strict_json.loads(text))
    except ValueError as error:
        raise EngineError(f"Cannot read a {kind.__name__} message: {error}.") from error


def _received_descriptors(connection: socket.socket) -> list[int]:
    data, found, flags, _ = socket.recv_fds(connection, 1, _AT_ONCE)
    for each in found:
        os.set_inheritable(each, False)  # noqa: FBT003 - recv_fds ignores MSG_CMSG_CLOEXEC
    if not data or not found or flags & socket.MSG_CTRUNC:
        raise LostError
    return found


def _exactly(connection: socket.socket, length: int) -> bytes:
    parts = []
    while length:
        if not (part := connection.recv(min(length, 1 << 16))):
            raise LostError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def hand_over(connection: socket.socket, descriptor: int) -> None:
    """Send a descriptor alone."""
    socket.send_fds(connection, [b"."], [descriptor])


def handed_over(connection: socket.socket) -> int | None:
    """Receive a descriptor that was sent alone; None if the connection has ended."""
    _, found, _, _ = socket.recv_fds(connection, 1, 1)
    return next(iter(found), None)
