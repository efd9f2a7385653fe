"""Does steps in threads, a limited number at once for each resource. `scheduler` decides which steps, and their order.

A benchmark is done while no other step is. Steps that need memory are done at once as far as they are expected to fit
into it. That may be wrong, so one that had too little beside others is done again, alone.
"""

import functools
import heapq
import itertools
import math
import queue
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import msgspec

from harness.core.callbacks import ignore
from harness.core.statuses import Kind, Verdict
from harness.core.values import frozen
from harness.host.cancel import Cancelled, CancelToken
from harness.host.waiting import SLICE_S
from harness.pipeline import estimates, internal, memory_budget, one_step
from harness.pipeline.capacity import Capacity, DevicePool
from harness.pipeline.memory_budget import MemoryBudget, Share
from harness.pipeline.step_results import INTERRUPTED, Results, RunResult, StepResult
from harness.pipeline.step_runner import StepRunner
from harness.pipeline.steps import Benchmark, Compare, Compile, Draw, Fetch, Run, Step
from harness.pipeline.workers import Workers


@frozen
class Demand:
    """What a step asks of an executor.

    Attributes:
        rank: of the steps that wait for one resource, that with the highest rank is next.
        memory_bytes: how much memory of this machine it is expected to need; 0 for little.
        is_large: whether it has its resource for itself, however many others would have room there.
    """

    rank: float = 0.0
    memory_bytes: float = 0
    is_large: bool = False


class Executor(Protocol):
    """Does steps, a limited number at once for each resource."""

    def start(self, step: Step, results: Results, demand: Demand | None = None) -> None:
        """Start a step whose needs are among the results; of those that wait, the one with the highest rank is next."""

    def next_done(self, timeout_s: float) -> tuple[Step, StepResult] | None:
        """Wait for a step to end, and return it with its result; None after the timeout."""


_ALONE = "the machine"
_WORKING = 0.05  # share of its time in which a program that is slow uses a core; one that hangs waits


