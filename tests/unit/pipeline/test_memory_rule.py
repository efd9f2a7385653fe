"""Which steps are done at once, by the memory that they are expected to need."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.core.blobs import Fetched, FetchedBlob
from harness.core.history import Cost
from harness.core.statuses import Kind, Status, Verdict
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu
from harness.host.gpu_locks import Pool
from harness.host.process import ProcessResult
from harness.pipeline import estimates
from harness.pipeline.capacity import Capacity
from harness.pipeline.executor import Demand, LocalExecutor
from harness.pipeline.memory_budget import MemoryBudget
from harness.pipeline.step_results import FetchResult, Results, RunResult, StepResult
from harness.pipeline.steps import Compile, Fetch, Run, Step
from tests.patience import IN_PROCESS_S, comes_true
from tests.unit.samples import planned, spec

MIB = 1 << 20
KILLED = Verdict(status=Status.ERROR, kind=Kind.TOOL, reason="killed; try --jobs 1", lacks_memory=True)
WRONG = Verdict(status=Status.FAILED, kind=Kind.COMPILE, reason="wrong")
NOTE = "done again, alone, because killed"


class Machine:
    """Does steps that end when they are let go, each as its `verdicts` say, one for each time."""

    def __init__(self, **verdicts: list[Verdict | None]) -> None:
        self.doing: list[str] = []
        self._verdicts = verdicts
        self._ends: dict[str, threading.Event] = {}

    def run(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:  # noqa: ARG002
        assert isinstance(step, Compile)
        end = self._ends[step.module] = threading.Event()
        self.doing.append(step.module)
        end.wait(IN_PROCESS_S)
        self.doing.remove(step.module)
        said = self._verdicts.get(step.module, [])
        return StepResult(verdict=said.pop(0) if said else None)

    def does(self, names: str) -> bool:
        """Return whether it does just these at some moment."""
        return comes_true(lambda: sorted(self.doing) == [*names])


class Doing:
    """An executor that does nothing but compile, on a machine with so much memory."""

    def __init__(self, machine: Machine, memory_bytes: int | None = 100) -> None:
        self.machine, self.memory_bytes = machine, memory_bytes
        self.told: list[str] = []
        self._executor = LocalExecutor(
            machine,
            lambda: Capacity(compile=9, memory_bytes=self.memory_bytes),
            Pool(()),
            CancelToken(),
            on_again=lambda _, note: self.told.append(note),
            memory=MemoryBudget(),
        )

    def start(self, **needed_bytes: int) -> None:
        """Start compilations, the one with the highest rank first."""
        for rank, (name, needed) in enumerate(needed_bytes.items()):
            step = Compile(release="3.13.0", argv=(), links=(), module=name, products=())
            self._executor.start(step, Results(), Demand(memory_bytes=needed, rank=-rank))

    def end(self, name: str) -> StepResult | None:
        """Let one end, and return its result; None if it will be done again."""
        self.machine._ends[name].set()
        found = None
        assert comes_true(lambda: name not in self.machine.doing)
        for _ in range(3):
            found = found or self._executor.next_done(0.05)
        return found and found[1]


def test_as_many_at_once_as_fit_into_memory_together() -> None:
    doing = Doing(machine := Machine())
    doing.start(a=60, b=40, c=50, d=5)
    assert machine.does("ab")
    doing.end("b")
    assert machine.does("a"), "no later one overtakes c, which would wait for ever"
    doing.end("a")
    assert machine.does("cd")


def test_one_that_fits_nowhere_is_done_alone() -> None:
    doing = Doing(machine := Machine())
    doing.start(a=5, b=1000, c=5)
    assert machine.does("a")
    doing.end("a")
    assert machine.does("b")
    doing.end("b")
    assert machine.does("c")


def test_the_memory_is_looked_at_while_nothing_needs_any() -> None:
    doing = Doing(machine := Machine())
    doing.start(a=60)
    doing.memory_bytes = 40  # what the first one has left
    doing.start(b=40, c=40)
    assert machine.does("ab")
    doing.end("a")
    assert machine.does("bc")


@pytest.mark.parametrize("memory_bytes", [None, 100])
def test_without_a_limit_or_a_need_nothing_waits(memory_bytes: int | None) -> None:
    doing = Doing(machine := Machine(), memory_bytes)
    need = 1000 if memory_bytes is None else 0
    doing.start(a=need, b=need, c=need)
    assert machine.does("abc")


@pytest.mark.parametrize("second", [None, KILLED, WRONG])
def test_one_that_had_too_little_beside_others_is_done_again_alone(second: Verdict | None) -> None:
    doing = Doing(machine := Machine(a=[KILLED, second]))
    doing.start(a=5, b=5, c=100)
    assert machine.does("ab")
    assert doing.end("a") is None
    assert doing.told == [NOTE]
    assert machine.does("b"), "it waits until it is alone"
    doing.end("b")
    assert machine.does("a"), "and nothing begins beside it"
    result = doing.end("a")
    assert result
    assert (result.verdict, result.notes) == (second, (NOTE,))
    assert machine.does("c")
    assert doing.told == [NOTE]


def test_one_that_had_too_little_alone_is_not_done_again() -> None:
    doing = Doing(machine := Machine(a=[KILLED], b=[WRONG]))
    doing.start(a=100, b=5, c=5)
    assert machine.does("a")
    alone = doing.end("a")
    assert alone
    assert (alone.verdict, alone.notes) == (KILLED, ())
    assert machine.does("bc")
    wrong = doing.end("b")
    assert wrong
    assert wrong.verdict == WRONG, "another failure is none of memory"
    assert doing.told == []


@pytest.mark.parametrize(("cpu_seconds", "again"), [(0.1, False), (0.9, True)])
def test_a_run_that_reaches_its_limit_beside_others_is_done_again_unless_it_waited(
    tmp_path: Path, cpu_seconds: float, *, again: bool
) -> None:
    ended = ProcessResult(
        exit_code=None, signal=9, timed_out=True, seconds=10, cpu_seconds=cpu_seconds, peak_memory_bytes=1
    )
    late = Verdict(status=Status.FAILED, kind=Kind.TIMEOUT, reason="killed after 10 s")
    _, run, _ = steps()
    result = RunResult(verdict=late, folder=tmp_path, outputs=(), argv=(), process=ended, free_bytes=1)
    beside, told = threading.Event(), list[str]()

    class Runner:
        def run(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:  # noqa: ARG002
            if step is not run:
                beside.wait(IN_PROCESS_S)
            return result if step is run else StepResult()

    executor = LocalExecutor(
        Runner(),
        lambda: Capacity(memory_bytes=100),
        Pool(()),
        CancelToken(),
        on_again=lambda _, note: told.append(note),
        memory=MemoryBudget(),
    )
    other = Compile(release="3.13.0", argv=(), links=(), module="a", products=())
    for step in (other, run):
        executor.start(step, Results(), Demand(memory_bytes=1))
    first = executor.next_done(IN_PROCESS_S)
    assert (first is None) is again
    beside.set()
    assert len([done for done in (executor.next_done(IN_PROCESS_S) for _ in range(1 + again)) if done]) == 1 + again
    assert told == ["done again, alone, because killed after 10 s"] * again


def steps() -> tuple[Compile, Run, Results]:
    """Return steps of a case, and what they need: files of 1 MiB."""
    plan = planned()
    results = Results()
    for step in plan.steps:
        if isinstance(step, Fetch):
            blob = FetchedBlob(url=step.blob.url, sha256="a", bytes=MIB)
            results[step] = FetchResult(fetched=Fetched(path=Path(), blob=blob, seconds=0))
    return (
        next(step for step in plan.steps if isinstance(step, Compile)),
        next(step for step in plan.steps if isinstance(step, Run)),
        results,
    )


def test_memory_is_expected_as_it_was_or_else_by_size() -> None:
    compile_, run, results = steps()
    known = Cost(compile_memory_bytes=100, peak_memory_bytes=1000)
    assert estimates.memory_bytes(compile_, [Cost()], results) == 1024 * MIB + 32 * MIB
    assert estimates.memory_bytes(compile_, [Cost(), known, Cost(compile_memory_bytes=50)], results) == 110
    assert estimates.memory_bytes(run, [Cost()], results) == 256 * MIB + 2 * MIB
    assert estimates.memory_bytes(run, [known], results) == 1100
    assert estimates.is_large(run, Cost(run_seconds=11), results)
    assert not estimates.is_large(run, Cost(run_seconds=9), results)
    assert not estimates.is_large(run, Cost(), results)
    assert not estimates.is_large(compile_, Cost(run_seconds=11), results)
    on_gpu = next(step for step in planned(spec(devices=("hip",))).steps if isinstance(step, Run))
    assert estimates.memory_bytes(on_gpu, [known], results) == 0
    assert not estimates.is_large(on_gpu, Cost(run_seconds=11), results)
    fetch = next(iter(results))
    assert estimates.memory_bytes(fetch, [known], results) == 0
