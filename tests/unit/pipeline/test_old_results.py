import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.history import recording
from harness.history.history import History
from harness.host import locks
from harness.host.beneath import Folder
from harness.pipeline.old_results import Pruned, prune
from harness.pipeline.out_dir import LOCK, in_use
from harness.report import results
from tests.unit import reports
from tests.unit.history import samples

REPORT = results.render(reports.report(reports.outcome()))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with the results of four days, the newest of which `latest` leads to."""
    root = tmp_path / "results"
    for day in range(1, 5):
        folder = root / name(day)
        (folder / "logs").mkdir(parents=True)
        (folder / "logs" / "run.log").write_text("log")
        (folder / results.NAME).write_text(results.render(reports.report(started=f"2026-11-0{day}T00:00:00Z")))
    (root / "latest").symlink_to(name(4))
    return root


def name(day: int) -> str:
    return f"2026110{day}T120000Z"


def removed(root: Path, keep: int | None = None, day: int | None = None, **more: bool) -> list[str]:
    before = dt.datetime(2026, 11, day, tzinfo=dt.UTC) if day else None
    found = prune(root, keep=keep, before=before, pins=(), **more)
    assert all(each.bytes > 0 for each in found.removed)
    return [each.path.name for each in found.removed]


def left(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.name != "latest")


@pytest.mark.parametrize(
    ("keep", "day", "days"), [(2, None, [1, 2]), (None, 3, [1, 2]), (3, 3, [1, 2]), (1, 2, [1, 2, 3]), (9, 1, [])]
)
def test_old_results_are_removed_by_number_and_age(
    root: Path, keep: int | None, day: int | None, days: list[int]
) -> None:
    assert removed(root, keep, day, dry_run=True) == list(map(name, days))
    assert len(left(root)) == 4
    assert removed(root, keep, day) == list(map(name, days))
    assert left(root) == [name(each) for each in range(1, 5) if each not in days]


def test_the_newest_results_stay_however_old_they_are(root: Path) -> None:
    assert removed(root, day=30) == [name(1), name(2), name(3)]
    assert (root / "latest" / results.NAME).is_file()
    (root / "latest").unlink()
    assert removed(root, day=30) == [name(4)]


def test_what_is_no_folder_of_results_stays(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / results.NAME).write_text(REPORT)
    (root / "mine").mkdir()
    (root / "mine" / results.NAME).write_text(REPORT)
    (root / "20250101T000000Z").symlink_to(outside)
    (root / "20250102T000000Z").write_text("file")
    (root / "20250103T000000Z").mkdir()
    (root / "20250104T000000Z").mkdir()
    (root / "20250104T000000Z" / results.NAME).symlink_to(outside / results.NAME)
    (root / "20259999T000000Z").mkdir()
    (root / "20259999T000000Z" / results.NAME).write_text(REPORT)
    before = left(root)
    assert removed(root, keep=4) == []
    assert left(root) == before
    assert (outside / results.NAME).read_text() == REPORT


def test_no_link_within_is_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("text")
    (root / name(1) / "link").symlink_to(outside)
    assert removed(root, keep=3) == [name(1)]
    assert (outside / "file").read_text() == "text"


@pytest.fixture
def held(root: Path) -> Iterator[None]:
    """Let a run and a search write into the two oldest folders."""
    search = locks.try_acquire(Folder(root), root / name(2) / ".search.lock")
    assert search is not None
    with in_use(root / name(1)):
        yield
    os.close(search)


@pytest.mark.usefixtures("held")
def test_what_is_in_use_stays(root: Path) -> None:
    found = prune(root, keep=1, before=None, pins=())
    assert [each.name for each in found.in_use] == [name(1), name(2)]
    assert left(root) == [name(1), name(2), name(4)]


def test_results_of_killed_runs_and_other_commands_are_removed(root: Path) -> None:
    for day, mark in ((1, LOCK), (2, "bench.json"), (3, "search.jsonl")):
        (root / name(day) / results.NAME).unlink()
        (root / name(day) / mark).touch()
    assert removed(root, keep=1) == [name(1), name(2), name(3)]


def test_a_run_leaves_no_lock(root: Path) -> None:
    with in_use(root / name(1)):
        assert (root / name(1) / LOCK).is_file()
        with in_use(root / name(1)):
            pass
        assert (root / name(1) / LOCK).is_file()
    assert not (root / name(1) / LOCK).exists()
    (root / "file").touch()
    with in_use(root / "file"):  # there is no place for a lock
        pass


def test_pinned_results_stay_also_where_they_were_moved_to(root: Path, tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite")
    by_folder = samples.run(1, folder=str(root / name(1)))
    by_content = samples.run(2, id=recording.run_id((root / name(2) / results.NAME).read_text()), folder="/elsewhere")
    for run in (by_folder, by_content, samples.run(3)):
        history.add(run, [])
    assert history.pinned() == ()
    history.pin("last~1", is_pinned=True)
    history.pin(by_folder.id, is_pinned=True)
    found = prune(root, keep=1, before=None, pins=history.pinned())
    assert [each.name for each in found.pinned] == [name(1), name(2)]
    assert left(root) == [name(1), name(2), name(4)]
    assert history.prune(before=None, keep=0) == 1
    history.pin(by_folder.id, is_pinned=False)
    assert history.prune(before=None, keep=0) == 1
    assert [each.run.id for each in history.runs(9)] == [by_content.id]


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"/lost: no such folder; expected one with folders of results"):
        prune(tmp_path / "lost", keep=1, before=None, pins=())
    assert prune(tmp_path, keep=1, before=None, pins=()) == Pruned(removed=(), pinned=(), in_use=())
