"""What fills the stores of tests, looks into them and lets time pass."""

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.store.entry import Entry
from harness.store.store import Store

KEY = "ab" + "0" * 62
DAY_S = 24 * 3600


def makes(content: bytes, name: str = "blob") -> Callable[[Path], None]:
    """Return what makes an entry of one file."""

    def make(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    return make


def refuses(folder: Path) -> None:
    """See that an entry is not made."""
    raise AssertionError(f"{folder} is made again")


def partials(store: Store) -> list[Path]:
    """Return what is in the making, or was left."""
    return list((store.root / "tmp").iterdir())


def manifest(entry: Entry) -> Any:
    """Return what is written of an entry."""
    return json.loads((entry.path / "entry.json").read_bytes())


def backdate(path: Path) -> None:
    """Let a file look as if it was written at another time."""
    os.utime(path, (1, 1))


def used(path: Path, days_ago: float) -> None:
    """Let something look as if it was last used some days ago."""
    then = time.time() - days_ago * DAY_S
    os.utime(path, (then, then))


def digest(name: str) -> str:
    """Return the key of an entry that tests call by a name."""
    return hashlib.sha256(name.encode()).hexdigest()


def put(store: Store, name: str, size_bytes: int = 1, *, days_ago: float = 0, kind: str = "blobs") -> Entry:
    """Store an entry last used some days ago, and let go of it."""
    with Store(store.root) as maker:
        entry = maker.provide(kind, digest(name), makes(b"x" * size_bytes))
    used(entry.path / "entry.json", days_ago)
    return entry
