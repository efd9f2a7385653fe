"""Whether an installed release is what its wheels contain, and stays so.

`entry.json` lists the digests of an installed release, and a process that can change its files can change that as well.
So the digest of all these digests is locked in `releases.json`, beside the hashes of the wheels that it was taken from.
"""

import functools
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from harness.host.beneath import Folder
from harness.store.entry import Entry, sha256

# What an installer writes beside the files of the wheels, differently on each machine.
_BESIDE = frozenset({"bin", ".lock", "requirements.txt", "install.log"})


def digest(files: Mapping[str, str]) -> str:
    """Return the digest of what wheels contain, given the SHA-256 of each installed file by its path. No I/O."""
    lines = (f"{name} {files[name]}\n" for name in sorted(files) if _is_of_wheel(name.partition("/")[0]))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def is_listed_right(entry: Entry, locked: str | None) -> bool:
    """Return whether an entry lists what the wheels contain; true if no digest is locked. No I/O."""
    return locked in {None, digest({name: entry.sha256(name) for name in entry.files})}


def is_intact(root: Folder, entry: Entry, folders: tuple[str, ...]) -> bool:
    """Return whether the files below some folders of an entry are as it lists them.

    They are read, since stamps in the store prove nothing to somebody who can write there. A process reads a file once.
    A file with another name outside of the entry can be changed there, so it is not intact.
    """
    start = len(str(entry.path)) + 1
    for path, state in root.walk(entry.path):
        listed = entry.files.get(name := str(path)[start:])
        if listed and (state.st_nlink != 1 or (name.startswith(folders) and _read(root, path) != listed["sha256"])):
            return False
    return True


def _read(root: Folder, path: Path) -> str:
    with root.reader(path) as file:
        state = os.fstat(file.fileno())
        return _sha256(root, path, (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino))


@functools.lru_cache(maxsize=1 << 15)  # an importer has 10,000 files
def _sha256(root: Folder, path: Path, _stamp: tuple[int, ...]) -> str:
    with root.reader(path) as file:
        return sha256(file)


def _is_of_wheel(folder: str) -> bool:
    return folder not in _BESIDE and not folder.endswith(".dist-info")
