"""Finds earlier results: those that a user names, and the cases that were not as expected when they ran last."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from harness.core.callbacks import Notice
from harness.core.cases import Case
from harness.core.errors import DiskError, UsageError
from harness.core.history import HistorySettings
from harness.core.outcomes import Outcome, Report
from harness.core.statuses import Kind
from harness.core.text import inline
from harness.pipeline.out_dir import newest_report
from harness.report import facts, results

_SHOWN = 5


def failed(chosen: Sequence[Case], settings: HistorySettings, notice: Notice) -> list[Case]:
    """Return the cases whose newest result in the history was not as expected.

    Without a history, or if it knows none of the cases, those of the newest run in `results`; bisect and matrix are no
    such runs.

    Raises:
        UsageError: no case has a result, or all were as expected.
    """
    before = _recorded({case.id for case in chosen}, settings, notice) or _written()
    if not before:
        raise UsageError("--only-failed: no selected case has run before; run once without --only-failed.")
    if not (found := [case for case in chosen if before.get(case.id) is False]):
        raise UsageError("--only-failed: no selected case failed when it ran last.")
    return found


def _recorded(ids: Collection[str], settings: HistorySettings, notice: Notice) -> Mapping[str, bool]:
    """Return whether the newest result of each case in the history was as expected."""
    if settings.path is None:
        return {}
    from harness.history.history import History  # noqa: PLC0415 - SQLite is not loaded for other runs

    try:
        return {name: case.is_green for name, case in History.of(settings).last(ids).items()}
    except DiskError as error:
        notice(f"warning: --only-failed takes the newest run in `results`. {error}")
        return {}


def _written() -> Mapping[str, bool]:
    newest = newest_report()
    cases = results.read(newest).cases if newest else ()
    return {each.id: facts.is_green(each) for each in cases if each.kind is not Kind.NOT_RUN}


def report_file(asked: Path | None) -> Path:
    """Return the results.json that was asked for, by itself or as its folder; without one that of the newest run.

    Raises:
        UsageError: there is no run.
    """
    if asked is None:
        if (newest := newest_report()) is None:
            raise UsageError("There are no results here; name a folder of results, or its results.json.")
        return newest
    return asked / results.NAME if asked.is_dir() else asked


def the_case(report: Report, asked: str, path: Path) -> Outcome:
    """Return the case of an id or a name, or without one the only case that is not as expected.

    Args:
        report: the results.
        asked: the id or the name; empty for none.
        path: the file of the results, for messages.

    Raises:
        UsageError: there is no such case, or more than one.
    """
    if asked:
        found = [each for each in report.cases if each.id == asked]
        found = found or [each for each in report.cases if f"{each.model}/{each.submodel}" == asked]
    else:
        found = [each for each in report.cases if not facts.is_green(each)]
    if len(found) == 1:
        return found[0]
    some = ", ".join(inline(each.id) for each in (found or report.cases)[:_SHOWN]) or "(there are none)"
    what = f"{asked}: {'the name of several cases' if found else 'no such case'} in {path}"
    if not asked:
        what = f"{path}: {len(found) or 'no'} cases are not as expected"
    raise UsageError(f"{what}; name a case by its id, such as {some}.")
