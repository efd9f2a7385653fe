"""A UNet with time embedding and one skip connection, and the pipeline that drives it over the denoising steps."""

import math

import numpy as np

from generator import layers, reference
from generator.builder import Array, Function, Value, module_text
from generator.layers import ADD, SILU
from generator.model import Model
from generator.reference import Arrays
from generator.scheduler import scale_text, step_text
from generator.weights import Weights

_LATENT = (1, 4, 8, 8)
_CHANNELS, _MIDDLE, _GROUPS = 16, 24, 4
_FREQUENCIES, _TIME = 16, 48
_TIMESTEPS = np.array([12, 8, 4, 1], "float32")
_SIGMAS = np.array([4, 2, 1, 0.5, 0], "float32")

_PRODUCE_IMAGE_LATENTS = """\
func.func private @compiled_unet.run_forward(!latents, !scalar) -> !latents

func.func @produce_image_latents(%noise: !latents, %timesteps: tensor<4xf32>, %sigmas: tensor<5xf32>) -> !latents {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %denoised = scf.for %step = %c0 to %c4 step %c1 iter_args(%sample = %noise) -> (!latents) {
    %next_step = arith.addi %step, %c1 : index
    %timestep = tensor.extract_slice %timesteps[%step] [1] [1] : tensor<4xf32> to !scalar
    %sigma = tensor.extract_slice %sigmas[%step] [1] [1] : tensor<5xf32> to !scalar
    %next_sigma = tensor.extract_slice %sigmas[%next_step] [1] [1] : tensor<5xf32> to !scalar
    %scaled = func.call @run_scale(%sample, %sigma) : (!latents, !scalar) -> !latents
    %predicted = func.call @compiled_unet.run_forward(%scaled, %timestep) : (!latents, !scalar) -> !latents
    %next = func.call @run_step(%sample, %predicted, %sigma, %next_sigma)
      : (!latents, !latents, !scalar, !scalar) -> !latents
    scf.yield %next : !latents
  }
  return %denoised : !latents
}"""


def unet() -> Model:
    """Return the UNet in f32 with its pipeline of four steps."""
    weights = _weights()
    noise = weights.normal(_LATENT, float(_SIGMAS[0]))
    return Model(
        name="unet",
        mlir=_mlir(weights.arrays),
        pipeline_mlir=_pipeline_mlir(),
        run_function="produce_image_latents",
        weights=weights.arrays,
        inputs=(noise, _TIMESTEPS, _SIGMAS),
        outputs=(_expected_pipeline(weights.double(), noise.astype("float64")).astype("float32"),),
        thresholds={"f32": 3e-5},
    )


def _weights() -> Weights:
    weights = Weights(seed=5, dtype="float32")
    weights.linear("time1", 2 * _FREQUENCIES, _TIME)
    weights.linear("time2", _TIME, _TIME)
    weights.conv("conv_in", _LATENT[1], _CHANNELS, 3)
    weights.conv("shrink", _CHANNELS, _CHANNELS, 3)
    blocks = {"down": (_CHANNELS, _CHANNELS), "middle": (_CHANNELS, _MIDDLE), "up": (_MIDDLE + _CHANNELS, _CHANNELS)}
    for name, (channels_in, channels_out) in blocks.items():
        weights.norm(f"{name}.norm1", channels_in)
        weights.conv(f"{name}.conv1", channels_in, channels_out, 3)
        weights.linear(f"{name}.time", _TIME, channels_out)
        weights.norm(f"{name}.norm2", channels_out)
        weights.conv(f"{name}.conv2", channels_out, channels_out, 3)
        if channels_in != channels_out:
            weights.conv(f"{name}.shortcut", channels_in, channels_out, 1)
    weights.norm("norm_out", _CHANNELS)
    weights.conv("conv_out", _CHANNELS, _LATENT[1], 3)
    return weights


def _mlir(weights: Arrays) -> str:
    f = Function("run_forward", [(_LATENT, "f32"), ((1,), "f32")], weights)
    sample, timestep = f.arguments
    time = _time_embedding(f, timestep)
    skip = _resnet(f, layers.conv(f, sample, "conv_in"), time, "down")
    x = _resnet(f, layers.conv(f, skip, "shrink", stride=2), time, "middle")
    x = _resnet(f, f.concat(1, layers.upsample(f, x), skip), time, "up")
    x = f.map("nchw->nchw", SILU, layers.group_norm(f, x, "norm_out", groups=_GROUPS))
    return module_text("compiled_unet", [f.text(layers.conv(f, x, "conv_out"))], weights)


