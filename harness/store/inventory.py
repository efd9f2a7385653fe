"""Lists the entries of a store and when they were last used, without changing anything or reading blobs."""

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
    for kind in folders(store.root):
        if kind.name not in _OWN_FOLDERS:
            keys = (each.name for shard in folders(kind) for each in folders(shard) if each.name[:2] == shard.name)
            for key in keys:
                if (store.path(kind.name, key) / MANIFEST).exists():
                    yield kind.name, key, store.listed(kind.name, key)


def items(store: Store) -> Iterator[Item]:
    """Yield everything that can be removed."""
    for kind, key, entry in entries(store):
        size_bytes = entry.bytes if entry else disk_usage(store.path(kind, key))[0]
        yield _dated(store, Item(last_used=0, kind=kind, key=key, bytes=size_bytes, is_broken=entry is None))
    for folder in folders(store.root / "tmp"):
        kind, hyphen, key = folder.name.partition("-")
        if hyphen:
            size_bytes, modified = disk_usage(folder)
            yield Item(last_used=modified, kind=kind, key=key, bytes=size_bytes, is_partial=True)


def orphans(store: Store) -> Iterator[Item]:
    """Yield the records of URLs whose blob is gone."""
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
    """Return the folder of an item."""
    return (store.partial_dir if item.is_partial else store.path)(item.kind, item.key)


def last_used(store: Store, item: Item) -> float:
    """Return when an item was last used, in seconds since 1970; 0 if it is gone."""
    folder = folder_of(store, item)
    return disk_usage(folder)[1] if item.is_partial else modified_at(folder / MANIFEST)


def disk_usage(folder: Path) -> tuple[int, float]:
    """Return the disk space of a folder, in bytes (files may have holes), and when it was last written."""
    used_bytes, written = 0, 0.0
    for parent, _, names in os.walk(folder):
        for path in (Path(parent), *(Path(parent) / name for name in names)):
            with contextlib.suppress(FileNotFoundError):
                state = path.lstat()
                used_bytes += allocated_bytes(state)
                written = max(written, state.st_mtime)
    return used_bytes, written


def modified_at(path: Path) -> float:
    """Return when a file was last written, in seconds since 1970; 0 if it is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def folders(folder: Path) -> list[Path]:
    """Return the subfolders of a folder, in order."""
    return [each for each in _content(folder) if each.is_dir() and not each.is_symlink()]


def files(folder: Path) -> list[Path]:
    """Return the files of a folder, in order."""
    return [each for each in _content(folder) if each.is_file()]


def _content(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
