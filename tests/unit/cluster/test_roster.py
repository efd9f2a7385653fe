from collections import Counter

from harness.cluster.messages import Offer
from harness.cluster.roster import Load, Roster


def offer(**slots: int) -> Offer:
    return Offer(name="", version="1", cpu="", slots=slots)


ROSTER = Roster({"a": offer(compile=2, cpu=1), "b": offer(compile=4, gfx942=8), "c": offer(compile=2, gfx942=2)})


def test_a_roster_says_who_can_do_a_step_and_how_many_at_once() -> None:
    assert ROSTER.fitting({"compile": 1}) == ["a", "b", "c"]
    assert ROSTER.fitting({"gfx942": 2}) == ["b", "c"]
    assert ROSTER.fitting({"gfx950": 1}) == []
    assert [ROSTER.slots({"compile": 1}), ROSTER.slots({"gfx942": 2}), ROSTER.slots({"gfx950": 1})] == [8, 5, 0]


def test_all_slots_are_used_before_a_step_waits_behind_another() -> None:
    load = Load()
    assert Counter(load.take(ROSTER, {"compile": 1}) for _ in range(8)) == {"a": 2, "b": 4, "c": 2}
    assert load.take(ROSTER, {"gfx942": 2}) in {"b", "c"}, "steps of another kind have slots of their own"
    load.give_back("c", {"compile": 1})
    assert load.take(ROSTER, {"compile": 1}) == "c"


def test_without_free_slots_the_least_loaded_worker_gets_a_step() -> None:
    load = Load()
    for _ in range(8):
        load.take(ROSTER, {"compile": 1})
    assert load.take(ROSTER, {"compile": 1}) == "b"


def test_a_worker_that_may_be_at_fault_gets_work_only_if_all_others_are_busy() -> None:
    load = Load()
    taken = Counter(load.take(ROSTER, {"gfx942": 1}, suspects={"b"}) for _ in range(3))
    assert taken == {"c": 2, "b": 1}
    assert load.take(ROSTER, {"gfx942": 1}, avoided={"b", "c"}) == ""
    assert load.take(ROSTER, {"gfx950": 1}) == ""


def test_a_step_that_failed_waits_for_a_worker_that_did_not_fail() -> None:
    load = Load()
    for _ in range(4):
        load.take(ROSTER, {"gfx942": 8}, suspects={"c"})
    assert load.take(ROSTER, {"compile": 1}, avoided={"a"}, suspects={"c"}) == "b"
    busy = Load()
    for _ in range(4):
        busy.take(ROSTER, {"compile": 1}, avoided={"a", "c"})
    assert busy.take(ROSTER, {"compile": 1}, avoided={"a"}, suspects={"c"}) == "b", "though it is busy, and c is not"
    assert busy.take(ROSTER, {"compile": 1}, avoided={"a", "b"}, suspects={"c"}) == "c", "there is no other"
