"""What a run of a program cost, for the benchmarks that compare programs."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a run cost, from the start of its program to the end, or the medians of several."""

    seconds: float
    cpu_seconds: float


def median(rounds: Sequence[Cost]) -> Cost:
    """Return the medians of some costs."""
    return Cost(
        seconds=statistics.median(each.seconds for each in rounds),
        cpu_seconds=statistics.median(each.cpu_seconds for each in rounds),
    )
