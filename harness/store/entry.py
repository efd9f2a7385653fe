"""Records the digest and stat of files and detects changes.

An entry of a store is a folder of files; its `entry.json` lists their records:

    {"files": {"blob": {"bytes": 9, "mtime_ns": 1, "inode": 7, "sha256": "ab..."}}, "made": 1767225600.0, "boot": "..."}
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict

from harness.core import strict_json
from harness.core.callbacks import ReadProgress, ignore
from harness.host import files as safe
from harness.host.disk import write_atomically

MANIFEST = "entry.json"
_CHUNK_BYTES = 1 << 20
_MANIFEST_BYTES = 8 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NO_DIGESTS: Mapping[str, str] = MappingProxyType({})


class Stamp(TypedDict):
    """What stat(2) says of a file: a change of its content changes one of these. All are 0 if it is missing."""

    bytes: int
    mtime_ns: int
    inode: int


class FileRecord(Stamp):
    """The stamp of a file and the SHA-256 of its content, which is None if the file is missing."""

    sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A complete entry of the store.

    Attributes:
        path: its folder.
        cached: whether it was in the store before it was asked for.
        files: a record for each of its files, by path in the folder.
        boot: the only boot of the machine in which the stamps are trusted; None for any.
        made: when it was stored, in seconds since 1970.
    """

    path: Path
    cached: bool
    files: Mapping[str, FileRecord]
    boot: str | None = None
    made: float = 0.0

    @property
    def bytes(self) -> int:
        """The size of all files together."""
        return sum(file["bytes"] for file in self.files.values())

    def sha256(self, name: str) -> str:
        """Return the SHA-256 of a file, in hexadecimal."""
        return str(self.files[name]["sha256"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manifest:
    """The content of `entry.json`."""

    files: dict[str, FileRecord]
    boot: str | None = None
    made: float = 0.0


def read(folder: Path) -> Entry | None:
    """Return the entry of a folder, without looking into its files.

    None if its manifest is missing or malformed, or does not list all files of the folder.
    """
    from harness.core.records import read as read_typed  # noqa: PLC0415 - as slow to import as all of harness.specs

    try:
        manifest = read_typed(_Manifest, strict_json.loads(safe.read(folder / MANIFEST, _MANIFEST_BYTES)))
    except (OSError, ValueError):
        return None
    if not (set(names(folder)) <= manifest.files.keys() and all(map(_is_record, manifest.files.values()))):
        return None
    return Entry(path=folder, cached=True, files=manifest.files, boot=manifest.boot, made=manifest.made)


def write(folder: Path, entry: Entry) -> None:
    """Write the manifest of an entry into a folder."""
    boot = {} if entry.boot is None else {"boot": entry.boot}
    write_atomically(folder / MANIFEST, json.dumps({"files": entry.files, "made": entry.made, **boot}, indent=1))


def names(folder: Path) -> list[str]:
    """Return the paths of the files in the folder of an entry, without its manifest."""
    every = (str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())
    return sorted(name for name in every if name != MANIFEST)


def _is_record(file: FileRecord) -> bool:
    return file["bytes"] >= 0 and _SHA256.fullmatch(file["sha256"] or "") is not None


def stamp(path: Path) -> Stamp:
    """Return the stamp of a file."""
    try:
        return stat_stamp(path.stat())
    except OSError:
        return Stamp(bytes=0, mtime_ns=0, inode=0)


def stat_stamp(state: os.stat_result) -> Stamp:
    """Return the stamp that a stat result stands for. No I/O."""
    return Stamp(bytes=state.st_size, mtime_ns=state.st_mtime_ns, inode=state.st_ino)


def records(
    folder: Path, names: Iterable[str], *, known: Mapping[str, str] = _NO_DIGESTS, progress: ReadProgress = ignore
) -> dict[str, FileRecord]:
    """Return the records of files. Each stamp is taken before the file is read, so a change meanwhile shows later.

    Args:
        folder: where the files are.
        names: their paths in the folder.
        known: the SHA-256 of files that need not be read.
        progress: told the size of each piece read.
    """
    return {
        name: FileRecord(**stamp(folder / name), sha256=known.get(name) or _sha256_or_none(folder / name, progress))
        for name in names
    }


def is_unchanged(entry: Entry) -> bool:
    """Return whether the stamps of all files are as recorded."""
    return all(stamp(entry.path / name) == _stamp_of(file) for name, file in entry.files.items())


def file_sha256(path: Path, progress: ReadProgress = ignore) -> str:
    """Return the SHA-256 of a file in hexadecimal, in constant memory; `progress` is told the size of each piece."""
    digest = hashlib.sha256()
    with safe.opened(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            progress(len(chunk))
    return digest.hexdigest()


def sync(folder: Path, names: Iterable[str]) -> None:
    """Wait until the contents of files are on disk."""
    for name in names:
        descriptor = os.open(folder / name, os.O_RDONLY)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


def _stamp_of(record: Stamp) -> Stamp:
    return Stamp(bytes=record["bytes"], mtime_ns=record["mtime_ns"], inode=record["inode"])


def _sha256_or_none(path: Path, progress: ReadProgress) -> str | None:
    return file_sha256(path, progress) if path.is_file() else None
