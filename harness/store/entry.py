"""Records the digest and stat of files and detects changes.

An entry of a store is a folder of files; its `entry.json` lists their records:

    {"files": {"blob": {"bytes": 9, "mtime_ns": 1, "ctime_ns": 1, "inode": 7, "sha256": "ab..."}}, "made": 1767225600.0}
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NotRequired, TypedDict

from harness.core import strict_json
from harness.core.callbacks import ReadProgress, ignore
from harness.core.values import frozen
from harness.host import files as safe
from harness.host.beneath import Folder

MANIFEST = "entry.json"
_HALF_WRITTEN = f".{MANIFEST}."
_CHUNK_BYTES = 1 << 20
_MANIFEST_BYTES = 8 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
# A file is missing, or something else is in its place: a link, a folder, a device, a name that leads out of the entry.
_NOT_OURS = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.EINVAL, errno.ENXIO}


class Stamp(TypedDict):
    """What stat(2) says of a file: a change of its content changes one of these. All are 0 if it is missing.

    Only root can set the time of the last change of a file (`ctime_ns`); stamps of earlier versions do not have it.
    """

    bytes: int
    mtime_ns: int
    ctime_ns: NotRequired[int]
    inode: int


class FileRecord(Stamp):
    """The stamp of a file and the SHA-256 of its content, which is None if the file is missing."""

    sha256: str | None


class NotReceivedError(Exception):
    """An entry did not come from the shared store after all."""


@frozen
class Entry:
    """A complete entry of the store.

    Attributes:
        path: its folder.
        cached: whether it was in the store before it was asked for.
        files: a record for each of its files, by path in the folder.
        boot: the only boot of the machine in which the stamps are trusted; None for any.
        made: when it was stored, in seconds since 1970.
        received: whether it came from a shared store, and was not made here.
    """

    path: Path
    cached: bool
    files: Mapping[str, FileRecord]
    boot: str | None = None
    made: float = 0.0
    received: bool = False

    @property
    def bytes(self) -> int:
        """The size of all files together."""
        return sum(file["bytes"] for file in self.files.values())

    def sha256(self, name: str) -> str:
        """Return the SHA-256 of a file, in hexadecimal."""
        return str(self.files[name]["sha256"])


@frozen
class _Manifest:
    """The content of `entry.json`."""

    files: dict[str, FileRecord]
    boot: str | None = None
    made: float = 0.0
    received: bool = False


@frozen
class Found:
    """An entry as its folder is.

    Attributes:
        entry: what its manifest lists.
        is_unchanged: whether the stamps of all files are as recorded.
    """

    entry: Entry
    is_unchanged: bool


def found(root: Folder, folder: str) -> Found | None:
    """Return the entry of a folder, named from `root` on, without looking into its files.

    None if its manifest is missing or malformed, or does not list all files of the folder.
    """
    if not root.may_have(f"{folder}/{MANIFEST}"):
        return None
    with contextlib.suppress(OSError), root.within(folder) as inside:
        return within(inside)
    return None


def within(inside: Folder) -> Found | None:
    """Return the entry of a folder that is open, as `found` does."""
    from harness.core.records import read as read_typed  # noqa: PLC0415 - as slow to import as all of harness.specs

    try:
        listed = read_typed(_Manifest, strict_json.loads(inside.read(MANIFEST, _MANIFEST_BYTES)))
        content = _content(inside)
    except (OSError, ValueError):
        return None
    files = listed.files
    if not (content.keys() <= files.keys() and all(map(_is_record, files.values()))):
        return None
    stamps = _stamps(content)
    return Found(
        entry=Entry(
            path=inside.path,
            cached=True,
            files=files,
            boot=listed.boot,
            made=listed.made,
            received=listed.received,
        ),
        is_unchanged=all(stamps.get(name) == _stamp_of(file) for name, file in files.items()),
    )


def write(root: Folder, folder: Path, entry: Entry) -> None:
    """Write the manifest of an entry, and remove what is left of one whose writer was killed. The caller locks it."""
    with root.within(folder) as inside:
        for name in inside.names():
            if name.startswith(_HALF_WRITTEN):
                inside.remove(name)
        inside.write(MANIFEST, manifest(entry))


def manifest(entry: Entry) -> bytes:
    """Return the content of the manifest of an entry. No I/O."""
    boot = {} if entry.boot is None else {"boot": entry.boot}
    received = {"received": True} if entry.received else {}
    return json.dumps({"files": entry.files, "made": entry.made, **boot, **received}).encode()


def _is_record(file: FileRecord) -> bool:
    return file["bytes"] >= 0 and _SHA256.fullmatch(file["sha256"] or "") is not None


def stat_stamp(state: os.stat_result) -> Stamp:
    """Return the stamp that a stat result stands for. No I/O."""
    return Stamp(bytes=state.st_size, mtime_ns=state.st_mtime_ns, ctime_ns=state.st_ctime_ns, inode=state.st_ino)


def records(
    root: Folder,
    folder: Path,
    names: Iterable[str],
    *,
    progress: ReadProgress = ignore,
) -> dict[str, FileRecord]:
    """Return the records of files. Each stamp is taken before the file is read, so a change meanwhile shows later.

    Args:
        root: the folder of the store.
        folder: where the files are.
        names: their paths in the folder.
        progress: told the size of each piece read.
    """
    return {name: _record(root, folder / name, progress) for name in names}


def filled(inside: Folder, known: Mapping[str, str], names: Iterable[str] = ()) -> dict[str, FileRecord]:
    """Return the records of all files of a new entry, in order, and remove what is neither a file nor a folder.

    Args:
        inside: its folder.
        known: the SHA-256 of files that need not be read.
        names: those that the files may have, if only those.
    """
    records = {}
    named = {name: state for name in names if (state := inside.state(name))}
    for name, state in sorted((named or _content(inside)).items()):
        if not stat.S_ISREG(state.st_mode):
            inside.remove(name)  # an entry has neither links nor special files
        elif name in known:
            records[name] = FileRecord(**stat_stamp(state), sha256=known[name])
        else:
            records[name] = _record(inside, inside.path / name, ignore)
    return records


def restamped(root: Folder, entry: Entry) -> Entry:
    """Return an entry with the `ctime_ns` that its files have now, where that alone differs."""
    with root.within(entry.path) as inside:
        stamps = _stamps(_content(inside))
    same = {
        name: FileRecord(**stamps[name], sha256=file["sha256"])
        for name, file in entry.files.items()
        if name in stamps and stamps[name] | {"ctime_ns": 0} == _stamp_of(file) | {"ctime_ns": 0}
    }
    return replace(entry, files={**entry.files, **same})


def file_sha256(path: Path, progress: ReadProgress = ignore) -> str:
    """Return the SHA-256 of a file in hexadecimal, in constant memory; `progress` is told the size of each piece."""
    with safe.opened(path) as file:
        return sha256(file, progress)


def sha256(file: BinaryIO, progress: ReadProgress = ignore) -> str:
    """Return the SHA-256 of an open file, as `file_sha256` does."""
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
        progress(len(chunk))
    return digest.hexdigest()


def sync(root: Folder, folder: Path, names: Iterable[str]) -> None:
    """Wait until the contents of files are on disk."""
    for name in names:
        with root.reader(folder / name) as file:
            os.fdatasync(file)


def _stamps(content: Mapping[str, os.stat_result]) -> dict[str, Stamp]:
    """Return the stamps of the files among what is in the folder of an entry."""
    return {name: stat_stamp(state) for name, state in content.items() if stat.S_ISREG(state.st_mode)}


def _content(inside: Folder) -> dict[str, os.stat_result]:
    """Return all but folders in the folder of an entry, by their paths in it, without its manifest."""
    # A process that writes the manifest, or was killed while it did so, has or leaves a temporary file.
    below = inside.leaves().items()
    return {name: state for name, state in below if name != MANIFEST and not name.startswith(_HALF_WRITTEN)}


def _stamp_of(record: Stamp) -> Stamp:
    changed_ns = record.get("ctime_ns", 0)
    return Stamp(bytes=record["bytes"], mtime_ns=record["mtime_ns"], ctime_ns=changed_ns, inode=record["inode"])


def _record(root: Folder, path: Path, progress: ReadProgress) -> FileRecord:
    try:
        with root.reader(path) as file:
            return FileRecord(**stat_stamp(os.fstat(file.fileno())), sha256=sha256(file, progress))
    except OSError as error:
        if error.errno not in _NOT_OURS:
            raise
        return FileRecord(bytes=0, mtime_ns=0, ctime_ns=0, inode=0, sha256=None)
