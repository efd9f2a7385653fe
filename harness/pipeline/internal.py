"""Makes the error of one case from an unexpected exception, so that it does not end the run of the others."""

import traceback
from collections.abc import Iterable
from pathlib import Path

import harness
from harness.core.cases import Case, Release
from harness.core.errors import NoVerdictError
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Status, Verdict
from harness.core.text import one_line
from harness.pipeline import planner
from harness.pipeline.options import Options
from harness.pipeline.steps import Plan

_PACKAGE = Path(harness.__file__).parent
_SHOWN = 300
_NO_THREAD = "can't start new thread"  # CPython, Python/thread_pthread.h: of memory or of `ulimit -u`


def verdict(error: BaseException) -> Verdict:
    """Return the verdict that an exception stands for: a bug of the harness, or a fault of the machine."""
    kind, reason = _explained(error)
    details = "".join(traceback.format_exception(error))
    return Verdict(status=Status.ERROR, kind=kind, reason=reason, details=details)


def _explained(error: BaseException) -> tuple[Kind, str]:
    said = one_line(str(error), limit=_SHOWN)
    match error:
        case NoVerdictError():
            return error.kind, str(error)
        case RuntimeError() if said == _NO_THREAD:
            return Kind.TOOL, f"this machine refuses what the harness needs: {said}"
        case MemoryError():
            return Kind.TOOL, "the harness ran out of memory; use a larger machine, or fewer --jobs"
        case OSError(filename=str() | bytes()):
            return Kind.DISK, f"{said}; was a folder removed, or is a limit of this machine reached?"
        case OSError():
            return Kind.TOOL, f"this machine refuses what the harness needs: {said}"
        case _:
            return Kind.INTERNAL, f"a bug of the harness: {type(error).__name__}: {said} ({_place(error)}); report it"


def _place(error: BaseException) -> str:
    """Return the last line of the harness that an exception came through, such as `pipeline/compare.py:99`."""
    frames = [
        each for each in traceback.extract_tb(error.__traceback__) if Path(each.filename).is_relative_to(_PACKAGE)
    ]
    return f"{Path(frames[-1].filename).relative_to(_PACKAGE)}:{frames[-1].lineno}" if frames else "outside of it"


def plans(cases: Iterable[Case], release: Release, options: Options) -> list[Plan]:
    """Return the plan of each case; one that cannot be made is blocked by the reason."""
    return [plan(case, release, options) for case in cases]


def plan(case: Case, release: Release, options: Options) -> Plan:
    """Return the plan of a case, as `plans` does."""
    try:
        return planner.plan(case, release, options)
    except Exception as bug:  # noqa: BLE001 - it is the error of this case
        return Plan(case=case, steps=(), release=release, blocked=verdict(bug))


def broken(outcome: Outcome, bug: Exception) -> Outcome:
    """Return the outcome of a case whose results cannot be written."""
    found = verdict(bug)
    kept = ("id", "model", "submodel", "backend", "chip", "release", "path", "config", "listed_as")
    names = {name: getattr(outcome, name) for name in kept}
    return Outcome(**names, status=found.status, kind=found.kind, reason=found.reason, log_tail=found.details)
