"""Says what files are, by digest and stamp, and whether they are so still, by stamp alone. Writes nothing."""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

STAMP = ("bytes", "mtime_ns", "inode")
_CHUNK_BYTES = 1 << 20
_NO_DIGESTS: Mapping[str, str] = MappingProxyType({})

Progress = Callable[[int], None]
Files = Mapping[str, Mapping[str, Any]]


def unheeded(_: int) -> None:
    """Take no notice of progress."""


def file_sha256(path: Path, progress: Progress = unheeded) -> str:
    """Return the hexadecimal sha256 of a file of any size, in constant memory.

    Args:
        path: the file.
        progress: told of the bytes of each piece read; what it raises ends it.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            progress(len(chunk))
    return digest.hexdigest()


def stamp(path: Path) -> dict[str, int]:
    """Return size, modification time and inode of a file, all 0 if there is none."""
    try:
        state = path.stat()
    except OSError:
        return dict.fromkeys(STAMP, 0)
    return dict(zip(STAMP, (state.st_size, state.st_mtime_ns, state.st_ino), strict=True))


def described(
    folder: Path, names: Iterable[str], *, known: Mapping[str, str] = _NO_DIGESTS, progress: Progress = unheeded
) -> dict[str, dict[str, Any]]:
    """Return digest and stamp of files; the stamp is the older, so that no later change goes unseen.

    Args:
        folder: where they are.
        names: their paths in it.
        known: digests that need not be computed.
        progress: told of the bytes of each piece read.
    """
    return {
        name: {**stamp(folder / name), "sha256": known.get(name) or _sha256_or_none(folder / name, progress)}
        for name in names
    }


def are_as_stamped(folder: Path, files: Files) -> bool:
    """Return whether size, modification time and inode of all files are what they were."""
    return all(stamp(folder / name) == {each: file[each] for each in STAMP} for name, file in files.items())


def sync(folder: Path, names: Iterable[str]) -> None:
    """Wait until the contents of files are on disk."""
    for name in names:
        descriptor = os.open(folder / name, os.O_RDONLY)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


def _sha256_or_none(path: Path, progress: Progress) -> str | None:
    return file_sha256(path, progress) if path.is_file() else None
