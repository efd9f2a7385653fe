"""The only place that removes what is whole: says what a store holds, shrinks it, and reads all of it again."""

import contextlib
import errno
import heapq
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.callbacks import ReadProgress, ignore
from harness.core.errors import DiskError
from harness.core.text import DAY_S
from harness.host import locks
from harness.host.disk import disk_errors, free_bytes
from harness.store import inventory, scratch
from harness.store.entry import MANIFEST, Entry
from harness.store.inventory import Item
from harness.store.store import REMOVED, Store

STALE_PARTIAL_S = 7 * DAY_S
PARTIAL = "draft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How much there is of a kind."""

    kind: str
    count: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a store holds: whole entries by kind, what is in the making or was left so, and the disk's free space."""

    kinds: tuple[Held, ...]
    unfinished: Held
    free_bytes: int

    @property
    def total_bytes(self) -> int:
        """What all of it takes."""
        return sum(each.bytes for each in (*self.kinds, self.unfinished))


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What a collection did. `kept_in_use` had to go for the budget, but somebody uses or makes it.

    `freed_bytes` and `total_bytes`, which is what is left, count entries and drafts.
    """

    removed: tuple[Item, ...]
    kept_in_use: tuple[Item, ...]
    freed_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """An entry that was read: whether it was what was stored."""

    kind: str
    key: str
    bytes: int
    ok: bool


def usage(store: Store) -> Usage:
    """Return what the store holds."""
    counts, sizes = Counter[str](), Counter[str]()
    for item in inventory.items(store):
        if not item.is_partial:
            counts[item.kind] += 1
            sizes[item.kind] += item.bytes
    partials = inventory.folders(store.root / "tmp")
    return Usage(
        kinds=tuple(Held(kind=kind, count=counts[kind], bytes=sizes[kind]) for kind in sorted(counts)),
        unfinished=Held(kind=PARTIAL, count=len(partials), bytes=sum(inventory.taken(each)[0] for each in partials)),
        free_bytes=free_bytes(store.root),
    )


def collect(store: Store, budget_bytes: int | None, *, keep: Container[tuple[str, str]] = ()) -> Collected:
    """Remove what nobody will miss, and then the least recently used until the store is within its budget.

    What any process uses or makes stays, and so may the store be larger than its budget afterwards.

    Args:
        store: what it has returned counts as in use.
        budget_bytes: for entries and drafts together; None removes only what nobody will miss: drafts of
            a week ago, what killed processes left, and notes on what is gone.
        keep: kinds and keys that stay whatever the budget.

    Raises:
        DiskError: the store cannot be written, or what is in use cannot be told.
    """
    if not (store.root / "locks").is_dir():
        return Collected(removed=(), kept_in_use=(), freed_bytes=0, total_bytes=0)  # nothing was ever made here
    with contextlib.closing(locks.Pins(store.root / "pins")) as pins, disk_errors(store.root):
        _probe(store, pins)
        with store.lock("collection"):  # two at once would take for in use what the other is about to remove
            collection = _Collection(store, pins, keep)
            collection.run(budget_bytes)
        return collection.result()


def verify(store: Store, progress: ReadProgress = ignore) -> Iterator[Verified]:
    """Read every byte of every entry and yield what came of it; one that is not what was stored is removed.

    Args:
        store: the store.
        progress: told of the bytes of each piece read; what it raises ends it.
    """
    for kind, key, _ in inventory.entries(store):
        with store.lock(f"{kind}-{key}"), disk_errors(store.root):
            if not (store.path(kind, key) / MANIFEST).exists():
                continue  # somebody removed it meanwhile
            entry = store.listed(kind, key)
            ok = entry is not None and _is_good(store, entry, progress)
            if not ok:
                store.remove(store.path(kind, key))
        yield Verified(kind=kind, key=key, bytes=entry.bytes if entry else 0, ok=ok)


class _Collection:
    """One collection under way."""

    def __init__(self, store: Store, pins: locks.Pins, keep: Container[tuple[str, str]]) -> None:
        self._store, self._pins, self._keep = store, pins, keep
        self._removed: list[Item] = []
        self._kept: list[Item] = []
        self._total_bytes = 0

    def result(self) -> Collected:
        return Collected(
            removed=tuple(self._removed),
            kept_in_use=tuple(self._kept),
            freed_bytes=sum(item.bytes for item in self._removed),
            total_bytes=self._total_bytes,
        )

    def run(self, budget_bytes: int | None) -> None:
        """Remove, and first of all what nobody will miss."""
        now = time.time()
        _remove_leftovers(self._store)
        items = list(inventory.items(self._store))
        stale = {
            item for item in items if item.is_broken or (item.is_partial and item.last_used < now - STALE_PARTIAL_S)
        }
        self._total_bytes = sum(item.bytes for item in items)
        for item in sorted(stale):
            self._remove(item)
        if budget_bytes is not None:
            self._shrink([item for item in items if item not in stale], budget_bytes)
        for item in inventory.pointless(self._store):
            self._remove(item)
        _remove_notes(self._store, now)

    def _shrink(self, items: list[Item], budget_bytes: int) -> None:
        heapq.heapify(items)
        while items and self._total_bytes > budget_bytes:
            item = heapq.heappop(items)
            if (item.kind, item.key) in self._keep:
                continue
            if (used := inventory.last_used(self._store, item)) > item.last_used:
                heapq.heappush(items, replace(item, last_used=used))
            elif not self._remove(item):
                self._kept.append(item)

    def _remove(self, item: Item) -> bool:
        """Remove it unless it is in use, or was since we looked; what another removed meanwhile is gone as well."""
        name, folder = f"{item.kind}-{item.key}", inventory.folder_of(self._store, item)
        with self._store.lock_if_free(name) as is_free, self._pins.seized(name) as is_unused:
            if not is_free or not (is_unused or item.is_partial) or self._is_new(item):
                return False
            away = self._store.set_aside(folder)
        self._total_bytes -= item.bytes
        if away:
            shutil.rmtree(away, ignore_errors=True)
            self._removed.append(item)
        return True

    def _is_new(self, item: Item) -> bool:
        is_mended = item.is_broken and self._store.listed(item.kind, item.key) is not None
        return is_mended or inventory.last_used(self._store, item) > item.last_used


def _probe(store: Store, pins: locks.Pins) -> None:
    try:
        pins.probe()
    except OSError as error:
        raise DiskError(
            f"{store.root / 'pins'}: what is in use cannot be told ({error.strerror}), so nothing is removed; "
            "delete what you do not need by hand while nothing uses the store, or have it on a file system with locks."
        ) from error


def _remove_leftovers(store: Store) -> None:
    """Remove what killed processes left in `tmp` and what is no draft."""
    scratch.sweep(store.root)
    for folder in inventory.folders(store.root / "tmp"):
        if folder.name.startswith(REMOVED):
            shutil.rmtree(folder, ignore_errors=True)


def _remove_notes(store: Store, now: float) -> None:
    """Remove locks that nobody holds or held for a day, and digests of files that are gone."""
    for path in inventory.files(store.root / "locks"):
        if inventory.written(path) < now - DAY_S:
            locks.remove_if_free(path)
    for path in inventory.files(store.root / "digests"):
        is_left = path.suffix == ".tmp" and inventory.written(path) < now - DAY_S
        if is_left or (path.suffix == ".json" and not _is_of_a_file(path)):
            path.unlink(missing_ok=True)


def _is_of_a_file(digest: Path) -> bool:
    try:
        return Path(json.loads(digest.read_bytes())["path"]).exists()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _is_good(store: Store, entry: Entry, progress: ReadProgress) -> bool:
    """Return whether an entry is what was stored; it is not used by that. Its lock must be held."""
    manifest = entry.path / MANIFEST
    used_ns = manifest.stat().st_mtime_ns
    try:
        found = store.read_again(entry, progress)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return False  # the disk has lost it
    if found:
        os.utime(manifest, ns=(used_ns, used_ns))
    return found is not None
