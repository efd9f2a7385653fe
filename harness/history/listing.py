"""Shows what the history knows, as text for a terminal."""

import datetime as dt
from collections.abc import Sequence

from harness.core.history import CaseRecord, Recorded, RunRecord, RunSummary
from harness.core.text import counted, one_line, ratio, shortened
from harness.history.history import by_case, flakiness
from harness.report import table

SHOWN_ID = 8
_RUNS = ("started", "run", "command", "release", "branch", "commit", "result")
_RESULTS = ("started", "release", "device", "status", "of limit", "compile", "latency", "run")
_NUMBERS = {4, 5, 6}
_DEVICE_CHARACTERS, _BRANCH_CHARACTERS, _COMMIT_CHARACTERS = 18, 16, 8


def of_runs(found: Sequence[RunSummary]) -> str:
    """Return a line for each run."""
    rows = [
        (
            when(each.run),
            each.run.id[:SHOWN_ID] + (" pinned" if each.run.is_pinned else ""),
            one_line(each.run.command),
            one_line(each.run.release or ""),
            shortened(one_line(each.run.branch or ""), _BRANCH_CHARACTERS),
            one_line(each.run.commit or "")[:_COMMIT_CHARACTERS],
            ", ".join(f"{number} {status}" for status, number in each.counts.items()) or "no cases",
        )
        for each in found
    ]
    return "".join(f"{line}\n" for line in table.lines(_RUNS, rows))


def of_results(found: Sequence[Recorded]) -> str:
    """Return a table for each case, and how steady it was."""
    return "\n".join(_of_case(each) for each in by_case(found))


def _of_case(found: Sequence[Recorded]) -> str:
    rows = [
        (
            when(each.run),
            one_line(each.case.release),
            shortened(one_line(each.case.device), _DEVICE_CHARACTERS),
            _status(each.case),
            "" if each.case.error_ratio is None else ratio(each.case.error_ratio),
            _seconds(each.case),
            "" if each.case.latency_ms is None else f"{each.case.latency_ms:.3g} ms",
            each.run.id[:SHOWN_ID],
        )
        for each in found
    ]
    remark = steadiness(found)
    lines = [one_line(found[0].case.id), *table.lines(_RESULTS, rows, right=_NUMBERS), *([remark] if remark else [])]
    return "".join(f"{line}\n" for line in lines)


def _status(case: CaseRecord) -> str:
    remark = " (quarantine)" if case.quarantine else " (cached)" if case.is_reused else ""
    return f"{case.status} {case.kind or ''}".strip() + remark


def steadiness(found: Sequence[Recorded]) -> str:
    """Return a line if the same inputs had several results on the same device; empty if they had one."""
    known = flakiness(found)
    if not known.odd:
        return ""
    outcomes = ", ".join(f"{count} {name}" for name, count in known.outcomes)
    runs = counted(known.runs, "run")
    return f"flaky in {known.odd} of the last {runs} with the same release, device and inputs: {outcomes}"


def when(run: RunRecord) -> str:
    """Return when a run started, in local time."""
    started = dt.datetime.fromisoformat(run.started)
    return f"{started.astimezone():%Y-%m-%d %H:%M}"


def _seconds(case: CaseRecord) -> str:
    if case.compile_seconds is None:
        return ""
    return f"{case.compile_seconds:.2f} s"
