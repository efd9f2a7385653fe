from pathlib import Path

import pytest

from harness.importers.workers import exchange
from harness.importers.workers.exchange import ModelError


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("@main_graph", "main_graph"),
        ("@torch-jit.export$0", "torch-jit.export$0"),
        ('@"Model from PaddlePaddle."', "Model from PaddlePaddle."),
        (r'@"a \22b\22 \\x \E6\A8\A1"', 'a "b" \\x 模'),
    ],
)
def test_the_function_of_a_program_has_any_name(tmp_path: Path, written: str, name: str) -> None:
    program = tmp_path / "program.mlir"
    head = "module {\n  util.global private @w : tensor<4xf32>\n"
    program.write_text(
        f"{head}  func.func {written}(%arg0: !torch.vtensor<[?,8],f32>) -> f32 {{\n  func.func @other(\n"
    )
    assert exchange.function(program) == name


def test_a_program_without_a_function_is_none(tmp_path: Path) -> None:
    program = tmp_path / "program.mlir"
    program.write_text("module {\n}\n")
    with pytest.raises(ModelError, match="the importer wrote no function"):
        exchange.function(program)
