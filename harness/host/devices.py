"""Reads this machine's GPUs, CPU and memory from /sys, /proc and /dev.

The functions take the root folder as a parameter, for tests.
"""

import enum
import grp
import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from harness.core.values import frozen
from harness.host import nvml

_ROOT = Path("/")
_NODES = "sys/class/kfd/kfd/topology/nodes"
_NVIDIA_GPUS = "proc/driver/nvidia/gpus"
_RENDER_NODES = "dev/dri"

# PCI device ids of the accelerators, and the SKUs that specs use for them. Partitioned devices keep their id.
# Source: libdrm@82f74e7a:data/amdgpu.ids; 0x74BC is only in AMD's device plugin for Kubernetes.
_SKUS: Mapping[int, str] = MappingProxyType(
    dict.fromkeys((0x74A1, 0x74A9, 0x74BD, 0x74B5), "mi300")
    | dict.fromkeys((0x74A2, 0x74B6, 0x74A8, 0x74BC), "mi308")
    | dict.fromkeys((0x75A0, 0x75B0), "mi350")
    | dict.fromkeys((0x75A3, 0x75B3), "mi355")
    | dict.fromkeys((0x7448, 0x744A), "w7900")
    | {0x74A0: "mi300a", 0x74A5: "mi325", 0x7408: "mi250x", 0x740F: "mi210", 0x738C: "mi100"}
)
# Ids that two products share, which differ by revision (same source) or by the number of compute units (IREE's list of
# targets; each half of the product is one GPU).
_SKUS_BY_REVISION: Mapping[tuple[int, int], str] = MappingProxyType({(0x7551, 0xC0): "r9700"})
_SKUS_BY_UNITS: Mapping[tuple[int, int], str] = MappingProxyType({(0x740C, 104): "mi250", (0x740C, 110): "mi250x"})
_KNOWN = {*_SKUS.values(), *_SKUS_BY_REVISION.values(), *_SKUS_BY_UNITS.values()}
SKUS = tuple(sorted(_KNOWN | {"mi300x", "mi308x", "mi325x", "mi350x", "mi355x"}))

_READ_AND_WRITE_FOR_GROUP = stat.S_IRGRP | stat.S_IWGRP


class Vendor(enum.StrEnum):
    """Whose driver and runtime a GPU needs: its vendor's, or those of Vulkan, which any vendor's GPU may have."""

    AMD = "amd"
    NVIDIA = "nvidia"
    VULKAN = "vulkan"


_SHARED_NODES: Mapping[Vendor, tuple[str, ...]] = MappingProxyType(
    {Vendor.AMD: ("/dev/kfd",), Vendor.NVIDIA: ("/dev/nvidiactl", "/dev/nvidia-uvm"), Vendor.VULKAN: ()}
)
_DRIVERS: Mapping[Vendor, str] = MappingProxyType(
    {Vendor.AMD: "amdgpu", Vendor.NVIDIA: "nvidia", Vendor.VULKAN: "DRIVER"}
)


@frozen
class Gpu:
    """A GPU as its kernel driver shows it, or a device of Vulkan. Each partition of an AMD GPU is a GPU.

    Attributes:
        index: position among the GPUs of this machine, or among its devices of Vulkan.
        vendor: AMD, NVIDIA or Vulkan.
        chip: such as `gfx942` or `sm_80`; None if the driver does not report it.
        sku: product as specs name it, such as `mi300`; None if unknown.
        name: what its driver calls it; empty if unknown.
        uuid: None if unknown, or if several GPUs report the same.
        bus_id: PCI address, such as `0000:c1:00.0`; empty if unknown.
        node: its device file; empty if unknown, or if it has none.
    """

    index: int
    vendor: Vendor
    chip: str | None
    sku: str | None = None
    name: str = ""
    uuid: str | None = None
    bus_id: str = ""
    node: str = ""

    @property
    def shared_nodes(self) -> tuple[str, ...]:
        """The device files that all GPUs of the vendor need."""
        return _SHARED_NODES[self.vendor]

    @property
    def nodes(self) -> tuple[str, ...]:
        """The device files that programs need to use it."""
        return (*self.shared_nodes, *([self.node] if self.node else []))

    @property
    def targets(self) -> tuple[str, ...]:
        """What modules for it are compiled for: its chip, or its SKU, of which `mi300` is `mi300x`, too."""
        skus = (self.sku, f"{self.sku}x") if self.sku else ()
        return tuple(filter(None, (self.chip, *skus)))

    def __str__(self) -> str:
        """Return `GPU 0 (gfx942, mi300)`, or `GPU 0 (llvmpipe)` for a device of Vulkan."""
        if self.vendor is Vendor.VULKAN:
            return f"GPU {self.index} ({self.name or self.node})"
        return f"GPU {self.index} ({self.chip or self.vendor}, {self.sku or 'unknown SKU'})"


