"""An ONNX file as the program of a case in a container: it is imported in there, too."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.integration.dock import Dock, Yard
from tests.integration.laboratory import CPU_FLAGS


def test_an_onnx_file_is_imported_and_run_in_a_container(
    dock: Dock, yards: Callable[..., Yard], onnx_files: Path
) -> None:
    yard = yards(dock)
    shutil.copy(onnx_files / "mlp.onnx", yard.model_dir)
    spec = {"compiler_flags": CPU_FLAGS, "dimensions": {"batch": 3}, "seed": 5}
    yard.file("mlp_cpu.json", json.dumps({"mlir": "mlp.onnx", **spec}))
    yard.file("garbage.onnx", b"not an ONNX file" * 10)
    yard.file("garbage_cpu.json", json.dumps({"mlir": "garbage.onnx", "compiler_flags": CPU_FLAGS}))
    result = yard.run("--oracle", "onnxruntime")
    cases = {each["submodel"]: each for each in result.report["cases"]}
    assert (cases["mlp"]["status"], cases["mlp"]["oracle"] is not None) == ("passed", True), result.text
    assert (cases["garbage"]["status"], cases["garbage"]["kind"]) == ("error", "import"), result.text
    assert result.report["environment"]["engine"] == "container"
    assert result.code == 3
    assert yard.left() == []
