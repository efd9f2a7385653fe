"""A VAE's decoder: a residual block, one upsampling, and convolutions in `n c h w`."""

from generator import layers, reference
from generator.builder import Array, Function, module_text
from generator.layers import ADD, SILU
from generator.model import Model
from generator.reference import Arrays
from generator.weights import Weights

_LATENT = (1, 4, 8, 8)
_CHANNELS, _GROUPS = 16, 4


def vae() -> Model:
    """Return the decoder in f32."""
    weights = _weights()
    latent = weights.normal(_LATENT)
    return Model(
        name="vae",
        mlir=_mlir(weights.arrays),
        run_function="decode",
        weights=weights.arrays,
        inputs=(latent,),
        outputs=(_expected(weights.double(), latent.astype("float64")).astype("float32"),),
        thresholds={"f32": 1e-5},
    )


def _weights() -> Weights:
    weights = Weights(seed=3, dtype="float32")
    weights.conv("conv_in", _LATENT[1], _CHANNELS, 3)
    for part in ("1", "2"):
        weights.norm(f"resnet.norm{part}", _CHANNELS)
        weights.conv(f"resnet.conv{part}", _CHANNELS, _CHANNELS, 3)
    weights.conv("upsampled", _CHANNELS, _CHANNELS, 3)
    weights.norm("norm_out", _CHANNELS)
    weights.conv("conv_out", _CHANNELS, 3, 3)
    return weights


def _mlir(weights: Arrays) -> str:
    f = Function("decode", [(_LATENT, "f32")], weights)
    x = layers.conv(f, f.arguments[0], "conv_in")
    y = x
    for part in ("1", "2"):
        y = layers.group_norm(f, y, f"resnet.norm{part}", groups=_GROUPS)
        y = layers.conv(f, f.map("nchw->nchw", SILU, y), f"resnet.conv{part}")
    x = f.map("nchw,nchw->nchw", ADD, x, y)
    x = layers.conv(f, layers.upsample(f, x), "upsampled")
    x = f.map("nchw->nchw", SILU, layers.group_norm(f, x, "norm_out", groups=_GROUPS))
    return module_text("compiled_vae", [f.text(layers.conv(f, x, "conv_out"))], weights)


def _expected(w: Arrays, latent: Array) -> Array:
    x = reference.conv(w, latent, "conv_in")
    y = reference.silu(reference.group_norm(w, x, "resnet.norm1", groups=_GROUPS))
    y = reference.conv(w, y, "resnet.conv1")
    y = reference.silu(reference.group_norm(w, y, "resnet.norm2", groups=_GROUPS))
    x = x + reference.conv(w, y, "resnet.conv2")
    x = reference.conv(w, reference.upsample(x), "upsampled")
    x = reference.silu(reference.group_norm(w, x, "norm_out", groups=_GROUPS))
    return reference.conv(w, x, "conv_out")
