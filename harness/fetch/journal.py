r"""The journal of a download: which chunks of a blob are on disk, however the process that wrote them ended.

    0ac6b1c8 {"source": "<key of the URL>", "total": 20971520, "etag": "\"0x8D\"", ...}    the answer of a host
    fde29808 {"start": 0, "stop": 8388608, "crc32": 2774594113}           a chunk, written before its line

Each line starts with its own CRC-32, so a line that was cut off, or damaged by a power loss, is ignored. A chunk counts
only if its bytes on disk match its checksum, so the order in which the system wrote them does not matter.
"""

import contextlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, field
from pathlib import Path
from typing import Any

from harness.core import strict_json
from harness.core.values import frozen
from harness.fetch.source import Head
from harness.host.beneath import Folder, Place

NAME = "journal"
_MAX_BYTES = 32 << 20
_TOO_LARGE = 1 << 63
_HEAD_FIELDS = {"etag", "last_modified", "date", "md5"}


@frozen
class Chunk:
    """The bytes from `start` to before `stop`, and their CRC-32."""

    start: int
    stop: int
    crc32: int


@frozen
class JournalState:
    """The content of a journal.

    Attributes:
        heads: the answer of each source, by `index_key` of its URL.
        total: size of the blob in bytes; None if no answer was recorded.
        chunks: in order, without overlaps.
    """

    heads: Mapping[str, Head] = field(default_factory=dict)
    total: int | None = None
    chunks: tuple[Chunk, ...] = ()


class Journal:
    """A file to which lines are appended. The first chunk creates it: without one there is nothing to resume."""

    def __init__(self, root: Folder, path: Place, *, is_new: bool = False) -> None:
        """Open the file beneath a folder, if it exists; if `is_new`, write another in its place."""
        self._root, self._path = root, path
        self._heads: list[tuple[str, Head]] = []  # not written yet
        self._descriptor: int | None = None
        if not is_new and root.may_have(path):
            self._descriptor = root.open(path, os.O_RDWR | os.O_APPEND)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)

    def read(self) -> JournalState:
        """Return the content."""
        return parsed(self._first if self._descriptor is None else os.pread(self._descriptor, _MAX_BYTES, 0))

    def add_head(self, source: str, head: Head) -> None:
        """Record the answer of a source."""
        if self._descriptor is None:
            self._heads.append((source, head))
        else:
            os.write(self._descriptor, _head_line(source, head))

    def add_chunk(self, chunk: Chunk) -> None:
        """Record a chunk whose bytes were written."""
        if self._descriptor is None:
            self._descriptor = self._root.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        os.write(self._descriptor, self._first + _line(asdict(chunk)))
        self._heads.clear()

    def clear(self) -> None:
        """Remove all lines."""
        self._heads.clear()
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)

    @property
    def _first(self) -> bytes:
        """The lines that precede that of the first chunk: most blobs are one chunk, and need none."""
        return b"".join(_head_line(source, head) for source, head in self._heads)


def _head_line(source: str, head: Head) -> bytes:
    fields = {name: getattr(head, name) for name in sorted(_HEAD_FIELDS)}
    return _line({"source": source, "total": head.total, **fields})


def _line(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content).encode()
    # The first line end closes a line that was cut off.
    return b"\n%08x %b\n" % (zlib.crc32(text), text)


def parsed(text: bytes) -> JournalState:
    """Return the content of a journal. No I/O."""
    heads: dict[str, Head] = {}
    chunks: list[Chunk] = []
    for line in _lines(text):
        match line:
            case {"source": str(source), "total": int(total)} if 0 <= total < _TOO_LARGE and _is_head(line):
                heads[source] = Head(total=total, **{name: line.get(name) for name in _HEAD_FIELDS})
            case {"start": int(start), "stop": int(stop), "crc32": int(crc32)} if 0 <= start < stop:
                chunks.append(Chunk(start=start, stop=stop, crc32=crc32))
    totals = {head.total for head in heads.values() if head.total is not None}
    if len(totals) != 1:
        return JournalState()
    (size,) = totals
    return JournalState(heads=heads, total=size, chunks=_apart(chunks, size))


def resumable_bytes(root: Folder, folder: Path) -> int:
    """Return how much of a partial download is not downloaded again: what its journal says, not what is on disk."""
    try:
        return sum(chunk.stop - chunk.start for chunk in parsed(root.read(folder / NAME, _MAX_BYTES)).chunks)
    except (OSError, ValueError):
        return 0


def gaps(chunks: Sequence[Chunk], total: int) -> Iterator[tuple[int, int]]:
    """Yield start and stop of the gaps between chunks, which are in order and do not overlap. No I/O."""
    at = 0
    for chunk in chunks:
        if chunk.start > at:
            yield at, chunk.start
        at = chunk.stop
    if at < total:
        yield at, total


def _is_head(line: Mapping[str, Any]) -> bool:
    return all(isinstance(line.get(name, 0), str | None) for name in _HEAD_FIELDS)


def _lines(text: bytes) -> Iterator[Any]:
    for line in text.split(b"\n")[:-1]:
        checksum, _, content = line.partition(b" ")
        if content and checksum == b"%08x" % zlib.crc32(content):
            with contextlib.suppress(ValueError):
                yield strict_json.loads(content)


def _apart(chunks: Sequence[Chunk], total: int) -> tuple[Chunk, ...]:
    """Return the chunks of the blob in order: the last record of each, without any that overlaps an earlier one."""
    apart: list[Chunk] = []
    for chunk in sorted({each.start: each for each in chunks}.values(), key=lambda each: each.start):
        if chunk.stop <= total and (not apart or apart[-1].stop <= chunk.start):
            apart.append(chunk)
    return tuple(apart)
