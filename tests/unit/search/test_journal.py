import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.search import journal

QUESTION = {"case": "tiny/clip[cpu]", "releases": ["3.0.0"]}
OTHER = {"case": "tiny/vae[cpu]", "releases": ["3.0.0"]}


def written(folder: Path, *lines: str, question: Mapping[str, Any] = QUESTION) -> journal.SearchJournal:
    progress = journal.opened(folder, question)
    assert progress is not None
    for line in lines:
        progress.add({"release": line})
    return progress


def test_what_was_added_is_there_after_a_kill(tmp_path: Path) -> None:
    with written(tmp_path, "3.0.0", "3.1.0"):
        key, lines = journal.read(tmp_path)  # as another process reads that finds it so
    assert key == journal.key(QUESTION)
    assert lines == [{"release": "3.0.0"}, {"release": "3.1.0"}]


def test_the_same_question_goes_on(tmp_path: Path) -> None:
    written(tmp_path, "3.0.0").__exit__()
    with written(tmp_path, "3.1.0") as progress:
        assert progress.lines == [{"release": "3.0.0"}, {"release": "3.1.0"}]
    assert journal.read(tmp_path)[1] == progress.lines


def test_a_line_that_was_cut_off_does_not_count(tmp_path: Path) -> None:
    written(tmp_path, "3.0.0", "3.1.0").__exit__()
    path = tmp_path / journal.NAME
    path.write_bytes(path.read_bytes()[:-5])
    with written(tmp_path) as progress:
        assert progress.lines == [{"release": "3.0.0"}]
        progress.add({"release": "3.2.0"})
    assert journal.read(tmp_path)[1] == [{"release": "3.0.0"}, {"release": "3.2.0"}]


def test_a_search_that_ended_begins_anew(tmp_path: Path) -> None:
    with written(tmp_path, "3.0.0") as progress:
        progress.end()
    assert journal.read(tmp_path) == (None, [])
    with written(tmp_path, question=OTHER) as progress:
        assert progress.lines == []


def test_another_question_is_refused_where_one_was_interrupted(tmp_path: Path) -> None:
    written(tmp_path, "3.0.0").__exit__()
    before = (tmp_path / journal.NAME).read_text()
    with pytest.raises(UsageError, match="belongs to another interrupted search; choose another --out"):
        journal.opened(tmp_path, OTHER)
    assert (tmp_path / journal.NAME).read_text() == before
    written(tmp_path).__exit__()  # and it has not been left locked


def test_a_folder_is_for_one_process_at_a_time(tmp_path: Path) -> None:
    with written(tmp_path):
        assert journal.opened(tmp_path, QUESTION) is None
        with pytest.raises(UsageError, match="in use by another search"):
            journal.of_search(tmp_path, QUESTION)
    assert journal.opened(tmp_path, QUESTION) is not None


def test_without_a_folder_the_newest_interrupted_one_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, question in (("1", QUESTION), ("2", QUESTION), ("3", OTHER)):
        (tmp_path / "results" / name).mkdir(parents=True)
        written(tmp_path / "results" / name, name, question=question).__exit__()
    (tmp_path / "results" / "latest").symlink_to("1")
    with journal.of_search(None, QUESTION) as progress:
        assert progress.folder == Path("results/2")
        assert progress.lines == [{"release": "2"}]
        with journal.of_search(None, QUESTION) as other:
            assert other.folder not in {Path("results/1"), Path("results/2"), Path("results/3")}
            assert other.lines == []


@pytest.mark.parametrize("text", ["", "no JSON\n", "[]\n", '{"key": 1', '"text"\n', "\x00\n"])
def test_what_is_no_journal_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / journal.NAME).write_text(text)
    assert journal.read(tmp_path) == (None, [])


def test_the_question_can_be_read(tmp_path: Path) -> None:
    written(tmp_path).__exit__()
    assert json.loads((tmp_path / journal.NAME).read_text().splitlines()[0])["question"] == QUESTION
