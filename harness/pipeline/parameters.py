"""Reads the parameters of a program, as iree-opt prints them: text and bytecode look the same there."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from harness.core.errors import IntegrityError
from harness.core.tensors import TensorType
from harness.core.values import frozen

# Constants can be as large as a disk, and are of no use here.
FLAGS = (
    "--allow-unregistered-dialect",
    "--mlir-elide-elementsattrs-if-larger=8",
    "--mlir-elide-resource-strings-if-larger=8",
)
_MOST = 1_000_000  # parameters
_LONGEST_LINE = 1 << 14
_PRINTED_BYTES = 1 << 31
# Of the module itself: what is nested in it stands further to the right.
_GLOBAL = re.compile(
    rb"  util\.global [^=]*= #(?:stream|flow)\.parameter\.named"
    rb'<(?:"[^"\n]*"::)?"(?P<key>[^"\n]*)"(?:, \{[^{}]*\})?> : tensor<(?P<type>[^<>,]+)(?:, #[^\n]*)?>\n'
)
_MARK = b".parameter.named<"


@frozen
class Parameter:
    """A parameter of a program: its name without its scope, and its type."""

    key: str
    type: TensorType


def read(file: BinaryIO) -> list[Parameter]:
    """Return the parameters that globals of a program begin with, in order.

    Raises:
        IntegrityError: there is one that cannot be read, or there are too many.
    """
    found = list(_globals(file))
    if len(found) > _MOST:
        raise IntegrityError(f"The program has more than {_MOST:,} parameters.")
    return found


def _globals(file: BinaryIO) -> Iterator[Parameter]:
    for line in _lines(file):
        if not line.startswith(b"  util.global ") or _MARK not in line:
            continue
        try:
            yield _parameter(_without_attributes(line))
        except ValueError as error:
            raise IntegrityError(f"Cannot read a parameter of the program: {error}.") from error


def _parameter(line: bytes) -> Parameter:
    if (match := _GLOBAL.fullmatch(line)) is None:
        shown = line[:200].decode(errors="replace").strip()
        raise ValueError(f"expected the name and the type of a tensor, got {shown!r}")
    return Parameter(key=match["key"].decode(), type=TensorType.parse(match["type"].decode()))


def _without_attributes(line: bytes) -> bytes:
    """Return a line without the attributes between the name of a global and its value, in which all may stand."""
    before, equals, value = line.rpartition(b" = #")
    return before.partition(b"{")[0].rstrip() + equals + value


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines, without those that are too long to be of use."""
    is_start, size = True, 0
    while line := file.readline(_LONGEST_LINE):
        size += len(line)
        if size > _PRINTED_BYTES:
            raise IntegrityError(f"The program has more than {_PRINTED_BYTES:,} bytes without its constants.")
        is_whole = line.endswith(b"\n")
        if is_start and is_whole:
            yield line
        is_start = is_whole
