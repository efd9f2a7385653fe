"""SDXL's quantised UNets, in i8 and in f8E4M3FNUZ, whose matmuls need instructions that gfx90a has not."""

import ml_dtypes
import numpy as np
from generator.builder import Array, Function, Value, module_text
from generator.layers import ADD
from generator.reference import Arrays

from tests.integration.stand_ins import unet
from tests.integration.stand_ins.stand_in import Signature, StandIn

_ORDER = ("latents", "time", "prompt", "text", "ids", "guidance")
_F8 = "f8E4M3FNUZ"
_SCALE = 1 / 32  # of a step of i8
# As a tuner leaves it: gfx90a has no such instruction.
TUNED = (
    "{compilation_info = #iree_codegen.compilation_info<lowering_config = #iree_gpu.lowering_config<"
    "{mma_kind = #iree_gpu.mma_layout<MFMA_I32_16x16x32_I8>, promote_operands = [0, 1], reduction = [0, 0, 64], "
    "subgroup_basis = [[2, 2, 1], [0, 1, 2]], workgroup = [64, 64, 0]}>, translation_info = "
    "#iree_codegen.translation_info<pipeline = #iree_gpu.pipeline<VectorDistribute> "
    "workgroup_size = [256, 1, 1] subgroup_size = 64>>}"
)


def punet_int8(signature: Signature) -> StandIn:
    """Return the UNet with a matmul of i8 by i8."""
    return _punet(signature, _random_weight().round().astype("int8"), _int8_out, _expected_int8_out)


def punet_fp8(signature: Signature) -> StandIn:
    """Return the UNet with a matmul of f8 by f8, whose weights are stored as bits."""
    weight = (_random_weight() * _SCALE).astype(ml_dtypes.float8_e4m3fnuz)
    return _punet(signature, weight.view("int8"), _fp8_out, _expected_fp8_out)


def _random_weight() -> Array:
    drawn = np.random.Generator(np.random.PCG64(81)).standard_normal((unet.WIDTH, unet.WIDTH))
    return np.asarray(np.clip(drawn * 4, -127, 127))


def _punet(
    signature: Signature, weight: Array, project: unet.Project, expected_project: unet.ExpectedProject
) -> StandIn:
    made = unet.weights()
    made.arrays["cross.out.weight"] = weight
    f = Function(signature.name, signature.arguments, made.arrays)
    given = unet.Given.of(_ORDER, f.arguments)
    inputs = unet.inputs_of(signature.arguments, 82)
    inputs[1], inputs[5] = np.array([600], "float16"), np.array([3], "float16")
    w = made.double() | {"cross.out.weight": weight}
    expected = unet.expected_noise(w, unet.Given.of(_ORDER, unet.widened(inputs)), expected_project)
    return StandIn(
        mlir=module_text("compiled_punet", [f.text(unet.noise(f, given, project))], made.arrays),
        weights=made.arrays,
        inputs=tuple(inputs),
        outputs=(expected.astype("float16"),),
    )


def _int8_out(f: Function, x: Value) -> Value:
    quantise = (
        f"%s = arith.constant {1 / _SCALE}; %m = arith.mulf %a, %s; %r = math.roundeven %m;"
        "%l = arith.constant -128.0; %o = arith.maximumf %r, %l; %h = arith.constant 127.0;"
        "%p = arith.minimumf %o, %h; %y = arith.fptosi %p : f32 to i8"
    )
    left = f.map("btd->btd", quantise, x, dtype="i8")
    total = _product(f, left, f.weight("cross.out.weight"), "i32", TUNED)
    scale = f"%r = arith.sitofp %a : i32 to f32; %s = arith.constant {_SCALE**2:e}; %x = arith.mulf %r, %s;"
    return _biased(f, x, total, f"{scale} %y = arith.addf %x, %b")


def _fp8_out(f: Function, x: Value) -> Value:
    left = f.map("btd->btd", f"%y = arith.truncf %a : f32 to {_F8}", x, dtype=_F8)
    weight = f.weight("cross.out.weight")
    right = f.map("io->io", f"%y = arith.bitcast %a : i8 to {_F8}", weight, dtype=_F8)
    return _biased(f, x, _product(f, left, right, "f32"), ADD)


def _product(f: Function, left: Value, right: Value, dtype: str, attributes: str = "") -> Value:
    rows = f.reshape(left, (left.shape[0] * left.shape[1], left.shape[2]))
    shape = (rows.shape[0], right.shape[1])
    out = f.filled("0" if dtype == "i32" else "0.0", shape, dtype)
    operands = f"ins({rows.name}, {right.name} : {rows.type}, {right.type}) outs({out.name} : {{type}}) -> {{type}}"
    return f.op(f"linalg.matmul {attributes} {operands}", shape, dtype)


def _biased(f: Function, x: Value, total: Value, body: str) -> Value:
    return f.reshape(f.map("rd,d->rd", body, total, f.weight("cross.out.bias"), dtype="f16"), x.shape)


def _expected_int8_out(w: Arrays, x: Array) -> Array:
    quantised = np.clip(np.rint(x / _SCALE), -128, 127)
    return np.asarray(quantised @ w["cross.out.weight"] * _SCALE**2 + w["cross.out.bias"])


def _expected_fp8_out(w: Arrays, x: Array) -> Array:
    left = x.astype(ml_dtypes.float8_e4m3fnuz).astype("float64")
    right = w["cross.out.weight"].view(ml_dtypes.float8_e4m3fnuz).astype("float64")
    return np.asarray(left @ right + w["cross.out.bias"])
