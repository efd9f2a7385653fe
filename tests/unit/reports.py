"""Samples of what the renderers are given."""

from typing import Any

from harness.core.blobs import FetchedBlob
from harness.core.measurements import BudgetCheck, ErrorMap, Histogram, Measurement, Module, WorstElement
from harness.core.outcomes import Outcome, Report, exit_code
from harness.core.statuses import Kind, Phase, Status
from harness.core.timings import StepTime

FAILURES = (Kind.NUMERIC, Kind.NAN, Kind.SHAPE, Kind.COMPILE, Kind.CRASH, Kind.TIMEOUT, Kind.BUDGET)
NO_VERDICTS = (Kind.FETCH, Kind.INTEGRITY, Kind.DEVICE, Kind.TOOL, Kind.ENGINE, Kind.ORACLE, Kind.DISK)

ENVIRONMENT = {
    "engine": "container",
    "image": {"tag": "quality:3f2a", "id": "sha256:11", "base": "debian@sha256:22"},
    "iree": {"release": "3.13.0", "compiler_commit": "89ece87b5a02", "runtime_commit": "89ece87b5a02"},
    "host": {"cpu": "EPYC 9454", "kernel": "6.8.0", "gpus": [{"chip": "gfx942", "sku": "mi300"}]},
    "harness": {"version": "0.1.0"},
    "prefix": ["nox", "-s", "quality", "--"],
}
NOWHERE: dict[str, Any] = {
    "engine": "local",
    "image": None,
    "iree": {"release": None, "compiler_commit": None, "runtime_commit": None},
    "host": {"cpu": None, "kernel": None, "gpus": []},
    "harness": {},
}


def outcome(status: Status = Status.PASSED, submodel: str = "clip", **changes: Any) -> Outcome:
    """Return an outcome of a case on the CPU in which every field is filled."""
    filled: dict[str, Any] = {
        "id": f"tiny/{submodel}[cpu]",
        "model": "tiny",
        "submodel": submodel,
        "backend": "cpu",
        "chip": None,
        "status": status,
        "phase": Phase.COMPARE,
        "path": f"quality_tests/tiny/{submodel}_cpu.json",
        "seconds": {"fetch": 0.08, "compile": 2.71, "run": 0.12, "compare": 0.002},
        "steps": (
            StepTime(step="compile", began="2026-11-22T18:30:00.100Z", seconds=2.71, resource="compiler"),
            StepTime(step="run", began="2026-11-22T18:30:02.900Z", seconds=0.12, resource="cpu"),
        ),
        "modules": (module(),),
        "outputs": (measurement(),),
        "budgets": (BudgetCheck(name="dispatches", value=31, limit=40, exceeded=False),),
        "commands": {
            "compile": (("iree-compile", "clip.mlir", "-o", "clip.vmfb"),),
            "run": ("iree-run-module", "--module=clip.vmfb", "--input=1x4xf32=1 2 3 4"),
        },
        "logs": {"compile": "logs/compile.log", "run": "logs/run.log"},
        "blobs": (FetchedBlob(url="https://host/clip.irpa", sha256="c" * 64, bytes=9, attempts=2, resumed=True),),
        "peak_memory_bytes": 215_000_000,
        "notes": ("flag --a is spelled --b in 3.13.0",),
        "log_tail": "EXEC @main\n[SUCCESS]\n",
    }
    return Outcome(**(filled | changes))


def module(**changes: Any) -> Module:
    """Return a module that was compiled in this run."""
    filled: dict[str, Any] = {"key": "a" * 64, "bytes": 84_213, "cached": False, "sha256": "b" * 64, "dispatches": 31}
    return Module(**(filled | {"compile_seconds": 2.7, "compile_cpu_seconds": 3.1, "peak_memory_bytes": 9} | changes))


def measurement(**changes: Any) -> Measurement:
    """Return a measurement at 11% of its threshold."""
    filled: dict[str, Any] = {"index": 0, "type": "4x17x65xf32", "atol": 1e-5, "elements": 4420, "nan": 0}
    errors: dict[str, Any] = {
        "max_abs_error": 1.1e-6,
        "mean_abs_error": 1e-7,
        "max_rel_error": 1e-5,
        "cosine_similarity": 1.0,
    }
    errors |= {"psnr": 96.5, "error_mean": 1e-9, "error_deviation": 1e-6, "token_match": 0.5, "perplexity": 1.01}
    worst = WorstElement(index=(0, 3, 1), actual="0.1000011", expected="0.1", error=1.1e-6, ratio=0.11)
    errors |= {"histogram": Histogram(equal=4400, exponent=-24, counts=(3, 0, 12, 5)), "worst": (worst,)}
    errors |= {"error_map": ErrorMap(dimensions=(17, 65), rows=("00001000", "00900870", *["00000000"] * 6))}
    return Measurement(**(filled | errors | {"error_ratio": 0.11} | changes))


def failed(kind: Kind | None = Kind.NUMERIC, **changes: Any) -> Outcome:
    """Return an outcome that failed in a way that has two lines to tell."""
    reason = "output 0 (4x17x65xf32): 12 of 4420 elements differ\nfirst at [0, 3, 1]"
    return outcome(Status.FAILED, **({"submodel": "vae", "kind": kind, "reason": reason} | changes))


def error(kind: Kind = Kind.DEVICE, **changes: Any) -> Outcome:
    """Return an outcome without a verdict, on a GPU."""
    on_gpu = {"id": "sd3/clip[rocm-gfx942]", "model": "sd3", "backend": "rocm", "chip": "gfx942"}
    return outcome(Status.ERROR, **(on_gpu | {"kind": kind, "reason": "no GPU here is a gfx942"} | changes))


def every_status() -> tuple[Outcome, ...]:
    """Return an outcome of each status, in another order than that of `Status`."""
    bare: dict[str, Any] = {
        "modules": (),
        "outputs": (),
        "commands": {},
        "logs": {},
        "seconds": {},
        "steps": (),
        "log_tail": "",
    }
    ignored = measurement(ignored=True, max_abs_error=None, error_ratio=None)
    return (
        error(),
        failed(),
        outcome(),
        outcome(Status.RAN, "scheduler", outputs=(ignored,)),
        outcome(Status.COMPILED, "text", phase=Phase.COMPILE),
        outcome(Status.XFAILED, "unet", kind=Kind.NAN, reason="output 0 has 3 NaN"),
        outcome(Status.XPASSED, "mmdit", reason="remove run_test_expecting_to_fail from mmdit_cpu.json"),
        outcome(Status.UNSUPPORTED, "punet", reason="3.0.0 has no --x", phase=None, **bare),
        outcome(Status.SKIPPED, "xl", reason="not for cpu", phase=None, **bare),
    )


def report(*cases: Outcome, **changes: Any) -> Report:
    """Return a report of these cases with the exit code that they lead to."""
    filled: dict[str, Any] = {"started": "2026-11-22T18:30:00Z", "seconds": 12.34, "exit_code": exit_code(cases)}
    return Report(**(filled | {"environment": ENVIRONMENT, "cases": cases} | changes))
