"""A history that an earlier version of the harness wrote: `schema_1.sql` is what three real runs left."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.core.statuses import Status
from harness.history.history import History
from harness.history.schema import MIGRATIONS
from tests.unit.history import samples
from tests.unit.history.test_database import version

SCHEMA_1 = Path(__file__).with_name("schema_1.sql").read_text()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(SCHEMA_1)
    connection.close()
    assert version(path) == 1
    return path


def test_reading_keeps_all_that_there_was(path: Path) -> None:
    history = History(path)
    assert [each.run.release for each in history.runs(9)] == ["3.0.0", "3.13.0", "3.12.0"]
    assert {sum(each.counts.values()) for each in history.runs(9)} == {9}
    run, cases = history.run("703e6671")
    assert (run.branch, run.folder, run.is_pinned) == ("main", "/home/ana/models/results/20261129T190652Z", False)
    clip = next(case for case in cases if case.id == "tiny/clip[cpu]")
    assert (clip.status, clip.dispatches, clip.device_uuid, clip.quarantine) == (Status.PASSED, 41, "", None)
    assert version(path) == len(MIGRATIONS)


def test_writing_adds_to_what_there_was(path: Path) -> None:
    history = History(path)
    new = samples.case(device_uuid="GPU-1", quarantine="in quarantine")
    assert history.add(samples.run(started="2026-12-01T00:00:00Z"), [new])
    assert len(history.runs(9)) == 4
    assert history.run("last")[1] == (new,)
    assert history.pin("703e6671", is_pinned=True).is_pinned
    assert [each.id[:8] for each in history.pinned()] == ["703e6671"]


def test_several_processes_may_be_the_first(path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda number: History(path).add(samples.run(number), []), range(8)))
    assert done == [True] * 8
    assert len(History(path).runs(99)) == 3 + 8


def test_a_step_that_fails_leaves_the_old_schema(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE runs ADD COLUMN is_pinned INTEGER")  # so the second step cannot add it
    connection.close()
    with pytest.raises(Exception, match="duplicate column name"):
        History(path).runs(9)
    assert version(path) == 1
    with sqlite3.connect(path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(cases)")]
    connection.close()
    assert "device_uuid" not in columns
