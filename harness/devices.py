"""Reads this machine's GPUs and CPU; the only place that does (a root folder is a parameter, for tests)."""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

_ROOT = Path("/")
_NODES = "sys/class/kfd/kfd/topology/nodes"

# PCI device ids of the accelerators, from libdrm's amdgpu.ids (2.4.134), and the names that specs
# use for them. Partitioned devices keep their id.
_SKUS: Mapping[int, str] = MappingProxyType(
    dict.fromkeys((0x74A1, 0x74A9, 0x74BD, 0x74B5), "mi300")
    | dict.fromkeys((0x74A2, 0x74B6, 0x74A8, 0x74BC), "mi308")
    | dict.fromkeys((0x75A0, 0x75B0), "mi350")
    | dict.fromkeys((0x75A3, 0x75B3), "mi355")
    | dict.fromkeys((0x7408, 0x740C), "mi250")
    | {0x74A0: "mi300a", 0x74A5: "mi325", 0x740F: "mi210", 0x738C: "mi100", 0x7448: "w7900", 0x744A: "w7900"}
)
SKUS = tuple(sorted({*_SKUS.values(), "mi300x", "mi308x", "mi325x", "mi350x", "mi355x", "mi250x", "w7900", "r9700"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """An AMD GPU as the kernel's KFD topology shows it; `render_node` is its device file."""

    chip: str
    sku: str | None
    render_node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whether this process may use a device file, and if not, what is missing."""

    path: str
    usable: bool
    group_id: int | None
    problem: str = ""


def gpus(root: Path = _ROOT) -> tuple[Gpu, ...]:
    """Return the GPUs in the order of their KFD nodes; a node that may not be read is left out."""
    found = []
    for node in sorted((root / _NODES).glob("*"), key=lambda path: int(path.name) if path.name.isdigit() else -1):
        properties = _properties(node / "properties")
        if properties.get("simd_count", 0) > 0:
            found.append(
                Gpu(
                    chip=chip_name(properties.get("gfx_target_version", 0)),
                    sku=_SKUS.get(properties.get("device_id", 0)),
                    render_node=f"/dev/dri/renderD{properties.get('drm_render_minor', 0)}",
                )
            )
    return tuple(found)


def chip_name(version: int) -> str:
    """Return the name of a `gfx_target_version`: 90402 is gfx942, 90010 is gfx90a.

    ROCR-Runtime libhsakmt/src/libhsakmt.h: major, minor and stepping are pairs of decimal digits, of
    which the last two are written in hexadecimal.
    """
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def access(root: Path = _ROOT) -> tuple[Access, ...]:
    """Return what stands between this process and the devices of AMD GPUs."""
    nodes = sorted((root / "dev/dri").glob("renderD*"))
    return tuple(map(_access, (root / "dev/kfd", *nodes)))


def cpu_name(root: Path = _ROOT) -> str:
    """Return the model name of the CPU."""
    return next(_cpu_lines(root, "model name"), os.uname().machine)


def cpu_identity(root: Path = _ROOT) -> str:
    """Return a digest of what a compiler means by `host`: model and features of the CPU."""
    facts = [*_cpu_lines(root, "model name"), *_cpu_lines(root, "flags"), *_cpu_lines(root, "Features")]
    return hashlib.sha256(f"{os.uname().machine} {sorted(set(facts))}".encode()).hexdigest()


def memory_bytes(root: Path = _ROOT) -> tuple[int, int]:
    """Return memory available and in all."""
    text = _text(root / "proc/meminfo")
    values = {name: int(kilobytes) * 1024 for name, kilobytes in re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)}
    return values.get("MemAvailable", 0), values.get("MemTotal", 0)


def _properties(path: Path) -> dict[str, int]:
    """Return `key value` lines. The kernel refuses them for GPUs outside this container's device cgroup."""
    return {key: int(value) for key, value in re.findall(r"^(\w+) (\d+)$", _text(path), re.MULTILINE)}


def _access(path: Path) -> Access:
    try:
        state = path.stat()
    except OSError as error:
        return Access(path=str(path), usable=False, group_id=None, problem=error.strerror or "cannot be read")
    if not stat.S_ISCHR(state.st_mode):
        return Access(path=str(path), usable=False, group_id=state.st_gid, problem="is no character device")
    usable = os.access(path, os.R_OK | os.W_OK)
    problem = "" if usable else f"belongs to group {state.st_gid}, of which this user is no member"
    return Access(path=str(path), usable=usable, group_id=state.st_gid, problem=problem)


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
