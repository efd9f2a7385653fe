"""Delta debugging with a rule in place of compilers."""

import re
from collections.abc import Callable

import pytest

from harness.localize.program import ARGUMENT, Cut, Program
from harness.reduction.candidate import Candidate, Proposal
from harness.reduction.reducer import Reducer, State
from tests.unit.localize.made import operation, program

Rule = Callable[[Candidate, Program], bool]


def chain(size: int) -> Program:
    """Return a program in which each operation uses the one before it."""
    return program([operation((ARGUMENT, 0)), *(operation((index, 0)) for index in range(size - 1))])


def state(operations: int, text: str = "", first: int = 0) -> State:
    """Return a program of so many operations of a chain, from one on; its text says which."""
    return State(candidate=Candidate(text=f"{text} ops {first} {operations}"), program=chain(operations))


def attempted(rule: Callable[[int, int, str], bool]) -> Callable[[State, Proposal], State | None]:
    """Return what cuts chains, and tells by a rule whether they fail: of the first and last operation, and the text."""

    def attempt(best: State, proposal: Proposal) -> State | None:
        text = proposal.text if isinstance(proposal, Candidate) else best.candidate.text
        found = re.search(r" ops (\d+) (\d+)", text)
        assert found
        first, count = map(int, found.groups())
        if isinstance(proposal, Cut):
            begin = max((index + 1 for index, _ in proposal.boundary), default=0)
            end = max(index for index, _ in proposal.returns) + 1
            first, count = first + begin, end - begin
            if count <= 0 or count >= best.operations:
                return None
        kept = text[: found.start()]
        return state(count, kept, first) if rule(first, first + count - 1, kept) else None

    return attempt


def reduced(start: State, rule: Callable[[int, int, str], bool], jobs: int = 1) -> tuple[State, Reducer]:
    reducer = Reducer(attempt=attempted(rule), accepted=lambda _: None, jobs=jobs, ends_s=1e9, clock=lambda: 0.0)
    return reducer.run(start), reducer


@pytest.mark.parametrize("jobs", [1, 2, 7])
@pytest.mark.parametrize("culprit", [0, 1, 37, 99])
def test_one_operation_of_many_is_left(culprit: int, jobs: int) -> None:
    found, reducer = reduced(state(100), lambda first, last, _: first <= culprit <= last, jobs)
    assert found.operations == 1
    assert reducer.is_done
    assert reducer.tried < 250


def test_two_operations_that_fail_together_stay() -> None:
    found, _ = reduced(state(60), lambda first, last, _: first <= 20 and last >= 24)
    assert found.operations == 5


def test_text_is_reduced_as_far_as_it_fails() -> None:
    found, _ = reduced(state(3, "tensor<64x128xf32>"), lambda *fact: sizes(fact[2])[0] >= 5)
    assert sizes(found.candidate.text) == [5, 1]


def sizes(text: str) -> list[int]:
    found = re.search(r"tensor<(\d+)x(\d+)xf32>", text)
    assert found
    return [int(each) for each in found.groups()]


def test_it_stops_when_the_time_is_up() -> None:
    clock = iter(range(1000))
    reducer = Reducer(
        attempt=attempted(lambda *_: True), accepted=lambda _: None, jobs=1, ends_s=2, clock=lambda: next(clock)
    )
    found = reducer.run(state(100))
    assert (reducer.tried, reducer.is_done) == (2, False)
    assert found.operations < 100


def test_what_did_not_fail_before_is_not_tried_again() -> None:
    rejected = list[str]()
    rule = attempted(lambda first, last, _: first <= 3 <= last)
    first = Reducer(attempt=rule, accepted=lambda _: None, rejected=rejected.append, jobs=2, ends_s=1, clock=lambda: 0)
    smallest = first.run(state(20))
    again = Reducer(attempt=rule, accepted=lambda _: None, jobs=2, ends_s=1, clock=lambda: 0, known=set(rejected))
    assert again.run(smallest) is smallest
    assert again.tried == 0


def test_an_interruption_stops_what_is_tried_and_the_best_is_known() -> None:
    accepted, stopped = list[State](), list[bool]()

    def attempt(best: State, proposal: Proposal) -> State | None:
        if accepted:
            raise KeyboardInterrupt
        return attempted(lambda *_: True)(best, proposal)

    reducer = Reducer(
        attempt=attempt,
        accepted=accepted.append,
        cancel=lambda: stopped.append(True),
        jobs=2,
        ends_s=1,
        clock=lambda: 0,
    )
    with pytest.raises(KeyboardInterrupt):
        reducer.run(state(20))
    assert stopped == [True]
    assert accepted[-1].operations < 20
