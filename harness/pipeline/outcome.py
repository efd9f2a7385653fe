"""Makes the outcome of a case from the results of its steps, and applies expected failures."""

import contextlib
import functools
import math
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from harness.core.cases import Case, ModelSpec
from harness.core.errors import DiskError
from harness.core.measurements import BudgetCheck
from harness.core.outcomes import Outcome
from harness.core.references import Oracle
from harness.core.statuses import Kind, Phase, Status, Verdict
from harness.core.tensors import Tensor
from harness.core.timings import StepTime
from harness.host.beneath import Folder
from harness.pipeline import budgets, expectations, logs, steps
from harness.pipeline.step_results import (
    INTERRUPTED,
    BenchmarkResult,
    CompareResult,
    CompileResult,
    FailedCompileResult,
    FetchResult,
    RunResult,
    StepResult,
)
from harness.pipeline.steps import (
    ORACLE,
    Benchmark,
    Compare,
    Compile,
    Draw,
    Fetch,
    OracleSteps,
    Plan,
    Run,
    Step,
)

_PHASES: Mapping[type[Step], Phase] = {
    Fetch: Phase.FETCH,
    Compile: Phase.COMPILE,
    Draw: Phase.COMPILE,
    Run: Phase.RUN,
    Compare: Phase.COMPARE,
    Benchmark: Phase.BENCHMARK,
}
_BUSY = 0.1  # of the time; below that, others hardly change what is timed
INTERNAL = "internal"  # the log of an unexpected exception
_Ended = Sequence[tuple[Step, StepResult]]
_Result = TypeVar("_Result", bound=StepResult)


def outcome(plan: Plan, results: Mapping[Step, StepResult], verdict: Verdict | None, out_dir: Path) -> Outcome:
    """Return what happened to a case, with its expectations applied, and copy the logs of its compilations."""
    case, spec = plan.case, plan.case.spec
    ended = [(step, results[step]) for step in plan.steps if step in results]
    of_oracle = plan.of_oracle
    left = [result for step, result in ended if step not in of_oracle]
    ran, failure = _first(left, RunResult), _first(left, FailedCompileResult)
    compared, timed = _first(left, CompareResult), _first(left, BenchmarkResult)
    checks = budgets.checks(plan, left)
    final, phase = _final(plan, ended, verdict, checks)
    return Outcome(
        id=case.id,
        model=spec.model,
        submodel=spec.submodel,
        backend=str(spec.backend),
        chip=case.target.chip,
        release=plan.release.name if plan.release else None,
        devices=ran.devices if ran else (),
        status=final.status,
        kind=final.kind,
        phase=phase,
        reason=final.reason,
        path=str(spec.path),
        config=spec.config_path,
        listed_as=spec.listing.name if spec.listing else "",
        seconds=_seconds(plan, ended),
        reused=ran.reused if ran else None,
        steps=tuple(_times(ended)),
        modules=tuple(each.module for each in left if isinstance(each, CompileResult)),
        failed_compilation=failure.compilation if failure else None,
        outputs=compared.outputs if compared else (),
        oracle=plan.oracle.oracle if plan.oracle else _framework(spec),
        importer=spec.imported.importer if spec.imported else "",
        latency=timed.latency if timed else None,
        budgets=checks,
        written=steps.written_sha256(plan.own),
        commands=_commands(plan, results),
        logs=_logs(plan, _to_show(plan, ended, verdict), final, out_dir),
        blobs=tuple(each.fetched.blob for each in left if isinstance(each, FetchResult)),
        peak_memory_bytes=ran.process.peak_memory_bytes if ran else None,
        kept=_kept(case, final, out_dir),
        notes=(
            *plan.notes,
            *([str(case.quarantine)] if case.quarantine else []),
            *_remarks(left),
            *_other_outputs(case, results),
        ),
        stale=final.stale,
        quarantined=case.quarantine,
        log_tail=final.details or next((each.log_tail for _, each in ended if each.verdict is verdict and verdict), ""),
    )


def _first(left: Iterable[StepResult], kind: type[_Result]) -> _Result | None:
    """Return the first result of a kind; None if there is none."""
    for each in left:
        if isinstance(each, kind):
            return each
    return None


def _framework(spec: ModelSpec) -> Oracle | None:
    """Return the framework that computed the expected outputs in this run; None if the spec has them."""
    return Oracle.ONNXRUNTIME if spec.imported and spec.imported.reference else None


