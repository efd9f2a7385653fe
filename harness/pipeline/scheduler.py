"""Executes plans: steps that do not need each other overlap, and a step that several cases share is done once.

Of the steps that wait for one resource, the one on the longest path is done first: its rank is the time that it takes
and the highest rank of the steps that need it.

Plans are made as they are needed, some thousand at a time, and forgotten when their case is decided, with the results
that no other case needs: so memory does not grow with the number of cases.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from harness.core.callbacks import ignore
from harness.core.cases import EMPTY
from harness.core.history import Cost
from harness.core.outcomes import Outcome
from harness.core.statuses import Verdict
from harness.host.cancel import CancelToken
from harness.host.waiting import SLICE_S
from harness.pipeline import estimates, internal, work_folder
from harness.pipeline.executor import Demand, Executor
from harness.pipeline.nodes import UNKNOWN, Node, OpenCase
from harness.pipeline.outcome import outcome
from harness.pipeline.step_results import INTERRUPTED, Results, RunResult, StepResult
from harness.pipeline.steps import Plan, Run, Step
from harness.report.outcome_log import OutcomeLog

AT_ONCE = 2_000
_GRACE_S = 10.0


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
        results: the results of the steps done so far, as far as they are kept.
        log: the outcomes of the cases that are decided, in the order of the plans.
        unfinished: returns what becomes of cases that have not ended when the run is cancelled.
    """

    def __init__(
        self,
        plans: Iterable[Plan],
        executor: Executor,
        listener: Listener,
        *,
        out_dir: Path,
        cancel: CancelToken,
        keeps_work: bool = False,
        keeps_results: bool = True,
        costs: Callable[[Sequence[str]], Mapping[str, Cost]] = lambda _: EMPTY,
        values: Mapping[str, float] = EMPTY,
        unfinished: Callable[[], Verdict] = lambda: INTERRUPTED,
        on_planned: Callable[[Sequence[Plan]], None] = ignore,
        log: OutcomeLog | None = None,
        at_once: int = AT_ONCE,
    ) -> None:
        """Prepare; nothing starts before `run`.

        Args:
            plans: what is run.
            executor: does the steps.
            listener: is told what happens.
            out_dir: absolute path of the results.
            cancel: an order to stop.
            keeps_work: whether failed cases keep what their commands need to be repeated by hand.
            keeps_results: whether the results of steps are kept when no case needs them any more.
            costs: returns what cases took before, by their ids.
            values: by case, how valuable it is, if that decides what is done first, and not what it takes.
            unfinished: returns what becomes of cases that have not ended when the run is cancelled.
            on_planned: called with plans before any of their steps starts.
            log: takes the outcomes; None for memory.
            at_once: how many cases are planned and not decided.
        """
        if log is None:
            plans = list(plans)
            log = OutcomeLog(None, len(plans))
        self.results, self.log = Results(), log
        self._plans, self._executor, self._listener = enumerate(plans), executor, listener
        self._out_dir, self._cancel = out_dir, cancel
        self._keeps_work, self._keeps_results = keeps_work, keeps_results
        self._costs, self._on_planned, self._at_once = costs, on_planned, at_once
        self._values, self.unfinished = values, unfinished
        self._under_way = 0  # steps that the executor has
        self._open: dict[int, OpenCase] = {}  # the cases that are not decided
        self._nodes: dict[Step, Node] = {}
        self._next = self._admitted()

    def _admitted(self) -> list[OpenCase]:
        """Take the next plans, if there is room for many of them, and return those."""
        if len(self._open) > self._at_once // 2:
            return []
        if not (batch := list(itertools.islice(self._plans, self._at_once - len(self._open)))):
            return []
        cases = [OpenCase(number=number, plan=plan, id=plan.case.id) for number, plan in batch]
        costs = self._costs([each.id for each in cases])
        for each in cases:
            each.cost = costs.get(each.id, UNKNOWN)
            self._add(each)
        self._on_planned([each.plan for each in cases])
        return cases

    def _add(self, case: OpenCase) -> None:
        """Make nodes of the steps of a case, as far as there are none."""
        self._open[case.number] = case
        for step in case.plan.steps:
            node = self._nodes.get(step) or self._node(step, case.plan)
            node.users[case.number] = case
            case.nodes.append(node)
            case.left += not node.is_done
        self._rank(case)

    def _node(self, step: Step, plan: Plan) -> Node:
        """Return a new node of a step; what it needs comes before it in its plan."""
        node = self._nodes[step] = Node(step=step, needs=[self._nodes[need] for need in plan.needs(step)])
        for need in node.needs:
            need.needed_by[node] = None
            node.missing += not need.is_done
        return node

    def _rank(self, case: OpenCase) -> None:
        """Rank the steps of a case. The whole path to a step is in its plan, so cases can be ranked one by one."""
        after: dict[Node, float] = {}  # the highest rank of the steps that need a step
        value = self._values.get(case.id)
        for node in reversed(case.nodes):
            rank = estimates.seconds(node.step, case.cost) + after.get(node, 0.0) if value is None else value
            node.rank = max(rank, node.rank)
            for need in node.needs:
                after[need] = max(rank, after.get(need, 0.0))

    def ran(self, case_id: str) -> RunResult | None:
        """Return what the run of a case left; None if it did not go well."""
        found = (result for step, result in self.results.items() if isinstance(step, Run) and step.case_id == case_id)
        return next((each for each in found if isinstance(each, RunResult) and each.verdict is None), None)

    def outcomes(self) -> Sequence[Outcome]:
        """Return what became of every case, in the order of the plans; those not decided yet are unfinished.

        The logs of shared compilations are copied for the cases that were not decided. Plans that were not looked at
        yet have no outcome.
        """
        left = self.unfinished()
        for each in self._open.values():
            self._put(each, self._safely(each.plan, left))
        return self.log

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
        while self._next or self._under_way:
            self._begin(self._next)
            if self._under_way and (done := self._executor.next_done(SLICE_S)):
                self._take(*done)
            self._next = [] if self._cancel.is_set() else self._admitted()

    def _begin(self, cases: Sequence[OpenCase]) -> None:
        """Start the steps of cases, of which some may be done; decide those that need nothing."""
        for each in cases:
            done = (self.results[node.step] for node in each.nodes if node.is_done)
            verdict = next((result.verdict for result in done if result.verdict), None)
            if verdict or not each.left:
                self._decide(each, verdict or each.plan.blocked)
        self._start_ready([node for each in cases if each.number in self._open for node in each.nodes])

    def _drain(self) -> None:
        deadline = time.monotonic() + _GRACE_S
        while self._under_way and (left_s := deadline - time.monotonic()) > 0:
            if done := self._executor.next_done(left_s):
                self._ended(*done)

    def _ended(self, step: Step, result: StepResult) -> None:
        self._under_way -= 1
        self.results[step] = result
        self._listener.step_ended(step)

    def _start_ready(self, nodes: Iterable[Node]) -> None:
        """Start steps that undecided cases want and whose needs are done, the one with the highest rank first."""
        ready = [node for node in nodes if node.is_ready]
        if not ready or self._cancel.is_set():
            return
        for node in sorted(ready, key=_falling) if len(ready) > 1 else ready:
            if node.has_begun:  # cases that share it may each name it
                continue
            node.has_begun = True
            self._under_way += 1
            self._listener.step_started(node.step, [each.id for each in node.users.values()])
            costs = [each.cost for each in node.users.values()]
            demand = Demand(
                rank=node.rank,
                memory_bytes=estimates.memory_bytes(node.step, costs, self.results),
                is_large=estimates.is_large(node.step, costs[0], self.results),
            )
            self._executor.start(node.step, self.results, demand)

    def _take(self, step: Step, result: StepResult) -> None:
        self._ended(step, result)
        node = self._nodes[step]
        node.is_done = True
        for other in node.needed_by:
            other.missing -= 1
        for each in list(node.users.values()):
            each.left -= 1
            if result.verdict or not each.left:
                self._decide(each, self.unfinished() if result.verdict == INTERRUPTED else result.verdict)
        self._start_ready(node.needed_by)
        self._forget([node])

    def _decide(self, case: OpenCase, verdict: Verdict | None) -> None:
        found = self._put(case, self._safely(case.plan, verdict, keeps_work=self._keeps_work))
        del self._open[case.number]
        self._listener.case_ended(found)
        for node in case.nodes:
            del node.users[case.number]
        self._forget(case.nodes)

    def _forget(self, nodes: Iterable[Node]) -> None:
        """Forget steps that no case needs any more, once they have ended."""
        if self._keeps_results:
            return
        for node in nodes:
            if not node.users and node.is_done == node.has_begun:
                for need in node.needs:
                    need.needed_by.pop(node, None)
                for known in (self._nodes, self.results):
                    known.pop(node.step, None)

    def _put(self, case: OpenCase, found: Outcome) -> Outcome:
        """Keep an outcome, and return it; if it cannot be written, that is the error of this case alone."""
        try:
            self.log.put(case.number, found)
        except Exception as bug:  # noqa: BLE001 - see above
            found = internal.broken(found, bug)
            self.log.put(case.number, found)
        return found

    def _safely(self, each: Plan, verdict: Verdict | None, *, keeps_work: bool = False) -> Outcome:
        """Return the outcome of a case; a bug on the way to it is the error of this case alone."""
        try:
            found = outcome(each, self.results, verdict, self._out_dir)
            return work_folder.kept(each, self.results, found, self._out_dir) if keeps_work else found
        except Exception as bug:  # noqa: BLE001 - see above
            return outcome(replace(each, steps=(), blocked=internal.verdict(bug)), {}, None, self._out_dir)


def _falling(node: Node) -> float:
    return -node.rank
