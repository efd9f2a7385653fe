"""Executes plans: steps that do not need each other overlap, and a step that several cases share is done once.

Of the steps that wait for one resource, the one on the longest path is done first: its rank is the time that it takes
and the highest rank of the steps that need it.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from harness.core.cases import EMPTY
from harness.core.history import Cost
from harness.core.outcomes import Outcome
from harness.core.statuses import Verdict
from harness.host.process import CancelToken
from harness.host.waiting import SLICE_S
from harness.pipeline import estimates, internal, work_folder
from harness.pipeline.executor import Demand, Executor
from harness.pipeline.outcome import outcome
from harness.pipeline.step_results import INTERRUPTED, Results, RunResult, StepResult
from harness.pipeline.steps import Plan, Run, Step

_GRACE_S = 10.0
_UNKNOWN = Cost()


class Listener(Protocol):
    """Is told what happens, in the thread that runs the plans."""

    def step_started(self, step: Step, case_ids: Sequence[str]) -> None:
        """Called when a step starts, or starts to wait for its resource."""

    def step_ended(self, step: Step) -> None:
        """Called when a step has ended."""

    def case_ended(self, outcome: Outcome) -> None:
        """Called when the outcome of a case is known."""


class PlanRun:
    """One run of several plans.

    Attributes:
        results: the results of the steps done so far.
    """

    def __init__(
        self,
        plans: Sequence[Plan],
        executor: Executor,
        listener: Listener,
        *,
        out_dir: Path,
        cancel: CancelToken,
        keeps_work: bool = False,
        costs: Mapping[str, Cost] = EMPTY,
        values: Mapping[str, float] = EMPTY,
        unfinished: Callable[[], Verdict] = lambda: INTERRUPTED,
    ) -> None:
        """Prepare; nothing starts before `run`.

        Args:
            plans: what is run.
            executor: does the steps.
            listener: is told what happens.
            out_dir: absolute path of the results.
            cancel: an order to stop.
            keeps_work: whether failed cases keep what their commands need to be repeated by hand.
            costs: by case, what it took before.
            values: by case, how valuable it is, if that decides what is done first, and not what it takes.
            unfinished: returns what becomes of cases that have not ended when the run is cancelled.
        """
        self._costs, self._values = costs, values
        self._keeps_work = keeps_work
        self._plans, self._executor, self._listener = plans, executor, listener
        self._out_dir, self._cancel = out_dir, cancel
        self.results = Results()
        self._started: set[Step] = set()
        self._decided: dict[str, Outcome] = {}
        self._unfinished = unfinished
        self._users: dict[Step, list[Plan]] = {}
        self._needs: dict[Step, tuple[Step, ...]] = {}
        self._needed_by: dict[Step, list[Step]] = {}
        self._ranks: dict[Step, float] = {}
        self._left: dict[str, set[Step]] = {}  # by case, the steps to do
        for each in plans:
            self._left[each.case.id] = set(each.steps)
            for step in each.steps:
                self._users.setdefault(step, []).append(each)
                self._needs[step] = each.needs(step)
            self._rank(each)
        for step, needed in self._needs.items():
            for need in needed:
                self._needed_by.setdefault(need, []).append(step)

    def _rank(self, plan: Plan) -> None:
        """Rank the steps of a plan. The whole path to a step is in its plan, so plans can be ranked one by one."""
        after: dict[Step, float] = {}  # the highest rank of the steps that need a step
        for step in reversed(plan.steps):
            rank = estimates.seconds(step, self._cost(plan)) + after.get(step, 0.0)
            rank = self._values.get(plan.case.id, rank)
            self._ranks[step] = max(rank, self._ranks.get(step, 0.0))
            for need in self._needs[step]:
                after[need] = max(rank, after.get(need, 0.0))

    def _cost(self, plan: Plan) -> Cost:
        return self._costs.get(plan.case.id, _UNKNOWN)

    def ran(self, case_id: str) -> RunResult | None:
        """Return what the run of a case left; None if it did not go well."""
        found = (result for step, result in self.results.items() if isinstance(step, Run) and step.case_id == case_id)
        return next((each for each in found if isinstance(each, RunResult) and each.verdict is None), None)

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return what became of every case, in the order of the plans; those not decided yet are unfinished.

        The logs of shared compilations are copied for the cases that were not decided.
        """
        left = self._unfinished()
        return tuple(self._decided.get(each.case.id) or self._safely(each, left) for each in self._plans)

    def run(self) -> None:
        """Do all steps. After a cancellation it returns early, and no process is left.

        A KeyboardInterrupt is raised again after everything that was running has ended.
        """
        try:
            self._loop()
        except BaseException:
            self._cancel.set()
            self._drain()
            raise

    def _loop(self) -> None:
        for each in self._plans:
            if not each.steps:
                self._decide(each, each.blocked)
        self._start_ready(self._users)
        while len(self._started) > len(self.results):
            if done := self._executor.next_done(SLICE_S):
                self._take(*done)
                self._start_ready(self._needed_by.get(done[0], ()))

    def _drain(self) -> None:
        deadline = time.monotonic() + _GRACE_S
        while len(self._started) > len(self.results) and (left_s := deadline - time.monotonic()) > 0:
            if done := self._executor.next_done(left_s):
                step, result = done
                self.results[step] = result
                self._listener.step_ended(step)

    def _start_ready(self, steps: Iterable[Step]) -> None:
        """Start steps that undecided cases want and whose needs are done, the one with the highest rank first."""
        for step in sorted(filter(self._is_ready, steps), key=lambda each: -self._ranks[each]):
            self._started.add(step)
            users = self._users[step]
            self._listener.step_started(step, [each.case.id for each in users])
            costs = [self._cost(each) for each in users]
            demand = Demand(
                rank=self._ranks[step],
                memory_bytes=estimates.memory_bytes(step, costs, self.results),
                is_large=estimates.is_large(step, costs[0], self.results),
            )
            self._executor.start(step, self.results, demand)

    def _is_ready(self, step: Step) -> bool:
        if self._cancel.is_set() or step in self._started:
            return False
        is_wanted = any(each.case.id not in self._decided for each in self._users[step])
        return is_wanted and all(need in self.results for need in self._needs[step])

    def _take(self, step: Step, result: StepResult) -> None:
        self.results[step] = result
        self._listener.step_ended(step)
        for each in self._users[step]:
            left = self._left[each.case.id]
            left.discard(step)
            if each.case.id not in self._decided and (result.verdict or not left):
                self._decide(each, self._unfinished() if result.verdict == INTERRUPTED else result.verdict)

    def _decide(self, each: Plan, verdict: Verdict | None) -> None:
        found = self._safely(each, verdict, keeps_work=self._keeps_work)
        self._decided[each.case.id] = found
        self._listener.case_ended(found)

    def _safely(self, each: Plan, verdict: Verdict | None, *, keeps_work: bool = False) -> Outcome:
        """Return the outcome of a case; a bug on the way to it is the error of this case alone."""
        try:
            found = outcome(each, self.results, verdict, self._out_dir)
            return work_folder.kept(each, self.results, found, self._out_dir) if keeps_work else found
        except Exception as bug:  # noqa: BLE001 - see above
            return outcome(replace(each, steps=(), blocked=internal.verdict(bug)), {}, None, self._out_dir)
