"""Estimates what steps take: seconds, by which they are ordered, and memory, by which they are done at once. No I/O.

What a case took before is the best estimate, with whatever release. Without that, the sizes of files have to do.
"""

from collections.abc import Iterable, Mapping, Sequence

from harness.core.history import Cost
from harness.host import gpu_locks
from harness.pipeline.step_results import FetchResult, StepResult
from harness.pipeline.steps import Benchmark, Compare, Compile, Draw, Fetch, Link, Run, Step

# What is usual for a small model.
_USUAL_S: Mapping[type[Step], float] = {Fetch: 0.2, Compile: 3.0, Draw: 2.0, Run: 0.5, Compare: 0.1, Benchmark: 3.0}
# How fast files go through a step.
_BYTES_PER_S: Mapping[type[Step], float] = {Fetch: 100e6, Compile: 200e3, Run: 100e6}
# Compilers of the releases 3.0.0 to 3.13.0 need 160 to 215 MB for the bundled models. The memory of a large program
# grows with its number of operations, or else with the constants in it, which are copied several times.
_COMPILE_BYTES, _COMPILE_BYTES_PER_BYTE = 1 << 30, 32
_RUN_BYTES = 256 << 20
# Above this a run on the CPU has work for all cores, and others beside it would only take their share of them.
_LARGE_S, _LARGE_BYTES = 10.0, 256 << 20
_MARGIN = 1.1  # another release, and the next run, may need a little more


def seconds(step: Step, cost: Cost) -> float:
    """Return how long a step of a case that took so much before is expected to take."""
    sizes: Sequence[int | None] = ()
    match step:
        case Fetch():
            sizes = [step.blob.size_bytes]
        case Compile():
            if cost.compile_seconds is not None:
                return cost.compile_seconds
            sizes = [each.blob.size_bytes for each in step.links[:1]]
        case Run():
            if cost.run_seconds is not None:
                return cost.run_seconds
            sizes = [each.blob.size_bytes for each in step.links]
    usual_s, known = _USUAL_S[type(step)], sum(filter(None, sizes))
    return usual_s + known / _BYTES_PER_S[type(step)] if known else usual_s


def memory_bytes(step: Step, costs: Iterable[Cost], results: Mapping[Step, StepResult]) -> int:
    """Return how much memory of this machine a step needs; 0 for one that needs little.

    Args:
        step: the step.
        costs: what the cases that need it took before.
        results: what it needs: the sizes of its files are known by now.
    """
    match step:
        case Compile():
            known = [each.compile_memory_bytes for each in costs]
            usual = _COMPILE_BYTES + _COMPILE_BYTES_PER_BYTE * _size(step.links[:1], results)
        case Run() if is_on_cpu(step):
            known = [each.peak_memory_bytes for each in costs]
            usual = _RUN_BYTES + _size(step.links, results)
        case _:
            return 0
    measured = max(filter(None, known), default=0)
    return int(_MARGIN * measured) if measured else usual


def is_large(step: Step, cost: Cost, results: Mapping[Step, StepResult]) -> bool:
    """Return whether a run on the CPU should have it for itself, given what its case took before."""
    if not isinstance(step, Run) or not is_on_cpu(step):
        return False
    if cost.run_seconds is not None:
        return cost.run_seconds > _LARGE_S
    return _size(step.links, results) > _LARGE_BYTES


def is_on_cpu(step: Run) -> bool:
    """Return whether a run uses no device but the CPU."""
    return all(each.startswith(gpu_locks.CPU) for each in step.devices)


def _size(links: Iterable[Link], results: Mapping[Step, StepResult]) -> int:
    fetched = (results.get(Fetch(blob=each.blob)) for each in links)
    return sum(each.fetched.blob.bytes for each in fetched if isinstance(each, FetchResult))
