"""Outputs that users of IREE need to be compared right, with old and new releases.

Written after public reports: types that only the program knows (iree#23427), scalars (iree#14911), complex numbers
(iree#13539).
"""

import json
from typing import Any

import numpy as np
import pytest

from tests.integration.laboratory import NEWEST, OLDEST, Laboratory, written

PROGRAM = """
func.func @same(%x: tensor<?x?xf32>) -> tensor<?x?xf32> { return %x : tensor<?x?xf32> }
func.func @view(%x: !hal.buffer_view) -> !hal.buffer_view { return %x : !hal.buffer_view }
func.func @half(%x: tensor<?xf32>) -> tensor<?xbf16> {
  %zero = arith.constant 0 : index
  %size = tensor.dim %x, %zero : tensor<?xf32>
  %empty = tensor.empty(%size) : tensor<?xbf16>
  %y = linalg.generic {
    indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]
  } ins(%x : tensor<?xf32>) outs(%empty : tensor<?xbf16>) {
  ^bb0(%a: f32, %b: bf16):
    %c = arith.truncf %a : f32 to bf16
    linalg.yield %c : bf16
  } -> tensor<?xbf16>
  return %y : tensor<?xbf16>
}
func.func @scalars(%a: i1, %b: i8, %c: i16, %d: i32, %e: f32) -> (i1, i8, i16, i32, index, f32) {
  %i = arith.index_cast %d : i32 to index
  return %a, %b, %c, %d, %i, %e : i1, i8, i16, i32, index, f32
}
func.func @small(%a: f16, %b: bf16) -> (bf16, f16) { return %b, %a : bf16, f16 }
func.func @complex(%x: tensor<2xcomplex<f32>>) -> tensor<2xcomplex<f32>> { return %x : tensor<2xcomplex<f32>> }
func.func @bits(%x: tensor<3xi1>) -> tensor<3xi1> { return %x : tensor<3xi1> }
"""


SCALARS = written("1", "-7", "300", "-5", "2.5")


# By name: the function, its inputs, its expected outputs, and the kind of failure.
CASES: dict[str, tuple[str, list[dict[str, str]], list[dict[str, str]], str | None]] = {
    "dynamic": ("same", written("2x3xf32=1 2 3 4 5 6"), written("2x3xf32=1 2 3 4 5 6"), None),
    "turned": ("same", written("2x3xf32=1"), written("3x2xf32=1"), "shape"),
    "flat": ("same", written("2x3xf32=1"), written("6xf32=1"), "shape"),
    "opaque": ("view", written("2xbf16=1"), written("2xbf16=1"), None),
    "other": ("view", written("2xbf16=1"), written("2xi16=16256"), "shape"),  # the same bytes
    "wider": ("view", written("4xi8=0"), written("2xi16=0"), "shape"),
    "unnamed": ("view", written("2xf32=1"), written("2xbf16=1"), "shape"),
    "half": ("half", written("3xf32=1.5"), written("3xbf16=1.5"), None),
    "half_long": ("half", written("3xf32=1.5"), written("4xbf16=1.5"), "shape"),
    "half_f32": ("half", written("3xf32=1.5"), written("3xf32=1.5"), "shape"),
    "scalars": ("scalars", SCALARS, written("i1=1", "i8=-7", "i16=300", "i32=-5", "i64=-5", "f32=2.5"), None),
    "as_told": ("scalars", SCALARS, written("i32=1", "i32=-7", "i32=300", "i32=-5", "i64=-5", "f32=2.5"), None),
    "scalar": ("scalars", SCALARS, written("i1=1", "i8=-6", "i16=300", "i32=-5", "i64=-5", "f32=2.5"), "numeric"),
    "narrow": ("scalars", SCALARS, written("i1=1", "i8=-7", "i8=44", "i32=-5", "i64=-5", "f32=2.5"), "shape"),
    "small": ("small", written("1.5", "-2.5"), written("bf16=-2.5", "f16=1.5"), None),
    "small_wrong": ("small", written("1.5", "-2.5"), written("bf16=2.5", "f16=1.5"), "numeric"),
    "small_other": ("small", written("1.5", "-2.5"), written("f16=-2.5", "f16=1.5"), "shape"),
    "complex": ("complex", written("2xcomplex<f32>=1+2j -3j"), written("2xcomplex<f32>=1.00005+2j -3.00005j"), None),
    "complexer": ("complex", written("2xcomplex<f32>=1+2j"), written("2xcomplex<f32>=1+2.001j"), "numeric"),
    "bits": ("bits", written("3xi1=1 0 1"), written("3xi1=true false true"), None),
    "bit": ("bits", written("3xi1=1 0 1"), written("3xi1=1"), "numeric"),
    # 160 kB are more than an argument may have; so are a few kB in hexadecimal.
    "long": ("same", written("1x40000xf32=" + "0.5 " * 40_000), written("1x40000xf32=0.5"), None),
    "long_wrong": ("same", written("1x40000xf32=" + "0.5 " * 40_000), written("1x40000xf32=0.6"), "numeric"),
    "long_bits": ("view", written("2000xi1=" + "1 0 " * 1000), written("2000xi1=" + "1 0 " * 1000), None),
    "long_bf16": ("view", written("400xbf16=" + "1 2 " * 200), written("400xbf16=" + "1 2 " * 200), None),
    "long_bytes": ("view", written("400xi8=" + "-1 255 " * 200), written("400xi8=-1"), None),
}


