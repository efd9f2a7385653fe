import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.core.outcomes import Outcome
from harness.core.references import Oracle
from harness.core.settings import RunSettings
from harness.core.statuses import Status
from harness.core.timings import Timing
from harness.host import devices, drivers
from harness.host.devices import Gpu, Vendor
from harness.host.emulators import Emulator
from harness.pipeline import reuse
from harness.pipeline.environment import Environment
from harness.pipeline.options import Options
from harness.pipeline.outcome import outcome
from harness.pipeline.reuse import Reuse
from harness.pipeline.step_results import Results, StepResult
from harness.pipeline.steps import Compare, ExpectedFile, Fetch, Plan, Run, Step
from harness.store.store import Store
from tests.unit import executors
from tests.unit.samples import MI300, blob, planned, rocm_spec, spec

EMULATOR = Emulator(kind="rocjitsu", root=Path("/opt/rocm"), build="1", configs={})


class Runner:
    """Does steps as a fake executor does, and remembers which."""

    def __init__(self, root: Path) -> None:
        self.done: list[Step] = []
        self._executor = executors.FakeExecutor(root)

    def run(self, step: Step, results: Results, gpus: Any) -> StepResult:
        """Do a step."""
        assert results is not None
        assert gpus is not None
        self.done.append(step)
        return self._executor.done(step, None)


