"""Confidence intervals for the middle of a few numbers, by Wilcoxon's signed ranks; no I/O.

The numbers need not be normally distributed; outliers count by their rank alone. The only assumption is that they are
independent and as likely above the middle as below it, which holds for the logarithm of the ratio of two times that
were measured one after the other, in alternating order. The middle is the Hodges-Lehmann estimate, the median of the
means of all pairs (Hollander, Wolfe, Chicken: Nonparametric Statistical Methods, 3rd edition, sections 3.1 to 3.3).
`scipy.stats.wilcoxon` has the same p-values.
"""

import functools
import itertools
import math
import statistics
from collections.abc import Sequence

from harness.core.values import frozen

CONFIDENCE = 0.95
_EXACT = 60  # for more numbers than these, the distribution of the rank sum is a normal one


@frozen
class Interval:
    """A middle and its confidence interval, which is infinite for fewer than six numbers."""

    middle: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the distance between both ends."""
        return (self.high - self.low) / 2


def interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the middle of at least one number with its confidence interval."""
    means = _means(values)
    rank = _rank(len(values), (1 - confidence) / 2)
    ends = (means[rank - 1], means[-rank]) if rank else (-math.inf, math.inf)
    return Interval(middle=statistics.median(means), low=ends[0], high=ends[1])


def p_value(values: Sequence[float]) -> float:
    """Return how probable numbers are that are at least as far to one side, if their middle is 0."""
    means = _means(values)
    rank_sum = sum(each > 0 for each in means) + sum(each == 0 for each in means) // 2
    return min(1.0, 2 * _at_most(len(values), min(rank_sum, len(means) - rank_sum)))


def _means(values: Sequence[float]) -> list[float]:
    """Return the mean of each number with itself and with each other one, in order."""
    return sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(values, 2))


def _rank(count: int, tail: float) -> int:
    """Return how many means are beyond each end of an interval, and one more; 0 if there are too few numbers."""
    rank = 0
    while _at_most(count, rank) <= tail:
        rank += 1
    return rank


def _at_most(count: int, rank_sum: int) -> float:
    """Return the probability that the sum of the ranks above the middle is at most so much."""
    if count > _EXACT:
        mean = count * (count + 1) / 4
        deviation = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
        return statistics.NormalDist(mean, deviation).cdf(rank_sum + 0.5)
    return _distribution(count)[rank_sum]


@functools.cache
def _distribution(count: int) -> Sequence[float]:
    """Return, for each sum, the share of the subsets of 1 to `count` whose sum is at most that."""
    subsets = [1]
    for rank in range(1, count + 1):
        longer = [*subsets, *[0] * rank]
        for at, number in enumerate(subsets):
            longer[at + rank] += number
        subsets = longer
    return [float(number / 2**count) for number in itertools.accumulate(subsets)]
