"""Searches an ordered list for the index at which it changes; no I/O.

Each tested index has a side: False as at the older end, True as at the newer end, None if neither. The side of an index
does not depend on the order of the tests, so a search can be stopped, resumed and replayed.
"""

import itertools
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from harness.core.values import frozen

Sides = Mapping[int, bool | None]


@frozen
class Span:
    """The indices to search.

    Attributes:
        count: the number of indices.
        older: index of the older end, or None to look for one.
        newer: index of the newer end, or None to look for one.
    """

    count: int
    older: int | None = None
    newer: int | None = None


@frozen
class Change:
    """A change between two tested indices.

    Attributes:
        last: the last index before the change.
        first: the first index known to be after the change.
    """

    last: int
    first: int

    @property
    def candidates(self) -> tuple[int, ...]:
        """The indices at which the change may be."""
        return tuple(range(self.last + 1, self.first + 1))

    @property
    def is_exact(self) -> bool:
        """Whether the change is known to be at `first`."""
        return self.first == self.last + 1


@frozen
class Unproved:
    """A search without a result, because an end does not have its side.

    Attributes:
        end: the end in question.
        index: its index, or None if the search found no such end.
    """

    end: Literal["older", "newer"]
    index: int | None


def next_indices(span: Span, sides: Sides, at_once: int = 1) -> tuple[int, ...]:
    """Return the indices to test next; none if the search is over.

    Both ends come first. Between two given ends of n indices, testing one at a time takes at most `ceil(log2(n)) + 2`
    tests if no index has the side None.

    Args:
        span: what to search.
        sides: the sides of the tested indices.
        at_once: the largest number of indices to return.
    """
    if given := [index for index in (span.newer, span.older) if index is not None and index not in sides]:
        return tuple(given[:at_once])
    newer = _newer(span, sides)
    if newer is not None and newer not in sides:
        return (newer,)
    ends = _ends(span, sides)
    if isinstance(ends, Unproved):
        return ()
    older, newer = ends
    if older is None:
        return tuple(itertools.islice(_backwards(sides, newer), at_once))
    return _between(_bracket(sides, older, newer), sides, at_once)


def steps_left(span: Span, sides: Sides) -> int:
    """Return about how many more tests a search takes.

    It is the number if the given ends are as expected, no index has the side None, and an end that has to be found is
    half way back to the oldest index.
    """
    known = dict(sides)
    lowest = min((index for index, side in sides.items() if side), default=span.count - 1)
    while indices := next_indices(span, known):
        known |= {index: index != span.older and index >= (lowest + 1) // 2 for index in indices}
    return len(known) - len(sides)


def result(span: Span, sides: Sides) -> Change | Unproved:
    """Return the last change before the newer end, as far as it is known, once both ends are proved."""
    match _ends(span, sides):
        case Unproved() as unproved:
            return unproved
        case None, _:
            return Unproved(end="older", index=None)
        case older, newer:
            return _bracket(sides, older, newer)


def untested(count: int, tested: Iterable[int]) -> Iterator[int]:
    """Yield the untested of `count` indices: both ends, then the middle of the widest gap, and so on."""
    known = {*tested}
    for end in dict.fromkeys((count - 1, 0)):
        if end not in known and count:
            known.add(end)
            yield end
    while len(known) < count:
        run = max(_runs(index for index in range(count) if index not in known), key=len)
        known.add(run[len(run) // 2])
        yield run[len(run) // 2]


def changes(labels: Sequence[Hashable | None]) -> list[Change]:
    """Return where labels differ from the ones before; an index without a label (None) may have any."""
    known = [index for index, label in enumerate(labels) if label is not None]
    pairs = itertools.pairwise(known)
    return [Change(last=last, first=first) for last, first in pairs if labels[last] != labels[first]]


def _newer(span: Span, sides: Sides) -> int | None:
    """Return the newer end: the given one, else the newest index that does not have the side None."""
    if span.newer is not None:
        return span.newer
    return next((index for index in reversed(range(span.count)) if sides.get(index, False) is not None), None)


def _older(span: Span, sides: Sides, newer: int) -> int | None:
    """Return the older end: the given one, else the newest index before the newer end with the older side."""
    if span.older is not None:
        return span.older
    return max((index for index, side in sides.items() if side is False and index < newer), default=None)


def _ends(span: Span, sides: Sides) -> tuple[int | None, int] | Unproved:
    """Return both ends, the older one None until it is found, or which of them does not have its side."""
    newer = _newer(span, sides)
    if newer is None or sides.get(newer) is not True:
        return Unproved(end="newer", index=newer)
    older = _older(span, sides, newer)
    if older is None and any(True for _ in _backwards(sides, newer)):
        return None, newer
    return (older, newer) if older is not None and sides.get(older) is False else Unproved(end="older", index=older)


def _backwards(sides: Sides, newer: int) -> Iterator[int]:
    """Yield untested indices: in steps of 1, 2, 4, ... back from the newer end, the oldest one, then all others.

    The steps skip what lies after an index that is known to be like the newer end.
    """
    steps = itertools.takewhile(lambda step: step < newer, (2**exponent for exponent in itertools.count()))
    lowest = min((index for index, side in sides.items() if side and index <= newer), default=newer)
    coarse = [index for index in dict.fromkeys([*(newer - step for step in steps), 0]) if index < lowest]
    yield from (index for index in coarse if index not in sides)
    yield from untested(newer, {*coarse, *(index for index in sides if index < newer)})


def _bracket(sides: Sides, older: int, newer: int) -> Change:
    """Return the last change before the newer end, as far as it is known."""
    last = max(index for index, side in sides.items() if side is False and older <= index < newer)
    first = min(index for index, side in sides.items() if side and last < index <= newer)
    return Change(last=last, first=first)


def _between(change: Change, sides: Sides, at_once: int) -> tuple[int, ...]:
    """Return indices that divide what is untested, best first.

    Neighbours of an index with the side None often have that side too. So runs of untested indices next to an end of
    the bracket come first: testing these either moves that end or finds where the indices with the side None begin.
    """
    runs = _runs(index for index in change.candidates if index not in sides)
    runs.sort(key=lambda run: (run[0] == change.last + 1 or run[-1] == change.first - 1, len(run)), reverse=True)
    indices: list[int] = []
    for run in runs:
        parts = min(at_once - len(indices), len(run))
        indices += [run[(part + 1) * len(run) // (parts + 1)] for part in range(parts)]
    return tuple(indices)


def _runs(indices: Iterable[int]) -> list[list[int]]:
    """Return ascending indices in runs without gaps."""
    numbered = itertools.groupby(enumerate(indices), lambda each: each[1] - each[0])
    return [[index for _, index in run] for _, run in numbered]
