"""The floats of values that are written as JSON."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Number = float
else:

    class Number(float):
        """A float. In JSON, the strings `inf`, `-inf` and `nan` stand for those that JSON cannot write as numbers.

        As the type of a field it lets `harness.core.records` read these strings. To a type checker it is `float`.
        """

        __slots__ = ()
