"""Rounds of a benchmark: which of them count, when there are enough, and what they say; no I/O.

A round is one benchmark of each side, one right after the other, each in a process of its own. Noise that lasts longer
than a round slows both sides, and leaves their ratio as it is.
"""

import enum
import math
from collections.abc import Sequence

from harness.bench import intervals
from harness.bench.intervals import Interval
from harness.core.floats import Number
from harness.core.timings import Latency
from harness.core.values import frozen

LEAST = 10
_BUSY = 0.1


@frozen
class Round:
    """One benchmark of each side.

    Attributes:
        times: of each side.
        busy: the largest share of the time of its cores that other processes used during one of them, from 0 to 1.
        devices: what each side ran on; empty on the CPU.
    """

    times: tuple[Latency, ...]
    busy: Number
    devices: tuple[str, ...] = ()


class Conclusion(enum.StrEnum):
    """What is known of the first side."""

    SLOWER = "slower"
    FASTER = "faster"
    EQUAL = "equal"
    UNCLEAR = "unclear"


@frozen
class Comparison:
    """The time of the first side divided by that of the second.

    Attributes:
        ratio: the middle of the ratios of all rounds.
        low: the lower end of its interval, with a confidence of 95 %.
        high: the upper end.
        p_value: how probable such ratios are if both sides are equally fast.
        conclusion: `equal` means that they differ by less than the precision asked for.
    """

    ratio: Number
    low: Number
    high: Number
    p_value: Number
    conclusion: Conclusion


@frozen
class Spread:
    """The times of one side: the smallest, and the middle of the medians of all rounds with its interval."""

    minimum_ms: Number
    median_ms: Number
    low_ms: Number
    high_ms: Number


def counted(rounds: Sequence[Round]) -> list[Round]:
    """Return the rounds that count: those in which others hardly used the cores, or all if these are less than half."""
    quiet = [each for each in rounds if each.busy <= _BUSY]
    return quiet if 2 * len(quiet) >= len(rounds) else [*rounds]


def is_enough(rounds: Sequence[Round], precision: float) -> bool:
    """Return whether the interval is as narrow as asked for, such as 0.01 for 1 % to both sides."""
    left = counted(rounds)
    return len(left) >= LEAST and _interval(left).half_width <= math.log1p(precision)


def shown_width(rounds: Sequence[Round]) -> str:
    """Return how wide the interval of at least one round is, such as `+-1.3 %`."""
    half_width = _interval(counted(rounds)).half_width
    return f"+-{100 * math.expm1(half_width):.1f} %" if half_width < math.inf else "too few for an interval"


def comparison(rounds: Sequence[Round], precision: float) -> Comparison:
    """Return what at least one round says about two sides."""
    ratios = _ratios(counted(rounds))
    found = intervals.interval(ratios)
    low, high = _exp(found.low), _exp(found.high)
    return Comparison(
        ratio=_exp(found.middle),
        low=low,
        high=high,
        p_value=intervals.p_value(ratios),
        conclusion=_conclusion(low, high, precision),
    )


def spread(rounds: Sequence[Round], side: int) -> Spread:
    """Return what at least one round says about a side, the first of which is 0."""
    times = [each.times[side] for each in counted(rounds)]
    found = intervals.interval([math.log(each.median_ms) for each in times])
    return Spread(
        minimum_ms=min(each.minimum_ms for each in times),
        median_ms=_exp(found.middle),
        low_ms=_exp(found.low),
        high_ms=_exp(found.high),
    )


def _conclusion(low: float, high: float, precision: float) -> Conclusion:
    if low > 1:
        return Conclusion.SLOWER
    if high < 1:
        return Conclusion.FASTER
    is_near = low >= 1 / (1 + precision) and high <= 1 + precision
    return Conclusion.EQUAL if is_near else Conclusion.UNCLEAR


def _interval(rounds: Sequence[Round]) -> Interval:
    if len(rounds[0].times) > 1:
        return intervals.interval(_ratios(rounds))
    return intervals.interval([math.log(each.times[0].median_ms) for each in rounds])


def _ratios(rounds: Sequence[Round]) -> list[float]:
    """Return the logarithm of the ratio of both sides in each round."""
    return [math.log(first.median_ms / second.median_ms) for first, second in (each.times for each in rounds)]


def _exp(value: float) -> float:
    return math.inf if value == math.inf else math.exp(value)
