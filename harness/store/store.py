"""The cache: every entry is created once, under a lock, in a temporary folder, and moved into place with `os.replace`.

    ROOT/<kind>/<first two of key>/<key>/   a complete entry: its files and `entry.json`, which lists them
    ROOT/tmp/<kind>-<key>/                  a partial entry, which belongs to the holder of its lock
    ROOT/locks/<kind>-<key>                 its lock, which the system releases when the holder dies
    ROOT/pins                               pins on the entries in use, which are not removed meanwhile
    ROOT/digests/<sha256 of path>.json      the digest and stamp of a file outside the store
    ROOT/notes/<key of URL>.json            what a host said of a blob that the lock file knows; see `url_index`

An entry is trusted while size, times and inode of its files are as `entry.json` records them. Otherwise it
is hashed again, and removed if its content changed. A power loss may also have changed it: until its files are known to
be on disk, `entry.json` names the boot in which they were written, and only in that boot are they trusted. An entry was
last used at the modification time of its `entry.json`.
"""

import contextlib
import errno
import functools
import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from harness.core import strict_json
from harness.core.callbacks import ReadProgress, WaitNotice, WorkProgress, ignore
from harness.core.errors import DiskError
from harness.host import locks
from harness.host.beneath import Folder, Place
from harness.host.cancel import Cancelled
from harness.host.disk import disk_errors
from harness.host.kept_folders import KeptFolders
from harness.store import entry as entries
from harness.store.entry import MANIFEST, Entry, FileRecord, Found, NotReceivedError

if TYPE_CHECKING:  # few commands have one, and msgspec takes 20 ms to load
    from harness.store.upstream import Upstream

REMOVED = "removed."
_KEPT_OPEN = ("blobs", "locks", "notes", "tmp")
# By then the kernel has written the files back: dirty_expire_centisecs is 30 s, and it checks every 5 s.
SETTLE_S = 60.0
# To read a smaller entry again after another boot takes no longer than to note that it is on disk.
_SETTLED_BYTES = 1 << 20
_RECORD_BYTES = 1 << 16
Make = Callable[[Path], Mapping[str, str] | None]
IsGood = Callable[[Entry], bool]


