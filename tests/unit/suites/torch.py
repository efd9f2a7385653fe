"""Writes suites in the layouts of torch_ops, torch_models and sharktank_models."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CPU_FLAGS = ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"]
HIP_FLAGS = ["--iree-hal-target-device=hip", "--iree-rocm-target=gfx942"]


def written(path: Path, value: Any) -> Path:
    """Write JSON, with a field on each line, and return the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2))
    return path


def formula(shape: list[int], dtype: str = "float32", **fields: Any) -> dict[str, Any]:
    """Return an argument of a case of torch_ops."""
    return {"Formula": {"shape": shape, "dtype": dtype, **fields}}


def op(suite: Path, name: str, program: str = "module {}", **fields: Any) -> Path:
    """Write a case of torch_ops and return its file."""
    path = written(suite / "generated" / name / "run_module_io.json", _without_none({"mode": "compare", **fields}))
    path.with_name("test.mlir").write_text(program)
    return path


def module(suite: Path, name: str, **fields: Any) -> Path:
    """Write a module of torch_models, for the CPU, and return its file."""
    return written(suite / f"{name}.json", {"mlir": "model.mlir", "compiler_flags": CPU_FLAGS, **fields})


def model(suite: Path, name: str, **fields: Any) -> Path:
    """Write a case of torch_models and return its file."""
    default = {"type": "quality", "markers": ["cpu"], "modules": ["toy/modules/toy_cpu"]}
    return written(suite / f"{name}.json", _without_none({**default, **fields}))


def benchmark(suite: Path, name: str, **fields: Any) -> Path:
    """Write a benchmark of sharktank_models and return its file."""
    default = {"inputs": ["4xf32"], "function_run": "f", "device": "local-task"}
    return written(suite / "benchmarks" / f"{name}.json", _without_none({**default, **fields}))


def quality(suite: Path, name: str, **fields: Any) -> Path:
    """Write a spec of sharktank_models and return its file."""
    default = {"mlir": "model.mlir", "device": "local-task", "compiler_flags": CPU_FLAGS}
    return written(suite / "quality_tests" / f"{name}.json", _without_none({**default, **fields}))


def _without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in fields.items() if each is not None}
