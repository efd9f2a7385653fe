"""Reads what a program prints that was compiled with `--iree-flow-trace-dispatch-tensors`: every dispatch's tensors.

The form (iree-run-module 3.0.0 to 3.13.0): `=== EXECUTABLE::EXPORT inputs ===`, a line `16x16xf32=[1 2][3 4]` for each
tensor, an empty line, and the same with `outputs`. Numbers have six digits. A log may be larger than memory, so only
the places of the tensors are kept, and a tensor is read when it is asked for.
"""

import hashlib
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.core.values import frozen
from harness.host.beneath import Folder

FLAG = "--iree-flow-trace-dispatch-tensors"
DIGITS = 5e-6  # relative: numbers are printed with six digits
_EVENT = re.compile(rb"=== (\S+)::(\S+) (inputs|outputs) ===\s*")
_TENSOR = re.compile(rb"((?:\d+x)*[a-z]\w*(?:<f\d+>)?)=")
_HEAD_BYTES = 4096


@frozen
class TracedTensor:
    """A tensor in a log: its type, such as `16x16xf32`, and where its numbers are."""

    type: str
    begin: int
    end: int


@frozen
class Event:
    """A dispatch that ran.

    Attributes:
        name: the name of its export, such as `main_dispatch_3_matmul_16x16x16_f32`.
        inputs: its operands, as they were before.
        outputs: its results.
    """

    name: str
    inputs: tuple[TracedTensor, ...] = ()
    outputs: tuple[TracedTensor, ...] = ()

    @property
    def types(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The types of its operands and of its results."""
        return tuple(each.type for each in self.inputs), tuple(each.type for each in self.outputs)


@frozen
class Trace:
    """What a run printed: the log, and the dispatches in their order."""

    path: Path
    events: Sequence[Event]

    def numbers(self, tensor: TracedTensor) -> npt.NDArray[Any]:
        """Return a tensor as float64 or complex128, flat; words that are no numbers to us are compared as bytes.

        An i1 is printed as `01`, and a complex number (`cf64`) as the digits of its bytes.
        """
        words = self._text(tensor).translate(_SPACES).split()
        element = tensor.type.rpartition("x")[2]
        try:
            if element in _COMPLEX:
                return np.frombuffer(bytes.fromhex(b"".join(words).decode()), _COMPLEX[element]).astype(np.complex128)
            return np.array(words, dtype=np.float64)
        except ValueError:
            return np.frombuffer(b" ".join(words), np.uint8).astype(np.float64)

    def digest(self, tensor: TracedTensor) -> bytes:
        """Return what identifies the content of a tensor."""
        return hashlib.blake2b(self._text(tensor), digest_size=16).digest()

    def _text(self, tensor: TracedTensor) -> bytes:
        with Folder(self.path.parent).reader(self.path) as file:
            file.seek(tensor.begin)
            return file.read(tensor.end - tensor.begin)


_SPACES = bytes.maketrans(b"[]", b"  ")
_COMPLEX = {"cf64": "<c8", "cf128": "<c16"}


def read(path: Path) -> Trace:
    """Return the dispatches in a log, in the order of their operands; what else is in it is passed over.

    Old releases print the operands of all dispatches first. The results of dispatches of one name come in the order of
    their operands. A dispatch whose results never came is left out.
    """
    begun, waiting = list[_Begun](), dict[str, deque[_Begun]]()
    block: list[TracedTensor] | None = None
    for begin, head, end in _lines(path):
        if found := _EVENT.fullmatch(head):
            name = found[2].decode(errors="replace")
            others = waiting.setdefault(name, deque())
            is_input = found[3] == b"inputs"
            if is_input or not others:
                others.append(_Begun(name=name))
                begun.append(others[-1])
            block = others[-1].inputs if is_input else others.popleft().outputs
        elif block is not None and (tensor := _TENSOR.match(head)):
            block.append(TracedTensor(type=tensor[1].decode(), begin=begin + tensor.end(), end=end))
        else:
            block = None  # an empty line ends it
    events = (Event(name=each.name, inputs=tuple(each.inputs), outputs=tuple(each.outputs)) for each in begun)
    return Trace(path=path, events=tuple(each for each in events if each.outputs))


@dataclass(slots=True)
class _Begun:
    name: str
    inputs: list[TracedTensor] = field(default_factory=list)
    outputs: list[TracedTensor] = field(default_factory=list)


def _lines(path: Path) -> Iterator[tuple[int, bytes, int]]:
    """Yield each line: where it begins, its first bytes, and where it ends. No line is held whole."""
    with Folder(path.parent).reader(path) as file:
        begin, head, position = 0, b"", 0
        while piece := file.readline(_HEAD_BYTES):
            head = head or piece
            position += len(piece)
            if piece.endswith(b"\n"):
                yield begin, head, position
                begin, head = position, b""
        if head:
            yield begin, head, position
