"""Reads the thresholds of a spec: flags such as `--expected_f16_threshold=1.0f`."""

import re

from harness.core import numerals
from harness.iree import flag_classes
from harness.iree.flag_classes import FlagClass, Tool

_FLAG = re.compile(r"--expected_(?:(f16|f32|f64|bf16)_threshold|(rtol))=(.*)", re.DOTALL)


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
