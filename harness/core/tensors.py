"""Tensors: element types, shapes, and how far an actual value may be from the expected one."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from harness.core.blobs import Blob

# Bits of each element type that IREE's tools can read and write.
# iree@b48a5955:runtime/src/iree/hal/buffer_view_util.c and the facts of `iree-run-module --help`.
ELEMENT_BITS: Mapping[str, int] = MappingProxyType(
    {"i1": 8, "f16": 16, "bf16": 16, "f32": 32, "f64": 64, "complex<f32>": 64, "complex<f64>": 128}
    | {f"{sign}{bits}": bits for sign in ("i", "si", "ui") for bits in (8, 16, 32, 64)}
    | {f"f8{form}": 8 for form in ("E4M3FN", "E4M3FNUZ", "E5M2", "E5M2FNUZ")}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorType:
    """A static tensor type in IREE's notation, e.g. `2x64x2048xf16`; a scalar has no dimensions."""

    shape: tuple[int, ...]
    element: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2x64x2048xf16`.

        Raises:
            ValueError: the text is no such type; the message says what was expected.
        """
        dimensions, element = re.fullmatch(r"((?:[0-9]+x)*)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
        if element not in ELEMENT_BITS:
            known = ", ".join(sorted(ELEMENT_BITS))
            raise ValueError(f"{text!r} is no static tensor type such as 2x64x2048xf16; element types are {known}")
        return cls(shape=tuple(int(size) for size in dimensions.split("x")[:-1]), element=element)

    @property
    def size_bytes(self) -> int:
        """Bytes of its raw contents (an i1 is stored as one byte)."""
        return math.prod(self.shape) * ELEMENT_BITS[self.element] // 8

    def __str__(self) -> str:
        """Return IREE's notation."""
        return "x".join([*map(str, self.shape), self.element])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """An input or an expected output: its bytes and, unless the file itself says it, its type."""

    blob: Blob
    type: TensorType | None = None

    @property
    def is_npy(self) -> bool:
        """Whether the file carries its own type, as NumPy's .npy does."""
        return self.type is None or self.blob.name.endswith(".npy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """An input that is written out, as `iree-run-module --input` reads it: `4xf32=2`, `2x2xi32=1 2 3 4`, `4xf32`."""

    text: str


# iree-run-module's own defaults; bf16 has one from 3.12.0 on (iree@f895d3535d). What is not here
# (integers, i1, f8, complex) must match exactly.
DEFAULT_ATOL: Mapping[str, float] = MappingProxyType({"f16": 1e-3, "f32": 1e-4, "f64": 1e-4, "bf16": 1e-2})


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """How far an actual value may be from the expected: `|a - e| <= atol + rtol * |e|`."""

    atol: Mapping[str, float] = field(default_factory=lambda: DEFAULT_ATOL, hash=False)
    rtol: float = 0.0

    def of(self, element: str) -> tuple[float, float]:
        """Return (atol, rtol) for an element type; both are 0 where only equality will do."""
        return (self.atol[element], self.rtol) if element in self.atol else (0.0, 0.0)
