"""Checks that a report can be written, so that a bug in one case does not cost the results of the others."""

from dataclasses import replace

from harness.core.outcomes import EXIT_BUG, Outcome, Report, exit_code
from harness.pipeline import internal
from harness.report import console, junit, results, summary


def renderable(report: Report) -> Report:
    """Return a report that can be written: a case whose results cannot be is an error."""
    if _is_renderable(report):
        return report
    cases = tuple(_case_renderable(report, each) for each in report.cases)
    is_broken = cases != report.cases and report.exit_code != EXIT_BUG
    return replace(report, cases=cases, exit_code=exit_code(cases) if is_broken else report.exit_code)


def _is_renderable(report: Report) -> bool:
    try:
        _render(report)
    except Exception:  # noqa: BLE001 - a bug, which is looked for case by case
        return False
    return True


def _render(report: Report) -> None:
    for render in (results.render, junit.render, console.render, summary.render):
        render(report)


def _case_renderable(report: Report, case: Outcome) -> Outcome:
    try:
        _render(replace(report, cases=(case,)))
    except Exception as bug:  # noqa: BLE001 - it is the error of this case
        return internal.broken(case, bug)
    return case
