import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest

from harness.errors import DiskError
from harness.store import Entry, Store, disk_errors, file_sha256, write_atomically

KEY = "ab" + "0" * 62


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def makes(content: bytes, name: str = "blob") -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    return make


def refuses(folder: Path) -> None:
    raise AssertionError(f"{folder} is made again")


def drafts(store: Store) -> list[Path]:
    return list((store.root / "tmp").iterdir())


def backdate(path: Path) -> None:
    """Let a file look as if it was written at another time."""
    os.utime(path, (1, 1))


def test_what_is_made_is_there_afterwards(store: Store) -> None:
    made = store.provide("blobs", KEY, makes(b"x", "lib/a.so"))
    found = store.provide("blobs", KEY, refuses)
    assert (made.cached, found.cached) == (False, True)
    assert made.path == found.path == store.root / "blobs" / "ab" / KEY
    assert made.files == found.files == {"lib/a.so": made.files["lib/a.so"]}
    assert found.sha256("lib/a.so") == file_sha256(found.path / "lib/a.so")
    assert found.files["lib/a.so"]["bytes"] == 1
    assert drafts(store) == []


def test_nothing_is_found_before_it_is_made(store: Store) -> None:
    assert store.find("blobs", KEY) is None
    assert not store.root.exists()


def test_an_entry_may_have_no_file(store: Store) -> None:
    assert store.provide("blobs", KEY, lambda _: None).files == {}
    assert store.find("blobs", KEY) is not None


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_could_not_be_made_is_not_there(store: Store, error: type[BaseException]) -> None:
    def make(folder: Path) -> None:
        (folder / "blob").write_bytes(b"half")
        raise error

    with pytest.raises(error):
        store.provide("blobs", KEY, make)
    assert store.find("blobs", KEY) is None
    assert drafts(store) == []
    assert not store.provide("blobs", KEY, makes(b"x")).cached


def test_an_entry_that_does_not_please_is_replaced(store: Store) -> None:
    def is_new(entry: Entry) -> bool:
        return (entry.path / "blob").read_bytes() == b"new"

    store.provide("urls", KEY, makes(b"old"))
    replaced = store.provide("urls", KEY, makes(b"new"), is_good=is_new)
    assert not replaced.cached
    assert store.provide("urls", KEY, refuses, is_good=is_new).cached
    assert (replaced.path / "blob").read_bytes() == b"new"


def test_an_entry_that_was_touched_is_read_again_and_kept(store: Store) -> None:
    path = store.provide("blobs", KEY, makes(b"x")).path
    backdate(path / "blob")
    found = store.find("blobs", KEY)
    assert found is not None
    assert found.files["blob"]["mtime_ns"] == 10**9
    assert json.loads((path / "entry.json").read_bytes())["files"] == found.files


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"y"),
        lambda path: path.write_bytes(b"xx"),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["other bytes", "more bytes", "gone", "a folder"],
)
@pytest.mark.parametrize("look", ["find", "provide"])
def test_an_entry_that_was_changed_is_removed(store: Store, damage: Callable[[Path], None], look: str) -> None:
    path = store.provide("blobs", KEY, makes(b"x")).path
    damage(path / "blob")
    (path / "blob").exists() and backdate(path / "blob")  # type: ignore[func-returns-value]
    if look == "find":
        assert store.find("blobs", KEY) is None
        assert not path.exists()
    assert not store.provide("blobs", KEY, makes(b"x")).cached
    assert (path / "blob").read_bytes() == b"x"


def test_a_file_that_nobody_stored_is_not_taken_in(store: Store) -> None:
    path = store.provide("blobs", KEY, makes(b"x")).path
    (path / "stray").touch()
    backdate(path / "blob")
    found = store.find("blobs", KEY)
    assert found is not None
    assert list(found.files) == ["blob"]


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", "{}", '{"files": null}', '{"files": {"blob": {}}}', '{"files": {"blob": 1}}', "\0"]
)
def test_a_manifest_that_says_nothing_is_none(store: Store, text: str) -> None:
    entry = store.provide("blobs", KEY, makes(b"x"))
    (entry.path / "entry.json").write_text(text)
    assert store.find("blobs", KEY) is None
    assert not store.provide("blobs", KEY, makes(b"x")).cached


def test_threads_that_want_the_same_make_it_once(store: Store) -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.1)
        (folder / "blob").write_bytes(b"x")

    with ThreadPoolExecutor(8) as pool:
        entries = list(pool.map(lambda _: store.provide("blobs", KEY, make), range(8)))
    assert len(made) == 1
    assert sorted(entry.cached for entry in entries) == [False] + [True] * 7


def test_the_next_one_makes_what_one_could_not(store: Store) -> None:
    begun = threading.Event()

    def fail(_: Path) -> None:
        begun.set()
        time.sleep(0.1)
        raise ValueError

    with ThreadPoolExecutor(1) as pool:
        failing = pool.submit(store.provide, "blobs", KEY, fail)
        begun.wait()
        assert not store.provide("blobs", KEY, makes(b"x")).cached
        assert isinstance(failing.exception(), ValueError)


def child(store: Store, body: str) -> "subprocess.Popen[str]":
    """Start a process that provides the entry with `body` as the work, after it has said `begun`."""
    lines = "\n".join(f"    {line}" for line in ("print('begun', flush=True)", *body.splitlines()))
    code = f"import sys, time\nfrom pathlib import Path\nfrom harness.store import Store\ndef make(folder):\n{lines}\n"
    code += f"print(Store(Path(sys.argv[1])).provide('blobs', '{KEY}', make).cached)"
    return subprocess.Popen([sys.executable, "-c", code, str(store.root)], stdout=subprocess.PIPE, text=True)