def gpus(root: Path = _ROOT) -> tuple[Gpu, ...]:
    """Return AMD's GPUs by KFD node, then NVIDIA's by bus, without those that this process may not read."""
    amd = _without_shared_uuids(tuple(_amd_gpus(root)))
    return tuple(replace(gpu, index=index) for index, gpu in enumerate((*amd, *_nvidia_gpus(root))))


def render_nodes(root: Path = _ROOT) -> tuple[Gpu, ...]:
    """Return the GPUs of all vendors by the device files that Vulkan's drivers open."""
    found = sorted((root / _RENDER_NODES).glob("renderD*"))
    return tuple(
        Gpu(index=at, vendor=Vendor.VULKAN, chip=None, node=f"/dev/dri/{path.name}") for at, path in enumerate(found)
    )


def chip_name(version: int) -> str:
    """Return the chip of a `gfx_target_version`: `gfx942` for 90402, `gfx90a` for 90010.

    Major, minor and stepping are pairs of decimal digits; the name has the last two in hexadecimal
    (ROCR-Runtime:libhsakmt/src/libhsakmt.h).
    """
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def nodes(used: Iterable[Gpu]) -> tuple[str, ...]:
    """Return the device files that programs need to use these GPUs, each once."""
    return tuple(dict.fromkeys(node for gpu in used for node in gpu.nodes))


def group_ids(used: Iterable[Gpu], root: Path = _ROOT) -> tuple[int, ...]:
    """Return the ids of the groups, except root, that own the device files of these GPUs.

    Names of groups differ between a machine and a container; ids do not.
    """
    states = (_state(root, node) for node in nodes(used))
    return tuple(sorted({state.st_gid for state in states if state and stat.S_ISCHR(state.st_mode)} - {0}))


def missing(gpu: Gpu, root: Path = _ROOT) -> str:
    """Return why this process cannot use a GPU, and how to fix it; empty if it can."""
    problems = (_problem(gpu, node, root) for node in gpu.nodes)
    return next(filter(None, problems), "")


def cpu_name(root: Path = _ROOT) -> str:
    """Return the model name of the CPU."""
    return next(_cpu_lines(root, "model name"), os.uname().machine)


def cpu_identity(root: Path = _ROOT) -> str:
    """Return a digest of the CPU that a compiler detects as `host`: its model and features."""
    facts = [*_cpu_lines(root, "model name"), *_cpu_lines(root, "flags"), *_cpu_lines(root, "Features")]
    return hashlib.sha256(f"{os.uname().machine} {sorted(set(facts))}".encode()).hexdigest()


def memory_bytes(root: Path = _ROOT) -> tuple[int, int]:
    """Return the available and the total memory, in bytes."""
    text = _text(root / "proc/meminfo")
    values = {name: int(kilobytes) * 1024 for name, kilobytes in re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)}
    return values.get("MemAvailable", 0), values.get("MemTotal", 0)


def _amd_gpus(root: Path) -> Iterator[Gpu]:
    folders = [path for path in (root / _NODES).glob("*") if path.name.isdecimal()]
    every = (_properties(path / "properties") for path in sorted(folders, key=lambda path: int(path.name)))
    for index, properties in enumerate(each for each in every if each.get("simd_count", 0) > 0):
        version, unique_id = properties.get("gfx_target_version", 0), properties.get("unique_id", 0)
        bus_id = _bus_id(properties.get("domain", 0), properties.get("location_id", 0))
        yield Gpu(
            index=index,
            vendor=Vendor.AMD,
            chip=chip_name(version) if version else None,
            sku=_sku(properties, bus_id, root),
            uuid=f"GPU-{unique_id:016x}" if unique_id else None,
            bus_id=bus_id,
            node=f"/dev/dri/renderD{properties.get('drm_render_minor', 0)}",
        )


def _nvidia_gpus(root: Path) -> Iterator[Gpu]:
    """Yield NVIDIA's GPUs by bus, as CUDA numbers them with CUDA_DEVICE_ORDER=PCI_BUS_ID."""
    texts = ((path.parent.name, _text(path)) for path in sorted((root / _NVIDIA_GPUS).glob("*/information")))
    found = {bus_id: text for bus_id, text in texts if text}
    chips = nvml.chips(found) if found else {}
    for index, (bus_id, text) in enumerate(found.items()):
        facts = dict(re.findall(r"^([\w ]+):[ \t]+(\S+)", text, re.MULTILINE))
        uuid = facts.get("GPU UUID", "?")
        yield Gpu(
            index=index,
            vendor=Vendor.NVIDIA,
            chip=chips.get(bus_id),
            uuid=None if "?" in uuid else uuid,  # question marks until the GPU is used
            bus_id=bus_id,
            node=f"/dev/nvidia{facts.get('Device Minor', index)}",
        )


