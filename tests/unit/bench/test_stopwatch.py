"""The order of rounds, and when they end. What does the benchmarks is a stand-in; test_bench.py has the real one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.bench.stopwatch import Stopwatch, TimedSide, timed_side
from harness.core.callbacks import ignore
from harness.core.settings import BenchSettings
from harness.core.statuses import Kind, Status, Verdict
from harness.core.timings import Timing
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu
from harness.host.gpu_locks import Pool
from harness.pipeline.options import Options
from harness.pipeline.prepared import Prepared
from harness.pipeline.step_results import BenchmarkResult, Results, StepResult
from harness.pipeline.steps import Step
from tests.unit.bench.timed import latency
from tests.unit.samples import planned

PLAN = planned(options=Options(timing=Timing()))
BROKEN = Verdict(status=Status.FAILED, kind=Kind.CRASH, reason="broken")
UNUSED: dict[str, Any] = {"steps": None, "python": None, "options": None}  # a benchmark takes none of them


@dataclass
class Runner:
    """Does benchmarks of one side, and remembers in what order they were done."""

    side: int
    order: list[int]
    times_ms: Sequence[float] = (1.0,)
    fails_at: int = 1000
    done: int = field(default=0)

    def run(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:  # noqa: ARG002
        """Return the next time, or a failure."""
        self.order.append(self.side)
        self.done += 1
        if self.done > self.fails_at:
            return StepResult(verdict=BROKEN)
        time_ms = self.times_ms[self.done % len(self.times_ms)]
        return BenchmarkResult(latency=latency(time_ms), cpu_time=latency(2 * time_ms), busy=0.1 * self.side)


def sides(*runners: Runner) -> list[TimedSide]:
    """Return the sides of a benchmark that these runners do."""
    found = []
    for runner in runners:
        results = Results({PLAN.steps[-1]: BenchmarkResult(latency=latency(1), cpu_time=latency(1), busy=0.0)})
        prepared = Prepared(plans={PLAN.case.id: PLAN}, results=results, runner=runner, pool=Pool(()), **UNUSED)
        side = timed_side(prepared, PLAN.case.id, CancelToken())
        assert side
        found.append(side)
    return found


def test_each_round_begins_with_the_other_side_and_steady_times_need_ten() -> None:
    order: list[int] = []
    watch, told = Stopwatch(bench=BenchSettings()), list[str]()
    watch.run(sides(Runner(0, order, [2.0]), Runner(1, order)), told.append)
    assert order == [0, 1, 1, 0] * 5
    assert [[each.median_ms for each in round_.times] for round_ in watch.rounds] == [[2.0, 1.0]] * 10
    assert {each.busy for each in watch.rounds} == {0.1}
    assert (told[0], told[-1]) == ("1 round, too few for an interval", "10 rounds, +-0.0 %")
    assert not watch.failures


def test_the_end_of_the_time_ends_it_after_at_least_one_round() -> None:
    watch = Stopwatch(bench=BenchSettings(seconds=0))
    watch.run(sides(Runner(0, [])), ignore)
    assert len(watch.rounds) == 1


def test_noise_needs_more_rounds() -> None:
    watch = Stopwatch(bench=BenchSettings(precision=0.2))
    watch.run(sides(Runner(0, [], [1.0, 1.5, 0.7])), ignore)
    assert len(watch.rounds) > 10


def test_a_failure_ends_it_and_names_its_side() -> None:
    watch = Stopwatch(bench=BenchSettings())
    watch.run(sides(Runner(0, []), Runner(1, [], fails_at=3)), ignore)
    assert watch.failures == {1: BROKEN}
    assert len(watch.rounds) == 3


def test_cpu_time_is_compared_where_it_is_asked_for() -> None:
    watch = Stopwatch(bench=BenchSettings(measure="cpu", seconds=0))
    watch.run(sides(Runner(0, [])), ignore)
    assert watch.rounds[0].times == (latency(2.0),)


def test_a_case_that_was_not_timed_when_it_was_checked_is_not_timed() -> None:
    none: dict[str, Any] = {"plans": {PLAN.case.id: PLAN}, "runner": Runner(0, []), "pool": Pool(()), **UNUSED}
    assert timed_side(Prepared(results=Results(), **none), PLAN.case.id, CancelToken()) is None
    failed = Results({PLAN.steps[-1]: StepResult(verdict=BROKEN)})
    assert timed_side(Prepared(results=failed, **none), PLAN.case.id, CancelToken()) is None
    unasked = {**none, "plans": {PLAN.case.id: planned()}}
    assert timed_side(Prepared(results=Results(), **unasked), PLAN.case.id, CancelToken()) is None
