"""The only place that locks a GPU: one run at a time, whoever starts it, on this machine.

The lock is on the folder in which the kernel shows the GPU, which every user may open, so nothing is left behind; it
ends with the process that holds it, however that dies. Only processes that see the same sysfs have it in common, and
containers have one of their own: therefore it is taken outside of them.
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
# By the driver in a device of iree-run-module; all others are no GPU, or none that is known here.
_VENDORS: Mapping[str, Vendor] = MappingProxyType({"hip": Vendor.AMD, "cuda": Vendor.NVIDIA})


class GpuRun(Protocol):
    """What claiming a GPU needs to know of a run."""

    @property
    def device(self) -> str:
        """The device of iree-run-module, e.g. `hip` or `hip://0`."""

    @property
    def chip(self) -> str | None:
        """The chip that the modules are for, e.g. `gfx942`; None on the CPU."""


class Pool:
    """The GPUs on which runs may go on; each is used by one run at a time."""

    def __init__(self, gpus: Sequence[Gpu], *, on_wait: WaitNotice = ignore, root: Path = _ROOT) -> None:
        """Open nothing yet.

        Args:
            gpus: those of this machine that may be used; those named first are taken first.
            on_wait: called again and again with what is waited for and for how many seconds by now.
            root: folder below which GPUs and their device files are shown.
        """
        self._gpus = tuple(gpus)
        self._on_wait = on_wait
        self._root = root

    def slots(self, device: str) -> int:
        """Return how many runs may go on at once on a device such as `hip` or `hip://0`; 1 unless it has GPUs."""
        return max(1, len(self._of_vendor(device)))

    @contextlib.contextmanager
    def claim(self, run: GpuRun, cancel: CancelToken) -> Iterator[Gpu | None]:
        """Have a GPU for a run, alone; None if it needs none, or if there is none of its kind.

        A GPU of another chip is taken only where none has the run's: the run will tell.

        Raises:
            Cancelled: the order to stop came before a GPU was free.
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
        """Wait for the first GPU that is free, and return it and what holds its lock."""
        started, pause_s = time.monotonic(), _FIRST_POLL_S
        while not cancel.is_set():
            for gpu in fitting:
                with contextlib.suppress(BlockingIOError):
                    return gpu, _try_lock(_shown(gpu, self._root))
            self._on_wait(" or ".join(map(str, fitting)), time.monotonic() - started)
            _rest(cancel, pause_s)
            pause_s = min(2 * pause_s, _LAST_POLL_S)
        raise Cancelled


def visible(gpu: Gpu, root: Path = _ROOT) -> Mapping[str, str]:
    """Return the variables by which a program that this process starts sees only this GPU, whatever it inherits.

    HIP's own variable counts what ROCR's leaves (ROCm documentation, "GPU isolation techniques").
    Without a UUID it is the GPU's place among those of its vendor that this process, maybe in a container, can see.
    """
    name = gpu.uuid or str(_place(gpu, root))
    if gpu.vendor is Vendor.AMD:
        return {"ROCR_VISIBLE_DEVICES": name, "HIP_VISIBLE_DEVICES": "0"}
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": name}


def _place(gpu: Gpu, root: Path) -> int:
    nodes = [each.node for each in devices.gpus(root) if each.vendor is gpu.vendor]
    return nodes.index(gpu.node) if gpu.node in nodes else 0


def _shown(gpu: Gpu, root: Path) -> Path:
    """Return the folder in which the kernel shows a GPU, or a partition of one; where it has none, the device file."""
    drm, nvidia = root / "sys/class/drm" / Path(gpu.node).name, root / "proc/driver/nvidia/gpus" / gpu.bus_id
    folder = drm if gpu.vendor is Vendor.AMD else nvidia
    return folder if folder.is_dir() else root / gpu.node.lstrip("/")


def _try_lock(place: Path) -> int | None:
    """Return the descriptor that holds the lock, None if there is nothing to lock.

    Raises:
        BlockingIOError: another holds it.
    """
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None  # the run will say why it cannot be used
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _rest(cancel: CancelToken, pause_s: float) -> None:
    """Sleep, unless the order to stop comes."""
    poll = select.poll()
    poll.register(cancel, select.POLLIN)
    poll.poll(pause_s * 1000)
