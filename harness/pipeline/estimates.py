"""Estimates what steps take, by which they are ordered before they are done. No I/O."""

from collections.abc import Mapping

from harness.pipeline.steps import Benchmark, Compare, Compile, Draw, Fetch, Run, Step

# What is usual for a small model. It only has to order steps, and what they fetch makes the difference.
_USUAL_S: Mapping[type[Step], float] = {Fetch: 0.2, Compile: 5.0, Draw: 2.0, Run: 1.0, Compare: 0.1, Benchmark: 3.0}
_FETCHED_BYTES_PER_S = 100e6


def seconds(step: Step) -> float:
    """Return how long a step is expected to take."""
    usual_s = _USUAL_S[type(step)]
    return usual_s + (step.blob.size_bytes or 0) / _FETCHED_BYTES_PER_S if isinstance(step, Fetch) else usual_s
