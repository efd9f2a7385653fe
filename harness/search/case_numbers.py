"""The numbers of a case that a search can show and compare; no I/O.

The names are those in results.json. A number of several outputs is the worst of them, one of several modules their sum.
"""

from collections.abc import Iterable

from harness.core.measurements import Measurement
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind

_COUNTS = ("mismatches", "nan")
_ASKED = ("token_match", "perplexity")  # which an output has only if its spec asks for them
_ERRORS = (
    *("max_abs_error", "mean_abs_error", "max_rel_error", "error_ratio", "error_mean", "error_deviation"),
    *("perplexity", *_COUNTS),
)
_LIKENESSES = ("cosine_similarity", "psnr", "token_match")  # the smallest is the worst
# These do not depend on runs.
OF_MODULES = ("dispatches", "module_bytes", "compile_seconds", "compile_cpu_seconds")
OF_COMPILER = (
    "compile_seconds",
    "compile_cpu_seconds",
    "peak_memory_bytes",
)  # these depend on the machine that compiled
OF_BENCHMARKS = ("latency_ms",)  # these need a benchmark, which a search asks for
NAMES = (*_ERRORS, *_LIKENESSES, *OF_MODULES, "run_seconds", "peak_memory_bytes", *OF_BENCHMARKS)


def numbers(outcome: Outcome) -> dict[str, float]:
    """Return the numbers of a case by name, without those that are missing."""
    outputs = [each for each in outcome.outputs if not each.ignored and each.type is not None]
    modules = outcome.modules
    memory = [each.peak_memory_bytes for each in modules] + [outcome.peak_memory_bytes]
    found: dict[str, float | None] = {
        **{name: max(_of_outputs(outputs, name), default=None) for name in _ERRORS},
        **{name: min(_of_outputs(outputs, name), default=None) for name in _LIKENESSES},
        "dispatches": _sum(each.dispatches for each in modules),
        "module_bytes": _sum(each.bytes for each in modules),
        "compile_seconds": _sum(each.compile_seconds for each in modules),
        "compile_cpu_seconds": _sum(each.compile_cpu_seconds for each in modules),
        "run_seconds": outcome.seconds.get("run"),
        "latency_ms": outcome.latency.median_ms if outcome.latency else None,
        "peak_memory_bytes": max((each for each in memory if each is not None), default=None),
    }
    return {name: number for name in NAMES if (number := found[name]) is not None}


def _of_outputs(outputs: Iterable[Measurement], name: str) -> list[float]:
    """Return the numbers of outputs that have one; none if the error of an output is unknown."""
    known = [*outputs]
    if not all(_is_known(each, name) for each in known):
        return []
    return [number for each in known if (number := getattr(each, name)) is not None]


def _is_known(output: Measurement, name: str) -> bool:
    """Return whether a number of an output is known: with a NaN only the counts are, with a wrong shape nothing is."""
    match output.kind:
        case None:
            return True
        case Kind.SHAPE:
            return False
        case Kind.NAN:
            return name in _COUNTS
        case _:
            return getattr(output, name) is not None or name in _ASKED


def _sum(found: Iterable[float | None]) -> float | None:
    every = [*found]
    known = [each for each in every if each is not None]
    return sum(known) if known and len(known) == len(every) else None
