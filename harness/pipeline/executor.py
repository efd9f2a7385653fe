"""Does steps in threads, a limited number at once for each resource. `scheduler` decides which steps, and their order.

A thread that has done a step begins the next one that waits for the resource, so steps that take no time cost no change
of threads.

A benchmark is done while no other step is. Steps that need memory are done at once as far as they are expected to fit
into it. That may be wrong, so one that had too little beside others is done again, alone.
"""

import functools
import heapq
import itertools
import math
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
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
        """Wait for a step to end, and return it with its result; None after the timeout, or if it is done again."""


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
        self._lock = threading.Lock()  # of all that follows
        self._waiting: dict[str, list[tuple[float, int, _Waiting]]] = {}  # heaps, by resource
        self._numbers = itertools.count()
        self._full: set[str] = set()  # the resources whose next step has to wait
        self._short: set[str] = set()  # those where it waits for memory
        self._busy: Counter[str] = Counter()
        self._memory = memory
        self._workers = Workers()
        self._known = {True: (capacity(), time.monotonic())}  # by whether no step needed memory, and when
        self._slots: dict[tuple[tuple[str, ...], str | None], int] = {}  # of the pool, as of then
        self._done: queue.SimpleQueue[tuple[Step, StepResult] | BaseException | None] = queue.SimpleQueue()

    def start(self, step: Step, results: Results, demand: Demand | None = None) -> None:
        """Start a step, or put it into the queue of its resource."""
        waiting = _Waiting(step=step, results=results, demand=demand or Demand(), resource=resource(step))
        with self._lock:
            is_next = self._queue(waiting)
            begun = self._filled([waiting.resource]) if is_next or waiting.resource not in self._full else []
        self._begin(begun)

    def _queue(self, waiting: "_Waiting") -> bool:
        """Put a step into the queue of its resource; return whether it is the next one."""
        entry = (-waiting.demand.rank, next(self._numbers), waiting)  # of equal ranks, the one that came first
        others = self._waiting.setdefault(waiting.resource, [])
        heapq.heappush(others, entry)
        return others[0] is entry

    def next_done(self, timeout_s: float) -> tuple[Step, StepResult] | None:
        """Wait for a step to end. An exception in its thread, which is a bug of the harness, is the step's verdict."""
        try:
            found = self._done.get(timeout=timeout_s)
        except queue.Empty:
            with self._lock:
                begun = self._filled([*self._waiting])
            self._begin(begun)
            return None
        if isinstance(found, BaseException):
            raise found
        return found

    def _filled(self, names: Iterable[str]) -> list["_Waiting"]:
        """Return the steps for which there is room now, and take that. Only these resources have more than before."""
        capacity, is_news = self._now()
        begun: list[_Waiting] = []
        for name in [*self._waiting] if is_news else names:
            self._full.discard(name)
            self._short.discard(name)
            waiting = self._waiting.get(name)
            while waiting and name != _ALONE:
                if not self._takes_room(waiting[0][-1], capacity):
                    self._full.add(name)
                    break
                begun.append(heapq.heappop(waiting)[-1])
        if (alone := self._waiting.get(_ALONE)) and not self._busy.total():
            begun.append(heapq.heappop(alone)[-1])
            self._busy[_ALONE] += 1
        return begun

    def _now(self) -> tuple[Capacity, bool]:
        """Return how much is done at once, and whether that was found out now, because this machine reads files for it.

        Else it is from a moment ago. Where no step needs memory, it is from when none did.
        """
        now_s, is_idle = time.monotonic(), self._memory.is_idle
        known, asked_s = self._known.get(is_idle, (None, 0.0))
        if known is not None and now_s < asked_s + SLICE_S:
            return known, False
        known = self._capacity()
        self._known[is_idle] = known, now_s
        self._slots.clear()
        return known, True

    def _takes_room(self, waiting: "_Waiting", capacity: Capacity) -> bool:
        """Give a step what it needs to begin; return False if it has to wait."""
        at_once = self._at_once(waiting.step, capacity)
        room = at_once if waiting.demand.is_large and capacity.is_one_machine else 1
        if self._busy[_ALONE] or self._busy[waiting.resource] + room > at_once:
            return False
        if waiting.demand.memory_bytes and capacity.memory_bytes is not None:
            waiting.share = self._memory.take(waiting.demand.memory_bytes, capacity.memory_bytes)
            if waiting.share is None:
                self._short.add(waiting.resource)
                return False
        waiting.room = room
        self._busy[waiting.resource] += room
        return True

    def _at_once(self, step: Step, capacity: Capacity) -> int:
        match step:
            case Fetch():
                return capacity.network
            case Compile():
                return capacity.compile
            case Compare() | Draw():
                return capacity.compare
            case Run():
                key = step.devices, step.chip
                if (slots := self._slots.get(key)) is None:
                    slots = self._slots[key] = self._pool.slots(step)
                return slots
            case Benchmark():
                return 1

    def _begin(self, begun: Iterable["_Waiting"]) -> None:
        for each in begun:
            self._workers.do(functools.partial(self._do, each))

    def _do(self, waiting: "_Waiting | None") -> None:
        """Do a step, and then those for which it leaves room; others get the room for which they have no thread."""
        try:
            while waiting:
                begun = self._ended(waiting, self._result(waiting))
                waiting = begun[0] if begun else None
                self._begin(begun[1:])
        except BaseException as bug:  # noqa: BLE001 - `next_done` raises it
            self._done.put(bug)

    def _ended(self, waiting: "_Waiting", result: StepResult) -> list["_Waiting"]:
        """Return what begins in the place of a step; that is done again if it had too little beside others."""
        share = waiting.share
        with self._lock:
            self._busy[waiting.resource] -= waiting.room
            if share:
                self._memory.give_back(share)
            again = share is not None and share.had_company and not self._cancel.is_set() and _says_nothing(result)
            if again:
                self._queue(_alone(waiting, result))
            begun = self._filled(self._freed(waiting))
        if again:
            self._on_again(waiting.step, _reason(result))
        self._done.put(None if again else (waiting.step, _with_note(result, waiting.note)))
        return begun

    def _freed(self, waiting: "_Waiting") -> list[str]:
        """Return the resources for which there is more room once a step has ended."""
        if waiting.resource == _ALONE:
            return [*self._waiting]
        short = self._short if waiting.share else ()
        return [name for name in self._waiting if name == waiting.resource or name in short]

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


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiting:
    """A step that waits for its resource, and the results that it needs.

    Attributes:
        demand: what it asks for.
        resource: the resource.
        note: why it is done again; empty for the first time.
        room: how many steps of its resource it stands for while it is done.
        share: its part of the memory while it is done, if that is limited and it needs some.
    """

    step: Step
    results: Results
    demand: Demand
    resource: str
    note: str = ""
    room: int = 1
    share: Share | None = None


def _alone(waiting: _Waiting, result: StepResult) -> _Waiting:
    """Return a step that had too little beside others, to be done while no other needs memory."""
    demand = replace(waiting.demand, memory_bytes=math.inf)
    return replace(waiting, demand=demand, note=_reason(result), share=None)


def _reason(result: StepResult) -> str:
    """Return why a step is done again."""
    return f"done again, alone, because {result.verdict.reason.partition(';')[0] if result.verdict else ''}"


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
