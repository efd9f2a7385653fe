"""Asks NVIDIA's management library for the compute capability of GPUs, which no file of the kernel's driver tells.

The library comes with the driver. It needs no context on the GPU, and takes no time of it.
"""

import contextlib
import ctypes
from collections.abc import Iterable, Iterator

_LIBRARY = "libnvidia-ml.so.1"


def chips(bus_ids: Iterable[str], library: str = _LIBRARY) -> dict[str, str]:
    """Return the chips of GPUs by PCI address: `sm_90` for compute capability 9.0; none if the driver does not tell.

    Source: NVML API reference, nvmlDeviceGetCudaComputeCapability.
    """
    with contextlib.suppress(OSError, AttributeError), _opened(library) as nvml:
        found = {bus_id: _capability(nvml, bus_id) for bus_id in bus_ids}
        return {bus_id: f"sm_{version[0]}{version[1]}" for bus_id, version in found.items() if version}
    return {}


@contextlib.contextmanager
def _opened(library: str) -> Iterator[ctypes.CDLL]:
    """Yield the library, ready for use.

    Raises:
        OSError: it is not here, or does not find its driver.
    """
    nvml = ctypes.CDLL(library)
    if code := nvml.nvmlInit_v2():
        raise OSError(code, "nvmlInit_v2")
    try:
        yield nvml
    finally:
        nvml.nvmlShutdown()


def _capability(nvml: ctypes.CDLL, bus_id: str) -> tuple[int, int] | None:
    device, major, minor = ctypes.c_void_p(), ctypes.c_int(), ctypes.c_int()
    if nvml.nvmlDeviceGetHandleByPciBusId_v2(bus_id.encode(), ctypes.byref(device)):
        return None
    if nvml.nvmlDeviceGetCudaComputeCapability(device, ctypes.byref(major), ctypes.byref(minor)):
        return None
    return major.value, minor.value
