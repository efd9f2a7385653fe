"""A page that cannot be made takes nothing else with it."""

from pathlib import Path

import pytest

from harness.cli.console import code_with_page
from harness.core.errors import DiskError, UsageError
from harness.core.history import HistorySettings
from harness.pipeline.page_file import PageFile
from harness.pipeline.recorder import Recorder
from harness.report import results
from tests.unit import reports


def page_file(*, is_wanted: bool = True) -> PageFile:
    return PageFile(Recorder.here(HistorySettings(path=None)), is_wanted=is_wanted)


def test_a_page_is_written_if_it_is_wanted(tmp_path: Path) -> None:
    page = page_file(is_wanted=False)
    page.write_run(tmp_path, reports.report(), named=tmp_path)
    assert (list(tmp_path.iterdir()), page.is_there, page.bug) == ([], False, None)
    page = page_file()
    page.write_run(tmp_path, reports.report(reports.outcome()), named=tmp_path)
    assert (page.is_there, code_with_page(0, page)) == (True, 0)
    assert (tmp_path / "report.html").is_file()


def test_a_bug_is_kept_for_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = page_file()
    page.write_run(tmp_path, None, named=tmp_path)  # type: ignore[arg-type]  # the bug
    assert (list(tmp_path.iterdir()), page.is_there) == ([], False)
    assert [code_with_page(code, page) for code in (0, 1, 3)] == [70, 1, 3]
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "error: The page cannot be made; all other results are written. This is a bug of the harness" in said


def test_what_is_no_bug_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are no results in it"):
        page_file().write_folder(tmp_path)
    (tmp_path / "results.json").write_text(results.render(reports.report()))
    (tmp_path / "report.html").mkdir()
    page = page_file()
    with pytest.raises(DiskError):
        page.write_folder(tmp_path)
    assert not page.is_there
