import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import pytest

from harness import locks
from harness.disk import disk_errors, write_atomically
from harness.entries import Entry
from harness.errors import DiskError
from harness.stamps import file_sha256
from harness.store import Store

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


def manifest(entry: Entry) -> Any:
    return json.loads((entry.path / "entry.json").read_bytes())


def age(entry: Entry) -> None:
    """Let an entry look as if it was made two minutes ago."""
    (entry.path / "entry.json").write_text(json.dumps(manifest(entry) | {"made": time.time() - 120}))


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


def test_what_a_maker_vouches_for_is_not_read_again(store: Store) -> None:
    def make(folder: Path) -> dict[str, str]:
        (folder / "blob").write_bytes(b"x")
        (folder / "log").write_bytes(b"y")
        return {"blob": "vouched"}

    entry = store.provide("blobs", KEY, make)
    assert entry.sha256("blob") == "vouched"
    assert entry.sha256("log") == file_sha256(entry.path / "log")
    assert store.provide("blobs", KEY, refuses).files == entry.files


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_is_resumable_is_there_for_the_next(store: Store, error: type[BaseException]) -> None:
    def begin(folder: Path) -> None:
        (folder / "part").write_bytes(b"half")
        raise error

    def finish(folder: Path) -> None:
        assert [each.name for each in folder.iterdir()] == ["part"]
        (folder / "part").rename(folder / "blob")

    with pytest.raises(error):
        store.provide("blobs", KEY, begin, resumable=True)
    assert store.find("blobs", KEY) is None
    assert drafts(store) == [store.draft_dir("blobs", KEY)]
    entry = store.provide("blobs", KEY, finish, resumable=True)
    assert (list(entry.files), drafts(store)) == (["blob"], [])


def test_a_killed_maker_s_part_is_there_for_the_next(store: Store) -> None:
    killed = child(store, "(folder / 'part').write_bytes(b'x')\nprint('half', flush=True)\ntime.sleep(60)")
    assert (said(killed), said(killed)) == ("begun", "half")
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    entry = store.provide("blobs", KEY, makes(b"rest"), resumable=True)
    assert list(entry.files) == ["blob", "part"]


def test_a_manifest_in_a_draft_is_not_a_file_of_the_entry(store: Store) -> None:
    draft = store.draft_dir("blobs", KEY)
    draft.mkdir(parents=True)
    (draft / "entry.json").touch()
    assert list(store.provide("blobs", KEY, makes(b"x"), resumable=True).files) == ["blob"]


def publishes(store: Store, content: bytes = b"x") -> Callable[[Path], None]:
    """Make what another machine, whose locks are not seen here, has made and published first."""
    other = Store(store.root.with_name("other"))

    def make(folder: Path) -> None:
        makes(content)(folder)
        theirs = other.provide("blobs", KEY, makes(content)).path
        (store.root / "blobs" / "ab").mkdir(parents=True)
        theirs.rename(store.root / "blobs" / "ab" / KEY)

    return make


def test_what_another_machine_published_first_is_taken(store: Store) -> None:
    entry = store.provide("blobs", KEY, publishes(store))
    assert not entry.cached
    assert entry.files == store.provide("blobs", KEY, refuses).files
    assert drafts(store) == []


def test_what_another_machine_published_and_does_not_please_is_replaced(store: Store) -> None:
    def is_new(entry: Entry) -> bool:
        return (entry.path / "blob").read_bytes() == b"new"

    def make(folder: Path) -> None:
        publishes(store, b"old")(folder)
        (folder / "blob").write_bytes(b"new")

    assert is_new(store.provide("blobs", KEY, make, is_good=is_new))
    assert drafts(store) == []


@pytest.mark.parametrize("leave", [None, "empty", "theirs"])
@pytest.mark.parametrize("resumable", [False, True])
def test_a_draft_that_vanished_is_looked_for_where_it_should_be(
    store: Store, leave: str | None, *, resumable: bool
) -> None:
    def make(folder: Path) -> None:
        publishes(store)(folder)
        shutil.rmtree(folder)
        if leave:
            folder.mkdir()
        if leave == "theirs":
            (folder / "blob").write_bytes(b"half")

    entry = store.provide("blobs", KEY, make, resumable=resumable)
    assert (entry.path / "blob").read_bytes() == b"x"
    assert store.provide("blobs", KEY, refuses).files == entry.files


def test_a_draft_that_vanished_for_good_is_an_error(store: Store) -> None:
    with pytest.raises(DiskError, match=rf"{store.draft_dir('blobs', KEY)}: another has taken the folder away"):
        store.provide("blobs", KEY, lambda folder: folder.rmdir())
    assert not store.provide("blobs", KEY, makes(b"x")).cached


