"""Layers in NumPy float64, against which the compiled models are judged; written without regard to the MLIR."""

from collections.abc import Mapping

import numpy as np

from generator.builder import Array

Arrays = Mapping[str, Array]

EPSILON = 1e-5


def linear(w: Arrays, x: Array, name: str) -> Array:
    """Affine map of the last axis."""
    return np.asarray(x @ w[f"{name}.weight"] + w[f"{name}.bias"])


def silu(x: Array) -> Array:
    """Return x times its logistic sigmoid."""
    return np.asarray(x / (1 + np.exp(-x)))


def quick_gelu(x: Array) -> Array:
    """Return the approximation of GELU that CLIP uses."""
    return np.asarray(x / (1 + np.exp(-1.702 * x)))


def gelu(x: Array) -> Array:
    """Return GELU in its form with a hyperbolic tangent."""
    return np.asarray(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


def layer_norm(w: Arrays, x: Array, name: str) -> Array:
    """Normalise the last axis, with weight and bias."""
    return np.asarray(normalized(x) * w[f"{name}.weight"] + w[f"{name}.bias"])


def normalized(x: Array) -> Array:
    """Return the last axis with mean 0 and variance 1."""
    return np.asarray((x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + EPSILON))


def group_norm(w: Arrays, x: Array, name: str, *, groups: int) -> Array:
    """Normalise groups of channels of `n c h w`."""
    y = normalized(x.reshape(x.shape[0], groups, -1)).reshape(x.shape)
    return np.asarray(y * w[f"{name}.weight"][:, None, None] + w[f"{name}.bias"][:, None, None])


def conv(w: Arrays, x: Array, name: str, *, stride: int = 1) -> Array:
    """Convolve `n c h w` with zeros around it."""
    kernel = w[f"{name}.weight"]
    size = kernel.shape[-1]
    around = (size // 2, size // 2)
    padded = np.pad(x, ((0, 0), (0, 0), around, around))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    return np.asarray(np.einsum("nchwij,fcij->nfhw", windows, kernel) + w[f"{name}.bias"][:, None, None])


def upsample(x: Array) -> Array:
    """Nearest neighbour, twice the height and width."""
    return np.asarray(x.repeat(2, axis=2).repeat(2, axis=3))


def softmax(x: Array) -> Array:
    """Softmax of the last axis."""
    exps = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(exps / exps.sum(-1, keepdims=True))


def attention(query: Array, key: Array, value: Array, *, heads: int, causal: bool = False) -> Array:
    """Multi-head attention of `b t d` tensors, head by head."""
    outputs = []
    columns = zip(*(np.split(x, heads, axis=-1) for x in (query, key, value)), strict=True)
    for q, k, v in columns:
        scores = np.einsum("bqd,bkd->bqk", q, k) / np.sqrt(q.shape[-1])
        if causal:
            scores = np.where(np.tri(scores.shape[-1], dtype=bool), scores, -np.inf)
        outputs.append(softmax(scores) @ v)
    return np.concatenate(outputs, axis=-1)
