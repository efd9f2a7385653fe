"""The only place that writes the cache: look up, lock, look up again, temporary folder, `os.replace`.

    ROOT/<kind>/<first two of key>/<key>/   a whole entry: files and `entry.json`, which lists them
    ROOT/tmp/<kind>-<key>/                  an entry in the making, by whoever holds its lock
    ROOT/locks/<kind>-<key>                 its lock, which the system releases when the holder dies
    ROOT/pins                               pins on the entries in use, which nobody collects meanwhile
    ROOT/digests/<sha256 of path>.json      what a file outside the store was when it was last hashed

An entry is trusted while size, modification time and inode of its files are as `entry.json` says;
else it is hashed again, and removed if it is not what was stored. So is one that may have lost bytes
with the power: until its files are known to be on disk, `entry.json` names the boot in which they were
written, and only that boot trusts them. When an entry was last used is the time of its `entry.json`.
"""

import contextlib
import errno
import functools
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

from harness.core.callbacks import ReadProgress, WaitNotice, ignore
from harness.core.errors import DiskError
from harness.host import locks
from harness.host.disk import disk_errors, write_atomically
from harness.store import entry as entries
from harness.store.entry import MANIFEST, Entry, FileRecord

REMOVED = "removed."
# What the kernel has written back by itself by then: dirty_expire_centisecs is 30 s, and it looks every 5 s.
SETTLE_S = 60.0
Make = Callable[[Path], Mapping[str, str] | None]
IsGood = Callable[[Entry], bool]


