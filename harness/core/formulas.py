"""Inputs that are drawn at random by a formula, instead of being in a file."""

import math

from harness.core.floats import Number
from harness.core.tensors import ELEMENT_BITS, TensorType
from harness.core.values import frozen

MOST = 1 << 32  # numbers that the inputs of a spec may draw in all
LARGEST_SEED = (1 << 32) - 1
_BYTE = 8


@frozen
class Formula:
    """A tensor of `coeff * r + offset` for random numbers r in [0, 1), as IREE's suite torch_ops draws them.

    The numbers are those of NumPy's legacy generator, `numpy.random.RandomState(seed).rand`, which NumPy never changes
    (iree-org/iree-test-suites@612f936:torch_ops; NEP 19).

    Attributes:
        type: its type.
        seed: the seed of all inputs of a spec, which share one stream of numbers.
        skipped: how many numbers the inputs before this one draw.
        coeff: the factor.
        offset: what is added.
    """

    type: TensorType
    seed: int
    skipped: int
    coeff: Number = 1.0
    offset: Number = 0.0

    @property
    def drawn(self) -> int:
        """How many numbers it draws."""
        return math.prod(self.type.shape)


def fault(formula: Formula) -> str | None:
    """Return why a formula cannot be drawn, or None."""
    element = formula.type.element
    if (bits := ELEMENT_BITS[element]) < _BYTE:
        return f"values of {element} cannot be drawn; expected a type of at least 8 bits"
    if (total := formula.skipped + formula.drawn) > MOST:
        return f"the inputs of a spec may draw {MOST:,} numbers in all; with this one they are {total:,}"
    ends = formula.offset, formula.offset + formula.coeff
    if not all(map(math.isfinite, ends)):
        return "coeff and offset are too large for a float64"
    if element.lstrip("su").startswith("i") and element != "i1":
        least, most = (0, (1 << bits) - 1) if element.startswith("u") else (-(1 << bits - 1), (1 << bits - 1) - 1)
        if not least <= int(min(ends)) <= int(max(ends)) <= most:
            return f"its values, from {min(ends):g} to {max(ends):g}, do not fit into {element}"
    return None
