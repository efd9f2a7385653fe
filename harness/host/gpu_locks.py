"""Locks GPUs, so that each is used by one run at a time, whichever user starts it.

The lock is on the kernel's folder of the GPU in sysfs, which every user may open, so no file is left behind. It ends
with the process that holds it. A container has a sysfs of its own, so the lock is taken outside of the container.
"""

import contextlib
import fcntl
import os
import select
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from harness.core.callbacks import WaitNotice, ignore
from harness.host import devices
from harness.host.devices import Gpu, Vendor
from harness.host.process import Cancelled, CancelToken

_ROOT = Path("/")
_FIRST_POLL_S, _LAST_POLL_S = 0.05, 0.5
# By the driver in a device of iree-run-module; other devices are not locked.
_VENDORS: Mapping[str, Vendor] = MappingProxyType({"hip": Vendor.AMD, "cuda": Vendor.NVIDIA})


class GpuRun(Protocol):
    """A run, as far as the choice of a GPU needs it."""

    @property
    def device(self) -> str:
        """The device of iree-run-module, e.g. `hip` or `hip://0`."""

    @property
    def chip(self) -> str | None:
        """The chip that the modules are compiled for, e.g. `gfx942`; None on the CPU."""


class Pool:
    """The GPUs that runs may use, each by one run at a time."""

    def __init__(self, gpus: Sequence[Gpu], *, on_wait: WaitNotice = ignore, root: Path = _ROOT) -> None:
        """Lock nothing yet.

        Args:
            gpus: the GPUs, in the order of preference.
            on_wait: called repeatedly while no GPU is free, with the names of the GPUs and the seconds waited.
            root: root folder of /sys, /proc and /dev.
        """
        self._gpus = tuple(gpus)
        self._on_wait = on_wait
        self._root = root

    def slots(self, device: str) -> int:
        """Return how many runs may use a device such as `hip` or `hip://0` at once: the number of its GPUs, or 1."""
        return max(1, len(self._of_vendor(device)))

    @contextlib.contextmanager
    def claim(self, run: GpuRun, cancel: CancelToken) -> Iterator[Gpu | None]:
        """Lock a GPU for a run. Yield None if the run needs no GPU, or if the pool has none of its vendor.

        If no GPU has the run's chip, one with another chip is locked, and the run fails with a message of the driver.

        Raises:
            Cancelled: `cancel` was set before a GPU was free.
        """
        fitting = self._fitting(run)
        if not fitting:
            yield None
            return
        gpu, descriptor = self._locked(fitting, cancel)
        try:
            yield gpu
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def _of_vendor(self, device: str) -> tuple[Gpu, ...]:
        vendor = _VENDORS.get(device.partition("://")[0])
        return tuple(gpu for gpu in self._gpus if gpu.vendor is vendor)

    def _fitting(self, run: GpuRun) -> tuple[Gpu, ...]:
        every = self._of_vendor(run.device)
        return tuple(gpu for gpu in every if run.chip in {gpu.chip, gpu.sku, f"{gpu.sku}x"}) or every

    def _locked(self, fitting: Sequence[Gpu], cancel: CancelToken) -> tuple[Gpu, int | None]:
        """Wait for the first GPU that is free, and return it with the descriptor that holds its lock."""
        started, pause_s = time.monotonic(), _FIRST_POLL_S
        while not cancel.is_set():
            for gpu in fitting:
                with contextlib.suppress(BlockingIOError):
                    return gpu, _try_lock(_kernel_path(gpu, self._root))
            self._on_wait(f"{' or '.join(map(str, fitting))}, in use by another run", time.monotonic() - started)
            _sleep(cancel, pause_s)
            pause_s = min(2 * pause_s, _LAST_POLL_S)
        raise Cancelled


def visible(gpu: Gpu, root: Path = _ROOT) -> Mapping[str, str]:
    """Return the environment variables that make only this GPU visible to a program.

    HIP's variable counts the GPUs that ROCR's leaves (ROCm documentation, "GPU isolation techniques").
    A GPU without a UUID is named by its position among the GPUs of its vendor that this process sees.
    """
    name = gpu.uuid or str(_position(gpu, root))
    if gpu.vendor is Vendor.AMD:
        return {"ROCR_VISIBLE_DEVICES": name, "HIP_VISIBLE_DEVICES": "0"}
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": name}


def _position(gpu: Gpu, root: Path) -> int:
    nodes = [each.node for each in devices.gpus(root) if each.vendor is gpu.vendor]
    return nodes.index(gpu.node) if gpu.node in nodes else 0


def _kernel_path(gpu: Gpu, root: Path) -> Path:
    """Return the kernel's folder of a GPU or partition, or its device file if there is no folder."""
    drm, nvidia = root / "sys/class/drm" / Path(gpu.node).name, root / "proc/driver/nvidia/gpus" / gpu.bus_id
    folder = drm if gpu.vendor is Vendor.AMD else nvidia
    return folder if folder.is_dir() else root / gpu.node.lstrip("/")


def _try_lock(path: Path) -> int | None:
    """Return the descriptor that holds the lock; None if the path cannot be opened.

    Raises:
        BlockingIOError: another process holds the lock.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None  # the run reports why the GPU cannot be used
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _sleep(cancel: CancelToken, pause_s: float) -> None:
    """Sleep until `cancel` is set, at most for the pause."""
    poll = select.poll()
    poll.register(cancel, select.POLLIN)
    poll.poll(pause_s * 1000)
