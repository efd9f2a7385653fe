"""Says what a store holds, and since when unused. Changes nothing, and looks at files only from outside."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from harness.host.disk import allocated_bytes
from harness.store import url_index
from harness.store.entry import MANIFEST, Entry
from harness.store.store import Store

_OWN_FOLDERS = {"tmp", "locks", "digests"}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Item:
    """What can be collected: an entry, or the draft of one; the least recently used comes first.

    `last_used` is in seconds since 1970; of a draft it is when it was last written to. An entry is
    broken if its manifest cannot be read, so that nobody will ever find it.
    """

    last_used: float
    kind: str
    key: str
    bytes: int
    is_partial: bool = False
    is_broken: bool = False


def entries(store: Store) -> Iterator[tuple[str, str, Entry | None]]:
    """Yield kind, key and, unless its manifest cannot be read, the entry of all folders that have one, in order."""
    for kind in folders(store.root):
        if kind.name not in _OWN_FOLDERS:
            keys = (each.name for shard in folders(kind) for each in folders(shard) if each.name[:2] == shard.name)
            for key in keys:
                if (store.path(kind.name, key) / MANIFEST).exists():
                    yield kind.name, key, store.listed(kind.name, key)


def items(store: Store) -> Iterator[Item]:
    """Yield all that can be collected."""
    for kind, key, entry in entries(store):
        held_bytes = entry.bytes if entry else taken(store.path(kind, key))[0]
        yield _dated(store, Item(last_used=0, kind=kind, key=key, bytes=held_bytes, is_broken=entry is None))
    for folder in folders(store.root / "tmp"):
        kind, hyphen, key = folder.name.partition("-")
        if hyphen:
            held_bytes, written_at = taken(folder)
            yield Item(last_used=written_at, kind=kind, key=key, bytes=held_bytes, is_partial=True)


def pointless(store: Store) -> Iterator[Item]:
    """Yield what says which blob a URL had, if the blob is gone."""
    for kind, key, entry in entries(store):
        if kind == url_index.KIND and entry and not _has_blob(store, entry):
            yield _dated(store, Item(last_used=0, kind=kind, key=key, bytes=entry.bytes))


def _has_blob(store: Store, index: Entry) -> bool:
    try:
        return (store.path("blobs", url_index.read(index.path).sha256) / MANIFEST).exists()
    except (OSError, ValueError):
        return False


def _dated(store: Store, item: Item) -> Item:
    return replace(item, last_used=last_used(store, item))


def folder_of(store: Store, item: Item) -> Path:
    """Return where an entry or a draft is."""
    return (store.partial_dir if item.is_partial else store.path)(item.kind, item.key)


def last_used(store: Store, item: Item) -> float:
    """Return when an entry was last used, or a draft written to; 0 if it is gone."""
    folder = folder_of(store, item)
    return taken(folder)[1] if item.is_partial else written(folder / MANIFEST)


def taken(folder: Path) -> tuple[int, float]:
    """Return what a folder takes on the disk, where a file may have holes, and when it was last written to."""
    taken_bytes, written = 0, 0.0
    for parent, _, names in os.walk(folder):
        for path in (Path(parent), *(Path(parent) / name for name in names)):
            with contextlib.suppress(FileNotFoundError):
                state = path.lstat()
                taken_bytes += allocated_bytes(state)
                written = max(written, state.st_mtime)
    return taken_bytes, written


def written(path: Path) -> float:
    """Return when a file was last written to, 0 if it is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, in order."""
    return [each for each in _content(folder) if each.is_dir() and not each.is_symlink()]


def files(folder: Path) -> list[Path]:
    """Return the files in a folder, in order."""
    return [each for each in _content(folder) if each.is_file()]


def _content(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
