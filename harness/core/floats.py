"""The floats of values that are written as JSON."""

import enum
import math
from typing import TYPE_CHECKING, Self


class NotFinite(float, enum.Enum):
    """The floats that JSON cannot write as numbers, by the strings that stand for them there."""

    INFINITY = (math.inf, "inf")
    MINUS_INFINITY = (-math.inf, "-inf")
    NAN = (math.nan, "nan")

    def __new__(cls, number: float, text: str) -> Self:
        """Return a float that JSON decoders find by its string."""
        made = float.__new__(cls, number)
        made._value_ = text
        return made

    __str__ = float.__str__
    __repr__ = float.__repr__
    __format__ = float.__format__  # type: ignore[assignment]
    __hash__ = float.__hash__


if TYPE_CHECKING:
    Number = float
else:
    # As the type of a field it lets `harness.core.records` read these strings. To a type checker it is `float`.
    Number = float | NotFinite
