"""How oracles are planned, done and told; `tests/integration/test_goldens.py` has real ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.core.cases import Program, RandomWeights
from harness.core.measurements import Measurement
from harness.core.outcomes import Outcome
from harness.core.references import Oracle
from harness.core.statuses import Kind, Phase, Status, Verdict
from harness.host.cancel import CancelToken
from harness.iree.flags import CPU_FLAGS, statistics_flags
from harness.pipeline import shell_script
from harness.pipeline.options import Options
from harness.pipeline.scheduler import PlanRun
from harness.pipeline.step_results import INTERRUPTED, CompareResult, StepResult
from harness.pipeline.steps import Compare, Compile, Draw, Fetch, Plan, Run, Step
from harness.report import console
from harness.report.overview import Overview
from tests.unit import reports
from tests.unit.executors import FakeExecutor, Heard, error, failed
from tests.unit.samples import MI300, blob, planned, rocm_spec, spec, tensor

ASKED = Options(oracle=Oracle.CPU)
CPU = "the same program compiled for the CPU (--oracle cpu)"
FLAGS = ("--iree-hal-target-device=hip", "--iree-opt-level=O3", "--iree-input-demote-i64-to-i32=true")


def on_gpu(**changes: Any) -> Plan:
    """Return the plan of a case that has no expected outputs, with an oracle."""
    model = rocm_spec(**({"outputs": (), "compiler_flags": FLAGS, "tuner_file": {"mi300": blob("tuner")}} | changes))
    return planned(model, MI300, options=ASKED)


def test_the_program_is_compiled_for_the_cpu_without_the_flags_that_are_judged() -> None:
    plan = on_gpu(run_args=("--hip_use_streams=true",))
    own, run, compiled, ran, compare = [step for step in plan.steps if not isinstance(step, Fetch)]
    assert isinstance(own, Compile)
    assert isinstance(run, Run)
    assert isinstance(compiled, Compile)
    assert isinstance(ran, Run)
    meaning = "--iree-input-demote-i64-to-i32=true"
    assert compiled.argv[:-2] == ("iree-compile", "model.mlir", "-o", "model.vmfb", *CPU_FLAGS, meaning)
    assert compiled.argv[-2:] == statistics_flags()
    assert compiled.links == own.links[:1], "and not the tuning spec"
    assert set(plan.needs(compiled)) == {Fetch(blob=blob("clip.mlir")), run}, "only where the case itself runs"
    assert ran.argv == tuple(
        word.replace("=hip", "=local-task") for word in run.argv if word != "--hip_use_streams=true"
    )
    assert (ran.links, ran.inputs, ran.devices, ran.chip) == (run.links, run.inputs, ("local-task",), None)
    assert (run.role, ran.case_id, ran.role) == ("", run.case_id, "oracle")
    assert run.keeps_all
    assert ran.keeps_all
    assert compare == Compare(run=run, thresholds=plan.case.spec.thresholds, reference=ran)
    assert set(plan.needs(compare)) == {run, ran}
    assert plan.of_oracle == (compiled, ran)


def test_every_program_of_a_case_and_its_random_weights() -> None:
    inner = Program(mlir=blob("inner.mlir"), compiler_flags=("--iree-opt-level=O1", "--iree-input-type=none"))
    weights = {"real_weights": None, "weights": (RandomWeights(seed=3),)}
    more = {"pipeline_mlir": blob("pipe.mlir"), "pipeline_compiler_flags": FLAGS, "add_pipeline_module": True}
    plan = on_gpu(modules=(inner,), **more, **weights, flags_for={">=3.0": FLAGS})
    compiles = [step for step in plan.of_oracle if isinstance(step, Compile)]
    own = {each.module: each.argv[4:-2] for each in compiles}
    assert own == {
        "module_0.vmfb": (*CPU_FLAGS, "--iree-input-type=none"),
        "model.vmfb": (*CPU_FLAGS, FLAGS[-1], FLAGS[-1]),
        "pipeline.vmfb": (*CPU_FLAGS, FLAGS[-1]),
    }
    same, drawn = (step for step in plan.steps if isinstance(step, Draw))
    assert (same.seed, drawn) == (drawn.seed, Draw(seed=3, compiles=tuple(compiles)))
    programs = [[each.links[0] for each in step.compiles] for step in (same, drawn)]
    assert programs[0] == programs[1], "which the weights are drawn for"


def test_what_has_expected_outputs_or_is_not_run_needs_no_oracle() -> None:
    assert planned(options=ASKED).steps == planned().steps
    assert planned(options=ASKED).oracle is None
    alone = planned(spec(outputs=(), compile_only=True), options=ASKED)
    assert [type(step) for step in alone.steps] == [Fetch, Compile]


@pytest.mark.parametrize(
    ("changes", "is_plain"),
    [
        ({}, True),
        ({"compiler_flags": ("--iree-hal-target-backends=llvm-cpu", "--iree-input-type=torch")}, True),
        ({"compiler_flags": CPU_FLAGS, "flags_for": {">=3.5": ("--iree-opt-level=O1",)}}, False),
        ({"compiler_flags": ("--iree-hal-target-device=local", "--iree-llvmcpu-target-cpu=host")}, False),
        ({"pipeline_mlir": blob("p"), "pipeline_compiler_flags": ("--iree-opt-level=O1",)}, False),
    ],
)
def test_a_case_for_the_cpu_without_flags_of_its_own_is_its_own_oracle(changes: dict[str, Any], is_plain: bool) -> None:  # noqa: FBT001
    plan = planned(spec(outputs=(), **changes), options=ASKED)
    assert (plan.oracle is None) is is_plain
    assert plan.nothing == (f"without compiler flags of its own, the case is {CPU}" if is_plain else "")


class _Compared(FakeExecutor):
    """Says of a comparison what it is told."""

    def __init__(self, root: Path, decide: Callable[[Step], Verdict | None], nothing: str = "") -> None:
        super().__init__(root, decide)
        self._nothing = nothing

    def done(self, step: Step, verdict: Verdict | None) -> StepResult:
        """Replace the result of a comparison."""
        ended = super().done(step, verdict)
        if not isinstance(step, Compare):
            return ended
        outputs = () if self._nothing else (Measurement(index=0, type="2xf32", error_ratio=0.1, max_abs_error=0.1),)
        return CompareResult(verdict=verdict, outputs=outputs, nothing=self._nothing)


def told(root: Path, decide: Callable[[Step], Verdict | None] = lambda _: None, nothing: str = "") -> Outcome:
    """Return the outcome of the case on the GPU if its steps end as decided."""
    plan_run = PlanRun(
        [on_gpu()], _Compared(root, decide, nothing), Heard(), out_dir=root / "out", cancel=CancelToken()
    )
    plan_run.run()
    (found,) = plan_run.outcomes()
    return found


def fails(kind: type[Step], role: str, verdict: Verdict) -> Callable[[Step], Verdict | None]:
    """Let a step of the case (`own`) or of the oracle fail."""

    def decide(step: Step) -> Verdict | None:
        names = {Run: "role", Compile: "oracle_of"}
        is_oracle = bool(getattr(step, names[type(step)], "")) if type(step) in names else False
        return verdict if isinstance(step, kind) and (role == "oracle") is is_oracle else None

    return decide


def test_outputs_like_those_of_the_oracle_pass_and_say_so(tmp_path: Path) -> None:
    found = told(tmp_path)
    assert (found.status, found.phase, found.oracle) == (Status.PASSED, Phase.COMPARE, Oracle.CPU)
    assert list(found.commands) == ["compile", "run", "oracle_compile", "oracle_run"]
    assert list(found.logs) == ["oracle_compile", "oracle_run", "compile", "run"], "the last one is shown"
    assert found.seconds == {"fetch": 2.0, "compile": 0.5, "run": 0.5, "oracle": 1.0, "compare": 0.0}
    assert len(found.modules) == 1
    line = f"1 case without expected outputs compared with {CPU}: tiny/clip[rocm-gfx942]"
    assert line in console.render(reports.report(found)).plain.splitlines()
    assert "oracle 1.00" in console.case_line(found).plain


def test_where_an_oracle_would_say_nothing_nothing_is_compared(tmp_path: Path) -> None:
    found = told(tmp_path, nothing="the oracle is the same module, byte for byte")
    assert (found.status, found.reason) == (
        Status.RAN,
        "nothing compared: the oracle is the same module, byte for byte",
    )
    assert console.case_line(found).plain.endswith(found.reason)
    assert list(Overview.of((found,)).remarks) == []


def test_other_outputs_than_those_of_the_oracle_fail_and_say_so(tmp_path: Path) -> None:
    found = told(tmp_path, lambda step: failed() if isinstance(step, Compare) else None)
    assert (found.status, found.kind, found.phase) == (Status.FAILED, Kind.NUMERIC, Phase.COMPARE)
    assert found.reason == f"wrong; compared with {CPU}"


@pytest.mark.parametrize("kind", [Compile, Run])
def test_an_oracle_that_fails_is_no_failure_of_the_model(tmp_path: Path, kind: type[Step]) -> None:
    found = told(tmp_path, fails(kind, "oracle", failed(Kind.COMPILE)))
    assert (found.status, found.kind, found.phase) == (Status.ERROR, Kind.ORACLE, Phase.COMPARE)
    assert found.reason == f"nothing was compared, because the oracle failed: {CPU}: wrong"
    assert (found.log_tail, found.failed_compilation) == ("its end", None)
    assert list(found.logs)[-1] == f"oracle_{kind.__name__.lower()}"
    full = told(tmp_path, fails(kind, "oracle", error(Kind.DISK, "no space")))
    assert (full.status, full.kind, full.reason.endswith(": no space")) == (Status.ERROR, Kind.DISK, True)
    assert told(tmp_path, fails(kind, "oracle", INTERRUPTED)).reason == INTERRUPTED.reason


@pytest.mark.parametrize("kind", [Compile, Run])
def test_a_case_that_fails_itself_needs_no_oracle(tmp_path: Path, kind: type[Step]) -> None:
    executor = FakeExecutor(tmp_path, fails(kind, "own", failed(Kind.CRASH)))
    plan = on_gpu()
    plan_run = PlanRun([plan], executor, Heard(), out_dir=tmp_path / "out", cancel=CancelToken())
    plan_run.run()
    (found,) = plan_run.outcomes()
    assert (found.status, found.kind, found.reason) == (Status.FAILED, Kind.CRASH, "wrong")
    assert not set(executor.started) & set(plan.of_oracle)


def test_cases_whose_oracles_compile_the_same_wait_for_their_own_runs(tmp_path: Path) -> None:
    plans = [on_gpu(submodel=name, inputs=(tensor(f"{name}.npy"),)) for name in ("one", "two")]
    decide = fails(Run, "own", failed(Kind.CRASH))
    executor = FakeExecutor(tmp_path, lambda step: decide(step) if "/two[" in repr(step) else None)
    plan_run = PlanRun(plans, executor, Heard(), out_dir=tmp_path / "out", cancel=CancelToken())
    plan_run.run()
    assert [found.kind for found in plan_run.outcomes()] == [None, Kind.CRASH]


def test_a_plan_shows_the_oracle_in_a_folder_of_its_own() -> None:
    lines = shell_script.render(on_gpu()).splitlines()
    start = lines.index(f"# {CPU}:")
    assert lines[start - 1].startswith("# a run adds --output=@N.npy")
    assert lines[start + 1] == "mkdir -p oracle && cd oracle"
    assert lines[start + 2 : -2][1].startswith("iree-compile model.mlir -o model.vmfb --iree-hal-target-device=local ")
    assert lines[-2:] == ["cd ..", "# compare each output with that in oracle"]
