"""Executes plans: a graph of steps in which whatever can overlap does, and what is shared is done once."""

import queue
import shutil
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

from harness import plan as planning
from harness.devices import Gpu
from harness.disk import disk_errors
from harness.gpus import Pool
from harness.model import (
    Case,
    Compare,
    Compile,
    Fetch,
    Outcome,
    Phase,
    Plan,
    Run,
    Status,
    Step,
    Verdict,
)
from harness.process import Cancel, Cancelled
from harness.steps import COMPILE_LOG, INTERRUPTED, Compiled, Done, Ran, Results, case_dir

_GRACE_S = 10.0


class Listener(Protocol):
    """Hears what happens while it happens, always in the thread that runs the plans."""

    def step_started(self, step: Step, case_ids: Sequence[str]) -> None:
        """A step begins to wait for its resource or to be done."""

    def step_ended(self, done: Done) -> None:
        """A step has ended."""

    def case_ended(self, outcome: Outcome) -> None:
        """A case is decided."""


class Executor(Protocol):
    """Does steps somewhere, at most so many at once per resource."""

    def start(self, step: Step, results: Results) -> None:
        """Begin a step whose needs are among the results."""

    def next_done(self, timeout_s: float | None) -> Done | None:
        """Wait for a step to end; None when the time is up."""


def resource(step: Step) -> str:
    """Return what a step holds while it is done."""
    match step:
        case Fetch():
            return "network"
        case Compile():
            return "compile"
        case Run():
            return f"device {step.device}"
        case Compare():
            return "compare"


def claimed(pool: Pool, step: Step, cancel: Cancel) -> AbstractContextManager[Gpu | None]:
    """Return what has the GPU that a step needs, for as long as it is done."""
    return pool.claim(step, cancel) if isinstance(step, Run) else nullcontext()


class Doer(Protocol):
    """Does one step and returns when it has ended: `Steps` in this process, or what hands it to another."""

    def do(self, step: Step, results: Results, gpu: Gpu | None) -> Done:
        """Do a step whose needs are among the results; never raises for what a user can cause."""


class LocalExecutor:
    """Does steps in threads of this process. They are daemons: none can hold up the end of the harness."""

    def __init__(self, doer: Doer, slots: Mapping[str, int], pool: Pool, cancel: Cancel) -> None:
        """Do at most `slots[resource]` steps of a resource at once; runs, as many as the pool has devices for."""
        self._doer, self._slots, self._pool, self._cancel = doer, slots, pool, cancel
        self._waiting: dict[str, deque[tuple[Step, Results]]] = {}
        self._busy: Counter[str] = Counter()
        self._done: queue.SimpleQueue[Done | BaseException] = queue.SimpleQueue()

    def start(self, step: Step, results: Results) -> None:
        """Begin a step, or put it into the queue of its resource."""
        self._waiting.setdefault(resource(step), deque()).append((step, results))
        self._fill(resource(step))

    def next_done(self, timeout_s: float | None) -> Done | None:
        """Wait for a step to end; raises what broke in its thread, which is a bug of ours."""
        try:
            done = self._done.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(done, BaseException):
            raise done
        self._busy[resource(done.step)] -= 1
        self._fill(resource(done.step))
        return done

    def _fill(self, name: str) -> None:
        waiting = self._waiting[name]
        while waiting and self._busy[name] < self._at_once(waiting[0][0]):
            self._busy[name] += 1
            threading.Thread(target=self._do, args=waiting.popleft(), daemon=True).start()

    def _at_once(self, step: Step) -> int:
        return self._pool.slots(step.device) if isinstance(step, Run) else self._slots.get(resource(step), 1)

    def _do(self, step: Step, results: Results) -> None:
        try:
            with claimed(self._pool, step, self._cancel) as gpu:
                self._done.put(self._doer.do(step, results, gpu))
        except Cancelled:
            self._done.put(Done(step=step, verdict=INTERRUPTED))
        except BaseException as error:  # noqa: BLE001 - carried to the thread that can report it
            self._done.put(error)


class PlanRun:
    """One run of several plans. `outcomes` is complete whenever it is asked for, also in the middle."""

    def __init__(
        self, plans: Sequence[Plan], executor: Executor, listener: Listener, *, out_dir: Path, cancel: Cancel
    ) -> None:
        """Prepare; nothing starts before `run`."""
        self._plans, self._executor, self._listener = plans, executor, listener
        self._out_dir, self._cancel = out_dir, cancel
        self._results: dict[Step, Done] = {}
        self._started: set[Step] = set()
        self._decided: dict[str, Outcome] = {}
        self._users: dict[Step, list[str]] = {}
        for each in plans:
            for step in each.steps:
                self._users.setdefault(step, []).append(each.case.id)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What became of every case, in the order of the plans; undecided ones were interrupted."""
        return tuple(self._decided.get(each.case.id) or self._outcome(each, INTERRUPTED) for each in self._plans)

    def run(self) -> None:
        """Do everything; returns early, with no process left, when cancelled.

        A KeyboardInterrupt is raised again once all that was running has ended.
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
        self._start_ready()
        while self._started - self._results.keys():
            if done := self._executor.next_done(None):
                self._take(done)
                self._start_ready()

    def _drain(self) -> None:
        deadline = time.monotonic() + _GRACE_S
        while self._started - self._results.keys() and (left_s := deadline - time.monotonic()) > 0:
            if done := self._executor.next_done(left_s):
                self._results[done.step] = done

    def _start_ready(self) -> None:
        for each in self._plans:
            if each.case.id in self._decided or self._cancel.is_set():
                continue
            for step in each.steps:
                if step not in self._started and all(need in self._results for need in planning.needs(step)):
                    self._started.add(step)
                    self._listener.step_started(step, self._users[step])
                    self._executor.start(step, self._results)

    def _take(self, done: Done) -> None:
        self._results[done.step] = done
        self._listener.step_ended(done)
        for each in self._plans:
            if each.case.id in self._decided or done.step not in each.steps:
                continue
            if done.verdict or all(step in self._results for step in each.steps):
                self._decide(each, done.verdict)

    def _decide(self, each: Plan, verdict: Verdict | None) -> None:
        outcome = self._outcome(each, verdict)
        self._decided[each.case.id] = outcome
        self._listener.case_ended(outcome)

    def _outcome(self, each: Plan, verdict: Verdict | None) -> Outcome:
        return outcome(each, self._results, verdict, self._out_dir)


