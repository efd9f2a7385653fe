"""Searches an ordered list for the place at which it changes (pure; who looks at a place is passed in).

A place was seen as `False`, which is as at the older end, as `True`, as at the newer end, or as `None` if nobody can
tell. What is seen never depends on the order in which it was looked at, so a search can stop, go on and be replayed.
"""

import itertools
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Seen = Mapping[int, bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What to search: `count` places, and the ends that are claimed. An end that is not is looked for."""

    count: int
    older: int | None = None
    newer: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Between `last` and `first` lies a change. It is at `first` if nothing lies between, else at one of them."""

    last: int
    first: int

    @property
    def candidates(self) -> tuple[int, ...]:
        """Every place that it may be at."""
        return tuple(range(self.last + 1, self.first + 1))

    @property
    def is_exact(self) -> bool:
        """Whether it is known where it is."""
        return self.first == self.last + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproved:
    """There is nothing to search, as an end is not what it should be; `place` is where that was seen, if anywhere."""

    end: Literal["older", "newer"]
    place: int | None


def wanted(span: Span, seen: Seen, at_once: int = 1) -> tuple[int, ...]:
    """Return the places to look at next, at most so many; none if nothing more can be learnt.

    Both ends come first. Without places that nobody can tell anything of, all in all at most `ceil(log2(n)) + 2` of
    the n places between two claimed ends are looked at one by one.
    """
    if claimed := [place for place in (span.newer, span.older) if place is not None and place not in seen]:
        return tuple(claimed[:at_once])
    newer = _newer(span, seen)
    if newer is not None and newer not in seen:
        return (newer,)
    ends = _ends(span, seen)
    if isinstance(ends, Unproved):
        return ()
    older, newer = ends
    if older is None:
        return tuple(itertools.islice(_backwards(seen, newer), at_once))
    return _between(_bracket(seen, older, newer), seen, at_once)


def answer(span: Span, seen: Seen) -> Change | Unproved:
    """Return what is known by now: once both ends are proved, the last change before the newer end."""
    match _ends(span, seen):
        case Unproved() as unproved:
            return unproved
        case None, _:
            return Unproved(end="older", place=None)
        case older, newer:
            return _bracket(seen, older, newer)


def every(count: int, seen: Iterable[int]) -> Iterator[int]:
    """Yield all places that were not seen, both ends first, then the middle of the widest gap, and so on."""
    known = {*seen}
    for end in dict.fromkeys((count - 1, 0)):
        if end not in known and count:
            known.add(end)
            yield end
    while len(known) < count:
        run = max(_runs(place for place in range(count) if place not in known), key=len)
        known.add(run[len(run) // 2])
        yield run[len(run) // 2]


def changes(labels: Sequence[Hashable | None]) -> list[Change]:
    """Return where labels differ from the ones before; None is of no label, so a change may be at any of such."""
    known = [place for place, label in enumerate(labels) if label is not None]
    pairs = itertools.pairwise(known)
    return [Change(last=last, first=first) for last, first in pairs if labels[last] != labels[first]]


def _newer(span: Span, seen: Seen) -> int | None:
    """Return the newer end: the claimed one, else the newest place of which somebody can tell something."""
    if span.newer is not None:
        return span.newer
    return next((place for place in reversed(range(span.count)) if seen.get(place, False) is not None), None)


def _older(span: Span, seen: Seen, newer: int) -> int | None:
    """Return the older end: the claimed one, else the newest place before the newer end that is as it should be."""
    if span.older is not None:
        return span.older
    return max((place for place, changed in seen.items() if changed is False and place < newer), default=None)


def _ends(span: Span, seen: Seen) -> tuple[int | None, int] | Unproved:
    """Return both ends, the older one None while it is looked for; or which of them is not as it should be."""
    newer = _newer(span, seen)
    if newer is None or seen.get(newer) is not True:
        return Unproved(end="newer", place=newer)
    older = _older(span, seen, newer)
    if older is None and any(True for _ in _backwards(seen, newer)):
        return None, newer
    return (older, newer) if older is not None and seen.get(older) is False else Unproved(end="older", place=older)


def _backwards(seen: Seen, newer: int) -> Iterator[int]:
    """Return places ever farther back, and should nobody be able to tell of the oldest, those after it."""
    steps = itertools.takewhile(lambda step: step < newer, (2**exponent for exponent in itertools.count()))
    lowest = min((place for place, changed in seen.items() if changed and place <= newer), default=newer)
    places = dict.fromkeys([*(newer - step for step in steps), 0, *range(lowest)])
    return (place for place in places if place not in seen and place < lowest)


def _bracket(seen: Seen, older: int, newer: int) -> Change:
    """Return the last change before the newer end, as far as it is known by now."""
    last = max(place for place, changed in seen.items() if changed is False and older <= place < newer)
    first = min(place for place, changed in seen.items() if changed and last < place <= newer)
    return Change(last=last, first=first)


def _between(change: Change, seen: Seen, at_once: int) -> tuple[int, ...]:
    """Return places that divide what was not looked at yet, best first.

    What lies among places that nobody can tell anything of is likely to be such, too. So runs of places that reach up
    to a known one come first: dividing these either moves that one, or finds the border of what nobody can tell.
    """
    runs = _runs(place for place in change.candidates if place not in seen)
    runs.sort(key=lambda run: (run[0] == change.last + 1 or run[-1] == change.first - 1, len(run)), reverse=True)
    places: list[int] = []
    for run in runs:
        parts = min(at_once - len(places), len(run))
        places += [run[(part + 1) * len(run) // (parts + 1)] for part in range(parts)]
    return tuple(places)


def _runs(places: Iterable[int]) -> list[list[int]]:
    """Return ascending places in runs without gaps."""
    numbered = itertools.groupby(enumerate(places), lambda each: each[1] - each[0])
    return [[place for _, place in run] for _, run in numbered]
