"""The only place that lends room in a store for what nobody keeps.

ROOT/tmp/scratch.<random>/     a folder, lent while the lock of its name is held
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
    """Lend a folder that is gone afterwards; that of a process which is killed goes with the next that is lent.

    Raises:
        DiskError: no space is left or the store cannot be written.
    """
    with disk_errors(root), contextlib.ExitStack() as after:
        sweep(root)
        lent = root / "tmp" / f"{_PREFIX}{uuid.uuid4().hex}"
        after.callback(locks.remove_if_free, _lock(lent))
        after.callback(os.close, locks.acquire(_lock(lent), ignore))
        after.callback(shutil.rmtree, lent, ignore_errors=True)
        lent.mkdir(parents=True)
        yield lent


@contextlib.contextmanager
def file(root: Path) -> Iterator[IO[bytes]]:
    """Lend a file that is in no folder, so that it is gone afterwards even if this process is killed.

    Raises:
        DiskError: no space is left or the store cannot be written.
    """
    with disk_errors(root):
        parent = root / "tmp"
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=parent) as lent:
            yield lent


def sweep(root: Path) -> None:
    """Remove the folders that were lent to processes which have died; what is not ours to remove stays."""
    for left in (root / "tmp").glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if (descriptor := locks.try_acquire(_lock(left))) is None:
                continue
            try:
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(descriptor)
            locks.remove_if_free(_lock(left))


def _lock(lent: Path) -> Path:
    return lent.parent.parent / "locks" / lent.name
