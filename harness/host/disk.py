"""Disk space, DiskError for what the system reports, and text files that are written atomically."""

import contextlib
import errno
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.core.errors import DiskError
from harness.host.beneath import Folder

_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_DISK_ERRORS |= {errno.EACCES, errno.EPERM, errno.EROFS}
_DISK_ERRORS |= {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP}
_DISK_ERRORS |= {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}  # a file system without locks
_REMOVED = {errno.ENOENT, errno.ESTALE}

_BLOCK_BYTES = 512  # unit of st_blocks on every file system: stat(3type)


def nearest(folder: Path) -> Path:
    """Return a folder, or its nearest parent that exists."""
    return next(each for each in (folder, *folder.absolute().parents) if each.exists())


def free_bytes(folder: Path | int) -> int:
    """Return the free space of the disk that a folder is on, which is open or need not exist."""
    disk = os.statvfs(nearest(folder) if isinstance(folder, Path) else folder)
    return disk.f_bavail * disk.f_frsize


def allocated_bytes(state: os.stat_result) -> int:
    """Return the disk space of a file, which is less than its size if it has holes."""
    return state.st_blocks * _BLOCK_BYTES


class disk_errors(contextlib.AbstractContextManager[None]):  # noqa: N801 - it is used as a function
    """Raise a DiskError that names the file for errors about space and permissions."""

    def __init__(self, path: Path, *, removable: bool = False) -> None:
        """Prepare.

        Args:
            path: what is written, if an error does not say it.
            removable: whether a file may be missing because a user removed its folder, as those of results.
        """
        self._path, self._removable = path, removable

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Raise the DiskError."""
        if not isinstance(error, OSError):
            return
        if error.errno not in _DISK_ERRORS | (_REMOVED if self._removable else set()):
            return
        hint = "Free disk space, or choose other folders with --store and --out."
        if error.errno == errno.ELOOP:
            hint = "What it leads to is left as it is."
        raise DiskError(f"Cannot write {error.filename or self._path}: {error.strerror}. {hint}") from error


def write_all(texts: Mapping[Path, str | Iterable[str]]) -> None:
    """Write text files atomically, and create their folders. A file that cannot be written does not keep the others.

    Args:
        texts: by path, the text or its parts.

    Raises:
        DiskError: the disk is full, or a file cannot be written.
    """
    failures = []
    for path, text in texts.items():
        try:
            with disk_errors(path, removable=True):
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, text)
        except DiskError as error:
            failures.append(error)
    if failures:
        raise failures[0]


def write_atomically(path: Path, text: str | Iterable[str]) -> None:
    """Write a text file in one step: no reader sees a part of it, and concurrent writers do not mix."""
    parts = [text] if isinstance(text, str) else text
    Folder(path.parent).write(path, (each.encode() for each in parts))


def check_writable(path: Path) -> None:
    """Create the folder of a file, and check that `write_atomically` can write the file.

    Raises:
        OSError: it cannot.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    folder, temporary = Folder(path.parent), path.with_name(f".{path.name}.{os.urandom(16).hex()}.tmp")
    folder.new(temporary).close()
    folder.remove(temporary)
