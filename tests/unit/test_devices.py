import hashlib
import os
from pathlib import Path

import pytest

from harness import devices
from harness.devices import Gpu

# Values as the kernel's topology shows them: gfx_target_version, PCI device id, chip, SKU.
MACHINES = {
    "MI210": (90010, 0x740F, "gfx90a", "mi210"),
    "MI300X": (90402, 0x74A1, "gfx942", "mi300"),
    "MI300X, partitioned": (90402, 0x74B5, "gfx942", "mi300"),
    "MI308X": (90402, 0x74A2, "gfx942", "mi308"),
    "MI325X": (90402, 0x74A5, "gfx942", "mi325"),
    "MI355X": (90500, 0x75A3, "gfx950", "mi355"),
    "W7900": (110000, 0x7448, "gfx1100", "w7900"),
    "R9700": (120001, 0x7551, "gfx1201", None),  # shares its id with another card
}
CPU_NODE = {"cpu_cores_count": 96, "simd_count": 0, "gfx_target_version": 0, "device_id": 0}


def write(root: Path, path: str, text: str) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def node(root: Path, number: int, properties: dict[str, int]) -> None:
    lines = "".join(f"{name} {value}\n" for name, value in properties.items())
    write(root, f"sys/class/kfd/kfd/topology/nodes/{number}/properties", lines)


def gpu_node(root: Path, number: int, version: int, device_id: int, minor: int = 128) -> None:
    properties = {"simd_count": 1216, "gfx_target_version": version, "vendor_id": 4098, "device_id": device_id}
    node(root, number, CPU_NODE | properties | {"drm_render_minor": minor, "unique_id": 2**63 + 1})


@pytest.mark.parametrize(("version", "device_id", "chip", "sku"), MACHINES.values(), ids=MACHINES.keys())
def test_a_machine_with_one_gpu(tmp_path: Path, version: int, device_id: int, chip: str, sku: str | None) -> None:
    node(tmp_path, 0, CPU_NODE)
    gpu_node(tmp_path, 1, version, device_id)
    assert devices.gpus(tmp_path) == (Gpu(chip=chip, sku=sku, render_node="/dev/dri/renderD128"),)
    assert sku is None or sku in devices.SKUS


@pytest.mark.parametrize(
    ("version", "chip"),
    [
        (90008, "gfx908"),
        (90010, "gfx90a"),
        (90402, "gfx942"),
        (100300, "gfx1030"),
        (110501, "gfx1151"),
        (120500, "gfx1250"),
    ],
)
def test_names_of_chips(version: int, chip: str) -> None:
    assert devices.chip_name(version) == chip


def test_eight_gpus_come_in_the_order_of_their_nodes(tmp_path: Path) -> None:
    for number in (0, 1):
        node(tmp_path, number, CPU_NODE)
    for number in range(2, 10):
        gpu_node(tmp_path, number, 90402, 0x74A1, minor=120 + number)
    gpu_node(tmp_path, 10, 90010, 0x740F, minor=130)
    found = devices.gpus(tmp_path)
    assert [gpu.render_node for gpu in found] == [f"/dev/dri/renderD{minor}" for minor in range(122, 131)]
    assert [gpu.chip for gpu in found] == ["gfx942"] * 8 + ["gfx90a"]


def test_a_node_that_may_not_be_read_is_left_out(tmp_path: Path) -> None:
    gpu_node(tmp_path, 1, 90402, 0x74A1)
    (tmp_path / "sys/class/kfd/kfd/topology/nodes/2/properties").mkdir(parents=True)  # whoever asks, it fails
    (tmp_path / "sys/class/kfd/kfd/topology/nodes/3").mkdir()
    write(tmp_path, "sys/class/kfd/kfd/topology/nodes/4/properties", "")
    write(tmp_path, "sys/class/kfd/kfd/topology/nodes/5/properties", "simd_count many\n\xff\n")
    assert [gpu.chip for gpu in devices.gpus(tmp_path)] == ["gfx942"]


def test_an_unknown_device_has_no_sku(tmp_path: Path) -> None:
    gpu_node(tmp_path, 1, 90402, 0x1234)
    assert devices.gpus(tmp_path) == (Gpu(chip="gfx942", sku=None, render_node="/dev/dri/renderD128"),)


def test_a_machine_without_the_driver(tmp_path: Path) -> None:
    assert devices.gpus(tmp_path) == ()
    (access,) = devices.access(tmp_path)
    assert (access.path, access.usable, access.group_id) == (f"{tmp_path}/dev/kfd", False, None)
    assert access.problem == "No such file or directory"


def test_device_files(tmp_path: Path) -> None:
    kfd = tmp_path / "dev/kfd"
    file = write(tmp_path, "dev/dri/renderD128", "left by a mount that came too early")
    write(tmp_path, "dev/dri/card0", "")
    kfd.symlink_to("/dev/null")
    usable, regular = devices.access(tmp_path)
    assert (usable.path, usable.usable, usable.problem) == (str(kfd), True, "")
    assert (regular.usable, regular.problem) == (False, "is no character device")
    assert regular.path == f"{tmp_path}/dev/dri/renderD128"
    assert regular.group_id == file.stat().st_gid


CPUINFO = """\
processor\t: {number}
model name\t: AMD EPYC 9454 48-Core Processor
cpu MHz\t\t: {mhz}
flags\t\t: fpu avx2 {more}
"""


def identity(root: Path, cpuinfo: str) -> str:
    write(root, "proc/cpuinfo", cpuinfo)
    return devices.cpu_identity(root)


def test_what_host_means_to_a_compiler(tmp_path: Path) -> None:
    one = CPUINFO.format(number=0, mhz=2750, more="avx512f")
    other = CPUINFO.format(number=1, mhz=3100, more="avx512f")
    found = identity(tmp_path, one)
    assert found == identity(tmp_path, one + other), "not how many cores, nor how fast they are just now"
    assert devices.cpu_name(tmp_path) == "AMD EPYC 9454 48-Core Processor"
    assert found != identity(tmp_path, CPUINFO.format(number=0, mhz=2750, more=""))
    assert found != identity(tmp_path, one.replace("9454", "9654"))
    assert len(found) == len(hashlib.sha256().hexdigest())


def test_an_arm_cpu_is_told_by_its_features(tmp_path: Path) -> None:
    assert identity(tmp_path, "Features\t: fp asimd\n") != identity(tmp_path, "Features\t: fp asimd sve\n")
    assert devices.cpu_name(tmp_path) == os.uname().machine


def test_memory(tmp_path: Path) -> None:
    write(
        tmp_path, "proc/meminfo", "MemTotal:       16384 kB\nMemFree:  1 kB\nMemAvailable:    8192 kB\nHugePages: 0\n"
    )
    assert devices.memory_bytes(tmp_path) == (8 << 20, 16 << 20)
    assert devices.memory_bytes(tmp_path / "nowhere") == (0, 0)


def test_this_machine_can_be_read() -> None:
    available, in_all = devices.memory_bytes()
    assert 0 < available <= in_all
    assert devices.cpu_name()
    assert devices.cpu_identity() == devices.cpu_identity()
