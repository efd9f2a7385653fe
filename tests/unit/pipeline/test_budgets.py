from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.core.budgets import EVERY, Budget, Limit, Quantity, Statistic
from harness.core.cases import Backend, Case, Expectation, Target
from harness.core.measurements import BudgetCheck, Module
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Phase, Status, Verdict
from harness.core.timings import Latency, Timing
from harness.pipeline.options import Options
from harness.pipeline.outcome import outcome
from harness.pipeline.step_results import BenchmarkResult, CompileResult, StepResult
from harness.pipeline.steps import Benchmark, Compile, Plan, Run, Step
from tests.unit.executors import FakeExecutor, failed
from tests.unit.samples import CPU, MI300, blob, planned, rocm_spec, spec


def budget(**limits: float) -> Budget:
    """Return a budget for all targets."""
    return {Quantity(name): {EVERY: Limit(golden=each)} for name, each in limits.items()}


def by_target(quantity: Quantity = Quantity.DISPATCHES, **limits: float) -> Budget:
    """Return a budget of one quantity by target."""
    return {quantity: {name: Limit(golden=each) for name, each in limits.items()}}


def ended(tmp_path: Path, plan: Plan, verdict: Verdict | None = None, **facts: Any) -> Outcome:
    """Return what comes of a plan whose last step has a verdict; the facts are those of each module."""
    executor, results = FakeExecutor(tmp_path), dict[Step, StepResult]()
    samples_ms, busy = facts.pop("samples_ms", ()), facts.pop("busy", 0.0)
    numbers: dict[str, Any] = {"bytes": 1_000, "dispatches": 42, "compile_seconds": 2.5} | facts
    for step in plan.steps:
        result = results[step] = executor.done(step, verdict if step == plan.steps[-1] else None)
        if isinstance(result, BenchmarkResult):
            results[step] = msgspec.structs.replace(result, latency=Latency.of(samples_ms), busy=busy)
        if isinstance(step, Compile):
            module = Module(key="k", cached=True, sha256="a", **numbers)
            results[step] = CompileResult(folder=tmp_path, module=module)
    return outcome(plan, results, verdict, tmp_path)


@pytest.mark.parametrize(
    ("limits", "reason", "phase"),
    [
        ({"dispatches": 42, "module_bytes": 1_000, "compile_seconds": 2.5, "peak_bytes": 77}, "", Phase.COMPARE),
        ({"dispatches": 40}, "dispatches: 42, budget 40 (5% more)", Phase.COMPILE),
        ({"dispatches": 0}, "dispatches: 42, budget 0 (42 more)", Phase.COMPILE),
        ({"module_bytes": 100}, "module_bytes: 1000, budget 100 (900% more)", Phase.COMPILE),
        ({"compile_seconds": 2.4}, "compile_seconds: 2.5, budget 2.4 (4.2% more)", Phase.COMPILE),
        ({"peak_bytes": 70}, "peak_bytes: 77, budget 70 (10% more)", Phase.RUN),
        (
            {"peak_bytes": 70, "compile_seconds": 9, "dispatches": 41.5},
            "dispatches: 42, budget 41.5 (1.2% more); peak_bytes: 77, budget 70 (10% more)",
            Phase.COMPILE,
        ),
    ],
)
def test_each_number_of_a_case_has_its_budget(
    tmp_path: Path, limits: dict[str, float], reason: str, phase: Phase
) -> None:
    found = ended(tmp_path, planned(spec(budget=budget(**limits))))
    expected = (Status.FAILED, Kind.BUDGET) if reason else (Status.PASSED, None)
    assert (found.status, found.kind, found.reason, found.phase) == (*expected, reason, phase)
    assert [each.name for each in found.budgets] == [each for each in Quantity if each in limits]
    assert [each.name for each in found.budgets if each.exceeded] == [
        part.partition(":")[0] for part in filter(None, reason.split("; "))
    ]


@pytest.mark.parametrize(
    ("statistic", "reason"),
    [
        (Statistic.MIN, ""),
        (Statistic.MEDIAN, "latency_ms (median): 3, budget 2 (50% more)"),
        (Statistic.MEAN, "latency_ms (mean): 4.66667, budget 2 (133% more)"),
    ],
)
def test_a_latency_is_compared_by_its_statistic(tmp_path: Path, statistic: Statistic, reason: str) -> None:
    timing = Timing(repetitions=3, seconds=1, warmup_seconds=2)
    limit = Limit(golden=2, statistic=statistic, timing=timing)
    plan = planned(spec(budget={Quantity.LATENCY_MS: {EVERY: limit}}))
    step = plan.steps[-1]
    assert isinstance(step, Benchmark)
    assert {"--benchmark_repetitions=3", "--benchmark_min_warmup_time=2"} < {*step.argv}
    found = ended(tmp_path, plan, samples_ms=(3, 9, 2))
    assert (found.kind, found.reason) == (Kind.BUDGET if reason else None, reason)
    assert found.phase is Phase.BENCHMARK
    assert [each.statistic for each in found.budgets] == [statistic]


@pytest.mark.parametrize(("busy", "notes"), [(0.09, ()), (0.35, ("other programs used 35% of the cores while the",))])
def test_a_busy_machine_is_told(tmp_path: Path, busy: float, notes: tuple[str, ...]) -> None:
    limits = {Quantity.LATENCY_MS: {EVERY: Limit(golden=2)}}
    found = ended(tmp_path, planned(spec(budget=limits)), samples_ms=[1], busy=busy)
    assert [note.partition(" function")[0] for note in found.notes] == [*notes]


