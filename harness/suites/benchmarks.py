"""Reads how a benchmark of a suite is to be measured: from flags of iree-benchmark-module."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from harness.core import numerals
from harness.core.timings import Timing
from harness.iree.flag_classes import Word
from harness.specs.violations import Violations

MARKER = "benchmark"  # of cases that are benchmarks
FACTOR = 1.1  # of golden times, where a suite of PyTorch's programs says none
_PREFIX = "--benchmark_"
# By flag, the field of `Timing`, how its value is read, and the smallest and largest one that is accepted.
_KNOWN: Mapping[str, tuple[str, Callable[[str], float], float, float]] = {
    "--benchmark_repetitions": ("repetitions", numerals.whole, 1, 1000),
    "--benchmark_min_time": ("seconds", lambda text: numerals.finite(text.removesuffix("s")), 0, 3600),
    "--benchmark_min_warmup_time": ("warmup_seconds", numerals.finite, 0, 3600),
}
DEFAULT = Timing(repetitions=1, seconds=0.5, warmup_seconds=0.0)  # of iree-benchmark-module


def is_flag(flag: str) -> bool:
    """Whether only iree-benchmark-module has a flag."""
    return Word.read(flag).name.startswith(_PREFIX)


def timing(flags: Mapping[str, str], violations: Violations) -> tuple[Timing, tuple[str, ...]]:
    """Return how flags say to measure, and a remark for each flag that changes nothing here.

    Args:
        flags: flags of iree-benchmark-module, by JSON path.
        violations: get those of values that are not valid.
    """
    given: dict[str, Any] = {}
    remarks = []
    for json_path, flag in flags.items():
        word = Word.read(flag)
        if not (known := _KNOWN.get(word.name)):
            remarks.append(f"{flag} in line {violations.document.line(json_path)} is ignored")
            continue
        name, read, least, most = known
        try:
            given[name] = read(word.value or "")
        except ValueError:
            given[name] = -1
        if not least <= given[name] <= most:
            violations.add(json_path, f"invalid value in {flag!r}; expected a number from {least} to {most}")
    return replace(DEFAULT, **given), tuple(remarks)
