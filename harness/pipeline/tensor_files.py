"""The types of tensors in files: `.npy` headers and file sizes."""

import ast
import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from harness.core.errors import IntegrityError
from harness.core.tensors import DIMENSIONS, TensorType
from harness.host import files
from harness.pipeline import file_kinds

# NumPy's own limit; beyond it, evaluating a header is no longer safe.
NPY_HEADER_LIMIT = 10_000

# How NumPy writes the element types that IREE reads, without the byte order.
# iree@b48a5955:runtime/src/iree/tooling/numpy_io.c
NPY_ELEMENTS: Mapping[str, str] = MappingProxyType(
    {"b1": "i1", "f2": "f16", "f4": "f32", "f8": "f64", "c8": "complex<f32>", "c16": "complex<f64>"}
    | {f"{kind}{size}": f"{sign}{8 * size}" for kind, sign in (("i", "i"), ("u", "ui")) for size in (1, 2, 4, 8)}
)


def file_type(path: Path, declared: TensorType | None, *, is_npy: bool, name: str = "") -> tuple[TensorType, int]:
    """Return the type of an input or expected output, and the offset of its contents in the file.

    A `.npy` file states its own type; any other file is raw contents. Both must be exactly as long as their type,
    because `iree-run-module` ignores what is too much.

    Args:
        path: the file.
        declared: the type in the spec, if there is one.
        is_npy: whether it is a `.npy` file, as one without a declared type is.
        name: what messages call the file; by default its path.

    Raises:
        IntegrityError: a wrong size, a `.npy` header that IREE cannot read, or one that contradicts the declared type.
    """
    try:
        found, offset = (declared, 0) if declared and not is_npy else _agreed_header(path, declared)
        _check_size(path.stat().st_size - offset, found)
    except ValueError as error:
        kind = file_kinds.of(path)
        is_what = f" It is {kind}." if kind and kind != file_kinds.NPY else ""
        raise IntegrityError(f"{name or path} {error}{is_what}") from error
    return found, offset


def _check_size(got_bytes: int, type_: TensorType) -> None:
    if got_bytes != type_.size_bytes:
        raise ValueError(
            f"does not fit its type: expected {type_.size_bytes} bytes for {type_}, got {got_bytes}. "
            "Correct the file or the type in the spec."
        )


def npy_type(path: Path) -> tuple[TensorType, int]:
    """Return the type that a `.npy` file states, and the offset of its contents.

    Raises:
        IntegrityError: the header cannot be read, or has a type that IREE does not have.
    """
    try:
        return _npy_header(path)
    except ValueError as error:
        raise IntegrityError(f"{path} {error}") from error


def is_same(one: TensorType, other: TensorType) -> bool:
    """Whether types are equal; a type without a sign is equal to that with one."""
    return one.shape == other.shape and one.element.lstrip("su") == other.element.lstrip("su")


def _npy_header(path: Path) -> tuple[TensorType, int]:
    """Return the type in a `.npy` header, and the length of the header. numpy.lib.format describes the layout."""
    with files.opened(path) as file:
        head = file.read(NPY_HEADER_LIMIT)
    if head[:8] not in (b"\x93NUMPY\1\0", b"\x93NUMPY\2\0"):
        raise ValueError("is not a .npy file of version 1.0 or 2.0. Write it with numpy.save.")
    start = 10 if head[6] == 1 else 12
    end = start + int.from_bytes(head[8:start], "little")
    if len(head) < end:
        raise ValueError(f"has a .npy header of {end} bytes, but only {len(head)} of them can be read.")
    return _header_type(head[start:end].decode("latin-1")), end


@functools.lru_cache(maxsize=256)  # outputs of one type have one header
def _header_type(text: str) -> TensorType:
    try:
        header = ast.literal_eval(text.strip())
        descr, fortran, shape = header["descr"], header["fortran_order"], tuple(header["shape"])
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise ValueError("has a .npy header that is not a dict of descr, fortran_order and shape.") from error
    if fortran is not False:
        raise ValueError("is in Fortran order; expected C order. Save numpy.ascontiguousarray(array).")
    if len(shape) > DIMENSIONS or not all(type(size) is int and 0 <= size < 1 << 63 for size in shape):
        raise ValueError("has a .npy header with a shape that no array can have.")
    if str(descr).startswith(">"):
        raise ValueError(f"is big-endian ({descr}); expected little-endian. Save array.astype('<{descr[1:]}').")
    element = NPY_ELEMENTS.get(str(descr).lstrip("<|="))
    if element is None:
        known = ", ".join(NPY_ELEMENTS)
        raise ValueError(f"has elements {descr!r}; expected one of {known}. Store bf16 and f8 as raw contents.")
    return TensorType(shape=shape, element=element)


def _agreed_header(path: Path, declared: TensorType | None) -> tuple[TensorType, int]:
    found, offset = _npy_header(path)
    # An i32 without a sign may be declared as si32 or ui32, and ui32 as i32.
    names = {found.element, f"s{found.element}", f"u{found.element}", found.element.removeprefix("u")}
    if declared and (found.shape != declared.shape or declared.element not in names):
        raise ValueError(f"holds {found} by its own header; the spec says {declared}. Correct one of them.")
    return found, offset
