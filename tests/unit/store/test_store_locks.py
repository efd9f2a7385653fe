import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.host import locks
from harness.host.beneath import Folder
from harness.store.store import Store
from tests.patience import IN_PROCESS_S
from tests.unit.stores import KEY, makes


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


def test_a_wait_can_be_given_up_and_locks_of_other_names_need_none(store: Store) -> None:
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
            if (descriptor := locks.try_acquire(Folder(path.parent), path)) is not None:
                held[0] += 1
                assert held == [1]
                time.sleep(0)
                held[0] -= 1
                os.close(descriptor)
                time.sleep(0)

    with ThreadPoolExecutor(3) as pool:
        working = [pool.submit(work) for _ in range(3)]
        removed = 0
        while removed < 10 and not any(each.done() for each in working):
            removed += locks.remove_if_free(Folder(path.parent), path)
        done.set()
    assert [each.exception() for each in working] == [None] * 3


def test_a_wait_for_a_lock_that_is_removed_gets_the_new_one(store: Store) -> None:
    path = store.root / "locks" / "device-0"
    waiting = threading.Event()
    waiter = Store(store.root, on_wait=lambda *_: waiting.set())

    def wait() -> None:
        with waiter.lock("device-0"):
            assert locks.try_acquire(Folder(path.parent), path) is None

    with ThreadPoolExecutor(1) as pool:
        with store.lock("device-0"):
            waits = pool.submit(wait)
            waiting.wait()
            assert not locks.remove_if_free(Folder(path.parent), path)
            path.unlink()
        waits.result(timeout=IN_PROCESS_S)


def test_a_holder_in_another_process_is_named_and_one_in_this_process_is_not(store: Store) -> None:
    class SeenError(Exception):
        pass

    def tell(holder: str, _: float) -> None:
        raise SeenError(holder)

    waiter, path = Store(store.root, on_wait=tell), store.root / "locks" / "device-0"
    with store.lock("device-0"):
        with pytest.raises(SeenError, match=r"^$"), waiter.lock("device-0"):
            pass
        path.write_text("process 1 on elsewhere, which is installing IREE 3.12.0")
        with pytest.raises(SeenError, match=r"^process 1 on elsewhere, which is installing"), waiter.lock("device-0"):
            pass


@pytest.mark.parametrize("end", ["close", "with", "forget"])
def test_pins_end(store: Store, end: str) -> None:
    user: Store | None = Store(store.root)
    assert user is not None
    store.provide("blobs", KEY, makes(b"x"))
    store.close()
    user.find("blobs", KEY)
    pins = locks.Pins(store.files, store.root / "pins")
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


def test_who_holds_very_many_names_holds_all(store: Store) -> None:
    holder, other = (locks.Pins(store.files, "pins") for _ in range(2))
    store.files.make(store.root)

    def may_go(name: str) -> bool:
        with other.seized(name) as is_unused:
            return is_unused

    for number in range(4096):
        holder.hold(f"{number}")
    assert may_go("other")
    assert not may_go("4095")
    with other.seized("other"):  # another collects just now
        holder.hold("4096")
        holder.hold("4097")
    assert may_go("other")
    holder.hold("4098")
    assert not any(may_go(name) for name in ("other", "0", "4096", "4098"))
    with holder.seized("other") as is_unused:
        assert is_unused
    assert not may_go("other")
    holder.close()
    assert all(may_go(name) for name in ("other", "0", "4096", "4098"))
    holder.hold("again")
    assert may_go("other")
    holder.close()


def test_pins_go_with_their_file(store: Store) -> None:
    store.provide("blobs", KEY, makes(b"x"))
    shutil.rmtree(store.root)
    store.provide("blobs", KEY, makes(b"x"))
    with locks.Pins(store.files, store.root / "pins").seized(f"blobs-{KEY}") as is_unused:
        assert not is_unused


def test_a_store_without_pins_still_finds(store: Store) -> None:
    (store.root / "pins").mkdir(parents=True)
    assert not store.provide("blobs", KEY, makes(b"x")).cached
    assert store.find("blobs", KEY) is not None
