"""A store that machines share, behind the local one: read through, written behind, and trusted with nothing.

What comes from there is compared with a digest that the key of a blob is, or that a trusted machine signed. If it does
not answer, is full or refuses access, the run goes on as if there were none: after a few failures in a row nothing more
is asked or put there, with one warning for each direction.
"""

import hashlib
import io
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from harness.core.callbacks import Notice, ignore
from harness.core.text import DAY_S, counted, one_line
from harness.host import waiting
from harness.host.beneath import Folder
from harness.store import shared_entry
from harness.store.entry import Entry, NotReceivedError
from harness.store.objects import Objects
from harness.store.shared_entry import BLOBS, SIGNED, RefusedError, SharedEntry, SharedFile
from harness.store.signing import Key

TIMEOUT_S = 10.0
PIECE_BYTES = 8 << 20  # what has to arrive within the timeout
_LEAST_BYTES_PER_S = 1 << 20  # of an upload
_LAST_UPLOADS_S = 30.0
_MOST_FAILURES = 3
_REASON_CHARS = 300
# An object that is younger stays as long as the entry that needs it, but for a day; see `shared_upkeep.collect`.
_FRESH_S = DAY_S
_BLOB = "blob"

Result = TypeVar("Result")
Poll = Callable[[], None]


class UnavailableError(Exception):
    """The shared store does not give or take something; the text says why."""


@dataclass(eq=False)
class _Direction:
    """Whether reading, or writing, still makes sense; any thread may use it.

    Attributes:
        label: the shared store, and what is done there.
        is_off: whether to do it no more.
    """

    label: str
    is_off: bool = False
    _in_a_row: int = 0
    _is_told: bool = False

    def failed(self, why: str, notice: Notice) -> None:
        """Count a failure, and report the first one."""
        self._in_a_row += 1
        if self._in_a_row >= _MOST_FAILURES:
            self.is_off = True
        if not self._is_told:
            self._is_told = True
            notice(f"warning: {self.label}: {one_line(why, limit=_REASON_CHARS)}; going on without it")

    def succeeded(self) -> None:
        """Forget earlier failures."""
        self._in_a_row = 0


