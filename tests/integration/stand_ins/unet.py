"""SDXL's UNet for guided latents of any size, alone or as a step that a pipeline calls in a loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
from generator import layers, reference
from generator.builder import Array, Function, Value, module_text, shaped
from generator.layers import ADD, SILU
from generator.reference import Arrays
from generator.weights import Weights

from tests.integration.stand_ins.stand_in import Argument, Signature, StandIn, random

_CHANNELS, _GROUPS, _PATCH, _HEADS, _FREQUENCIES = 16, 4, 8, 2, 8
WIDTH = 64
_STEPS = 3
_PIPELINE = """\
!latents = tensor<{latents}>
!prompt = tensor<{prompt}>
!text = tensor<{text}>
!ids = tensor<2x6xf16>
!scalar = tensor<1xf16>
!times = tensor<{steps}xf16>

module @sdxl_compiled_pipeline {{
  func.func private @compiled_scheduled_unet.run_initialize(!latents) -> (!latents, !ids, !times)
  func.func private @compiled_scheduled_unet.run_forward(!latents, !prompt, !text, !ids, !scalar, !scalar) -> !latents

  func.func @{function}(%noise: !latents, %prompt: !prompt, %text: !text, %guidance: !scalar) -> !latents {{
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %steps = arith.constant {steps} : index
    %start, %ids, %times = func.call @compiled_scheduled_unet.run_initialize(%noise)
      : (!latents) -> (!latents, !ids, !times)
    %denoised = scf.for %step = %c0 to %steps step %c1 iter_args(%sample = %start) -> (!latents) {{
      %time = tensor.extract_slice %times[%step] [1] [1] : !times to !scalar
      %next = func.call @compiled_scheduled_unet.run_forward(%sample, %prompt, %text, %ids, %guidance, %time)
        : (!latents, !prompt, !text, !ids, !scalar, !scalar) -> !latents
      scf.yield %next : !latents
    }}
    return %denoised : !latents
  }}
}}
"""
# In which the functions here take what the UNet is given.
_ORDER = ("latents", "prompt", "text", "ids", "guidance", "time")
_PROMPT: Argument = ((2, 64, 2048), "f16")
_TEXT: Argument = ((2, 1280), "f16")
_IDS: Argument = ((2, 6), "f16")
_SCALAR: Argument = ((1,), "f16")
_STEP = f"%k = arith.constant {-1 / _STEPS:e}; %m = arith.mulf %b, %k; %y = arith.addf %a, %m"

Kind = TypeVar("Kind")
Project = Callable[[Function, Value], Value]
ExpectedProject = Callable[[Arrays, Array], Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given(Generic[Kind]):
    """What the UNet is given, as values of a program or as arrays in float64."""

    latents: Kind
    prompt: Kind
    text: Kind
    ids: Kind
    guidance: Kind
    time: Kind

    @classmethod
    def of(cls, names: Sequence[str], values: Sequence[Kind]) -> "Given[Kind]":
        """Return what stands in the order of the names."""
        return cls(**dict(zip(names, values, strict=True)))


def weights() -> Weights:
    """Return weights that serve latents of every size."""
    made = Weights(seed=51, dtype="float16")
    made.conv("conv_in", 4, _CHANNELS, 3)
    for name, width in (("text", 1280), ("ids", 6), ("time", 2 * _FREQUENCIES)):
        made.linear(name, width, _CHANNELS)
        for part in (f"{name}.weight", f"{name}.bias"):
            made.arrays[part] = made.arrays[part].astype("float32")
    made.norm("norm", _CHANNELS)
    made.conv("patch", _CHANNELS, WIDTH, _PATCH)
    made.norm("cross.norm", WIDTH)
    made.linear("cross.query", WIDTH, WIDTH)
    for part in ("key", "value"):
        made.linear(f"cross.{part}", 2048, WIDTH)
    made.linear("cross.out", WIDTH, WIDTH)
    made.linear("spread", WIDTH, _CHANNELS)
    made.conv("conv_out", _CHANNELS, 4, 3)
    made.arrays["conv_out.weight"] /= 4
    made.arrays["frequencies"] = (100.0 ** (-np.arange(_FREQUENCIES) / _FREQUENCIES)).astype("float32")
    made.arrays["initial_ids"] = np.array([[1024, 1024, 0, 0, 1024, 1024]] * 2, "float16") / 1024
    made.arrays["initial_times"] = np.linspace(999, 1, _STEPS).astype("float16")
    return made


def unet_960_1024(signature: Signature) -> StandIn:
    """Return the UNet for images of 960 by 1024, whose files say the types."""
    assert len(signature.inputs) == 6
    arguments = [((1, 4, 120, 128), "f16"), _PROMPT, _TEXT, _IDS, _SCALAR, _SCALAR]
    made = weights()
    f = Function(signature.name, arguments, made.arrays)
    inputs = (*inputs_of(arguments[:4], 61), np.array([5], "float16"), np.array([400], "float16"))
    expected = expected_noise(made.double(), Given.of(_ORDER, widened(inputs)))
    return StandIn(
        mlir=module_text("compiled_unet", [f.text(noise(f, Given.of(_ORDER, f.arguments)))], made.arrays),
        weights=made.arrays,
        inputs=inputs,
        outputs=(expected.astype("float16"),),
    )


def scheduled_unet(signature: Signature) -> StandIn:
    """Return the UNet with its steps, and the pipeline that calls them."""
    latents, prompt, text, guidance = signature.arguments
    assert guidance == _SCALAR
    made = weights()
    f = Function("run_forward", [latents, prompt, text, _IDS, _SCALAR, _SCALAR], made.arrays)
    stepped = f.map("nchw,nchw->nchw", _STEP, f.arguments[0], noise(f, Given.of(_ORDER, f.arguments)))
    functions = [_initialize(latents, made.arrays), f.text(stepped)]
    inputs = (*inputs_of([latents, prompt, text], 71), np.array([4], "float16"))
    return StandIn(
        mlir=module_text("compiled_scheduled_unet", functions, made.arrays),
        pipeline_mlir=_PIPELINE.format(
            function=signature.name,
            steps=_STEPS,
            latents=shaped(*latents),
            prompt=shaped(*prompt),
            text=shaped(*text),
        ),
        weights=made.arrays,
        inputs=inputs,
        outputs=(_expected_latents(made.double(), widened(inputs)).astype("float16"),),
    )


def inputs_of(arguments: list[Argument], seed: int) -> list[Array]:
    """Return random inputs of these types."""
    return [random(each, seed + i) for i, each in enumerate(arguments)]


def widened(arrays: Sequence[Array]) -> list[Array]:
    """Return arrays in float64."""
    return [each.astype("float64") for each in arrays]


def _initialize(latents: Argument, arrays: Arrays) -> str:
    """Return `run_initialize(sample)`: twice the sample, and what else the steps need."""
    f = Function("run_initialize", [latents], arrays)
    doubled = f.map("nchw->nchw", "%y = arith.addf %a, %a", f.arguments[0])
    return f.text(doubled, f.weight("initial_ids"), f.weight("initial_times"))


def linear_out(f: Function, x: Value) -> Value:
    """Project what the attention has mixed, `b t d`."""
    return layers.linear(f, x, "cross.out")


def noise(f: Function, given: Given[Value], project: Project = linear_out) -> Value:
    """Return the noise that is seen in the latents with the prompt, taken away from that without it."""
    x = layers.conv(f, f.concat(0, given.latents, given.latents), "conv_in")
    x = f.map("nchw,nc->nchw", ADD, x, _condition(f, given))
    x = f.map("nchw->nchw", SILU, layers.group_norm(f, x, "norm", groups=_GROUPS), dtype="f16")
    x = f.map("nchw,nchw->nchw", ADD, x, _attended(f, x, given.prompt, project))
    y = layers.conv(f, x, "conv_out")
    without, with_prompt = (f.narrow(y, 0, i, 1) for i in (0, 1))
    guided = "%d = arith.subf %b, %a; %m = arith.mulf %c, %d; %y = arith.addf %a, %m"
    return f.map("nchw,nchw,n->nchw", guided, without, with_prompt, given.guidance, dtype="f16")


def _condition(f: Function, given: Given[Value]) -> Value:
    """Return what the text, the ids and the time add to every pixel, `n c`.

    It is of f32: for two rows of f16, iree@89ece87b89 (3.13.0) takes instructions that gfx90a has not.
    """
    angles = f.map("n,d->nd", "%y = arith.mulf %a, %b", given.time, f.weight("frequencies"), dtype="f32")
    waves = f.concat(1, *(f.map("nd->nd", f"%y = math.{each} %a", angles) for each in ("cos", "sin")))
    time = f.reshape(layers.linear(f, waves, "time"), (_CHANNELS,))
    text, ids = (f.map("nd->nd", "", each, dtype="f32") for each in (given.text, given.ids))
    added = f.map("nc,nc->nc", ADD, layers.linear(f, text, "text"), layers.linear(f, ids, "ids"))
    return f.map("nc,c->nc", f"%x = arith.addf %a, %b; {SILU.replace('%a', '%x')}", added, time)


def _attended(f: Function, x: Value, prompt: Value, project: Project) -> Value:
    """Return what patches of the image take from the prompt, for every pixel, `n c h w`."""
    n, _, height, width = x.shape
    rows, columns = height // _PATCH, width // _PATCH
    patches = f.conv(x, f.weight("patch.weight"), stride=_PATCH)
    tokens = f.map("nchw,c->nhwc", ADD, patches, f.weight("patch.bias"), dtype="f16")
    tokens = f.reshape(tokens, (n, rows * columns, WIDTH))
    query = layers.linear(f, layers.layer_norm(f, tokens, "cross.norm"), "cross.query")
    key, value = (layers.linear(f, prompt, f"cross.{part}") for part in ("key", "value"))
    mixed = project(f, layers.attention(f, (query, key, value), heads=_HEADS))
    tokens = layers.linear(f, f.map("btd,btd->btd", ADD, tokens, mixed), "spread")
    tokens = f.reshape(tokens, (n, rows, columns, _CHANNELS))
    repeated = f.map("nhwc->nchiwj", "", tokens, sizes={"i": _PATCH, "j": _PATCH})
    return f.reshape(repeated, x.shape)


def expected_out(w: Arrays, x: Array) -> Array:
    """Project as `linear_out` does."""
    return reference.linear(w, x, "cross.out")


def expected_noise(w: Arrays, given: Given[Array], project: ExpectedProject = expected_out) -> Array:
    """Return the noise, in float64."""
    angles = given.time * w["frequencies"]
    waves = np.concatenate([np.cos(angles), np.sin(angles)])
    condition = reference.linear(w, given.text, "text") + reference.linear(w, given.ids, "ids")
    condition = reference.silu(condition + reference.linear(w, waves, "time"))
    x = reference.conv(w, np.concatenate([given.latents, given.latents]), "conv_in") + condition[:, :, None, None]
    x = reference.silu(reference.group_norm(w, x, "norm", groups=_GROUPS))
    y = reference.conv(w, x + _expected_attended(w, x, given.prompt, project), "conv_out")
    return np.asarray(y[:1] + given.guidance[0] * (y[1:] - y[:1]))


def _expected_attended(w: Arrays, x: Array, prompt: Array, project: ExpectedProject) -> Array:
    n, channels, height, width = x.shape
    tiles = x.reshape(n, channels, height // _PATCH, _PATCH, width // _PATCH, _PATCH)
    tokens = np.einsum("nchiwj,fcij->nhwf", tiles, w["patch.weight"], optimize=True) + w["patch.bias"]
    _, rows, columns, _ = tokens.shape
    tokens = tokens.reshape(n, -1, WIDTH)
    query = reference.linear(w, reference.layer_norm(w, tokens, "cross.norm"), "cross.query")
    key, value = (reference.linear(w, prompt, f"cross.{part}") for part in ("key", "value"))
    tokens = tokens + project(w, reference.attention(query, key, value, heads=_HEADS))
    pixels = reference.linear(w, tokens, "spread").reshape(n, rows, columns, channels).transpose(0, 3, 1, 2)
    return np.asarray(np.kron(pixels, np.ones((1, 1, _PATCH, _PATCH))))


def _expected_latents(w: Arrays, inputs: Sequence[Array]) -> Array:
    latents, prompt, text, guidance = inputs
    ids, times = w["initial_ids"], w["initial_times"]
    given = Given(latents=2 * latents, prompt=prompt, text=text, ids=ids, guidance=guidance, time=times)
    for step in range(_STEPS):
        predicted = expected_noise(w, replace(given, time=times[step : step + 1]))
        given = replace(given, latents=given.latents - predicted / _STEPS)
    return given.latents
