import pytest

from harness.search import finding as findings
from harness.search import metric
from harness.search.bisect import Change, Unproved
from harness.search.finding import Carrier, Finding
from harness.search.probes import Mark, Question
from tests.unit.searches import finding, names, probe, search_request

FIX = Question(fix=True)


def searched(history: str, indices: str | None = None, **changes: object) -> Finding:
    """Return a finding in which the indices of a history that are not dots were tested."""
    request = search_request(history, **changes)  # type: ignore[arg-type]
    seen = {index: probe(letter, names(99)[index]) for index, letter in enumerate(indices or history) if letter != "."}
    return finding(request, seen)


def test_the_change_between_two_ends() -> None:
    assert searched("gggbb", "g.gbb", good=0, bad=4).change == Change(last=2, first=3)
    assert searched("bbbgg", good=4, bad=0, question=FIX).change == Change(last=2, first=3)


def test_the_newest_failure_is_asked_about_where_no_bad_end_is_claimed() -> None:
    assert searched("ccgbb").change == Change(last=2, first=3)
    assert searched("gcb").change == Change(last=0, first=2)


@pytest.mark.parametrize(
    ("history", "ends", "wrong"),
    [
        ("bb", {"good": 0, "bad": 1}, True),
        ("gg", {"good": 0, "bad": 1}, True),
        ("eb", {"good": 0, "bad": 1}, False),
        ("gu", {"good": 0, "bad": 1}, False),
        ("gg", {}, False),
        ("gb", {"good": 0, "bad": 1}, False),
    ],
)
def test_a_claim_is_wrong_if_the_opposite_was_seen(history: str, ends: dict[str, int], wrong: bool) -> None:  # noqa: FBT001
    assert searched(history, good=ends.get("good"), bad=ends.get("bad")).is_wrong is wrong


def test_what_is_wanted_next_and_what_may_be_after() -> None:
    found = searched("g" * 5 + "b" * 4, "g.......b", good=0, bad=8)
    assert found.next_indices(1) == (4,)
    assert found.likely_indices == (6, 2)
    assert len(found.next_indices(3)) == 3


def test_all_changes_want_every_place_also_where_the_ends_are_alike() -> None:
    found = searched("gbg", "g.g", all_changes=True)
    assert found.next_indices(2) == (1,)
    assert searched("gbg", all_changes=True).next_indices(2) == ()
    assert searched("gbg", all_changes=True).changes == [Change(last=0, first=1), Change(last=1, first=2)]
    assert isinstance(searched("gbg", all_changes=True).change, Unproved)


def test_changes_are_of_the_signature_and_not_where_nobody_can_tell() -> None:
    assert searched("gueg", all_changes=True).changes == []
    assert searched("gueb", all_changes=True).changes == [Change(last=0, first=3)]
    assert searched("bc", all_changes=True).changes == [Change(last=0, first=1)]


def test_changes_of_a_metric_are_where_it_begins_or_ends_to_hold() -> None:
    question = Question(metric=metric.parse("dispatches > 40"))
    numbers = [39.0, 40.0, 41.0, 99.0, None, 1.0]
    seen = {
        index: probe("g", numbers={} if number is None else {"dispatches": number})
        for index, number in enumerate(numbers)
    }
    found = finding(search_request("gggggg", question=question, all_changes=True), seen)
    assert found.changes == [Change(last=1, first=2), Change(last=3, first=5)]


@pytest.mark.parametrize(
    ("compiler", "runtime", "carrier"),
    [
        (Mark.BAD, Mark.GOOD, Carrier.COMPILER),
        (Mark.GOOD, Mark.BAD, Carrier.RUNTIME),
        (Mark.BAD, Mark.BAD, Carrier.BOTH),
        (Mark.GOOD, Mark.GOOD, Carrier.TOGETHER),
        (Mark.BAD, Mark.SKIP, Carrier.COMPILER),
        (Mark.GOOD, None, Carrier.RUNTIME),
        (None, Mark.BAD, Carrier.RUNTIME),
        (Mark.SKIP, Mark.GOOD, Carrier.COMPILER),
        (None, Mark.SKIP, Carrier.UNKNOWN),
    ],
)
def test_what_carries_a_change(compiler: Mark | None, runtime: Mark | None, carrier: Carrier) -> None:
    assert findings.carrier(compiler, runtime, Mark.BAD) is carrier
    opposite = {Mark.GOOD: Mark.BAD, Mark.BAD: Mark.GOOD}
    first, second = (opposite.get(each, each) if each else None for each in (compiler, runtime))
    assert findings.carrier(first, second, Mark.GOOD) is carrier
