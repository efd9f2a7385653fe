"""How every form of results shows cases in quarantine."""

import xml.etree.ElementTree as ET

import pytest

from harness.core.outcomes import Outcome, exit_code
from harness.core.quarantines import Quarantine
from harness.core.statuses import Kind, Status
from harness.history import recording
from harness.report import console, junit, results, summary
from harness.report.overview import Overview
from tests.unit import reports

NOW = Quarantine(owner="ana", until="2027-01-31", reason="wrong on gfx942")
ENDED = Quarantine(owner="ana", until="2026-01-31", reason="wrong on gfx942", has_ended=True)
FAILED = reports.failed(quarantined=NOW)
PASSED = reports.outcome(quarantined=NOW)


@pytest.mark.parametrize(
    ("cases", "code"),
    [
        ((FAILED,), 0),
        ((FAILED, reports.outcome()), 0),
        ((reports.error(quarantined=NOW),), 0),
        ((reports.outcome(Status.XPASSED, quarantined=NOW),), 0),
        ((FAILED, reports.failed(submodel="unet")), 1),
        ((reports.failed(quarantined=ENDED),), 1),
        ((reports.error(quarantined=NOW), reports.error()), 3),
        ((reports.outcome(Status.SKIPPED, quarantined=NOW),), 3),
    ],
)
def test_the_exit_code(cases: tuple[Outcome, ...], code: int) -> None:
    assert exit_code(cases) == code


def test_results_json() -> None:
    report = reports.report(FAILED, PASSED, reports.failed(quarantined=ENDED))
    assert results.load(results.render(report)) == report


def test_the_console() -> None:
    text = console.render(reports.report(FAILED, PASSED)).plain
    assert "in quarantine, so they count for nothing: tiny/vae[cpu] (until 2027-01-31, ana: wrong on gfx942)" in text
    assert "in quarantine, but as expected: tiny/clip[cpu]; remove what is fixed" in text
    assert text.endswith("As expected: 2 cases.")
    assert "  | numeric" not in text
    assert "in quarantine: numeric: output 0" in console.case_line(FAILED).plain
    assert console.annotations(reports.report(FAILED)) == ""
    assert not list(Overview.of((reports.outcome(), reports.failed(quarantined=ENDED))).remarks)


def test_the_verdict_beside_others() -> None:
    report = reports.report(FAILED, reports.failed(submodel="unet"), reports.error(quarantined=NOW))
    assert Overview.of(report.cases).verdict(report.exit_code) == "Failed: 1 of 3 cases."


def test_markdown() -> None:
    text = summary.render(reports.report(FAILED))
    assert text.startswith("## As expected: 1 case.")
    assert "in quarantine, so they count for nothing" in text
    assert "<details>" not in text


def test_junit() -> None:
    case = ET.fromstring(junit.render(reports.report(FAILED))).find(".//testcase")
    assert case is not None
    (skipped,) = case.findall("skipped")
    assert skipped.get("type") == "quarantined"
    assert skipped.get("message", "").startswith("in quarantine until 2027-01-31 (ana: wrong on gfx942): output 0")
    assert [*case.findall("failure"), *case.findall("error")] == []
    ended = ET.fromstring(junit.render(reports.report(reports.failed(quarantined=ENDED))))
    assert len(ended.findall(".//failure")) == 1


def test_the_history() -> None:
    error = reports.error(Kind.DEVICE, quarantined=NOW)
    records = recording.case_records(reports.report(FAILED, PASSED, error))
    quarantine = "in quarantine until 2027-01-31 (ana: wrong on gfx942)"
    assert [each.quarantine for each in records] == [quarantine, None, quarantine]
    assert all(each.is_green for each in records)
