"""Attention in f16 whose softmax forgets to subtract the maximum: large scores overflow, and their rows become NaN."""

from generator import reference
from generator.builder import Array, Function, module_text
from generator.model import Model
from generator.weights import Weights

_SHAPE = (2, 16, 16)


def attention_overflow() -> Model:
    """Return the faulty program with the right expectation, which it cannot meet."""
    inputs = _inputs()
    query, key, value = (x.astype("float64") for x in inputs)
    return Model(
        name="attention_overflow",
        mlir=_mlir(),
        run_function="attention",
        inputs=inputs,
        outputs=(reference.attention(query, key, value, heads=1).astype("float16"),),
        thresholds={"f16": 1e-2},
        run_test_expecting_to_fail=True,
    )


def _inputs() -> tuple[Array, Array, Array]:
    """Return query, key and value; four queries are so long that even f32 would overflow."""
    weights = Weights(seed=7, dtype="float16")
    query, key, value = (weights.normal(_SHAPE) for _ in range(3))
    query[:, 3:5] *= 128
    return query, key, value


def _mlir() -> str:
    f = Function("attention", [(_SHAPE, "f16")] * 3)
    query, key, value = f.arguments
    products = f.batch_matmul(query, f.map("bkd->bdk", "", key))
    scores = f.map(
        "bqk->bqk", f"%s = arith.constant {_SHAPE[-1] ** -0.5}; %y = arith.mulf %a, %s", products, dtype="f16"
    )
    exps = f.map("bqk->bqk", "%y = math.exp %a", scores, compute="f16")
    total = f.reduce("bqk->bq", "arith.addf", exps, dtype="f16")
    weights = f.map("bqk,bq->bqk", "%y = arith.divf %a, %b", exps, total, compute="f16")
    mixed = f.map("bqd->bqd", "", f.batch_matmul(weights, value), dtype="f16")
    return module_text("compiled_attention", [f.text(mixed)])
