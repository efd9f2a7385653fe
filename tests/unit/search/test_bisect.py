import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.search import bisect
from harness.search.bisect import Change, Span, Unproved

LONGEST = 64
# All small ones, and those around powers of two, where a search needs one probe more.
COUNTS = (*range(2, 18), 31, 32, 33, 63, LONGEST)


def searched(
    span: Span, truth: Sequence[bool | None], at_once: int = 1
) -> tuple[Change | Unproved, dict[int, bool | None], int]:
    """Search as a caller does, and return the result, the sides of the tested indices, and the number of rounds."""
    seen: dict[int, bool | None] = {}
    rounds = 0
    while indices := bisect.next_indices(span, seen, at_once):
        assert len({*indices}) == len(indices) <= at_once
        assert not seen.keys() & {*indices}, "nothing is tested twice"
        seen |= {index: truth[index] for index in indices}
        rounds += 1
    return bisect.result(span, seen), seen, rounds


def known(truth: Sequence[bool | None], *, changed: bool) -> list[int]:
    return [index for index, each in enumerate(truth) if each is changed]


@pytest.mark.parametrize("count", COUNTS)
def test_every_culprit_is_found_in_few_probes(count: int) -> None:
    span = Span(count=count, older=0, newer=count - 1)
    for first in range(1, count):
        found, seen, _ = searched(span, [index >= first for index in range(count)])
        assert found == Change(last=first - 1, first=first)
        assert found.is_exact
        assert len(seen) <= math.ceil(math.log2(count)) + 2


@pytest.mark.parametrize("span", [Span(count=15), Span(count=15, older=0, newer=14), Span(count=2)])
def test_the_estimate_of_what_is_left_shrinks_to_nothing(span: Span) -> None:
    for first in range(1, span.count):
        seen: dict[int, bool | None] = {}
        estimates = [bisect.steps_left(span, seen)]
        while indices := bisect.next_indices(span, seen):
            seen |= {index: index >= first for index in indices}
            estimates.append(bisect.steps_left(span, seen))
        assert estimates[-1] == 0
        assert 0 not in estimates[:-1]
        if span.newer is not None:
            assert abs(estimates[0] - (len(estimates) - 1)) <= 1


def test_the_estimate_of_a_search_without_ends() -> None:
    estimates = [bisect.steps_left(Span(count=15), dict.fromkeys(range(first, 15), True)) for first in (15, 14, 10, 1)]
    assert estimates == [7, 6, 5, 1]
    assert bisect.steps_left(Span(count=15), {14: False}) == 0
    assert bisect.steps_left(Span(count=15), dict.fromkeys((14, 13, 12, 10, 6, 0), True)) == 9, "all others"


@pytest.mark.parametrize("at_once", [2, 3, 7])
@pytest.mark.parametrize("count", [2, 3, 15, LONGEST])
def test_several_at_once_need_fewer_rounds(count: int, at_once: int) -> None:
    span = Span(count=count, older=0, newer=count - 1)
    for first in range(1, count):
        found, _, rounds = searched(span, [index >= first for index in range(count)], at_once)
        assert found == Change(last=first - 1, first=first)
        assert rounds <= math.ceil(math.log(count, at_once + 1)) + 1


@pytest.mark.parametrize("count", COUNTS)
def test_ends_that_nobody_claims_are_found(count: int) -> None:
    for first in range(1, count):
        truth = [index >= first for index in range(count)]
        found, seen, _ = searched(Span(count=count), truth)
        assert found == Change(last=first - 1, first=first)
        distance = count - first
        assert len(seen) <= 2 * math.ceil(math.log2(distance) + 1) + 2


TRUTHS = st.integers(2, LONGEST).flatmap(
    lambda count: st.tuples(st.integers(1, count - 1), st.lists(st.booleans(), min_size=count, max_size=count))
)


@given(TRUTHS, st.integers(1, 5), st.booleans(), st.booleans())
def test_what_nobody_can_tell_is_never_the_answer(
    drawn: tuple[int, list[bool]],
    at_once: int,
    claims_older: bool,  # noqa: FBT001
    claims_newer: bool,  # noqa: FBT001
) -> None:
    first, skipped = drawn
    count = len(skipped)
    truth = [None if skip else index >= first for index, skip in enumerate(skipped)]
    span = Span(count=count, older=0 if claims_older else None, newer=count - 1 if claims_newer else None)
    found, seen, _ = searched(span, truth, at_once)
    old, new = known(truth, changed=False), known(truth, changed=True)
    if not old or not new or (claims_older and truth[0] is None) or (claims_newer and truth[-1] is None):
        assert isinstance(found, Unproved)
        return
    assert found == Change(last=max(old), first=min(new))
    assert first in found.candidates
    assert all(truth[index] is None for index in found.candidates[:-1])
    assert {found.last, found.first} <= seen.keys()


