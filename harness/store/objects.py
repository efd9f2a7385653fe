"""What a shared store consists of: names with bytes. Here in a folder; others are in `harness.fetch.shared_objects`."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from harness.host.beneath import Folder

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Stored:
    """An object.

    Attributes:
        name: its name, such as `objects/ab/ab12...`.
        bytes: its size.
        modified: when it was written, in seconds since 1970.
    """

    name: str
    bytes: int
    modified: float


class ObjectsError(Exception):
    """The objects cannot be read or written; the text says why, without secrets."""


class Objects(Protocol):
    """Objects of a folder or bucket. Each call may take for ever, so nothing waits for it in its own thread.

    Methods raise OSError or ObjectsError.
    """

    def read(self, name: str, start: int, stop: int) -> bytes | None:
        """Return the bytes from `start` to before `stop`, or those that there are; None if there is no such object."""

    def find(self, name: str) -> Stored | None:
        """Return an object, or None if there is none."""

    def write(self, name: str, opened: Callable[[], BinaryIO]) -> None:
        """Write an object in one step, in the place of one of its name, from a file that is opened now."""

    def listed(self) -> Iterator[Stored]:
        """Yield all objects."""

    def remove(self, name: str) -> None:
        """Remove an object; one that is not there is as good as removed."""


class FolderObjects:
    """Objects in a folder, which machines share by NFS for example. It needs no locks, only an atomic rename."""

    def __init__(self, root: Path) -> None:
        """Use a folder, which is not created: one that is not mounted must not be filled."""
        self._root, self._files = root, Folder(root)

    def read(self, name: str, start: int, stop: int) -> bytes | None:
        """Return bytes of a file; links are not followed."""
        self._check()
        try:
            with self._files.reader(self._root / name) as file:
                file.seek(start)
                return file.read(stop - start)
        except FileNotFoundError:
            return None

    def find(self, name: str) -> Stored | None:
        """Return a file; links and folders are none."""
        self._check()
        state = self._files.state(self._root / name)
        return _stored(name, state) if state and stat.S_ISREG(state.st_mode) else None

    def write(self, name: str, opened: Callable[[], BinaryIO]) -> None:
        """Write a file under another name, and rename it when it is on disk."""
        self._check()
        path = self._root / name
        temporary = path.with_name(f".{path.name}.{os.urandom(16).hex()}.tmp")
        self._files.make(path.parent)
        try:
            with opened() as source, self._files.new(temporary) as file:
                shutil.copyfileobj(source, file, _CHUNK_BYTES)
                file.flush()
                os.fsync(file)
            self._files.move(temporary, path)
        finally:
            self._files.remove(temporary)

    def listed(self) -> Iterator[Stored]:
        """Yield all files, also those that killed writers left."""
        self._check()
        start = len(str(self._root)) + 1
        for path, state in self._files.walk(self._root):
            if stat.S_ISREG(state.st_mode):
                yield _stored(str(path)[start:], state)

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._check()
        self._files.remove(self._root / name)
        if self._files.state(self._root / name):
            raise ObjectsError("the file cannot be removed")

    def _check(self) -> None:
        if not self._files.state(self._root):
            raise ObjectsError("the folder does not exist; create or mount it")


def _stored(name: str, state: os.stat_result) -> Stored:
    return Stored(name=name, bytes=state.st_size, modified=state.st_mtime)
