"""The labels of workers, which Dask calls resources: what a step needs, and what a machine offers."""

from collections import Counter
from collections.abc import Mapping, Sequence

from harness.host.devices import Gpu, Vendor
from harness.pipeline.steps import Benchmark, Compile, Draw, Run, Step

COMPILE, CPU, VULKAN = "compile", "cpu", "vulkan"
# By the driver in a device of iree-run-module.
_VENDORS: Mapping[str, Vendor] = {"hip": Vendor.AMD, "cuda": Vendor.NVIDIA}


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
    wanted: dict[str, int] = {}
    for device in devices:
        driver, _, path = device.partition("://")
        vendor = _VENDORS.get(driver)
        label = (chip or str(vendor)) if vendor else VULKAN if driver == "vulkan" else CPU
        count = int(path) + 1 if vendor and path.isdecimal() else 1
        wanted[label] = max(wanted.get(label, 0), count)
    return wanted or {CPU: 1}


def of_cpu(identity: str) -> str:
    """Return the label of machines with a CPU, given its identity."""
    return f"cpu {identity[:12]}"


def offered(gpus: Sequence[Gpu], cpu: str, *, compiles: int, runs: int) -> dict[str, int]:
    """Return what a machine offers: its compile slots, its CPU, and each GPU by vendor, chip and SKU.

    Any machine may have a driver for Vulkan; one that has none fails, and its work goes elsewhere.
    """
    found: Counter[str] = Counter({COMPILE: compiles, CPU: runs, of_cpu(cpu): runs, VULKAN: 1})
    for gpu in gpus:
        sku = [gpu.sku, f"{gpu.sku}x"] if gpu.sku else []  # mi300 is also known as mi300x
        found.update(dict.fromkeys(filter(None, (str(gpu.vendor), gpu.chip, *sku)), 1))
    return {label: count for label, count in found.items() if count}


def fits(needs: Mapping[str, int], offer: Mapping[str, float]) -> bool:
    """Whether a machine that offers this can do a step that needs that."""
    return all(offer.get(label, 0) >= count for label, count in needs.items())
