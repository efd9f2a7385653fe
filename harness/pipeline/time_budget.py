"""Lets a run begin only what its time allows for, the most valuable cases first.

Most valuable is what was not as expected when it ran last; then what has no result with this release. Of both, the
shortest come first, for most results. All others follow, first what ran longest ago: so runs with a budget take turns.
"""

import time
from collections.abc import Iterable, Mapping, Sequence

from harness.core.history import Cost, Recorded
from harness.core.values import frozen
from harness.host.devices import Gpu
from harness.pipeline.limits import not_run
from harness.pipeline.step_results import Results, StepResult
from harness.pipeline.step_runner import StepRunner, ToolStepRunner
from harness.pipeline.steps import Benchmark, Compare, Compile, Draw, Fetch, Plan, Run, Step

_MINUTE_S = 60


def values(
    ids: Iterable[str], newest: Mapping[str, Recorded], costs: Mapping[str, Cost], release: str
) -> Mapping[str, float]:
    """Return how valuable each case is; the most valuable has the largest number. No I/O.

    Args:
        ids: the cases.
        newest: by case, its newest result.
        costs: by case, what it took before.
        release: the release that is tested.
    """

    def place(name: str) -> tuple[int, float, str, str]:
        known, cost = newest.get(name), costs.get(name, Cost())
        seconds = (cost.compile_seconds or 0.0) + (cost.run_seconds or 0.0)
        if known and not known.case.is_green:
            return 0, seconds, "", name
        if known is None or known.case.release != release:
            return 1, seconds, "", name
        return 2, 0.0, known.run.started, name

    ordered = sorted(ids, key=place)
    return {name: float(len(ordered) - at) for at, name in enumerate(ordered)}


@frozen
class TimeBudget:
    """Does steps, but none of a case that would not end in time, as far as it is known how long that takes.

    A case that is left out keeps what was done of it: a blob and a module are in the cache. What has begun goes on. The
    most valuable case always begins, unless it takes longer than the whole budget: so no run does nothing, and the next
    one has less to do.

    Attributes:
        runner: does the steps.
        steps: knows which modules the cache has.
        plans: how to do the cases.
        costs: by case, what it took before.
        first: the most valuable case.
        seconds: the budget.
        ends_s: when it ends, as `time.monotonic` tells it.
    """

    runner: StepRunner
    steps: ToolStepRunner
    plans: Sequence[Plan]
    costs: Mapping[str, Cost]
    first: str
    seconds: float
    ends_s: float

    def run(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:
        """Do a step, or say that there is no time for it."""
        left_s = self.ends_s - time.monotonic()
        users = [each for each in self.plans if step in each.steps]
        if isinstance(step, Compare | Benchmark) or any(self._fits(each, step, results, left_s) for each in users):
            return self.runner.run(step, results, gpus)
        minutes, more_s = divmod(self.seconds, _MINUTE_S)
        asked = f"{self.seconds:g}s" if more_s else f"{minutes:g}m"
        return StepResult(verdict=not_run(f"not enough time was left (--time-budget {asked})"))

    def _fits(self, plan: Plan, step: Step, results: Results, left_s: float) -> bool:
        rest_s = self._rest_s(plan, step, results)
        return rest_s < left_s or (plan.case.id == self.first and rest_s < self.seconds)

    def _rest_s(self, plan: Plan, step: Step, results: Results) -> float:
        """Return how long a case needs from a step on; what is not known counts as nothing."""
        cost = self.costs.get(plan.case.id, Cost())
        match step:
            case Fetch() | Draw():
                return 0.0
            case Run():
                return cost.run_seconds or 0.0
            case Compile():
                compile_s = 0.0 if self.steps.is_compiled(step, results) else cost.compile_seconds or 0.0
                return compile_s + (cost.run_seconds or 0.0)
            case _:
                return 0.0
