import dataclasses
import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.core.cases import Backend, Target
from harness.core.history import Cost
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Phase, Status, Verdict
from harness.host.cancel import CancelToken
from harness.pipeline import estimates, logs
from harness.pipeline.outcome import outcome as outcome_of
from harness.pipeline.scheduler import PlanRun
from harness.pipeline.step_results import INTERRUPTED, StepResult
from harness.pipeline.steps import Compare, Compile, Fetch, Plan, Run, Step, needs
from harness.report.outcome_log import OutcomeLog
from tests.unit.executors import Decide, FakeExecutor, Heard, error, failed
from tests.unit.samples import CPU, MI300, blob, planned, rocm_spec, spec


def well(_: Step) -> None:
    """Let every step end well."""


def fails(kind: type[Step], of: str = "") -> Decide:
    """Let the steps of a kind fail in whose description a text occurs."""
    return lambda step: failed() if isinstance(step, kind) and of in repr(step) else None


def begin(root: Path, plans: Sequence[Plan], decide: Decide = well, **more: Any) -> tuple[PlanRun, FakeExecutor, Heard]:
    executor, heard = FakeExecutor(root, decide, **more), Heard()
    return PlanRun(plans, executor, heard, out_dir=root / "out", cancel=CancelToken()), executor, heard


def outcomes(root: Path, *plans: Plan, decide: Decide = well, **more: Any) -> tuple[Outcome, ...]:
    plan_run, _, heard = begin(root, plans, decide, **more)
    plan_run.run()
    assert sorted(each.id for each in heard.cases) == sorted(each.case.id for each in plans), "each is decided once"
    return tuple(plan_run.outcomes())


def three() -> tuple[Plan, Plan, Plan]:
    """Return two cases that share their compilation and one that is on its own."""
    return (
        planned(spec(submodel="one")),
        planned(spec(submodel="two", real_weights=blob("two.irpa"), devices=("local-sync",))),
        planned(spec(submodel="three", mlir=blob("three.mlir"), pipeline_mlir=blob("p"), add_pipeline_module=True)),
    )


@pytest.mark.parametrize("seed", range(10))
def test_steps_are_done_once_and_after_what_they_need(tmp_path: Path, seed: int) -> None:
    plans = three()
    plan_run, executor, heard = begin(tmp_path, plans, seed=seed)
    plan_run.run()
    assert len(executor.started) == len(set(executor.started))
    assert set(executor.started) == {step for plan in plans for step in plan.steps}
    assert [outcome.status for outcome in plan_run.outcomes()] == [Status.PASSED] * 3
    assert [outcome.submodel for outcome in plan_run.outcomes()] == ["one", "two", "three"], "in the order of the plans"
    assert [step for step, _ in heard.started] == executor.started
    assert set(heard.ended) == set(executor.started)
    for place, step in enumerate(heard.ended):
        assert set(needs(step)) <= set(heard.ended[:place])


