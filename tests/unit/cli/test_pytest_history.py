"""One run of pytest is one run of the history, however many processes it has."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.cli.pytest_history import Recording
from harness.core.history import HistorySettings
from harness.core.outcomes import Outcome
from harness.core.statuses import Status
from harness.history.history import History
from tests.unit import reports


def recording(path: Path | None, *outcomes: Outcome) -> Recording:
    made = Recording(HistorySettings(path=path), Path("/results/pytest"), lambda: reports.ENVIRONMENT)
    for each in outcomes:
        made.add(each)
    return made


def finish(made: Recording, **attributes: Any) -> None:
    made.pytest_sessionfinish(SimpleNamespace(config=SimpleNamespace(**attributes)), 1)  # type: ignore[arg-type]


def worker(*outcomes: Outcome) -> SimpleNamespace:
    """Return a worker that has ended."""
    output: dict[str, Any] = {}
    finish(recording(None, *outcomes), workeroutput=output)
    return SimpleNamespace(workeroutput=output)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def test_a_run_in_one_process(path: Path) -> None:
    finish(recording(path, reports.outcome(), reports.failed()))
    (found,) = History(path).runs(9)
    assert (found.run.command, found.run.exit_code, found.run.folder) == ("pytest", 1, "/results/pytest")
    assert dict(found.counts) == {Status.PASSED: 1, Status.FAILED: 1}


def test_the_parts_of_workers_are_one_run(path: Path) -> None:
    made = recording(path)
    for node in (worker(reports.outcome()), worker(), worker(reports.failed()), SimpleNamespace()):
        made.pytest_testnodedown(node, None)
    finish(made)
    (found,) = History(path).runs(9)
    assert dict(found.counts) == {Status.PASSED: 1, Status.FAILED: 1}
    assert found.run.release == "3.13.0"


def test_a_run_without_cases_is_not_recorded(path: Path) -> None:
    finish(recording(path))
    assert not path.exists()


def test_why_a_run_was_not_recorded_is_said_once(path: Path) -> None:
    lines: list[str] = []
    reporter: Any = SimpleNamespace(write_line=lines.append)
    path.write_text("garbage" * 100)
    made = recording(path, reports.outcome())
    finish(made)
    made.pytest_terminal_summary(reporter)
    assert len(lines) == 1
    assert lines[0].startswith("warning: This run is not in the history. Cannot write the history ")
    recording(path).pytest_terminal_summary(reporter)
    assert len(lines) == 1
