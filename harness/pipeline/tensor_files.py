"""The types of tensors, as files and modules state them: `.npy` headers, file sizes, and a module's signature."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from harness.core.errors import IntegrityError
from harness.core.tensors import ELEMENT_BITS, TensorType

# NumPy's own limit; beyond it, evaluating a header is no longer safe.
NPY_HEADER_LIMIT = 10_000
NPY_DIMENSIONS = 64

# How NumPy writes the element types that IREE reads, without the byte order.
# iree@b48a5955:runtime/src/iree/tooling/numpy_io.c
NPY_ELEMENTS: Mapping[str, str] = MappingProxyType(
    {"b1": "i1", "f2": "f16", "f4": "f32", "f8": "f64", "c8": "complex<f32>", "c16": "complex<f64>"}
    | {f"{kind}{size}": f"{sign}{8 * size}" for kind, sign in (("i", "i"), ("u", "ui")) for size in (1, 2, 4, 8)}
)


def file_type(path: Path, declared: TensorType | None) -> tuple[TensorType, int]:
    """Return the type of an input or expected output, and the offset of its contents in the file.

    A file named `.npy`, or without a declared type, states its own type; any other file is raw contents. Both must be
    exactly as long as their type, because `iree-run-module` ignores what is too much.

    Raises:
        IntegrityError: a wrong size, a `.npy` header that IREE cannot read, or one that contradicts the declared type.
    """
    found, offset = (declared, 0) if declared and not path.name.endswith(".npy") else _agreed_header(path, declared)
    if (got := path.stat().st_size - offset) != found.size_bytes:
        raise IntegrityError(
            f"{path} does not fit its type: expected {found.size_bytes} bytes for {found}, got {got}. "
            "Correct the file or the type in the spec."
        )
    return found, offset


def declared_outputs(signature: str, function: str | None) -> tuple[str, ...] | None:
    """Return the result types of a function as `iree-dump-module` prints them, e.g. `?x3xf32`; None if it does not.

    Args:
        signature: the output of `iree-dump-module --output=metadata`.
        function: its name; None for the first function.
    """
    name = re.escape(function) if function else r"\S+?"
    match = re.search(rf"func @{name}\(.*?\) -> \((.*)\)$", signature, re.MULTILINE)
    if match is None:
        return None
    results = (re.sub(r"^%output\d+: ", "", part) for part in re.split(r", (?=%output)", match[1]) if part)
    return tuple(re.sub(r"^tensor<(.*)>$", r"\1", part) for part in results)


def contradiction(index: int, expected: TensorType, declared: tuple[str, ...] | None) -> str | None:
    """Return how the declared type of an output contradicts the expected type, or None; `?` stands for any size."""
    if declared is None or index >= len(declared):
        return None
    *sizes, element = re.findall(r"(?:\?|\d+)(?=x)|[^x?\d].*$", declared[index]) or [""]
    if element not in ELEMENT_BITS:
        return None  # such as a buffer view, whose type is known only at run time
    fits = len(sizes) == len(expected.shape) and all(
        size in ("?", str(wanted)) for size, wanted in zip(sizes, expected.shape, strict=True)
    )
    if fits and element.lstrip("su") == expected.element.lstrip("su"):
        return None
    return f"output {index}: expected {expected}, but the model returns {declared[index]}"


def _npy_header(path: Path) -> tuple[TensorType, int]:
    """Return the type in a `.npy` header, and the length of the header. numpy.lib.format describes the layout."""
    with path.open("rb") as file:
        head = file.read(NPY_HEADER_LIMIT)
    if head[:8] not in (b"\x93NUMPY\1\0", b"\x93NUMPY\2\0"):
        raise ValueError(f"{path} is not a .npy file of version 1.0 or 2.0. Write it with numpy.save.")
    start = 10 if head[6] == 1 else 12
    end = start + int.from_bytes(head[8:start], "little")
    if len(head) < end:
        raise ValueError(f"{path} has a .npy header of {end} bytes, but only {len(head)} of them can be read.")
    return _header_type(path, head[start:end].decode("latin-1")), end


def _header_type(path: Path, text: str) -> TensorType:
    try:
        header = ast.literal_eval(text.strip())
        descr, fortran, shape = header["descr"], header["fortran_order"], tuple(header["shape"])
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise ValueError(f"{path} has a .npy header that is not a dict of descr, fortran_order and shape.") from error
    if fortran is not False:
        raise ValueError(f"{path} is in Fortran order; expected C order. Save numpy.ascontiguousarray(array).")
    if len(shape) > NPY_DIMENSIONS or not all(type(size) is int and 0 <= size < 1 << 63 for size in shape):
        raise ValueError(f"{path} has a .npy header with a shape that no array can have.")
    if str(descr).startswith(">"):
        raise ValueError(f"{path} is big-endian ({descr}); expected little-endian. Save array.astype('<{descr[1:]}').")
    element = NPY_ELEMENTS.get(str(descr).lstrip("<|="))
    if element is None:
        known = ", ".join(NPY_ELEMENTS)
        raise ValueError(f"{path} has elements {descr!r}; expected one of {known}. Store bf16 and f8 as raw contents.")
    return TensorType(shape=shape, element=element)


def _agreed_header(path: Path, declared: TensorType | None) -> tuple[TensorType, int]:
    try:
        found, offset = _npy_header(path)
    except ValueError as error:
        raise IntegrityError(str(error)) from error
    # An i32 without a sign may be declared as si32 or ui32, and ui32 as i32.
    names = {found.element, f"s{found.element}", f"u{found.element}", found.element.removeprefix("u")}
    if declared and (found.shape != declared.shape or declared.element not in names):
        raise IntegrityError(f"{path} holds {found} by its own header; the spec says {declared}. Correct one of them.")
    return found, offset
