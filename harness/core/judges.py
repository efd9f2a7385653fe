"""Statistics by which a spec may judge an output, and the conditions on them; no I/O.

A statistic has the name that its value has in the results, as in `harness.core.measurements.Measurement`.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence

from harness.core import numerals
from harness.core.floats import Number
from harness.core.tensors import TensorType
from harness.core.values import frozen

PSNR, COSINE, MEAN, DEVIATION = "psnr", "cosine_similarity", "error_mean", "error_deviation"
TOKENS, PERPLEXITY = "token_match", "perplexity"
ERROR_RATIO = "error_ratio"
_LARGER_IS_BETTER = frozenset({PSNR, COSINE, TOKENS})
# What a statistic can be at most or least; a bound beyond it would always or never hold.
_RANGES: Mapping[str, tuple[float, float]] = {
    PSNR: (-math.inf, math.inf),
    COSINE: (-1, 1),
    MEAN: (0, math.inf),
    DEVIATION: (0, math.inf),
    TOKENS: (0, 1),
    PERPLEXITY: (1, math.inf),
    ERROR_RATIO: (0, math.inf),
}
_CONDITION = re.compile(r"(>=|<=|>|<) ?(.*)", re.DOTALL)
_RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
_DECIBELS = 20


@frozen
class Condition:
    """What a statistic of an output has to be, such as `psnr >= 40`.

    Attributes:
        statistic: its name in the results.
        relation: one of `>=`, `>`, `<=` and `<`.
        bound: the number to compare it with.
    """

    statistic: str
    relation: str
    bound: Number

    def holds(self, value: float | None) -> bool:
        """Whether a value is as it has to be; no value never is."""
        return value is not None and _RELATIONS[self.relation](value, self.bound)

    def share(self, value: float | None) -> float:
        """Return which part of what is allowed a value uses: 0 for equal outputs, and 1 at the bound."""
        loss, allowed = (math.inf if each is None else _loss(self.statistic, each) for each in (value, self.bound))
        if not loss:
            return 0.0
        return loss / allowed if allowed else math.inf

    @property
    def expected(self) -> str:
        """The condition without the name, such as `>= 40`."""
        return f"{self.relation} {self.bound:.15g}"

    def __str__(self) -> str:
        """Return `psnr >= 40`."""
        return f"{self.statistic} {self.expected}"


@frozen
class Judge:
    """How an output is judged by statistics.

    Attributes:
        conditions: all of them have to hold.
        elementwise: whether every element has to be within its threshold as well.
    """

    conditions: tuple[Condition, ...]
    elementwise: bool = False


# What a spec states that gives thresholds beside statistics.
WITHIN_THRESHOLDS = Condition(statistic=ERROR_RATIO, relation="<=", bound=1.0)


def of_output(judges: Sequence[Judge | None], index: int) -> Judge | None:
    """Return how an output is judged: one judge alone is for all outputs, of which an oracle may have any number."""
    if len(judges) == 1:
        return judges[0]
    return judges[index] if index < len(judges) else None


def condition(statistic: str, text: str) -> Condition:
    """Return the condition on a statistic that a text such as `>= 40` states.

    Raises:
        ValueError: the text is no condition, or one that makes no sense for the statistic.
    """
    better = ">=" if statistic in _LARGER_IS_BETTER else "<="
    found = _CONDITION.fullmatch(text)
    if not found or found[1] not in {better, better[0]}:
        raise ValueError(f"{text!r} is not a condition on {statistic}; expected {better} or {better[0]} and a number")
    bound = numerals.finite(found[2])
    least, most = _RANGES[statistic]
    if not least <= bound <= most:
        raise ValueError(f"{bound:g} cannot be a bound of {statistic}, which is {_range_in_words(least, most)}")
    return Condition(statistic=statistic, relation=found[1], bound=bound)


def unfit(statistic: str, type_: TensorType) -> str | None:
    """Return why an output of a type cannot have a statistic, or None."""
    is_complex = type_.element.startswith("complex")
    has_rows = is_float(type_) and bool(type_.shape)
    match statistic:
        case "psnr" if is_complex:
            return "psnr is for real numbers"
        case "token_match" if is_complex or (is_float(type_) and not has_rows):
            return "token_match is for integers, or for floats whose last dimension is the vocabulary"
        case "perplexity" if not has_rows:
            return "perplexity is for floats whose last dimension is the vocabulary"
        case _:
            return None


def is_float(type_: TensorType) -> bool:
    """Whether the elements of a type are real floats."""
    return type_.element.startswith(("f", "bf"))


def _loss(statistic: str, value: float) -> float:
    """Return how far a value is from that of equal outputs, which is 0."""
    match statistic:
        case "psnr":
            return math.exp(min(-value * math.log(10) / _DECIBELS, 700))  # the error relative to the range
        case "cosine_similarity" | "token_match":
            return 1 - value
        case "perplexity":
            return value - 1
        case _:
            return value


def _range_in_words(least: float, most: float) -> str:
    return f"from {least:g} to {most:g}" if math.isfinite(most) else f"at least {least:g}"
