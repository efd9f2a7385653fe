from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from harness.fetch.journal import Chunk, gaps
from harness.fetch.ranges import Ranges, Span


class Transfer:
    """Connections that bring a blob and a hasher that follows, each doing what an example draws."""

    def __init__(self, total: int, chunk_bytes: int, draw: Callable[[int], int], *, ranged: bool) -> None:
        self.total, self.ranged, self.draw = total, ranged, draw
        self.ranges = held(chunk_bytes)
        self.spans: list[Span] = []
        self.times: Counter[int] = Counter()
        self.completed: list[Chunk] = []
        self.hashed = 0

    def resumes(self, ranges: list[Chunk]) -> None:
        if ranges:
            self.ranges.resume(ranges, self.total)
            self.completed = list(ranges)
            for chunk in ranges:
                self.times.update(range(chunk.start, chunk.stop))

    def takes(self) -> None:
        if (span := self.ranges.take()) is not None:
            assert self.ranges.is_incomplete(span)
            self.spans.append(span)

    def leaves(self) -> None:
        if self.spans:
            self.ranges.give_back(self.spans.pop(self.draw(len(self.spans))))

    def receives(self) -> None:
        if self.spans:
            span = self.spans[self.draw(len(self.spans))]
            if self.ranges.total is None and self.ranges.is_incomplete(span):
                self.ranges.total = span.stop = self.total
                if self.ranged:
                    self.ranges.split(span, self.total)
            if writable_bytes := self.ranges.writable_bytes(span):
                self.brings(span, 1 + self.draw(writable_bytes))

    def brings(self, span: Span, size: int) -> None:
        self.times.update(range(span.at, span.at + size))
        if (chunk := self.ranges.advance(span, size)) is not None:
            self.completed.append(chunk)
            self.ranges.add_arrived(chunk)

    def restarts(self) -> None:
        fresh = [each for each in self.spans if self.ranges.is_incomplete(each)]
        self.ranges.restart(fresh[self.draw(len(fresh))] if fresh and self.draw(2) else None)
        self.times.clear()
        self.completed.clear()
        self.hashed = 0

    def hashes(self) -> None:
        if (chunk := self.ranges.pop_arrived(self.hashed)) is not None:
            self.hashed = chunk.stop

    def finds_lost(self) -> None:
        if (chunk := self.ranges.pop_arrived(self.hashed)) is not None:
            self.completed.remove(chunk)
            self.times.subtract(range(chunk.start, chunk.stop))
            self.ranges.discard(chunk)

    def ends(self) -> None:
        """Bring all the rest; it takes no more steps than there are bytes, and some."""
        for _ in range(4 * self.total + 20):
            if self.hashed == self.ranges.total:
                return
            assert self.ranges.usable_connections or self.hashed < self.total
            self.takes()
            self.receives()
            self.hashes()
            for each in [each for each in self.spans if not self.ranges.is_incomplete(each)]:
                self.spans.remove(each)
                self.ranges.give_back(each)
        raise AssertionError(f"{self.hashed} of {self.total}")


STEPS = [
    *[Transfer.takes] * 3,
    *[Transfer.receives] * 6,
    *[Transfer.hashes] * 2,
    Transfer.leaves,
    Transfer.finds_lost,
    Transfer.restarts,
]


@given(data=st.data(), total=st.integers(1, 60), chunk_bytes=st.integers(1, 9), ranged=st.booleans())
def test_every_byte_is_downloaded_once_whatever_connections_do(
    data: st.DataObject, total: int, chunk_bytes: int, *, ranged: bool
) -> None:
    chance = data.draw(st.randoms(use_true_random=False))
    transfer = Transfer(total, chunk_bytes, chance.randrange, ranged=ranged)
    edges = sorted(data.draw(st.sets(st.integers(0, total), max_size=6)))
    transfer.resumes([Chunk(start=a, stop=b, crc32=0) for a, b in zip(edges[::2], edges[1::2], strict=False)])
    for step in data.draw(st.lists(st.sampled_from(STEPS), max_size=60)):
        step(transfer)
        present_bytes = sum(transfer.times.values())
        assert transfer.ranges.present_bytes == present_bytes
        assert max(transfer.times.values(), default=0) <= 1
    transfer.ends()
    assert {at: times for at, times in transfer.times.items() if times} == dict.fromkeys(range(total), 1)
    assert transfer.ranges.present_bytes == total
    assert list(gaps(sorted(transfer.completed, key=lambda chunk: chunk.start), total)) == []
    assert sum(chunk.stop - chunk.start for chunk in transfer.completed) == total


def held(chunk_bytes: int) -> Ranges:
    """Return parts whose lock is held."""
    ranges = Ranges(chunk_bytes)
    ranges.changed.acquire()
    return ranges


def of(total: int, chunk_bytes: int) -> tuple[Ranges, Span]:
    """Return the parts of a blob, and the span that the first connection took."""
    ranges = held(chunk_bytes)
    span = ranges.take()
    assert span is not None
    ranges.total = span.stop = total
    ranges.split(span, total)
    return ranges, span


def test_a_slow_span_is_halved_between_chunks() -> None:
    ranges, span = of(40, 10)
    others = [ranges.take() for _ in range(3)]
    assert [(each.at, each.stop) for each in [span, *others] if each] == [(0, 10), (10, 20), (20, 30), (30, 40)]
    assert ranges.take() is None
    ranges = held(10)
    ranges.resume([Chunk(start=0, stop=1, crc32=0)], 10 * 64 * 4)
    first = ranges.take()
    assert first is not None
    assert (first.at, first.stop) == (1, 40)
    while (last := ranges.take()) is not None and last.at != 20:
        pass
    assert last is not None
    assert last.at == first.stop == 20


def test_a_connection_that_ends_in_the_middle_of_a_chunk_loses_nothing() -> None:
    ranges, span = of(20, 10)
    assert ranges.advance(span, 4) is None
    ranges.give_back(span)
    again = ranges.take()
    assert again is span
    chunk = ranges.advance(span, 6)
    assert chunk is not None
    assert (chunk.start, chunk.stop) == (0, 10)


def test_the_size_of_a_blob_may_be_told_by_its_end() -> None:
    ranges = held(10)
    span = ranges.take()
    assert span is not None
    assert ranges.advance(span, 10) is not None
    assert ranges.advance(span, 3) is None
    assert ranges.end(span) == Chunk(start=10, stop=13, crc32=0)
    assert ranges.total == ranges.present_bytes == 13


def test_a_span_of_before_a_new_beginning_is_of_no_use() -> None:
    ranges, span = of(20, 10)
    ranges.restart(None)
    assert not ranges.is_incomplete(span)
    assert ranges.writable_bytes(span) == 0
    ranges.give_back(span)
    again = ranges.take()
    assert again is not None
    assert (again.at, again.stop) == (0, None)
