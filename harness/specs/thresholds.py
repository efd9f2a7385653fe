"""Reads the thresholds of a spec: flags such as `--expected_f16_threshold=1.0f`, or `atol`, `rtol` and `equal_nan`."""

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.core import numerals
from harness.core.tensors import DEFAULT_ATOL, DEFAULT_RTOL, ELEMENT_BITS, Thresholds
from harness.iree import flag_classes
from harness.iree.flag_classes import FlagClass, Tool
from harness.specs import json_lines
from harness.specs.violations import Violations

FIELDS = frozenset({"atol", "rtol", "equal_nan"})
LIMITS = frozenset({"atol", "rtol", "threshold_args"})
_NUMPY_ATOL = 1e-8  # of numpy.allclose, whose rtol is DEFAULT_RTOL

_FLAG = re.compile(r"--expected_(?:(f16|f32|f64|bf16)_threshold|(rtol))=(.*)", re.DOTALL)


@functools.lru_cache(maxsize=1024)  # a catalogue has few thresholds, in many specs
def parse(flag: str) -> tuple[str | None, float]:
    """Return the element type and the number of a flag; the element type is None for the relative threshold.

    iree-run-module reads a number that it does not understand as 0, without an error; here it is one.

    Raises:
        ValueError: it is not a valid flag.
    """
    match = _FLAG.fullmatch(flag)
    if match is None:
        if flag_classes.of(flag, Tool.RUN) is FlagClass.HARNESS:
            raise ValueError(f"{flag!r} {flag_classes.refusal(flag, tool=Tool.RUN)}")
        raise ValueError(
            f"{flag!r} is not a threshold; expected --expected_{{f16,f32,f64,bf16}}_threshold=N or --expected_rtol=N"
        )
    element, _, text = match.groups()
    try:
        number = numerals.finite(text.removesuffix("f"))
    except ValueError:
        number = -1.0
    if number < 0:
        raise ValueError(f"invalid value in {flag!r}; expected a finite number of at least 0")
    return element, number


def read(value: Mapping[str, Any], violations: Violations) -> Thresholds:
    """Return the thresholds of a spec, and add to the violations what is wrong with them."""
    equal_nan = value.get("equal_nan", True)
    if "atol" in value or "rtol" in value:
        if "threshold_args" in value:
            violations.add("$.threshold_args", "give either 'threshold_args', or 'atol' and 'rtol'")
        return _of_numbers(value.get("atol"), value.get("rtol"), violations, equal_nan=equal_nan)
    flags = {f"$.threshold_args[{index}]": flag for index, flag in enumerate(value.get("threshold_args", []))}
    return of_flags(flags, violations, equal_nan=equal_nan)


def of_flags(flags: Mapping[str, str], violations: Violations, *, equal_nan: bool = True) -> Thresholds:
    """Return the thresholds of flags, by their JSON paths, and add to the violations what is wrong with them."""
    atol, rtol = dict(DEFAULT_ATOL), DEFAULT_RTOL
    for json_path, flag in flags.items():
        match violations.checked(json_path, functools.partial(parse, flag)):
            case None, number:
                rtol = number
            case str(element), number:
                atol[element] = number
    return Thresholds(atol=atol, rtol=rtol, equal_nan=equal_nan)


def arguments(value: Mapping[str, Any], found: Thresholds) -> tuple[str, ...]:
    """Return the thresholds of a spec as flags of iree-run-module, which has none for integers."""
    if "atol" not in value and "rtol" not in value:
        return tuple(value.get("threshold_args", []))
    limits = ((element, found.of(element)) for element in DEFAULT_ATOL)
    atol = (f"--expected_{element}_threshold={limit[0]!r}" for element, limit in limits if limit)
    return (*atol, f"--expected_rtol={found.rtol!r}")


def _of_numbers(atol: Any, rtol: float | None, violations: Violations, *, equal_nan: bool) -> Thresholds:
    """Return the thresholds of `atol`, a number or numbers by element type, and `rtol`; None for one that is not given.

    What numpy.allclose would take stands for one that is missing, and a type that `atol` lacks keeps its default.
    """
    relative = DEFAULT_RTOL if rtol is None else float(rtol)
    if not isinstance(atol, dict):
        every = _NUMPY_ATOL if atol is None else float(atol)
        return Thresholds(atol={}, rtol=relative, other_atol=every, equal_nan=equal_nan)
    for json_path, message in _faults(atol):
        violations.add(json_path, message)
    by_type = {**DEFAULT_ATOL, **{element: float(number) for element, number in atol.items()}}
    other = None if rtol is None else _NUMPY_ATOL
    return Thresholds(atol=by_type, rtol=relative, other_atol=other, equal_nan=equal_nan)


def _faults(atol: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the element types of `atol`."""
    for element in atol:
        if element not in ELEMENT_BITS or element.startswith("complex"):
            known = ", ".join(sorted(each for each in ELEMENT_BITS if not each.startswith("complex")))
            hint = "; a complex type has the threshold of its parts" if element.startswith("complex") else ""
            yield json_lines.member("$.atol", element), f"not an element type; expected one of {known}{hint}"
