"""Tensors: element types, shapes and thresholds."""

import functools
import math
import re
from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Self

from harness.core.blobs import Blob
from harness.core.floats import Number
from harness.core.values import frozen

# Bits of each element type that IREE's tools read and write:
# iree@b48a5955:runtime/src/iree/hal/buffer_view_util.c and string_util.c. Old releases take none below 8 bits.
ELEMENT_BITS: Mapping[str, int] = MappingProxyType(
    {"i1": 8, "f16": 16, "bf16": 16, "f32": 32, "f64": 64, "complex<f32>": 64, "complex<f64>": 128}
    | {f"{sign}{bits}": bits for sign in ("i", "si", "ui") for bits in (2, 4, 8, 16, 32, 64)}
    | {f"f8{form}": 8 for form in ("E4M3FN", "E4M3FNUZ", "E5M2", "E5M2FNUZ", "E8M0FNU")}
    | {"f6E2M3FN": 6, "f6E3M2FN": 6, "f4E2M1FN": 4}
)
# As many as NumPy has.
DIMENSIONS = 64
_DIGITS, _TOO_MANY = 19, 1 << 63
_TOO_LARGE = f"is larger than a tensor can be; expected at most {DIMENSIONS} dimensions and less than 2^63 bytes"


@frozen
class TensorType:
    """A static tensor type, in IREE's notation `2x64x2048xf16`.

    Attributes:
        shape: size of each dimension; empty for a scalar.
        element: one of `ELEMENT_BITS`.
    """

    shape: tuple[int, ...]
    element: str

    @classmethod
    @functools.lru_cache(maxsize=1024)  # a catalogue has few types, and many tensors
    def parse(cls, text: str) -> Self:
        """Parse `2x64x2048xf16`.

        Raises:
            ValueError: the text is not a static tensor type.
        """
        dimensions, element = re.fullmatch(r"((?:[0-9]+x)*)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
        if element not in ELEMENT_BITS:
            known = ", ".join(sorted(ELEMENT_BITS))
            raise ValueError(f"{text!r} is not a static tensor type such as 2x64x2048xf16; element types: {known}")
        sizes = dimensions.split("x")[:-1]
        if len(sizes) > DIMENSIONS or any(len(size) > _DIGITS for size in sizes):
            raise ValueError(f"{text!r} {_TOO_LARGE}")
        found = cls(shape=tuple(map(int, sizes)), element=element)
        if max((*found.shape, found.size_bytes)) >= _TOO_MANY:
            raise ValueError(f"{text!r} {_TOO_LARGE}")
        return found

    @property
    def size_bytes(self) -> int:
        """Size of its raw content: an i1 is stored in one byte, other small elements are packed."""
        return -(-math.prod(self.shape) * ELEMENT_BITS[self.element] // 8)

    @property
    def as_argument(self) -> str:
        """The type as iree-run-module reads it: it takes the `x` of `complex` for the end of a dimension."""
        return str(self).replace("complex<f32>", "cf64").replace("complex<f64>", "cf128")

    def __str__(self) -> str:
        """Return the type in IREE's notation."""
        return "x".join([*map(str, self.shape), self.element])


@frozen
class Tensor:
    """An input or an expected output.

    Attributes:
        blob: its bytes.
        type: its type; None for a file that has its own, as NumPy's .npy does.
    """

    blob: Blob
    type: TensorType | None = None

    @property
    def is_npy(self) -> bool:
        """Whether the file is in NumPy's .npy format, which contains the type."""
        return self.type is None or self.blob.name.endswith(".npy")


@frozen
class Literal:
    """A tensor that is written out, as `harness.core.literals` reads it, or a scalar argument such as `5`."""

    text: str

    @property
    def is_tensor(self) -> bool:
        """Whether it has a type."""
        return "=" in self.text


# Defaults of iree-run-module since 3.12.0 (iree@f895d3535d, iree@f6e1872084), for all releases. Types without a
# threshold (integers, i1, f8 and smaller) must match exactly.
DEFAULT_ATOL: Mapping[str, float] = MappingProxyType({"f16": 1e-3, "f32": 1e-4, "f64": 1e-4, "bf16": 1e-2})
DEFAULT_RTOL = 1e-5
_PART = re.compile(r"complex<(.*)>")


@frozen
class Thresholds:
    """How far an actual value may be from the expected one: `|a - e| <= atol + rtol * |e|`.

    Attributes:
        atol: absolute threshold by element type.
        rtol: threshold relative to the expected value.
        other_atol: absolute threshold of the types that `atol` lacks; None if their elements must be equal.
        equal_nan: whether a NaN equals a NaN.
    """

    atol: Mapping[str, Number] = field(default_factory=lambda: DEFAULT_ATOL, hash=False)
    rtol: Number = DEFAULT_RTOL
    other_atol: Number | None = None
    equal_nan: bool = True

    @property
    def are_of_floats(self) -> bool:
        """Whether iree-run-module can be told all of them: it has thresholds of floats, and NaN equals NaN."""
        return self.equal_nan and self.other_atol is None and self.atol.keys() <= DEFAULT_ATOL.keys()

    def of(self, element: str) -> tuple[float, float] | None:
        """Return (atol, rtol) for an element type, None if values must be equal; complex types have that of a part."""
        atol = self.atol.get(_PART.sub(r"\1", element), self.other_atol)
        return None if atol is None else (atol, self.rtol)