def outcome(plan: Plan, results: Results, verdict: Verdict | None, out_dir: Path) -> Outcome:
    """Return what happened to a case, its expectations applied; copies the logs of its compilations."""
    case, spec = plan.case, plan.case.spec
    done = [results[step] for step in plan.steps if step in results]
    judged, phase = _judged(plan, done, verdict)
    compiled: list[Compiled] = [each.value for each in done if isinstance(each.value, Compiled)]
    ran = next((each.value for each in done if isinstance(each.value, Ran)), None)
    return Outcome(
        id=case.id,
        model=spec.model,
        submodel=spec.submodel,
        backend=str(spec.backend),
        chip=case.target.chip,
        release=plan.release.name if plan.release else None,
        status=judged.status,
        kind=judged.kind,
        phase=phase,
        reason=judged.reason,
        path=str(spec.path),
        seconds=_seconds(done),
        modules=tuple(each.module for each in compiled),
        outputs=next((each.value for each in done if isinstance(each.step, Compare) and each.value), ()),
        commands=_commands(plan),
        logs=_logs(case, done, out_dir),
        blobs=tuple(each.value.blob for each in done if isinstance(each.step, Fetch) and each.value),
        peak_memory_bytes=ran.ended.peak_memory_bytes if ran else None,
        notes=plan.notes,
        log_tail=next((each.log_tail for each in done if each.verdict is verdict and verdict), ""),
    )


def _judged(plan: Plan, done: Sequence[Done], verdict: Verdict | None) -> tuple[Verdict, Phase | None]:
    case, spec = plan.case, plan.case.spec
    phase = _phase(done, verdict)
    if plan.blocked:
        return plan.blocked, None
    found = verdict or Verdict(status=_good(plan), kind=None, reason="")
    if planning.expects_compile_failure(case):
        field = "compile_chip_expecting_to_fail"
        index = f"[{case.target.chip}]"
        return _expected(found, case, failed_in=(Phase.COMPILE,), phase=phase, field=field, what=index), phase
    if spec.run_test_expecting_to_fail and found.status is not Status.COMPILED:
        field = "run_test_expecting_to_fail"
        return _expected(found, case, failed_in=(Phase.RUN, Phase.COMPARE), phase=phase, field=field, what=""), phase
    return found, phase


def _expected(
    found: Verdict, case: Case, *, failed_in: tuple[Phase, ...], phase: Phase | None, field: str, what: str
) -> Verdict:
    """Turn a failure where one is expected into `xfailed`, and a success into `xpassed`."""
    if found.status is Status.FAILED:
        return Verdict(status=Status.XFAILED, kind=found.kind, reason=found.reason) if phase in failed_in else found
    if found.status in {Status.PASSED, Status.RAN, Status.COMPILED}:
        line = case.spec.lines.get(f"$.{field}", 1)
        reason = f'expected to fail but passed: delete "{field}"{what} in {case.spec.path}:{line}'
        return Verdict(status=Status.XPASSED, kind=None, reason=reason)
    return found


def _good(plan: Plan) -> Status:
    if planning.is_compile_only(plan.case):
        return Status.COMPILED
    return Status.PASSED if plan.case.spec.outputs else Status.RAN


def _phase(done: Sequence[Done], verdict: Verdict | None) -> Phase | None:
    """Return the phase of the step that decided, or of the last one done."""
    decisive = [each.step for each in done if verdict is None or each.verdict is verdict]
    phases = {Fetch: Phase.FETCH, Compile: Phase.COMPILE, Run: Phase.RUN, Compare: Phase.COMPARE}
    return phases[type(decisive[-1])] if decisive else None


def _seconds(done: Sequence[Done]) -> dict[str, float]:
    totals: dict[str, float] = {}
    for each in done:
        name = type(each.step).__name__.lower()
        totals[name] = round(totals.get(name, 0.0) + each.seconds, 3)
    return totals


def _commands(plan: Plan) -> dict[str, tuple[str, ...]]:
    commands: dict[str, tuple[str, ...]] = {}
    for step in plan.steps:
        match step:
            case Compile():
                commands["compile" if not commands else "compile_pipeline"] = step.argv
            case Run():
                commands["run"] = step.argv
    return commands


def _logs(case: Case, done: Sequence[Done], out_dir: Path) -> dict[str, str]:
    """Return each log's path relative to the results; a compilation is shared, so its log is copied."""
    logs: dict[str, str] = {}
    for each in done:
        if each.log_path is None:
            continue
        path = each.log_path
        name = "run" if isinstance(each.step, Run) else "compile" if "compile" not in logs else "compile_pipeline"
        if not path.is_relative_to(out_dir):
            path = case_dir(out_dir / "logs", case.id) / (COMPILE_LOG if name == "compile" else f"{name}.log")
            with disk_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(each.log_path, path)
        logs[name] = str(path.relative_to(out_dir))
    return logs
