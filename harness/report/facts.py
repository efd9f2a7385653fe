"""Facts about outcomes and reports, worded once for all renderers."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, assert_never

from harness.core.devices import shown
from harness.core.measurements import Measurement
from harness.core.outcomes import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_NO_VERDICT,
    EXIT_OK,
    EXIT_TERMINATED,
    Outcome,
    Report,
)
from harness.core.statuses import Kind, Status
from harness.core.text import command, first_line, flat, inline, listed, one_line, ratio

_UNFINISHED = "cases that had not finished are errors."
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
    return max(0.0, float(value)) if math.isfinite(value) else 0.0


def finite(value: float) -> float | str:
    """Return a number, or a string if JSON cannot write it."""
    return value if math.isfinite(value) else str(value)


def case_seconds(outcome: Outcome) -> float:
    """Return the duration of all steps of the case together."""
    return sum(map(seconds, outcome.seconds.values()))


def counts(report: Report) -> str:
    """Return `3 passed, 1 failed, 2 errors`, in the order of `Status`."""
    return _counted([outcome.status for outcome in report.cases])


def _counted(statuses: Sequence[Status]) -> str:
    return ", ".join(_count(statuses.count(status), status) for status in Status if status in statuses)


def _count(number: int, status: Status) -> str:
    return f"{number} errors" if status is Status.ERROR and number != 1 else f"{number} {status}"


def verdict(report: Report) -> str:
    """Return one line: what the exit code means for this run."""
    total = count_of_cases(sum(outcome.kind is not Kind.NOT_RUN for outcome in report.cases))
    statuses = [outcome.status for outcome in report.cases if not outcome.is_excused]
    match report.exit_code:
        case code if code == EXIT_OK:
            return f"As expected: {total}." if report.cases else "No case was selected, so nothing was run."
        case code if code == EXIT_FAILED:
            failed = statuses.count(Status.FAILED) + statuses.count(Status.XPASSED)
            return f"Failed: {failed} of {total}{_errors_beside(statuses.count(Status.ERROR))}."
        case code if code == EXIT_NO_VERDICT:
            return _without_verdict(statuses)
        case code if code == EXIT_INTERRUPTED:
            return f"Interrupted: {_UNFINISHED}"
        case code if code == EXIT_TERMINATED:
            return f"Terminated (SIGTERM): {_UNFINISHED}"
        case _:
            return f"Internal error of the harness (exit code {report.exit_code}): {_UNFINISHED}"


def _without_verdict(statuses: Sequence[Status]) -> str:
    """Return why the run does not show whether the models are right."""
    if Status.ERROR in statuses:
        return f"{_count(statuses.count(Status.ERROR), Status.ERROR)}, 0 failed ({count_of_cases(len(statuses))})"
    return f"Nothing was tested: {_counted(statuses)} ({count_of_cases(len(statuses))})"


def _errors_beside(number: int) -> str:
    return f"; {number} more ended in an error" if number else ""


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


def target(outcome: Outcome) -> str:
    """Return `cpu`, `rocm-gfx942` or the name of the config of a suite."""
    if outcome.config:
        return PurePath(outcome.config).stem
    return f"{outcome.backend}-{outcome.chip}" if outcome.chip else outcome.backend


def worst(outcome: Outcome) -> Measurement | None:
    """Return the measurement that uses most of what it is allowed."""
    measured = [each for each in outcome.outputs if not each.ignored and each.max_abs_error is not None]
    return max(measured, key=_nearness, default=None)


def by_oracle(report: Report) -> list[str]:
    """Return a line for each oracle that names the cases whose outputs were compared with its own."""
    found: dict[str, list[str]] = {}
    for each in report.cases:
        if each.oracle and each.outputs:
            found.setdefault(each.oracle.description, []).append(one_line(each.id))
    return [
        f"{count_of_cases(len(ids))} without expected outputs compared with {what}: {listed(ids)}"
        for what, ids in found.items()
    ]


def not_run(report: Report) -> list[str]:
    """Return a line for each reason for which cases did not run, with their number."""
    found = Counter(one_line(each.reason) for each in report.cases if each.kind is Kind.NOT_RUN)
    return [f"{count_of_cases(number)} not run: {reason}" for reason, number in found.items()]


def reused(report: Report) -> str:
    """Return a line that says how many cases were not run again; empty if there are none."""
    number = sum(outcome.reused is not None for outcome in report.cases)
    what = "the same module, inputs and device"
    return f"{count_of_cases(number)} passed before with {what}, and did not run again" if number else ""


def devices(report: Report) -> list[str]:
    """Return a line for each device that cases ran on, with their number."""
    found = Counter(shown(each.devices) for each in report.cases if each.devices)
    return [f"{count_of_cases(number)} on {device}" for device, number in found.items()]


def quarantined(report: Report) -> list[str]:
    """Return a line that names the cases that failed in quarantine, and one for those that passed there."""
    known = [(each, each.quarantined) for each in report.cases if each.quarantined and not each.quarantined.has_ended]
    excused = [
        f"{one_line(each.id)} (until {quarantine.until}, {one_line(quarantine.owner)}: {one_line(quarantine.reason)})"
        for each, quarantine in known
        if each.is_excused
    ]
    good = [one_line(each.id) for each, _ in known if each.status in {Status.PASSED, Status.RAN, Status.COMPILED}]
    lines = [f"in quarantine, so they count for nothing: {', '.join(excused)}"] if excused else []
    return lines + ([f"in quarantine, but as expected: {listed(good)}; remove what is fixed"] if good else [])


def close(report: Report) -> str:
    """Return a line that names the cases that passed close to a threshold; empty if there are none."""
    near = [(each, worst(each)) for each in report.cases if each.status is Status.PASSED]
    found = [(one_line(each.id), output.share) for each, output in near if output and output.is_close]
    if not found:
        return ""
    shown = listed([f"{name} ({ratio(share)})" for name, share in found if share is not None])
    verb = "is close to its threshold" if len(found) == 1 else "are close to their thresholds"
    return f"{count_of_cases(len(found))} {verb}: {shown}"


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
    last = next(reversed([*outcome.logs.values()]), "")
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
