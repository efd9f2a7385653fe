from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from harness.fetch.journal import Part, gaps
from harness.fetch.ranges import Parts, Span


class Transfer:
    """Connections that bring a blob and a hasher that follows, each doing what an example draws."""

    def __init__(self, total: int, part_bytes: int, draw: Callable[[int], int], *, ranged: bool) -> None:
        self.total, self.ranged, self.draw = total, ranged, draw
        self.parts = held(part_bytes)
        self.spans: list[Span] = []
        self.times: Counter[int] = Counter()
        self.completed: list[Part] = []
        self.hashed = 0

    def resumes(self, parts: list[Part]) -> None:
        if parts:
            self.parts.resume(parts, self.total)
            self.completed = list(parts)
            for part in parts:
                self.times.update(range(part.start, part.stop))

    def takes(self) -> None:
        if (span := self.parts.take()) is not None:
            assert self.parts.lacks(span)
            self.spans.append(span)

    def leaves(self) -> None:
        if self.spans:
            self.parts.leave(self.spans.pop(self.draw(len(self.spans))))

    def receives(self) -> None:
        if self.spans:
            span = self.spans[self.draw(len(self.spans))]
            if self.parts.total is None and self.parts.lacks(span):
                self.parts.total = span.stop = self.total
                if self.ranged:
                    self.parts.spread(span, self.total)
            if room := self.parts.room(span):
                self.brings(span, 1 + self.draw(room))

    def brings(self, span: Span, size: int) -> None:
        self.times.update(range(span.at, span.at + size))
        if (part := self.parts.advance(span, size)) is not None:
            self.completed.append(part)
            self.parts.arrived(part)

    def starts_over(self) -> None:
        fresh = [each for each in self.spans if self.parts.lacks(each)]
        self.parts.start_over(fresh[self.draw(len(fresh))] if fresh and self.draw(2) else None)
        self.times.clear()
        self.completed.clear()
        self.hashed = 0

    def hashes(self) -> None:
        if (part := self.parts.next_there(self.hashed)) is not None:
            self.hashed = part.stop

    def finds_lost(self) -> None:
        if (part := self.parts.next_there(self.hashed)) is not None:
            self.completed.remove(part)
            self.times.subtract(range(part.start, part.stop))
            self.parts.lost(part)

    def ends(self) -> None:
        """Bring all the rest; it takes no more steps than there are bytes, and some."""
        for _ in range(4 * self.total + 20):
            if self.hashed == self.parts.total:
                return
            assert self.parts.divisible or self.hashed < self.total
            self.takes()
            self.receives()
            self.hashes()
            for each in [each for each in self.spans if not self.parts.lacks(each)]:
                self.spans.remove(each)
                self.parts.leave(each)
        raise AssertionError(f"{self.hashed} of {self.total}")


STEPS = [
    *[Transfer.takes] * 3,
    *[Transfer.receives] * 6,
    *[Transfer.hashes] * 2,
    Transfer.leaves,
    Transfer.finds_lost,
    Transfer.starts_over,
]


@given(data=st.data(), total=st.integers(1, 60), part_bytes=st.integers(1, 9), ranged=st.booleans())
def test_every_byte_comes_just_once_whatever_connections_do(
    data: st.DataObject, total: int, part_bytes: int, *, ranged: bool
) -> None:
    chance = data.draw(st.randoms(use_true_random=False))
    transfer = Transfer(total, part_bytes, chance.randrange, ranged=ranged)
    edges = sorted(data.draw(st.sets(st.integers(0, total), max_size=6)))
    transfer.resumes([Part(start=a, stop=b, crc32=0) for a, b in zip(edges[::2], edges[1::2], strict=False)])
    for step in data.draw(st.lists(st.sampled_from(STEPS), max_size=60)):
        step(transfer)
        came = sum(transfer.times.values())
        assert transfer.parts.came == came
        assert max(transfer.times.values(), default=0) <= 1
    transfer.ends()
    assert {at: times for at, times in transfer.times.items() if times} == dict.fromkeys(range(total), 1)
    assert transfer.parts.came == total
    assert list(gaps(sorted(transfer.completed, key=lambda part: part.start), total)) == []
    assert sum(part.stop - part.start for part in transfer.completed) == total


def held(part_bytes: int) -> Parts:
    """Return parts whose lock is held."""
    parts = Parts(part_bytes)
    parts.changed.acquire()
    return parts


def of(total: int, part_bytes: int) -> tuple[Parts, Span]:
    """Return the parts of a blob, and the span that the first connection took."""
    parts = held(part_bytes)
    span = parts.take()
    assert span is not None
    parts.total = span.stop = total
    parts.spread(span, total)
    return parts, span


def test_what_is_slow_to_come_is_halved_between_parts() -> None:
    parts, span = of(40, 10)
    others = [parts.take() for _ in range(3)]
    assert [(each.at, each.stop) for each in [span, *others] if each] == [(0, 10), (10, 20), (20, 30), (30, 40)]
    assert parts.take() is None
    parts = held(10)
    parts.resume([Part(start=0, stop=1, crc32=0)], 10 * 64 * 4)
    first = parts.take()
    assert first is not None
    assert (first.at, first.stop) == (1, 40)
    while (last := parts.take()) is not None and last.at != 20:
        pass
    assert last is not None
    assert last.at == first.stop == 20


def test_a_connection_that_leaves_in_the_middle_of_a_part_loses_nothing() -> None:
    parts, span = of(20, 10)
    assert parts.advance(span, 4) is None
    parts.leave(span)
    again = parts.take()
    assert again is span
    part = parts.advance(span, 6)
    assert part is not None
    assert (part.start, part.stop) == (0, 10)


def test_the_size_of_a_blob_may_be_told_by_its_end() -> None:
    parts = held(10)
    span = parts.take()
    assert span is not None
    assert parts.advance(span, 10) is not None
    assert parts.advance(span, 3) is None
    assert parts.end(span) == Part(start=10, stop=13, crc32=0)
    assert parts.total == parts.came == 13


def test_a_span_of_before_a_new_beginning_is_of_no_use() -> None:
    parts, span = of(20, 10)
    parts.start_over(None)
    assert not parts.lacks(span)
    assert parts.room(span) == 0
    parts.leave(span)
    again = parts.take()
    assert again is not None
    assert (again.at, again.stop) == (0, None)
