"""Does one step, with the devices that it needs, and notes when and on what it was done."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import msgspec

from harness.core.callbacks import ignore
from harness.core.errors import DeviceError
from harness.core.statuses import Status, Verdict
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu
from harness.pipeline.capacity import DevicePool
from harness.pipeline.step_results import Results, StepResult
from harness.pipeline.step_runner import StepRunner
from harness.pipeline.steps import Benchmark, Compare, Compile, Draw, Fetch, Run, Step


def result_of(
    step: Step,
    results: Results,
    *,
    runner: StepRunner,
    pool: DevicePool,
    cancel: CancelToken,
    on_running: Callable[[Step], None] = ignore,
) -> StepResult:
    """Do a step; a run gets the GPUs that it needs, and an error if there are too few.

    Raises:
        Cancelled: `cancel` was set before enough GPUs were free.
    """
    try:
        with _claimed(step, pool, cancel) as gpus:
            if not cancel.is_set():
                on_running(step)
            began, clock_s = time.time(), time.monotonic()
            result = runner.run(step, results, gpus)
            held_s = time.monotonic() - clock_s
            if result.resource:  # of another machine, which says it itself
                return result
            return msgspec.structs.replace(result, began=began, held_s=held_s, resource=_used(step, gpus))
    except DeviceError as error:
        return StepResult(verdict=Verdict(status=Status.ERROR, kind=error.kind, reason=str(error)))


def _used(step: Step, gpus: Sequence[Gpu]) -> str:
    """Return what results call that which a step used."""
    match step:
        case Fetch():
            return "network"
        case Compile():
            return "compiler"
        case Run() | Benchmark():
            return ", ".join(f"gpu {gpu.index}" for gpu in gpus) or "cpu"
        case Compare() | Draw():
            return "compare"


def _claimed(step: Step, pool: DevicePool, cancel: CancelToken) -> AbstractContextManager[Sequence[Gpu]]:
    match step:
        case Run():
            return pool.claim(step, cancel)
        case Benchmark():
            return pool.claim_for_benchmark(step.run, cancel)
        case _:
            return nullcontext(())
