import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.host import devices
from harness.host.devices import Gpu, Vendor
from tests.unit import kfd
from tests.unit.kfd import Card

CARDS = {
    "MI210": kfd.MI210,
    "MI250": kfd.MI250,
    "MI250X": kfd.MI250X,
    "MI250X of its own id": replace(kfd.MI250X, device_id=0x7408),
    "MI300A": kfd.MI300A,
    "MI300X": kfd.MI300X,
    "MI300X VF": replace(kfd.MI300X, device_id=0x74B5),
    "MI300X HF": replace(kfd.MI300X, device_id=0x74A9),
    "MI300X HF VF": replace(kfd.MI300X, device_id=0x74BD),
    "MI308X": kfd.MI308X,
    "MI308X VF": replace(kfd.MI308X, device_id=0x74B6),
    "MI308X HF": replace(kfd.MI308X, device_id=0x74A8),
    "MI308X HF VF": replace(kfd.MI308X, device_id=0x74BC),
    "MI325X": kfd.MI325X,
    "MI350X": kfd.MI350X,
    "MI350X VF": replace(kfd.MI350X, device_id=0x75B0),
    "MI355X": kfd.MI355X,
    "MI355X VF": replace(kfd.MI355X, device_id=0x75B3),
    "W7900": kfd.W7900,
    "W7900 Dual Slot": replace(kfd.W7900, device_id=0x744A),
    "R9700": kfd.R9700,
    "R9600D": kfd.R9600D,
    "of an unknown id": replace(kfd.MI300X, device_id=0x1234, sku=None),
    "MI250 or MI250X in part": replace(kfd.MI250, simds=100, sku=None),
}
CHIPS = ("gfx90a", "gfx942", "gfx950", "gfx1100", "gfx1201")


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS.keys())
def test_a_machine_with_one_gpu(tmp_path: Path, card: Card) -> None:
    kfd.machine(tmp_path, card)
    wanted = Gpu(
        index=0,
        vendor=Vendor.AMD,
        chip=card.chip,
        sku=card.sku,
        uuid="GPU-9ba5000000000001",
        bus_id="0000:0c:00.0",
        node="/dev/dri/renderD128",
    )
    assert devices.gpus(tmp_path) == (wanted,)
    assert card.chip in CHIPS
    assert card.sku is None or card.sku in devices.SKUS


@pytest.mark.parametrize(
    ("version", "chip"),
    [
        (90008, "gfx908"),
        (90010, "gfx90a"),
        (90012, "gfx90c"),
        (90402, "gfx942"),
        (90500, "gfx950"),
        (100300, "gfx1030"),
        (110501, "gfx1151"),
        (120001, "gfx1201"),
        (120500, "gfx1250"),
    ],
)
def test_names_of_chips(version: int, chip: str) -> None:
    assert devices.chip_name(version) == chip


def test_eight_gpus_come_in_the_order_of_their_nodes(tmp_path: Path) -> None:
    kfd.machine(tmp_path, *[kfd.MI300X] * 8, kfd.MI210, cpus=2)  # 2 to 10, of which 10 sorts before 2 as a text
    found = devices.gpus(tmp_path)
    assert [gpu.index for gpu in found] == list(range(9))
    assert [gpu.node for gpu in found] == [f"/dev/dri/renderD{minor}" for minor in range(128, 137)]
    assert [gpu.bus_id for gpu in found] == [f"0000:{bus}c:00.0" for bus in "012345678"]
    assert [gpu.chip for gpu in found] == ["gfx942"] * 8 + ["gfx90a"]
    assert [str(found[0]), str(found[8])] == ["GPU 0 (gfx942, mi300)", "GPU 8 (gfx90a, mi210)"]
    assert len({gpu.uuid for gpu in found}) == 9


