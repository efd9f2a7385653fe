"""Devices as the drivers of IREE's runtime name them."""

from collections.abc import Iterable

from harness.core.text import one_line
from harness.core.values import frozen


@frozen
class Device:
    """A device on which a program ran.

    Attributes:
        driver: of IREE's runtime, such as `hip`.
        name: what the driver calls it, such as `AMD Instinct MI300X`.
        uuid: which of such devices; None if the driver does not say.
        chip: such as `gfx942`; None if the driver does not say.
        emulator: what emulates it, such as `rocjitsu 0.3.0`; None for hardware.
    """

    driver: str
    name: str
    uuid: str | None = None
    chip: str | None = None
    emulator: str | None = None

    def __str__(self) -> str:
        """Return `AMD Instinct MI300X (hip, gfx942, GPU-9ba5000000000001)`."""
        emulated = f"emulated by {self.emulator}" if self.emulator else None
        return one_line(f"{self.name} ({', '.join(filter(None, (self.driver, self.chip, self.uuid, emulated)))})")


def shown(devices: Iterable[Device]) -> str:
    """Return the devices of a run in words; empty for none."""
    return " and ".join(map(str, devices))