def _without_shared_uuids(found: tuple[Gpu, ...]) -> tuple[Gpu, ...]:
    """Remove UUIDs that several GPUs report: on some kernels, partitions of a GPU have the same unique_id."""
    times = Counter(gpu.uuid for gpu in found)
    return tuple(replace(gpu, uuid=None) if times[gpu.uuid] > 1 else gpu for gpu in found)


def _bus_id(domain: int, location: int) -> str:
    """Return `0000:c1:00.0`. Bits above 16 are a partition's number; some kernels use the function bits for it.

    Source: linux:drivers/gpu/drm/amd/amdkfd/kfd_topology.c, kfd_topology_add_device.
    """
    return f"{domain:04x}:{location >> 8 & 0xFF:02x}:{location >> 3 & 0x1F:02x}.{location & 7}"


def _sku(properties: Mapping[str, int], bus_id: str, root: Path) -> str | None:
    device = properties.get("device_id", 0)
    units = properties.get("simd_count", 0) // (properties.get("simd_per_cu", 0) or 4)
    revision = _text(root / "sys/bus/pci/devices" / bus_id / "revision").strip()
    by_revision = _SKUS_BY_REVISION.get((device, int(revision, 16))) if _HEXADECIMAL.fullmatch(revision) else None
    return _SKUS.get(device) or by_revision or _SKUS_BY_UNITS.get((device, units))


_HEXADECIMAL = re.compile(r"0x[0-9a-f]+")


def _problem(gpu: Gpu, node: str, root: Path) -> str:
    """Return why this process cannot use a device file of a GPU; empty if it can."""
    state = _state(root, node)
    path = root / node.lstrip("/")
    if state is None:
        return (
            f"{path} does not exist, so {gpu} cannot be used: load the driver (sudo modprobe {_module(gpu, node)}), or "
            f"pass the device to the container (--device {node}); Docker Desktop has no GPUs."
        )
    if not stat.S_ISCHR(state.st_mode):
        return (
            f"{path} is not a character device, so {gpu} cannot be used: remove it and load the driver "
            f"(sudo modprobe {_module(gpu, node)}), or pass the device to the container (--device {node})."
        )
    if not os.access(path, os.R_OK | os.W_OK):
        return f"{path} is not accessible to this user, so {gpu} cannot be used: {_permission(path, state)}."
    return "" if node in gpu.shared_nodes else _refusal(gpu, path)


def _refusal(gpu: Gpu, path: Path) -> str:
    """Return why a device file cannot be opened although its mode allows it, as by a container's device rules."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError as error:
        return (
            f"{path} cannot be opened ({error.strerror}), so {gpu} cannot be used: pass the device to the container "
            f"(--device {gpu.node}), or reload the driver (sudo modprobe {_DRIVERS[gpu.vendor]})."
        )
    return ""


def _permission(path: Path, state: os.stat_result) -> str:
    group = state.st_gid
    if not group or state.st_mode & _READ_AND_WRITE_FOR_GROUP != _READ_AND_WRITE_FOR_GROUP:
        return f"give a group access (sudo chgrp render {path} && sudo chmod 660 {path})"
    name = _group_name(group)
    return (
        f"it belongs to group {name} ({group}); join it (sudo usermod -aG {name} $USER) and log in again, "
        f"or start the container with --group-add {group}"
    )


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _module(gpu: Gpu, node: str) -> str:
    """Return the kernel module that creates a device file."""
    return "nvidia-uvm" if node == "/dev/nvidia-uvm" else _DRIVERS[gpu.vendor]


def _state(root: Path, node: str) -> os.stat_result | None:
    try:
        return (root / node.lstrip("/")).stat()
    except OSError:
        return None


def _properties(path: Path) -> dict[str, int]:
    """Return the numbers in `key value` lines; none if the GPU is outside this container's device cgroup."""
    return {key: int(value) for key, value in re.findall(r"^(\w+) ([0-9]+)$", _text(path), re.MULTILINE)}


def _cpu_lines(root: Path, name: str) -> Iterator[str]:
    for line in _text(root / "proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            yield value.strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
