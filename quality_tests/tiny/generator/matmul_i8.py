"""A quantised linear layer: i8 by i8 with i32 sums, zero point, bias, scale per channel, and back to i8."""

from itertools import count

import numpy as np

from generator.builder import Array, Function, module_text
from generator.model import Model
from generator.reference import Arrays
from generator.weights import Weights

_ROWS, _IN, _OUT = 32, 64, 48
_IN_ZERO, _OUT_ZERO, _OUT_SCALE = -7, 5, 0.125
_MARGIN = 1e-3


def matmul_i8() -> Model:
    """Return the layer with the first data that have no value near a tie of the rounding."""
    weights, x = next(data for data in map(_data, count(6)) if _is_unambiguous(data))
    quantised = _quantised(_real(weights.arrays, x))
    return Model(
        name="matmul_i8",
        mlir=_mlir(weights.arrays),
        run_function="main",
        weights=weights.arrays,
        inputs=(x,),
        outputs=(quantised.astype("int8"), ((quantised - _OUT_ZERO) * _OUT_SCALE).astype("float32")),
        thresholds={"f32": 1e-5},
    )


def _data(seed: int) -> tuple[Weights, Array]:
    weights = Weights(seed, dtype="float32")
    weights.arrays["weight"] = weights.integers(-127, 128, (_IN, _OUT)).astype("int8")
    weights.arrays["bias"] = weights.integers(-20000, 20000, (_OUT,)).astype("int32")
    weights.arrays["scale"] = np.abs(weights.normal((_OUT,), 5e-5, 2e-4)) + np.float32(1e-5)
    return weights, weights.integers(-128, 128, (_ROWS, _IN)).astype("int8")


def _is_unambiguous(data: tuple[Weights, Array]) -> bool:
    """Whether no value lies so near to a tie that f32 could round it the other way."""
    weights, x = data
    return bool(np.all(np.abs(_real(weights.arrays, x) / _OUT_SCALE % 1 - 0.5) > _MARGIN))


def _mlir(weights: Arrays) -> str:
    f = Function("main", [((_ROWS, _IN), "i8")], weights)
    weight = f.weight("weight")
    widened = f.map("kn->kn", "%y = arith.extsi %a : i8 to i32", weight, dtype="i32", compute="i32")
    columns = f.reduce("kn->n", "arith.addi", widened, dtype="i32")
    total = f.matmul(f.arguments[0], weight, dtype="i32")
    scaled = (
        f"%z = arith.constant {_IN_ZERO} : i32; %m = arith.muli %b, %z : i32; %s = arith.subi %a, %m : i32;"
        "%t = arith.addi %s, %c : i32; %r = arith.sitofp %t : i32 to f32; %y = arith.mulf %r, %d"
    )
    operands = (total, columns, f.weight("bias"), f.weight("scale"))
    real = f.map("mn,n,n,n->mn", scaled, *operands, dtype="f32")
    rounded = (
        f"%s = arith.constant {1 / _OUT_SCALE}; %m = arith.mulf %a, %s; %r = math.roundeven %m;"
        f"%z = arith.constant {_OUT_ZERO}.0; %q = arith.addf %r, %z; %l = arith.constant -128.0;"
        "%o = arith.maximumf %q, %l; %h = arith.constant 127.0; %p = arith.minimumf %o, %h;"
        "%y = arith.fptosi %p : f32 to i8"
    )
    quantised = f.map("mn->mn", rounded, real, dtype="i8")
    dequantised = (
        f"%r = arith.sitofp %a : i8 to f32; %z = arith.constant {_OUT_ZERO}.0; %d = arith.subf %r, %z;"
        f"%s = arith.constant {_OUT_SCALE}; %y = arith.mulf %d, %s"
    )
    return module_text(
        "compiled_matmul_i8", [f.text(quantised, f.map("mn->mn", dequantised, quantised, dtype="f32"))], weights
    )


def _real(weights: Arrays, x: Array) -> Array:
    """Return the result before it is quantised, with the zero point taken from the input itself."""
    total = (x.astype("int64") - _IN_ZERO) @ weights["weight"].astype("int64") + weights["bias"]
    return np.asarray(total * weights["scale"].astype("float64"))


def _quantised(real: Array) -> Array:
    return np.asarray(np.clip(np.rint(real / _OUT_SCALE) + _OUT_ZERO, -128, 127))
