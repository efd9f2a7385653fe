"""References: what makes the outputs that others are compared with, in a run (oracles) or from then on (bless)."""

import enum
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Self

from harness.core.cases import Backend
from harness.core.values import frozen

_CPU = "cpu"
_RELEASE = re.compile(r"[0-9]+(?:\.[0-9A-Za-z]+)+(?:\+[0-9A-Za-z.]+)?")
# The drivers of iree-run-module that run modules of a backend.
DRIVERS: Mapping[Backend, Sequence[str]] = MappingProxyType(
    {
        Backend.CPU: ("local-task", "local-sync"),
        Backend.ROCM: ("hip", "amdgpu"),
        Backend.CUDA: ("cuda",),
        Backend.VULKAN: ("vulkan",),
    }
)


class Oracle(enum.StrEnum):
    """Where the outputs come from that a case without expected outputs is compared with."""

    CPU = _CPU
    ONNXRUNTIME = "onnxruntime"

    @property
    def description(self) -> str:
        """What it is, for the user, with the option that asks for it."""
        return f"{_WHAT[self]} (--oracle {self})"


_WHAT = {Oracle.CPU: "the same program compiled for the CPU", Oracle.ONNXRUNTIME: "ONNX Runtime on the CPU"}


@frozen
class Reference:
    """What makes the outputs of a case that are recorded as the expected ones.

    Attributes:
        text: what the user asked for: `cpu`, a release, or a device.
        release: the release, if it is one.
        device: the device, if it is one.
    """

    text: str
    release: str | None = None
    device: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `cpu`, `3.9.0`, `local-sync` or `hip://0`.

        Raises:
            ValueError: the text is none of these.
        """
        if text == _CPU:
            return cls(text=text)
        if _RELEASE.fullmatch(text):
            return cls(text=text, release=text)
        known = [driver for drivers in DRIVERS.values() for driver in drivers]
        if text.partition("://")[0] in known:
            return cls(text=text, device=text)
        devices = ", ".join(known)
        raise ValueError(f"{text!r} is no reference; expected cpu, a release such as 3.9.0, or a device: {devices}")
