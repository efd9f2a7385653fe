import math
import random
from collections import Counter

import pytest

from harness.bench import rounds
from harness.bench.rounds import Comparison, Conclusion, Round
from tests.unit.bench.timed import latency, one_round


def noisy(chance: random.Random, factor: float, noise: float, outliers: float) -> list[Round]:
    """Return the rounds of a benchmark as the stopwatch does them, with noise that both sides share, and outliers."""
    done: list[Round] = []
    shared = 0.0
    while not rounds.is_enough(done, 0.01) and len(done) < 40:
        shared = 0.9 * shared + chance.gauss(0, 0.1)
        late = [abs(chance.gauss(0, 0.5)) if chance.random() < outliers else 0.0 for _ in range(2)]
        first, second = (math.exp(chance.gauss(shared, noise) + each) for each in late)
        done.append(one_round(factor * first, second))
    return done


def trials(factor: float, noise: float, outliers: float) -> tuple[Counter[Conclusion], int]:
    """Return what 100 benchmarks conclude, and how many intervals have the factor."""
    chance = random.Random(7)  # noqa: S311
    found = [rounds.comparison(noisy(chance, factor, noise, outliers), 0.01) for _ in range(100)]
    return Counter(each.conclusion for each in found), sum(each.low <= factor <= each.high for each in found)


@pytest.mark.parametrize(("noise", "outliers"), [(0.005, 0.0), (0.02, 0.1), (0.05, 0.2)])
@pytest.mark.parametrize("factor", [1.0, 1.02, 1.05, 1.2])
def test_what_a_benchmark_says_is_wrong_in_5_of_100_cases(factor: float, noise: float, outliers: float) -> None:
    said, covered = trials(factor, noise, outliers)
    wrong = said[Conclusion.FASTER] + (said[Conclusion.SLOWER] if factor == 1 else said[Conclusion.EQUAL])
    assert wrong <= 10
    assert covered >= 90


def test_little_noise_is_enough_for_two_percent() -> None:
    assert trials(1.02, 0.005, 0.0)[0] == {Conclusion.SLOWER: 100}
    assert trials(1.0, 0.005, 0.0)[0][Conclusion.EQUAL] >= 75


def test_noise_that_both_sides_share_does_not_count() -> None:
    times = [one_round(1.05 * each, each) for each in (1, 3, 2, 7, 1.5, 4, 9, 2.5, 6, 8)]
    found = rounds.comparison(times, 0.01)
    assert [found.ratio, found.low, found.high] == pytest.approx([1.05] * 3)
    assert found.conclusion is Conclusion.SLOWER


@pytest.mark.parametrize(
    ("ratios", "conclusion"),
    [
        ([1.1] * 10, Conclusion.SLOWER),
        ([0.9] * 10, Conclusion.FASTER),
        ([1.001, 0.999] * 5, Conclusion.EQUAL),
        ([1.1, 0.9] * 5, Conclusion.UNCLEAR),
        ([2.0] * 5, Conclusion.UNCLEAR),
    ],
)
def test_conclusions(ratios: list[float], conclusion: Conclusion) -> None:
    assert rounds.comparison([one_round(each, 1.0) for each in ratios], 0.01).conclusion is conclusion


def test_busy_rounds_do_not_count_unless_most_are_busy() -> None:
    quiet, busy = one_round(1.0, busy=0.1), one_round(2.0, busy=0.11)
    assert rounds.counted([quiet, busy, quiet]) == [quiet, quiet]
    assert rounds.counted([quiet, busy]) == [quiet]
    assert rounds.counted([quiet, busy, busy]) == [quiet, busy, busy]
    assert rounds.counted([]) == []


def test_when_there_are_enough_rounds() -> None:
    steady = [one_round(1.0, 1.0)] * 10
    assert rounds.is_enough(steady, 0.01)
    assert not rounds.is_enough(steady[1:], 0.01)
    assert not rounds.is_enough([*steady[1:], one_round(1.0, 1.0, busy=0.5)], 0.01)
    wide = [one_round(1.0 + index / 10, 1.0) for index in range(10)]
    assert not rounds.is_enough(wide, 0.01)
    assert rounds.is_enough(wide, 0.5)


def test_one_side_alone_has_its_spread() -> None:
    done = [Round(times=(latency(each, 2 * each, 3 * each),), busy=0.0) for each in (1.0, 1.1, 0.9, 1.0, 1.2, 1.0)]
    found = rounds.spread(done, 0)
    assert found.minimum_ms == 0.9
    assert found.low_ms < found.median_ms < found.high_ms
    assert found.median_ms == pytest.approx(2.0, rel=0.05)
    assert rounds.shown_width(done) == f"+-{100 * (found.high_ms / found.low_ms) ** 0.5 - 100:.1f} %"
    assert rounds.shown_width(done[:5]) == "too few for an interval"


def test_a_comparison_of_few_rounds_has_no_ends() -> None:
    found = rounds.comparison([one_round(2.0, 1.0)], 0.01)
    ends = {"low": 0.0, "high": math.inf, "p_value": 1.0, "conclusion": Conclusion.UNCLEAR}
    assert found == Comparison(ratio=2.0, **ends)  # type: ignore[arg-type]
