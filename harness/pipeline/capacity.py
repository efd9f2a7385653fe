"""How much is done at once: by this machine, or by another environment."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from harness.core.values import frozen
from harness.fetch import provision
from harness.host import memory
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu
from harness.host.gpu_locks import GpuRun


@frozen
class Capacity:
    """How many steps of each resource are done at once.

    Attributes:
        network: fetches.
        compile: compilations.
        compare: comparisons, and archives of random weights that are made.
        memory_bytes: memory for all compilations and runs on the CPU together, as it is while there are none; None for
            no limit.
        is_one_machine: whether all runs on the CPU share the same cores.
    """

    network: int = provision.FETCHES_AT_ONCE
    compile: int = 1
    compare: int = 1
    memory_bytes: int | None = None
    is_one_machine: bool = True


class DevicePool(Protocol):
    """The devices of runs. `harness.host.gpu_locks.Pool` is that of this machine."""

    def slots(self, run: GpuRun) -> int:
        """Return how many runs with the devices and the chip of this one are done at once, at least 1."""

    def claim(self, run: GpuRun, cancel: CancelToken) -> AbstractContextManager[Sequence[Gpu]]:
        """Lock the GPUs that a run needs; raise DeviceError if there are too few, and Cancelled if `cancel` is set."""

    def claim_for_benchmark(self, run: GpuRun, cancel: CancelToken) -> AbstractContextManager[Sequence[Gpu]]:
        """Lock them while nothing else is timed."""


def here(jobs: int | None) -> Capacity:
    """Return what this machine does at once; `jobs` are the compilations that the user asks for."""
    return Capacity(compile=jobs or cores(), compare=cores(), memory_bytes=memory.available_bytes())


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))
