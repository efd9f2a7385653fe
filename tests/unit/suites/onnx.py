"""Writes suites in the layout of onnx_ops, and their configs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CPU_FLAGS = ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"]
GENERATED = "onnx/node/generated"


def case(suite: Path, name: str, flags: str = "", program: str = "module {}", **contents: bytes) -> Path:
    """Write a case and return its file of flags; keywords are its other files, with the suffix .bin."""
    folder = suite / name if "/" in name else suite / GENERATED / name
    folder.mkdir(parents=True)
    (folder / "model.mlir").write_text(program)
    for stem, content in contents.items():
        (folder / f"{stem}.bin").write_bytes(content)
    path = folder / "run_module_io_flags.txt"
    path.write_text(flags)
    return path


def config(path: Path, *, flags: Sequence[str] = CPU_FLAGS, **fields: Any) -> Path:
    """Write a config for the CPU, changed by the fields; None takes a field out."""
    default: Mapping[str, Any] = {
        "config_name": "cpu_llvm_sync",
        "iree_compile_flags": list(flags),
        "iree_run_module_flags": ["--device=local-sync"],
    }
    value = {name: each for name, each in {**default, **fields}.items() if each is not None}
    path.write_text(json.dumps(value, indent=2))
    return path


def named(*names: str) -> list[str]:
    """Return names of cases as configs write them."""
    return [f"{GENERATED}/{name}" for name in names]
