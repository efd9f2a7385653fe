"""Leaves out of a run what passed before, what time does not allow for, and what comes after failures."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from harness.core.cases import EMPTY
from harness.core.history import Cost
from harness.core.settings import RunSettings
from harness.core.values import frozen
from harness.host.emulators import Emulator
from harness.pipeline import time_budget
from harness.pipeline.environment import Environment
from harness.pipeline.limits import FailureLimit
from harness.pipeline.recorder import Recorder
from harness.pipeline.reuse import Reuse
from harness.pipeline.scheduler import Listener
from harness.pipeline.step_runner import StepRunner, ToolStepRunner
from harness.pipeline.steps import Plan
from harness.pipeline.time_budget import TimeBudget


@frozen
class Part:
    """How the cases of a run are done.

    Attributes:
        plans: their plans.
        runner: does the steps of those that are not left out.
        limit: hears what happens.
        costs: returns what cases took before, by their ids.
        values: by case, how valuable it is; none if all of them are to be done.
    """

    plans: Iterable[Plan]
    runner: StepRunner
    limit: FailureLimit
    costs: Callable[[Sequence[str]], Mapping[str, Cost]]
    values: Mapping[str, float]


def of(
    plans: Iterable[Plan],
    environment: Environment,
    steps: ToolStepRunner,
    listener: Listener,
    *,
    settings: RunSettings,
    emulator: Emulator | None,
    recorder: Recorder,
    began_s: float,
) -> Part:
    """Return how cases are done.

    Args:
        plans: their plans.
        environment: where they run.
        steps: does steps in any environment.
        listener: is told what happens.
        settings: what to leave out.
        emulator: what emulates GPUs; None for nothing.
        recorder: knows earlier runs.
        began_s: when the run began, as `time.monotonic` tells it.
    """
    runner, values = environment.runner(steps), EMPTY
    if settings.time_budget_s is not None:
        plans = list(plans)
        ids = [each.case.id for each in plans]
        costs = recorder.costs(ids)
        values = time_budget.values(ids, recorder.newest(ids), costs, steps.toolchain.release.name)
        runner = TimeBudget(
            runner=runner,
            steps=steps,
            plans=plans,
            costs=costs,
            first=max(values, key=values.__getitem__),
            seconds=settings.time_budget_s,
            ends_s=began_s + settings.time_budget_s,
        )
    if settings.reuse_passed:
        reuse = Reuse.of(list(plans), settings, steps.store, environment, emulator)
        plans, runner, listener = reuse.plans, reuse.runner(runner), reuse.listener(listener)
    limit = FailureLimit(inner=listener, most=settings.max_failures, cancel=steps.cancel)
    return Part(plans=plans, runner=runner, limit=limit, costs=recorder.costs, values=values)
