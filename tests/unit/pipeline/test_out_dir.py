from pathlib import Path

from harness.core.outcomes import Report
from harness.pipeline.out_dir import write_results

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
