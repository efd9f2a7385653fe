import re
from pathlib import Path

import pytest

from harness.core.errors import DiskError
from harness.core.outcomes import Report
from harness.pipeline.out_dir import check_files, new_out_dir, newest_report, write_results

REPORT = Report(started="2026-11-28T00:00:00Z", seconds=1.5, exit_code=0, environment={}, cases=())


def test_results_are_written_with_two_copies_of_junit_xml(tmp_path: Path) -> None:
    folder, other = tmp_path / "out", tmp_path / "deep" / "other.xml"
    write_results(folder, {"results.json": "{}", "bisect.md": "## text"}, REPORT, other)
    assert {path.name for path in folder.iterdir()} == {"results.json", "bisect.md", "junit.xml"}
    assert (folder / "bisect.md").read_text() == "## text"
    assert (folder / "junit.xml").read_bytes() == other.read_bytes()


def test_a_second_copy_is_optional(tmp_path: Path) -> None:
    write_results(tmp_path, {}, REPORT, None)
    assert [path.name for path in tmp_path.iterdir()] == ["junit.xml"]


def test_the_newest_report_is_that_of_the_newest_run_that_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert newest_report() is None
    first, second = new_out_dir(None), new_out_dir(None)
    for folder in (first, second):
        write_results(folder, {"results.json": "{}"}, REPORT, None)
    assert newest_report() == second / "results.json"
    new_out_dir(None)  # killed before it ended
    assert newest_report() == second / "results.json"


def test_a_search_is_not_the_newest_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run, matrix = new_out_dir(None), new_out_dir(None)
    for folder in (run, matrix):
        write_results(folder, {"results.json": "{}"}, REPORT, None)
    (matrix / "search.jsonl").touch()
    assert newest_report() == run / "results.json"


def test_a_file_that_cannot_be_written_does_not_keep_the_others(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    other = tmp_path / "file" / "other.xml"
    with pytest.raises(DiskError, match=rf"^Cannot write {tmp_path}/file.*: "):
        write_results(tmp_path, {"a.json": "{}"}, REPORT, other)
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "file", "junit.xml"}


@pytest.mark.parametrize("name", ["file", "file/below", "x" * 300])
def test_a_place_is_checked_before_it_is_needed(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / name
    with pytest.raises(DiskError, match=rf"^Cannot write {re.escape(str(path))}: .* Choose another folder with --out"):
        new_out_dir(path)
    with pytest.raises(DiskError, match=r"Choose another file with --junit-xml\.$"):
        check_files({"--log": None, "--junit-xml": path / "below" if name == "file" else tmp_path})


def test_a_check_leaves_nothing_but_folders(tmp_path: Path) -> None:
    check_files({"--junit-xml": tmp_path / "new" / "junit.xml"})
    assert list(tmp_path.rglob("*")) == [tmp_path / "new"]
    assert list(new_out_dir(tmp_path / "out").iterdir()) == []