def test_a_file_that_a_maker_misses_is_its_own_error(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        store.provide("blobs", KEY, lambda folder: (folder / "nothing").unlink())
    assert drafts(store) == []


def dig(path: Path) -> None:
    """Leave a hole of the same size, time and inode in a file, as a power loss may."""
    before = path.stat()
    path.write_bytes(b"")
    os.truncate(path, before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_power_loss_is_found(tmp_path: Path) -> None:
    path = Store(tmp_path, boot="first").provide("blobs", KEY, makes(b"x" * 10_000)).path
    dig(path / "blob")
    assert Store(tmp_path, boot="first").find("blobs", KEY) is not None
    assert Store(tmp_path, boot="second").find("blobs", KEY) is None
    assert not path.exists()


def test_what_survived_a_power_loss_is_trusted_from_then_on(tmp_path: Path) -> None:
    made = Store(tmp_path, boot="first").provide("blobs", KEY, makes(b"x"))
    assert manifest(made)["boot"] == "first"
    found = Store(tmp_path, boot="second").provide("blobs", KEY, refuses)
    assert (found.cached, found.files) == (True, made.files)
    assert "boot" not in manifest(made)
    dig(made.path / "blob")
    assert Store(tmp_path, boot="third").find("blobs", KEY) is not None


@pytest.mark.parametrize("ask", [lambda store: store.find("blobs", KEY), lambda s: s.provide("blobs", KEY, refuses)])
def test_what_is_on_disk_is_trusted_in_every_boot(store: Store, ask: Callable[[Store], Entry]) -> None:
    made = store.provide("blobs", KEY, makes(b"x"))
    assert ask(store).files == made.files
    assert manifest(made)["boot"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    age(made)
    assert ask(store).files == made.files
    assert "boot" not in manifest(made)
    assert manifest(made)["files"] == made.files


def test_what_another_makes_again_is_not_said_to_be_on_disk(store: Store) -> None:
    made = store.provide("blobs", KEY, makes(b"x"))
    age(made)
    with store.lock(f"blobs-{KEY}"):
        assert store.find("blobs", KEY) is not None
    assert "boot" in manifest(made)


@pytest.mark.parametrize("boot", [None, 1, [], {}])
def test_a_manifest_may_name_no_boot_or_an_odd_one(store: Store, boot: object) -> None:
    made = store.provide("blobs", KEY, makes(b"x"))
    (made.path / "entry.json").write_text(json.dumps({"files": made.files} | ({} if boot is None else {"boot": boot})))
    assert store.find("blobs", KEY) is not None
    assert "boot" not in manifest(made)


@pytest.mark.parametrize("ask", [lambda store: store.find("blobs", KEY), lambda s: s.provide("blobs", KEY, refuses)])
def test_when_it_was_used_is_noted(store: Store, ask: Callable[[Store], Entry]) -> None:
    path = store.provide("blobs", KEY, makes(b"x")).path / "entry.json"
    backdate(path)
    ask(store)
    assert path.stat().st_mtime > time.time() - 60


def test_a_warm_entry_is_found_at_once(store: Store) -> None:
    def make(folder: Path) -> dict[str, str]:
        (folder / "blob").touch()
        os.truncate(folder / "blob", 1 << 31)
        return {"blob": "vouched"}

    store.provide("blobs", KEY, make)
    times = []
    for _ in range(50):
        started = time.perf_counter()
        store.find("blobs", KEY)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.001


def test_a_lock_whose_file_is_removed_is_not_held_twice(store: Store) -> None:
    """The file may go between another's opening it and locking it."""
    held, done, path = [0], threading.Event(), store.root / "locks" / "device-0"

    def work() -> None:
        while not done.is_set():
            if (descriptor := locks.try_acquire(path)) is not None:
                held[0] += 1
                assert held == [1]
                time.sleep(0)
                held[0] -= 1
                os.close(descriptor)
                time.sleep(0)

    with ThreadPoolExecutor(3) as pool:
        working = [pool.submit(work) for _ in range(3)]
        removed = 0
        while removed < 50 and not any(each.done() for each in working):
            removed += locks.remove_if_free(path)
        done.set()
    assert [each.exception() for each in working] == [None] * 3


def test_who_waits_for_a_lock_that_is_removed_gets_the_new_one(store: Store) -> None:
    path = store.root / "locks" / "device-0"
    waiting = threading.Event()
    waiter = Store(store.root, on_wait=lambda *_: waiting.set())

    def wait() -> None:
        with waiter.lock("device-0"):
            assert locks.try_acquire(path) is None

    with ThreadPoolExecutor(1) as pool:
        with store.lock("device-0"):
            waits = pool.submit(wait)
            waiting.wait()
            assert not locks.remove_if_free(path)
            path.unlink()
        waits.result(timeout=10)


@pytest.mark.parametrize("end", ["close", "with", "forget"])
def test_pins_end(store: Store, end: str) -> None:
    user: Store | None = Store(store.root)
    assert user is not None
    store.provide("blobs", KEY, makes(b"x"))
    store.close()
    user.find("blobs", KEY)
    pins = locks.Pins(store.root / "pins")
    with pins.seized(f"blobs-{KEY}") as is_unused:
        assert not is_unused
    if end == "close":
        user.close()
    elif end == "with":
        with user:
            pass
    user = None
    with pins.seized(f"blobs-{KEY}") as is_unused:
        assert is_unused


def test_pins_go_with_their_file(store: Store) -> None:
    store.provide("blobs", KEY, makes(b"x"))
    shutil.rmtree(store.root)
    store.provide("blobs", KEY, makes(b"x"))
    with locks.Pins(store.root / "pins").seized(f"blobs-{KEY}") as is_unused:
        assert not is_unused


def test_a_store_without_pins_still_finds(store: Store) -> None:
    (store.root / "pins").mkdir(parents=True)
    assert not store.provide("blobs", KEY, makes(b"x")).cached
    assert store.find("blobs", KEY) is not None