def resource(step: Step) -> str:
    """Return the resource that a step uses."""
    match step:
        case Fetch():
            return "network"
        case Compile():
            return "compile"
        case Run():
            drivers = dict.fromkeys(each.partition("://")[0] for each in step.devices)
            return "cpu" if estimates.is_on_cpu(step) else " ".join(["device", *drivers, step.chip or ""]).rstrip()
        case Compare() | Draw():
            return "compare"
        case Benchmark():
            return _ALONE


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
        on_again: Callable[[Step, str], None] = ignore,
        memory: MemoryBudget = memory_budget.HERE,
    ) -> None:
        """Prepare; nothing starts yet.

        Args:
            runner: does each step.
            capacity: returns how much is done at once; asked again and again, for it may change.
            pool: the devices of runs.
            cancel: ends the wait for devices.
            on_running: called in any thread when a step has its resource and begins.
            on_again: called with the reason when a step will be done again.
            memory: the memory that steps share.
        """
        self._on_running, self._on_again = on_running, on_again
        self._runner, self._capacity, self._pool, self._cancel = runner, capacity, pool, cancel
        self._waiting: dict[str, list[_Waiting]] = {}
        self._numbers = itertools.count()
        self._busy: Counter[str] = Counter()
        self._memory = memory
        self._workers = Workers()
        self._known = {True: (capacity(), time.monotonic())}  # by whether no step needed memory, and when
        self._done: queue.SimpleQueue[tuple[_Waiting, StepResult]] = queue.SimpleQueue()

    def start(self, step: Step, results: Results, demand: Demand | None = None) -> None:
        """Start a step, or put it into the queue of its resource."""
        self._queue(_Waiting(demand=demand or Demand(), number=next(self._numbers), step=step, results=results))
        self._fill()

    def _queue(self, waiting: "_Waiting") -> None:
        heapq.heappush(self._waiting.setdefault(resource(waiting.step), []), waiting)

    def next_done(self, timeout_s: float) -> tuple[Step, StepResult] | None:
        """Wait for a step to end. An exception in its thread, which is a bug of the harness, is the step's verdict."""
        try:
            waiting, result = self._done.get(timeout=timeout_s)
        except queue.Empty:
            self._fill()
            return None
        self._busy[resource(waiting.step)] -= waiting.room
        had_company = waiting.share is not None and waiting.share.had_company
        if again := had_company and not self._cancel.is_set() and _says_nothing(result):
            self._queue(self._alone(waiting, result))
        self._fill()
        return None if again else (waiting.step, _with_note(result, waiting.note))

    def _alone(self, waiting: "_Waiting", result: StepResult) -> "_Waiting":
        """Return a step that had too little beside others, to be done while no other needs memory."""
        reason = result.verdict.reason.partition(";")[0] if result.verdict else ""
        note = f"done again, alone, because {reason}"
        self._on_again(waiting.step, note)
        return replace(waiting, demand=replace(waiting.demand, memory_bytes=math.inf), note=note)

    def _fill(self) -> None:
        """Begin the steps for which there is room."""
        capacity = self._now()
        alone = self._waiting.get(_ALONE)
        for name, waiting in self._waiting.items():
            while waiting and name != _ALONE and (next_one := self._with_room(name, waiting[0], capacity)):
                heapq.heappop(waiting)
                self._begin(next_one)
        if alone and not self._busy.total():
            self._begin(heapq.heappop(alone))

    def _now(self) -> Capacity:
        """Return how much is done at once now, or was a moment ago, because this machine reads files for it.

        Where no step needs memory, it is from when none did.
        """
        now_s, is_idle = time.monotonic(), self._memory.is_idle
        known, asked_s = self._known.get(is_idle, (None, 0.0))
        if known is None or now_s >= asked_s + SLICE_S:
            known = self._capacity()
            self._known[is_idle] = known, now_s
        return known

    def _with_room(self, name: str, waiting: "_Waiting", capacity: Capacity) -> "_Waiting | None":
        """Return a step with what it needs to begin, or None if it has to wait."""
        at_once = self._at_once(waiting.step, capacity)
        room = at_once if waiting.demand.is_large and capacity.is_one_machine else 1
        if self._busy[_ALONE] or self._busy[name] + room > at_once:
            return None
        share = None
        if waiting.demand.memory_bytes and capacity.memory_bytes is not None:
            share = self._memory.take(waiting.demand.memory_bytes, capacity.memory_bytes)
            if share is None:
                return None
        return waiting if room == 1 and share is None else replace(waiting, room=room, share=share)

    def _at_once(self, step: Step, capacity: Capacity) -> int:
        match step:
            case Fetch():
                return capacity.network
            case Compile():
                return capacity.compile
            case Compare() | Draw():
                return capacity.compare
            case Run():
                return self._pool.slots(step)
            case Benchmark():
                return 1

    def _begin(self, waiting: "_Waiting") -> None:
        self._busy[resource(waiting.step)] += waiting.room
        self._workers.do(functools.partial(self._do, waiting))

    def _do(self, waiting: "_Waiting") -> None:
        result = self._result(waiting)
        if waiting.share:
            self._memory.give_back(waiting.share)
        self._done.put((waiting, result))

    def _result(self, waiting: "_Waiting") -> StepResult:
        try:
            return one_step.result_of(
                waiting.step,
                waiting.results,
                runner=self._runner,
                pool=self._pool,
                cancel=self._cancel,
                on_running=self._on_running,
            )
        except Cancelled:
            return StepResult(verdict=INTERRUPTED)
        except BaseException as bug:  # noqa: BLE001 - it is the error of the cases that need this step
            return StepResult(verdict=internal.verdict(bug))


@frozen
class _Waiting:
    """A step that waits for its resource, and the results that it needs.

    Attributes:
        demand: what it asks for.
        number: the order in which steps came, which decides between equal ranks.
        note: why it is done again; empty for the first time.
        room: how many steps of its resource it stands for while it is done.
        share: its part of the memory while it is done, if that is limited and it needs some.
    """

    demand: Demand
    number: int
    step: Step
    results: Results
    note: str = ""
    room: int = 1
    share: Share | None = None

    def __lt__(self, other: "_Waiting") -> bool:
        return (-self.demand.rank, self.number) < (-other.demand.rank, other.number)


def _says_nothing(result: StepResult) -> bool:
    """Whether a step beside others may have had too little of the machine: memory, or time on its cores."""
    match result:
        case StepResult(verdict=None):
            return False
        case RunResult(verdict=Verdict(kind=Kind.TIMEOUT), process=ended):
            return ended.cpu_seconds > _WORKING * ended.seconds
        case StepResult(verdict=Verdict(lacks_memory=lacks)):
            return lacks
    return False


def _with_note(result: StepResult, note: str) -> StepResult:
    return msgspec.structs.replace(result, notes=(*result.notes, note)) if note else result
