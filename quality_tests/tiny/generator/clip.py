"""CLIP's text encoder: causal pre-norm transformer with quick GELU, pooled at the end-of-text token."""

import numpy as np

from generator import layers, reference
from generator.builder import Array, Function, Value, module_text
from generator.layers import ADD, QUICK_GELU
from generator.model import Model
from generator.reference import Arrays
from generator.weights import Weights

_BATCH, _TOKENS, _WIDTH, _HEADS, _LAYERS, _VOCABULARY = 2, 16, 48, 3, 2, 64


def clip() -> Model:
    """Return the encoder in f32."""
    return _model("clip", "float32", {"f32": 1e-5})


def clip_f16() -> Model:
    """Return the encoder in f16; matmul, softmax and layer norm accumulate in f32."""
    return _model("clip_f16", "float16", {"f16": 2e-2})


def _model(name: str, dtype: str, thresholds: dict[str, float]) -> Model:
    weights = _weights(dtype)
    ids = weights.integers(1, _VOCABULARY - 1, (_BATCH, _TOKENS))
    for row, end in enumerate((_TOKENS - 1, 9)):
        ids[row, end:] = _VOCABULARY - 1
    return Model(
        name=name,
        mlir=_mlir(weights.arrays),
        run_function="encode_prompts",
        weights=weights.arrays,
        inputs=(ids,),
        outputs=tuple(array.astype(dtype) for array in _expected(weights.double(), ids)),
        thresholds=thresholds,
    )


def _weights(dtype: str) -> Weights:
    weights = Weights(seed=1, dtype=dtype)
    weights.table("tokens", _VOCABULARY, _WIDTH)
    weights.table("positions", _TOKENS, _WIDTH)
    for layer in range(_LAYERS):
        weights.norm(f"layer{layer}.norm1", _WIDTH)
        for part in ("query", "key", "value", "out"):
            weights.linear(f"layer{layer}.{part}", _WIDTH, _WIDTH)
        weights.norm(f"layer{layer}.norm2", _WIDTH)
        weights.linear(f"layer{layer}.fc1", _WIDTH, 2 * _WIDTH)
        weights.linear(f"layer{layer}.fc2", 2 * _WIDTH, _WIDTH)
    weights.norm("final_norm", _WIDTH)
    weights.arrays["mask"] = np.triu(np.full((_TOKENS, _TOKENS), -10000.0, dtype), 1)
    return weights


def _mlir(weights: Arrays) -> str:
    f = Function("encode_prompts", [((_BATCH, _TOKENS), "i64")], weights)
    (ids,) = f.arguments
    x = f.map("btd,td->btd", ADD, layers.embedding(f, ids, f.weight("tokens")), f.weight("positions"))
    for layer in range(_LAYERS):
        x = _layer(f, x, f"layer{layer}")
    hidden = layers.layer_norm(f, x, "final_norm")
    return module_text("compiled_clip", [f.text(hidden, _pooled(f, ids, hidden))], weights)


def _layer(f: Function, x: Value, name: str) -> Value:
    y = layers.layer_norm(f, x, f"{name}.norm1")
    query, key, value = (layers.linear(f, y, f"{name}.{part}") for part in ("query", "key", "value"))
    mixed = layers.attention(f, (query, key, value), heads=_HEADS, mask=f.weight("mask"))
    x = f.map("btd,btd->btd", ADD, x, layers.linear(f, mixed, f"{name}.out"))
    y = layers.linear(f, layers.layer_norm(f, x, f"{name}.norm2"), f"{name}.fc1")
    y = f.map("btd->btd", QUICK_GELU, y)
    return f.map("btd,btd->btd", ADD, x, layers.linear(f, y, f"{name}.fc2"))


def _pooled(f: Function, ids: Value, hidden: Value) -> Value:
    """Take the hidden state at the first of the highest ids, which is the end-of-text token."""
    highest = f.reduce("bt->b", "arith.maxsi", ids, dtype="i64")
    position = (
        "%t = linalg.index 1 : index; %i = arith.index_cast %t : index to i64;"
        f"%n = arith.constant {_TOKENS} : i64;"
        "%c = arith.cmpi eq, %a, %b : i64; %y = arith.select %c, %i, %n : i64"
    )
    first = f.reduce("bt->b", "arith.minsi", f.map("bt,b->bt", position, ids, highest, compute="i64"), dtype="i64")
    body = (
        "%t = arith.index_cast %a : i64 to index; %i = linalg.index 0 : index; %j = linalg.index 1 : index;"
        f"%y = tensor.extract {hidden.name}[%i, %t, %j] : {hidden.type}"
    )
    return f.map("b->bd", body, first, dtype=hidden.dtype, compute=hidden.dtype, sizes={"d": _WIDTH})


def _expected(w: Arrays, ids: Array) -> tuple[Array, Array]:
    x = w["tokens"][ids] + w["positions"]
    for layer in range(_LAYERS):
        x = _expected_layer(w, x, f"layer{layer}")
    hidden = reference.layer_norm(w, x, "final_norm")
    return hidden, hidden[np.arange(_BATCH), ids.argmax(axis=1)]


def _expected_layer(w: Arrays, x: Array, name: str) -> Array:
    y = reference.layer_norm(w, x, f"{name}.norm1")
    query, key, value = (reference.linear(w, y, f"{name}.{part}") for part in ("query", "key", "value"))
    mixed = reference.attention(query, key, value, heads=_HEADS, causal=True)
    x = x + reference.linear(w, mixed, f"{name}.out")
    y = reference.linear(w, reference.layer_norm(w, x, f"{name}.norm2"), f"{name}.fc1")
    return x + reference.linear(w, reference.quick_gelu(y), f"{name}.fc2")