class Bench:
    """Runs plans with one store, each time as a new process would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.toolchain = executors.steps(root).toolchain

    def ran(self, plan: Plan, status: Status = Status.PASSED, gpus: tuple[Gpu, ...] = (), **changes: Any) -> Outcome:
        """Do all steps of a plan, and keep it as a case that ended with a status."""
        asked = {"settings": RunSettings(), "emulator": None, "facts": {}, "runtime": "r"} | changes
        here = Environment(
            name="x", toolchain=replace(self.toolchain, runtime_build=asked["runtime"]), facts=asked["facts"]
        )
        with Store(self.root / "store") as store:
            found = Reuse.of([plan], asked["settings"], store, here, asked["emulator"])
            found = replace(found, harness=asked.get("harness", found.harness))
            self.runner = Runner(self.root)
            caching, results = found.runner(self.runner), Results()
            for step in plan.steps:
                results[step] = caching.run(step, results, gpus)
            ended = replace(outcome(plan, results, None, self.root), status=status)
            found.keep(ended)
        return ended

    @property
    def runs(self) -> int:
        """The number of runs and comparisons of the last plan that were done."""
        return sum(isinstance(step, Run | Compare) for step in self.runner.done)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_case_that_passed_is_not_run_again(bench: Bench) -> None:
    first = bench.ran(planned())
    assert (first.reused, bench.runs) == (None, 2)
    again = bench.ran(planned())
    assert bench.runs == 0
    assert again.reused
    assert again.reused.seconds == 1.0
    assert (again.outputs, again.peak_memory_bytes, again.commands) == (
        first.outputs,
        first.peak_memory_bytes,
        first.commands,
    )
    assert (again.seconds["run"], again.seconds["compare"]) == (0, 0)
    assert [each.step for each in again.steps if each.step in {"run", "compare"}] == []
    assert bench.ran(planned()).reused == again.reused


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PASSED}))
def test_what_ended_otherwise_is_run_again(bench: Bench, status: Status) -> None:
    bench.ran(planned(), status)
    assert bench.ran(planned()).reused is None


@pytest.mark.parametrize(
    "changes",
    [
        {"runtime": "other"},
        {"harness": "other"},
        {"facts": {"image": {"id": "sha256:1"}}},
        {"emulator": EMULATOR},
        {"gpus": (Gpu(index=0, vendor=Vendor.AMD, chip="gfx942"),)},
        {"settings": RunSettings(timeout_s=0.5)},
        {"settings": RunSettings(run_wrapper=("perf",))},
    ],
)
def test_elsewhere_it_is_run_again(bench: Bench, changes: Mapping[str, Any]) -> None:
    bench.ran(planned())
    assert bench.ran(planned(), **changes).reused is None


@pytest.mark.parametrize("content", [b"", b"{}", b"[", b'{"run": {"type": "RunResult"}, "comparison": null}'])
def test_a_damaged_record_is_ignored(bench: Bench, content: bytes) -> None:
    bench.ran(planned())
    (record,) = (bench.root / "store" / "passes").rglob("pass.json")
    record.write_bytes(content)
    assert bench.ran(planned()).reused is None
    assert bench.ran(planned()).reused


@pytest.mark.parametrize(
    ("plan", "is_reusable"),
    [
        (planned(), True),
        (planned(options=Options(tool_verdict=True)), True),
        (planned(spec(outputs=())), False),
        (planned(spec(compile_only=True)), False),
        (planned(options=Options(timing=Timing())), False),
        (planned(spec(run_args=("--device_allocator=caching",))), True),
        (planned(spec(run_args=("--executable_plugin=/x.so",))), False),
        (planned(rocm_spec(outputs=()), MI300, options=Options(oracle=Oracle.CPU)), False),
    ],
)
def test_what_is_always_run(bench: Bench, plan: Plan, is_reusable: bool) -> None:  # noqa: FBT001
    assert (reuse.reusable(plan) is not None) is is_reusable
    bench.ran(plan)
    assert (bench.ran(plan).reused is not None) is is_reusable


def test_a_run_waits_for_what_its_outputs_are_compared_with(bench: Bench) -> None:
    plan = planned()
    with Store(bench.root / "store") as store:
        (found,) = Reuse.of([plan], RunSettings(), store, Environment(name="x", toolchain=bench.toolchain), None).plans
    run = next(step for step in plan.steps if isinstance(step, Run))
    compare = next(step for step in plan.steps if isinstance(step, Compare))
    assert isinstance(compare.expected[0], ExpectedFile)
    assert set(found.needs(run)) - set(plan.needs(run)) == {Fetch(blob=blob("out.bin"))}
    assert found.steps == plan.steps


def test_a_store_that_cannot_be_written_keeps_nothing(bench: Bench) -> None:
    (bench.root / "store").write_text("a file")
    assert bench.ran(planned()).status is Status.PASSED


def test_an_environment_says_what_runs_depend_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toolchain = executors.steps(tmp_path).toolchain
    here = Environment(name="x", toolchain=toolchain)
    first = here.identity({"hip"}, None)
    assert first == here.identity({"hip"}, None)
    assert first["cpu"] == devices.cpu_identity()
    assert first["kernel"][0] == os.uname().release
    assert here.identity({"local-task"}, None)["kernel"] == []
    monkeypatch.setenv("HSA_ENABLE_SDMA", "1")
    assert here.identity({"hip"}, None) != first
    monkeypatch.delenv("HSA_ENABLE_SDMA")
    monkeypatch.setenv("ROCR_VISIBLE_DEVICES", "1")
    assert here.identity({"hip"}, None) == first
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    second = here.identity({"hip"}, None)
    (tmp_path / "libamdhip64.so.7").write_text("library")
    third = here.identity({"hip"}, None)
    assert third != second
    (tmp_path / "libamdhip64.so.7").write_text("another")
    os.utime(tmp_path / "libamdhip64.so.7", (1, 1))
    assert here.identity({"hip"}, None) != third
    assert here.identity({"cuda"}, None)["libraries"] == second["libraries"]
    inside = replace(here, facts={"image": {"id": "sha256:1"}})
    assert inside.identity({"hip"}, None) == {
        "cpu": first["cpu"],
        "kernel": first["kernel"],
        "image": {"id": "sha256:1"},
    }


def test_a_variable_that_names_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "libamdhip64.so"
    library.write_text("a")
    monkeypatch.setenv("IREE_HIP_DYLIB_PATH", f"file:{library}")
    first = drivers.of_environment()
    library.write_text("longer")
    assert drivers.of_environment() != first


def test_modules_of_the_kernel(tmp_path: Path) -> None:
    module = tmp_path / "sys/module/nvidia"
    module.mkdir(parents=True)
    (module / "version").write_text("570.86.15\n")
    assert drivers.of_kernel({"cuda"}, tmp_path) == [os.uname().release, "570.86.15"]
    assert drivers.of_kernel({"hip"}, tmp_path) == [os.uname().release]
    assert drivers.of_kernel({"local-task", "local-sync"}, tmp_path) == []
