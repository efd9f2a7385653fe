from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.outcomes import Report
from harness.history.history import History
from harness.history.importing import Imported, import_all
from harness.report import results
from tests.unit import reports


def write(folder: Path, report: Report) -> Path:
    folder.mkdir(parents=True)
    (folder / results.NAME).write_text(results.render(report))
    return folder


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "history.sqlite")


def test_runs_of_folders_and_files(tmp_path: Path, history: History) -> None:
    first = write(tmp_path / "ci" / "1" / "results", reports.report(reports.outcome()))
    second = write(tmp_path / "ci" / "2", reports.report(reports.failed(), started="2026-11-23T18:30:00Z"))
    third = write(tmp_path / "other", reports.report(started="2026-11-21T18:30:00Z"))
    asked = [tmp_path / "ci", third / results.NAME]
    assert import_all(history, "/models", asked) == Imported(new=3, known=0, faults=())
    assert import_all(history, "/models", asked) == Imported(new=0, known=3, faults=())
    assert [each.run.folder for each in history.runs(9)] == [str(each) for each in (second, first, third)]
    assert {each.run.project for each in history.runs(9)} == {"/models"}
    (wrong,) = history.results("tiny/vae", 9)
    assert wrong.case.reason.startswith("output 0")


def test_searches_and_links_are_left_out(tmp_path: Path, history: History) -> None:
    outside = write(tmp_path / "outside", reports.report(reports.outcome()))
    search = write(tmp_path / "ci" / "search", reports.report(reports.outcome()))
    write(search / "runs" / "3.13.0", reports.report(reports.failed()))
    (search / results.SEARCH_JOURNAL).touch()
    (tmp_path / "ci" / "link").symlink_to(outside)
    (tmp_path / "ci" / results.NAME).symlink_to(outside / results.NAME)
    with pytest.raises(UsageError, match=r"^No results\.json in .*/ci or below; name the folders of results\.$"):
        import_all(history, "", [tmp_path / "ci"])
    assert not history.path.exists()


@pytest.mark.parametrize("text", ["", "{}", '{"schema": 2}', "[" * 100_000, '{"schema": 1, "cases": 7}'])
def test_a_file_that_is_no_results_keeps_no_other_from_being_imported(
    tmp_path: Path, history: History, text: str
) -> None:
    good = write(tmp_path / "ci" / "good", reports.report(reports.outcome()))
    bad = tmp_path / "ci" / "bad"
    bad.mkdir()
    (bad / results.NAME).write_text(text)
    done = import_all(history, "", [tmp_path / "ci"])
    assert (done.new, len(done.faults)) == (1, 1)
    assert done.faults[0].startswith(f"{bad / results.NAME}: ")
    assert history.run("last")[0].folder == str(good)


def test_a_time_that_is_none_is_a_fault(tmp_path: Path, history: History) -> None:
    write(tmp_path / "ci", reports.report(started="soon"))
    (fault,) = import_all(history, "", [tmp_path / "ci"]).faults
    assert "started at 'soon'; expected a time" in fault


def test_what_does_not_exist_is_named(tmp_path: Path, history: History) -> None:
    with pytest.raises(UsageError, match=r"/lost: no such file or folder; name a folder of results\.$"):
        import_all(history, "", [tmp_path / "lost"])
    assert import_all(history, "", [Path(__file__)]).faults[0].startswith(f"{__file__}: ")
