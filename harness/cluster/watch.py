"""Looks, once a second for all tasks together, whether the workers that do them are still there."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from harness.cluster.roster import Roster
from harness.core.errors import NoVerdictError
from harness.host.cancel import Cancelled, CancelToken

_LOOK_S = 1.0


class WorkerGoneError(Exception):
    """The worker that did a task is not there any more."""


@dataclass(eq=False, slots=True, kw_only=True)
class Task:
    """A task that a worker does.

    Attributes:
        worker: the address of the worker.
        cancel: stops it.
        error: why it will not end; None if it may.
    """

    worker: str
    cancel: CancelToken
    error: Exception | None = None
    _woken: threading.Event = field(default_factory=threading.Event)

    def wake(self) -> None:
        """Wake the thread that waits: the task has ended, is cancelled, or will not end."""
        self._woken.set()

    def check(self) -> None:
        """Raise what keeps the task from its end."""
        if self.cancel.is_set():
            raise Cancelled
        if self.error:
            raise self.error

    def wait(self) -> None:
        """Wait until the task has ended.

        Raises:
            Cancelled: `cancel` was set.
            WorkerGoneError: the worker is gone.
            EngineError: the scheduler is gone.
        """
        self._woken.wait()
        self.check()


class Watch:
    """Wakes tasks whose worker is gone."""

    def __init__(self, roster: Callable[[], Roster]) -> None:
        """Begin to look; `roster` returns the workers that are there."""
        self._roster, self._lock, self._closed = roster, threading.Lock(), threading.Event()
        self._tasks: dict[Task, None] = {}
        threading.Thread(target=self._look, daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()

    @contextlib.contextmanager
    def task(self, worker: str, cancel: CancelToken) -> Iterator[Task]:
        """Yield a task that is woken if its worker goes, or if it is cancelled."""
        task = Task(worker=worker, cancel=cancel)
        with self._lock:
            self._tasks[task] = None
        try:
            with cancel.calling(task.wake):
                yield task
        finally:
            with self._lock:
                del self._tasks[task]

    def _look(self) -> None:
        while not self._closed.wait(_LOOK_S):
            with self._lock:
                tasks = list(self._tasks)
            for task in tasks:
                task.error = self._problem(task.worker)
                if task.error:
                    task.wake()

    def _problem(self, worker: str) -> Exception | None:
        """Return why tasks of a worker will not end: it is gone, or the scheduler is."""
        try:
            return None if worker in self._roster().offers else WorkerGoneError(worker)
        except NoVerdictError as error:
            return error