def test_partitions_are_gpus_that_share_a_pci_device(tmp_path: Path) -> None:
    kfd.partitioned(tmp_path)
    found = devices.gpus(tmp_path)
    assert [gpu.node for gpu in found] == [f"/dev/dri/renderD{minor}" for minor in range(128, 136)]
    assert {(gpu.bus_id, gpu.sku, gpu.chip) for gpu in found} == {("0000:0c:00.0", "mi300", "gfx942")}
    assert {gpu.uuid for gpu in found} == {None}, "one that names eight names none"


def test_partitions_with_different_ids_keep_them(tmp_path: Path) -> None:
    for part in range(2):
        kfd.gpu_node(tmp_path, part, kfd.MI300X, unique_id=kfd.UNIQUE_ID + part, location_id=part << 28 | 0xC00)
    assert [gpu.uuid for gpu in devices.gpus(tmp_path)] == ["GPU-9ba5000000000001", "GPU-9ba5000000000002"]


def test_the_bus_id_of_a_gpu(tmp_path: Path) -> None:
    location_id = 0xC1 << 8 | 0x1F << 3 | 2
    kfd.gpu_node(tmp_path, 1, kfd.W7900, domain=0x10001, location_id=location_id, unique_id=0)
    (gpu,) = devices.gpus(tmp_path)
    assert (gpu.bus_id, gpu.uuid) == ("10001:c1:1f.2", None)


@pytest.mark.parametrize("revision", ["", "c0\n", "0xzz\n", "0xC8\n"])
def test_a_shared_id_without_a_revision_has_no_sku(tmp_path: Path, revision: str) -> None:
    kfd.machine(tmp_path, kfd.R9700)
    kfd.write(tmp_path, "sys/bus/pci/devices/0000:0c:00.0/revision", revision)
    assert [gpu.sku for gpu in devices.gpus(tmp_path)] == [None]


@pytest.mark.parametrize("cpus", [0, 1, 2])
def test_a_machine_without_a_gpu(tmp_path: Path, cpus: int) -> None:
    kfd.machine(tmp_path, cpus=cpus)
    assert devices.gpus(tmp_path) == ()


def test_an_apu_is_a_gpu_with_cores(tmp_path: Path) -> None:
    kfd.gpu_node(tmp_path, 0, replace(kfd.W7900, version=110501, device_id=0x1586), cpu_cores_count=32, unique_id=0)
    (gpu,) = devices.gpus(tmp_path)
    assert (gpu.chip, gpu.sku, gpu.uuid) == ("gfx1151", None, None)


def test_a_node_that_may_not_be_read_is_left_out(tmp_path: Path) -> None:
    kfd.gpu_node(tmp_path, 1, kfd.MI300X)
    (tmp_path / kfd.NODES / "2/properties").mkdir(parents=True)  # whoever asks, it fails
    (tmp_path / kfd.NODES / "3").mkdir()
    kfd.write(tmp_path, f"{kfd.NODES}/4/properties", "")
    kfd.write(tmp_path, f"{kfd.NODES}/5/properties", "simd_count many\n\xff\nsimd_count -4\nsimd_count 1 2\nsimd_count")
    kfd.write(tmp_path, f"{kfd.NODES}/more/properties", "simd_count 4\n")
    kfd.gpu_node(tmp_path, 6, kfd.MI210, place=1)
    assert [(gpu.index, gpu.chip) for gpu in devices.gpus(tmp_path)] == [(0, "gfx942"), (1, "gfx90a")]


def test_a_gpu_with_few_properties(tmp_path: Path) -> None:
    kfd.write(tmp_path, f"{kfd.NODES}/1/properties", "simd_count 4\n")
    (gpu,) = devices.gpus(tmp_path)
    assert (gpu.chip, gpu.sku, gpu.uuid, gpu.bus_id) == (None, None, None, "0000:00:00.0")
    assert str(gpu) == "GPU 0 (amd, unknown SKU)"


