"""VAE decoders: a residual block, a larger image by convolution, and pixels of eight times the latent's size."""

from generator import layers, reference
from generator.builder import Array, Function, module_text
from generator.layers import ADD, SILU
from generator.reference import Arrays
from generator.weights import Weights

from tests.integration.stand_ins.stand_in import Signature, StandIn, random

_CHANNELS, _GROUPS = 16, 4
_HALF = "%h = arith.constant 0.5; %m = arith.mulf %a, %h; %y = arith.addf %m, %h"


def vae(signature: Signature) -> StandIn:
    """Return the decoder of SD3, whose result has no batch, or of SDXL, whose latent has other channels."""
    (latent,), ((image, element),) = signature.arguments, signature.results
    weights = _weights(latent[0][1])
    f = Function(signature.name, [latent], weights.arrays)
    x = layers.conv(f, f.arguments[0], "conv_in")
    y = f.map("nchw->nchw", SILU, layers.group_norm(f, x, "norm", groups=_GROUPS), dtype="f16")
    x = f.map("nchw,nchw->nchw", ADD, x, layers.conv(f, y, "conv"), dtype="f16")
    x = f.map("nchw->nchw", SILU, layers.conv(f, layers.upsample(f, x), "upsampled"), dtype="f16")
    x = f.map("nchw->nchw", _HALF, layers.conv(f, x, "conv_out"), dtype=element)
    x = f.reshape(layers.upsample(f, layers.upsample(f, x)), image)
    numbers = random(latent, seed=31)
    expected = _expected(weights.double(), numbers.astype("float64"))
    return StandIn(
        mlir=module_text("compiled_vae", [f.text(x)], weights.arrays),
        weights=weights.arrays,
        inputs=(numbers,),
        outputs=(expected.reshape(image).astype({"f16": "float16", "f32": "float32"}[element]),),
    )


def _weights(channels: int) -> Weights:
    weights = Weights(seed=32, dtype="float16")
    weights.conv("conv_in", channels, _CHANNELS, 3)
    weights.norm("norm", _CHANNELS)
    weights.conv("conv", _CHANNELS, _CHANNELS, 3)
    weights.conv("upsampled", _CHANNELS, _CHANNELS, 3)
    weights.conv("conv_out", _CHANNELS, 3, 3)
    return weights


def _expected(w: Arrays, latent: Array) -> Array:
    x = reference.conv(w, latent, "conv_in")
    x = x + reference.conv(w, reference.silu(reference.group_norm(w, x, "norm", groups=_GROUPS)), "conv")
    x = reference.conv(w, reference.silu(reference.conv(w, reference.upsample(x), "upsampled")), "conv_out")
    return reference.upsample(reference.upsample(x / 2 + 0.5))
