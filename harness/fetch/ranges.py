"""What of a blob is there, on its way and missing, for the connections of a download to share (no I/O)."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.fetch.journal import Chunk, gaps

_LONGEST_SPAN_BYTES = 128 << 20
# A blob comes in so many spans, so that hashing can follow closely: each costs a request.
_SPANS = 64


@dataclass(eq=False, slots=True, kw_only=True)
class Span:
    """Bytes that one connection brings: those from `at` to before `stop`, or to an end that nobody knows.

    `chunk_start` and `crc32` are of the part that is being written, `best` is how far it ever got.
    Once the download has started over, `generation` tells that it is of no use.
    """

    at: int = 0
    stop: int | None = None
    generation: int = 0
    chunk_start: int = 0
    crc32: int = 0
    best: int = 0


class Ranges:
    """What is there and what is not; `changed` is its lock, to be held throughout, and tells of every change."""

    def __init__(self, chunk_bytes: int) -> None:
        """Begin with nothing of a blob of unknown size.

        Args:
            chunk_bytes: of which a blob is missing either all or nothing after it was interrupted.
        """
        self.changed = threading.Condition()
        self.generation = 0
        self.total: int | None = None
        self.came = 0
        self._can_be_shared = False
        self._chunk_bytes = chunk_bytes
        self._missing: deque[Span] = deque([Span()])
        self._coming: set[Span] = set()
        self._there: dict[int, Chunk] = {}

    def resume(self, chunks: Sequence[Chunk], total: int) -> None:
        """Begin with what an earlier download left."""
        self.total, self.came = total, sum(chunk.stop - chunk.start for chunk in chunks)
        self._there, self._can_be_shared = {chunk.start: chunk for chunk in chunks}, True
        self._missing = deque(each for start, stop in gaps(chunks, total) for each in self._spans(start, stop))

    def start_over(self, span: Span | None) -> None:
        """Forget all that is there; the span that is coming, or else a new one, becomes the beginning."""
        self.generation += 1
        self.total, self.came, self._can_be_shared = None, 0, False
        self._there.clear()
        self._missing, self._coming = deque(), set()
        if span is None:
            self._missing.append(Span(generation=self.generation))
        else:
            self._coming.add(span)
            span.at, span.stop, span.chunk_start, span.crc32, span.generation = 0, None, 0, 0, self.generation
        self.changed.notify_all()

    def spread(self, span: Span, total: int) -> None:
        """Leave to other connections all but the beginning of the only span; without this it is never shared."""
        self._can_be_shared = True
        first, *others = self._spans(span.at, total) or [Span(stop=total)]
        span.stop = first.stop
        self._missing.extend(others)
        self.changed.notify_all()

    def take(self) -> Span | None:
        """Return what a connection is to bring next: what is missing, or half of what is slow to come."""
        span = self._missing.popleft() if self._missing else self._half()
        if span is not None:
            self._coming.add(span)
        return span

    def leave(self, span: Span) -> None:
        """Take back a span from a connection; what it has not brought is missing again."""
        self._coming.discard(span)
        if self.lacks(span):
            self._missing.appendleft(span)
        self.changed.notify_all()

    def lacks(self, span: Span) -> bool:
        """Return whether more of the span is to come."""
        return span.generation == self.generation and (span.stop is None or span.at < span.stop)

    def room(self, span: Span) -> int:
        """Return how many bytes of the span's present part are still to come."""
        if not self.lacks(span):
            return 0
        boundary = (span.at // self._chunk_bytes + 1) * self._chunk_bytes
        return (boundary if span.stop is None else min(boundary, span.stop)) - span.at

    def advance(self, span: Span, size: int) -> Chunk | None:
        """Count bytes that were written; return the part that they complete, if they do."""
        span.at += size
        span.best = max(span.best, span.at)
        self.came += size
        if span.at % self._chunk_bytes and span.at != span.stop:
            return None
        return self._completed(span)

    def end(self, span: Span) -> Chunk | None:
        """Take the size of the whole from a body that told it by its end; return the last part, if there is one."""
        self.total = span.stop = span.at
        return self._completed(span) if span.at > span.chunk_start else None

    def arrived(self, chunk: Chunk) -> None:
        """Have a part ready to be hashed."""
        self._there[chunk.start] = chunk
        self.changed.notify_all()

    def next_there(self, start: int) -> Chunk | None:
        """Return the part that begins where hashing has come to."""
        return self._there.pop(start, None)

    def lost(self, chunk: Chunk) -> None:
        """Have a part brought again whose bytes are not what the journal says."""
        self.came -= chunk.stop - chunk.start
        self._missing.appendleft(self._span(chunk.start, chunk.stop))
        self.changed.notify_all()

    @property
    def divisible(self) -> int:
        """How many connections could be busy."""
        return len(self._missing) + len(self._coming) + sum(1 for each in self._coming if self._middle(each))

    def _completed(self, span: Span) -> Chunk:
        chunk = Chunk(start=span.chunk_start, stop=span.at, crc32=span.crc32)
        span.chunk_start, span.crc32 = span.at, 0
        return chunk

    def _half(self) -> Span | None:
        slowest = max(self._coming, key=lambda each: (each.stop or 0) - each.at, default=None)
        if slowest is None or slowest.stop is None or (middle := self._middle(slowest)) is None:
            return None
        half = self._span(middle, slowest.stop)
        slowest.stop = middle
        return half

    def _middle(self, span: Span) -> int | None:
        """Return the boundary between parts in the middle of what is to come; None if it is not worth a connection."""
        is_long = span.stop is not None and span.stop - span.at >= 2 * self._chunk_bytes
        if span.stop is None or not is_long or not self._can_be_shared or not self.lacks(span):
            return None
        middle = -(-(span.at + span.stop) // 2 // self._chunk_bytes) * self._chunk_bytes
        return middle if span.at < middle < span.stop else None

    def _spans(self, start: int, stop: int) -> list[Span]:
        return [self._span(a, b) for a, b in self._cuts(start, stop)]

    def _cuts(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield from where to where, each to a boundary between parts."""
        chunks = max(1, (self.total or stop) // _SPANS // self._chunk_bytes)
        size = min(_LONGEST_SPAN_BYTES, chunks * self._chunk_bytes)
        while start < stop:
            end = min(stop, (start // size + 1) * size)
            yield start, end
            start = end

    def _span(self, start: int, stop: int) -> Span:
        return Span(at=start, stop=stop, chunk_start=start, best=start, generation=self.generation)
