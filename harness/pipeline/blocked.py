"""What becomes of cases that were never planned, because something stood in the way of the whole run."""

from collections.abc import Sequence
from pathlib import Path

from harness.core.cases import Case, Release
from harness.core.statuses import Verdict
from harness.pipeline.outcome import outcome
from harness.pipeline.steps import Plan
from harness.report.outcome_log import OutcomeLog


def fill(log: OutcomeLog, cases: Sequence[Case], release: str | None, verdict: Verdict, out_dir: Path) -> None:
    """Give each case that has no outcome yet the same verdict."""
    for number, case in enumerate(cases):
        if not log.has(number):
            named = Release(name=release) if release else None
            plan = Plan(case=case, steps=(), release=named, blocked=verdict)
            log.put(number, outcome(plan, {}, None, out_dir))
