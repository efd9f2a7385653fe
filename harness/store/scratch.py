"""Temporary folders and files in a store, removed after use even if the process is killed.

ROOT/tmp/scratch.<random>/     a folder, in use while the lock of its name is held
ROOT/locks/scratch.<random>    that lock, which the system releases when its holder dies
"""

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from harness.core.callbacks import ignore
from harness.host import locks
from harness.host.disk import disk_errors

_PREFIX = "scratch."


@contextlib.contextmanager
def folder(root: Path) -> Iterator[Path]:
    """Yield an empty folder and remove it afterwards. If the process is killed, the next call removes it.

    Raises:
        DiskError: no space is left or the store cannot be written.
    """
    with disk_errors(root), contextlib.ExitStack() as after:
        sweep(root)
        temporary = root / "tmp" / f"{_PREFIX}{uuid.uuid4().hex}"
        after.callback(locks.remove_if_free, _lock(temporary))
        after.callback(os.close, locks.acquire(_lock(temporary), ignore))
        after.callback(shutil.rmtree, temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary


@contextlib.contextmanager
def file(root: Path) -> Iterator[IO[bytes]]:
    """Yield an open file without a name, so that it is gone afterwards even if this process is killed.

    Raises:
        DiskError: no space is left or the store cannot be written.
    """
    with disk_errors(root):
        parent = root / "tmp"
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=parent) as temporary:
            yield temporary


def sweep(root: Path) -> None:
    """Remove the folders of processes that died; keep those that this process may not remove."""
    for left in (root / "tmp").glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if (descriptor := locks.try_acquire(_lock(left))) is None:
                continue
            try:
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(descriptor)
            locks.remove_if_free(_lock(left))


def _lock(temporary: Path) -> Path:
    return temporary.parent.parent / "locks" / temporary.name