def _remarks(left: Sequence[StepResult]) -> Iterator[str]:
    """Yield what the steps found worth a remark."""
    for each in left:
        yield from each.notes
        match each:
            case BenchmarkResult() if each.busy >= _BUSY:
                yield f"other programs used {each.busy:.0%} of the cores while the function was timed"
            case CompareResult():
                yield from (output.note for output in each.outputs if output.note)


def _other_outputs(case: Case, results: Mapping[Step, StepResult]) -> Iterator[str]:
    """Yield a remark for each expected output that is not the one whose provenance the spec has."""
    recorded = case.spec.provenance.outputs if case.spec.provenance else ()
    for index, (expected, known) in enumerate(zip(case.spec.outputs, recorded, strict=False)):
        fetched = results.get(Fetch(blob=expected.blob)) if isinstance(expected, Tensor) else None
        if known and isinstance(fetched, FetchResult) and fetched.fetched.blob.sha256 != known.sha256:
            yield f"output {index}: the expected output is another one than that whose provenance the spec has"


def _final(
    plan: Plan, ended: _Ended, verdict: Verdict | None, checks: Sequence[BudgetCheck]
) -> tuple[Verdict, Phase | None]:
    if plan.blocked:
        return expectations.judged(plan.blocked, plan.phase, plan.expected), plan.phase
    exceeded = None if verdict else budgets.verdict(checks)
    phase = budgets.phase(checks) if exceeded else _phase(plan, ended, verdict)
    found = verdict or exceeded or _good(plan, [result for _, result in ended])
    if plan.oracle and verdict:
        found = _beside_oracle(plan.oracle, found, phase, is_its_own=_decisive(ended, verdict) in plan.of_oracle)
    if _framework(plan.case.spec) and found.status is Status.FAILED and phase is Phase.COMPARE:
        found = replace(found, reason=f"{found.reason}; compared with {Oracle.ONNXRUNTIME.description}")
    if found.is_of_inputs and plan.case.spec.listing:
        found = _refused(found)
    return expectations.judged(found, phase, plan.expected), phase


def _beside_oracle(oracle: OracleSteps, found: Verdict, phase: Phase | None, *, is_its_own: bool) -> Verdict:
    """Return a verdict that says what the oracle has to do with it; where the oracle fails, the model did not."""
    what = oracle.oracle.description
    if is_its_own and found is not INTERRUPTED:
        kind = Kind.ORACLE if found.status is Status.FAILED else found.kind
        reason = f"nothing was compared, because the oracle failed: {what}: {found.reason}"
        return replace(found, status=Status.ERROR, kind=kind, reason=reason, is_of_inputs=False)
    is_compared = found.status is Status.FAILED and phase is Phase.COMPARE
    return replace(found, reason=f"{found.reason}; compared with {what}") if is_compared else found


def _refused(found: Verdict) -> Verdict:
    """Return the verdict for a case of a suite: its inputs fitted once, so a program that refuses them is broken."""
    reason = found.reason.replace("; correct the spec", "")
    return Verdict(status=Status.FAILED, kind=Kind.SHAPE, reason=reason)


def _good(plan: Plan, left: Sequence[StepResult]) -> Verdict:
    if plan.case.is_compile_only:
        return Verdict(status=Status.COMPILED, kind=None, reason="")
    nothing = next((each.nothing for each in left if isinstance(each, CompareResult)), plan.nothing)
    is_compared = plan.case.spec.outputs or (plan.oracle and not nothing)
    reason = f"nothing compared: {nothing}" if nothing else ""
    return Verdict(status=Status.PASSED if is_compared else Status.RAN, kind=None, reason=reason)


def _phase(plan: Plan, ended: _Ended, verdict: Verdict | None) -> Phase | None:
    """Return the phase of the step that decided, or of the last step."""
    step = _decisive(ended, verdict)
    if step is None:
        return None
    return Phase.COMPARE if step in plan.of_oracle else _PHASES[type(step)]


def _decisive(ended: _Ended, verdict: Verdict | None) -> Step | None:
    return next((step for step, result in reversed(ended) if verdict is None or result.verdict is verdict), None)


