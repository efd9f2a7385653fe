"""Divides a blob into ranges and records which bytes are present, being downloaded or missing. No I/O."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.fetch.journal import Chunk, gaps

_LONGEST_SPAN_BYTES = 128 << 20
# A blob is downloaded in about this many spans, so that hashing can keep up. Each costs a request.
_SPANS = 64


@dataclass(eq=False, slots=True, kw_only=True)
class Span:
    """Bytes that one connection downloads, with one request or several.

    Attributes:
        at: the next byte to write.
        stop: the byte after the last one; None if the size of the blob is unknown.
        generation: how often the download had restarted; a span of an earlier generation is ignored.
        chunk_start: first byte of the chunk that is being written.
        crc32: CRC-32 of that chunk so far.
        furthest: the highest value of `at` so far; a restart does not lower it.
    """

    at: int = 0
    stop: int | None = None
    generation: int = 0
    chunk_start: int = 0
    crc32: int = 0
    furthest: int = 0


class Ranges:
    """The state of every byte of a blob, shared by the connections of a download.

    The caller holds `lock` around each call. `changed` is notified of every change.

    Attributes:
        lock: that of all attributes.
        changed: its condition.
        generation: how often the download restarted.
        total: size of the blob in bytes; None if unknown.
        present_bytes: bytes on disk.
        received_bytes: bytes that were written, those counted that a restart discarded.
    """

    def __init__(self, chunk_bytes: int) -> None:
        """Start with a blob of unknown size of which no byte is present.

        Args:
            chunk_bytes: size of a chunk. After an interruption, a chunk is present either completely or not at all.
        """
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.generation = 0
        self.total: int | None = None
        self.present_bytes = self.received_bytes = 0
        self._can_be_shared = False
        self._chunk_bytes = chunk_bytes
        self._missing: deque[Span] = deque([Span()])
        self._active: set[Span] = set()
        self._arrived: dict[int, Chunk] = {}

    def resume(self, chunks: Sequence[Chunk], total: int) -> None:
        """Start with the chunks that an earlier download left."""
        self.total, self.present_bytes = total, sum(chunk.stop - chunk.start for chunk in chunks)
        self._arrived, self._can_be_shared = {chunk.start: chunk for chunk in chunks}, True
        self._missing = deque(each for start, stop in gaps(chunks, total) for each in self._spans(start, stop))

    def restart(self, span: Span | None) -> None:
        """Forget all bytes; the given span, or a new one, starts at byte 0."""
        self.generation += 1
        self.total, self.present_bytes, self._can_be_shared = None, 0, False
        self._arrived.clear()
        self._missing, self._active = deque(), set()
        if span is None:
            self._missing.append(Span(generation=self.generation))
        else:
            self._active.add(span)
            span.at, span.stop, span.chunk_start, span.crc32, span.generation = 0, None, 0, 0, self.generation
        self.changed.notify_all()

    def split(self, span: Span, total: int) -> None:
        """Split the only span, so that several connections share the blob. Without this they never do."""
        self._can_be_shared = True
        first, *others = self._spans(span.at, total) or [Span(stop=total)]
        span.stop = first.stop
        self._missing.extend(others)
        self.changed.notify_all()

    def take(self) -> Span | None:
        """Return the next span for a connection: a missing one, or half of the longest active one."""
        span = self._missing.popleft() if self._missing else self._half()
        if span is not None:
            self._active.add(span)
        return span

    def give_back(self, span: Span) -> None:
        """Take a span back from a connection; its remaining bytes are missing again."""
        self._active.discard(span)
        if self.is_incomplete(span):
            self._missing.appendleft(span)
        self.changed.notify_all()

    def is_incomplete(self, span: Span) -> bool:
        """Return whether bytes of the span are missing."""
        return span.generation == self.generation and (span.stop is None or span.at < span.stop)

    def writable_bytes(self, span: Span) -> int:
        """Return how many bytes may be written before the end of the current chunk."""
        if not self.is_incomplete(span):
            return 0
        boundary = (span.at // self._chunk_bytes + 1) * self._chunk_bytes
        return (boundary if span.stop is None else min(boundary, span.stop)) - span.at

    def advance(self, span: Span, size: int) -> Chunk | None:
        """Count bytes that were written; return the chunk that they complete, if any."""
        span.at += size
        span.furthest = max(span.furthest, span.at)
        self.present_bytes += size
        self.received_bytes += size
        if span.at % self._chunk_bytes and span.at != span.stop:
            return None
        return self._completed(span)

    def end(self, span: Span) -> Chunk | None:
        """Set the size of the blob to the end of the span; return the last chunk, if it has any byte."""
        self.total = span.stop = span.at
        return self._completed(span) if span.at > span.chunk_start else None

    def add_arrived(self, chunk: Chunk) -> None:
        """Add a chunk that is ready to be hashed."""
        self._arrived[chunk.start] = chunk
        self.changed.notify_all()

    def pop_arrived(self, start: int) -> Chunk | None:
        """Remove and return the chunk at a byte, if it is ready to be hashed."""
        return self._arrived.pop(start, None)

    def discard(self, chunk: Chunk) -> None:
        """Download a chunk again, because its bytes on disk do not match the journal."""
        self.present_bytes -= chunk.stop - chunk.start
        self._missing.appendleft(self._span(chunk.start, chunk.stop))
        self.changed.notify_all()

    @property
    def usable_connections(self) -> int:
        """The number of connections that could work at once."""
        return len(self._missing) + len(self._active) + sum(1 for each in self._active if self._middle(each))

    def _completed(self, span: Span) -> Chunk:
        chunk = Chunk(start=span.chunk_start, stop=span.at, crc32=span.crc32)
        span.chunk_start, span.crc32 = span.at, 0
        return chunk

    def _half(self) -> Span | None:
        slowest = max(self._active, key=lambda each: (each.stop or 0) - each.at, default=None)
        if slowest is None or slowest.stop is None or (middle := self._middle(slowest)) is None:
            return None
        half = self._span(middle, slowest.stop)
        slowest.stop = middle
        return half

    def _middle(self, span: Span) -> int | None:
        """Return the chunk boundary in the middle of the remaining bytes; None if they are too few to share."""
        is_long = span.stop is not None and span.stop - span.at >= 2 * self._chunk_bytes
        if span.stop is None or not is_long or not self._can_be_shared or not self.is_incomplete(span):
            return None
        middle = -(-(span.at + span.stop) // 2 // self._chunk_bytes) * self._chunk_bytes
        return middle if span.at < middle < span.stop else None

    def _spans(self, start: int, stop: int) -> list[Span]:
        return [self._span(a, b) for a, b in self._cuts(start, stop)]

    def _cuts(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield start and stop of spans that end at chunk boundaries."""
        chunks = max(1, (self.total or stop) // _SPANS // self._chunk_bytes)
        size = min(_LONGEST_SPAN_BYTES, chunks * self._chunk_bytes)
        while start < stop:
            end = min(stop, (start // size + 1) * size)
            yield start, end
            start = end

    def _span(self, start: int, stop: int) -> Span:
        return Span(at=start, stop=stop, chunk_start=start, furthest=start, generation=self.generation)
