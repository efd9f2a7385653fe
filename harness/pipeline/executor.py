"""Does steps in threads, a limited number at once for each resource. `scheduler` decides which steps, and their order.

A benchmark is done while no other step is.
"""

import heapq
import itertools
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import msgspec

from harness.core.callbacks import ignore
from harness.core.errors import DeviceError
from harness.core.statuses import Status, Verdict
from harness.host.devices import Gpu
from harness.host.process import Cancelled, CancelToken
from harness.pipeline import internal
from harness.pipeline.capacity import Capacity, DevicePool
from harness.pipeline.step_results import INTERRUPTED, Results, StepResult
from harness.pipeline.step_runner import StepRunner
from harness.pipeline.steps import Benchmark, Compare, Compile, Draw, Fetch, Run, Step


class Executor(Protocol):
    """Does steps, a limited number at once for each resource."""

    def start(self, step: Step, results: Results, *, rank: float = 0.0) -> None:
        """Start a step whose needs are among the results; of those that wait, the one with the highest rank is next."""

    def next_done(self, timeout_s: float) -> tuple[Step, StepResult] | None:
        """Wait for a step to end, and return it with its result; None after the timeout."""


_ALONE = "the machine"


def resource(step: Step) -> str:
    """Return the resource that a step uses."""
    match step:
        case Fetch():
            return "network"
        case Compile():
            return "compile"
        case Run():
            drivers = dict.fromkeys(each.partition("://")[0] for each in step.devices)
            return f"device {' '.join(drivers)}"
        case Compare() | Draw():
            return "compare"
        case Benchmark():
            return _ALONE


def result_of(
    step: Step,
    results: Results,
    *,
    runner: StepRunner,
    pool: DevicePool,
    cancel: CancelToken,
    on_running: Callable[[Step], None] = ignore,
) -> StepResult:
    """Do a step; a run gets the GPUs that it needs, and an error if there are too few.

    Raises:
        Cancelled: `cancel` was set before enough GPUs were free.
    """
    try:
        with _claimed(step, pool, cancel) as gpus:
            if not cancel.is_set():
                on_running(step)
            began, clock_s = time.time(), time.monotonic()
            result = runner.run(step, results, gpus)
            held_s = time.monotonic() - clock_s
            return msgspec.structs.replace(result, began=began, held_s=held_s, resource=_used(step, gpus))
    except DeviceError as error:
        return StepResult(verdict=Verdict(status=Status.ERROR, kind=error.kind, reason=str(error)))


def _used(step: Step, gpus: Sequence[Gpu]) -> str:
    """Return what results call that which a step used."""
    match step:
        case Fetch():
            return "network"
        case Compile():
            return "compiler"
        case Run() | Benchmark():
            return ", ".join(f"gpu {gpu.index}" for gpu in gpus) or "cpu"
        case Compare() | Draw():
            return "compare"


def _claimed(step: Step, pool: DevicePool, cancel: CancelToken) -> AbstractContextManager[Sequence[Gpu]]:
    match step:
        case Run():
            return pool.claim(step, cancel)
        case Benchmark():
            return pool.claim_for_benchmark(step.run, cancel)
        case _:
            return nullcontext(())


class LocalExecutor:
    """Does steps in threads of this process. They are daemon threads, so none delays the end of the harness."""

    def __init__(
        self,
        runner: StepRunner,
        capacity: Callable[[], Capacity],
        pool: DevicePool,
        cancel: CancelToken,
        *,
        on_running: Callable[[Step], None] = ignore,
    ) -> None:
        """Prepare; nothing starts yet.

        Args:
            runner: does each step.
            capacity: returns how much is done at once; asked again and again, for it may change.
            pool: the devices of runs.
            cancel: ends the wait for devices.
            on_running: called in any thread when a step has its resource and begins.
        """
        self._on_running = on_running
        self._runner, self._capacity, self._pool, self._cancel = runner, capacity, pool, cancel
        self._waiting: dict[str, list[_Waiting]] = {}
        self._numbers = itertools.count()
        self._busy: Counter[str] = Counter()
        self._done: queue.SimpleQueue[tuple[Step, StepResult]] = queue.SimpleQueue()

    def start(self, step: Step, results: Results, *, rank: float = 0.0) -> None:
        """Start a step, or put it into the queue of its resource."""
        waiting = _Waiting(rank=rank, number=next(self._numbers), step=step, results=results)
        heapq.heappush(self._waiting.setdefault(resource(step), []), waiting)
        self._fill()

    def next_done(self, timeout_s: float) -> tuple[Step, StepResult] | None:
        """Wait for a step to end. An exception in its thread, which is a bug of the harness, is the step's verdict."""
        try:
            done = self._done.get(timeout=timeout_s)
        except queue.Empty:
            done = None
        if done:
            self._busy[resource(done[0])] -= 1
        self._fill()
        return done

    def _fill(self) -> None:
        """Begin the steps for which there is room."""
        capacity = self._capacity()
        alone = self._waiting.get(_ALONE)
        for name, waiting in self._waiting.items():
            while waiting and name != _ALONE and self._has_room(name, waiting[0].step, capacity):
                self._begin(heapq.heappop(waiting))
        if alone and not self._busy.total():
            self._begin(heapq.heappop(alone))

    def _has_room(self, name: str, step: Step, capacity: Capacity) -> bool:
        return not self._busy[_ALONE] and self._busy[name] < self._at_once(step, capacity)

    def _at_once(self, step: Step, capacity: Capacity) -> int:
        match step:
            case Fetch():
                return capacity.network
            case Compile():
                return capacity.compile
            case Compare() | Draw():
                return capacity.compare
            case Run():
                return self._pool.slots(step.devices)
            case Benchmark():
                return 1

    def _begin(self, waiting: "_Waiting") -> None:
        self._busy[resource(waiting.step)] += 1
        threading.Thread(target=self._do, args=(waiting.step, waiting.results), daemon=True).start()

    def _do(self, step: Step, results: Results) -> None:
        try:
            result = result_of(
                step,
                results,
                runner=self._runner,
                pool=self._pool,
                cancel=self._cancel,
                on_running=self._on_running,
            )
            self._done.put((step, result))
        except Cancelled:
            self._done.put((step, StepResult(verdict=INTERRUPTED)))
        except BaseException as bug:  # noqa: BLE001 - it is the error of the cases that need this step
            self._done.put((step, StepResult(verdict=internal.verdict(bug))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A step that waits for its resource, and the results that it needs.

    Attributes:
        rank: the highest one is next.
        number: the order in which steps came, which decides between equal ranks.
    """

    rank: float
    number: int
    step: Step
    results: Results

    def __lt__(self, other: "_Waiting") -> bool:
        return (-self.rank, self.number) < (-other.rank, other.number)
