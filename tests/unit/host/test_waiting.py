import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from harness.host import waiting
from harness.host.waiting import Threads


def _thread(ends: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=ends.wait)
    thread.start()
    return thread


def _begun(ends: threading.Event) -> Future[bool]:
    future: Future[bool] = Future()
    threading.Thread(target=lambda: future.set_result(ends.wait())).start()
    return future


def _closed(ends: threading.Event) -> None:
    with Threads[bool](1) as threads:
        threads.submit(ends.wait)


def _together(call: Callable[[int], Any], values: Iterable[int], at_once: int = 2) -> list[Any]:
    with Threads[None](at_once) as threads:
        return [*waiting.results_together(threads, call, values, at_once=at_once)]


WAITS: dict[str, Callable[[threading.Event], object]] = {
    "completed": lambda ends: next(waiting.completed([_begun(ends)])),
    "results_together": lambda ends: next(waiting.results_together(Threads(1), lambda _: ends.wait(), [1], at_once=1)),
    "result": lambda ends: waiting.result(_begun(ends)),
    "join": lambda ends: waiting.join(_thread(ends)),
    "close": _closed,
}


@pytest.fixture
def ends() -> Iterator[threading.Event]:
    """Yield what ends the work that a test waits for, at the latest when the test ends."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize("wait", WAITS)
def test_a_signal_that_another_thread_gets_ends_the_wait(wait: str, ends: threading.Event) -> None:
    threading.Timer(0.05, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        WAITS[wait](ends)


@pytest.mark.parametrize("wait", WAITS)
def test_a_wait_lasts_as_long_as_the_work(wait: str, ends: threading.Event) -> None:
    threading.Timer(2 * waiting.SLICE_S, ends.set).start()
    WAITS[wait](ends)
    assert ends.is_set()


def test_futures_come_as_they_complete() -> None:
    first, second = Future[int](), Future[int]()
    second.set_result(2)
    came = waiting.completed([first, second])
    assert next(came) is second
    first.set_result(1)
    assert [*came] == [first]


def test_results_that_come_at_once_come_together() -> None:
    assert _together(lambda value: 10 * value, range(3), at_once=1) == [[0, 10, 20]]
    assert sorted(value for batch in _together(lambda value: value, range(999), at_once=4) for value in batch) == [
        *range(999)
    ]
    assert _together(lambda value: value, []) == []


def test_results_come_before_all_are_there(ends: threading.Event) -> None:
    def wait_for_the_second(value: int) -> int:
        if value:
            ends.wait()
        return value

    with Threads[None](2) as threads:
        came = waiting.results_together(threads, wait_for_the_second, [0, 1], at_once=2)
        assert next(came) == [0]
        ends.set()
        assert [*came] == [[1]]


def test_what_a_call_raises_ends_its_thread_only(ends: threading.Event) -> None:
    called, is_second_there = list[int](), threading.Event()

    def fail_first(value: int) -> None:
        called.append(value)
        if not value:
            is_second_there.wait()
            raise ChildProcessError
        is_second_there.set()
        ends.wait()

    threading.Timer(0.3, ends.set).start()
    with pytest.raises(ChildProcessError):
        _together(fail_first, range(3))
    assert called == [0, 1, 2]


def test_results_come_in_the_order_of_the_values() -> None:
    def slow_first(value: int) -> int:
        time.sleep(0.05 / (value + 1))
        return value

    assert waiting.mapped(slow_first, range(4), at_once=4) == [0, 1, 2, 3]


def test_what_a_call_raises_is_raised() -> None:
    def fail(_: int) -> Any:
        raise ChildProcessError

    with pytest.raises(ChildProcessError):
        waiting.mapped(fail, [1], at_once=1)


def test_calls_that_have_not_begun_are_dropped(ends: threading.Event) -> None:
    called: list[int] = []
    with Threads[Any](1) as threads:
        threads.submit(ends.wait)
        dropped = threads.submit(called.append, 1)
        threading.Timer(0.05, ends.set).start()
    assert dropped.cancelled()
    assert not called


def test_a_thread_that_was_never_started_is_not_waited_for() -> None:
    waiting.join(threading.Thread())
