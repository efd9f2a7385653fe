"""Machines with GPUs: the files of kernel drivers, written below a root folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.host.devices import Gpu, Vendor, chip_name

NODES = "sys/class/kfd/kfd/topology/nodes"
UNIQUE_ID = 0x9BA5_0000_0000_0001

# What a CPU node has of the properties of a GPU: the same names, and zeros.
CPU_NODE = {
    "cpu_cores_count": 96,
    "simd_count": 0,
    "simd_per_cu": 0,
    "gfx_target_version": 0,
    "vendor_id": 0,
    "device_id": 0,
    "location_id": 0,
    "domain": 0,
    "drm_render_minor": 0,
    "unique_id": 0,
    "num_xcc": 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A product: what KFD and PCI say of it, and what it is called here."""

    version: int
    device_id: int
    simds: int
    sku: str | None
    revision: int = 0
    xccs: int = 1

    @property
    def chip(self) -> str:
        """The name of its chip."""
        return chip_name(self.version)


MI210 = Card(version=90010, device_id=0x740F, simds=416, sku="mi210", revision=2)
MI250 = Card(version=90010, device_id=0x740C, simds=416, sku="mi250", revision=1)
MI250X = Card(version=90010, device_id=0x740C, simds=440, sku="mi250x", revision=1)
MI300A = Card(version=90402, device_id=0x74A0, simds=912, sku="mi300a", xccs=6)
MI300X = Card(version=90402, device_id=0x74A1, simds=1216, sku="mi300", xccs=8)
MI308X = Card(version=90402, device_id=0x74A2, simds=320, sku="mi308", xccs=4)
MI325X = Card(version=90402, device_id=0x74A5, simds=1216, sku="mi325", xccs=8)
MI350X = Card(version=90500, device_id=0x75A0, simds=1024, sku="mi350", xccs=8)
MI355X = Card(version=90500, device_id=0x75A3, simds=1024, sku="mi355", xccs=8)
W7900 = Card(version=110000, device_id=0x7448, simds=192, sku="w7900")
R9700 = Card(version=120001, device_id=0x7551, simds=128, sku="r9700", revision=0xC0)
R9600D = Card(version=120001, device_id=0x7551, simds=96, sku=None, revision=0xC8)

INFORMATION = """\
Model: \t\t NVIDIA A100-SXM4-40GB
IRQ:   \t\t 77
GPU UUID: \t {uuid}
Video BIOS: \t 92.00.45.00.03
Bus Type: \t PCIe
DMA Size: \t 47 bits
DMA Mask: \t 0x7fffffffffff
Bus Location: \t {bus_id}
Device Minor: \t {minor}
GPU Excluded:\t No
"""


def write(root: Path, path: str, text: str) -> Path:
    """Write a file and the folders above it."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def node(root: Path, number: int, properties: Mapping[str, int]) -> None:
    """Write a node of the topology; what is not given is as on a CPU."""
    lines = "".join(f"{name} {value}\n" for name, value in (CPU_NODE | dict(properties)).items())
    write(root, f"{NODES}/{number}/properties", lines)


def gpu_node(root: Path, number: int, card: Card, *, place: int = 0, **changes: int) -> None:
    """Write the node of the GPU at a place among those of its machine."""
    bus = 0x0C + 0x10 * place
    properties = {
        "cpu_cores_count": 0,
        "simd_count": card.simds,
        "simd_per_cu": 2 if card.version >= 100000 else 4,
        "gfx_target_version": card.version,
        "vendor_id": 0x1002,
        "device_id": card.device_id,
        "location_id": bus << 8,
        "drm_render_minor": 128 + place,
        "unique_id": UNIQUE_ID + place,
        "num_xcc": card.xccs,
    }
    node(root, number, properties | changes)
    write(root, f"sys/bus/pci/devices/0000:{bus:02x}:00.0/revision", f"0x{card.revision:02x}\n")


def machine(root: Path, *cards: Card, cpus: int = 1) -> None:
    """Write a machine with CPU nodes first, as the kernel does, and a node for each card."""
    for number in range(cpus):
        node(root, number, {})
    for place, card in enumerate(cards):
        gpu_node(root, cpus + place, card, place=place)


def partitioned(root: Path, card: Card = MI300X, parts: int = 8) -> None:
    """Write a machine with one card in CPX mode: one PCI device, a node and a device file for each part."""
    node(root, 0, {})
    for part in range(parts):
        changes = {"simd_count": card.simds // parts, "num_xcc": 1, "unique_id": UNIQUE_ID}
        location_id = part << 28 | 0x0C << 8
        gpu_node(root, 1 + part, card, location_id=location_id, drm_render_minor=128 + part, **changes)


def nvidia(root: Path, bus_id: str, minor: int, uuid: str) -> None:
    """Write what NVIDIA's driver says of a GPU."""
    text = INFORMATION.format(bus_id=bus_id, minor=minor, uuid=uuid)
    write(root, f"proc/driver/nvidia/gpus/{bus_id}/information", text)


def device_files(root: Path, gpus: Sequence[Gpu]) -> None:
    """Stand in for device files by links to a device that everybody has."""
    for path in {name for gpu in gpus for name in (*gpu.shared_nodes, gpu.node)}:
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to("/dev/null")


def gpu(index: int = 0, chip: str | None = "gfx942", sku: str | None = "mi300", vendor: Vendor = Vendor.AMD) -> Gpu:
    """Return a GPU by its number."""
    return Gpu(
        index=index,
        vendor=vendor,
        chip=chip,
        sku=sku,
        uuid=f"GPU-{UNIQUE_ID + index:016x}",
        bus_id=f"0000:{0x0C + 0x10 * index:02x}:00.0",
        node=f"/dev/dri/renderD{128 + index}" if vendor is Vendor.AMD else f"/dev/nvidia{index}",
    )
