"""Does the rounds of one case: a benchmark of each side in turn, until there are enough."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.bench import rounds
from harness.bench.rounds import Round
from harness.core.callbacks import Notice
from harness.core.devices import shown
from harness.core.settings import BenchSettings
from harness.core.statuses import Verdict
from harness.core.text import counted
from harness.core.timings import Latency
from harness.core.values import frozen
from harness.host.cancel import CancelToken
from harness.pipeline import one_step
from harness.pipeline.prepared import Prepared
from harness.pipeline.step_results import BenchmarkResult, StepResult
from harness.pipeline.steps import Benchmark


@frozen
class TimedSide:
    """A case on one side: its benchmark, and what does it."""

    prepared: Prepared
    step: Benchmark
    cancel: CancelToken

    def measured(self) -> StepResult:
        """Time the function once; a run of another process may have the device before."""
        prepared = self.prepared
        return one_step.result_of(
            self.step, prepared.results, runner=prepared.runner, pool=prepared.pool, cancel=self.cancel
        )


def timed_side(prepared: Prepared, case_id: str, cancel: CancelToken) -> TimedSide | None:
    """Return what times a case on a side; None if it is not run there, or failed."""
    steps = [step for step in prepared.plans[case_id].steps if isinstance(step, Benchmark)]
    if not steps or not isinstance(prepared.results.get(steps[0]), BenchmarkResult):
        return None
    return TimedSide(prepared=prepared, step=steps[0], cancel=cancel)


@dataclass(slots=True, kw_only=True)
class Stopwatch:
    """The rounds of a case.

    Attributes:
        bench: when there are enough of them.
        rounds: the rounds done so far.
        failures: by side, from 0, why a benchmark failed, which is the end.
    """

    bench: BenchSettings
    rounds: list[Round] = field(default_factory=list)
    failures: Mapping[int, Verdict] = field(default_factory=dict)

    def run(self, timed: Sequence[TimedSide], progress: Notice) -> None:
        """Do rounds until the interval is narrow, the time is up, or a side fails.

        Each round begins with the other side than the one before, so that being first is no advantage.
        """
        until = time.monotonic() + self.bench.seconds
        while not self._is_over(until):
            order = range(len(timed)) if len(self.rounds) % 2 == 0 else reversed(range(len(timed)))
            self._take({side: timed[side].measured() for side in order})
            if self.rounds:
                progress(f"{counted(len(self.rounds), 'round')}, {rounds.shown_width(self.rounds)}")

    def _is_over(self, until_s: float) -> bool:
        is_enough = rounds.is_enough(self.rounds, self.bench.precision)
        return bool(self.failures) or is_enough or (bool(self.rounds) and time.monotonic() > until_s)

    def _times(self, result: BenchmarkResult) -> Latency:
        return result.latency if self.bench.measure == "real" else result.cpu_time

    def _take(self, found: Mapping[int, StepResult]) -> None:
        results = [each for _, each in sorted(found.items()) if isinstance(each, BenchmarkResult)]
        if len(results) == len(found):
            busy = max(each.busy for each in results)
            devices = tuple(shown(each.devices) for each in results)
            self.rounds.append(Round(times=tuple(map(self._times, results)), busy=busy, devices=devices))
        self.failures = {side: each.verdict for side, each in found.items() if each.verdict}
