"""A program and its inputs, as the reduction changes them: values in memory, named by their content (no I/O)."""

import functools
import hashlib
import json
import math

import numpy as np

from harness.core import literals
from harness.core.tensors import ELEMENT_BITS, Literal, TensorType
from harness.core.values import frozen
from harness.localize.program import Cut
from harness.pipeline import contents
from harness.pipeline.contents import Array, numpy_type

_BYTE = 8


@frozen(slots=False)
class Values:
    """A tensor.

    Attributes:
        type: its type.
        raw: its content, as IREE reads it.
    """

    type: TensorType
    raw: bytes

    @functools.cached_property
    def digest(self) -> str:
        """The SHA-256 of its type and content."""
        return hashlib.sha256(f"{self.type}=".encode() + self.raw).hexdigest()

    @property
    def array(self) -> Array:
        """Its numbers; of types smaller than a byte, its bytes."""
        if ELEMENT_BITS[self.type.element] < _BYTE:
            return np.frombuffer(self.raw, np.uint8)
        return np.frombuffer(self.raw, numpy_type(self.type.element)).reshape(self.type.shape)

    def sliced(self, shape: tuple[int, ...]) -> "Values | None":
        """Return its first elements in each dimension; None for types smaller than a byte."""
        if ELEMENT_BITS[self.type.element] < _BYTE:
            return None
        part = self.array[tuple(slice(size) for size in shape)]
        return Values(type=TensorType(shape=shape, element=self.type.element), raw=part.tobytes())


Given = Values | Literal


@frozen(slots=False)
class Candidate:
    """A program that may fail as the case does.

    Attributes:
        text: the program.
        inputs: the arguments of its function; none if it is only compiled.
    """

    text: str
    inputs: tuple[Given, ...] = ()

    @functools.cached_property
    def key(self) -> str:
        """What tells it from others: a SHA-256."""
        parts = [self.text, *(each.text if isinstance(each, Literal) else each.digest for each in self.inputs)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


Proposal = Candidate | Cut


def type_of(given: Given) -> TensorType | None:
    """Return the type of an input; None for a scalar argument."""
    if isinstance(given, Values):
        return given.type
    return TensorType.parse(given.text.partition("=")[0]) if given.is_tensor else None


def resized(given: Given, shape: tuple[int, ...]) -> Given | None:
    """Return the first elements of a tensor in each dimension; None if they cannot be taken."""
    type_ = type_of(given)
    if type_ is None or type_.shape == shape:
        return given
    if isinstance(given, Values):
        return given.sliced(shape)
    _, numbers = literals.parse(given.text)
    if len(numbers) == 1:
        smaller = TensorType(shape=shape, element=type_.element)
        return Literal(text=f"{smaller}={given.text.partition('=')[2]}")
    return Values(type=type_, raw=contents.raw(given.text)).sliced(shape)


def splat(type_: TensorType, number: int) -> Literal | None:
    """Return a tensor of equal numbers; None for types that cannot be written out."""
    if ELEMENT_BITS[type_.element] < _BYTE or not math.prod(type_.shape):
        return None
    return Literal(text=f"{type_}={number}")


def drawn(type_: TensorType, seed: int) -> Given | None:
    """Return small whole numbers that are drawn with a seed, written out if they are few."""
    if ELEMENT_BITS[type_.element] < _BYTE or not math.prod(type_.shape):
        return None
    most = 1 if type_.element == "i1" else 4
    numbers = np.random.RandomState(seed).randint(0, most + 1, type_.shape)
    text = f"{type_}={' '.join(map(str, numbers.ravel()))}"
    if literals.fits_argument(text):
        return Literal(text=text)
    return Values(type=type_, raw=numbers.astype(numpy_type(type_.element)).tobytes())
