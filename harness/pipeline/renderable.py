"""Writes a report so that a bug in one case does not cost the results of the others."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.core.errors import HarnessError
from harness.core.exit_codes import EXIT_BUG
from harness.core.outcomes import Outcome, Report, exit_code
from harness.pipeline import internal, logs
from harness.pipeline.out_dir import remove_empty, write_results
from harness.report import console, junit, results, summary


def written(folder: Path, report: Report, junit_xml: Path | None) -> Report:
    """Write the report of a run into its folder, as `renderable` does, and remove what was only needed meanwhile."""
    remove_empty(folder, folder / "outputs")
    logs.remove_failed(folder)

    def write(each: Report) -> None:
        texts = {results.NAME: results.parts(each), "results.md": summary.render(each)}
        write_results(folder, texts, each, junit_xml)

    return renderable(report, write)


def renderable(report: Report, write: Callable[[Report], None]) -> Report:
    """Write a report and return it, or one that can be written: a case whose results cannot be is an error.

    Raises:
        DiskError: the files cannot be written.
    """
    try:
        write(report)
        console.render(report)
    except (HarnessError, OSError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - a bug, which is looked for case by case
        found = _without_broken(report)
        write(found)
        return found
    return report


def _without_broken(report: Report) -> Report:
    cases = tuple(_case_renderable(report, each) for each in report.cases)
    is_broken = cases != tuple(report.cases) and report.exit_code != EXIT_BUG
    return replace(report, cases=cases, exit_code=exit_code(cases) if is_broken else report.exit_code)


def _case_renderable(report: Report, case: Outcome) -> Outcome:
    alone = replace(report, cases=(case,))
    try:
        for render in (results.render, junit.render, console.render, summary.render):
            render(alone)
    except Exception as bug:  # noqa: BLE001 - it is the error of this case
        return internal.broken(case, bug)
    return case
