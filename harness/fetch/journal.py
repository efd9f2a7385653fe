r"""The journal of a download: which parts of a blob are on disk, whatever stopped their writer.

    0ac6b1c8 {"source": "<key of the URL>", "total": 20971520, "etag": "\"0x8D\"", ...}    what a host said
    fde29808 {"start": 0, "stop": 8388608, "crc32": 2774594113}           a part, written before its line

A line is all or nothing: it begins with its CRC-32, so what was cut off, and what a power loss made of it, is no line.
A part counts only once its bytes on disk have its checksum, so the order in which the disk wrote them does not matter.
"""

import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness.fetch.source import Head

_SAID = {"etag", "last_modified", "date", "md5"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The bytes from `start` to before `stop`, and their CRC-32."""

    start: int
    stop: int
    crc32: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a journal says: what each source said, the size of the whole, and the parts, ordered and apart."""

    heads: Mapping[str, Head] = field(default_factory=dict)
    total: int | None = None
    chunks: tuple[Chunk, ...] = ()


class Journal:
    """A file to which lines are added, one write each."""

    def __init__(self, path: Path) -> None:
        """Open it, and make it if it is not there."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def written(self) -> Written:
        """Return what it says."""
        size = os.fstat(self._descriptor).st_size
        return parsed(os.pread(self._descriptor, size, 0))

    def add_head(self, source: str, head: Head) -> None:
        """Note what a source said."""
        self._add({"source": source, "total": head.total, **{name: getattr(head, name) for name in sorted(_SAID)}})

    def add_chunk(self, chunk: Chunk) -> None:
        """Note a part whose bytes are written."""
        self._add(asdict(chunk))

    def clear(self) -> None:
        """Forget everything."""
        os.ftruncate(self._descriptor, 0)

    def _add(self, line: Mapping[str, Any]) -> None:
        text = json.dumps(line).encode()
        # Should the line before have been cut off, this one begins anew.
        os.write(self._descriptor, b"\n%08x %b\n" % (zlib.crc32(text), text))


def parsed(text: bytes) -> Written:
    """Return what a journal says; no I/O."""
    heads: dict[str, Head] = {}
    chunks: list[Chunk] = []
    for line in _lines(text):
        match line:
            case {"source": str(source), "total": int(total)} if total >= 0 and _is_said(line):
                heads[source] = Head(total=total, **{name: line[name] for name in _SAID})
            case {"start": int(start), "stop": int(stop), "crc32": int(crc32)} if 0 <= start < stop:
                chunks.append(Chunk(start=start, stop=stop, crc32=crc32))
    totals = {head.total for head in heads.values() if head.total is not None}
    if len(totals) != 1:
        return Written()
    (size,) = totals
    return Written(heads=heads, total=size, chunks=_apart(chunks, size))


def gaps(chunks: Sequence[Chunk], total: int) -> Iterator[tuple[int, int]]:
    """Yield start and stop of what lies between parts that are ordered and apart; no I/O."""
    at = 0
    for chunk in chunks:
        if chunk.start > at:
            yield at, chunk.start
        at = chunk.stop
    if at < total:
        yield at, total


def _is_said(line: Mapping[str, Any]) -> bool:
    return all(isinstance(line.get(name, 0), str | None) for name in _SAID)


def _lines(text: bytes) -> Iterator[Any]:
    for line in text.split(b"\n")[:-1]:
        checksum, _, said = line.partition(b" ")
        if said and checksum == b"%08x" % zlib.crc32(said):
            yield json.loads(said)


def _apart(chunks: Sequence[Chunk], total: int) -> tuple[Chunk, ...]:
    """Return the parts within the whole in order, the last word on each, without any that overlaps one before."""
    apart: list[Chunk] = []
    for chunk in sorted({each.start: each for each in chunks}.values(), key=lambda each: each.start):
        if chunk.stop <= total and (not apart or apart[-1].stop <= chunk.start):
            apart.append(chunk)
    return tuple(apart)
