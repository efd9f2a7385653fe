"""Lists the devices of Vulkan among which cases choose, in the environment in which they run."""

import contextlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.values import frozen
from harness.host.beneath import Folder
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu, Vendor
from harness.host.disk import disk_errors
from harness.pipeline import device_dump
from harness.pipeline.tools import ToolRun, Tools

_FOLDER = ".devices"
# Chips by the beginning of a device's name. The names of other devices do not tell what to compile for.
_CHIPS = {"llvmpipe": "llvmpipe"}


@frozen
class DeviceLister:
    """Lists devices with the runtime of a release.

    Attributes:
        program: the path of iree-run-module.
        tools: runs it.
        out_dir: folder of the results.
        cancel: stops it.
    """

    program: Path
    tools: Tools
    out_dir: Path
    cancel: CancelToken

    def vulkan(self, here: Sequence[Gpu]) -> tuple[Gpu, ...]:
        """Return the devices of Vulkan; none where there is no driver, which the runs report.

        Args:
            here: the GPUs of this machine, to tell which of them a device is.

        Raises:
            DiskError: the folder cannot be written.
            Cancelled: `cancel` was set.
        """
        with self._folder() as folder:
            argv, log = (str(self.program),), folder / "run.log"
            asked = ToolRun(argv=argv, folder=folder, log_path=log, timeout_s=device_dump.TIMEOUT_S)
            found = device_dump.dumped("vulkan", asked, self.tools, self.cancel)
        times = Counter(each.path for each in found)
        gpus = (
            _gpu(index, each.path if times[each.path] == 1 else None, each.name) for index, each in enumerate(found)
        )
        return tuple(_of_machine(gpu, here) for gpu in gpus)

    @contextlib.contextmanager
    def _folder(self) -> Iterator[Path]:
        """Yield a folder that is removed at the end."""
        files, folder = Folder(self.out_dir), self.out_dir / _FOLDER
        with disk_errors(self.out_dir):
            files.remove(folder)
            files.make(folder)
            try:
                yield folder
            finally:
                files.remove(folder)


def _gpu(index: int, path: str | None, name: str) -> Gpu:
    chip = next((chip for beginning, chip in _CHIPS.items() if name.startswith(beginning)), None)
    return Gpu(index=index, vendor=Vendor.VULKAN, chip=chip, name=name, uuid=path)


def _of_machine(device: Gpu, here: Sequence[Gpu]) -> Gpu:
    """Return a device with the files of the GPU of this machine that it is, so that both have one lock."""
    found = next(
        (gpu for gpu in here if _hexadecimal(device.uuid) in {_hexadecimal(gpu.uuid), _of_bus(gpu.bus_id)}), None
    )
    return replace(device, bus_id=found.bus_id, node=found.node) if found else device


def _hexadecimal(uuid: str | None) -> str:
    return (uuid or "?").removeprefix("GPU-").replace("-", "").lower()


def _of_bus(bus_id: str) -> str:
    """Return the UUID that Mesa gives a GPU of AMD: the numbers of its PCI address.

    Source: mesa:src/amd/common/ac_gpu_info.c, ac_compute_device_uuid.
    """
    numbers = (int(each, 16) for each in re.split(r"[:.]", bus_id)) if bus_id else ()
    return b"".join(number.to_bytes(4, "little") for number in numbers).hex()


def addresses(devices: Sequence[str], gpus: Sequence[Gpu]) -> dict[str, str]:
    """Return the addresses of the devices of Vulkan that were claimed, by the devices of a spec: `vulkan://1`."""
    claimed = [gpu for gpu in gpus if gpu.vendor is Vendor.VULKAN]
    named = {each: each.partition("://")[2] or "0" for each in devices if each.partition("://")[0] == "vulkan"}
    at = {device: int(path) for device, path in named.items() if path.isdecimal() and int(path) < len(claimed)}
    return {device: f"vulkan://{_path(claimed[index])}" for device, index in at.items()}


def _path(gpu: Gpu) -> str:
    return gpu.uuid or str(gpu.index)


def addressed(argv: Sequence[str], devices: Sequence[str], gpus: Sequence[Gpu]) -> tuple[str, ...]:
    """Return a command line that names the devices of Vulkan that were claimed for it."""
    exact = {f"--device={device}": f"--device={found}" for device, found in addresses(devices, gpus).items()}
    return tuple(exact.get(word, word) for word in argv)
