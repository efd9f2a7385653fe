import threading
from collections.abc import Iterator

import pytest

from harness.cluster.messages import Offer
from harness.cluster.roster import Roster
from harness.cluster.watch import Watch, WorkerGoneError
from harness.core.errors import EngineError
from harness.host.cancel import Cancelled, CancelToken


class Workers:
    """The workers of a cluster, which come and go."""

    def __init__(self) -> None:
        self.there = ["a"]
        self.error: EngineError | None = None
        self.asked = threading.Semaphore(0)

    def roster(self) -> Roster:
        self.asked.release()
        if self.error:
            raise self.error
        return Roster({each: Offer(name=each, version="1", cpu="", slots={}) for each in self.there})


@pytest.fixture
def workers() -> Workers:
    return Workers()


@pytest.fixture
def watch(workers: Workers) -> Iterator[Watch]:
    watch = Watch(workers.roster)
    yield watch
    watch.close()


def test_a_task_whose_worker_is_gone_is_woken(watch: Watch, workers: Workers) -> None:
    workers.there = ["b"]
    with watch.task("a", CancelToken()) as task, pytest.raises(WorkerGoneError):
        task.wait()


def test_a_task_waits_as_long_as_its_worker_is_there(watch: Watch, workers: Workers) -> None:
    with watch.task("a", CancelToken()) as task:
        for _ in range(2):
            workers.asked.acquire()
        task.wake()
        task.wait()


def test_a_scheduler_that_is_gone_wakes_all(watch: Watch, workers: Workers) -> None:
    with watch.task("a", CancelToken()) as task:
        workers.error = EngineError("gone")
        with pytest.raises(EngineError, match="gone"):
            task.wait()


def test_a_task_that_is_cancelled_is_woken_at_once(watch: Watch) -> None:
    cancel = CancelToken()
    with watch.task("a", cancel) as task:
        threading.Timer(0.01, cancel.set).start()
        with pytest.raises(Cancelled):
            task.wait()
