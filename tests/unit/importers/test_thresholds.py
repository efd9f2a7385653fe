from dataclasses import replace

import pytest

from harness.importers import thresholds
from harness.importers.model_import import Call, ImportedModel, SavedTensor
from tests.unit.importers.test_document import MODEL


def output(type_: str, error: float | None = None, largest: float | None = None) -> SavedTensor:
    return SavedTensor(file="output0.npy", name="y", type=type_, error=error, largest=largest)


def call(*outputs: SavedTensor, obstacle: str = "") -> Call:
    return Call(inputs=(), outputs=outputs, obstacle=obstacle)


def model(*elements: str) -> ImportedModel:
    return replace(MODEL, reference="PyTorch 2", reply=replace(MODEL.reply, elements=elements))


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([output("2xf32", 1e-7, 3.0)], (("f32", "0.0001"),)),
        ([output("2xf32", 1e-7, 0.25)], (("f32", "2.5e-05"),)),
        ([output("2xf32", 3.01e-3, 1e4)], (("f32", "0.013"),)),
        ([output("2xf32", 0.0, 0.0)], (("f32", "0.0001"),)),
        ([output("2xf32", 1e-7, 0.25), output("f32", 1e-7, 0.5)], (("f32", "5e-05"),)),
        ([output("2xf16", 2.5e-4, 0.46), output("2xcomplex<f32>", 1.0, 9.0)], (("f16", "0.001"), ("f32", "4"))),
        ([output("2xf16", 2.5e-4, 8.0), output("2xi64")], (("f16", "0.001"),)),
    ],
)
def test_a_known_difference_from_float64_makes_thresholds(
    outputs: list[SavedTensor], expected: thresholds.Thresholds
) -> None:
    made = call(*outputs)
    assert thresholds.suggested(model("float16"), made) == expected
    precision, reason = thresholds.reasons(model("float16"), made, ())
    assert precision.startswith("They were computed in float64 and rounded to their types; the largest difference to")
    assert "the larger of 4 times that difference, and the default (" in reason
    assert thresholds.reasons(model(), made, expected)[1] == "Thresholds: given on the command line."


def test_without_float64_the_types_of_the_model_count() -> None:
    made = call(output("2xf32"), obstacle="RuntimeError: no.")
    assert thresholds.suggested(model("float32"), made) == ()
    assert thresholds.suggested(model("bfloat16", "float16", "float32"), made) == (("f32", "0.16"),)
    precision, reason = thresholds.reasons(model("bfloat16"), made, ())
    assert precision.endswith("in float64 it does not run: RuntimeError: no.")
    assert "0.16, 20 units in the last place of 1 in bf16" in reason
