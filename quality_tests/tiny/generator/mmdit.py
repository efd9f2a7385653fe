"""Stable Diffusion 3's joint block: an image and a text stream with their own weights and a common attention."""

import numpy as np

from generator import layers, reference
from generator.builder import Array, Function, Value, module_text
from generator.layers import ADD, GELU
from generator.model import Model
from generator.reference import Arrays
from generator.weights import Weights

_BATCH, _WIDTH, _HEADS, _CONDITION = 2, 64, 4, 32
_TOKENS = {"image": 16, "text": 8}


def mmdit() -> Model:
    """Return one block in f16; matmul, softmax and layer norm accumulate in f32."""
    weights = _weights()
    inputs = [weights.normal((_BATCH, tokens, _WIDTH)) for tokens in _TOKENS.values()]
    inputs.append(weights.normal((_BATCH, _CONDITION)))
    image, text, condition = (x.astype("float64") for x in inputs)
    streams = _expected(weights.double(), {"image": image, "text": text}, condition)
    return Model(
        name="mmdit",
        mlir=_mlir(weights.arrays),
        run_function="run_forward",
        weights=weights.arrays,
        inputs=tuple(inputs),
        outputs=tuple(stream.astype("float16") for stream in streams),
        thresholds={"f16": 2e-2},
    )


def _weights() -> Weights:
    weights = Weights(seed=4, dtype="float16")
    for stream in _TOKENS:
        weights.linear(f"{stream}.modulation", _CONDITION, 6 * _WIDTH)
        for part in ("query", "key", "value", "out"):
            weights.linear(f"{stream}.{part}", _WIDTH, _WIDTH)
        weights.linear(f"{stream}.fc1", _WIDTH, 2 * _WIDTH)
        weights.linear(f"{stream}.fc2", 2 * _WIDTH, _WIDTH)
    return weights


def _mlir(weights: Arrays) -> str:
    shapes = [*((_BATCH, tokens, _WIDTH) for tokens in _TOKENS.values()), (_BATCH, _CONDITION)]
    f = Function("run_forward", [(shape, "f16") for shape in shapes], weights)
    streams = dict(zip(_TOKENS, f.arguments[:2], strict=True))
    condition = f.map("bd->bd", layers.SILU, f.arguments[2])
    modulations = {name: _modulation(f, condition, name) for name in streams}
    mixed = _joint_attention(f, streams, modulations)
    results = [_finished(f, x, mixed[name], modulations[name], name) for name, x in streams.items()]
    return module_text("compiled_mmdit", [f.text(*results)], weights)


def _modulation(f: Function, condition: Value, name: str) -> list[Value]:
    """Return shift, scale and gate of the attention, then of the MLP, each `b d`."""
    parts = f.reshape(layers.linear(f, condition, f"{name}.modulation"), (_BATCH, 6, _WIDTH))
    return [f.reshape(f.narrow(parts, 1, i, 1), (_BATCH, _WIDTH)) for i in range(6)]


def _modulated(f: Function, x: Value, shift: Value, scale: Value) -> Value:
    body = "%c1 = arith.constant 1.0; %s = arith.addf %c, %c1; %m = arith.mulf %a, %s; %y = arith.addf %m, %b"
    return f.map("btd,bd,bd->btd", body, layers.normalized(f, x, "btd", "bt"), shift, scale, dtype=x.dtype)


def _joint_attention(f: Function, streams: dict[str, Value], modulations: dict[str, list[Value]]) -> dict[str, Value]:
    inputs = {name: _modulated(f, x, *modulations[name][:2]) for name, x in streams.items()}
    query, key, value = (
        f.concat(1, *(layers.linear(f, x, f"{name}.{part}") for name, x in inputs.items()))
        for part in ("query", "key", "value")
    )
    mixed = layers.attention(f, (query, key, value), heads=_HEADS)
    starts = {"image": 0, "text": _TOKENS["image"]}
    return {name: f.narrow(mixed, 1, starts[name], _TOKENS[name]) for name in streams}


def _finished(f: Function, x: Value, mixed: Value, modulation: list[Value], name: str) -> Value:
    """Add the attention's output and the MLP's to the stream, each through its gate."""
    gate1, shift2, scale2, gate2 = modulation[2:]
    x = _gated(f, x, gate1, layers.linear(f, mixed, f"{name}.out"))
    y = layers.linear(f, _modulated(f, x, shift2, scale2), f"{name}.fc1")
    return _gated(f, x, gate2, layers.linear(f, f.map("btd->btd", GELU, y), f"{name}.fc2"))


def _gated(f: Function, x: Value, gate: Value, y: Value) -> Value:
    gated = f.map("bd,btd->btd", "%y = arith.mulf %a, %b", gate, y, dtype="f32")
    return f.map("btd,btd->btd", ADD, x, gated)


def _expected(w: Arrays, streams: dict[str, Array], condition: Array) -> list[Array]:
    conditioned = {name: reference.linear(w, reference.silu(condition), f"{name}.modulation") for name in streams}
    modulations = {name: np.split(y[:, None, :], 6, axis=-1) for name, y in conditioned.items()}
    columns: list[list[Array]] = [[], [], []]
    for name, x in streams.items():
        shift, scale = modulations[name][:2]
        y = reference.normalized(x) * (1 + scale) + shift
        for column, part in zip(columns, ("query", "key", "value"), strict=True):
            column.append(reference.linear(w, y, f"{name}.{part}"))
    query, key, value = (np.concatenate(column, axis=1) for column in columns)
    mixed = np.split(reference.attention(query, key, value, heads=_HEADS), [_TOKENS["image"]], axis=1)
    return [
        _expected_stream(w, x, y, modulations[name], name) for (name, x), y in zip(streams.items(), mixed, strict=True)
    ]


def _expected_stream(w: Arrays, x: Array, mixed: Array, modulation: list[Array], name: str) -> Array:
    gate1, shift2, scale2, gate2 = modulation[2:]
    x = x + gate1 * reference.linear(w, mixed, f"{name}.out")
    y = reference.linear(w, reference.normalized(x) * (1 + scale2) + shift2, f"{name}.fc1")
    return np.asarray(x + gate2 * reference.linear(w, reference.gelu(y), f"{name}.fc2"))
