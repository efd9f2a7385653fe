from pathlib import Path

from harness.core.outcomes import Report
from harness.history import recording
from harness.history.history import History
from harness.history.remarks import flaky
from tests.unit import reports
from tests.unit.history import samples


def remarks(path: Path | None, report: Report) -> list[str]:
    return list(flaky(report, History(path) if path else None))


def test_a_case_that_failed_may_be_flaky(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    passed, failed = reports.report(reports.outcome(submodel="vae")), reports.report(reports.failed())
    for number, report in enumerate((passed, failed)):
        History(path).add(samples.run(number), recording.case_records(report))
    expected = "tiny/vae[cpu] is flaky in 1 of the last 2 runs with the same release, device and inputs: "
    assert remarks(path, failed) == [f"{expected}1 numeric, 1 passed"]
    assert remarks(path, passed) == []
    assert remarks(None, failed) == []


def test_a_case_that_always_fails_is_not_flaky(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    History(path).add(samples.run(), recording.case_records(reports.report(reports.failed())))
    assert remarks(path, reports.report(reports.failed())) == []


def test_a_history_that_cannot_be_read_has_nothing_to_say(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    path.write_text("garbage" * 100)
    assert remarks(path, reports.report(reports.failed())) == []
