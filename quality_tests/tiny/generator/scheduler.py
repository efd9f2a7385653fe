"""An Euler scheduler: scale the model's input by the noise level, and take one step.

As a model of its own it is compiled, never run; the UNet's pipeline holds the same two functions.
"""

from generator.builder import Function, Shape, module_text
from generator.model import Model

_LATENT = (1, 4, 16, 16)


def scheduler() -> Model:
    """Return the scheduler in f16 with its noise levels in f32."""
    mlir = module_text("compiled_scheduler", [scale_text(_LATENT, "f16"), step_text(_LATENT, "f16")])
    return Model(name="scheduler", mlir=mlir, compile_only=True)


def scale_text(latent: Shape, dtype: str) -> str:
    """Return `run_scale(sample, sigma)`: sample / sqrt(sigma^2 + 1)."""
    f = Function("run_scale", [(latent, dtype), ((1,), "f32")])
    sample, sigma = (f.arguments[0], f.reshape(f.arguments[1], ()))
    body = (
        "%s = arith.mulf %b, %b; %c1 = arith.constant 1.0; %v = arith.addf %s, %c1; %r = math.sqrt %v;"
        "%y = arith.divf %a, %r"
    )
    return f.text(f.map("nchw,->nchw", body, sample, sigma))


def step_text(latent: Shape, dtype: str) -> str:
    """Return `run_step(sample, noise, sigma, next_sigma)`: sample + (next_sigma - sigma) * noise."""
    f = Function("run_step", [(latent, dtype), (latent, dtype), ((1,), "f32"), ((1,), "f32")])
    sample, noise = f.arguments[:2]
    sigma, next_sigma = (f.reshape(level, ()) for level in f.arguments[2:])
    body = "%dt = arith.subf %d, %c; %m = arith.mulf %b, %dt; %y = arith.addf %a, %m"
    return f.text(f.map("nchw,nchw,,->nchw", body, sample, noise, sigma, next_sigma))
