"""Measures, shrinks and verifies a store: the commands `harness store du`, `gc` and `verify`."""

import contextlib
import errno
import heapq
import time
from collections import Counter
from collections.abc import Callable, Container, Iterator
from dataclasses import replace
from pathlib import Path

from harness.core import strict_json
from harness.core.callbacks import ReadProgress, ignore
from harness.core.errors import DiskError
from harness.core.text import DAY_S
from harness.core.values import frozen
from harness.host import locks
from harness.host.disk import disk_errors, free_bytes
from harness.store import inventory, scratch, url_index
from harness.store.entry import MANIFEST, Entry
from harness.store.inventory import Item
from harness.store.store import REMOVED, Store

STALE_PARTIAL_S = 7 * DAY_S
PARTIAL = "partial"
_DIGEST_BYTES = 1 << 16
IsGenuine = Callable[[Store, str, Entry], bool]
_COLLECTING = "removing entries from the cache"


@frozen
class KindUsage:
    """Number and size of the entries of a kind."""

    kind: str
    count: int
    bytes: int


@frozen
class Usage:
    """What a store contains: complete entries by kind, partial entries, and the free space of the disk."""

    kinds: tuple[KindUsage, ...]
    unfinished: KindUsage
    free_bytes: int

    @property
    def total_bytes(self) -> int:
        """The size of everything together."""
        return sum(each.bytes for each in (*self.kinds, self.unfinished))


@frozen
class Collected:
    """The result of a collection.

    Attributes:
        removed: the entries, complete or partial, that were removed.
        kept_in_use: entries that are above the budget, but in use or being created.
        freed_bytes: size of the removed entries.
        total_bytes: size of the remaining entries.
    """

    removed: tuple[Item, ...]
    kept_in_use: tuple[Item, ...]
    freed_bytes: int
    total_bytes: int


@frozen
class Verified:
    """An entry that was read, and whether its content is as stored."""

    kind: str
    key: str
    bytes: int
    ok: bool


def usage(store: Store) -> Usage:
    """Return what the store contains.

    Raises:
        DiskError: the store cannot be read.
    """
    counts, sizes = Counter[str](), Counter[str]()
    with disk_errors(store.root):
        for item in inventory.items(store):
            if not item.is_partial:
                counts[item.kind] += 1
                sizes[item.kind] += item.bytes
        partials = inventory.folders(store, store.root / "tmp")
        partial_bytes = sum(inventory.disk_usage(store, each)[0] for each in partials)
    return Usage(
        kinds=tuple(KindUsage(kind=kind, count=counts[kind], bytes=sizes[kind]) for kind in sorted(counts)),
        unfinished=KindUsage(kind=PARTIAL, count=len(partials), bytes=partial_bytes),
        free_bytes=free_bytes(store.root),
    )


def collect(store: Store, budget_bytes: int | None, *, keep: Container[tuple[str, str]] = ()) -> Collected:
    """Remove leftovers, then the least recently used entries until the store is within its budget.

    Entries that any process uses or creates stay, so the store may exceed its budget afterwards.

    Args:
        store: the store; entries that it returned count as in use.
        budget_bytes: size for complete and partial entries together. None removes leftovers only: partial entries
            older than a week, files of killed processes, and records about entries that are gone.
        keep: kinds and keys of entries that stay in any case.

    Raises:
        DiskError: the store cannot be written, or the system cannot tell which entries are in use.
    """
    if not store.files.state(store.root / "locks"):
        return Collected(removed=(), kept_in_use=(), freed_bytes=0, total_bytes=0)  # nothing was ever stored here
    with contextlib.closing(locks.Pins(store.files, "pins")) as pins, disk_errors(store.root):
        _probe(store, pins)
        with store.lock(
            "collection", activity=_COLLECTING
        ):  # two would see what the other is about to remove as in use
            collection = _Collection(store, pins, keep)
            collection.run(budget_bytes)
        return collection.result()


