"""The door to files that others wrote: it opens regular files only, never waits, and reads at most so many bytes."""

import mmap
import os
import stat
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
    _check(path.stat())  # before it is opened, because some devices do something when they are
    file = os.fdopen(os.open(path, _FLAGS), "rb")
    try:
        _check(os.fstat(file.fileno()))
    except BaseException:
        file.close()
        raise
    return file


def read(path: Path, limit_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        UnreadableError: it is something else, or has more than `limit_bytes`.
        OSError: it cannot be read.
        ValueError: the path has a NUL or half of a surrogate pair.
    """
    with opened(path) as file:
        return content(file, limit_bytes)


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


def _check(state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        kind = _SPECIAL.get(stat.S_IFMT(state.st_mode), "a special file")
        raise UnreadableError(f"it is {kind}; expected a regular file")