def test_only_a_latency_with_a_budget_is_timed() -> None:
    others = by_target(Quantity.LATENCY_MS, mi300=1)
    assert not any(isinstance(step, Benchmark) for step in planned(spec(budget=others)).steps)
    asked = Options(timing=Timing(repetitions=7))
    for limits in (others, by_target(Quantity.LATENCY_MS, cpu=1)):
        step = planned(spec(budget=limits), options=asked).steps[-1]
        assert isinstance(step, Benchmark)
        assert "--benchmark_repetitions=7" in step.argv


def test_tolerance(tmp_path: Path) -> None:
    def with_factor(tolerance: float) -> Outcome:
        limits = {Quantity.DISPATCHES: {EVERY: Limit(golden=20, tolerance=tolerance)}}
        return ended(tmp_path, planned(spec(budget=limits)))

    assert with_factor(2.1).budgets == (BudgetCheck(name="dispatches", value=42, limit=42, exceeded=False),)
    assert with_factor(2).reason == "dispatches: 42, budget 40 (5% more)"


def test_modules_are_added(tmp_path: Path) -> None:
    model = spec(budget=budget(dispatches=83, module_bytes=2_000), pipeline_mlir=blob("pipeline.mlir"))
    assert ended(tmp_path, planned(model)).reason == "dispatches: 84, budget 83 (1.2% more)"


def test_a_number_that_is_not_known_fails(tmp_path: Path) -> None:
    found = ended(tmp_path, planned(spec(budget=budget(dispatches=40))), dispatches=None)
    assert (found.kind, found.reason) == (Kind.BUDGET, "dispatches: unknown, budget 40")
    assert found.budgets == (BudgetCheck(name="dispatches", value=None, limit=40, exceeded=True),)


def test_a_case_that_is_wrong_stays_wrong_and_its_numbers_are_told(tmp_path: Path) -> None:
    found = ended(tmp_path, planned(spec(budget=budget(dispatches=40, peak_bytes=90))), failed())
    assert (found.kind, found.phase, found.reason) == (Kind.NUMERIC, Phase.COMPARE, "wrong")
    assert [(each.name, each.exceeded) for each in found.budgets] == [("dispatches", True), ("peak_bytes", False)]
    crashed = planned(spec(outputs=(), budget=budget(dispatches=40, peak_bytes=1)))
    assert isinstance(crashed.steps[-1], Run)
    assert [each.name for each in ended(tmp_path, crashed, failed(Kind.CRASH)).budgets] == ["dispatches"]


def test_without_a_run_only_the_compilation_has_a_budget(tmp_path: Path) -> None:
    target = replace(CPU, compile_only=True)
    model = spec(budget=budget(dispatches=42, peak_bytes=1))
    assert ended(tmp_path, planned(model, target)).status is Status.COMPILED
    assert ended(tmp_path, planned(model, target), dispatches=43).kind is Kind.BUDGET


@pytest.mark.parametrize(
    ("target", "golden"),
    [
        (MI300, 1),
        (replace(MI300, sku="mi308"), 2),
        (replace(MI300, chip="gfx90a", sku=None), 3),
        (replace(MI300, backend=Backend.CUDA, chip="sm_80", sku=None), None),
        (CPU, 4),
        (replace(CPU, sku="mi300"), 4),
    ],
)
def test_a_limit_is_that_of_the_sku_else_the_chip_else_the_backend(target: Target, golden: float | None) -> None:
    model = rocm_spec(budget=by_target(mi300=1, gfx942=2, rocm=3, cpu=4))
    found = Case(spec=model, target=target).limits
    assert [each.golden for each in found.values()] == ([] if golden is None else [golden])


def test_a_limit_for_all_others() -> None:
    model = rocm_spec(budget={Quantity.DISPATCHES: {"mi300": Limit(golden=1), EVERY: Limit(golden=2)}})
    limits = [Case(spec=model, target=each).limits[Quantity.DISPATCHES].golden for each in (MI300, CPU)]
    assert limits == [1, 2]


def test_budgets_of_other_targets_are_told(tmp_path: Path) -> None:
    of_latency = by_target(Quantity.LATENCY_MS, gfx90a=1)
    limits = {**by_target(mi308=1, mi250=1), **of_latency, **budget(module_bytes=5_000)}
    plan = planned(rocm_spec(budget=limits), MI300)
    remark = "no budget for mi300; there are budgets of dispatches (mi250, mi308), latency_ms (gfx90a)"
    assert plan.notes == (remark,)
    assert ended(tmp_path, plan).status is Status.PASSED


@pytest.mark.parametrize(
    ("limits", "is_compiled", "status"),
    [
        (budget(dispatches=40), False, Status.XFAILED),
        (budget(dispatches=42), False, Status.XPASSED),
        (budget(dispatches=42), True, Status.XPASSED),
        (budget(dispatches=42, peak_bytes=90), True, Status.COMPILED),
        (by_target(mi300=42), False, Status.PASSED),
        ({}, False, Status.PASSED),
    ],
)
def test_it_may_be_expected(tmp_path: Path, limits: Budget, *, is_compiled: bool, status: Status) -> None:
    model = spec(budget=limits, expect=(Expectation(fails=("budget",)),), lines={"$.expect[0]": 3})
    found = ended(tmp_path, planned(model, replace(CPU, compile_only=is_compiled)))
    assert found.status is status


def test_only_its_name_excuses_it(tmp_path: Path) -> None:
    limits = budget(dispatches=40)
    chip = rocm_spec(budget=limits, compile_chip_expecting_to_fail=("gfx942",))
    run = spec(budget=limits, run_test_expecting_to_fail=True)
    for plan in (planned(chip, MI300), planned(run)):
        found = ended(tmp_path, plan)
        assert (found.status, found.kind) == (Status.FAILED, Kind.BUDGET)
