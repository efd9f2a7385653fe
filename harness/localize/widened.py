"""Writes a program in float64: the text of MLIR in which each type of floats is f64 (no I/O).

A conversion between floats becomes one from f64 to f64, for which the dialect has an operation that does nothing.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from harness.pipeline.contents import numpy_type

WIDE: Mapping[str, str] = MappingProxyType({"f16": "f64", "bf16": "f64", "f32": "f64", "complex<f32>": "complex<f64>"})
_FLOAT = r"(?:bf16|f16|f32)"
# Strings and names of values, symbols, blocks and attributes stay as they are.
_TOKEN = re.compile(
    r'(?P<kept>"(?:[^"\\]|\\.)*"|[@%^#!][\w$.-]+)'
    rf"|(?P<number>0x[0-9A-Fa-f]+|-?\d+\.\d*(?:[eE][-+]?\d+)?)(?P<typed> : (?P<element>{_FLOAT}))\b"
    rf"|(?P<type>(?<![\w$.])(?:[\d?]+x)*{_FLOAT}(?![\w.]))"
)
_DENSE = re.compile(rf"dense<(?P<content>[^<>\"]*)>(?P<of> : (?:tensor|vector)<[\d?x]*(?P<element>{_FLOAT})>)")
_NUMBER = re.compile(r"0x[0-9A-Fa-f]+|-?\d+\.\d*(?:[eE][-+]?\d+)?")
# A conversion from a type to itself, in both forms.
_PRETTY = re.compile(r"\barith\.(?:truncf|extf) (%[\w#]+)[^:\n]* : (.+) to \2$", re.MULTILINE)
_GENERIC = re.compile(r'"arith\.(?:truncf|extf)"(\(%[\w#]+\))(?: <\{[^{}]*\}>)?( : \((.+)\) -> \3)$', re.MULTILINE)
_STORED = re.compile(r'dense<"0x|dense_resource<|\bglobal\b|parameter\.named<')


def has_stored(text: str) -> bool:
    """Whether a program has numbers as bytes, or outside its text: they cannot be written in another type."""
    return bool(_STORED.search(text))


def widened(text: str) -> str | None:
    """Return a program in float64; None if it computes with integers alone."""
    exact = _DENSE.sub(lambda found: f"dense<{_exact_all(found)}>{found['of']}", text)
    wide = _TOKEN.sub(_wide, exact)
    if wide == text:
        return None
    return _GENERIC.sub(r'"arith.bitcast"\1\2', _PRETTY.sub(r"arith.bitcast \1 : \2 to \2", wide))


def _exact_all(found: re.Match[str]) -> str:
    return _NUMBER.sub(lambda number: _exact(number[0], found["element"]), found["content"])


def _wide(found: re.Match[str]) -> str:
    if found["kept"]:
        return found["kept"]
    if found["number"]:
        return f"{_exact(found['number'], found['element'])} : f64"
    return re.sub(rf"{_FLOAT}$", "f64", found["type"])


def _exact(number: str, element: str) -> str:
    """Return the number that a literal of a type stands for, as one of f64."""
    dtype = numpy_type(element)
    if number.startswith("0x"):
        value = np.array(int(number, 16), f"<u{dtype.itemsize}").view(dtype)
    else:
        with np.errstate(over="ignore"):
            value = np.array(float(number)).astype(dtype)
    wide = value.astype(np.float64)
    return f"{float(wide):.17e}" if np.isfinite(wide) else f"0x{int(wide.view('<u8')):016X}"
