"""What is to be found of the catalogue's cases with the stand-ins, and how to read it from results."""

from typing import Any

from tests.integration.laboratory import Result

MODELS = ("sd3", "sdxl", "llama")
ON_CPU = {
    "sd3/clip": "passed",
    "sd3/mmdit": "xfailed",
    "sd3/vae": "passed",
    "sdxl/clip": "passed",
    "sdxl/scheduler": "compiled",
    "sdxl/unet_fp16": "passed",
    "sdxl/unet_fp16_960_1024": "passed",
    "sdxl/vae": "passed",
}
# What the stand-ins are off by at most, which is much less than what the catalogue lets pass.
CLOSE = {"f16": 0.03, "f32": 2e-3}
CHIPS = ("gfx942", "gfx90a")
FOR_CHIPS = ("--backend", "rocm", *(word for chip in CHIPS for word in ("--compile-chip", chip)), "--compile-only")
OTHERWISE = {"sdxl/punet_int8_fp16[rocm-gfx90a]", "sdxl/punet_int8_fp8[rocm-gfx90a]"}


def statuses(result: Result) -> dict[str, str]:
    """Return the status of each case."""
    return {case["id"]: case["status"] for case in result.report["cases"]}


def keys(result: Result) -> dict[str, list[str]]:
    """Return the keys of the modules of each case."""
    return {case["id"]: [module["key"] for module in case["modules"]] for case in result.report["cases"]}


def verdicts(result: Result) -> dict[str, tuple[Any, ...]]:
    """Return what was found of each case, but for what differs from run to run."""
    fields = ("status", "kind", "phase", "reason", "outputs")
    return {case["id"]: tuple(case[field] for field in fields) for case in result.report["cases"]}


def modules(result: Result) -> list[Any]:
    """Return the modules of all cases."""
    return [module for case in result.report["cases"] for module in case["modules"]]


def on_cpu() -> dict[str, str]:
    """Return the status that each case is to have on the CPU."""
    return {f"{name}[cpu]": status for name, status in ON_CPU.items()}
