"""Makes the outcome of a case from the results of its steps, and applies expected failures."""

import contextlib
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.core.cases import Case
from harness.core.errors import DiskError
from harness.core.outcomes import BudgetCheck, Kind, Outcome, Phase, Status, Verdict
from harness.host.beneath import Folder
from harness.pipeline import budgets, expectations, logs
from harness.pipeline import planner as planning
from harness.pipeline.step_results import (
    BenchmarkResult,
    CompareResult,
    CompileResult,
    FailedCompileResult,
    FetchResult,
    RunResult,
    StepResult,
)
from harness.pipeline.steps import Benchmark, Compare, Compile, Draw, Fetch, Plan, Run, Step

_PHASES: Mapping[type[Step], Phase] = {
    Fetch: Phase.FETCH,
    Compile: Phase.COMPILE,
    Draw: Phase.COMPILE,
    Run: Phase.RUN,
    Compare: Phase.COMPARE,
    Benchmark: Phase.BENCHMARK,
}
INTERNAL = "internal"  # the log of an unexpected exception
_Ended = Sequence[tuple[Step, StepResult]]


def outcome(plan: Plan, results: Mapping[Step, StepResult], verdict: Verdict | None, out_dir: Path) -> Outcome:
    """Return what happened to a case, with its expectations applied, and copy the logs of its compilations."""
    case, spec = plan.case, plan.case.spec
    ended = [(step, results[step]) for step in plan.steps if step in results]
    left = [result for _, result in ended]
    checks = budgets.checks(plan, left)
    final, phase = _final(plan, ended, verdict, checks)
    return Outcome(
        id=case.id,
        model=spec.model,
        submodel=spec.submodel,
        backend=str(spec.backend),
        chip=case.target.chip,
        release=plan.release.name if plan.release else None,
        status=final.status,
        kind=final.kind,
        phase=phase,
        reason=final.reason,
        path=str(spec.path),
        config=spec.config_path,
        seconds=_seconds(ended),
        modules=tuple(each.module for each in left if isinstance(each, CompileResult)),
        failed_compilation=next((each.compilation for each in left if isinstance(each, FailedCompileResult)), None),
        outputs=next((each.outputs for each in left if isinstance(each, CompareResult)), ()),
        latency=next((each.latency for each in left if isinstance(each, BenchmarkResult)), None),
        budgets=checks,
        commands=_commands(plan),
        logs=_logs(case, ended, final, out_dir),
        blobs=tuple(each.fetched.blob for each in left if isinstance(each, FetchResult)),
        peak_memory_bytes=next((each.process.peak_memory_bytes for each in left if isinstance(each, RunResult)), None),
        kept=_kept(case, final, out_dir),
        notes=(*plan.notes, *_remarks(left)),
        stale=final.stale,
        log_tail=final.details or next((each.log_tail for each in left if each.verdict is verdict and verdict), ""),
    )


def _remarks(left: Sequence[StepResult]) -> Iterator[str]:
    """Yield what the steps found worth a remark."""
    for each in left:
        match each:
            case CompileResult():
                yield from each.notes
            case CompareResult():
                yield from (output.note for output in each.outputs if output.note)


def _final(
    plan: Plan, ended: _Ended, verdict: Verdict | None, checks: Sequence[BudgetCheck]
) -> tuple[Verdict, Phase | None]:
    if plan.blocked:
        return plan.blocked, None
    exceeded = None if verdict else budgets.verdict(checks)
    phase = budgets.phase(checks) if exceeded else _phase(ended, verdict)
    found = verdict or exceeded or Verdict(status=_good(plan), kind=None, reason="")
    if found.is_of_inputs and plan.case.spec.listing:
        found = _refused(found)
    return expectations.judged(found, phase, plan.expected), phase


def _refused(found: Verdict) -> Verdict:
    """Return the verdict for a case of a suite: its inputs fitted once, so a program that refuses them is broken."""
    reason = found.reason.replace("; correct the spec", "")
    return Verdict(status=Status.FAILED, kind=Kind.SHAPE, reason=reason)


def _good(plan: Plan) -> Status:
    if planning.is_compile_only(plan.case):
        return Status.COMPILED
    return Status.PASSED if plan.case.spec.outputs else Status.RAN


def _phase(ended: _Ended, verdict: Verdict | None) -> Phase | None:
    """Return the phase of the step that decided, or of the last step."""
    decisive = [step for step, result in ended if verdict is None or result.verdict is verdict]
    return _PHASES[type(decisive[-1])] if decisive else None


def _seconds(ended: _Ended) -> dict[str, float]:
    totals: dict[str, float] = {}
    for step, result in ended:
        name = type(step).__name__.lower()
        totals[name] = round(totals.get(name, 0.0) + result.seconds, 3)
    return totals


def _commands(plan: Plan) -> dict[str, tuple[str, ...]]:
    commands: dict[str, tuple[str, ...]] = {}
    for step in plan.steps:
        match step:
            case Compile():
                commands[step.label] = step.argv
            case Run():
                commands["run"] = step.argv
            case Benchmark():
                commands["benchmark"] = step.argv
    return commands


def _kept(case: Case, final: Verdict, out_dir: Path) -> str:
    """Return the folder of the wrong outputs, relative to the results; empty if there are none."""
    folder = logs.case_dir(out_dir / "outputs", case.id)
    with contextlib.suppress(OSError):
        has_files = any(stat.S_ISREG(state.st_mode) for _, state in Folder(out_dir).content(folder))
        return str(folder.relative_to(out_dir)) if final.status is Status.FAILED and has_files else ""
    return ""


def _logs(case: Case, ended: _Ended, final: Verdict, out_dir: Path) -> dict[str, str]:
    """Return the path of each log relative to the results; those that several cases or runs share are copied.

    A log for which the disk has no space is left out: the result of the case must not be lost with it.
    """
    found: dict[str, str] = {}
    folder = logs.case_dir(out_dir / "logs", case.id)
    for step, result in ended:
        if (path := result.log_path) is None:
            continue
        name = step.label if isinstance(step, Compile) else str(_PHASES[type(step)])
        with contextlib.suppress(DiskError):
            if not path.is_relative_to(folder):
                argv = step.argv if isinstance(step, Compile) else ()
                path = logs.copied(path, folder / f"{name}.log", root=out_dir, argv=argv)
            found[name] = str(path.relative_to(out_dir))
    if final.details:
        with contextlib.suppress(DiskError):
            path = logs.written(folder / f"{INTERNAL}.log", final.details, root=out_dir)
            found[INTERNAL] = str(path.relative_to(out_dir))
    return found