@given(st.integers(30, LONGEST), st.data())
def test_a_cluster_that_nobody_can_tell_of_costs_few_probes(count: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, count - 1))
    start = data.draw(st.integers(1, count - 2))
    end = data.draw(st.integers(start, count - 2))
    truth = [None if start <= index <= end else index >= first for index in range(count)]
    _, seen, _ = searched(Span(count=count, older=0, newer=count - 1), truth)
    if not start <= first <= end + 1:
        assert len(seen) <= 2 * math.ceil(math.log2(count)) + 2


@given(st.lists(st.sampled_from([True, False, None]), min_size=2, max_size=LONGEST), st.integers(1, 4))
def test_of_a_history_that_goes_up_and_down_one_change_is_named(truth: list[bool | None], at_once: int) -> None:
    truth[0], truth[-1] = False, True
    found, _, _ = searched(Span(count=len(truth), older=0, newer=len(truth) - 1), truth, at_once)
    assert isinstance(found, Change)
    assert (truth[found.last], truth[found.first]) == (False, True)
    assert all(truth[index] is None for index in found.candidates[:-1])


@pytest.mark.parametrize(
    ("truth", "span", "end", "index"),
    [
        ([True, True, True], Span(count=3, older=0, newer=2), "older", 0),
        ([None, False, True], Span(count=3, older=0, newer=2), "older", 0),
        ([False, False, False], Span(count=3, older=0, newer=2), "newer", 2),
        ([False, True, None], Span(count=3, older=0, newer=2), "newer", 2),
        ([False, False, False], Span(count=3), "newer", 2),
        ([False, True, False], Span(count=3), "newer", 2),
        ([False, False, None], Span(count=3), "newer", 1),
        ([None, None, None], Span(count=3), "newer", None),
        ([True, True, True], Span(count=3), "older", None),
        ([None, True, True], Span(count=3), "older", None),
    ],
)
def test_a_wrong_premise(truth: list[bool | None], span: Span, end: str, index: int | None) -> None:
    found, seen, _ = searched(span, truth)
    assert found == Unproved(end=end, index=index)  # type: ignore[arg-type]
    if span.newer is not None:
        assert len(seen) == 2, "both ends are proved first, and nothing more is tested"


@given(st.lists(st.sampled_from([True, False, None]), min_size=2, max_size=LONGEST), st.integers(1, 4))
def test_no_older_end_is_found_only_once_everything_was_tested(truth: list[bool | None], at_once: int) -> None:
    truth[-1] = True
    found, seen, _ = searched(Span(count=len(truth)), truth, at_once)
    if False in truth:
        assert isinstance(found, Change)
        assert (truth[found.last], truth[found.first]) == (False, True)
    else:
        assert found == Unproved(end="older", index=None)
        assert len(seen) == len(truth)


def test_an_older_end_between_the_steps_back_is_found() -> None:
    truth = [True, False, False, False, *[True] * 11]
    found, seen, _ = searched(Span(count=15), truth)
    assert found == Change(last=3, first=4)
    assert len(seen) < 15


@given(TRUTHS, st.randoms())
def test_the_order_in_which_places_were_seen_does_not_matter(
    drawn: tuple[int, list[bool]], shuffle: random.Random
) -> None:
    first, skipped = drawn
    truth = [None if skip else index >= first for index, skip in enumerate(skipped)]
    span = Span(count=len(truth))
    found, seen, _ = searched(span, truth)
    entries = [*seen.items()]
    shuffle.shuffle(entries)
    assert bisect.result(span, dict(entries)) == found
    assert bisect.next_indices(span, dict(entries)) == ()


@given(st.integers(0, LONGEST), st.data())
def test_every_place_comes_once_and_coarse_before_fine(count: int, data: st.DataObject) -> None:
    seen = data.draw(st.sets(st.integers(0, max(0, count - 1)))) if count else set()
    indices = list(bisect.untested(count, seen))
    assert sorted([*indices, *seen]) == list(range(count))
    if not seen and count > 2:
        assert indices[:3] == [count - 1, 0, count // 2]


@pytest.mark.parametrize(
    ("labels", "changes"),
    [
        ("", []),
        ("a", []),
        ("aaaa", []),
        ("aabb", [(1, 2)]),
        ("aba", [(0, 1), (1, 2)]),
        ("a.b", [(0, 2)]),
        ("a.a", []),
        ("..ab..", [(2, 3)]),
        ("....", []),
    ],
)
def test_every_change_of_labels(labels: str, changes: list[tuple[int, int]]) -> None:
    found = bisect.changes([None if label == "." else label for label in labels])
    assert found == [Change(last=last, first=first) for last, first in changes]
