"""The only place that writes the cache: look up, lock, look up again, temporary folder, `os.replace`.

    ROOT/<kind>/<first two of key>/<key>/   a whole entry: files and `entry.json`, which lists them
    ROOT/tmp/<kind>-<key>/                  an entry in the making, by whoever holds its lock
    ROOT/locks/<kind>-<key>                 its lock, which the system releases when the holder dies
    ROOT/digests/<sha256 of path>.json      what a file outside the store was when it was last hashed

An entry is trusted while size, modification time and inode of its files are as `entry.json` says;
else it is hashed again, and removed if it is not what was stored.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import DiskError

MANIFEST = "entry.json"
_CHUNK_BYTES = 1 << 20
_LOCK_POLL_S = 0.05
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_DISK_ERRORS |= {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOLCK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A whole entry of the store; `cached` if it was there before it was asked for."""

    path: Path
    cached: bool
    files: Mapping[str, Mapping[str, Any]]

    def sha256(self, name: str) -> str:
        """Return the digest of one of its files."""
        return str(self.files[name]["sha256"])


def _no_notice(holder: str, waited_s: float) -> None:
    """Say nothing about a lock that another holds."""


class Store:
    """A content-addressed cache that any number of processes share."""

    def __init__(self, root: Path, *, on_wait: Callable[[str, float], None] = _no_notice) -> None:
        """Use the folder, which is made when first written to.

        Args:
            root: the folder.
            on_wait: called again and again with the holder and the seconds waited for its lock;
                what it raises ends the wait.
        """
        self.root = root.absolute()
        self._on_wait = on_wait

    def find(self, kind: str, key: str) -> Entry | None:
        """Return the entry if it is there and whole; what is not whole is removed."""
        entry = self._listed(kind, key)
        if entry is None or _is_as_stamped(entry):
            return entry
        with self.lock(f"{kind}-{key}"), disk_errors(self.root):
            return self._checked(kind, key)

    def provide(
        self, kind: str, key: str, make: Callable[[Path], None], *, is_good: Callable[[Entry], bool] = lambda _: True
    ) -> Entry:
        """Return the entry, made by `make(folder)` if it is not there; others wait for it meanwhile.

        An entry that is there and not `is_good` is replaced.

        Raises:
            DiskError: no space is left or the store cannot be written.
        """
        if (found := self.find(kind, key)) and is_good(found):
            return found
        with self.lock(f"{kind}-{key}"), disk_errors(self.root):
            found = self._checked(kind, key)
            return found if found and is_good(found) else self._made(kind, key, make)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock that no other process or thread holds; it ends with this process at the latest."""
        path = self.root / "locks" / name
        with disk_errors(self.root):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            with disk_errors(path):
                self._acquire(descriptor)
            with contextlib.suppress(OSError):  # a full disk hides the holder's name from others, no more
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"process {os.getpid()} on {os.uname().nodename}".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def digest(self, path: Path) -> str:
        """Return the sha256 of a file anywhere; it is read again only after it has changed."""
        place = self.root / "digests" / f"{hashlib.sha256(bytes(path.absolute())).hexdigest()}.json"
        stamp = _stamp(path)
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            known = json.loads(place.read_bytes())
            if _stamped(known) == stamp:
                return str(known["sha256"])
        sha256 = file_sha256(path)
        with contextlib.suppress(OSError):  # a cache of digests that cannot be written costs time only
            place.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(place, json.dumps({"sha256": sha256, "path": str(path), **_entry_of(stamp)}))
        return sha256

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Lend a folder that is gone afterwards."""
        with disk_errors(self.root):
            parent = self.root / "tmp"
            parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=parent) as folder:
                yield Path(folder)

    def _path(self, kind: str, key: str) -> Path:
        return self.root / kind / key[:2] / key

    def _acquire(self, descriptor: int) -> None:
        started = time.monotonic()
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(descriptor, 200, 0).decode(errors="replace")
                self._on_wait(holder or "another process", time.monotonic() - started)
                time.sleep(_LOCK_POLL_S)

    def _made(self, kind: str, key: str, make: Callable[[Path], None]) -> Entry:
        draft = self.root / "tmp" / f"{kind}-{key}"
        shutil.rmtree(draft, ignore_errors=True)  # left by one that was killed: the lock is ours now
        draft.mkdir(parents=True)
        try:
            make(draft)
            files = _described(
                draft, sorted(str(each.relative_to(draft)) for each in draft.rglob("*") if each.is_file())
            )
            _write_manifest(draft, files)
            path = self._path(kind, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(path, ignore_errors=True)
            draft.replace(path)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return Entry(path=path, cached=False, files=files)

    def _listed(self, kind: str, key: str) -> Entry | None:
        path = self._path(kind, key)
        try:
            listed = json.loads((path / MANIFEST).read_bytes())["files"].items()
            files = {name: {key: file[key] for key in ("sha256", *_STAMP)} for name, file in listed}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return Entry(path=path, cached=True, files=files)

    def _checked(self, kind: str, key: str) -> Entry | None:
        """Return the entry if its files are what was stored, hashing them if need be; remove it if not.

        Its lock must be held.
        """
        entry = self._listed(kind, key)
        if entry is None or _is_as_stamped(entry):
            return entry
        files = _described(entry.path, entry.files)
        if all(files[name]["sha256"] == entry.sha256(name) for name in files):
            _write_manifest(entry.path, files)
            return Entry(path=entry.path, cached=True, files=files)
        shutil.rmtree(entry.path)
        return None


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors about space and rights into a DiskError that names the file."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        place = error.filename or path
        raise DiskError(
            f"{place}: cannot be written ({error.strerror}); "
            "free some space, or name another folder with --store or --out."
        ) from error


def file_sha256(path: Path) -> str:
    """Return the hexadecimal sha256 of a file of any size, in constant memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def write_atomically(path: Path, text: str) -> None:
    """Write a text file so that no reader ever sees a part of it, and two writers not each other's."""
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _described(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return digest and stamp of files; the stamp is the older, so that no later change goes unseen."""
    return {name: {**_entry_of(_stamp(folder / name)), "sha256": _sha256_or_none(folder / name)} for name in names}


def _write_manifest(folder: Path, files: Mapping[str, Any]) -> None:
    write_atomically(folder / MANIFEST, json.dumps({"files": files}, indent=1))


def _is_as_stamped(entry: Entry) -> bool:
    return all(_stamp(entry.path / name) == _stamped(file) for name, file in entry.files.items())


def _sha256_or_none(path: Path) -> str | None:
    return file_sha256(path) if path.is_file() else None


Stamp = tuple[int, int, int] | None
_STAMP = ("bytes", "mtime_ns", "inode")


def _stamp(path: Path) -> Stamp:
    """Return size, modification time and inode of a file, or None if there is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns, state.st_ino


def _entry_of(stamp: Stamp) -> dict[str, int]:
    return dict(zip(_STAMP, stamp or (0, 0, 0), strict=True))


def _stamped(entry: Mapping[str, Any]) -> Stamp:
    return entry["bytes"], entry["mtime_ns"], entry["inode"]