def test_whatever_can_overlap_is_started_at_once(tmp_path: Path) -> None:
    plan_run, executor, _ = begin(tmp_path, three(), lambda _: KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        plan_run.run()
    blobs = {step.blob.name for step in executor.started if isinstance(step, Fetch)}
    assert blobs == {"clip.mlir", "three.mlir", "p", "in.bin", "clip.irpa", "two.irpa", "out.bin"}
    assert len(executor.started) == len(blobs)


def test_what_is_on_the_longest_path_goes_first(tmp_path: Path) -> None:
    """`long` compiles for long, `late` runs for long, and `both` shares its program with `late`."""
    compiled_s, ran_s = {"long": 50.0, "late": 5.0, "short": 1.0, "both": 5.0}, {"late": 100.0}
    costs = {
        f"tiny/{name}[cpu]": Cost(compile_seconds=compile_s, run_seconds=ran_s.get(name, 1.0))
        for name, compile_s in compiled_s.items()
    }
    plans = [planned(spec(submodel=name, mlir=blob(f"{name}.mlir"))) for name in ("short", "late", "long")]
    plans.append(planned(spec(submodel="both", mlir=blob("late.mlir"))))
    executor = FakeExecutor(tmp_path)
    run = PlanRun(plans, executor, Heard(), out_dir=tmp_path / "out", cancel=CancelToken(), costs=lambda _: costs)
    run.run()
    programs = [step.blob.name for step in executor.started if isinstance(step, Fetch) and "mlir" in step.blob.name]
    assert programs == ["late.mlir", "long.mlir", "short.mlir"]
    after_s = estimates.seconds(next(step for step in plans[0].steps if isinstance(step, Compare)), Cost())
    ranks: dict[type[Step], list[float]] = {type(step): [] for step in executor.started}
    for step in executor.started:
        ranks[type(step)].append(executor.demands[step].rank - after_s)
    assert sorted(ranks[Compile]) == pytest.approx([2.0, 51.0, 105.0])
    assert sorted(ranks[Run]) == pytest.approx([1.0, 1.0, 1.0, 100.0])
    assert set(ranks[Compare]) == {0.0}


def test_a_shared_step_names_all_its_cases(tmp_path: Path) -> None:
    plan_run, _, heard = begin(tmp_path, three())
    plan_run.run()
    users = [ids for step, ids in heard.started if isinstance(step, Compile) and "clip.mlir" in repr(step)]
    assert users == [("tiny/one[cpu]", "tiny/two[cpu]")]


@pytest.mark.parametrize("seed", range(10))
def test_a_failed_step_decides_its_cases_and_does_not_stop_others(tmp_path: Path, seed: int) -> None:
    plans = three()
    plan_run, executor, heard = begin(tmp_path, plans, fails(Compile, "clip.mlir"), seed=seed)
    plan_run.run()
    one, two, other = plan_run.outcomes()
    for outcome in (one, two):
        assert (outcome.status, outcome.kind, outcome.phase) == (Status.FAILED, Kind.NUMERIC, Phase.COMPILE)
        assert (outcome.reason, outcome.log_tail) == ("wrong", "its end")
        assert (outcome.modules, outcome.outputs) == ((), ())
    assert (other.status, other.phase) == (Status.PASSED, Phase.COMPARE)
    assert [step.case_id for step in executor.started if isinstance(step, Run)] == ["tiny/three[cpu]"]
    assert len(heard.cases) == len(plans)


def test_a_blob_that_cannot_be_had_is_no_failure_of_the_model(tmp_path: Path) -> None:
    gone = error(Kind.FETCH, "gone")
    first, second, third = outcomes(tmp_path, *three(), decide=lambda s: gone if "two.irpa" in repr(s) else None)
    assert (second.status, second.kind, second.phase, second.reason) == (Status.ERROR, Kind.FETCH, Phase.FETCH, "gone")
    assert first.status is third.status is Status.PASSED


EXPECTING = {"run_test_expecting_to_fail": True, "lines": {"$.run_test_expecting_to_fail": 31}}


@pytest.mark.parametrize(
    ("decide", "status", "kind", "phase"),
    [
        (fails(Compare), Status.XFAILED, Kind.NUMERIC, Phase.COMPARE),
        (fails(Run), Status.XFAILED, Kind.NUMERIC, Phase.RUN),
        (fails(Compile), Status.FAILED, Kind.NUMERIC, Phase.COMPILE),
        (lambda step: error() if isinstance(step, Run) else None, Status.ERROR, Kind.TOOL, Phase.RUN),
        (well, Status.XPASSED, None, Phase.COMPARE),
    ],
)
def test_a_run_that_is_expected_to_fail_is_done(
    tmp_path: Path, decide: Decide, status: Status, kind: Kind | None, phase: Phase
) -> None:
    (outcome,) = outcomes(tmp_path, planned(spec(**EXPECTING)), decide=decide)
    assert (outcome.status, outcome.kind, outcome.phase) == (status, kind, phase)
    if status is Status.XPASSED:
        place = "quality_tests/tiny/clip_cpu.json:31, or run `harness bless --expectations`"
        assert outcome.reason == f'expected to fail but passed: delete "run_test_expecting_to_fail" in {place}'


def test_a_run_that_is_expected_to_fail_and_compares_nothing(tmp_path: Path) -> None:
    (outcome,) = outcomes(tmp_path, planned(spec(**EXPECTING, outputs=())))
    assert (outcome.status, outcome.phase) == (Status.XPASSED, Phase.RUN)
    (compiled,) = outcomes(tmp_path, planned(spec(**EXPECTING, compile_only=True)))
    assert (compiled.status, compiled.phase) == (Status.COMPILED, Phase.COMPILE)


@pytest.mark.parametrize(
    ("decide", "status"),
    [
        (fails(Compile), Status.XFAILED),
        (lambda step: error() if isinstance(step, Compile) else None, Status.ERROR),
        (lambda step: error(Kind.FETCH) if isinstance(step, Fetch) else None, Status.ERROR),
        (well, Status.XPASSED),
    ],
)
def test_a_compilation_that_is_expected_to_fail_is_done(tmp_path: Path, decide: Decide, status: Status) -> None:
    field = "compile_chip_expecting_to_fail"
    model = rocm_spec(compile_chip_expecting_to_fail=("gfx90a",), lines={f"$.{field}": 7})
    chip = planned(model, Target(backend=Backend.ROCM, chip="gfx90a"))
    other = planned(model, MI300)
    found, unexpected = outcomes(tmp_path, chip, other, decide=decide)
    assert found.status is status
    if status is Status.XPASSED:
        place = "quality_tests/tiny/clip_cpu.json:7, or run `harness bless --expectations`"
        assert found.reason == f'expected to fail but passed: delete "{field}"[gfx90a] in {place}'
    assert unexpected.status is {Status.XFAILED: Status.FAILED, Status.XPASSED: Status.PASSED}.get(status, status)


def test_a_time_limit_while_compiling_is_a_failure_too(tmp_path: Path) -> None:
    model = rocm_spec(compile_chip_expecting_to_fail=("gfx942",))
    slow = failed(Kind.TIMEOUT, "killed")
    (found,) = outcomes(tmp_path, planned(model, MI300), decide=lambda s: slow if isinstance(s, Compile) else None)
    assert (found.status, found.kind) == (Status.XFAILED, Kind.TIMEOUT)


def test_what_is_blocked_is_told_without_a_step(tmp_path: Path) -> None:
    nowhere = planned(rocm_spec(submodel="nowhere"), Target(backend=Backend.ROCM))
    new = spec(
        submodel="new", compiler_flags=("--iree-dispatch-creation-data-tiling",), run_test_expecting_to_fail=True
    )
    plan_run, executor, heard = begin(tmp_path, [nowhere, planned(), planned(new, name="3.4.0")])
    before = tuple(plan_run.outcomes())
    plan_run.run()
    assert [each.status for each in before] == [Status.ERROR, Status.ERROR, Status.UNSUPPORTED]
    assert [each.status for each in plan_run.outcomes()] == [Status.ERROR, Status.PASSED, Status.UNSUPPORTED]
    assert [each.kind for each in plan_run.outcomes()] == [Kind.DEVICE, None, None]
    assert plan_run.outcomes()[2].phase is None
    assert "has no flag --iree-dispatch-creation-data-tiling" in plan_run.outcomes()[2].reason
    assert [each.submodel for each in heard.cases] == ["nowhere", "new", "clip"], "at once"
    assert len(executor.started) == len(planned().steps)


def test_before_it_is_run_everything_is_interrupted(tmp_path: Path) -> None:
    plan_run, _, _ = begin(tmp_path, three())
    assert [outcome.submodel for outcome in plan_run.outcomes()] == ["one", "two", "three"]
    for outcome in plan_run.outcomes():
        assert (outcome.status, outcome.kind, outcome.reason) == (Status.ERROR, Kind.TOOL, INTERRUPTED.reason)
        assert (outcome.phase, outcome.commands["run"][0]) == (None, "iree-run-module")


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), RuntimeError("a bug")])
@pytest.mark.parametrize("seed", range(5))
def test_an_interrupt_leaves_complete_outcomes(tmp_path: Path, stop: BaseException, seed: int) -> None:
    """The first run that would be done is interrupted; what is under way then ends as cancelled."""
    cancel, stops = CancelToken(), [stop]

    def decide(step: Step) -> Any:
        if cancel.is_set():
            return INTERRUPTED
        return stops.pop() if stops and isinstance(step, Run) and "three" in repr(step) else None

    executor, heard = FakeExecutor(tmp_path, decide, seed=seed), Heard()
    plans = three()
    plan_run = PlanRun(plans, executor, heard, out_dir=tmp_path / "out", cancel=cancel)
    with pytest.raises(type(stop)):
        plan_run.run()
    assert cancel.is_set()
    assert executor.under_way == [], "all that was running has ended"
    found = {outcome.submodel: outcome for outcome in plan_run.outcomes()}
    assert list(found) == ["one", "two", "three"]
    decided = {outcome.submodel: outcome for outcome in heard.cases}
    for name, outcome in found.items():
        if name in decided:
            assert (outcome, outcome.status) == (decided[name], Status.PASSED)
        else:
            assert (outcome.status, outcome.kind, outcome.reason) == (Status.ERROR, Kind.TOOL, INTERRUPTED.reason)
    assert "three" not in decided
    assert found["three"].phase is Phase.RUN
    assert len(found["three"].modules) == 2, "what was done before is kept"


