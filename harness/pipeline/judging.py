"""Judges an output by the statistics that a spec asks for; no I/O."""

from collections.abc import Sequence

from harness.core import judges
from harness.core.judges import Condition, Judge
from harness.core.measurements import Judged, Measurement
from harness.core.tensors import TensorType
from harness.core.text import of_statistic
from harness.pipeline.rows import Equal, Rows


def tokens(found: TensorType, judge: Judge | None) -> Rows | Equal | None:
    """Return what counts the tokens of an output, if the judge asks for it and an output of this type has tokens."""
    asked = {each.statistic for each in judge.conditions} if judge else set()
    if not any(not judges.unfit(each, found) for each in asked & {judges.TOKENS, judges.PERPLEXITY}):
        return None
    return Rows(found.shape[-1]) if judges.is_float(found) else Equal()


def judged(judge: Judge, numbers: Measurement) -> tuple[Judged, ...]:
    """Return which conditions hold for an output; one without elements is judged by none."""
    thresholds = (judges.WITHIN_THRESHOLDS,) if judge.elementwise else ()
    return tuple(_judged(each, numbers) for each in (*judge.conditions, *thresholds)) if numbers.elements else ()


def unmet(conditions: Sequence[Judged]) -> str:
    """Return what is wrong by the conditions that do not hold; nothing if all hold."""
    return "; ".join(f"{_shown(each)}, expected {each.expected}" for each in conditions if not each.holds)


def nearest(found: Measurement) -> str:
    """Return which condition is nearest to failing, such as `psnr 40.5 dB is close to >= 40`; nothing without one."""
    judged = found.decisive
    return f"{_shown(judged)} is close to {judged.expected}" if judged else ""


def _judged(condition: Condition, numbers: Measurement) -> Judged:
    value: float | None = getattr(numbers, condition.statistic)
    if condition.statistic == judges.COSINE and numbers.max_abs_error == 0:
        value = 1.0  # also where both are 0 throughout
    return Judged(
        statistic=condition.statistic,
        value=value,
        expected=condition.expected,
        holds=condition.holds(value),
        share=condition.share(value),
    )


def _shown(judged: Judged) -> str:
    if judged.value is None:
        return f"{judged.statistic} has no value for this output"
    shown = of_statistic(judged.statistic, judged.value)
    condition = judges.condition(judged.statistic, judged.expected)
    is_misleading = condition.holds(float(shown.removesuffix(" dB"))) != judged.holds  # 39.99 dB would be 40.0 dB
    return f"{judged.statistic} {judged.value!r}" if is_misleading else f"{judged.statistic} {shown}"