def verify(
    store: Store, progress: ReadProgress = ignore, *, is_genuine: IsGenuine = lambda *_: True
) -> Iterator[Verified]:
    """Read every byte of every entry and yield the result; an entry whose content changed is removed.

    A link in the place of a folder is such an entry. What it leads to is neither read nor removed.

    Args:
        store: the store.
        progress: told the size of each piece read, in bytes; an exception that it raises ends the check.
        is_genuine: whether an entry of a kind lists the digests that it should, as far as anybody else knows them.
    """
    for link in inventory.links(store):
        kind, *rest = link.relative_to(store.root).parts
        with disk_errors(store.root):
            store.files.remove(link)
        yield Verified(kind=kind, key=rest[-1] if rest else "-", bytes=0, ok=False)
    for kind, key, _ in inventory.entries(store):
        with store.lock(f"{kind}-{key}", activity=f"verifying {kind} {key}"), disk_errors(store.root):
            if not store.files.state(store.path(kind, key) / MANIFEST):
                continue  # another process removed it meanwhile
            entry = store.listed(kind, key)
            ok = entry is not None and is_genuine(store, kind, entry) and _is_good(store, entry, progress)
            if not ok:
                store.remove(store.path(kind, key))
        yield Verified(kind=kind, key=key, bytes=entry.bytes if entry else 0, ok=ok)


class _Collection:
    """A collection in progress."""

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
        """Remove leftovers, then shrink the store."""
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
        for item in inventory.orphans(self._store):
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
        """Remove an entry unless it is or was in use since it was listed. Return False if it stays."""
        name, folder = f"{item.kind}-{item.key}", inventory.folder_of(self._store, item)
        with self._store.lock_if_free(name, activity=_COLLECTING) as is_free, self._pins.seized(name) as is_unused:
            if not is_free or not (is_unused or item.is_partial) or self._is_new(item):
                return False
            away = self._store.set_aside(folder)
        self._total_bytes -= item.bytes
        if away:
            self._store.files.remove(away)
            self._removed.append(item)
        return True

    def _is_new(self, item: Item) -> bool:
        is_repaired = item.is_broken and self._store.listed(item.kind, item.key) is not None
        return is_repaired or inventory.last_used(self._store, item) > item.last_used


def _probe(store: Store, pins: locks.Pins) -> None:
    try:
        pins.probe()
    except OSError as error:
        raise DiskError(
            f"{store.root / 'pins'}: cannot find out which entries are in use ({error.strerror}), so nothing was "
            "removed. Delete entries by hand while nothing uses the cache, or move it to a file system with locks."
        ) from error


def _remove_leftovers(store: Store) -> None:
    """Remove the folders in `tmp` that killed processes left and that no download can resume."""
    scratch.sweep(store.root)
    for path, _ in store.files.content(store.root / "tmp"):
        if path.name.startswith(REMOVED):
            store.files.remove(path)


def _remove_notes(store: Store, now: float) -> None:
    """Remove lock files that were not held for a day, digests of files that are gone, and notes on blobs that are."""
    for path, written in inventory.files(store, store.root / "locks"):
        if written < now - DAY_S:
            locks.remove_if_free(store.files, path)
    for folder, is_of_something in (("digests", _is_of_a_file), (url_index.NOTES, inventory.has_blob)):
        for path, written in inventory.files(store, store.root / folder):
            is_left = path.suffix == ".tmp" and written < now - DAY_S
            if is_left or (path.suffix == ".json" and not is_of_something(store, path)):
                store.files.remove(path)


def _is_of_a_file(store: Store, digest: Path) -> bool:
    try:
        return Path(strict_json.loads(store.files.read(digest, _DIGEST_BYTES))["path"]).exists()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _is_good(store: Store, entry: Entry, progress: ReadProgress) -> bool:
    """Return whether the content of an entry is as stored, without marking it as used. The caller holds its lock."""
    manifest = entry.path / MANIFEST
    state = store.files.state(manifest)
    try:
        found = store.read_again(entry, progress)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return False  # the disk lost it
    if found and state:
        store.files.touch(manifest, mtime_ns=state.st_mtime_ns)
    return found is not None
