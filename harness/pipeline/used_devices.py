"""Asks iree-run-module which devices a run gets: their names and UUIDs, as the driver has them.

It is asked in the environment of the run itself, after the same wrapper and with the same variables: only there it is
known which GPU `hip` is. The answer is kept, because starting a driver takes a moment.
"""

import contextlib
import itertools
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from harness.core.devices import Device
from harness.core.errors import ToolError
from harness.host.process import CancelToken
from harness.pipeline import logs
from harness.pipeline.tools import ToolRun, Tools

_TIMEOUT_S = 60.0
_LOG = "devices.log"
_OPTION = "--device="
# What --dump_devices prints of each device: its address, what its driver calls it, and more about it.
_DEVICE = re.compile(r"^# --device=(\w+)://(\S+)\n#   (.*)$", re.MULTILINE)
_CHIP = re.compile(r"^- gpu-arch-name: (gfx\w+)", re.MULTILINE)
_ON_HOST = "local-"


@dataclass(frozen=True, slots=True, kw_only=True)
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
                found = _devices(_printed((*before, f"--dump_devices={driver}"), asked, tools, cancel))
                emulator = str(self.emulator) if self.emulator else None
                self.known[key] = tuple(replace(each, emulator=emulator) for each in found)
            return self.known[key]


def _printed(argv: tuple[str, ...], asked: ToolRun, tools: Tools, cancel: CancelToken) -> str:
    """Return what the program prints about devices; a driver that fails does so again in the run, which reports it."""
    log = asked.log_path.with_name(_LOG)
    timeout_s = min(asked.timeout_s, _TIMEOUT_S)
    with contextlib.suppress(ToolError):
        tools.run(replace(asked, argv=argv, reads={}, writes=(), log_path=log, timeout_s=timeout_s), cancel)
    text = logs.text(log) if log.exists() else ""
    log.unlink(missing_ok=True)
    return text


def _devices(text: str) -> Iterator[Device]:
    starts = [each.start() for each in _DEVICE.finditer(text)]
    for start, end in itertools.pairwise((*starts, len(text))):
        if found := _DEVICE.match(text, start):
            chip = _CHIP.search(text, start, end)
            yield Device(driver=found[1], name=found[3].strip(), uuid=_uuid(found[1], found[2]), chip=chip and chip[1])


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
