"""Asks iree-run-module for the devices of a driver, and reads what it prints of them."""

import contextlib
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

from harness.core.errors import ToolError
from harness.core.values import frozen
from harness.host.cancel import CancelToken
from harness.pipeline import logs
from harness.pipeline.tools import ToolRun, Tools

TIMEOUT_S = 60.0
_LOG = "devices.log"
# What --dump_devices prints of each device: its address, what its driver calls it, and more about it.
_DEVICE = re.compile(r"^# --device=(\w+)://(\S+)\n#   (.*)$", re.MULTILINE)
_CHIP = re.compile(r"^- gpu-arch-name: (gfx\w+)", re.MULTILINE)


@frozen
class Dumped:
    """A device as the program prints it.

    Attributes:
        driver: such as `vulkan`.
        path: the rest of its address, such as `GPU-6d65736132322e332e36000000000000`.
        name: what its driver calls it.
        chip: such as `gfx942`; None if the driver does not say.
    """

    driver: str
    path: str
    name: str
    chip: str | None


def dumped(driver: str, asked: ToolRun, tools: Tools, cancel: CancelToken) -> tuple[Dumped, ...]:
    """Return the devices of a driver; none if it fails, as it then does in the runs, which report it.

    Args:
        driver: such as `vulkan`.
        asked: where the program is run, and with what limit; its command line ends with the program.
        tools: runs it.
        cancel: stops it.

    Raises:
        EngineError: its container is gone.
        DiskError: the log cannot be written.
        Cancelled: `cancel` was set.
    """
    argv, log = (*asked.argv, f"--dump_devices={driver}"), asked.log_path.with_name(_LOG)
    timeout_s = min(asked.timeout_s, TIMEOUT_S)
    with contextlib.suppress(ToolError):
        tools.run(replace(asked, argv=argv, reads={}, writes=(), log_path=log, timeout_s=timeout_s), cancel)
    text = logs.text(log) if log.exists() else ""
    log.unlink(missing_ok=True)
    return tuple(_read(text))


def _read(text: str) -> Iterator[Dumped]:
    starts = [each.start() for each in _DEVICE.finditer(text)]
    for start, end in itertools.pairwise((*starts, len(text))):
        if found := _DEVICE.match(text, start):
            chip = _CHIP.search(text, start, end)
            yield Dumped(driver=found[1], path=found[2], name=found[3], chip=chip and chip[1])
