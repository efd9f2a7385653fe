"""Draws the inputs of a formula, in little memory."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from harness.core.formulas import Formula
from harness.pipeline.contents import numpy_type

_CHUNK = 1 << 18  # numbers drawn at a time; so many at once are the same as one after the other


class Stream:
    """Draws formulas; those of one spec share a stream of numbers, which is gone through once if they are in order."""

    def __init__(self) -> None:
        """Begin with no seed."""
        self._seed: int | None = None
        self._drawn = 0

    def chunks(self, formula: Formula) -> Iterator[bytes]:
        """Yield the raw content of a formula, piece by piece."""
        self._go_to(formula)
        dtype = _dtype(formula)
        for numbers in self._numbers(formula.drawn):
            # Two roundings, as in NumPy: a fused one would give other bits.
            scaled = np.multiply(numbers, formula.coeff)
            with np.errstate(over="ignore"):
                yield np.add(scaled, formula.offset).astype(dtype).tobytes()

    def _go_to(self, formula: Formula) -> None:
        if self._seed != formula.seed or self._drawn > formula.skipped:
            self._seed, self._drawn = formula.seed, 0
            self._generator = np.random.RandomState(formula.seed)
        for _ in self._numbers(formula.skipped - self._drawn):
            pass

    def _numbers(self, count: int) -> Iterator[np.ndarray[tuple[int], np.dtype[np.float64]]]:
        for start in range(0, count, _CHUNK):
            numbers = self._generator.random_sample(min(_CHUNK, count - start))
            self._drawn += numbers.size
            yield numbers


def script(drawn: Mapping[str, Formula]) -> str:
    """Return a program in Python that writes the formulas of a spec, in its order, into files of these names."""
    dtypes = [_dtype(each) for each in drawn.values()]
    lines = ["import ml_dtypes" if any(each.kind == "V" for each in dtypes) else "", "import numpy"]
    lines += [f"rand = numpy.random.RandomState({seed}).rand" for seed in {each.seed for each in drawn.values()}]
    for (name, each), dtype in zip(drawn.items(), dtypes, strict=True):
        numbers = f"{each.coeff!r} * rand({each.drawn}) + {each.offset!r}"
        lines.append(f"({numbers}).astype({dtype.name!r}).tofile({name!r})")
    return "\n".join(filter(None, lines))


def _dtype(formula: Formula) -> np.dtype[Any]:
    return np.dtype(np.bool_) if formula.type.element == "i1" else numpy_type(formula.type.element)
