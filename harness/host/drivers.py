"""Tells the drivers of devices on this machine from others, without starting one.

A run on a GPU depends on the kernel's driver, on the libraries that IREE's runtime loads (HIP, CUDA, Vulkan), and on
variables that change what these do.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from harness.host import libraries, process

_ROOT = Path("/")
# By the driver of IREE's runtime: the module of the kernel, and the libraries that it loads or that these load.
_MODULES = {"hip": "amdgpu", "cuda": "nvidia", "vulkan": ""}
_LIBRARIES = {
    "hip": ("libamdhip64.so*", "libhsa-runtime64.so*", "libamd_comgr.so*"),
    "cuda": ("libcuda.so*", "libnvidia-ptxjitcompiler.so*"),
    "vulkan": ("libvulkan*.so*", "libLLVM*.so*", "libGLX_nvidia.so*"),
}
_ROCM = "opt/rocm*/lib"
_MANIFESTS = ("etc/vulkan/icd.d", "usr/share/vulkan/icd.d", "usr/local/share/vulkan/icd.d")
_STATES = ("version", "srcversion")
# Beginnings of the names of variables that drivers and IREE's runtime read.
_VARIABLES = (
    *("AMD_", "CUDA_", "GALLIUM_", "GPU_", "HIP_", "HSA_", "IREE_", "LD_", "LIBGL_", "LP_", "MESA_", "NVIDIA_"),
    *("ROCM_", "ROCR_", "VK_"),
)
# Those that only lend a process some devices, or are for a suite of tests.
_IGNORED = ("CUDA_VISIBLE_", "GPU_DEVICE_ORDINAL", "HIP_VISIBLE_", "IREE_TEST_", "NVIDIA_VISIBLE_", "ROCR_VISIBLE_")


def of_kernel(drivers: Collection[str], root: Path = _ROOT) -> list[str]:
    """Return what tells the kernel's drivers: its release and the versions of their modules; nothing for the CPU."""
    names = [name for driver in drivers if driver in _MODULES and (name := _MODULES[driver])]
    files = [root / "sys/module" / name / state for name in sorted(names) for state in _STATES]
    found = [path.read_text(encoding="utf-8", errors="replace").strip() for path in files if path.is_file()]
    return [os.uname().release, *found] if any(driver in _MODULES for driver in drivers) else []


def of_libraries(drivers: Collection[str], more: Sequence[Path] = (), root: Path = _ROOT) -> list[str]:
    """Return what tells the libraries that drivers load: where each is, its size and when it changed.

    Args:
        drivers: such as `hip`; the CPU's need none.
        more: folders to look in, beside those of the system.
        root: root folder of the file system.
    """
    own = [Path(each) for each in process.inherited("LD_LIBRARY_PATH").split(":") if each]
    system = [root / each.lstrip("/") for each in libraries.FOLDERS]
    folders = [*more, *own, *sorted(root.glob(_ROCM)), *system]
    patterns = [pattern for driver in sorted(drivers) for pattern in _LIBRARIES.get(driver, ())]
    paths = [path for folder in folders for pattern in patterns for path in folder.glob(pattern)]
    if "vulkan" in drivers:
        paths += [path for folder in _MANIFESTS for path in (root / folder).glob("*.json")]
    return list(_stamped(paths))


def of_environment() -> list[str]:
    """Return the variables that drivers and IREE's runtime read, and the stamps of the files that they name."""
    found = {
        name: value
        for name, value in process.environment().items()
        if name.startswith(_VARIABLES) and not name.startswith(_IGNORED)
    }
    named = [Path(value.removeprefix("file:")) for value in found.values()]
    return [*(f"{name}={value}" for name, value in sorted(found.items())), *_stamped(filter(Path.is_file, named))]


def _stamped(paths: Iterable[Path]) -> Iterator[str]:
    for path in sorted({each.resolve() for each in paths}):
        state = path.stat() if path.exists() else None
        yield f"{path} {state and (state.st_size, state.st_mtime_ns)}"
