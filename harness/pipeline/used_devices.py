"""Asks iree-run-module which devices a run gets: their names and UUIDs, as the driver has them.

It is asked in the environment of the run itself, after the same wrapper and with the same variables: only there it is
known which GPU `hip` is. The answer is kept, because starting a driver takes a moment.
"""

import contextlib
import threading
from dataclasses import field, replace

from harness.core.devices import Device
from harness.core.values import frozen
from harness.host.cancel import CancelToken
from harness.pipeline import device_dump
from harness.pipeline.device_dump import Dumped
from harness.pipeline.tools import ToolRun, Tools

_OPTION = "--device="
_ON_HOST = "local-"


@frozen
class UsedDevices:
    """Finds the devices of runs, and remembers what it found.

    Attributes:
        emulator: what emulates all of them, by its text; None for hardware.
    """

    emulator: object | None = None
    known: dict[tuple[object, ...], tuple[Device, ...]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, asked: ToolRun, program: str, tools: Tools, cancel: CancelToken) -> tuple[Device, ...]:
        """Return the devices that a run gets, in the order of its options; none that the driver does not tell.

        Args:
            asked: the run.
            program: the path of its program, which may come after a wrapper.
            tools: runs it.
            cancel: stops it.

        Raises:
            EngineError: its container is gone.
            DiskError: the log cannot be written.
            Cancelled: `cancel` was set.
        """
        wanted = [word.removeprefix(_OPTION).partition("://") for word in asked.argv if word.startswith(_OPTION)]
        found: list[Device] = []
        for driver, _, path in wanted:
            if not driver.startswith(_ON_HOST):
                listed = self._listed(driver, asked, program, tools, cancel)
                found += [each for index, each in enumerate(listed) if _is_at(each, index, path)]
        return tuple(found)

    def _listed(
        self, driver: str, asked: ToolRun, program: str, tools: Tools, cancel: CancelToken
    ) -> tuple[Device, ...]:
        before = asked.argv[: asked.argv.index(program) + 1]
        key = (driver, before, tuple(sorted(asked.variables.items())))
        with self.lock:
            if key not in self.known:
                found = device_dump.dumped(driver, replace(asked, argv=before), tools, cancel)
                self.known[key] = tuple(map(self._device, found))
            return self.known[key]

    def _device(self, found: Dumped) -> Device:
        return Device(
            driver=found.driver,
            name=found.name.strip(),
            uuid=_uuid(found.driver, found.path),
            chip=found.chip,
            emulator=str(self.emulator) if self.emulator else None,
        )


def _uuid(driver: str, path: str) -> str:
    """Return the UUID of a device. AMD's runtime has the digits of the kernel driver's number as bytes."""
    digits = path.removeprefix("GPU-").replace("-", "")
    if driver == "hip":
        with contextlib.suppress(ValueError):
            return f"GPU-{int(bytes.fromhex(digits).decode('ascii', 'replace'), 16):016x}"
    return path


def _is_at(device: Device, index: int, path: str) -> bool:
    """Whether a device is the one that an option names: by position, by UUID, or as the first."""
    if path.isdecimal() or not path:
        return index == int(path or 0)
    return device.uuid in {path, _uuid(device.driver, path)}
