"""Scalars of fewer than 32 bits, which IREE's VM does not have: functions take and return larger ones in their place.

A small integer is an `i32`. A small float is an `f32` with the same number until 3.10.0, and an `i32` with its bits
since 3.11.0.
"""

import re
from collections.abc import Sequence

from harness.core.tensors import ELEMENT_BITS

_VM_BITS = 32
_BITS = "i32"
_INPUT = "--input="


def stand_ins(element: str) -> tuple[str, ...]:
    """Return the types that stand for a scalar of an element type; it stands for itself if there are none."""
    if ELEMENT_BITS.get(element, _VM_BITS) >= _VM_BITS:
        return ()
    return (_BITS,) if element.lstrip("su").startswith("i") else ("f32", _BITS)


def fitted(argv: Sequence[str], signature: str, function: str | None) -> tuple[str, ...]:
    """Return a command line in which the numbers of small floats are their bits, if the function takes those.

    Args:
        argv: a command line of iree-run-module.
        signature: the output of `iree-dump-module --output=metadata`.
        function: the function that it calls; None for the first one.
    """
    declared, taken = _parameters(signature, function)
    positions = iter(range(len(argv)))
    return tuple(_fitted(word, declared, taken, next(positions)) if word.startswith(_INPUT) else word for word in argv)


def _fitted(word: str, declared: Sequence[str], taken: Sequence[str], position: int) -> str:
    element = declared[position] if position < min(len(declared), len(taken)) else ""
    if "f32" not in stand_ins(element) or taken[position] != _BITS:
        return word
    from harness.pipeline import contents  # noqa: PLC0415 - loads NumPy, which takes as long as all else

    try:
        return f"{_INPUT}{int.from_bytes(contents.raw(f'{element}={word.removeprefix(_INPUT)}'), 'little')}"
    except ValueError:
        return word  # not a number, as the tool will say


def _parameters(signature: str, function: str | None) -> tuple[list[str], list[str]]:
    """Return the types of a function's parameters, as the program declares them and as the VM takes them."""
    name = re.escape(function) if function else r"\S+?"
    match = re.search(
        rf"^ *\[ *\d+\] {name}\((.*)\) -> \(.*\)\n +iree\.abi\.declaration: \w+ func @{name}\((.*)\) -> \(",
        signature,
        re.MULTILINE,
    )
    if match is None:
        return [], []
    return re.findall(r"%input\d+: (.*?)(?=, %input\d|$)", match[2]), match[1].split(", ")