def test_gpus_of_nvidia_come_by_bus_after_those_of_amd(tmp_path: Path) -> None:
    uuid = "GPU-eaf23aa1-4d3d-596c-da66-b86b0e5db584"
    kfd.nvidia(tmp_path, "0000:48:00.0", 0, "GPU-????????-????-????-????-????????????")
    kfd.nvidia(tmp_path, "0000:07:00.0", 2, uuid)
    kfd.machine(tmp_path, kfd.MI210)
    (tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0/information").mkdir(parents=True)
    amd, *found = devices.gpus(tmp_path)
    first = Gpu(index=1, vendor=Vendor.NVIDIA, chip=None, uuid=uuid, bus_id="0000:07:00.0", node="/dev/nvidia2")
    assert found == [first, replace(first, index=2, uuid=None, bus_id="0000:48:00.0", node="/dev/nvidia0")]
    assert devices.nodes([amd, *found, amd]) == (
        *("/dev/kfd", "/dev/dri/renderD128", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia2", "/dev/nvidia0"),
    )


def test_an_nvidia_gpu_with_few_properties(tmp_path: Path) -> None:
    kfd.write(tmp_path, "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t Tesla K80\n\xff")
    (gpu,) = devices.gpus(tmp_path)
    assert (gpu.uuid, gpu.node, str(gpu)) == (None, "/dev/nvidia0", "GPU 0 (nvidia, unknown SKU)")


def test_vulkan_uses_the_device_files_for_rendering_of_all_vendors(tmp_path: Path) -> None:
    assert devices.render_nodes(tmp_path) == ()
    for name in ("card0", "renderD129", "renderD128"):
        kfd.write(tmp_path, f"dev/dri/{name}", "")
    found = devices.render_nodes(tmp_path)
    assert devices.nodes(found) == ("/dev/dri/renderD128", "/dev/dri/renderD129")
    assert str(found[1]) == "GPU 1 (/dev/dri/renderD129)"


CPUINFO = """\
processor\t: {number}
model name\t: AMD EPYC 9454 48-Core Processor
cpu MHz\t\t: {mhz}
flags\t\t: fpu avx2 {more}
"""


def identity(root: Path, cpuinfo: str) -> str:
    kfd.write(root, "proc/cpuinfo", cpuinfo)
    return devices.cpu_identity(root)


def test_the_identity_of_a_cpu(tmp_path: Path) -> None:
    one = CPUINFO.format(number=0, mhz=2750, more="avx512f")
    other = CPUINFO.format(number=1, mhz=3100, more="avx512f")
    found = identity(tmp_path, one)
    assert found == identity(tmp_path, one + other), "not how many cores, nor how fast they are just now"
    assert devices.cpu_name(tmp_path) == "AMD EPYC 9454 48-Core Processor"
    assert found != identity(tmp_path, CPUINFO.format(number=0, mhz=2750, more=""))
    assert found != identity(tmp_path, one.replace("9454", "9654"))
    assert len(found) == len(hashlib.sha256().hexdigest())


def test_an_arm_cpu_is_identified_by_its_features(tmp_path: Path) -> None:
    assert identity(tmp_path, "Features\t: fp asimd\n") != identity(tmp_path, "Features\t: fp asimd sve\n")
    assert devices.cpu_name(tmp_path) == os.uname().machine


def test_memory(tmp_path: Path) -> None:
    kfd.write(
        tmp_path, "proc/meminfo", "MemTotal:       16384 kB\nMemFree:  1 kB\nMemAvailable:    8192 kB\nHugePages: 0\n"
    )
    assert devices.memory_bytes(tmp_path) == (8 << 20, 16 << 20)
    assert devices.memory_bytes(tmp_path / "nowhere") == (0, 0)


def test_this_machine_can_be_read() -> None:
    available, in_all = devices.memory_bytes()
    assert 0 < available <= in_all
    assert devices.cpu_name()
    assert devices.cpu_identity() == devices.cpu_identity()
