"""Mean and deviation of the errors of an output, and from them its PSNR, in constant memory."""

import math
from dataclasses import dataclass

import numpy as np

from harness.pipeline.contents import Array


@dataclass(slots=True)
class Moments:
    """The errors `actual - expected` so far, and the range of the expected values.

    Mean and squares are combined as Chan, Golub and LeVeque do it (Updating Formulae and a Pairwise Algorithm for
    Computing Sample Variances, 1979): no large sums are subtracted, so a small deviation beside a large mean stays.

    Attributes:
        count: number of errors.
        mean: their mean.
        squares: sum of `|error - mean|^2`.
        least: the smallest expected value.
        most: the largest expected value.
    """

    count: int = 0
    mean: complex = 0j
    squares: float = 0.0
    least: float = math.inf
    most: float = -math.inf

    def add(self, error: Array, expected: Array) -> None:
        """Add errors, and the expected values that they belong to; all are finite numbers."""
        if not error.size:
            return
        with np.errstate(all="ignore"):  # what overflows is infinite
            mean = error.mean()
            total, shift = self.count + error.size, mean - self.mean
            own = error - mean
            size = np.abs(own) if own.dtype.kind == "c" else own
            self.squares += float(np.square(size).sum())  # no `vdot`, whose library would take all CPUs
            self.squares += float(np.square(np.abs(shift)) * (self.count / total) * error.size)
            self.mean += shift * (error.size / total)
        self.count = total
        if expected.dtype.kind != "c":
            self.least = min(self.least, float(expected.min()))
            self.most = max(self.most, float(expected.max()))

    @property
    def size(self) -> float:
        """The absolute value of the mean."""
        return math.hypot(self.mean.real, self.mean.imag)

    @property
    def deviation(self) -> float:
        """The standard deviation of the errors (of all of them, as `numpy.std` has it)."""
        return math.sqrt(self.squares / self.count)

    @property
    def psnr(self) -> float:
        """The peak signal-to-noise ratio in dB; the peak is the range of the expected values."""
        error = math.hypot(self.deviation, self.size)  # the root of the mean square
        if not error:
            return math.inf
        span = self.most - self.least
        return 20 * (math.log10(span) - math.log10(error)) if span else -math.inf

    def relative(self, number: float, expected_square: float) -> float:
        """Return a number relative to the root mean square of the expected values, given the sum of their squares."""
        return number / math.sqrt(expected_square / self.count) if expected_square else math.inf if number else 0.0
