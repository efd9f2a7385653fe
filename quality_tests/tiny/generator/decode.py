"""One step of a Llama-style decoder: grouped-query attention over a key-value cache that is returned updated."""

import numpy as np

from generator import layers, reference
from generator.builder import Array, Function, Value, module_text
from generator.layers import ADD
from generator.model import Model
from generator.reference import Arrays
from generator.weights import Weights

_BATCH, _SLOTS, _LAYERS, _VOCABULARY = 2, 24, 2, 96
_WIDTH, _GROUPS, _HEADS, _DEPTH, _HIDDEN = 64, 2, 2, 16, 80  # heads of a group share their key and value
_CACHE = (2 * _LAYERS, _BATCH, _SLOTS, _GROUPS, _DEPTH)  # key, value, key, value


def decode() -> Model:
    """Return the step in f16; logits, softmax, norms and rotations are f32."""
    weights = _weights()
    tokens = weights.integers(0, _VOCABULARY, (_BATCH,))
    positions = np.array([5, 17], "int64")
    cache = weights.normal(_CACHE)
    logits, updated = _expected(weights.double(), tokens, positions, cache.astype("float64"))
    return Model(
        name="decode",
        mlir=_mlir(weights.arrays),
        run_function="decode_bs2",
        weights=weights.arrays,
        inputs=(tokens, positions, cache),
        outputs=(logits.astype("float32"), updated.astype("float16")),
        npy_inputs=frozenset({0, 2}),
        npy_outputs=frozenset({1}),
        thresholds={"f32": 2e-2, "f16": 1e-2},
    )


def _weights() -> Weights:
    weights = Weights(seed=8, dtype="float16")
    weights.table("tokens", _VOCABULARY, _WIDTH)
    query, shared = _GROUPS * _HEADS * _DEPTH, _GROUPS * _DEPTH
    shapes = {"query": (_WIDTH, query), "key": (_WIDTH, shared), "value": (_WIDTH, shared), "out": (query, _WIDTH)}
    shapes |= {"gate": (_WIDTH, _HIDDEN), "up": (_WIDTH, _HIDDEN), "down": (_HIDDEN, _WIDTH)}
    for layer in range(_LAYERS):
        for name, (fan_in, fan_out) in shapes.items():
            weights.arrays[f"layer{layer}.{name}"] = weights.normal((fan_in, fan_out), fan_in**-0.5)
        for name in ("norm1", "norm2"):
            weights.arrays[f"layer{layer}.{name}"] = weights.normal((_WIDTH,), 0.2, 1.0)
    weights.arrays["norm"] = weights.normal((_WIDTH,), 0.2, 1.0)
    weights.arrays["logits"] = weights.normal((_WIDTH, _VOCABULARY), _WIDTH**-0.5)
    weights.arrays["frequencies"] = (10000.0 ** (-np.arange(0, _DEPTH, 2) / _DEPTH)).astype("float32")
    weights.arrays["slots"] = np.arange(_SLOTS, dtype="int64")
    return weights


def _mlir(weights: Arrays) -> str:
    f = Function("decode_bs2", [((_BATCH,), "i64"), ((_BATCH,), "i64"), (_CACHE, "f16")], weights)
    tokens, positions, cache = f.arguments
    x = _rows(f, tokens, f.weight("tokens"))
    updated: list[Value] = []
    for layer in range(_LAYERS):
        y = _rms_norm(f, x, f"layer{layer}.norm1")
        updated += _updated_cache(f, y, positions, cache, layer)
        mixed = _attention(f, _rotated(f, _heads(f, y, f"layer{layer}.query"), positions), updated[-2:], positions)
        x = f.map("bd,bd->bd", ADD, x, f.matmul(mixed, f.weight(f"layer{layer}.out")))
        x = f.map("bd,bd->bd", ADD, x, _swiglu(f, _rms_norm(f, x, f"layer{layer}.norm2"), f"layer{layer}"))
    logits = f.matmul(_rms_norm(f, x, "norm"), f.weight("logits"))
    return module_text("compiled_decode", [f.text(logits, _stacked(f, updated))], weights)


def _rows(f: Function, ids: Value, table: Value) -> Value:
    return f.reshape(layers.embedding(f, f.reshape(ids, (*ids.shape, 1)), table), (*ids.shape, table.shape[1]))


def _rms_norm(f: Function, x: Value, name: str) -> Value:
    squares = f.reduce("bd->b", "arith.addf", f.map("bd->bd", "%y = arith.mulf %a, %a", x, dtype="f32"))
    y = layers.over_root_mean(f, x, squares, "bd,b->bd")
    return f.map("bd,d->bd", "%y = arith.mulf %a, %b", y, f.weight(name), dtype=x.dtype)


