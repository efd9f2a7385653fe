"""The cases whose programs are computed in float64, and the time that tools have."""

import math
import time
from pathlib import Path
from typing import Any

import pytest

from harness.core.blobs import Blob
from harness.core.cases import Backend, Case, ModelSpec, Target
from harness.host.cancel import CancelToken
from harness.localize.laboratory import BAD, Laboratory
from harness.pipeline.prepared import Prepared
from harness.pipeline.step_runner import ToolStepRunner
from tests.unit.localize.made import NONE

BACKENDS = "--iree-hal-local-target-device-backends="


def case(backend: Backend, chip: str | None, *flags: str, **fields: Any) -> Case:
    spec = ModelSpec(
        path=Path("toy/a.json"),
        model="toy",
        submodel="a",
        backend=backend,
        mlir=Blob(url="file:///models/a.mlir"),
        devices=("hip",),
        run_function="f",
        compiler_flags=flags,
        **fields,
    )
    return Case(spec=spec, target=Target(backend=backend, chip=chip))


def local(given: Case) -> Case:
    laboratory = Laboratory(sides=(), cases=[given], prepared=(), cancel=CancelToken())
    return laboratory.local(BAD, "vmvx")


def test_a_case_for_the_cpu_keeps_its_flags() -> None:
    found = local(case(Backend.CPU, None, f"{BACKENDS}llvm-cpu", "--iree-opt-level=O3"))
    assert found.spec.compiler_flags == ("--iree-opt-level=O3", f"{BACKENDS}vmvx")


def test_a_case_for_a_gpu_has_no_flags_of_its_own() -> None:
    found = local(case(Backend.ROCM, "gfx942", "--iree-hal-target-device=hip", "--iree-rocm-waves-per-eu=2"))
    assert (found.target.backend, found.spec.devices) == (Backend.CPU, ("local-task",))
    assert found.spec.compiler_flags[-1] == f"{BACKENDS}vmvx"
    assert not [each for each in found.spec.compiler_flags if "hip" in each or "rocm" in each or "llvm-cpu" in each]


@pytest.mark.parametrize("adds", [True, False])
def test_the_program_whose_function_is_called_is_compiled_so(*, adds: bool) -> None:
    pipeline = {"pipeline_mlir": Blob(url="file:///models/p.mlir"), "add_pipeline_module": adds}
    spec = local(case(Backend.CPU, None, f"{BACKENDS}llvm-cpu", **pipeline)).spec
    assert (spec.compiler_flags == (f"{BACKENDS}llvm-cpu",)) is adds
    assert (spec.pipeline_compiler_flags == (f"{BACKENDS}vmvx",)) is adds


@pytest.mark.parametrize(
    ("left_s", "least", "most"), [(math.inf, 600, 600), (9, 0, 9), (1e6, 600, 600), (-5, 0.1, 0.1)]
)
def test_a_tool_has_no_more_time_than_is_left(left_s: float, least: float, most: float) -> None:
    runner = ToolStepRunner(
        store=NONE, fetch=NONE, toolchain=NONE, tools=NONE, host_cpu="", out_dir=NONE, timeout_s=600
    )
    prepared = Prepared(plans={}, results=NONE, runner=runner, pool=NONE, steps=runner, python=NONE, options=NONE)
    laboratory = Laboratory(sides=(), cases=(), prepared=[prepared], cancel=CancelToken())
    laboratory.ends_s = time.monotonic() + left_s
    found = laboratory.runner(BAD)
    assert isinstance(found, ToolStepRunner)
    assert least <= found.timeout_s <= most
