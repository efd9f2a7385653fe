import json
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


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TypeError("expected an array"), "TypeError: expected an array"),
        (KeyError("axis"), "KeyError: 'axis'"),
        (MemoryError(), "MemoryError"),
        (ValueError("one\ntwo"), "ValueError: one\ntwo"),
    ],
)
def test_what_a_framework_raises_is_told_with_its_type(error: Exception, text: str) -> None:
    assert exchange.told(error) == text


def test_the_reply_has_what_a_framework_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(request: exchange.Request) -> exchange.Answer:
        raise KeyError(request["axis"])

    monkeypatch.chdir(tmp_path)
    (tmp_path / exchange.REQUEST).write_text('{"do": "import", "axis": "x"}')
    exchange.answer({"import": step})
    assert json.loads((tmp_path / exchange.REPLY).read_text()) == {"error": "KeyError: 'x'"}
