"""Programs in float64, as text."""

import pytest

from harness.localize.widened import has_stored, widened


@pytest.mark.parametrize(
    ("text", "wide"),
    [
        ("%0 = math.tanh %x : tensor<4x?xf32>", "%0 = math.tanh %x : tensor<4x?xf64>"),
        ("func.func @f(%x: f16) -> tensor<bf16>", "func.func @f(%x: f64) -> tensor<f64>"),
        ("!torch.vtensor<[4,?],f32>", "!torch.vtensor<[4,?],f64>"),
        ("tensor<2xcomplex<f32>>", "tensor<2xcomplex<f64>>"),
        ("arith.constant 1.000000e-01 : f32", "arith.constant 1.00000001490116119e-01 : f64"),
        ("arith.constant 0xFF800000 : f32", "arith.constant 0xFFF0000000000000 : f64"),
        (
            "dense<[0.1, -2.0]> : tensor<2xf16>",
            "dense<[9.99755859375000000e-02, -2.00000000000000000e+00]> : tensor<2xf64>",
        ),
        ("dense<0x7FC0> : tensor<bf16>", "dense<0x7FF8000000000000> : tensor<f64>"),
        (
            "arith.truncf %a to_nearest_even : tensor<4xf32> to tensor<4xf16>",
            "arith.bitcast %a : tensor<4xf64> to tensor<4xf64>",
        ),
        ("arith.truncf %a : f32 to f16", "arith.bitcast %a : f64 to f64"),
        ('"arith.extf"(%a) <{fastmath = #arith.fastmath<none>}> : (f16) -> f32', '"arith.bitcast"(%a) : (f64) -> f64'),
        ('"arith.truncf"(%a) : (f32) -> f16', '"arith.bitcast"(%a) : (f64) -> f64'),
        ('call @of_f32(%f32) {name = "f32"} : (f32)', 'call @of_f32(%f32) {name = "f32"} : (f64)'),
        ("arith.addi %a, %b : tensor<4xi32>", None),
        ("arith.fptosi %a : tensor<4xf64> to tensor<4xi32>", None),
        ("arith.extf %a : f8E4M3FN to f32", "arith.extf %a : f8E4M3FN to f64"),
    ],
)
def test_floats_become_f64(text: str, wide: str | None) -> None:
    assert widened(text) == wide


@pytest.mark.parametrize(
    ("text", "is_stored"),
    [
        ('dense<"0x0000803F"> : tensor<1xf32>', True),
        ("dense_resource<w> : tensor<4xf32>", True),
        ('util.global private @w = #flow.parameter.named<"model"::"w"> : tensor<4xf32>', True),
        ("dense<1.0> : tensor<4xf32>", False),
    ],
)
def test_stored_numbers_are_no_text(text: str, *, is_stored: bool) -> None:
    assert has_stored(text) == is_stored
