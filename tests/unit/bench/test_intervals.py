"""The intervals are those of the textbooks, and have the middle as often as they promise."""

import math
import random

import pytest
import scipy.stats

from harness.bench import intervals


@pytest.mark.parametrize("count", [6, 7, 10, 25, 60, 61, 150])
def test_the_p_value_is_that_of_scipy(count: int) -> None:
    chance = random.Random(count)  # noqa: S311
    values = [chance.gauss(0.3, 1) for _ in range(count)]
    method = "exact" if count <= 60 else "asymptotic"
    wanted = scipy.stats.wilcoxon(values, method=method, correction=True).pvalue
    assert intervals.p_value(values) == pytest.approx(wanted, rel=0.05 if count > 60 else 1e-9)


@pytest.mark.parametrize("count", [6, 10, 25, 61])
def test_the_interval_has_just_the_middles_that_the_test_does_not_refuse(count: int) -> None:
    chance = random.Random(count)  # noqa: S311
    values = [chance.gauss(5, 1) for _ in range(count)]
    found = intervals.interval(values)
    assert found.low < found.middle < found.high
    for middle, is_inside in ((found.low, True), (found.high, True), (found.low, False), (found.high, False)):
        step = 1e-9 if (middle == found.low) == is_inside else -1e-9
        moved = [value - middle - step for value in values]
        assert (intervals.p_value(moved) > 0.05) is is_inside


def test_the_middle_and_the_ends_of_a_textbook() -> None:
    # Hollander, Wolfe, Chicken: Nonparametric Statistical Methods, 3rd edition, examples 3.1, 3.3 and 3.4.
    differences = [-0.952, 0.147, -1.022, -0.430, -0.620, -0.590, -0.490, 0.080, -0.010]
    found = intervals.interval(differences)
    assert found.middle == pytest.approx(-0.46)
    assert [found.low, found.high] == pytest.approx([-0.786, -0.010])


def test_five_numbers_are_too_few_for_an_interval() -> None:
    found = intervals.interval([1, 2, 3, 4, 5])
    assert (found.middle, found.low, found.high) == (3, -math.inf, math.inf)
    assert found.half_width == math.inf


def test_equal_numbers_are_their_own_interval() -> None:
    found = intervals.interval([2.5] * 8)
    assert (found.low, found.middle, found.high) == (2.5, 2.5, 2.5)
    assert intervals.p_value([0.0] * 8) == 1.0


@pytest.mark.parametrize("tails", [0.0, 0.2])
def test_intervals_have_the_middle_in_95_of_100_cases(tails: float) -> None:
    chance = random.Random(1)  # noqa: S311
    covered = 0
    for _ in range(1000):
        values = [chance.gauss(0, 20 if chance.random() < tails else 1) for _ in range(12)]
        found = intervals.interval(values)
        covered += found.low <= 0 <= found.high
    assert 930 <= covered <= 975
