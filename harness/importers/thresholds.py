"""Suggests how far the outputs of an imported model may differ, and says why (no I/O)."""

import math
from collections.abc import Mapping, Sequence

from harness.core.tensors import DEFAULT_ATOL, DEFAULT_RTOL
from harness.importers.model_import import Call, ImportedModel, SavedTensor

# 20 units in the last place of a number near 1.
F16_ATOL = "0.02"
_HALF = {"float16": ("f16", F16_ATOL), "bfloat16": ("bf16", "0.16")}
_FACTOR = 4
_DIGITS = 2
_PARTS = {"complex<f32>": "f32", "complex<f64>": "f64"}
_GIVEN = "Thresholds: given on the command line."
_DEFAULTS = (
    f"Thresholds: the defaults, {DEFAULT_ATOL['f32']:g} + {DEFAULT_RTOL:g} of the expected value for f32; both sides "
    "compute in that type, and differ in the order of sums and in approximations of functions."
)
_MEASURED = (
    "Thresholds: for each type of outputs the larger of {factor} times that difference, and the default "
    "({defaults}), which counts for values near 1 and is scaled down if the largest expected value is smaller."
)

Thresholds = tuple[tuple[str, str], ...]


def suggested(model: ImportedModel, call: Call) -> Thresholds:
    """Return thresholds for the outputs of a call, by element type; none for the defaults."""
    if _is_measured(call):
        by_element: dict[str, float] = {}
        for each in call.outputs:
            if (number := _measured(each)) is not None:
                element = _part(each)
                by_element[element] = max(number, by_element.get(element, 0))
        return tuple((element, f"{number:g}") for element, number in sorted(by_element.items()))
    if not (widest := _half(model)):
        return ()
    elements = {_part(each) for each in call.outputs}
    return tuple((element, widest[1]) for element in sorted(elements & DEFAULT_ATOL.keys()))


def reasons(model: ImportedModel, call: Call, given: Thresholds) -> Sequence[str]:
    """Return sentences that say why the thresholds of a call are as they are."""
    return [*_precision(model, call), _GIVEN if given else _reason(model, call)]


def _precision(model: ImportedModel, call: Call) -> Sequence[str]:
    """Return what is known of the precision of the expected outputs."""
    if call.obstacle:
        return [f"They were computed in the model's own types; in float64 it does not run: {call.obstacle}"]
    if not _is_measured(call):
        return []
    differences = [
        f"{each.error:.2g} ({each.type}, up to {each.largest:.2g})" for each in call.outputs if each.error is not None
    ]
    known = f"the largest difference to {model.reference} in the model's own types is {', '.join(differences)}"
    return [f"They were computed in float64 and rounded to their types; {known}."]


def _reason(model: ImportedModel, call: Call) -> str:
    if _is_measured(call):
        elements = sorted({_part(each) for each in call.outputs if each.error is not None} & DEFAULT_ATOL.keys())
        defaults = ", ".join(f"{DEFAULT_ATOL[each]:g} for {each}" for each in elements)
        return _MEASURED.format(factor=_FACTOR, defaults=defaults)
    if not (widest := _half(model)):
        return _DEFAULTS
    element, number = widest
    return (
        f"Thresholds: {number}, 20 units in the last place of 1 in {element}. The model has values of it; "
        f"{model.reference} rounds the result of each operator to it, and a compiler may round elsewhere."
    )


def _is_measured(call: Call) -> bool:
    return any(each.error is not None for each in call.outputs)


def _measured(output: SavedTensor) -> float | None:
    """Return the threshold of an output whose difference from float64 is known, rounded up to two digits."""
    if output.error is None or output.largest is None or _part(output) not in DEFAULT_ATOL:
        return None
    scale = min(1.0, output.largest) or 1.0
    return _rounded_up(max(_FACTOR * output.error, DEFAULT_ATOL[_part(output)] * scale))


def _rounded_up(number: float) -> float:
    unit = 10.0 ** (math.floor(math.log10(number)) - _DIGITS + 1)
    return float(f"{math.ceil(round(number / unit, 6)) * unit:.{_DIGITS}g}")


def _part(output: SavedTensor) -> str:
    """Return the element type whose threshold counts: that of a part of a complex number."""
    return _PARTS.get(output.element, output.element)


def _half(model: ImportedModel) -> tuple[str, str] | None:
    """Return the least precise type of the model's values that has 16 bits, and its threshold."""
    found: Mapping[str, tuple[str, str]] = {each: _HALF[each] for each in model.reply.elements if each in _HALF}
    return max(found.values(), key=lambda each: float(each[1]), default=None)
