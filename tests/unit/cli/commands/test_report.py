"""`harness report`, called as the command line calls it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.cli.command_line import main
from harness.core.history import CaseRecord
from harness.history.history import History
from tests.unit import page_folders, reports
from tests.unit.history import samples
from tests.unit.pages import Parsed


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Return an environment with a history of its own; the current folder is empty."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return {"HARNESS_HISTORY": str(tmp_path / "history.sqlite")}


def test_a_page_of_several_runs(environment: Mapping[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    page_folders.runs(Path("artifacts"))
    assert main(["report", "artifacts/cpu", "artifacts/gfx942", "-o", "site/all.html"], environment) == 0
    assert capsys.readouterr().out == "Report: site/all.html\n"
    index = Parsed(Path("site/all.html").read_text()).index
    assert [run["link"] for run in index["runs"]] == ["../artifacts/cpu/20261129", "../artifacts/gfx942/20261129"]


def test_the_newest_run_is_the_default(environment: Mapping[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report"], environment) == 2
    assert "There are no results here; name a folder" in capsys.readouterr().err
    page_folders.run(Path("results/20261129T000000Z"), reports.outcome())
    assert main(["report"], environment) == 0
    assert Path("report.html").exists()


def test_cases_have_their_history(tmp_path: Path, environment: Mapping[str, str]) -> None:
    cases: list[CaseRecord] = [samples.case(error_ratio=share) for share in (0.1, 0.2)]
    history = History(tmp_path / "history.sqlite")
    for number, case in enumerate(cases):
        history.add(samples.run(number), [case])
    page_folders.run(Path("out"), reports.outcome())
    assert main(["report", "out"], environment) == 0
    (known,) = Parsed(Path("report.html").read_text()).details
    assert [each["value"] for each in known["trends"][0]["points"]] == [0.1, 0.2]


def test_a_history_that_cannot_be_used_is_left_out(tmp_path: Path, environment: Mapping[str, str]) -> None:
    (tmp_path / "history.sqlite").write_text("not a database")
    page_folders.run(Path("out"), reports.outcome())
    assert main(["report", "out"], environment) == 0
    (known,) = Parsed(Path("report.html").read_text()).details
    assert known["trends"] == []


@pytest.mark.parametrize("place", ["file/report.html", "."])
def test_a_page_that_cannot_be_written(
    environment: Mapping[str, str], capsys: pytest.CaptureFixture[str], place: str
) -> None:
    Path("file").touch()
    assert main(["report", "out", "-o", place], environment) == 3
    assert "Choose another file with -o." in capsys.readouterr().err
