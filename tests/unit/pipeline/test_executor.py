import dataclasses
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.core.blobs import Blob
from harness.core.statuses import Kind, Phase, Status
from harness.core.tensors import Thresholds
from harness.core.values import frozen
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu
from harness.host.gpu_locks import GpuRun, Pool
from harness.pipeline.capacity import Capacity
from harness.pipeline.executor import Demand, LocalExecutor, resource
from harness.pipeline.memory_budget import MemoryBudget
from harness.pipeline.scheduler import PlanRun
from harness.pipeline.step_results import Results, StepResult
from harness.pipeline.step_runner import ToolStepRunner
from harness.pipeline.steps import Benchmark, Compare, Compile, Fetch, Run, Step
from tests.patience import IN_PROCESS_S, comes_true
from tests.unit import kfd
from tests.unit.executors import Heard, steps
from tests.unit.samples import planned, spec


@frozen
class Counting(ToolStepRunner):
    """Counts how many steps of a resource are done at once, and at most were; none ends before `go`, or `timed`."""

    busy: Counter[str] = dataclasses.field(default_factory=Counter)
    most: Counter[str] = dataclasses.field(default_factory=Counter)
    mutex: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    go: threading.Event = dataclasses.field(default_factory=threading.Event)
    timed: threading.Event = dataclasses.field(default_factory=threading.Event)  # of benchmarks

    def run(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:  # noqa: ARG002
        name = resource(step)
        with self.mutex:
            self.busy[name] += 1
            self.most[name] = max(self.most[name], self.busy[name])
        (self.timed if isinstance(step, Benchmark) else self.go).wait(IN_PROCESS_S)
        with self.mutex:
            self.busy[name] -= 1
        return StepResult()


def fetch(name: str) -> Fetch:
    return Fetch(blob=Blob(url=f"https://host/{name}"))


def compile_(name: str) -> Compile:
    return Compile(release="3.13.0", argv=(name,), links=(), module=name, products=())


def run(name: str, device: str, chip: str | None = None) -> Run:
    none: dict[str, Any] = {"links": (), "inputs": (), "compiles": (), "outputs": ()}
    return Run(case_id=name, argv=(), devices=(device,), chip=chip, **none)


def test_as_many_at_once_as_a_resource_has_slots_and_one_for_each_device(tmp_path: Path) -> None:
    runner: Any = steps(tmp_path, program=str(tmp_path / "nowhere"), kind=Counting)
    executor = LocalExecutor(runner, lambda: Capacity(network=3, compile=2), Pool(()), CancelToken())
    names = [f"{number}" for number in range(6)]
    wanted: list[Step] = [*map(fetch, names), *map(compile_, names)]
    wanted += [run(name, device) for name in names for device in ("hip", "hip://0", "cuda")]
    for step in wanted:
        executor.start(step, Results())
    slots = {"network": 3, "compile": 2, "device hip": 1, "device cuda": 1}
    assert comes_true(lambda: runner.busy == slots)
    runner.go.set()
    done = [executor.next_done(IN_PROCESS_S) for _ in wanted]
    assert {each[0] for each in done if each} == set(wanted)
    assert runner.most == slots
    assert executor.next_done(0.01) is None


def test_of_those_that_wait_the_highest_rank_is_next(tmp_path: Path) -> None:
    runner: Any = steps(tmp_path, program=str(tmp_path / "nowhere"), kind=Counting)
    told = list[Step]()
    executor = LocalExecutor(runner, Capacity, Pool(()), CancelToken(), on_running=told.append)
    ranks = {"a": 0.0, "b": 1.0, "c": 2.0, "d": 1.0, "e": 3.0}
    for name, rank in ranks.items():
        executor.start(compile_(name), Results(), Demand(rank=rank))
    runner.go.set()
    for _ in ranks:
        assert executor.next_done(IN_PROCESS_S)
    assert told == [*map(compile_, "aecbd")], "the first began at once; of equal ranks, the one that came first"


def test_what_can_be_done_at_once_may_grow_and_shrink(tmp_path: Path) -> None:
    runner: Any = steps(tmp_path, program=str(tmp_path / "nowhere"), kind=Counting)
    at_once = [1]
    executor = LocalExecutor(runner, lambda: Capacity(compile=at_once[-1]), Pool(()), CancelToken())
    for name in "abcde":
        executor.start(compile_(name), Results())
    assert comes_true(lambda: runner.busy == {"compile": 1})
    at_once.append(3)
    assert comes_true(lambda: executor.next_done(0.01) or runner.busy == {"compile": 3})
    at_once.append(2)
    assert executor.next_done(0.2) is None
    assert runner.busy == {"compile": 3}, "what has begun is done"
    runner.go.set()
    assert [executor.next_done(IN_PROCESS_S) is not None for _ in "abcde"] == [True] * 5
    assert runner.most == {"compile": 3}


def test_comparisons_hold_no_device_and_are_several_at_once(tmp_path: Path) -> None:
    runner: Any = steps(tmp_path, program=str(tmp_path / "nowhere"), kind=Counting)
    executor = LocalExecutor(runner, lambda: Capacity(compare=2), Pool(()), CancelToken())
    for name in "abc":
        executor.start(Compare(run=run(name, "hip"), thresholds=Thresholds()), Results())
    executor.start(run("d", "hip"), Results())
    assert comes_true(lambda: runner.busy == {"compare": 2, "device hip": 1})
    runner.go.set()
    assert all(executor.next_done(IN_PROCESS_S) for _ in "abcd")


def test_runs_wait_for_gpus_of_their_chip_and_not_behind_those_for_another(tmp_path: Path) -> None:
    runner: Any = steps(tmp_path, program=str(tmp_path / "nowhere"), kind=Counting)
    gpus = [kfd.gpu(0, chip="gfx942"), kfd.gpu(1, chip="gfx942"), kfd.gpu(2, chip="gfx90a")]
    for each in gpus:
        kfd.write(tmp_path, each.node.lstrip("/"), "")
    executor = LocalExecutor(runner, Capacity, Pool(gpus, root=tmp_path), CancelToken())
    for name in "abcd":
        executor.start(run(name, "hip", "gfx90a"), Results())
    executor.start(run("e", "hip", "gfx942"), Results())
    executor.start(run("f", "hip", "gfx942"), Results())
    assert comes_true(lambda: runner.busy == {"device hip gfx90a": 1, "device hip gfx942": 2})
    runner.go.set()
    assert all(executor.next_done(IN_PROCESS_S) for _ in "abcdef")
    assert runner.most == {"device hip gfx90a": 1, "device hip gfx942": 2}


class Devices(Pool):
    """As many runs on any device at once."""

    def slots(self, run: GpuRun) -> int:  # noqa: ARG002
        return 3


def test_small_runs_on_the_cpu_share_it_and_a_large_one_has_it_for_itself(tmp_path: Path) -> None:
    runner: Any = steps(tmp_path, program=str(tmp_path / "nowhere"), kind=Counting)
    told = list[Step]()
    executor = LocalExecutor(runner, Capacity, Devices(()), CancelToken(), on_running=told.append)
    runs = [run(name, device) for name, device in zip("abcde", ["local-task", "local-sync"] * 3, strict=False)]
    for number, step in enumerate(runs):
        executor.start(step, Results(), Demand(rank=-number, is_large=number == 2))
    assert comes_true(lambda: runner.busy == {"cpu": 2})
    runner.go.set()
    done = [executor.next_done(IN_PROCESS_S) for _ in runs]
    assert len({step for step, _ in filter(None, done)}) == 5
    assert told.index(runs[2]) == 2
    assert runner.most == {"cpu": 2}, "it waited for those before it, and those after it waited"


def test_a_step_is_told_when_it_has_its_resource_and_never_after_a_stop(tmp_path: Path) -> None:
    runner: Any = steps(tmp_path, program=str(tmp_path / "nowhere"), kind=Counting)
    cancel, told = CancelToken(), list[Step]()
    executor = LocalExecutor(runner, Capacity, Pool(()), cancel, on_running=told.append)
    first, second, third = map(compile_, "abc")
    for step in (first, second, third):
        executor.start(step, Results())
    assert comes_true(lambda: runner.busy == {"compile": 1})
    assert told == [first]
    cancel.set()
    runner.go.set()
    ended = [executor.next_done(IN_PROCESS_S) for _ in range(3)]
    assert [step for step, _ in filter(None, ended)] == [first, second, third]
    assert told == [first]


def test_a_step_that_waits_begins_when_another_ends_whether_or_not_anybody_asks(tmp_path: Path) -> None:
    runner: Any = steps(tmp_path, program=str(tmp_path / "nowhere"), kind=Counting)
    told = list[Step]()
    executor = LocalExecutor(runner, Capacity, Pool(()), CancelToken(), on_running=told.append)
    wanted = [*map(compile_, "abc")]
    for step in wanted:
        executor.start(step, Results())
    runner.go.set()
    assert comes_true(lambda: told == wanted)
    assert [step for step, _ in filter(None, (executor.next_done(IN_PROCESS_S) for _ in wanted))] == wanted


def test_a_bug_of_the_executor_is_raised_where_the_next_step_is_waited_for(tmp_path: Path) -> None:
    runner: Any = steps(tmp_path, program=str(tmp_path / "nowhere"), kind=Counting)
    limits = [Capacity()]
    executor = LocalExecutor(runner, limits.pop, Pool(()), CancelToken(), memory=MemoryBudget())
    executor._known.clear()
    limits.append(Capacity())
    executor.start(compile_("a"), Results())
    executor._known.clear()
    runner.go.set()
    with pytest.raises(IndexError):
        executor.next_done(IN_PROCESS_S)


def test_a_bug_in_a_step_is_the_error_of_its_case(tmp_path: Path) -> None:
    executor = LocalExecutor(steps(tmp_path, program=str(tmp_path / "nowhere")), Capacity, Pool(()), CancelToken())
    step = planned().steps[1]
    assert isinstance(step, Compile)
    executor.start(step, Results())  # without the blobs that it needs
    done = executor.next_done(IN_PROCESS_S)
    assert done is not None
    assert done[1].verdict is not None
    assert done[1].verdict.kind is Kind.INTERNAL
    assert "a bug of the harness: KeyError: " in done[1].verdict.reason
    assert "(pipeline/step_results.py:" in done[1].verdict.reason
    assert done[1].verdict.details.startswith("Traceback (most recent call last):")


def test_a_plan_done_by_threads(tmp_path: Path) -> None:
    (tmp_path / "there.mlir").write_text("module {}")
    here = {name: Blob(url=(tmp_path / f"{name}.mlir").as_uri()) for name in ("there", "gone")}
    plans = [
        planned(spec(submodel="a", mlir=here["gone"])),
        planned(spec(submodel="b", mlir=here["there"], compile_only=True)),
    ]
    heard = Heard()
    executor = LocalExecutor(steps(tmp_path, program=str(tmp_path / "nowhere")), Capacity, Pool(()), CancelToken())
    PlanRun(plans, executor, heard, out_dir=tmp_path / "out", cancel=CancelToken()).run()
    found = {each.submodel: (each.status, each.kind, each.phase) for each in heard.cases}
    assert found == {
        "a": (Status.ERROR, Kind.FETCH, Phase.FETCH),
        "b": (Status.ERROR, Kind.TOOL, Phase.COMPILE),
    }


def test_a_run_that_needs_more_gpus_than_there_are_is_an_error(tmp_path: Path) -> None:
    runner: Any = steps(tmp_path, program=str(tmp_path / "nowhere"), kind=Counting)
    executor = LocalExecutor(runner, Capacity, Pool([kfd.gpu(0)]), CancelToken())
    step = run("a", "hip://1")
    executor.start(step, Results())
    ended = executor.next_done(IN_PROCESS_S)
    assert ended
    assert ended[1].verdict
    assert (ended[1].verdict.status, ended[1].verdict.kind) == (Status.ERROR, Kind.DEVICE)
    assert not runner.most


def test_a_benchmark_waits_for_all_other_steps_and_lets_none_begin(tmp_path: Path) -> None:
    runner: Any = steps(tmp_path, program=str(tmp_path / "nowhere"), kind=Counting)
    executor = LocalExecutor(runner, lambda: Capacity(compile=2), Pool(()), CancelToken())
    timed = Benchmark(run=run("a", "local-task"), argv=())
    compiles = [compile_("a"), compile_("b")]
    for step in (compiles[0], timed, compiles[1]):
        executor.start(step, Results())
    assert comes_true(lambda: runner.busy == {"compile": 2})
    runner.go.set()
    assert comes_true(lambda: runner.busy[resource(timed)] == 1)
    executor.start(compile_("c"), Results())
    assert runner.busy.total() == 1
    runner.timed.set()
    done = [executor.next_done(IN_PROCESS_S) for _ in range(4)]
    assert [step for step, _ in filter(None, done)][2:] == [timed, compile_("c")]
