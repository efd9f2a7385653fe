"""Copies entries from one store into another, which hashes what it gets."""

import os
import shutil
import stat
from pathlib import Path

from harness.core.errors import IntegrityError
from harness.store.entry import Entry
from harness.store.store import Store

_CHUNK_BYTES = 1 << 20
_PROGRAM = 0o100


def copy(kind: str, key: str, source: Store, target: Store) -> None:
    """Copy an entry that the source has.

    Raises:
        IntegrityError: it is not there any more, or changed meanwhile.
        DiskError: no space is left, or the target cannot be written.
    """
    found = source.find(kind, key)
    if found is None:
        raise IntegrityError(f"{source.path(kind, key)}: was removed from the cache meanwhile; try again.")
    made = target.provide(kind, key, lambda folder: _fill(folder, found, source, target), activity=f"copying {kind}")
    if any(made.sha256(name) != found.sha256(name) for name in found.files):
        raise IntegrityError(f"{found.path}: changed while it was copied; run `harness store verify`.")


def _fill(folder: Path, entry: Entry, source: Store, target: Store) -> None:
    for name in entry.files:
        target.files.make((folder / name).parent)
        with source.files.reader(entry.path / name) as file, target.files.new(folder / name) as copy:
            shutil.copyfileobj(file, copy, _CHUNK_BYTES)
            is_program = stat.S_IMODE(os.fstat(file.fileno()).st_mode) & _PROGRAM
            os.fchmod(copy.fileno(), 0o755 if is_program else 0o644)
