import time
from pathlib import Path
from typing import Any

import pytest

from harness.core.history import Cost, Recorded
from harness.core.statuses import Kind, Status
from harness.pipeline import time_budget
from harness.pipeline.step_results import FetchResult, Results, StepResult
from harness.pipeline.steps import Compare, Compile, Fetch, Run
from harness.pipeline.time_budget import TimeBudget
from tests.unit import executors
from tests.unit.history import samples
from tests.unit.samples import planned
from tests.unit.stores import makes


def recorded(number: int, **changes: Any) -> Recorded:
    return Recorded(run=samples.run(number), case=samples.case(**changes))


def test_the_most_valuable_go_first() -> None:
    newest = {
        "failed": recorded(9, is_green=False),
        "failed-long": recorded(9, is_green=False),
        "other-release": recorded(9, release="3.12.0"),
        "old": recorded(1),
        "new": recorded(9),
    }
    costs = {
        "failed": Cost(run_seconds=5.0),
        "failed-long": Cost(run_seconds=50.0),
        "other-release": Cost(run_seconds=1),
    }
    ids = ["new", "old", "never", "other-release", "failed-long", "failed"]
    found = time_budget.values(ids, newest, costs, "3.13.0")
    ordered = sorted(found, key=lambda name: -found[name])
    assert ordered == ["failed", "failed-long", "never", "other-release", "old", "new"]


class Runner:
    """Does nothing."""

    def run(self, *_: object) -> StepResult:
        """Do nothing."""
        return StepResult()


@pytest.mark.parametrize(
    ("left_s", "cost", "begins"),
    [
        (100.0, Cost(compile_seconds=30.0, run_seconds=5.0), (True, True)),
        (20.0, Cost(compile_seconds=30.0, run_seconds=5.0), (False, True)),
        (4.0, Cost(compile_seconds=30.0, run_seconds=5.0), (False, False)),
        (4.0, Cost(), (True, True)),
        (-1.0, Cost(), (False, False)),
    ],
)
def test_only_what_time_allows_for_begins(tmp_path: Path, left_s: float, cost: Cost, begins: tuple[bool, bool]) -> None:
    plan, results, tools = planned(), Results(), executors.steps(tmp_path)
    for step in plan.steps:
        if isinstance(step, Fetch):
            results[step] = executors.FakeExecutor(tmp_path).done(step, None)
            assert isinstance(results[step], FetchResult)
    budget = TimeBudget(
        runner=Runner(),
        steps=tools,
        plans=[plan],
        costs={plan.case.id: cost},
        first="another",
        seconds=1200.0,
        ends_s=time.monotonic() + left_s,
    )
    ended = {type(step): budget.run(step, results, ()).verdict for step in plan.steps}
    assert (ended[Compile] is None, ended[Run] is None) == begins
    assert (ended[Fetch] is None) is (left_s > 0)
    assert ended[Compare] is None
    for verdict in filter(None, ended.values()):
        assert (verdict.status, verdict.kind) == (Status.SKIPPED, Kind.NOT_RUN)
        assert verdict.reason == "not enough time was left (--time-budget 20m)"


def test_a_module_in_the_cache_takes_no_time(tmp_path: Path) -> None:
    plan, results, tools = planned(), Results(), executors.steps(tmp_path)
    for step in plan.steps:
        if isinstance(step, Fetch):
            results[step] = executors.FakeExecutor(tmp_path).done(step, None)
    compile_step = next(step for step in plan.steps if isinstance(step, Compile))
    cost = Cost(compile_seconds=30.0, run_seconds=1.0)
    costs, ends_s = {plan.case.id: cost}, time.monotonic() + 20
    budget = TimeBudget(runner=Runner(), steps=tools, plans=[plan], costs=costs, first="", seconds=20.0, ends_s=ends_s)
    assert budget.run(compile_step, results, ()).verdict
    key = tools._key(compile_step, results)
    tools.store.provide("modules", key, makes(b"module"))
    assert budget.run(compile_step, results, ()).verdict is None


@pytest.mark.parametrize(("compile_s", "begins"), [(None, True), (19.0, True), (21.0, False)])
def test_the_most_valuable_case_begins_if_the_budget_is_enough_for_it(
    tmp_path: Path,
    compile_s: float | None,
    begins: bool,  # noqa: FBT001
) -> None:
    plan, results, tools = planned(), Results(), executors.steps(tmp_path)
    for step in plan.steps:
        if isinstance(step, Fetch):
            results[step] = executors.FakeExecutor(tmp_path).done(step, None)
    costs, ends_s = {plan.case.id: Cost(compile_seconds=compile_s)}, time.monotonic() - 1
    budget = TimeBudget(
        runner=Runner(), steps=tools, plans=[plan], costs=costs, first=plan.case.id, seconds=20.0, ends_s=ends_s
    )
    compile_step = next(step for step in plan.steps if isinstance(step, Compile))
    assert (budget.run(compile_step, results, ()).verdict is None) is begins
