"""The door to files that others wrote: it opens regular files only, never waits, and reads at most so many bytes."""

import mmap
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from harness.core.text import size

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_SPECIAL = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class UnreadableError(ValueError):
    """A file is not a regular one, or has too many bytes."""


def opened(path: Path) -> BinaryIO:
    """Open a regular file for reading; a link may lead to it.

    Raises:
        UnreadableError: it is something else, such as a FIFO, which may never have a byte or never end.
        OSError: it cannot be opened.
        ValueError: the path has a NUL or half of a surrogate pair.
    """
    descriptor, _ = _opened(path)
    return os.fdopen(descriptor, "rb")


def read(path: Path, limit_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        UnreadableError: it is something else, or has more than `limit_bytes`.
        OSError: it cannot be read.
        ValueError: the path has a NUL or half of a surrogate pair.
    """
    descriptor, bytes_ = _opened(path)
    try:
        pieces = list(_pieces(descriptor, limit_bytes, bytes_))
    finally:
        os.close(descriptor)
    return b"".join(pieces)


def contains(path: Path, text: bytes) -> bool:
    """Whether a file contains a text; it may be larger than the memory."""
    with opened(path) as file:
        if not os.fstat(file.fileno()).st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            return mapped.find(text) >= 0


def content(file: BinaryIO, limit_bytes: int) -> bytes:
    """Return the content of an open file. Raises UnreadableError if it has more than `limit_bytes`."""
    found = file.read(limit_bytes + 1) or b""
    if len(found) > limit_bytes:
        raise UnreadableError(f"it has more than {size(limit_bytes)}")
    return found


def reason(error: Exception) -> str:
    """Return why a file cannot be read, without its name."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _opened(path: Path) -> tuple[int, int]:
    """Return the descriptor of a regular file, and its size in bytes so far."""
    _check(path.stat())  # before it is opened, because some devices do something when they are
    descriptor = os.open(path, _FLAGS)
    try:
        return descriptor, _check(os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise


def _pieces(descriptor: int, limit_bytes: int, bytes_: int) -> Iterator[bytes]:
    """Yield the content of a file: most often all of it at once, since its size is known."""
    left = limit_bytes
    while piece := os.read(descriptor, min(left, bytes_) + 1):
        left -= len(piece)
        if left < 0:
            raise UnreadableError(f"it has more than {size(limit_bytes)}")
        yield piece


def _check(state: os.stat_result) -> int:
    """Return the size in bytes of a regular file."""
    if not stat.S_ISREG(state.st_mode):
        kind = _SPECIAL.get(stat.S_IFMT(state.st_mode), "a special file")
        raise UnreadableError(f"it is {kind}; expected a regular file")
    return state.st_size
