"""How far a value on one side is from the same value on the other, relative to its own scale."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from harness.core.floats import Number
from harness.core.tensors import Thresholds
from harness.core.values import frozen
from harness.pipeline.compare import CHUNK, compare, wide
from harness.pipeline.contents import Array, Contents, signed_as

# The distance from 1 to the next number.
_EPSILON: Mapping[str, float] = MappingProxyType(
    {"f64": 2.0**-52, "f32": 2.0**-23, "f16": 2.0**-10, "bf16": 2.0**-7}
    | {"complex<f32>": 2.0**-23, "complex<f64>": 2.0**-52}
    | {"f8E4M3FN": 2.0**-3, "f8E4M3FNUZ": 2.0**-3, "f8E5M2": 2.0**-2, "f8E5M2FNUZ": 2.0**-2}
)
_ROUNDINGS = 8


def noise(element: str) -> float:
    """Return the relative error below which sides may differ for no other reason than rounding: a few ULP."""
    return _ROUNDINGS * _EPSILON.get(element, 0.0)


def noticeable(element: str, largest: float) -> float:
    """Return the relative error from which a value counts as different.

    It is between rounding and the largest error that was seen, by the same factor from both.
    """
    floor = noise(element)
    return max(floor, math.sqrt(floor * min(1.0, largest)))


def limit(known: Mapping[str, float], element: str) -> float:
    """Return the relative error from which a value differs: the known one of its element type, or the largest."""
    return known.get(element, noticeable(element, 1.0))


@frozen
class Difference:
    """How far a value is from the other side's.

    Attributes:
        relative: the largest absolute error, divided by the largest number of the other side; infinite where one side
            has a NaN or an infinity that the other side lacks, or another shape.
        ulp: the same in units of the last place of that largest number; 0 for integers.
        shape: why they cannot be compared; empty if they were.
        exceeds: whether it is more than the thresholds of the case allow; false where they were not asked.
    """

    relative: Number
    ulp: Number = 0.0
    shape: str = ""
    exceeds: bool = False


def different_shapes(one: str, other: str) -> Difference:
    """Return the difference of values of two types."""
    return Difference(relative=math.inf, ulp=math.inf, shape=f"{one} in place of {other}", exceeds=True)


def difference(actual: Contents, good: Contents, thresholds: Thresholds | None = None) -> Difference:
    """Return how far a value is from that of the other side, and whether that is more than thresholds allow.

    Integers without a sign have that of the other side.

    Raises:
        OSError: a file cannot be read.
    """
    actual = signed_as(actual, good.type)
    if str(actual.type) != str(good.type):
        return different_shapes(str(actual.type), str(good.type))
    exceeds = thresholds is not None and compare(0, actual, good, thresholds=thresholds).kind is not None
    element, elements = good.type.element, math.prod(good.type.shape)
    found = _Scaled()
    for start in range(0, elements, CHUNK):
        count = min(CHUNK, elements - start)
        found.add(*(wide(each.read(start, count)) for each in (actual, good)))
    return Difference(relative=found.relative, ulp=in_ulp(found.relative, element), exceeds=exceeds)


@dataclass(slots=True)
class _Scaled:
    """The largest error and the largest number so far; whether something is not finite on one side alone."""

    error: float = 0.0
    scale: float = 0.0
    is_stray: bool = False

    def add(self, one: Array, other: Array) -> None:
        with np.errstate(all="ignore"):
            finite = np.isfinite(one) & np.isfinite(other)
            same = (one == other) | np.isnan(one) & np.isnan(other)
            self.is_stray = self.is_stray or bool((~finite & ~same).any())
            self.error = max(self.error, float(np.abs(np.where(finite, one - other, 0)).max(initial=0.0)))
            self.scale = max(self.scale, float(np.abs(np.where(np.isfinite(other), other, 0)).max(initial=0.0)))

    @property
    def relative(self) -> float:
        if self.is_stray:
            return math.inf
        return self.error / self.scale if self.scale else (math.inf if self.error else 0.0)


def in_ulp(error: float, element: str) -> float:
    """Return a relative error in units of the last place; 0 for types without one."""
    epsilon = _EPSILON.get(element, 0.0)
    return error / epsilon if epsilon else 0.0


def relative(actual: Array, good: Array) -> float:
    """Return how far numbers that are in memory are from those of the other side, as `Difference.relative`."""
    if actual.shape != good.shape:
        return math.inf
    found = _Scaled()
    found.add(actual, good)
    return found.relative