def test_a_cancelled_run_starts_nothing_more(tmp_path: Path) -> None:
    cancel = CancelToken()
    executor = FakeExecutor(tmp_path, lambda _: cancel.set())
    plan_run = PlanRun(three(), executor, Heard(), out_dir=tmp_path / "out", cancel=cancel)
    plan_run.run()
    assert {type(step) for step in executor.started} == {Fetch}
    assert executor.under_way == []
    assert {outcome.reason for outcome in plan_run.outcomes()} == {INTERRUPTED.reason}


def test_an_outcome_tells_all_that_was_done(tmp_path: Path) -> None:
    plan = three()[2]
    (outcome,) = outcomes(tmp_path, plan)
    first, second = (step for step in plan.steps if isinstance(step, Compile))
    (ran,) = (step for step in plan.steps if isinstance(step, Run))
    assert outcome.commands == {"compile": first.argv, "compile_pipeline": second.argv, "run": ran.argv}
    assert outcome.seconds == {"fetch": 2.5, "compile": 1.0, "run": 0.5, "compare": 0.5}
    assert [module.key for module in outcome.modules] == ["model.vmfb", "pipeline.vmfb"]
    assert [each.type for each in outcome.outputs] == ["2xf32"]
    assert [each.url for each in outcome.blobs] == [s.blob.url for s in plan.steps if isinstance(s, Fetch)]
    assert (outcome.peak_memory_bytes, outcome.log_tail, outcome.reason) == (77, "", "")
    assert (outcome.backend, outcome.chip, outcome.path) == ("cpu", None, "quality_tests/tiny/clip_cpu.json")


