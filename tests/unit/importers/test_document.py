from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.cli.commands.new_import import NewModel, NewSpec
from harness.core.errors import UsageError
from harness.core.provenance import ProgramSource
from harness.core.records import as_json, read
from harness.core.settings import ProgramSettings
from harness.importers import document
from harness.importers.frameworks import Framework
from harness.importers.model_import import Call, ImportedModel, Reply, SavedTensor

REPLY = Reply(
    sources=("vad.onnx",),
    program="program.mlir",
    weights=None,
    functions=("main graph",),
    calls=(
        Call(
            inputs=(SavedTensor(file="input0.npy", name="x", type="4x8xf32"),),
            outputs=(
                SavedTensor(file="output0.npy", name="y", type="4xf32"),
                SavedTensor(file="output1.npy", name="z", type="i64"),
            ),
        ),
    ),
    elements=("float32", "int64"),
    versions={"onnxruntime": "1.2.3"},
)
MODEL = ImportedModel(
    framework=Framework.ONNX,
    folder=Path("/scratch"),
    reply=REPLY,
    sha256={"vad.onnx": "ab" * 32},
    importer="IREE 3.13.0",
    reference="ONNX Runtime 1.2.3",
)
SOURCE = ProgramSource(
    framework="onnx",
    files=MODEL.sha256,
    importer=MODEL.importer,
    reference=MODEL.reference,
    versions=REPLY.versions,
    command="harness new zoo/vad --onnx vad.onnx",
    date="2026-11-29T16:00:00Z",
)


def with_elements(*elements: str) -> ImportedModel:
    return replace(MODEL, reply=replace(REPLY, elements=elements))


def settings(model: ImportedModel, given: ProgramSettings) -> ProgramSettings:
    return document.settings(model, model.reply.calls[0], document.names(model, "vad")[0], given)


def fields(model: ImportedModel, given: ProgramSettings) -> Mapping[str, Any]:
    return document.fields(model, model.reply.calls[0], given, SOURCE)


def test_the_files_get_the_name_of_the_model() -> None:
    program = settings(MODEL, ProgramSettings())
    assert (program.function, program.weights, program.thresholds) == ("main graph", None, ())
    assert program.inputs == ("@vad.input0.npy",)
    assert program.expected_outputs == ("@vad.output0.npy", "@vad.output1.npy")
    large = replace(MODEL, reply=replace(REPLY, weights="weights.irpa"))
    assert settings(large, ProgramSettings()).weights == "vad.irpa"


def test_what_the_command_line_says_is_kept() -> None:
    given = ProgramSettings(compiler_flags=("--a",), inputs=("@x.npy",), thresholds=(("f32", "1"),))
    program = settings(with_elements("float16", "float64"), given)
    assert (program.inputs, program.thresholds) == (given.inputs, given.thresholds)
    assert program.compiler_flags == ("--a", "--iree-input-demote-f64-to-f32=false")
    assert fields(with_elements("float16"), given)["comment"][1:] == ["Thresholds: given on the command line."]


def test_a_value_of_f16_anywhere_widens_the_thresholds_of_all_floats() -> None:
    half = with_elements("float16", "float32")
    assert settings(half, ProgramSettings()).thresholds == (("f32", "0.02"),)
    assert "rounds the result of each operator to it" in fields(half, ProgramSettings())["comment"][1]
    assert "0.0001 + 1e-05" in fields(MODEL, ProgramSettings())["comment"][1]


def test_a_raised_opset_is_told() -> None:
    old = replace(MODEL, reply=replace(REPLY, opset=(9, 17)))
    comment = fields(old, ProgramSettings())["comment"]
    assert comment[1] == "The importer raised its operators from opset 9 to 17."


def test_a_source_is_read_back() -> None:
    found = fields(MODEL, ProgramSettings())["provenance"]["source"]
    assert read(ProgramSource, found) == SOURCE
    assert (
        str(SOURCE) == "imported 2026-11-29T16:00:00Z from vad.onnx by IREE 3.13.0, with outputs of ONNX Runtime 1.2.3"
    )
    assert as_json(SOURCE) == found | {"seed": None}


def test_only_equal_files_may_be_there_already(tmp_path: Path) -> None:
    made, folder = tmp_path / "made", tmp_path / "zoo"
    made.write_text("new")
    spec = NewSpec(stem="vad", program=ProgramSettings(), mlir="vad.mlir", fields={})
    model = NewModel(specs=[spec], files={"vad.mlir": made})
    model.check(folder)
    model.save(folder)
    assert (folder / "vad.mlir").read_text() == "new"
    model.check(folder)
    (folder / "vad.mlir").write_text("old")
    with pytest.raises(UsageError, match=r"vad\.mlir exists, and is another file; choose another name"):
        model.check(folder)
