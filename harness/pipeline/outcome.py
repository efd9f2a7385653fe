"""What became of a case: its verdict with what was expected applied, and what its steps left."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.core.cases import Case
from harness.core.outcomes import Outcome, Phase, Status, Verdict
from harness.host.disk import disk_errors
from harness.pipeline import planner as planning
from harness.pipeline.step_runner import COMPILE_LOG, Compiled, Ran, Results, StepResult, case_dir
from harness.pipeline.steps import Compare, Compile, Fetch, Plan, Run


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


def _judged(plan: Plan, done: Sequence[StepResult], verdict: Verdict | None) -> tuple[Verdict, Phase | None]:
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


def _phase(done: Sequence[StepResult], verdict: Verdict | None) -> Phase | None:
    """Return the phase of the step that decided, or of the last one done."""
    decisive = [each.step for each in done if verdict is None or each.verdict is verdict]
    phases = {Fetch: Phase.FETCH, Compile: Phase.COMPILE, Run: Phase.RUN, Compare: Phase.COMPARE}
    return phases[type(decisive[-1])] if decisive else None


def _seconds(done: Sequence[StepResult]) -> dict[str, float]:
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


def _logs(case: Case, done: Sequence[StepResult], out_dir: Path) -> dict[str, str]:
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
