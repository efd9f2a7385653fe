import json
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.report import results
from harness.report.page import answer, folders, page
from harness.report.page.content import Content
from tests.unit import page_folders, reports
from tests.unit.pages import Parsed


def content(folder: Path) -> Content:
    return folders.content([folder], beside=folder)


def parsed(folder: Path) -> Parsed:
    return Parsed(page.render(content(folder)))


def test_a_bisection_with_all_tested_releases(tmp_path: Path) -> None:
    page_folders.bisect(tmp_path)
    found = content(tmp_path)
    assert found.bisect
    assert found.bisect.result.first == "3.8.0"
    assert [run.link for run in found.runs] == [f"probes/3.{minor}.0" for minor in (13, 0, 6, 10, 8, 7)]
    told = answer.answer(found)
    assert (told.text, told.tone) == ("First bad release: 3.8.0 (last good: 3.7.0)", "good")
    assert told.question == "Which release broke tiny/clip[cpu]?"
    index = parsed(tmp_path).index
    assert index["releases"] == ["3.0.0", "3.6.0", "3.7.0", "3.8.0", "3.10.0", "3.13.0"]
    assert index["bisect"]["commands"]["3.8.0"].endswith("--iree 3.8.0")


def test_a_search_without_an_answer(tmp_path: Path) -> None:
    page_folders.bisect(tmp_path)
    document = json.loads((tmp_path / "bisect.json").read_text())
    document |= {"result": {"kind": "unproved", "text": "No good release."}, "find": "fix"}
    (tmp_path / "bisect.json").write_text(json.dumps(document))
    told = answer.answer(content(tmp_path))
    assert (told.question, told.tone) == ("Which release fixed tiny/clip[cpu]?", "unclear")


def test_a_matrix(tmp_path: Path) -> None:
    page_folders.matrix_of(tmp_path)
    found = content(tmp_path)
    assert found.matrix
    assert [each.differs for each in found.matrix.cells] == [False, True, False, False, False, False]
    told = answer.answer(found)
    assert told.text == "Failed: 1 of 4 cases. tiny/clip[cpu] differs between releases."
    assert told.title == "matrix: 2 cases with 3 releases"
    places = parsed(tmp_path).texts("p", **{"class": "where"})
    assert places == ["engine container, image quality:3f2a, EPYC 9454, gfx942"]


@pytest.mark.parametrize(("differing", "text"), [(0, "No release differs."), (2, "2 cases differ between releases.")])
def test_what_differs_in_a_matrix(tmp_path: Path, differing: int, text: str) -> None:
    page_folders.matrix_of(tmp_path)
    document = json.loads((tmp_path / "matrix.json").read_text())
    for number, cell in enumerate(document["cells"]):
        cell["differs"] = number % 3 == 1 and number // 3 < differing
    (tmp_path / "matrix.json").write_text(json.dumps(document))
    assert answer.answer(content(tmp_path)).text.endswith(text)


def test_a_benchmark(tmp_path: Path) -> None:
    page_folders.bench(tmp_path)
    found = content(tmp_path)
    assert found.bench
    assert [run.link for run in found.runs] == ["sides/1", "sides/2"]
    assert len(found.bench.cases[0].rounds) == 30
    told = answer.answer(found)
    assert told.text.startswith("3.9.0 takes 1.")
    assert (told.question, told.tone) == ("1 case timed, 3.9.0 against 3.13.0", "good")
    assert parsed(tmp_path).index["bench"]["cases"][0]["comparison"]["conclusion"] == "slower"


def test_a_benchmark_of_one_side(tmp_path: Path) -> None:
    page_folders.bench(tmp_path, labels=("3.13.0",))
    assert answer.answer(content(tmp_path)).text == "1 case timed."


def test_runs_as_they_come_from_ci(tmp_path: Path) -> None:
    page_folders.runs(tmp_path / "artifacts")
    found = folders.content([tmp_path / "artifacts"], beside=tmp_path)
    assert [run.link for run in found.runs] == ["artifacts/cpu/20261129", "artifacts/gfx942/20261129"]
    assert answer.answer(found).text == "Failed: 1 of 3 cases."


@pytest.mark.parametrize("name", ["bisect", "matrix", "bench", "runs"])
def test_a_file_stands_for_its_folder(tmp_path: Path, name: str) -> None:
    page_folders.SAMPLES[name](tmp_path)
    file = tmp_path / f"{name}.json"
    if file.exists():
        assert folders.content([file], beside=tmp_path) == content(tmp_path)


def test_a_file_of_results_may_have_any_name(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(results.render(reports.report(reports.outcome())))
    found = folders.content([tmp_path / "old.json"], beside=tmp_path / "site")
    assert [run.link for run in found.runs] == [".."]


def test_no_link_is_followed(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "search", tmp_path / "elsewhere"
    page_folders.bisect(folder)
    page_folders.run(elsewhere, reports.outcome(id="secret"))
    document = json.loads((folder / "bisect.json").read_text())
    document["probes"][0]["results"] = "../elsewhere"
    document["probes"][1]["results"] = "probes/link"
    (folder / "probes" / "link").symlink_to(elsewhere)
    (folder / "bisect.json").write_text(json.dumps(document))
    assert "secret" not in {each.id for run in content(folder).runs for each in run.report.cases}
    (tmp_path / "outer").mkdir()
    (tmp_path / "outer" / "link").symlink_to(elsewhere)
    with pytest.raises(UsageError, match="there are no results in it"):
        content(tmp_path / "outer")


def test_two_searches_are_two_pages(tmp_path: Path) -> None:
    for name in ("one", "two"):
        page_folders.bisect(tmp_path / name)
    with pytest.raises(UsageError, match="more than one search"):
        content(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", r"bisect\.json: expected schema 1, got None"),
        ('{"schema": true}', r"expected schema 1, got True"),
        ('{"schema": 1}', r"bisect\.json: malformed at \$: object missing required field `case`"),
        ("{", r"bisect\.json: not valid JSON"),
        ('{"schema": NaN}', "not valid JSON"),
    ],
)
def test_a_malformed_document_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bisect.json").write_text(text)
    with pytest.raises(UsageError, match=message):
        content(tmp_path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere: cannot be read \(No such file or directory\)"):
        folders.content([tmp_path / "nowhere"], beside=tmp_path)
    (tmp_path / "bench.json").mkdir()
    with pytest.raises(UsageError, match="there are no results in it"):
        content(tmp_path)
