"""The labels of workers, which Dask calls resources: what a step needs, and what a machine offers."""

from collections import Counter
from collections.abc import Mapping, Sequence

from harness.host import gpu_locks
from harness.host.devices import Gpu, Vendor
from harness.pipeline.steps import Benchmark, Compile, Draw, Run, Step

COMPILE, CPU, VULKAN = "compile", "cpu", "vulkan"


def needed(step: Step) -> dict[str, int]:
    """Return how many slots of which labels a step needs."""
    match step:
        case Run():
            return of_devices(step.devices, step.chip)
        case Benchmark():
            return needed(step.run)
        case Compile() | Draw():
            return {COMPILE: 1}
        case _:
            return {}


def of_devices(devices: Sequence[str], chip: str | None = None) -> dict[str, int]:
    """Return what a run with these devices of iree-run-module needs; without a chip, the GPUs of a vendor."""
    gpus = gpu_locks.gpus_wanted(devices)
    found = {chip or str(vendor): count for vendor, count in gpus.items() if vendor is not Vendor.VULKAN}
    if Vendor.VULKAN in gpus:
        found[VULKAN] = 1  # of which each worker offers one
    on_cpu = not gpus or any(each.startswith(gpu_locks.CPU) for each in devices)
    return found | ({CPU: 1} if on_cpu else {})


def of_cpu(identity: str) -> str:
    """Return the label of machines with a CPU, given its identity."""
    return f"cpu {identity[:12]}"


def offered(gpus: Sequence[Gpu], cpu: str, *, compiles: int, runs: int) -> dict[str, int]:
    """Return what a machine offers: its compile slots, its CPU, and each GPU by vendor, chip and SKU.

    Any machine may have a driver for Vulkan; one that has none fails, and its work goes elsewhere.
    """
    found: Counter[str] = Counter({COMPILE: compiles, CPU: runs, of_cpu(cpu): runs, VULKAN: 1})
    for gpu in gpus:
        found.update(dict.fromkeys((str(gpu.vendor), *gpu.targets), 1))
    return {label: count for label, count in found.items() if count}


def fits(needs: Mapping[str, int], offer: Mapping[str, float]) -> bool:
    """Whether a machine that offers this can do a step that needs that."""
    return all(offer.get(label, 0) >= count for label, count in needs.items())