class Upstream:
    """A shared store. Stores of one process may share it, and any thread may use it.

    Attributes:
        url: where it is, without secrets.
        objects: what it consists of.
        key: verifies and signs.
        notice: is told once for each direction what fails.
    """

    def __init__(
        self,
        url: str,
        objects: Objects,
        key: Key | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        last_uploads_s: float = _LAST_UPLOADS_S,
    ) -> None:
        """Use objects; nothing is asked yet.

        Args:
            url: where they are, without secrets.
            objects: the objects.
            key: verifies and signs; without one, only blobs are shared.
            timeout_s: seconds within which an answer, or the next 8 MiB, has to arrive.
            last_uploads_s: seconds for which `flush` waits.
        """
        self._last_uploads_s = last_uploads_s
        self.url, self.objects, self.key, self._timeout_s = url, objects, key, timeout_s
        self.notice: Notice = ignore
        self._reading = _Direction(f"reading from the shared store {url}")
        self._writing = _Direction(f"writing to the shared store {url}")
        self._uploads: queue.SimpleQueue[tuple[Folder, Path, SharedEntry]] = queue.SimpleQueue()
        self._waiting = 0
        self._refused: set[str] = set()
        self._changed = threading.Condition()

    def offer(self, kind: str, key: str, size_bytes: int | None, poll: Poll = ignore) -> SharedEntry | None:
        """Return an entry that is there, or None.

        Args:
            kind: its kind.
            key: its key.
            size_bytes: size of a blob; if it is not known, the blob is not looked for, because it could be endless.
            poll: called now and then; an exception that it raises ends the wait.
        """

        def look() -> SharedEntry | None:
            if kind == BLOBS and size_bytes is not None:
                found = self._blob(key, size_bytes, poll)
            elif kind in SIGNED and self.key:
                found = self._signed(kind, key, self.key, poll)
            else:
                return None
            if found is None:
                self._reading.succeeded()  # if it is there, that shows when its files are
            return found

        if self._reading.is_off or not shared_entry.is_key(key):
            return None
        return self._tried(kind, key, look)

    def fill(self, root: Folder, folder: Path, entry: SharedEntry, poll: Poll = ignore) -> dict[str, str]:
        """Write the files of an offered entry into a folder, and return their SHA-256.

        Raises:
            NotReceivedError: a file is missing, or is not what the entry says.
        """

        def copy() -> dict[str, str]:
            for path, file in entry.files.items():
                root.make((folder / path).parent)
                with root.new(folder / path) as target:
                    self._copy(file, target, poll)
            self._reading.succeeded()
            return {path: file.sha256 for path, file in entry.files.items()}

        if (filled := self._tried(entry.kind, entry.key, copy)) is None:
            raise NotReceivedError
        return filled

    def send(self, root: Folder, kind: str, key: str, entry: Entry) -> None:
        """Begin to put an entry there, unless its kind is not shared; a thread does it."""
        shared = self._shared(kind, key, entry)
        if shared is None or self._writing.is_off:
            return
        with self._changed:
            self._waiting += 1
            if self._waiting == 1:
                threading.Thread(target=self._upload, daemon=True).start()
        self._uploads.put((root, entry.path, shared))

    def flush(self, poll: Poll = ignore) -> None:
        """Wait until all entries are there, but not for long: what takes longer is left out, and nothing follows."""
        deadline = time.monotonic() + self._last_uploads_s
        while self._waiting and not self._writing.is_off and time.monotonic() < deadline:
            poll()
            with self._changed:
                self._changed.wait_for(lambda: not self._waiting, waiting.SLICE_S)
        if self._waiting and not self._writing.is_off:
            self._writing.is_off = True
            left = counted(self._waiting, "entry", "entries")
            self.notice(f"{left} left out of the shared store {self.url}: it takes too long")

    def answer(self, function: Callable[[], Result], *, timeout_s: float | None = None, poll: Poll = ignore) -> Result:
        """Return what a function returns, which runs in a thread that may never end.

        Raises:
            UnavailableError: it raises an exception, or does not return in time.
        """
        limit_s = timeout_s or self._timeout_s
        deadline, call = time.monotonic() + limit_s, waiting.detached(function)
        while not call.done():
            poll()
            if time.monotonic() > deadline:
                call.cancel()
                raise UnavailableError(f"no answer within {limit_s:.3g} s")
            wait([call], waiting.SLICE_S)
        if error := call.exception():
            raise UnavailableError(_reason(error)) from error
        return call.result()

    def _tried(self, kind: str, key: str, read: Callable[[], Result]) -> Result | None:
        """Return what reads an entry; None, and a warning, if it fails."""
        try:
            return read()
        except RefusedError as error:
            self._reading.failed(f"{kind} {key} was refused: {error}", self.notice)
        except UnavailableError as error:
            self._reading.failed(str(error), self.notice)
        return None

    def _blob(self, key: str, size_bytes: int, poll: Poll) -> SharedEntry | None:
        wanted = shared_entry.of_blob(key, size_bytes)
        found = self.answer(lambda: self.objects.find(wanted.files[_BLOB].object_name), poll=poll)
        if found and found.bytes != size_bytes:
            raise RefusedError(f"it has {found.bytes} bytes, expected {size_bytes}")
        return wanted if found else None

    def _signed(self, kind: str, key: str, verifies: Key, poll: Poll) -> SharedEntry | None:
        limit = shared_entry.TEXT_BYTES
        text = self.answer(lambda: self.objects.read(shared_entry.name(kind, key), 0, limit), poll=poll)
        return None if text is None else shared_entry.verified(text, kind, key, verifies)

    def _copy(self, file: SharedFile, target: BinaryIO, poll: Poll) -> None:
        """Copy the content of a file, piece by piece, and compare it."""
        digest = hashlib.sha256()
        for start in range(0, file.bytes, PIECE_BYTES):
            stop = min(start + PIECE_BYTES, file.bytes)
            piece = self.answer(lambda at=start, to=stop: self.objects.read(file.object_name, at, to), poll=poll)  # type: ignore[misc]
            if piece is None:
                raise NotReceivedError  # it was removed because of its age
            if len(piece) != stop - start:
                self._refuse(file, "it is too short")
            digest.update(piece)
            target.write(piece)
        if digest.hexdigest() != file.sha256:
            self._refuse(file, "its content changed")

    def _refuse(self, file: SharedFile, why: str) -> None:
        self._refused.add(file.object_name)
        raise RefusedError(f"{file.object_name}: {why}")

    def _shared(self, kind: str, key: str, entry: Entry) -> SharedEntry | None:
        """Return an entry as others are to see it; None if it is not for them."""
        if not shared_entry.is_key(key):
            return None
        if kind == BLOBS and entry.sha256(_BLOB) == key:
            return shared_entry.of_blob(key, entry.files[_BLOB]["bytes"])
        if kind in SIGNED and self.key and self.key.private:
            files = {
                path: SharedFile(sha256=entry.sha256(path), bytes=each["bytes"]) for path, each in entry.files.items()
            }
            found = SharedEntry(kind=kind, key=key, files=files)
            return found if shared_entry.is_proper(found) else None
        return None

    def _upload(self) -> None:
        """Put entries there until there are none left."""
        while True:
            root, folder, entry = self._uploads.get()
            if not self._writing.is_off:
                try:
                    self._put(root, folder, entry)
                    self._writing.succeeded()
                except UnavailableError as error:
                    self._writing.failed(str(error), self.notice)
            with self._changed:
                self._waiting -= 1
                self._changed.notify_all()
                if not self._waiting:
                    return

    def _put(self, root: Folder, folder: Path, entry: SharedEntry) -> None:
        """Put the files there first, so that an entry that is there has them all."""
        for path, file in entry.files.items():
            if file.bytes and not self._has(file):
                self._write(file.object_name, lambda at=folder / path: root.reader(at), file.bytes)  # type: ignore[misc]
        if entry.kind != BLOBS and self.key:
            text = shared_entry.signed(entry, self.key)
            self._write(shared_entry.name(entry.kind, entry.key), lambda: io.BytesIO(text), len(text))

    def _has(self, file: SharedFile) -> bool:
        found = None if file.object_name in self._refused else self.answer(lambda: self.objects.find(file.object_name))
        return found is not None and found.bytes == file.bytes and time.time() - found.modified < _FRESH_S

    def _write(self, name: str, opened: Callable[[], BinaryIO], size_bytes: int) -> None:
        limit_s = self._timeout_s + size_bytes / _LEAST_BYTES_PER_S
        self.answer(lambda: self.objects.write(name, opened), timeout_s=limit_s)


def _reason(error: BaseException) -> str:
    """Return why something failed: of the system's errors without a path, which may be long."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error) or type(error).__name__