@functools.cache
def _this_boot() -> str:
    """Return the kernel's id of this boot. On a system without one, power losses are not detected."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


class Store:
    """A content-addressed cache that any number of processes share.

    Every entry that it returned stays until the store is closed, or its process ends.
    """

    def __init__(
        self,
        root: Path,
        *,
        upstream: "Upstream | None" = None,
        on_wait: WaitNotice = ignore,
        on_work: WorkProgress = ignore,
        boot: str | None = None,
    ) -> None:
        """Use a folder, which is created on the first write.

        Args:
            root: the folder.
            upstream: a store that machines share, where `provide` and `find_shared` look for what the folder does not
                have, and where `provide` puts what it made.
            on_wait: called repeatedly with the holder of a lock (empty if it is this process) and the seconds waited;
                an exception that it raises ends the wait.
            on_work: called by those who make large entries.
            boot: id of this boot of the machine; by default the kernel's.
        """
        self.root, self.on_work = root.absolute(), on_work
        self._temporary = self.root / "tmp"
        self.files = Folder(self.root, kept=KeptFolders(self.root, _KEPT_OPEN))
        self._upstream, self._on_wait = upstream, on_wait
        self._boot = boot or _this_boot()
        self._pins = locks.Pins(self.files, "pins")

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the store."""
        self.close()

    def close(self) -> None:
        """Release all entries, which may be removed from now on, once those made here are in the shared store."""
        try:
            if self._upstream:
                with contextlib.suppress(Cancelled):  # the run is over, and how it ended is known
                    self._upstream.flush(self._poll)
        finally:
            self._pins.close()

    def find(self, kind: str, key: str) -> Entry | None:
        """Return an entry, or None if there is none. An entry whose files changed is removed."""
        self._pins.hold(f"{kind}-{key}")
        place = self.place(kind, key)
        if not self.files.may_have(f"{place}/{MANIFEST}"):
            return None
        try:
            with self.files.within(place) as inside:
                found = entries.within(inside)
                if found and self._is_trusted(found):
                    self._use(inside, kind, found.entry)
                    return found.entry
        except OSError:
            return None
        if found is None:
            return None
        with self.lock(f"{kind}-{key}", activity=f"checking {kind} {key}"), disk_errors(self.root):
            entry = self._checked(kind, key)
        if entry:
            self._use(self.files, kind, entry)
        return entry

    def find_shared(self, kind: str, key: str) -> Entry | None:
        """Return an entry as `find` does, or else one from the shared store."""
        if (found := self.find(kind, key)) or self._upstream is None:
            return found
        with self.lock(f"{kind}-{key}", activity=f"looking for {kind} {key}"), disk_errors(self.root):
            self._pins.hold(f"{kind}-{key}")
            return self._checked(kind, key) or self._received(self._upstream, kind, key, lambda _: True)

    def provide(
        self,
        kind: str,
        key: str,
        make: Make,
        *,
        is_good: IsGood = lambda _: True,
        resumable: Collection[str] = (),
        activity: str = "",
        private: bool = False,
        size_bytes: int | None = None,
    ) -> Entry:
        """Return an entry; if there is none, call `make(folder)` to create it while other processes wait.

        An entry of the shared store is as good as one that was here before.

        Args:
            kind: kind of the entry, without a hyphen.
            key: identifies the content.
            make: fills the folder. It may return the SHA-256 of files that it hashed while it wrote them, so that they
                are not read again.
            is_good: an existing entry for which this is false is replaced.
            resumable: names of the files that a failed or killed `make` leaves for the next one. If any, the entry
                has no others.
            activity: what `make` does, for processes that wait: `installing IREE 3.12.0`.
            private: whether it is neither taken from the shared store nor put there.
            size_bytes: size of a blob, without which it is not taken from the shared store.

        Raises:
            DiskError: no space is left or the store cannot be written.
        """
        if (found := self.find(kind, key)) and is_good(found):
            return found
        upstream = None if private else self._upstream
        with self.lock(f"{kind}-{key}", activity=activity), disk_errors(self.root):
            self._pins.hold(f"{kind}-{key}")  # the folder may not have existed before
            entry = self._good(kind, key, is_good)
            if entry is None and upstream and not (resumable and self.files.is_folder(self.partial_dir(kind, key))):
                entry = self._received(upstream, kind, key, is_good, size_bytes)
            if entry is None:
                entry = self._made(kind, key, make, is_good, resumable=resumable)
                if upstream:
                    upstream.send(self.files, kind, key, entry)
        if entry.cached:
            self._use(self.files, kind, entry)
        return entry

    @contextlib.contextmanager
    def lock(self, name: str, *, activity: str = "") -> Iterator[None]:
        """Wait for a lock and hold it. No other process or thread holds it meanwhile; `activity` as for `provide`."""
        with disk_errors(self.root):
            descriptor = locks.acquire(self.files, f"locks/{name}", self._on_wait, activity=activity)
        try:
            yield
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def lock_if_free(self, name: str, *, activity: str = "") -> Iterator[bool]:
        """Hold a lock as `lock` does, or yield False if another holds it."""
        with disk_errors(self.root):
            descriptor = locks.try_acquire(self.files, f"locks/{name}", activity=activity)
        try:
            yield descriptor is not None
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def digest(self, path: Path) -> str:
        """Return the SHA-256 of any file; it is read again only if its stamp changed."""
        record_path = self.root / "digests" / f"{hashlib.sha256(bytes(path.absolute())).hexdigest()}.json"
        stamp = entries.stat_stamp(path.stat())
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            known = strict_json.loads(self.files.read(record_path, _RECORD_BYTES))
            if stamp == {name: known[name] for name in stamp}:
                return str(known["sha256"])
        sha256 = entries.file_sha256(path)
        with contextlib.suppress(OSError):  # the record only saves time
            self.files.make(record_path.parent)
            record = {"sha256": sha256, "path": str(path.absolute()), **stamp}
            self.files.write(record_path, json.dumps(record).encode())
        return sha256

    @staticmethod
    def place(kind: str, key: str) -> str:
        """Return where the folder of an entry is in the store, whether it exists or not."""
        return f"{kind}/{key[:2]}/{key}"

    def path(self, kind: str, key: str) -> Path:
        """Return the folder of an entry, whether it exists or not."""
        return self.root / self.place(kind, key)

    def partial_dir(self, kind: str, key: str) -> Path:
        """Return the folder in which an entry is created, whether it exists or not."""
        return self._temporary / f"{kind}-{key}"

    def listed(self, kind: str, key: str) -> Entry | None:
        """Return an entry as its manifest lists it, without checking its files or marking it as used."""
        found = entries.found(self.files, self.place(kind, key))
        return found.entry if found else None

    def read_again(self, entry: Entry, progress: ReadProgress = ignore) -> Entry | None:
        """Hash all files of an entry; return it, or remove it and return None if its content changed.

        The caller holds its lock. `progress` is told the size of each piece read; what it raises ends the reading.
        """
        files = entries.records(self.files, entry.path, entry.files, progress=progress)
        if any(files[name]["sha256"] != entry.sha256(name) for name in files):
            self.remove(entry.path)
            return None
        if files == entry.files and entry.boot is None:
            return entry
        entries.sync(self.files, entry.path, entry.files)
        settled = replace(entry, files=files, boot=None)
        entries.write(self.files, entry.path, settled)
        return settled

    def lost_a_name(self, kind: str, key: str) -> None:
        """Take the stamps of an entry again after its files lost another name, which changes their `ctime_ns`."""
        with self.lock(f"{kind}-{key}"), disk_errors(self.root):
            if entry := self.listed(kind, key):
                entries.write(self.files, entry.path, entries.restamped(self.files, entry))

    def set_aside(self, folder: Path) -> Path | None:
        """Move a folder out of the way in one step; return its new path, or None if it did not exist."""
        away = self.root / "tmp" / f"{REMOVED}{os.urandom(16).hex()}"
        with contextlib.suppress(FileNotFoundError):
            self.files.make(away.parent)
            self.files.move(folder, away)
            return away
        return None

    def remove(self, folder: Path) -> None:
        """Remove a folder; no other process sees it half removed."""
        if self.files.state(folder) and (away := self.set_aside(folder)):
            self.files.remove(away)

    def _poll(self) -> None:
        self._on_wait("", 0.0)

    def _received(
        self, upstream: "Upstream", kind: str, key: str, is_good: IsGood, size_bytes: int | None = None
    ) -> Entry | None:
        """Take an entry from the shared store, if it has one. The caller locks it."""
        if (offer := upstream.offer(kind, key, size_bytes, self._poll)) is None:
            return None

        def fill(folder: Path) -> Mapping[str, str]:
            return upstream.fill(self.files, folder, offer, self._poll)

        try:
            entry = replace(self._made(kind, key, fill, is_good, resumable=(), received=True), cached=True)
        except NotReceivedError:
            return None
        return entry if is_good(entry) else None

    def _made(
        self, kind: str, key: str, make: Make, is_good: IsGood, *, resumable: Collection[str], received: bool = False
    ) -> Entry:
        partial = self.partial_dir(kind, key)
        with self.files.within(self._temporary, makes=True) as temporary:
            self._begin(temporary, partial, resumable)
            try:
                with temporary.within(partial) as inside:

                    def fill() -> dict[str, FileRecord]:
                        return entries.filled(inside, make(partial) or {}, resumable)

                    entry = self._published(temporary, inside, kind, key, fill, is_good=is_good, received=received)
            except BaseException:
                if not resumable:
                    self.remove(partial)
                if not temporary.content(partial):  # else the next attempt resumes from it
                    temporary.remove(partial)
                raise
            if temporary.state(partial.name):
                self.remove(partial)
        return entry

    def _begin(self, temporary: Folder, partial: Path, resumable: Collection[str]) -> None:
        """Make the folder of a partial entry, or keep what a killed process left in it; this one holds the lock."""
        if temporary.begin(partial.name):
            return
        if not (resumable and temporary.is_folder(partial.name)):
            self.remove(partial)
            temporary.make(partial)
        with temporary.within(partial.name) as inside:
            inside.remove_all_but(resumable)

    def _published(
        self,
        temporary: Folder,
        inside: Folder,
        kind: str,
        key: str,
        fill: Callable[[], dict[str, FileRecord]],
        *,
        is_good: IsGood,
        received: bool,
    ) -> Entry:
        """Fill the partial entry and move it into place, unless a process without our locks did so first."""
        partial, path = inside.path, self.path(kind, key)
        name = partial.name
        state = inside.own_state()
        try:
            files = fill()
            entry = Entry(path=path, cached=False, files=files, boot=self._boot, made=time.time(), received=received)
            inside.create(MANIFEST, entries.manifest(entry))
            with self.files.within(f"{kind}/{key[:2]}", makes=True) as target:
                while _is_still(temporary, name, state) and not _is_moved(temporary, name, target, key):
                    if there := self._good(kind, key, is_good):
                        return replace(there, cached=False)
                    self.remove(path)
                if _is_still(target, key, state):
                    return entry
        except FileNotFoundError:
            if _is_still(self.files, partial, state):
                raise
        if _is_still(self.files, path, state):
            return entry
        if there := self._good(kind, key, is_good):
            return replace(there, cached=False)
        raise DiskError(
            f"{partial}: another process removed this folder while it was being filled. If machines share the store "
            "without sharing its locks, give each machine its own store."
        )

    def _good(self, kind: str, key: str, is_good: IsGood) -> Entry | None:
        found = self._checked(kind, key)
        return found if found and is_good(found) else None

    def _checked(self, kind: str, key: str) -> Entry | None:
        """Return an entry, hashing its files if it is not trusted; remove it if they changed. The caller locks it."""
        found = entries.found(self.files, self.place(kind, key))
        if found is None:
            return None
        return found.entry if self._is_trusted(found) else self.read_again(found.entry)

    def _is_trusted(self, found: Found) -> bool:
        return found.is_unchanged and found.entry.boot in {None, self._boot}

    def _use(self, root: Folder, kind: str, entry: Entry) -> None:
        """Mark an entry as used now. A store that cannot be written is never collected, so this may fail."""
        with contextlib.suppress(OSError, DiskError):
            root.touch(MANIFEST if root.path is entry.path else entry.path / MANIFEST)
            is_large = entry.bytes >= _SETTLED_BYTES
            if is_large and entry.boot is not None and time.time() - entry.made > SETTLE_S:
                entries.sync(self.files, entry.path, entry.files)
                with self.lock_if_free(f"{kind}-{entry.path.name}") as free:
                    if free and self.listed(kind, entry.path.name) == replace(entry, cached=True):
                        entries.write(self.files, entry.path, replace(entry, boot=None))


def _is_moved(temporary: Folder, name: str, target: Folder, new: str) -> bool:
    """Move a folder to another in one step; return False if there is something of its name already."""
    try:
        temporary.move(name, new, target)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
            raise
        return False
    return True


def _is_still(root: Folder, folder: Place, before: os.stat_result | None) -> bool:
    state = root.state(folder)
    return state is not None and before is not None and os.path.samestat(state, before)
