"""SD3's MMDiT: patches of the image and a text attend to each other, conditioned on the time and a pooled text."""

import numpy as np
from generator import layers, reference
from generator.builder import Array, Function, Value, module_text
from generator.layers import ADD, SILU
from generator.reference import Arrays
from generator.weights import Weights

from tests.integration.stand_ins.stand_in import Signature, StandIn, random

_PATCH, _WIDTH, _HEADS, _FREQUENCIES = 8, 32, 2, 8


def mmdit(signature: Signature) -> StandIn:
    """Return one block in f32, as its results are, with expected outputs that are right."""
    latents, text, pooled, _ = signature.arguments
    weights = _weights(latents[0][1], text[0][2], pooled[0][1])
    f = Function(signature.name, signature.arguments, weights.arrays)
    inputs = (random(latents, 41), random(text, 42), random(pooled, 43), np.array([250, 750], "float16"))
    expected = _expected(weights.double(), *(each.astype("float64") for each in inputs))
    return StandIn(
        mlir=module_text("compiled_mmdit", [f.text(_mlir(f))], weights.arrays),
        weights=weights.arrays,
        inputs=inputs,
        outputs=(expected.astype("float32"),),
    )


def mmdit_that_fails(signature: Signature) -> StandIn:
    """Return it with an expected output of which one number is wrong."""
    right = mmdit(signature)
    (output,) = right.outputs
    wrong = output.copy()
    wrong.flat[-1] += 1
    return StandIn(mlir=right.mlir, weights=right.weights, inputs=right.inputs, outputs=(wrong,))


def _weights(channels: int, text: int, pooled: int) -> Weights:
    weights = Weights(seed=44, dtype="float32")
    weights.conv("patch", channels, _WIDTH, _PATCH)
    weights.linear("text", text, _WIDTH)
    weights.linear("pooled", pooled, _WIDTH)
    weights.linear("time", 2 * _FREQUENCIES, _WIDTH)
    weights.arrays["patch.weight"] = weights.arrays["patch.weight"].astype("float16")
    for part in ("query", "key", "value", "out"):
        weights.linear(part, _WIDTH, _WIDTH)
    weights.linear("unpatch", _WIDTH, channels * _PATCH * _PATCH)
    weights.arrays["frequencies"] = (100.0 ** (-np.arange(_FREQUENCIES) / _FREQUENCIES)).astype("float32")
    return weights


def _mlir(f: Function) -> Value:
    latents, *others = f.arguments
    text, pooled, time = (_widened(f, each) for each in others)
    batch, channels, height, width = latents.shape
    rows, columns = height // _PATCH, width // _PATCH
    patches = f.map("nchw->nhwc", "", f.conv(latents, f.weight("patch.weight"), stride=_PATCH))
    image = f.map("nhwc,c->nhwc", ADD, patches, f.weight("patch.bias"))
    image = f.reshape(image, (batch, rows * columns, _WIDTH))
    x = f.concat(1, image, layers.linear(f, text, "text"))
    shift = f.map("bd,bd->bd", ADD, layers.linear(f, pooled, "pooled"), layers.linear(f, _times(f, time), "time"))
    shift = f.map("bd->bd", SILU, shift)
    y = f.map("btd,bd->btd", ADD, layers.normalized(f, x, "btd", "bt"), shift)
    query, key, value = (layers.linear(f, y, part) for part in ("query", "key", "value"))
    mixed = layers.linear(f, layers.attention(f, (query, key, value), heads=_HEADS), "out")
    x = f.narrow(f.map("btd,btd->btd", ADD, x, mixed), 1, 0, rows * columns)
    parts = f.reshape(layers.linear(f, x, "unpatch"), (batch, rows, columns, channels, _PATCH, _PATCH))
    return f.reshape(f.map("nhwcij->nchiwj", "", parts), latents.shape)


def _widened(f: Function, value: Value) -> Value:
    axes = "abcd"[: len(value.shape)]
    return f.map(f"{axes}->{axes}", "", value, dtype="f32")


def _times(f: Function, time: Value) -> Value:
    angles = f.map("b,d->bd", "%y = arith.mulf %a, %b", time, f.weight("frequencies"))
    return f.concat(1, *(f.map("bd->bd", f"%y = math.{function} %a", angles) for function in ("cos", "sin")))


def _expected(w: Arrays, latents: Array, text: Array, pooled: Array, time: Array) -> Array:
    batch, channels, height, width = latents.shape
    tiles = latents.reshape(batch, channels, height // _PATCH, _PATCH, width // _PATCH, _PATCH)
    image = np.einsum("nchiwj,fcij->nhwf", tiles, w["patch.weight"], optimize=True) + w["patch.bias"]
    x = np.concatenate([image.reshape(batch, -1, _WIDTH), reference.linear(w, text, "text")], axis=1)
    angles = time[:, None] * w["frequencies"]
    times = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    shift = reference.silu(reference.linear(w, pooled, "pooled") + reference.linear(w, times, "time"))
    y = reference.normalized(x) + shift[:, None]
    query, key, value = (reference.linear(w, y, part) for part in ("query", "key", "value"))
    x = x + reference.linear(w, reference.attention(query, key, value, heads=_HEADS), "out")
    parts = reference.linear(w, x[:, : image.shape[1] * image.shape[2]], "unpatch")
    parts = parts.reshape(*image.shape[:3], channels, _PATCH, _PATCH)
    return np.asarray(parts.transpose(0, 3, 1, 4, 2, 5).reshape(latents.shape))
