from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.history import HistorySettings
from harness.core.outcomes import Report
from harness.core.statuses import Status
from harness.history.history import History
from harness.history.sides import side
from harness.report import results
from tests.unit import reports
from tests.unit.history import samples


@pytest.fixture
def settings(tmp_path: Path) -> HistorySettings:
    path = tmp_path / "history.sqlite"
    history = History(path)
    history.add(samples.run(1, branch="main"), [samples.case(Status.FAILED, release="3.9.0")])
    history.add(samples.run(2, commit="abcdef"), [samples.case(), samples.case(name="tiny/vae", chip="gfx942")])
    return HistorySettings(path=path, is_shared=False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("last", ["tiny/clip", "tiny/vae"]),
        ("last~1", ["tiny/clip"]),
        ("run:0000000000000001", ["tiny/clip"]),
        ("release:3.13.0", ["tiny/clip", "tiny/vae"]),
        ("chip:gfx942", ["tiny/vae"]),
        ("branch:main", ["tiny/clip"]),
        ("commit:abc", ["tiny/clip", "tiny/vae"]),
    ],
)
def test_sides_in_the_history(settings: HistorySettings, name: str, expected: list[str]) -> None:
    found = side(name, settings)
    assert found.name == name
    assert sorted(each.case.name for each in found.cases) == expected


def test_a_folder_of_results(tmp_path: Path, settings: HistorySettings) -> None:
    (tmp_path / "results.json").write_text(results.render(reports.report(reports.outcome(), reports.failed())))
    found = side(str(tmp_path), settings)
    assert found.cases == side(str(tmp_path / "results.json"), HistorySettings(path=None)).cases
    assert [each.case.status for each in found.cases] == [Status.PASSED, Status.FAILED]
    assert found.cases[0].run.machine == "EPYC 9454"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lost", r"^lost: no such side; expected a folder of results, `last`, `last~1`, `run:ID`, `release:\.\.\.`"),
        ("model:x", "^model:x: no such side"),
        ("last~9", "^last~9: the history .* has no such run"),
        ("run:ffff", "^ffff: the history .* has no such run"),
        ("release:3.0.0", "^release:3.0.0: no such result in the history"),
    ],
)
def test_a_side_that_there_is_not(settings: HistorySettings, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        side(name, settings)


@pytest.mark.parametrize("report", [reports.report(), reports.report(reports.outcome(), started="soon")])
def test_results_that_cannot_be_compared(tmp_path: Path, settings: HistorySettings, report: Report) -> None:
    (tmp_path / "results.json").write_text(results.render(report))
    with pytest.raises(UsageError, match=r"results\.json: (has no case|The results\.json says that its run started)"):
        side(str(tmp_path), settings)
