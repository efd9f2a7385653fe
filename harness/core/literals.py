"""Tensors that are written out, in the syntax of `iree-run-module --input`: `4xf32=2`, `2x2xi32=1 2 3 4`.

A literal has one number for each element, or one for all of them. The tool itself drops the rest of `1_000` and wraps
integers that are too large; here these are errors.
"""

import functools
import math
import re
import struct

from harness.core import numerals
from harness.core.tensors import ELEMENT_BITS, TensorType

Scalar = int | float | complex

_TOKEN = re.compile(r"\([^()]*\)|[^\s,\[\]]+")
_PAIR = re.compile(rf"\(\s*({numerals.REAL})\s*,\s*({numerals.REAL})\s*\)", re.ASCII | re.IGNORECASE)
_IMAGINARY = re.compile(rf"({numerals.REAL})[ij]", re.ASCII | re.IGNORECASE)
_SUM = re.compile(rf"({numerals.REAL})(?:([-+]{numerals.UNSIGNED})[ij])?", re.ASCII | re.IGNORECASE)
_LONGEST_COMPLEX = 2 * numerals.LONGEST
_LONGEST_ARGUMENT = 500
_SHORT = 1000  # characters
_BITS = {"0": 0, "1": 1, "false": 0, "true": 1}


def parse(text: str) -> tuple[TensorType, tuple[Scalar, ...]]:
    """Return the type and the numbers of a literal: one for each element, or one for all.

    Raises:
        ValueError: it has no static type, another count, or something that is no number of this type.
    """
    return _of_short(text) if len(text) <= _SHORT else _parsed(text)


@functools.lru_cache(maxsize=1024)
def _of_short(text: str) -> tuple[TensorType, tuple[Scalar, ...]]:
    """Return a literal that was read before: a case asks for each several times."""
    return _parsed(text)


def _parsed(text: str) -> tuple[TensorType, tuple[Scalar, ...]]:
    name, _, written = text.partition("=")
    type_ = TensorType.parse(name)
    if ELEMENT_BITS[type_.element] < 8:  # noqa: PLR2004 - bits of a byte
        raise ValueError(f"values of {type_.element} cannot be written out; write them into a file and name that")
    numbers = tuple(_number(token, type_.element) for token in _TOKEN.findall(written))
    elements = math.prod(type_.shape)
    if len(numbers) not in (1, elements):
        expected = f"{elements} numbers, or one for all" if elements != 1 else "1"
        raise ValueError(f"{type_} is written with {len(numbers)} numbers; expected {expected}")
    return type_, numbers


def fits_argument(text: str) -> bool:
    """Whether a literal can be an argument of iree-run-module; Linux passes at most 128 KiB in one, 2 MiB in all."""
    return len(argument(text)) <= _LONGEST_ARGUMENT or len(parse(text)[1]) == 1


def argument(text: str) -> str:
    """Return a literal as every iree-run-module takes it; it reads the numbers of some types only in hexadecimal."""
    type_, numbers = parse(text)
    element = type_.element
    if element == "i1" or element.startswith("complex"):
        return f"{type_.as_argument}={' '.join(_hexadecimal(each, element) for each in numbers)}"
    if 0 in type_.shape:
        return f"{type_.as_argument}="
    if element in _SIGNLESS:
        # Releases before 3.10.0 refuse 255 as an i8.
        return f"{type_.as_argument}={' '.join(str(_signed(int(each.real), element)) for each in numbers)}"
    return text


_SIGNLESS = {f"i{bits}" for bits in (8, 16, 32, 64)}


def _number(token: str, element: str) -> Scalar:
    try:
        if element == "i1":
            return _BITS[token.lower()]
        if element.lstrip("su").startswith("i"):
            return _integer(token, element)
        return _complex(token) if element.startswith("complex") else numerals.real(token)
    except (KeyError, ValueError):
        raise ValueError(f"{token[:100]!r} is not a number of type {element}") from None


def _integer(token: str, element: str) -> int:
    bits = ELEMENT_BITS[element]
    least = 0 if element.startswith("u") else -(1 << bits - 1)
    most = (1 << bits - 1 if element.startswith("s") else 1 << bits) - 1
    if not least <= (number := numerals.whole(token)) <= most:
        raise ValueError
    return number


def _complex(token: str) -> complex:
    if len(token) > _LONGEST_COMPLEX:
        raise ValueError
    if imaginary := _IMAGINARY.fullmatch(token):
        return complex(0.0, float(imaginary[1]))
    found = _PAIR.fullmatch(token) or _SUM.fullmatch(token)
    if not found:
        raise ValueError
    return complex(float(found[1]), float(found[2] or 0))


def _signed(number: int, element: str) -> int:
    bits = ELEMENT_BITS[element]
    return number - (1 << bits) if number >= 1 << bits - 1 else number


def _hexadecimal(number: Scalar, element: str) -> str:
    """Return the bytes of a number, as iree-run-module takes them."""
    match element:
        case "i1":
            content = struct.pack("<B", number)
        case "complex<f32>":
            content = struct.pack("<2f", number.real, number.imag)
        case _:
            content = struct.pack("<2d", number.real, number.imag)
    return content.hex()
