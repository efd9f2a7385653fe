"""Lists the entries of a store and when they were last used, without changing anything or reading blobs."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from harness.host.disk import allocated_bytes
from harness.store import url_index
from harness.store.entry import MANIFEST, Entry
from harness.store.store import Store

_OWN_FOLDERS = {"tmp", "locks", "digests", url_index.NOTES}
_LEVELS = 3  # ROOT/<kind>/<first two of key>/<key>


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Item:
    """A complete or partial entry that can be removed. Sorts by time of last use.

    Attributes:
        last_used: in seconds since 1970; for a partial entry, when it was last written.
        kind: kind of the entry.
        key: its key.
        bytes: its size.
        is_partial: whether it is incomplete.
        is_broken: whether its manifest cannot be read, so that no process can find it.
    """

    last_used: float
    kind: str
    key: str
    bytes: int
    is_partial: bool = False
    is_broken: bool = False


def entries(store: Store) -> Iterator[tuple[str, str, Entry | None]]:
    """Yield kind, key and entry of every folder with a manifest, in order; None for a manifest that cannot be read."""
    for kind in folders(store, store.root):
        if kind.name not in _OWN_FOLDERS:
            shards = folders(store, kind)
            keys = (each.name for shard in shards for each in folders(store, shard) if each.name[:2] == shard.name)
            for key in keys:
                if store.files.state(store.path(kind.name, key) / MANIFEST):
                    yield kind.name, key, store.listed(kind.name, key)


def items(store: Store) -> Iterator[Item]:
    """Yield everything that can be removed."""
    for kind, key, entry in entries(store):
        size_bytes = entry.bytes if entry else disk_usage(store, store.path(kind, key))[0]
        yield _dated(store, Item(last_used=0, kind=kind, key=key, bytes=size_bytes, is_broken=entry is None))
    for folder in folders(store, store.root / "tmp"):
        kind, hyphen, key = folder.name.partition("-")
        if hyphen:
            size_bytes, modified = disk_usage(store, folder)
            yield Item(last_used=modified, kind=kind, key=key, bytes=size_bytes, is_partial=True)


def orphans(store: Store) -> Iterator[Item]:
    """Yield the records of URLs whose blob is gone."""
    for kind, key, entry in entries(store):
        if kind == url_index.KIND and entry and not has_blob(store, entry.path / url_index.INDEX):
            yield _dated(store, Item(last_used=0, kind=kind, key=key, bytes=entry.bytes))


def has_blob(store: Store, record: Path) -> bool:
    """Return whether a store has the blob of the record of a URL."""
    try:
        blob = store.path("blobs", url_index.read(store, record).sha256)
        return store.files.state(blob / MANIFEST) is not None
    except (OSError, ValueError):
        return False


def _dated(store: Store, item: Item) -> Item:
    return replace(item, last_used=last_used(store, item))


def folder_of(store: Store, item: Item) -> Path:
    """Return the folder of an item."""
    return (store.partial_dir if item.is_partial else store.path)(item.kind, item.key)


def last_used(store: Store, item: Item) -> float:
    """Return when an item was last used, in seconds since 1970; 0 if it is gone."""
    folder = folder_of(store, item)
    if item.is_partial:
        return disk_usage(store, folder)[1]
    state = store.files.state(folder / MANIFEST)
    return state.st_mtime if state else 0.0


def disk_usage(store: Store, folder: Path) -> tuple[int, float]:
    """Return the disk space of a folder, in bytes (files may have holes), and when it was last written."""
    itself = store.files.state(folder)
    states = [*filter(None, [itself]), *(state for _, state in store.files.walk(folder))]
    return sum(map(allocated_bytes, states)), max((each.st_mtime for each in states), default=0.0)


def folders(store: Store, folder: Path) -> list[Path]:
    """Return the subfolders of a folder of a store, in order."""
    return [path for path, state in _content(store, folder) if stat.S_ISDIR(state.st_mode)]


def files(store: Store, folder: Path) -> list[tuple[Path, float]]:
    """Return the files of a folder of a store, in order, and when they were last written, in seconds since 1970."""
    return [(path, state.st_mtime) for path, state in _content(store, folder) if stat.S_ISREG(state.st_mode)]


def links(store: Store) -> Iterator[Path]:
    """Yield the links in the places of folders: of a kind, of the keys that begin alike, of an entry."""
    level = [store.root]
    for _ in range(_LEVELS):
        found = [each for folder in level for each in _content(store, folder) if each[0].name not in _OWN_FOLDERS]
        yield from (path for path, state in found if stat.S_ISLNK(state.st_mode))
        level = [path for path, state in found if stat.S_ISDIR(state.st_mode)]


def _content(store: Store, folder: Path) -> list[tuple[Path, os.stat_result]]:
    try:
        return store.files.content(folder)
    except NotADirectoryError:
        return []
