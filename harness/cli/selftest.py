"""Tests an image at the end of its build; if a test fails, so does the build."""

import ctypes
import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.cli import command_line as cli
from harness.containers import manifest
from harness.containers.manifest import Manifest
from harness.host import emulators, process
from harness.iree import toolchain
from harness.store.store import Store

_PROGRAM = """func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = arith.addf %x, %x : tensor<4xf32>
  return %y : tensor<4xf32>
}
"""
_SEARCH_PATH = str(manifest.ROOT / "bin")
_FLAGS = {"cpu": ["--iree-hal-target-backends=llvm-cpu"], "rocm": ["--iree-hal-target-backends=rocm"]}
_CHIP = "gfx942"  # every release from 3.0.0 on knows it


def main() -> None:
    """Test the image, or exit with the first failure."""
    about = manifest.of_this_image()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        _test_programs(about, Path(folder))
        _test_model(Path(folder), "cpu")
        if about.hip:
            _test_model(Path(folder), "rocm", "--chip", _CHIP, "--compile-only")
            ctypes.CDLL(about.hip)
        if about.emulator:
            emulators.chosen(emulators.AUTO, emulators.all_in(Path(about.emulator)), where=about.emulator, advice="")


def _test_programs(about: Manifest, folder: Path) -> None:
    """Test that the programs on PATH are those of the manifest, built from the same commits."""
    on_path = toolchain.found(None, _SEARCH_PATH, Store(folder / "store"))
    _expect(replace(on_path, release=about.toolchain.release) == about.toolchain, f"{about.toolchain}", on_path)
    log = folder / "version.log"
    process.run([str(on_path.iree_compile), "--version"], cwd=folder, log_path=log, timeout_s=60)
    output, commit = log.read_text(encoding="utf-8"), about.toolchain.compiler_commit or ""
    _expect(commit in output, f"iree-compile --version prints {commit}", output)


def _test_model(folder: Path, backend: str, *options: str) -> None:
    """Compile a model, and run it unless the options say otherwise."""
    specs = folder / backend / "selftest"
    specs.mkdir(parents=True)
    values = np.array([1, 2, 3, 4], np.float32)
    np.save(specs / "in.npy", values)
    np.save(specs / "out.npy", values * 2)
    (specs / "double.mlir").write_text(_PROGRAM, encoding="utf-8")
    spec = {"mlir": "double.mlir", "run_function": "main", "inputs": [{"source": "in.npy"}]}
    spec |= {"outputs": [{"source": "out.npy"}], "compiler_flags": _FLAGS[backend]}
    (specs / f"double_{backend}.json").write_text(json.dumps(spec), encoding="utf-8")
    folders = ["--specs", str(specs.parent), "--store", str(folder / "store"), "--out", str(folder / "out")]
    code = cli.main(["run", *folders, "--toolchain", str(manifest.ROOT), "--backend", backend, *options], {})
    _expect(code == 0, f"a model passes for {backend}", f"exit code {code}")


def _expect(holds: bool, what: str, got: object) -> None:  # noqa: FBT001 - reads as an assertion does
    if not holds:
        sys.stderr.write(f"expected: {what}; got: {got}\n")
        raise SystemExit(1)


if __name__ == "__main__":
    main()