def said(process: "subprocess.Popen[str]") -> str:
    output: IO[str] | None = process.stdout
    assert output is not None
    return output.readline().strip()


def test_processes_that_want_the_same_make_it_once(store: Store) -> None:
    work = "time.sleep(0.3)\n(folder / 'blob').write_bytes(b'x')"
    children = [child(store, work) for _ in range(3)]
    words = sorted(process.communicate(timeout=20)[0].split() for process in children)
    assert words == [["True"], ["True"], ["begun", "False"]]


def test_who_waits_is_told_for_whom(store: Store) -> None:
    heard: list[tuple[str, float]] = []
    holder = child(store, "time.sleep(0.3)")
    said(holder)
    waiting = Store(store.root, on_wait=lambda *each: heard.append(each))
    assert waiting.provide("blobs", KEY, refuses).cached
    holder.communicate()
    assert {who for who, _ in heard} == {f"process {holder.pid} on {os.uname().nodename}"}
    waited = [seconds for _, seconds in heard]
    assert waited == sorted(waited)


def test_who_waits_may_give_up(store: Store) -> None:
    def give_up(*_: object) -> None:
        raise TimeoutError

    impatient = Store(store.root, on_wait=give_up)
    with store.lock("device-0"), pytest.raises(TimeoutError), impatient.lock("device-0"):
        pass
    with impatient.lock("device-0"):
        pass


def test_locks_of_other_names_do_not_wait(store: Store) -> None:
    with store.lock("device-0"), store.lock("device-1"):
        pass


def test_a_killed_maker_leaves_nothing_in_the_way(store: Store) -> None:
    killed = child(store, "(folder / 'half').write_bytes(b'x')\nprint('half', flush=True)\ntime.sleep(60)")
    assert (said(killed), said(killed)) == ("begun", "half")
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert [path.name for path in drafts(store)] == [f"blobs-{KEY}"]
    entry = store.provide("blobs", KEY, makes(b"whole"))
    assert list(entry.files) == ["blob"]
    assert drafts(store) == []


def test_a_full_disk_is_named(store: Store) -> None:
    def make(folder: Path) -> None:
        (folder / "blob").symlink_to("/dev/full")
        (folder / "blob").write_bytes(b"x")

    with pytest.raises(
        DiskError, match=rf"{store.root}: cannot be written \(No space left on device\); free some space"
    ):
        store.provide("blobs", KEY, make)
    assert drafts(store) == []


def test_a_full_disk_hides_no_entry(store: Store) -> None:
    store.provide("blobs", KEY, makes(b"x"))
    (store.root / "locks" / "device-0").symlink_to("/dev/full")
    with store.lock("device-0"):
        assert store.find("blobs", KEY) is not None


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.provide("blobs", KEY, refuses),
        lambda store: store.lock("device-0").__enter__(),
        lambda store: store.scratch().__enter__(),
    ],
    ids=["provide", "lock", "scratch"],
)
def test_a_store_that_cannot_be_written_is_named(tmp_path: Path, use: Callable[[Store], object]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match=rf"{tmp_path}/file/.*: cannot be written \(Not a directory\).*--store"):
        use(Store(tmp_path / "file" / "store"))


def test_a_store_that_cannot_be_written_is_empty(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert Store(tmp_path / "file" / "store").find("blobs", KEY) is None


@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EACCES", "EPERM", "EROFS", "ENOTDIR", "ENOLCK"])
def test_what_the_disk_says_becomes_advice(tmp_path: Path, name: str) -> None:
    number = getattr(errno, name)
    with pytest.raises(DiskError, match=rf"{tmp_path}: cannot be written \({os.strerror(number)}\); free some space"):
        _fail(tmp_path, number)


def _fail(path: Path, number: int) -> None:
    with disk_errors(path):
        raise OSError(number, os.strerror(number))


def test_errors_that_are_not_the_disk_s_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), disk_errors(tmp_path):
        (tmp_path / "nothing").read_bytes()


def test_a_digest_is_remembered_until_the_file_changes(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.mlir"
    path.write_bytes(b"x")
    first = store.digest(path)
    assert first == file_sha256(path) == store.digest(path)
    path.write_bytes(b"y")
    backdate(path)
    assert store.digest(path) == file_sha256(path) != first


def test_a_digest_is_read_from_memory(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.mlir"
    path.write_bytes(b"x")
    store.digest(path)
    (record,) = (store.root / "digests").iterdir()
    record.write_text(record.read_text().replace(file_sha256(path), "remembered"))
    assert store.digest(path) == "remembered"


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"bytes": 1}'])
def test_a_digest_that_was_forgotten_is_made_again(store: Store, tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.mlir"
    path.write_bytes(b"x")
    store.digest(path)
    (record,) = (store.root / "digests").iterdir()
    record.write_text(text)
    assert store.digest(path) == file_sha256(path)


def test_a_digest_needs_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert Store(tmp_path / "file" / "store").digest(tmp_path / "file") == file_sha256(tmp_path / "file")


def test_a_digest_of_nothing_is_an_error(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.digest(tmp_path / "nothing")


def test_scratch_is_gone_afterwards(store: Store) -> None:
    with store.scratch() as folder:
        (folder / "log").touch()
    assert not folder.exists()


def test_a_text_is_never_seen_in_part(tmp_path: Path) -> None:
    path, texts = tmp_path / "results.json", {letter * 100_000 for letter in "abcd"}
    write_atomically(path, min(texts))
    seen: set[str] = set()
    with ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(write_atomically, path, text) for text in sorted(texts) * 20]
        while not all(each.done() for each in writing):
            seen.add(path.read_text())
    assert [each.exception() for each in writing if each.exception()] == []
    assert seen <= texts
    assert list(tmp_path.iterdir()) == [path]
