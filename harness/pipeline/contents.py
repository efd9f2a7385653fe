"""The numbers of tensors, a range at a time: of files, of literals, and of scalars that the VM widened."""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from harness.core import literals
from harness.core.errors import IntegrityError
from harness.core.tensors import ELEMENT_BITS, TensorType
from harness.core.values import frozen
from harness.host import files
from harness.pipeline import scalars, tensor_files

Array = npt.NDArray[Any]

# The element types that NumPy has; the others are those of ml_dtypes.
_OF_NUMPY: Mapping[str, str] = MappingProxyType(
    {f"{sign}{8 * size}": f"<i{size}" for sign in ("i", "si") for size in (1, 2, 4, 8)}
    | {f"ui{8 * size}": f"<u{size}" for size in (1, 2, 4, 8)}
    | {f"{sign}{bits}": "i1" for sign in ("i", "si") for bits in (2, 4)}
    | {f"ui{bits}": "u1" for bits in (2, 4)}
    | {"i1": "u1", "f16": "<f2", "f32": "<f4", "f64": "<f8", "complex<f32>": "<c8", "complex<f64>": "<c16"}
)
_BYTE = 8


@functools.cache
def numpy_type(element: str) -> np.dtype[Any]:
    """Return NumPy's type of an element type, one element after the other; files pack those smaller than a byte."""
    if name := _OF_NUMPY.get(element):
        return np.dtype(name)
    import ml_dtypes  # noqa: PLC0415 - takes longer to load than NumPy

    bits, _, form = element.removeprefix("f").partition("E")
    found: np.dtype[Any] = np.dtype(
        getattr(ml_dtypes, "bfloat16" if element == "bf16" else f"float{bits}_e{form.lower()}")
    )
    return found


class Contents(Protocol):
    """The numbers of a tensor."""

    @property
    def type(self) -> TensorType:
        """Its type."""

    def read(self, start: int, count: int) -> Array:
        """Return `count` elements in C order from position `start`, which is a multiple of 8."""


def of_file(path: Path, declared: TensorType | None, *, is_npy: bool, name: str = "") -> Contents:
    """Return the contents of an expected output; see `tensor_files.file_type`.

    Raises:
        IntegrityError: the file does not fit its type.
    """
    type_, offset = tensor_files.file_type(path, declared, is_npy=is_npy, name=name)
    return _File(path=path, type=type_, offset=offset)


def of_literal(text: str) -> Contents:
    """Return the contents of a tensor that is written out; a spec has been checked for what is wrong with it."""
    type_, numbers = literals.parse(text)
    return _Literal(type=type_, numbers=numbers)


def raw(text: str) -> bytes:
    """Return the raw content of a tensor that is written out with a number for each element."""
    literal = of_literal(text)
    return literal.read(0, math.prod(literal.type.shape)).tobytes()


def of_output(path: Path, wanted: TensorType, given: str = "") -> Contents:
    """Return what the program gave as output, whose type fits the wanted one.

    Args:
        path: the file.
        wanted: the type that it stands for.
        given: the type of a raw file, if it is known; by default the wanted one.

    Raises:
        IntegrityError: the file is missing, or shorter or longer than its type.
    """
    if not path.exists():
        raise IntegrityError(f"{path.name} was not written")
    raw_type = TensorType.parse(given) if given in scalars.stand_ins(str(wanted)) else wanted
    found, offset = tensor_files.npy_type(path) if path.name.endswith(".npy") else (raw_type, 0)
    if (got := path.stat().st_size - offset) != found.size_bytes:
        raise IntegrityError(f"expected {found.size_bytes} bytes, got {max(got, 0)}")
    if tensor_files.is_same(found, wanted):  # IREE writes integers without a sign: they have that of the wanted type
        return _File(path=path, type=wanted, offset=offset)
    return _Narrowed(wide=_File(path=path, type=found, offset=offset), type=wanted)


def signed_as(found: Contents, wanted: TensorType) -> Contents:
    """Return the contents of a file with the sign of another type, if that is all in which their types differ."""
    is_file = isinstance(found, _File) and tensor_files.is_same(found.type, wanted)
    return replace(found, type=wanted) if is_file else found  # type: ignore[type-var]


@frozen
class _File:
    path: Path
    type: TensorType
    offset: int

    def read(self, start: int, count: int) -> Array:
        bits = ELEMENT_BITS[self.type.element]
        if bits < _BYTE:
            content = self._content(np.dtype("u1"), start * bits // _BYTE, -(-count * bits // _BYTE))
            return _unpacked(content, self.type, count)
        return self._content(numpy_type(self.type.element), start, count)

    def _content(self, dtype: np.dtype[Any], start: int, count: int) -> Array:
        with files.opened(self.path) as file:
            file.seek(self.offset + start * dtype.itemsize)
            content = file.read(wanted := count * dtype.itemsize)
        if len(content) < wanted:
            raise IntegrityError(f"{self.path.name} became shorter while it was compared")
        return np.frombuffer(content, dtype)


def _unpacked(content: Array, type_: TensorType, count: int) -> Array:
    """Return packed elements, the first in the lowest bits, each in a byte of its own."""
    bits = ELEMENT_BITS[type_.element]
    each = np.unpackbits(content, bitorder="little")[: count * bits].reshape(count, bits)
    numbers = np.packbits(each, axis=1, bitorder="little")[:, 0]
    if type_.element.startswith(("i", "si")):
        sign = np.uint8(1 << bits - 1)
        return ((numbers ^ sign) - sign).view(np.int8)  # the sign of two's complement, from bit `bits - 1`
    return numbers.view(numpy_type(type_.element))


@frozen
class _Literal:
    type: TensorType
    numbers: Sequence[literals.Scalar]

    def read(self, start: int, count: int) -> Array:
        dtype = numpy_type(self.type.element)
        numbers = self.numbers if len(self.numbers) == 1 else self.numbers[start : start + count]
        if dtype.kind in "iu":  # an i8 of 255 is -1
            mask = (1 << ELEMENT_BITS[self.type.element]) - 1
            array = np.array([int(each.real) & mask for each in numbers], f"u{dtype.itemsize}").view(dtype)
        else:
            with np.errstate(over="ignore"):
                array = np.array(numbers, np.complex128 if dtype.kind == "c" else np.float64).astype(dtype)
        return np.broadcast_to(array, (count,)) if len(numbers) == 1 else array


@frozen
class _Narrowed:
    """A scalar result: a larger one stands for it, with the same number or with its bits."""

    wide: _File
    type: TensorType

    def read(self, start: int, count: int) -> Array:
        wide, dtype = self.wide.read(start, count), numpy_type(self.type.element)
        has_bits = wide.dtype.kind == "i" and dtype.kind not in "iu"
        return wide.astype(f"<u{dtype.itemsize}").view(dtype) if has_bits else wide.astype(dtype)