@functools.cache
def _this_boot() -> str:
    """Return what the kernel calls this boot; where it says nothing, no power loss is seen."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


class Store:
    """A content-addressed cache that any number of processes share.

    What it has returned stays until it is closed, or its process ends.
    """

    def __init__(self, root: Path, *, on_wait: WaitNotice = ignore, boot: str | None = None) -> None:
        """Use the folder, which is made when first written to.

        Args:
            root: the folder.
            on_wait: called again and again with the holder and the seconds waited for its lock;
                what it raises ends the wait.
            boot: what tells this boot of the machine from others; by default the kernel's own word.
        """
        self.root = root.absolute()
        self._on_wait = on_wait
        self._boot = boot or _this_boot()
        self._pins = locks.Pins(self.root / "pins")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of what it has returned."""
        self.close()

    def close(self) -> None:
        """Let go of what it has returned: from now on it may be collected."""
        self._pins.close()

    def find(self, kind: str, key: str) -> Entry | None:
        """Return the entry if it is there and whole; what is not whole is removed."""
        if not self.root.is_dir():
            return None
        self._pins.hold(f"{kind}-{key}")
        entry = self.listed(kind, key)
        if entry and not self._is_trusted(entry):
            with self.lock(f"{kind}-{key}"), disk_errors(self.root):
                entry = self._checked(kind, key)
        if entry:
            self._use(entry, kind, key)
        return entry

    def provide(
        self,
        kind: str,
        key: str,
        make: Make,
        *,
        is_good: IsGood = lambda _: True,
        resumable: bool = False,
    ) -> Entry:
        """Return the entry, made by `make(folder)` if it is not there; others wait for it meanwhile.

        Args:
            kind: what sort of entry, without a hyphen.
            key: what stands for its content.
            make: fills the folder, and may return the sha256 of files of which it hashed every byte
                that it wrote, so that they are not read again.
            is_good: an entry that is there and is not is replaced.
            resumable: what a maker that failed or was killed leaves in the folder is there for the next.

        Raises:
            DiskError: no space is left or the store cannot be written.
        """
        if (found := self.find(kind, key)) and is_good(found):
            return found
        with self.lock(f"{kind}-{key}"), disk_errors(self.root):
            self._pins.hold(f"{kind}-{key}")  # there may have been no folder to do so
            entry = self._good(kind, key, is_good) or self._made(kind, key, make, is_good, resumable=resumable)
        self._use(entry, kind, key)
        return entry

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock that no other process or thread holds; it ends with this process at the latest."""
        path = self.root / "locks" / name
        with disk_errors(path):
            descriptor = locks.acquire(path, self._on_wait)
        try:
            yield
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def lock_if_free(self, name: str) -> Iterator[bool]:
        """Hold a lock as `lock` does, or say that another holds it."""
        path = self.root / "locks" / name
        with disk_errors(path):
            descriptor = locks.try_acquire(path)
        try:
            yield descriptor is not None
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def digest(self, path: Path) -> str:
        """Return the sha256 of a file anywhere; it is read again only after it has changed."""
        place = self.root / "digests" / f"{hashlib.sha256(bytes(path.absolute())).hexdigest()}.json"
        stamp = entries.stamp(path)
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            known = json.loads(place.read_bytes())
            if stamp == {name: known[name] for name in stamp}:
                return str(known["sha256"])
        sha256 = entries.file_sha256(path)
        with contextlib.suppress(OSError):  # a cache of digests that cannot be written costs time only
            place.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(place, json.dumps({"sha256": sha256, "path": str(path.absolute()), **stamp}))
        return sha256

    def path(self, kind: str, key: str) -> Path:
        """Return where an entry is, if it is there."""
        return self.root / kind / key[:2] / key

    def partial_dir(self, kind: str, key: str) -> Path:
        """Return where an entry is made, and where an unfinished one may be."""
        return self.root / "tmp" / f"{kind}-{key}"

    def listed(self, kind: str, key: str) -> Entry | None:
        """Return the entry as its manifest lists it, without a look at its files."""
        return entries.read(self.path(kind, key))

    def read_again(self, entry: Entry, progress: ReadProgress = ignore) -> Entry | None:
        """Return the entry if its files are what was stored, every byte of them; remove it if not.

        Its lock must be held. `progress` is told of the bytes of each piece read; what it raises ends it.
        """
        files = entries.records(entry.path, entry.files, progress=progress)
        if any(files[name]["sha256"] != entry.sha256(name) for name in files):
            self.remove(entry.path)
            return None
        if files == entry.files and entry.boot is None:
            return entry
        entries.sync(entry.path, entry.files)
        settled = replace(entry, files=files, boot=None)
        entries.write(entry.path, settled)
        return settled

    def set_aside(self, folder: Path) -> Path | None:
        """Take a folder away in one step, so that nobody sees a part of it; return where it is now, if it was there."""
        away = self.root / "tmp" / f"{REMOVED}{uuid.uuid4().hex}"
        with contextlib.suppress(FileNotFoundError):
            away.parent.mkdir(parents=True, exist_ok=True)
            return folder.replace(away)
        return None

    def remove(self, folder: Path) -> None:
        """Remove a folder of which nobody ever sees a part."""
        if away := self.set_aside(folder):
            shutil.rmtree(away, ignore_errors=True)

    def _made(self, kind: str, key: str, make: Make, is_good: IsGood, *, resumable: bool) -> Entry:
        partial = self.partial_dir(kind, key)
        if not resumable:
            self.remove(partial)  # left by one that was killed: the lock is ours now
        partial.mkdir(parents=True, exist_ok=True)
        try:
            entry = self._published(kind, key, make, is_good)
        except BaseException:
            if not resumable:
                self.remove(partial)
            with contextlib.suppress(OSError):  # what has something to go on with stays
                partial.rmdir()
            raise
        self.remove(partial)
        return entry

    def _published(self, kind: str, key: str, make: Make, is_good: IsGood) -> Entry:
        """Fill the draft and put it in its place, unless somebody whose lock is not seen here did so meanwhile."""
        partial, path = self.partial_dir(kind, key), self.path(kind, key)
        state = partial.stat()
        try:
            entry = Entry(path=path, cached=False, files=_filled(partial, make), boot=self._boot, made=time.time())
            entries.write(partial, entry)
            path.parent.mkdir(parents=True, exist_ok=True)
            while _is_still(partial, state) and not _is_moved(partial, path):
                if there := self._good(kind, key, is_good):
                    return replace(there, cached=False)
                self.remove(path)
        except FileNotFoundError:
            if _is_still(partial, state):
                raise
        if _is_still(path, state):
            return entry
        if there := self._good(kind, key, is_good):
            return replace(there, cached=False)
        raise DiskError(
            f"{partial}: another has taken the folder away while it was being filled; do machines that do not see "
            "each other's locks share the store? Then give each a store of its own."
        )

    def _good(self, kind: str, key: str, is_good: IsGood) -> Entry | None:
        found = self._checked(kind, key)
        return found if found and is_good(found) else None

    def _checked(self, kind: str, key: str) -> Entry | None:
        """Return the entry if its files are what was stored, hashing them if need be; remove it if not.

        Its lock must be held.
        """
        entry = self.listed(kind, key)
        return entry if entry is None or self._is_trusted(entry) else self.read_again(entry)

    def _is_trusted(self, entry: Entry) -> bool:
        is_of_this_boot = entry.boot is None or entry.boot == self._boot
        return is_of_this_boot and entries.is_unchanged(entry)

    def _use(self, entry: Entry, kind: str, key: str) -> None:
        """Leave a mark that it was used now; in a store that cannot be written nothing is collected either."""
        with contextlib.suppress(OSError, DiskError):
            os.utime(entry.path / MANIFEST)
            if entry.boot is not None and time.time() - entry.made > SETTLE_S:
                entries.sync(entry.path, entry.files)
                with self.lock_if_free(f"{kind}-{key}") as free:
                    if free and self.listed(kind, key) == replace(entry, cached=True):
                        entries.write(entry.path, replace(entry, boot=None))


def _filled(partial: Path, make: Make) -> dict[str, FileRecord]:
    """Have a folder filled and return its files."""
    (partial / MANIFEST).unlink(missing_ok=True)
    known = make(partial) or {}
    names = sorted(str(each.relative_to(partial)) for each in partial.rglob("*") if each.is_file())
    return entries.records(partial, names, known=known)


def _is_still(folder: Path, state: os.stat_result) -> bool:
    try:
        return os.path.samestat(folder.stat(), state)
    except FileNotFoundError:
        return False


def _is_moved(partial: Path, path: Path) -> bool:
    """Move a folder to where none is, in one step; False if one is."""
    try:
        partial.replace(path)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
        return False
    return True