def _time_embedding(f: Function, timestep: Value) -> Value:
    """Return cosines and sines of the time at frequencies from 1 down to 1e-4, through an MLP and SILU: `n d`."""
    angle = (
        "%i = linalg.index 1 : index; %j = arith.index_cast %i : index to i32; %k = arith.sitofp %j : i32 to f32;"
        f"%l = arith.constant {-math.log(10000) / _FREQUENCIES:e}; %m = arith.mulf %k, %l; %e = math.exp %m;"
        "%y = arith.mulf %a, %e"
    )
    angles = f.map("n->nd", angle, timestep, sizes={"d": _FREQUENCIES})
    cosines, sines = (f.map("nd->nd", f"%y = math.{function} %a", angles) for function in ("cos", "sin"))
    x = layers.linear(f, f.concat(1, cosines, sines), "time1")
    return f.map("nd->nd", SILU, layers.linear(f, f.map("nd->nd", SILU, x), "time2"))


def _resnet(f: Function, x: Value, time: Value, name: str) -> Value:
    y = f.map("nchw->nchw", SILU, layers.group_norm(f, x, f"{name}.norm1", groups=_GROUPS))
    y = layers.conv(f, y, f"{name}.conv1")
    y = f.map("nchw,nc->nchw", ADD, y, layers.linear(f, time, f"{name}.time"))
    y = f.map("nchw->nchw", SILU, layers.group_norm(f, y, f"{name}.norm2", groups=_GROUPS))
    y = layers.conv(f, y, f"{name}.conv2")
    shortcut = x if x.shape == y.shape else layers.conv(f, x, f"{name}.shortcut")
    return f.map("nchw,nchw->nchw", ADD, shortcut, y)


def _pipeline_mlir() -> str:
    aliases = "!latents = tensor<1x4x8x8xf32>\n!scalar = tensor<1xf32>\n\n"
    functions = [scale_text(_LATENT, "f32"), step_text(_LATENT, "f32"), _PRODUCE_IMAGE_LATENTS]
    return aliases + module_text("compiled_pipeline", functions)


def _expected_pipeline(w: Arrays, sample: Array) -> Array:
    """Return the sample after Euler steps from each noise level to the next."""
    for step, timestep in enumerate(_TIMESTEPS.astype("float64")):
        sigma, next_sigma = _SIGMAS[step : step + 2].astype("float64")
        noise = _expected(w, sample / np.sqrt(sigma**2 + 1), timestep)
        sample = sample + (next_sigma - sigma) * noise
    return sample


def _expected(w: Arrays, sample: Array, timestep: float) -> Array:
    angles = timestep * 10000.0 ** (-np.arange(_FREQUENCIES) / _FREQUENCIES)
    time = reference.linear(w, np.concatenate([np.cos(angles), np.sin(angles)])[None], "time1")
    time = reference.silu(reference.linear(w, reference.silu(time), "time2"))
    skip = _expected_resnet(w, reference.conv(w, sample, "conv_in"), time, "down")
    x = _expected_resnet(w, reference.conv(w, skip, "shrink", stride=2), time, "middle")
    x = _expected_resnet(w, np.concatenate([reference.upsample(x), skip], axis=1), time, "up")
    return reference.conv(w, reference.silu(reference.group_norm(w, x, "norm_out", groups=_GROUPS)), "conv_out")


def _expected_resnet(w: Arrays, x: Array, time: Array, name: str) -> Array:
    y = reference.conv(w, reference.silu(reference.group_norm(w, x, f"{name}.norm1", groups=_GROUPS)), f"{name}.conv1")
    y = y + reference.linear(w, time, f"{name}.time")[:, :, None, None]
    y = reference.conv(w, reference.silu(reference.group_norm(w, y, f"{name}.norm2", groups=_GROUPS)), f"{name}.conv2")
    return y + (reference.conv(w, x, f"{name}.shortcut") if f"{name}.shortcut.weight" in w else x)
