"""Asks the disk, turns what it says into advice, and writes text so that nobody sees a part of it."""

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.core.errors import DiskError

_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_DISK_ERRORS |= {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
_DISK_ERRORS |= {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}  # a file system without locks


_BLOCK_BYTES = 512  # the unit of st_blocks, whatever the file system's own is: stat(3type)


def nearest(folder: Path) -> Path:
    """Return the folder, or the one above it in which it would be made."""
    return next(each for each in (folder, *folder.absolute().parents) if each.exists())


def free_bytes(folder: Path) -> int:
    """Return what is free for a folder, which need not be there."""
    return shutil.disk_usage(nearest(folder)).free


def allocated_bytes(state: os.stat_result) -> int:
    """Return what a file takes on the disk, which is less than its size if it has holes."""
    return state.st_blocks * _BLOCK_BYTES


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors about space and rights into a DiskError that names the file."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        place = error.filename or path
        raise DiskError(
            f"{place}: cannot be written ({error.strerror}); "
            "free some space, or name another folder with --store or --out."
        ) from error


def write_all(texts: Mapping[Path, str]) -> None:
    """Write text files, each as `write_atomically` does, and the folders that they lie in.

    Raises:
        DiskError: no space is left, or one cannot be written.
    """
    for path, text in texts.items():
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text)


def write_atomically(path: Path, text: str) -> None:
    """Write a text file so that no reader ever sees a part of it, and two writers not each other's."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
