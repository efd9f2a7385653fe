"""What a generated model is, and the only place that writes its files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import iree.runtime
import numpy as np

from generator.builder import Array, shaped, type_names

_COMPILER_FLAGS = {
    "cpu": [
        "--iree-hal-target-device=local",
        "--iree-hal-local-target-device-backends=llvm-cpu",
        "--iree-llvmcpu-target-cpu=generic",
    ],
    "rocm": ["--iree-hal-target-device=hip"],
    "cuda": ["--iree-hal-target-device=cuda"],
    "vulkan": ["--iree-hal-target-device=vulkan"],
}
# Without F16C, IREE converts f32 to f16 in software: 1.9999 becomes 1.0 up to 3.2.0, subnormal numbers become 0 later.
_F16C_FLAG = "--iree-llvmcpu-target-cpu-features=+f16c"
_DEVICES = {"cpu": "local-task", "rocm": "hip", "cuda": "cuda", "vulkan": "vulkan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One embedded model: program, weights, inputs, expected outputs and how they are compared."""

    name: str
    mlir: str
    pipeline_mlir: str | None = None
    run_function: str | None = None
    weights: Mapping[str, Array] = field(default_factory=dict)
    inputs: tuple[Array, ...] = ()
    outputs: tuple[Array, ...] = ()
    npy_inputs: frozenset[int] = frozenset()
    npy_outputs: frozenset[int] = frozenset()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    compile_only: bool = False
    run_test_expecting_to_fail: bool = False


def write_model(model: Model, folder: Path) -> None:
    """Write every file of the model, specs included, into the folder."""
    _write_text(folder / f"{model.name}.mlir", model.mlir)
    if model.pipeline_mlir is not None:
        _write_text(folder / f"{model.name}_pipeline.mlir", model.pipeline_mlir)
    if model.weights:
        _write_archive(folder / f"{model.name}.irpa", model.weights)
    inputs = _write_arrays(folder, f"{model.name}.input", model.inputs, model.npy_inputs)
    outputs = _write_arrays(folder, f"{model.name}.output", model.outputs, model.npy_outputs)
    for backend in _DEVICES:
        spec = {key: value for key, value in _spec(model, backend, inputs, outputs).items() if value}
        _write_text(folder / f"{model.name}_{backend}.json", json.dumps(spec, indent=2) + "\n")


def _spec(model: Model, backend: str, inputs: list[dict[str, str]], outputs: list[dict[str, str]]) -> dict[str, Any]:
    """Return every field of the spec; those without content are left out of the file."""
    piped = model.pipeline_mlir is not None
    flags = _COMPILER_FLAGS[backend] + [_F16C_FLAG] * (backend == "cpu" and "xf16>" in model.mlir)
    return {
        "mlir": f"{model.name}.mlir",
        "compiler_flags": flags,
        "pipeline_mlir": f"{model.name}_pipeline.mlir" if piped else None,
        "pipeline_compiler_flags": flags if piped else None,
        "add_pipeline_module": piped,
        "compile_only": model.compile_only,
        "device": _DEVICES[backend],
        "run_function": model.run_function,
        "real_weights": f"{model.name}.irpa" if model.weights else None,
        "inputs": inputs,
        "outputs": outputs,
        "threshold_args": [f"--expected_{kind}_threshold={value}" for kind, value in model.thresholds.items()],
        "run_test_expecting_to_fail": model.run_test_expecting_to_fail,
    }


def _write_arrays(folder: Path, stem: str, arrays: tuple[Array, ...], npy: frozenset[int]) -> list[dict[str, str]]:
    """Write raw little-endian files, or NumPy's format for the indices in `npy`; return their entries in the spec."""
    entries = []
    for index, array in enumerate(arrays):
        path = folder / f"{stem}.{index}.{'npy' if index in npy else 'bin'}"
        ordered = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        if index in npy:
            np.save(path, ordered)
            entries.append({"source": path.name})
        else:
            path.write_bytes(ordered.tobytes())
            entries.append({"source": path.name, "value": shaped(array.shape, type_names[array.dtype])})
    return entries


def _write_archive(path: Path, weights: Mapping[str, Array]) -> None:
    index = iree.runtime.ParameterIndex()
    for name, array in sorted(weights.items()):
        index.add_buffer(name, np.ascontiguousarray(array))
    index.create_archive_file(str(path))
    path.chmod(0o644)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
