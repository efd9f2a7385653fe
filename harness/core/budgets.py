"""Budgets: how much a case may take of each quantity, by what it is compiled for and run on."""

import enum
from collections.abc import Mapping
from dataclasses import field

from harness.core.timings import Timing
from harness.core.values import frozen


class Quantity(enum.StrEnum):
    """What a budget limits; docs/spec.md explains each."""

    DISPATCHES = "dispatches"
    MODULE_BYTES = "module_bytes"
    COMPILE_SECONDS = "compile_seconds"
    PEAK_BYTES = "peak_bytes"
    LATENCY_MS = "latency_ms"

    @property
    def is_of_compilation(self) -> bool:
        """Whether it is known without a run."""
        return self in {Quantity.DISPATCHES, Quantity.MODULE_BYTES, Quantity.COMPILE_SECONDS}


class Statistic(enum.StrEnum):
    """Which number of several repetitions a budget limits."""

    MIN = "min"
    MEDIAN = "median"
    MEAN = "mean"


@frozen
class Limit:
    """The most that a case may take of a quantity.

    Attributes:
        golden: what it should take.
        tolerance: the factor by which it may exceed that.
        statistic: what is compared of several repetitions, if it is a latency.
        timing: how that is timed.
    """

    golden: float
    tolerance: float = 1.0
    statistic: Statistic = Statistic.MEDIAN
    timing: Timing = field(default_factory=Timing)

    @property
    def most(self) -> float:
        """The largest accepted number."""
        return self.golden * self.tolerance


# By quantity, the limit for each SKU, chip or backend; that of `EVERY` is for all others.
Budget = Mapping[Quantity, Mapping[str, Limit]]
EVERY = ""
