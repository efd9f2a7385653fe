import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.host import locks
from harness.store.store import Store
from tests.patience import IN_PROCESS_S
from tests.unit.stores import KEY, makes, partials, refuses

MAKER = """
import pathlib, sys
from harness.store.store import Store
def make(folder):
    (folder / "part").touch()
    print("begun", flush=True)
    sys.stdin.readline()
store = Store(pathlib.Path(sys.argv[1]), on_wait=lambda *_: print("waits", flush=True))
print(store.provide("blobs", sys.argv[2], make).cached)
"""


def maker(store: Store) -> "subprocess.Popen[str]":
    """Start a process that wants the entry, and if it is to make it, does so until it is told to go on."""
    argv = [sys.executable, "-c", MAKER, str(store.root), KEY]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go_on(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_processes_that_want_the_same_make_it_once_and_hear_for_whom_they_wait(store: Store) -> None:
    def hear(who: str, waited_s: float) -> None:
        heard.append((who, waited_s))
        if len(heard) == 3:
            go_on(children["begun"])

    heard: list[tuple[str, float]] = []
    children = {said(each): each for each in [maker(store), maker(store)]}
    assert {*children} == {"begun", "waits"}
    assert Store(store.root, on_wait=hear).provide("blobs", KEY, refuses).cached
    ends = {word: each.communicate(timeout=IN_PROCESS_S)[0].split()[-1] for word, each in children.items()}
    assert ends == {"begun": "False", "waits": "True"}
    # Once it has gone on, the other may be the one to wait for.
    assert {who for who, _ in heard[:3]} == {f"process {children['begun'].pid} on {os.uname().nodename}"}
    assert heard == sorted(heard, key=lambda each: each[1])


def test_threads_that_want_the_same_make_it_once(store: Store) -> None:
    def make(folder: Path) -> None:
        made.append(folder)
        assert somebody_waits.wait(IN_PROCESS_S)
        (folder / "blob").write_bytes(b"x")

    made: list[Path] = []
    somebody_waits = threading.Event()
    shared = Store(store.root, on_wait=lambda *_: somebody_waits.set())
    with ThreadPoolExecutor(8) as pool:
        entries = list(pool.map(lambda _: shared.provide("blobs", KEY, make), range(8)))
    assert len(made) == 1
    assert sorted(entry.cached for entry in entries) == [False] + [True] * 7


def test_the_next_one_makes_what_one_could_not(store: Store) -> None:
    def fail(_: Path) -> None:
        begun.set()
        assert next_one_waits.wait(IN_PROCESS_S)
        raise ValueError

    begun, next_one_waits = threading.Event(), threading.Event()
    next_one = Store(store.root, on_wait=lambda *_: next_one_waits.set())
    with ThreadPoolExecutor(1) as pool:
        failing = pool.submit(store.provide, "blobs", KEY, fail)
        assert begun.wait(IN_PROCESS_S)
        assert not next_one.provide("blobs", KEY, makes(b"x")).cached
        assert isinstance(failing.exception(), ValueError)


@pytest.mark.parametrize(("resumable", "left"), [(False, []), (True, ["part"])])
def test_a_killed_maker_is_in_nobody_s_way(store: Store, left: list[str], *, resumable: bool) -> None:
    killed = maker(store)
    assert said(killed) == "begun"
    killed.kill()
    killed.communicate()
    assert partials(store) == [store.partial_dir("blobs", KEY)]
    entry = store.provide("blobs", KEY, makes(b"whole"), resumable=resumable)
    assert list(entry.files) == ["blob", *left]
    assert partials(store) == []


def test_who_waits_may_give_up_and_nobody_waits_for_locks_of_other_names(store: Store) -> None:
    def give_up(*_: object) -> None:
        raise TimeoutError

    impatient = Store(store.root, on_wait=give_up)
    with store.lock("device-0"):
        with pytest.raises(TimeoutError), impatient.lock("device-0"):
            pass
        with impatient.lock("device-1"):
            pass
    with impatient.lock("device-0"):
        pass


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
        while removed < 20 and not any(each.done() for each in working):
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
        waits.result(timeout=IN_PROCESS_S)


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
