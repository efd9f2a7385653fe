"""Waits for threads in slices of a tenth of a second, so that a signal ends the wait.

CPython runs signal handlers in the main thread, between two bytecodes. A signal that comes after the last bytecode
before a wait, or to another thread, is handled when the wait is over, which may be hours later. So no wait for work is
longer than `SLICE_S`.

Reading from a connection is not sliced. A host is given `Retry.stall_s` to send bytes; the Docker SDK waits for the
engine without a limit. A signal that comes just before such a read is handled with the next bytes.
"""

import contextlib
import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, InvalidStateError, ThreadPoolExecutor, wait
from threading import Thread
from typing import Generic, Self, TypeVar

SLICE_S = 0.1

Value = TypeVar("Value")
Result = TypeVar("Result")


class Threads(Generic[Result]):
    """Runs calls in a few threads. The exit drops calls that have not begun and waits for the others."""

    def __init__(self, at_once: int) -> None:
        """Start no thread before the first call.

        Args:
            at_once: the number of threads.
        """
        self._pool = ThreadPoolExecutor(at_once)
        self._futures: list[Future[Result]] = []

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def submit(self, call: Callable[..., Result], *arguments: object) -> Future[Result]:
        """Return the future of a call."""
        self._futures.append(future := self._pool.submit(call, *arguments))
        return future

    def close(self) -> None:
        """Drop calls that have not begun, and wait for the others."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for _ in completed(each for each in self._futures if not each.done()):
            continue


def completed(futures: Iterable[Future[Result]]) -> Iterator[Future[Result]]:
    """Yield futures as they complete. Each says so itself: looking at all that are left would take long for many."""
    done, left = queue.SimpleQueue[Future[Result]](), 0
    for each in futures:
        each.add_done_callback(done.put)
        left += 1
    while left:
        try:
            yield done.get(timeout=SLICE_S)
        except queue.Empty:
            continue
        left -= 1


def results_together(
    threads: "Threads[None]", call: Callable[[Value], Result], values: Iterable[Value], *, at_once: int
) -> Iterator[list[Result]]:
    """Yield the results of a call for each value as they come, all those of a tenth of a second together.

    Args:
        threads: where the calls run.
        call: what is called. What it raises is raised here, and ends its thread only.
        values: its arguments.
        at_once: the number of threads, each of which takes one value after the other.
    """
    ended, left = deque[Result](), iter(list(values))  # several threads may ask the iterator of a list

    def work() -> None:
        for each in left:
            ended.append(call(each))

    working = {threads.submit(work) for _ in range(at_once)}
    while working:
        done, working = wait(working, SLICE_S, FIRST_EXCEPTION)
        for each in done:
            each.result()
        if batch := [ended.popleft() for _ in range(len(ended))]:
            yield batch


def detached(function: Callable[[], Result]) -> Future[Result]:
    """Call a function in a thread that nothing waits for, not even the end of the process.

    If the future is cancelled, the call goes on and its result is dropped.
    """
    call = Future[Result]()

    def run() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001
            with contextlib.suppress(InvalidStateError):
                call.set_exception(error)
        else:
            with contextlib.suppress(InvalidStateError):
                call.set_result(result)

    Thread(target=run, daemon=True).start()
    return call


def result(future: Future[Result]) -> Result:
    """Return the result of a future, or raise its exception, once there is one."""
    while not future.done():
        wait([future], SLICE_S)
    return future.result()


def mapped(call: Callable[[Value], Result], values: Iterable[Value], *, at_once: int) -> list[Result]:
    """Return the results of a call for each value, in the order of the values; the calls run in threads.

    Args:
        call: what is called.
        values: its arguments.
        at_once: the number of threads.
    """
    with Threads[Result](at_once) as threads:
        return [result(each) for each in [threads.submit(call, value) for value in values]]


def join(thread: Thread) -> None:
    """Wait for the end of a thread; one that an interrupt kept from starting is not waited for."""
    while thread.is_alive():
        thread.join(SLICE_S)
