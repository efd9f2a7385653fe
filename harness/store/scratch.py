"""Temporary folders and files in a store, removed after use even if the process is killed.

ROOT/tmp/scratch.<random>/     a folder, in use while the lock of its name is held
ROOT/locks/scratch.<random>    that lock, which the system releases when its holder dies
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from harness.core.callbacks import ignore
from harness.host import locks
from harness.host.beneath import Folder
from harness.host.disk import disk_errors

_PREFIX = "scratch."


@contextlib.contextmanager
def folder(root: Path) -> Iterator[Path]:
    """Yield an empty folder and remove it afterwards. If the process is killed, the next call removes it.

    Raises:
        DiskError: no space is left or the store cannot be written.
    """
    files = Folder(root)
    with disk_errors(root), contextlib.ExitStack() as after:
        sweep(root)
        temporary = root / "tmp" / f"{_PREFIX}{os.urandom(16).hex()}"
        after.callback(locks.remove_if_free, files, _lock(temporary))
        after.callback(os.close, locks.acquire(files, _lock(temporary), ignore))
        after.callback(files.remove, temporary)
        files.make(temporary)
        yield temporary


@contextlib.contextmanager
def file(root: Path) -> Iterator[IO[bytes]]:
    """Yield an open file without a name, so that it is gone afterwards even if this process is killed.

    Raises:
        DiskError: no space is left or the store cannot be written.
    """
    with disk_errors(root):
        files, path = Folder(root), root / "tmp" / f"{_PREFIX}{os.urandom(16).hex()}"
        files.make(path.parent)
        with os.fdopen(files.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL), "w+b") as temporary:
            files.remove(path)
            yield temporary


def sweep(root: Path) -> None:
    """Remove the folders of processes that died; keep those that this process may not remove."""
    files = Folder(root)
    for left in (path for path, _ in files.content(root / "tmp") if path.name.startswith(_PREFIX)):
        with contextlib.suppress(OSError):
            if (descriptor := locks.try_acquire(files, _lock(left))) is None:
                continue
            try:
                files.remove(left)
            finally:
                os.close(descriptor)
            locks.remove_if_free(files, _lock(left))


def _lock(temporary: Path) -> Path:
    return temporary.parent.parent / "locks" / temporary.name
