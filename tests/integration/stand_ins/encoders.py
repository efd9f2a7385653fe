"""Text encoders of SD3 and SDXL: a layer of attention for each tokenizer, and a pooled state."""

import numpy as np
from generator import layers, reference
from generator.builder import Array, Function, Value, module_text
from generator.layers import ADD
from generator.reference import Arrays
from generator.weights import Weights

from tests.integration.stand_ins.stand_in import Signature, StandIn

_VOCABULARY, _WIDTH, _HEADS = 64, 32, 2
# Since 3.12.0 (right at 3.11.0, iree@e4a3b0405d7d; wrong at iree@2b05c5dbb2f2), attention with --iree-opt-data-tiling,
# with O1 and not with O2, is wrong where the tokens do not fill the CPU's tiles: `attention` in transitions.py.
_MULTIPLE = 8
# The widths of CLIP-L and CLIP-G; of T5, it is that of SD3's hidden states.
_LARGE, _GIANT = 768, 1280


def sd3_clip(signature: Signature) -> StandIn:
    """Return the encoders of tokens with weights: prompt and negative prompt for CLIP-L, CLIP-G and T5."""
    (batch, both, width), _ = signature.results[0]
    tokens = both // 2
    weights = _weights({"l": _LARGE, "g": _GIANT, "t5": width}, tokens, "float32")
    inputs = tuple(_tokens_with_weights(seed, tokens) for seed in range(len(signature.inputs)))
    f = Function(signature.name, signature.arguments, weights.arrays)
    names = ("l", "g", "t5")
    large, giant, t5 = (_encoder(f, *_parts(f, *f.arguments[i::3]), name) for i, name in enumerate(names))
    zeros = f.filled("0.0", (batch, tokens, width - _LARGE - _GIANT), "f32")
    hidden = f.concat(1, f.concat(2, f.concat(2, large, giant), zeros), t5)
    pooled = f.concat(1, _pooled(f, large), _pooled(f, giant))
    return StandIn(
        mlir=module_text("compiled_text_encoder", [f.text(hidden, pooled)], weights.arrays),
        weights=weights.arrays,
        inputs=inputs,
        outputs=_sd3_expected(weights.double(), inputs, width),
    )


def sdxl_clip(signature: Signature) -> StandIn:
    """Return the encoders of tokens: prompt for CLIP-L and CLIP-G, then the negative prompt for both."""
    (_, tokens), _ = signature.arguments[0]
    weights = _weights({"l": _LARGE, "g": _GIANT}, tokens, "float16")
    inputs = tuple(_ids(seed, tokens) for seed in range(len(signature.inputs)))
    f = Function(signature.name, signature.arguments, weights.arrays)
    large, giant = (_encoder(f, f.concat(0, *f.arguments[i::2]), None, name) for i, name in enumerate("lg"))
    pooled = f.map("bd->bd", "", _pooled(f, giant), dtype="f16")
    w = weights.double()
    expected_large, expected_giant = (
        _expected_encoder(w, np.concatenate(inputs[i::2]), None, name) for i, name in enumerate("lg")
    )
    return StandIn(
        mlir=module_text("compiled_clip", [f.text(f.concat(2, large, giant), pooled)], weights.arrays),
        weights=weights.arrays,
        inputs=inputs,
        outputs=(
            np.concatenate([expected_large, expected_giant], axis=2).astype("float16"),
            expected_giant.max(axis=1).astype("float16"),
        ),
    )


def _ids(seed: int, tokens: int) -> Array:
    return np.random.Generator(np.random.PCG64(seed)).integers(0, _VOCABULARY, (1, tokens), dtype=np.int64)


def _tokens_with_weights(seed: int, tokens: int) -> Array:
    return np.stack([_ids(seed, tokens), _ids(seed + 100, tokens) % 3], axis=2)


def _weights(widths: dict[str, int], tokens: int, dtype: str) -> Weights:
    weights = Weights(seed=21, dtype=dtype)
    for name, width in widths.items():
        weights.table(f"{name}.tokens", _VOCABULARY, _WIDTH)
        weights.table(f"{name}.positions", tokens, _WIDTH)
        weights.norm(f"{name}.norm", _WIDTH)
        for part in ("query", "key", "value"):
            weights.linear(f"{name}.{part}", _WIDTH, _WIDTH)
        weights.linear(f"{name}.out", _WIDTH, width)
    padded = tokens + -tokens % _MULTIPLE
    weights.arrays["mask"] = np.zeros((padded, padded), dtype)
    weights.arrays["mask"][:, tokens:] = -10000
    return weights


def _parts(f: Function, prompt: Value, negative: Value) -> tuple[Value, Value]:
    """Return the ids `b t` and the weights `b t` of both prompts."""
    both = f.concat(0, prompt, negative)
    ids, emphasis = (f.reshape(f.narrow(both, 2, i, 1), both.shape[:2]) for i in (0, 1))
    return ids, emphasis


def _encoder(f: Function, ids: Value, emphasis: Value | None, name: str) -> Value:
    x = layers.embedding(f, ids, f.weight(f"{name}.tokens"))
    if emphasis:
        x = f.map("btd,bt->btd", "%e = arith.sitofp %b : i64 to f32; %y = arith.mulf %a, %e", x, emphasis)
    x = f.map("btd,td->btd", ADD, x, f.weight(f"{name}.positions"))
    y = layers.layer_norm(f, x, f"{name}.norm")
    query, key, value = (_padded(f, layers.linear(f, y, f"{name}.{part}")) for part in ("query", "key", "value"))
    mixed = layers.attention(f, (query, key, value), heads=_HEADS, mask=f.weight("mask"))
    x = f.map("btd,btd->btd", ADD, x, f.narrow(mixed, 1, 0, x.shape[1]))
    return layers.linear(f, x, f"{name}.out")


def _padded(f: Function, x: Value) -> Value:
    """Add tokens that the mask hides."""
    batch, tokens, width = x.shape
    missing = -tokens % _MULTIPLE
    return f.concat(1, x, f.filled("0.0", (batch, missing, width), x.dtype)) if missing else x


def _pooled(f: Function, hidden: Value) -> Value:
    return f.reduce("btd->bd", "arith.maximumf", hidden)


def _sd3_expected(w: Arrays, inputs: tuple[Array, ...], width: int) -> tuple[Array, Array]:
    encoded = []
    for i, name in enumerate(("l", "g", "t5")):
        both = np.concatenate(inputs[i::3])
        encoded.append(_expected_encoder(w, both[..., 0], both[..., 1], name))
    large, giant, t5 = encoded
    clip = np.concatenate([large, giant], axis=2)
    padded = np.pad(clip, ((0, 0), (0, 0), (0, width - clip.shape[2])))
    hidden = np.concatenate([padded, t5], axis=1)
    return hidden.astype("float32"), clip.max(axis=1).astype("float32")


def _expected_encoder(w: Arrays, ids: Array, emphasis: Array | None, name: str) -> Array:
    x = w[f"{name}.tokens"][ids] * (1 if emphasis is None else emphasis[..., None]) + w[f"{name}.positions"]
    y = reference.layer_norm(w, x, f"{name}.norm")
    query, key, value = (reference.linear(w, y, f"{name}.{part}") for part in ("query", "key", "value"))
    return reference.linear(w, x + reference.attention(query, key, value, heads=_HEADS), f"{name}.out")
