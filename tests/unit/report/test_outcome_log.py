"""The outcomes of a run in a file are those that a tuple has."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.outcomes import Outcome, exit_code
from harness.history import recording
from harness.report import console, junit, results, summary
from harness.report.outcome_log import NAME, OutcomeLog, heads
from harness.report.overview import Overview
from tests.unit import reports

GOOD = reports.outcome(reason="odd \N{GRINNING FACE} \udc80 \0", seconds={"run": math.inf})
BAD = reports.failed(submodel="bad")


def filled(folder: Path | None) -> OutcomeLog:
    """Return a log into which outcomes come in another order, and one twice."""
    log = OutcomeLog(folder, 3)
    for index, outcome in ((2, GOOD), (0, reports.error()), (1, BAD), (0, GOOD)):
        log.put(index, outcome)
    return log


@pytest.mark.parametrize("where", ["", None, "file", "nowhere/below"])
def test_it_has_the_outcomes_wherever_they_are_kept(tmp_path: Path, where: str | None) -> None:
    (tmp_path / "file").touch()
    log = filled(None if where is None else tmp_path / where)
    usual = replace(GOOD, reason="odd \N{GRINNING FACE} \N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}")
    assert list(log) == [usual, BAD, usual]
    assert (len(log), log[1], log[-1], log[1:]) == (3, BAD, usual, [BAD, usual])
    assert (tmp_path / NAME).exists() is (where == "")
    log.remove()
    assert log[1] == BAD, "it can still be read"
    assert not (tmp_path / NAME).exists()


def test_what_is_not_known_yet(tmp_path: Path) -> None:
    log = OutcomeLog(tmp_path, 2)
    log.put(1, BAD)
    assert [log.has(0), log.has(1)] == [False, True]
    lines = (tmp_path / NAME).read_text().splitlines()
    assert [each["id"] for each in map(json.loads, lines)] == [BAD.id], "also after a kill"


def test_every_renderer_says_the_same_of_it(tmp_path: Path) -> None:
    log = filled(tmp_path)
    report = reports.report(GOOD, BAD, GOOD)
    logged = replace(report, cases=log)
    for render in (results.render, junit.render, summary.render):
        assert render(logged) == render(report)
    assert console.render(logged).plain == console.render(report).plain
    assert [each.id for each in heads(log)] == [each.id for each in log]
    assert exit_code(heads(log)) == exit_code(log) == 1
    assert recording.case_records(logged) == recording.case_records(reports.report(*log))
    assert results.load(results.render(logged)).cases == tuple(log)


@pytest.mark.parametrize("cases", [(), (GOOD,), (GOOD, BAD)])
def test_the_id_of_a_run_is_that_of_its_results(cases: tuple[Outcome, ...]) -> None:
    report = reports.report(*cases)
    assert recording.report_id(report) == recording.run_id(results.render(report))


def test_the_overview_is_made_once_until_there_is_more(tmp_path: Path) -> None:
    log = filled(tmp_path)
    found = Overview.of(log)
    assert Overview.of(log) is found
    log.put(1, GOOD)
    assert Overview.of(log).bad == []
    assert len(found.bad) == 1


@pytest.mark.parametrize(("number", "is_few"), [(2, True), (2_001, False)])
def test_the_outcomes_of_a_small_run_are_read_once(number: int, *, is_few: bool) -> None:
    log = OutcomeLog(None, number)
    log.put(0, GOOD)
    first = log[0]
    assert (log[0] is first) is is_few
    log.put(0, BAD)
    assert log[0] == BAD
