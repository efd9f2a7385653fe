"""SDXL's scheduler, which is compiled and never run."""

from generator.builder import module_text
from generator.scheduler import scale_text, step_text

from tests.integration.stand_ins.stand_in import Signature, StandIn

_LATENTS = (1, 4, 128, 128)


def scheduler(signature: Signature) -> StandIn:
    """Return an Euler scheduler in f16."""
    assert signature == Signature(function=None, inputs=(), outputs=())
    return StandIn(mlir=module_text("compiled_scheduler", [scale_text(_LATENTS, "f16"), step_text(_LATENTS, "f16")]))
