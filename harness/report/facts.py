"""Facts about outcomes and reports, worded once for all renderers."""

import math
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, assert_never

from harness.core.measurements import Measurement
from harness.core.outcomes import Head, Outcome, Report
from harness.core.statuses import Status
from harness.core.text import command, first_line, flat, inline

NOTHING_COMPARED = "nothing compared: the spec has no expected outputs"


def is_green(outcome: Outcome) -> bool:
    """Whether the outcome is as expected or in quarantine, and needs no attention."""
    if outcome.is_excused:
        return True
    match outcome.status:
        case Status.FAILED | Status.XPASSED | Status.ERROR:
            return False
        case Status.PASSED | Status.RAN | Status.COMPILED:
            return True
        case Status.XFAILED | Status.UNSUPPORTED | Status.SKIPPED:
            return True
        case _ as unreachable:
            assert_never(unreachable)


def headline(outcome: Outcome) -> str:
    """Return the kind and the first line of the reason, as in `numeric: output 0 ...`; empty if there is neither."""
    parts = (str(outcome.kind or ""), first_line(outcome.reason))
    return ": ".join(part for part in parts if part)


def explanation(outcome: Outcome) -> str:
    """Return the kind and the whole reason; it is not cleaned, and may have many lines."""
    kind = f"{outcome.kind}: " if outcome.kind else ""
    return f"{kind}{outcome.reason}".strip()


def seconds(value: float) -> float:
    """Return a duration that can be shown: finite and not negative."""
    return float(value) if 0.0 < value < math.inf else 0.0


def finite(value: float) -> float | str:
    """Return a number, or a string if JSON cannot write it."""
    return value if math.isfinite(value) else str(value)


def case_seconds(outcome: Outcome) -> float:
    """Return the duration of all steps of the case together."""
    return sum(map(seconds, outcome.seconds.values()))


def count_of_cases(number: int) -> str:
    """Return `1 case` or `2 cases`."""
    return f"{number} case" if number == 1 else f"{number} cases"


def environment_line(report: Report) -> str:
    """Return the release, the engine, the image and the machine in one line, without what is not known."""
    known = flat(report.environment)
    commit = known.get("iree.compiler_commit", "")[:10]
    chips = [chip for name, chip in known.items() if name.startswith("host.gpus.") and name.endswith(".chip")]
    parts = (
        ("IREE ", f"{iree_release(report)} ({commit})" if commit else iree_release(report)),
        ("engine ", known.get("engine")),
        ("image ", known.get("image.tag")),
        ("", known.get("host.cpu")),
        ("", ", ".join(chips)),
    )
    return ", ".join(f"{label}{first_line(value)}" for label, value in parts if value)


def iree_release(report: Report) -> str:
    """Return the IREE release of the run, or `unknown` if the run ended before that."""
    return flat(report.environment).get("iree.release") or "unknown"


def target(outcome: Outcome | Head) -> str:
    """Return `cpu`, `rocm-gfx942` or the name of the config of a suite."""
    if outcome.config:
        return PurePath(outcome.config).stem
    return f"{outcome.backend}-{outcome.chip}" if outcome.chip else outcome.backend


def worst(outcome: Outcome) -> Measurement | None:
    """Return the measurement that uses most of what it is allowed."""
    measured = [each for each in outcome.outputs if not each.ignored and each.max_abs_error is not None]
    return max(measured, key=_nearness, default=None) if len(measured) > 1 else next(iter(measured), None)


def _nearness(measurement: Measurement) -> tuple[float, float]:
    numbers = (measurement.share, measurement.max_abs_error)
    share, error = (math.inf if number is None or math.isnan(number) else number for number in numbers)
    return (share if measurement.share is not None else 0.0, error)


def cached(outcome: Outcome) -> str:
    """Return how many compilations were cached: `cached`, `1 of 2 cached`, or an empty string."""
    failed = outcome.failed_compilation
    compilations = [*(each.cached for each in outcome.modules), *([failed.cached] if failed else [])]
    number = sum(compilations)
    if number == 0:
        return ""
    return "cached" if number == len(compilations) else f"{number} of {len(compilations)} cached"


def log_path(outcome: Outcome) -> str:
    """Return the path of the log of the decisive step, else of the last log; empty if there is none."""
    if not outcome.logs:
        return ""
    last = next(reversed([*outcome.logs.values()]))
    return inline(outcome.logs.get("internal") or outcome.logs.get(outcome.phase or "", last))


def whereabouts(outcome: Outcome) -> str:
    """Return the path of the file with the whole text, for notices about text that was cut."""
    return log_path(outcome) or "results.json"


def command_lines(outcome: Outcome) -> list[str]:
    """Return the commands that the case ran, each as a shell takes it."""
    return [command(map(str, argv)) for argv in argvs(outcome.commands)]


def argvs(commands: Mapping[str, Any]) -> list[Sequence[Any]]:
    """Return each argv: the value of a step is one, or several if it ran several programs."""
    filled = [value for value in commands.values() if value]
    return [argv for value in filled for argv in ([value] if isinstance(value[0], str) else value)]