def test_logs_of_compilations_are_copied_into_the_results_below_the_command(tmp_path: Path) -> None:
    (outcome,) = outcomes(tmp_path, three()[2])
    folder = "logs/tiny/three-cpu"
    assert outcome.logs == {
        "compile": f"{folder}/compile.log",
        "compile_pipeline": f"{folder}/compile_pipeline.log",
        "run": f"{folder}/run.log",
    }
    texts = {name: (tmp_path / "out" / path).read_text() for name, path in outcome.logs.items()}
    for name in ("compile", "compile_pipeline"):
        assert texts[name].startswith(f"+ {shlex.join(outcome.commands[name])}\nlog of Compile(")
    assert texts["run"].startswith("log of Run("), "it begins with the command already"


def test_the_log_of_a_compilation_that_failed_is_copied_for_each_of_its_cases(tmp_path: Path) -> None:
    class Failed(FakeExecutor):
        def done(self, step: Step, verdict: Verdict | None) -> StepResult:
            ended = super().done(step, verdict)
            if not (verdict and isinstance(step, Compile)):
                return ended
            log = logs.failed_compilation(tmp_path / "out", "a" * 64)
            return msgspec.structs.replace(ended, log_path=logs.copied(tmp_path / "Compile.log", log, root=tmp_path))

    executor = Failed(tmp_path, fails(Compile, "clip.mlir"))
    plan_run = PlanRun(three()[:2], executor, Heard(), out_dir=tmp_path / "out", cancel=CancelToken())
    plan_run.run()
    found = [outcome.logs["compile"] for outcome in plan_run.outcomes()]
    assert found == ["logs/tiny/one-cpu/compile.log", "logs/tiny/two-cpu/compile.log"]
    assert all((tmp_path / "out" / path).read_text().startswith("+ iree-compile ") for path in found)
    logs.remove_failed(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["logs"]


def test_the_log_of_a_run_stays_where_it_is(tmp_path: Path) -> None:
    place = tmp_path / "out/logs/tiny/clip-cpu/run.log"

    plan = planned()
    plan = dataclasses.replace(plan, steps=tuple(step for step in plan.steps if not isinstance(step, Compile)))
    ended = {step: StepResult() for step in plan.steps}
    ended |= {step: StepResult(log_path=place) for step in plan.steps if isinstance(step, Run)}
    found = outcome_of(plan, ended, None, tmp_path / "out")
    assert found.logs == {"run": "logs/tiny/clip-cpu/run.log"}
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("keeps_results", [True, False])
def test_of_very_many_cases_some_are_planned_at_a_time_and_forgotten(tmp_path: Path, *, keeps_results: bool) -> None:
    """All share a program, and every third cannot be planned."""
    number, made = 50, list[int]()

    def plans() -> Iterator[Plan]:
        for index in range(number):
            made.append(index)
            target = Target(backend=Backend.ROCM) if index % 3 == 0 else CPU
            yield planned(spec(submodel=f"case{index}", compile_only=True), target)

    executor, heard = FakeExecutor(tmp_path), Heard()
    at_first: list[int] = []
    log = OutcomeLog(tmp_path, number)
    run = PlanRun(
        plans(),
        executor,
        heard,
        out_dir=tmp_path / "out",
        cancel=CancelToken(),
        keeps_results=keeps_results,
        on_planned=lambda _: at_first.append(len(made)),
        log=log,
        at_once=20,
    )
    run.run()
    assert (at_first[0], at_first[-1]) == (20, number)
    assert (len(made), len(heard.cases)) == (number, number)
    assert [each.submodel for each in run.outcomes()] == [f"case{index}" for index in range(number)]
    assert {each.status for each in log} == {Status.ERROR, Status.COMPILED}
    assert bool(run.results) is keeps_results


class _Counted(tuple[Step, ...]):
    """Steps that count how often somebody looks through them."""

    __slots__ = ()
    looked = 0

    def __iter__(self) -> Iterator[Step]:
        _Counted.looked += 1
        return super().__iter__()

    def __contains__(self, step: object) -> bool:
        _Counted.looked += 1
        return super().__contains__(step)


def test_many_cases_take_linear_time(tmp_path: Path) -> None:
    number = 60
    plans = [planned(spec(submodel=f"case{index}", mlir=blob(f"{index}.mlir"))) for index in range(number)]
    counted = [dataclasses.replace(each, steps=_Counted(each.steps)) for each in plans]
    assert {each.status for each in outcomes(tmp_path, *counted)} == {Status.PASSED}
    assert _Counted.looked < 20 * number


@pytest.mark.parametrize("began", [1_790_000_000.0, 1_790_000_000.123, 1_790_000_000.9994, 1_790_000_000.9999999])
def test_when_a_step_began_is_told_with_milliseconds(tmp_path: Path, began: float) -> None:
    plan = planned()
    found = outcome_of(plan, {plan.steps[0]: StepResult(began=began)}, None, tmp_path)
    said = datetime.fromtimestamp(began, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert [each.began for each in found.steps] == [said]
