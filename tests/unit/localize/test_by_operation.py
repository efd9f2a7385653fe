"""The operations that are named, by rules in place of compilers; test_localize.py has the compilers."""

import random
from collections.abc import Collection, Iterator

import pytest

from harness.core.statuses import Kind, Phase
from harness.localize.by_operation import Locator
from harness.localize.program import Cut
from tests.unit.localize.made import drawn, operation, program, subject

COMPILE = (Phase.COMPILE, Kind.COMPILE)
CRASH = (Phase.RUN, Kind.CRASH)
SIZE = 40


def culprit_of(seed: int) -> int:
    """Return an operation of a drawn program that something needs, and that is no constant."""
    made = drawn(seed, SIZE)
    needed = made.ancestors(made.returns)
    return random.Random(seed).choice(sorted({index for index, _ in made.taps} & needed))  # noqa: S311 - for tests


@pytest.mark.parametrize("seed", range(30))
def test_a_wrong_operation_is_named_by_few_programs(seed: int) -> None:
    culprit = culprit_of(seed)
    asked = subject(drawn(seed, SIZE), lambda computed, _: {culprit} & set(computed))
    found = Locator(subject=asked).located()
    assert [each.operations for each in found.culprits] == [(culprit,)]
    assert found.culprits[0].is_confirmed
    assert len(asked.tried) <= 5


@pytest.mark.parametrize("failure", [COMPILE, CRASH])
@pytest.mark.parametrize("seed", range(20))
def test_an_operation_that_does_not_compile_or_run_is_named(seed: int, failure: tuple[Phase, Kind]) -> None:
    culprit = culprit_of(seed)
    asked = subject(drawn(seed, SIZE), lambda computed, _: {culprit} & set(computed), failure)
    found = Locator(subject=asked).located()
    assert [each.operations for each in found.culprits] == [(culprit,)]
    assert len(asked.tried) <= 16


@pytest.mark.parametrize("seed", range(20))
def test_operations_that_the_compiler_names_are_tried_first(seed: int) -> None:
    made, culprit = drawn(seed, SIZE), culprit_of(seed)
    needed = {index for index, _ in made.taps} & made.ancestors(made.returns)
    others = random.Random(seed).sample(sorted(needed), 3)  # noqa: S311 - for tests
    named = subject(made, lambda computed, _: {culprit} & set(computed), COMPILE)
    found = Locator(subject=named, suspects={culprit, *others}).located()
    assert [each.operations for each in found.culprits] == [(culprit,)]
    assert len(named.tried) <= 8
    misled = subject(made, lambda computed, _: {culprit} & set(computed), COMPILE)
    found = Locator(subject=misled, suspects=set(others) - {culprit}).located()
    assert [each.operations for each in found.culprits] == [(culprit,)]


def test_named_operations_that_fail_together_are_all_named() -> None:
    made = program([operation((index - 1, 0)) for index in range(9)])
    asked = subject(made, lambda computed, _: {3} if {3, 4} <= set(computed) else set(), COMPILE)
    found = Locator(subject=asked, suspects={2, 3, 4, 5}).located()
    assert [each.operations for each in found.culprits] == [(3, 4)]
    assert len(asked.tried) <= 10


@pytest.mark.parametrize("seed", range(20))
def test_a_failure_that_taps_hide_is_found_by_cuts(seed: int) -> None:
    culprit = culprit_of(seed)

    def rule(computed: Collection[int], cut: Cut) -> set[int]:
        return {culprit} & set(computed) if len(cut.returns) <= 2 else set()

    found = Locator(subject=subject(drawn(seed, SIZE), rule)).located()
    assert [each.operations for each in found.culprits] == [(culprit,)]


@pytest.mark.parametrize("seed", range(20))
def test_two_operations_that_fail_together_are_both_named(seed: int) -> None:
    made = drawn(seed, SIZE)
    needed = sorted({index for index, _ in made.taps} & made.ancestors(made.returns))
    chosen = random.Random(seed)  # noqa: S311 - for tests
    last = chosen.choice([index for index in needed if made.tapped_operands(index)])
    first = made.tapped_operands(last)[-1][0]

    def rule(computed: Collection[int], cut: Cut) -> set[int]:
        is_fused = (first, 0) not in cut.returns and (first, 0) not in cut.boundary
        return {last} if {first, last} <= set(computed) and is_fused else set()

    found = Locator(subject=subject(made, rule)).located()
    assert [each.operations for each in found.culprits] == [(first, last)]
    assert found.culprits[0].is_confirmed


def test_two_uses_of_a_value_that_do_not_compile_together_are_both_named() -> None:
    def operations() -> Iterator[object]:
        yield operation((-1, 0))
        yield operation((0, 0), name="first")
        yield operation((0, 0), name="second")
        yield operation((1, 0), (2, 0))

    def rule(computed: Collection[int], _: Cut) -> set[int]:
        return {3} if {0, 1, 2} <= set(computed) else set()

    found = Locator(subject=subject(program(list(operations())), rule, COMPILE)).located()  # type: ignore[arg-type]
    assert {1, 2} <= set(found.culprits[0].operations)


def test_every_wrong_operation_is_named_one_after_the_other() -> None:
    made = program([operation((index - 1, 0)) for index in range(20)])
    found = Locator(subject=subject(made, lambda computed, _: {5, 12} & set(computed))).located()
    assert [each.operations for each in found.culprits] == [(5,), (12,)]


def test_nothing_is_named_where_nothing_fails() -> None:
    found = Locator(subject=subject(drawn(0, SIZE), lambda *_: set())).located()
    assert not found.culprits
