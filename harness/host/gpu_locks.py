"""Locks GPUs, so that each is used by one run at a time, and this machine for benchmarks, whichever user starts them.

The lock is on the kernel's folder of the GPU in sysfs, which every user may open, so no file is left behind. It ends
with the process that holds it. A container has a sysfs of its own, so the lock is taken outside of the container.
"""

import contextlib
import fcntl
import itertools
import os
import select
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeVar

from harness.core.callbacks import WaitNotice, ignore
from harness.core.errors import DeviceError
from harness.core.values import frozen
from harness.host import cores, devices
from harness.host.cancel import Cancelled, CancelToken
from harness.host.devices import Gpu, Vendor

_ROOT = Path("/")
_CORES = "sys/devices/system/cpu"
_SOFTWARE = "sys/devices/virtual"
CPU = "local"  # how the drivers that use the CPU alone begin: local-sync and local-task
_FIRST_POLL_S, _LAST_POLL_S = 0.05, 0.5
# By the driver in a device of iree-run-module; other devices are not locked.
_VENDORS: Mapping[str, Vendor] = MappingProxyType({"hip": Vendor.AMD, "cuda": Vendor.NVIDIA, "vulkan": Vendor.VULKAN})

_T = TypeVar("_T")


class GpuRun(Protocol):
    """A run, as far as the choice of its GPUs needs it."""

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices of iree-run-module; `hip`, or `hip://0`, is its first GPU, and `hip://1` its second."""

    @property
    def chip(self) -> str | None:
        """The chip that the modules are compiled for, e.g. `gfx942`; None on the CPU."""


class Pool:
    """The GPUs that runs may use, each by one run at a time."""

    def __init__(self, gpus: Sequence[Gpu], *, on_wait: WaitNotice = ignore, root: Path = _ROOT) -> None:
        """Lock nothing yet.

        Args:
            gpus: the GPUs, in the order of preference.
            on_wait: called repeatedly while too few GPUs are free, with the names of the GPUs and the seconds waited.
            root: root folder of /sys, /proc and /dev.
        """
        self._gpus = tuple(gpus)
        self._on_wait = on_wait
        self._root = root

    def slots(self, run: GpuRun) -> int:
        """Return how many runs like this one are done at once, at least 1; on the CPU, one for each core."""
        wanted = gpus_wanted(run.devices)
        fitting = [len(self._fitting(vendor, run.chip)) // count for vendor, count in wanted.items()]
        if all(each.startswith(CPU) for each in run.devices):
            fitting = [len(cores.usable())]
        return max(1, min(fitting, default=1))

    @contextlib.contextmanager
    def claim(self, run: GpuRun, cancel: CancelToken) -> Iterator[tuple[Gpu, ...]]:
        """Lock the GPUs that a run needs. Yield none if it needs none, or if the pool has none of their vendor.

        If no GPU has the run's chip, those of an unknown chip are locked, else those of others, and if they do not fit,
        the run fails with a message of the driver.

        Raises:
            Cancelled: `cancel` was set before enough GPUs were free.
            DeviceError: the pool has fewer GPUs than the run needs.
        """
        choices = [choice for choice in self._choices(run) if choice.gpus]
        with contextlib.ExitStack() as locks:
            yield self._locked(choices, locks, cancel) if choices else ()

    @contextlib.contextmanager
    def claim_for_benchmark(self, run: GpuRun, cancel: CancelToken) -> Iterator[tuple[Gpu, ...]]:
        """Lock the GPUs that a run needs, as `claim` does, while no other process of the harness benchmarks here."""
        with contextlib.ExitStack() as locks:
            self._wait(
                lambda: _locked_cores(self._root, locks), "this machine, on which another benchmark runs", cancel
            )
            yield locks.enter_context(self.claim(run, cancel))

    def _fitting(self, vendor: Vendor, chip: str | None) -> tuple[Gpu, ...]:
        """Return the GPUs of a vendor that have a chip, else those of an unknown one, else all."""
        every = tuple(gpu for gpu in self._gpus if gpu.vendor is vendor)
        fitting = tuple(gpu for gpu in every if chip in gpu.targets)
        return fitting or tuple(gpu for gpu in every if not gpu.chip) or every

    def _choices(self, run: GpuRun) -> Iterator["_Choice"]:
        for vendor, count in gpus_wanted(run.devices).items():
            fitting = self._fitting(vendor, run.chip)
            if 0 < len(fitting) < count:
                here = " and ".join(map(str, fitting))
                raise DeviceError(
                    f"The spec runs on {count} GPUs ({', '.join(run.devices)}), but of those that fit, only {here} may "
                    f"be used. Name more with --gpu, or use a machine with {count}."
                )
            yield _Choice(gpus=fitting, count=count)

    def _locked(
        self, choices: Sequence["_Choice"], locks: contextlib.ExitStack, cancel: CancelToken
    ) -> tuple[Gpu, ...]:
        """Wait until enough GPUs are free, and lock them all or none, so that no two runs wait for each other."""
        names = ", ".join(map(str, choices))
        return self._wait(lambda: self._try(choices, locks), f"{names}, in use by another run", cancel)

    def _try(self, choices: Sequence["_Choice"], locks: contextlib.ExitStack) -> tuple[Gpu, ...] | None:
        """Lock enough GPUs and return them, or lock none."""
        with contextlib.ExitStack() as held:
            found = [tuple(itertools.islice(self._free(each.gpus, held), each.count)) for each in choices]
            if any(len(gpus) < each.count for gpus, each in zip(found, choices, strict=True)):
                return None
            locks.enter_context(held.pop_all())
        return tuple(itertools.chain.from_iterable(found))

    def _wait(self, attempt: Callable[[], _T | None], what: str, cancel: CancelToken) -> _T:
        """Try until there is a result, and say what is waited for.

        Raises:
            Cancelled: `cancel` was set before.
        """
        started, pause_s = time.monotonic(), _FIRST_POLL_S
        while not cancel.is_set():
            if (found := attempt()) is not None:
                return found
            self._on_wait(what, time.monotonic() - started)
            _sleep(cancel, pause_s)
            pause_s = min(2 * pause_s, _LAST_POLL_S)
        raise Cancelled

    def _free(self, gpus: Sequence[Gpu], locks: contextlib.ExitStack) -> Iterator[Gpu]:
        """Lock and yield the GPUs that are free, each when it is asked for."""
        for gpu in gpus:
            try:
                descriptor = _try_lock(_kernel_path(gpu, self._root))
            except BlockingIOError:
                continue
            if descriptor is not None:
                locks.callback(os.close, descriptor)
            yield gpu


@frozen
class _Choice:
    """The GPUs of a vendor of which a run needs some."""

    gpus: tuple[Gpu, ...]
    count: int

    def __str__(self) -> str:
        text = " or ".join(map(str, self.gpus))
        return text if self.count == 1 else f"{self.count} of {text}"


def gpus_wanted(devices: Iterable[str]) -> Mapping[Vendor, int]:
    """Return how many GPUs of each vendor devices need: `hip` one, `hip://1` two, because they are counted from 0."""
    found: dict[Vendor, int] = {}
    for device in devices:
        driver, _, path = device.partition("://")
        if vendor := _VENDORS.get(driver):
            found[vendor] = max(found.get(vendor, 1), int(path) + 1 if path.isdecimal() else 1)
    return found


def visible(gpus: Sequence[Gpu], root: Path = _ROOT) -> Mapping[str, str]:
    """Return the environment variables that make only these GPUs visible to a program, in this order.

    HIP's variable counts the GPUs that ROCR's leaves (ROCm documentation, "GPU isolation techniques").
    A GPU without a UUID is named by its position among the GPUs of its vendor that this process sees.
    """
    variables: dict[str, str] = {}
    names = {vendor: [_name(gpu, root) for gpu in gpus if gpu.vendor is vendor] for vendor in Vendor}
    if amd := names[Vendor.AMD]:
        variables |= {"ROCR_VISIBLE_DEVICES": ",".join(amd), "HIP_VISIBLE_DEVICES": ",".join(map(str, range(len(amd))))}
    if nvidia := names[Vendor.NVIDIA]:
        variables |= {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ",".join(nvidia)}
    return variables


def _name(gpu: Gpu, root: Path) -> str:
    return gpu.uuid or str(_position(gpu, root))


def _position(gpu: Gpu, root: Path) -> int:
    nodes = [each.node for each in devices.gpus(root) if each.vendor is gpu.vendor]
    return nodes.index(gpu.node) if gpu.node in nodes else 0


def _kernel_path(gpu: Gpu, root: Path) -> Path:
    """Return the kernel's folder of a GPU or partition, or its device file if there is no folder.

    A device of Vulkan that is no known GPU shares one lock with all such devices.
    """
    drm, nvidia = root / "sys/class/drm" / Path(gpu.node).name, root / "proc/driver/nvidia/gpus" / gpu.bus_id
    found = next((folder for folder in (drm, nvidia) if folder.is_dir()), None)
    return found or root / (gpu.node.lstrip("/") or _SOFTWARE)


def _locked_cores(root: Path, locks: contextlib.ExitStack) -> bool | None:
    """Lock the kernel's folder of the cores; return None if another process holds the lock."""
    try:
        descriptor = _try_lock(root / _CORES)
    except BlockingIOError:
        return None
    if descriptor is not None:
        locks.callback(os.close, descriptor)
    return True


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
