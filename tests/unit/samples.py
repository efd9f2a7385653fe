"""Samples of specs and of the cases made of them."""

from pathlib import Path
from typing import Any

from harness.core.blobs import Blob
from harness.core.cases import Backend, Case, ModelSpec, Release, Target
from harness.core.tensors import Tensor, TensorType
from harness.iree import releases
from harness.pipeline.options import Options
from harness.pipeline.planner import plan
from harness.pipeline.steps import Plan

CPU = Target(backend=Backend.CPU)
MI300 = Target(backend=Backend.ROCM, chip="gfx942", sku="mi300")


def release(name: str) -> Release:
    """Return a release of the lock or a release candidate."""
    return releases.of_build(name)


def blob(name: str) -> Blob:
    """Return a blob of this name."""
    return Blob(url=f"https://host/{name}")


def tensor(name: str, type_: str | None = None) -> Tensor:
    """Return a tensor in a file of this name."""
    return Tensor(blob=blob(name), type=TensorType.parse(type_) if type_ else None)


def spec(**changes: Any) -> ModelSpec:
    """Return a spec for the CPU with one input and one output."""
    filled: dict[str, Any] = {
        "path": Path("quality_tests/tiny/clip_cpu.json"),
        "model": "tiny",
        "submodel": "clip",
        "backend": Backend.CPU,
        "mlir": blob("clip.mlir"),
        "inputs": (tensor("in.bin", "2x16xi64"),),
        "outputs": (tensor("out.bin", "2x48xf32"),),
        "real_weights": blob("clip.irpa"),
        "devices": ("local-task",),
        "run_function": "encode",
        "compiler_flags": ("--iree-hal-target-device=local",),
    }
    return ModelSpec(**(filled | changes))


def rocm_spec(**changes: Any) -> ModelSpec:
    """Return the same for ROCm."""
    flags = ("--iree-hal-target-device=hip",)
    return spec(**({"backend": Backend.ROCM, "devices": ("hip",), "compiler_flags": flags} | changes))


def planned(
    model: ModelSpec | None = None, target: Target = CPU, name: str = "3.13.0", options: Options | None = None
) -> Plan:
    """Return the plan of a spec on a target with a release."""
    return plan(Case(spec=model or spec(), target=target), release(name), options or Options())
