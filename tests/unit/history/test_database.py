import os
import signal
import sqlite3
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

import pytest

from harness.core.errors import DiskError
from harness.history import database
from harness.history.history import History
from harness.history.schema import APPLICATION_ID, MIGRATIONS
from tests.patience import comes_true
from tests.unit.history import samples
from tests.unit.users import needs_root, without_rights

PROCESSES, RUNS = 8, 200


def version(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return int(found)


def add_many(path: Path, process: int) -> None:
    for number in range(RUNS):
        assert History(path).add(samples.run(process * RUNS + number), [samples.case(), samples.case(name="tiny/vae")])


def test_nothing_is_lost_if_many_processes_record_at_once(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    context = get_context("fork")
    processes = [context.Process(target=add_many, args=(path, number)) for number in range(PROCESSES)]
    for each in processes:
        each.start()
    for each in processes:
        each.join()
    assert [each.exitcode for each in processes] == [0] * PROCESSES
    history = History(path)
    assert len(history.runs(10_000)) == PROCESSES * RUNS
    assert len(history.results("tiny", 10_000)) == 2 * PROCESSES * RUNS


WRITER = """
import sys
from pathlib import Path
from harness.history.history import History
from tests.unit.history import samples
from tests.unit.users import needs_root, without_rights
for number in range(100_000):
    History(Path(sys.argv[1])).add(samples.run(number), [samples.case(name=f"a/{each}") for each in range(50)])
    print(number, flush=True)
"""


def test_a_killed_process_leaves_whole_runs_only(tmp_path: Path) -> None:
    path, log = tmp_path / "history.sqlite", tmp_path / "log"
    with log.open("w") as out:
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=out, cwd=Path(__file__).parents[3])
        assert comes_true(lambda: len(log.read_text().splitlines()) > 20)
        child.send_signal(signal.SIGKILL)
        child.wait()
    known = History(path).runs(100_000)
    assert len(known) >= len(log.read_text().splitlines())
    assert {sum(each.counts.values()) for each in known} == {50}
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert History(path).add(samples.run(200_000), [])


def test_a_new_file_has_the_newest_schema(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    History(path).add(samples.run(), [])
    assert version(path) == len(MIGRATIONS)
    path.unlink()
    path.touch()  # as a process leaves it that was killed before it wrote anything
    assert History(path).runs(9) == []
    assert version(path) == len(MIGRATIONS)


def test_a_file_of_a_newer_harness_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    History(path).add(samples.run(), [])
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(DiskError, match=r"^Cannot read the history .*: a newer version of the harness wrote it\. Move"):
        History(path).runs(9)
    with pytest.raises(
        DiskError, match=r"^Cannot write the history .*: a newer version of the harness wrote it\. Move"
    ):
        History(path).add(samples.run(), [])


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE places (name)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DiskError, match="it is the database of another program"):
        History(path).runs(9)
    with pytest.raises(DiskError, match="it is the database of another program"):
        History(path).add(samples.run(), [])
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"garbage" * 200, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(content)
    for act in (lambda: History(path).runs(9), lambda: History(path).add(samples.run(), [])):
        with pytest.raises(DiskError, match=rf"^Cannot (read|write) the history {path}: .*\. Move the file away"):
            act()
    assert path.read_bytes() == content


def test_damage_within_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    History(path).add(samples.run(), [samples.case(name=f"a/{number}") for number in range(500)])
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(DiskError, match="malformed"):
        History(path).results("a", 9)


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    path, target = tmp_path / "history.sqlite", tmp_path / "target"
    path.symlink_to(target)
    with pytest.raises(DiskError, match="a symbolic link where the harness keeps its own files"):
        History(path).add(samples.run(), [])
    assert not target.exists()
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DiskError, match="not a regular file"):
        History(path).runs(9)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match=r"^Cannot write the history .*: Not a directory\. Move"):
        History(tmp_path / "file" / "history.sqlite").add(samples.run(), [])


def test_a_process_that_holds_the_file_is_not_waited_for_without_end(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    History(path).add(samples.run(), [])
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(DiskError, match="database is locked"):
        database.transaction(path, lambda _: None, busy_s=0.05)
    assert len(History(path).runs(9)) == 1  # readers do not wait
    connection.close()


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite")
    huge = samples.case(dispatches=1 << 70)
    with pytest.raises(DiskError, match="Cannot write the history"):
        history.add(samples.run(), [samples.case(name="a/b"), huge])
    assert history.runs(9) == []


def test_files_are_known_by_their_application_id(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    History(path).add(samples.run(), [])
    assert int.from_bytes(path.read_bytes()[68:72]) == APPLICATION_ID  # https://sqlite.org/fileformat.html, 1.3


@needs_root
def test_a_file_that_may_only_be_read(public_dir: Path) -> None:
    path = public_dir / "history.sqlite"
    History(path).add(samples.run(), [samples.case()])
    with without_rights():
        assert [each.case for each in History(path).results("tiny", 9)] == [samples.case()]
        with pytest.raises(DiskError, match=r"^Cannot write the history .*readonly database"):
            History(path).add(samples.run(2), [])