def _heads(f: Function, x: Value, name: str) -> Value:
    """Project to `b heads depth`, in f32."""
    y = f.matmul(x, f.weight(name))
    return f.reshape(y, (_BATCH, y.shape[1] // _DEPTH, _DEPTH))


def _rotated(f: Function, x: Value, positions: Value) -> Value:
    """Rotate the two halves of the depth against each other by position times frequency, and narrow to f16."""
    angle = "%i = arith.sitofp %a : i64 to f32; %y = arith.mulf %i, %b"
    angles = f.map("b,d->bd", angle, positions, f.weight("frequencies"), dtype="f32")
    cosines, sines = (f.map("bd->bd", f"%y = math.{function} %a", angles) for function in ("cos", "sin"))
    low, high = (f.narrow(x, 2, start, _DEPTH // 2) for start in (0, _DEPTH // 2))
    turned = "%p = arith.mulf %a, %c; %q = arith.mulf %b, %d; %y = arith.{} %p, %q"
    new_low = f.map("bhd,bhd,bd,bd->bhd", turned.format("subf"), low, high, cosines, sines, dtype="f16")
    new_high = f.map("bhd,bhd,bd,bd->bhd", turned.format("addf"), high, low, cosines, sines, dtype="f16")
    return f.concat(2, new_low, new_high)


def _updated_cache(f: Function, x: Value, positions: Value, cache: Value, layer: int) -> list[Value]:
    """Return the layer's cached keys and values `b slot group depth` with those of the new token at its position."""
    key = _rotated(f, _heads(f, x, f"layer{layer}.key"), positions)
    value = f.map("bgd->bgd", "", _heads(f, x, f"layer{layer}.value"), dtype="f16")
    body = "%c_here = arith.cmpi eq, %c, %d : i64; %y = arith.select %c_here, %b, %a : f16"
    updated = []
    for index, new in enumerate((key, value)):
        old = f.reshape(f.narrow(cache, 0, 2 * layer + index, 1), _CACHE[1:])
        operands = (old, new, positions, f.weight("slots"))
        updated.append(f.map("btgd,bgd,b,t->btgd", body, *operands, compute="f16"))
    return updated


def _attention(f: Function, query: Value, cached: list[Value], positions: Value) -> Value:
    """Attend to the slots up to the position; returns `b width`."""
    key, value = cached
    grouped = f.reshape(query, (_BATCH, _GROUPS, _HEADS, _DEPTH))
    scores = f.reshape(f.contract("bghd,btgd->bght", grouped, key), (_BATCH, _GROUPS * _HEADS, _SLOTS))
    body = (
        f"%s = arith.constant {_DEPTH**-0.5}; %x = arith.mulf %a, %s; %m = arith.constant -10000.0;"
        "%v = arith.cmpi sle, %c, %b : i64; %y = arith.select %v, %x, %m : f32"
    )
    masked = f.map("bqk,b,k->bqk", body, scores, positions, f.weight("slots"))
    weights = f.reshape(layers.softmax(f, masked, dtype="f16"), (_BATCH, _GROUPS, _HEADS, _SLOTS))
    mixed = f.map("bghd->bghd", "", f.contract("bght,btgd->bghd", weights, value), dtype="f16")
    return f.reshape(mixed, (_BATCH, _GROUPS * _HEADS * _DEPTH))


def _swiglu(f: Function, x: Value, name: str) -> Value:
    gate, up = (f.matmul(x, f.weight(f"{name}.{part}")) for part in ("gate", "up"))
    opened = f.map("bd->bd", layers.SILU, gate)
    product = f.map("bd,bd->bd", "%y = arith.mulf %a, %b", opened, up, dtype="f16")
    return f.matmul(product, f.weight(f"{name}.down"))


def _stacked(f: Function, parts: list[Value]) -> Value:
    stacked, *others = (f.reshape(part, (1, *part.shape)) for part in parts)
    for other in others:
        stacked = f.concat(0, stacked, other)
    return stacked


def _expected(w: Arrays, tokens: Array, positions: Array, cache: Array) -> tuple[Array, Array]:
    """Compute one sequence and one head at a time."""
    updated = cache.copy()
    logits = [
        _expected_logits(w, w["tokens"][t], p, updated[:, b])
        for b, (t, p) in enumerate(zip(tokens, positions, strict=True))
    ]
    return np.stack(logits), updated


def _expected_logits(w: Arrays, x: Array, position: int, cache: Array) -> Array:
    """Return the logits of one sequence, and write its new keys and values into the cache `layer slot group depth`."""
    for layer in range(_LAYERS):
        name = f"layer{layer}"
        y = _expected_norm(x, w[f"{name}.norm1"])
        key, value = cache[2 * layer], cache[2 * layer + 1]
        key[position] = _expected_rotation((y @ w[f"{name}.key"]).reshape(-1, _DEPTH), position)
        value[position] = (y @ w[f"{name}.value"]).reshape(-1, _DEPTH)
        query = _expected_rotation((y @ w[f"{name}.query"]).reshape(-1, _DEPTH), position)
        mixed = [
            reference.softmax(key[: position + 1, head // _HEADS] @ q / np.sqrt(_DEPTH))
            @ value[: position + 1, head // _HEADS]
            for head, q in enumerate(query)
        ]
        x = x + np.concatenate(mixed) @ w[f"{name}.out"]
        y = _expected_norm(x, w[f"{name}.norm2"])
        x = x + (reference.silu(y @ w[f"{name}.gate"]) * (y @ w[f"{name}.up"])) @ w[f"{name}.down"]
    return np.asarray(_expected_norm(x, w["norm"]) @ w["logits"])


def _expected_norm(x: Array, weight: Array) -> Array:
    return np.asarray(x / np.sqrt(np.mean(x**2) + reference.EPSILON) * weight)


def _expected_rotation(x: Array, position: int) -> Array:
    """Rotate as multiplication of complex numbers, whose real part is the first half of the depth."""
    half = _DEPTH // 2
    turn = np.exp(1j * position * 10000.0 ** (-np.arange(half) / half))
    rotated = (x[:, :half] + 1j * x[:, half:]) * turn
    return np.concatenate([rotated.real, rotated.imag], axis=1)