@pytest.mark.parametrize("release", [OLDEST, "3.6.0", NEWEST])
def test_types_and_shapes_are_those_that_the_program_gave(lab: Laboratory, release: str) -> None:
    for name, (function, inputs, outputs, _) in CASES.items():
        fields: dict[str, Any] = {"inputs": inputs, "outputs": outputs, "run_function": function}
        lab.spec(f"{name}_cpu", mlir=lab.file("kinds.mlir", PROGRAM), **fields)
    result = lab.run("--iree", release)
    found = {case["submodel"]: (case["status"], case["kind"]) for case in result.report["cases"]}
    assert found == {name: ("failed", kind) if kind else ("passed", None) for name, (*_, kind) in CASES.items()}
    reasons = {case["submodel"]: case["reason"] for case in result.report["cases"]}
    assert reasons["turned"] == "output 0: expected 3x2xf32, but the model returned 2x3xf32"
    assert reasons["other"] == "output 0: expected 2xi16, but the model returned 2xbf16"
    assert reasons["half_f32"] == "output 0: expected 3xf32, but the model returned 3xbf16"


def test_elements_smaller_than_a_byte(lab: Laboratory) -> None:
    program = "func.func @view(%x: !hal.buffer_view) -> !hal.buffer_view { return %x : !hal.buffer_view }"
    packed = {"value": "4xi4", "source": lab.file("packed.bin", bytes([0x21, 0x8F]))}  # 1, 2, -1, -8
    other = {"value": "4xi4", "source": lab.file("other.bin", bytes([0x21, 0x8E]))}
    shorter = {"value": "3xi4", "source": lab.file("shorter.bin", bytes([0x21, 0x0F]))}
    for name, outputs in {"same": packed, "other": other, "shorter": shorter}.items():
        lab.spec(
            f"{name}_cpu", mlir=lab.file("v.mlir", program), run_function="view", inputs=[packed], outputs=[outputs]
        )
    result = lab.run("--iree", NEWEST)
    by_name = {case["submodel"]: case for case in result.report["cases"]}
    assert {name: case["kind"] for name, case in by_name.items()} == {
        "same": None,
        "other": "numeric",
        "shorter": "shape",
    }
    assert "first at [2]: got -1, expected -2" in by_name["other"]["reason"]
    assert lab.run("toy/same", "--iree", OLDEST).case["status"] == "unsupported"


def test_a_reference_of_nothing_but_nan_is_said(lab: Laboratory) -> None:
    nothing = lab.tensor("nan.npy", np.full(4, np.nan, np.float32))
    lab.spec(inputs=[nothing, *written("4xf32=1")], outputs=[nothing], **{"$schema": "https://example.org/spec.json"})
    found = lab.run()
    assert found.verdict == (0, "passed", None), found.text
    assert "output 0: the expected output is NaN throughout, so no number was compared" in found.case["notes"]


def test_an_expected_failure_says_which(lab: Laboratory) -> None:
    nan, ended = {"fails": "nan", "issue": "https://example.org/1"}, {"fails": "numeric", "until": "2020-01-31"}
    numeric = {"fails": ["numeric", "shape"], "backends": ["cpu"], "iree": ">=3.0", "reason": "rounding"}
    wrong = {"outputs": written("4xf32=1")}
    lab.spec("right_cpu", expect=[numeric], **wrong)
    lab.spec("other_cpu", expect=[nan], **wrong)
    lab.spec("ended_cpu", expect=[ended], **wrong)
    lab.spec("stale_cpu", expect=[nan, numeric], comment="keep me")
    lab.spec("elsewhere_cpu", expect=[{"fails": "numeric", "chips": ["gfx942"]}])
    result = lab.run()
    cases = {case["submodel"]: (case["status"], case["kind"]) for case in result.report["cases"]}
    assert cases == {
        "right": ("xfailed", "numeric"),
        "other": ("failed", "numeric"),
        "ended": ("failed", "numeric"),
        "stale": ("xpassed", None),
        "elsewhere": ("passed", None),
    }
    before = (lab.model_dir / "stale_cpu.json").read_text()
    asked = lab.bless(str(lab.out))
    assert (asked.code, (lab.model_dir / "stale_cpu.json").read_text()) == (1, before)
    assert '-  "expect": [' in asked.text
    (lab.model_dir / "stale_cpu.json").rename(lab.root / "away")
    gone = lab.bless(str(lab.out))
    assert (gone.code, gone.text.count("\n")) == (2, 1)
    assert gone.text.startswith(
        f"error: {lab.model_dir / 'stale_cpu.json'}: cannot be read (No such file or directory)"
    )
    (lab.root / "away").rename(lab.model_dir / "stale_cpu.json")
    done = lab.bless(str(lab.out), "--yes")
    assert done.code == 0, done.text
    after = json.loads((lab.model_dir / "stale_cpu.json").read_text())
    assert after == {name: value for name, value in json.loads(before).items() if name != "expect"}
    assert lab.bless(str(lab.out)).code == 2, "the spec has changed since"
    assert lab.run("toy/stale").verdict == (0, "passed", None)
    assert lab.bless().code == 2, "there is no folder of results here"