def _seconds(plan: Plan, ended: _Ended) -> dict[str, float]:
    imported = plan.case.spec.imported
    totals: dict[str, float] = {str(Phase.IMPORT): imported.seconds} if imported else {}
    of_oracle = plan.of_oracle
    for step, result in ended:
        name = ORACLE if step in of_oracle else type(step).__name__.lower()
        totals[name] = round(totals.get(name, 0.0) + result.seconds, 3)
    return totals


def _times(ended: _Ended) -> Iterator[StepTime]:
    """Yield when steps were done; blobs and runs that the cache had took no time."""
    ran = _first((result for _, result in ended), RunResult)
    reused = ran.reused if ran else None
    for step, result in ended:
        is_cached = isinstance(result, FetchResult) and result.fetched.blob.cached
        if result.began and not is_cached and not (reused and isinstance(step, Run | Compare)):
            yield StepTime(
                step=_label(step),
                began=_moment(result.began),
                seconds=round(result.held_s, 3),
                resource=result.resource,
            )


def _moment(since_1970: float) -> str:
    """Return a time in UTC, ISO 8601 with milliseconds."""
    fraction, second = math.modf(since_1970)
    more, microseconds = divmod(round(fraction * 1_000_000), 1_000_000)
    return f"{_second(second + more)}.{microseconds // 1000:03}Z"


@functools.lru_cache(maxsize=1024)
def _second(since_1970: float) -> str:
    """Return a whole second in UTC, ISO 8601; many steps begin in one."""
    return datetime.fromtimestamp(since_1970, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _commands(plan: Plan, results: Mapping[Step, StepResult]) -> dict[str, tuple[str, ...]]:
    commands: dict[str, tuple[str, ...]] = {}
    for step in plan.steps:
        match step:
            case Compile() | Run() | Benchmark():
                ran = results.get(step)
                commands[_label(step)] = ran.argv if isinstance(ran, RunResult) else step.argv
    return commands


def _label(step: Step) -> str:
    """Return what results call a step: `compile`, `run`, `benchmark`, or of an oracle `oracle_run`."""
    match step:
        case Compile():
            return f"{ORACLE}_{step.label}" if step.oracle_of else step.label
        case Run() if step.role:
            return f"{step.role}_run"
        case _:
            return str(_PHASES[type(step)])


def _kept(case: Case, final: Verdict, out_dir: Path) -> str:
    """Return the folder of the outputs, relative to the results, unless they are right; empty if there are none."""
    if final.status not in {Status.FAILED, Status.RAN} and final.kind is not Kind.ORACLE:
        return ""
    folder = logs.case_dir(out_dir / "outputs", case.id)
    with contextlib.suppress(OSError):
        has_files = any(stat.S_ISREG(state.st_mode) for _, state in Folder(out_dir).content(folder))
        return str(folder.relative_to(out_dir)) if has_files else ""
    return ""


def _to_show(plan: Plan, ended: _Ended, verdict: Verdict | None) -> _Ended:
    """Return steps in the order in which their logs are listed: the user is shown the last one."""
    of_oracle = plan.of_oracle
    if not of_oracle or _decisive(ended, verdict) in of_oracle:
        return ended
    return sorted(ended, key=lambda each: each[0] not in of_oracle)


def _logs(plan: Plan, ended: _Ended, final: Verdict, out_dir: Path) -> dict[str, str]:
    """Return the path of each log relative to the results; those that several cases or runs share are copied.

    A log for which the disk has no space is left out: the result of the case must not be lost with it.
    """
    found: dict[str, str] = {}
    with_log = [(step, result.log_path) for step, result in ended if result.log_path is not None]
    if not with_log and not final.details:
        return found
    folder = logs.case_dir(out_dir / "logs", plan.case.id)
    named, start = folder.relative_to(out_dir), len(f"{folder}/")
    for step, path in with_log:
        name = _label(step)
        with contextlib.suppress(DiskError):
            shown = path
            if not str(path).startswith(f"{folder}/"):
                argv = step.argv if isinstance(step, Compile) else ()
                shown = logs.copied(path, folder / f"{name}.log", root=out_dir, argv=argv)
            found[name] = f"{named}/{str(shown)[start:]}"
    if final.details:
        with contextlib.suppress(DiskError):
            path = logs.written(folder / f"{INTERNAL}.log", final.details, root=out_dir)
            found[INTERNAL] = str(path.relative_to(out_dir))
    return found
