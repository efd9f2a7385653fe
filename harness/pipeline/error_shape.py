"""What the errors of an output look like: how large they are, where they are, and the worst of them.

Memory is constant, and a chunk costs a small part of what the comparison itself costs.
"""

import math
from collections.abc import Iterator

import numpy as np

from harness.core.measurements import ErrorMap, Histogram, WorstElement
from harness.pipeline.contents import Array

WORST = 5
_CELLS, _SIDE, _BINS = 64, 8, 48
_EXPONENT_BITS, _BIAS = 52, 1023  # of float64: IEEE 754-2019, table 3.5
_LEVELS = 9


class ErrorShape:
    """The errors of an output so far. A stray is NaN or infinite and should not be."""

    def __init__(self, shape: tuple[int, ...], *, by_error: bool) -> None:
        """Begin with no element.

        Args:
            shape: that of the output.
            by_error: whether elements are ranked by their error, because they have no threshold.
        """
        self._shape, self._by_error = shape, by_error
        self._map = _Map(shape)
        self._exponents = np.zeros(1 << 11, np.int64)
        self._worst: list[tuple[float, int, WorstElement]] = []

    def add(self, start: int, values: tuple[Array, Array], *, error: Array, ratio: Array, strays: Array) -> None:
        """Add the elements from position `start` on.

        Args:
            start: position of the first one in C order.
            values: the actual and the expected ones.
            error: their absolute errors; 0 where one of the two is not finite.
            ratio: the errors divided by their thresholds, likewise.
            strays: which elements are strays.
        """
        has_strays = strays.any()
        if not (has_strays or error.any()):
            self._exponents[0] += error.size
            return
        self._exponents += np.bincount(error.view(np.int64) >> _EXPONENT_BITS, minlength=self._exponents.size)
        rank = error if self._by_error else ratio
        if has_strays:
            rank = np.where(strays, math.inf, rank)
        self._map.add(start, rank)
        if len(self._worst) < WORST or rank.max() > self._worst[-1][0]:
            found = [*self._worst, *self._candidates(start, values, error, rank)]
            self._worst = sorted(found, key=lambda each: (-each[0], each[1]))[:WORST]

    def _candidates(
        self, start: int, values: tuple[Array, Array], error: Array, rank: Array
    ) -> Iterator[tuple[float, int, WorstElement]]:
        """Yield the worst elements of a chunk, of equally bad ones the first."""
        least = np.partition(rank, -WORST)[-WORST] if rank.size > WORST else 0.0
        at = np.flatnonzero((rank >= least) & (rank > 0))
        for each in at[np.argsort(-rank[at], kind="stable")][:WORST]:
            is_stray = bool(np.isinf(rank[each]) and not error[each])
            yield (
                float(rank[each]),
                start + int(each),
                WorstElement(
                    index=index_of(start + int(each), self._shape),
                    actual=str(values[0][each]),
                    expected=str(values[1][each]),
                    error=math.inf if is_stray else float(error[each]),
                    ratio=None if self._by_error else float(rank[each]),
                ),
            )

    def histogram(self, finite: int) -> Histogram | None:
        """Return how many of so many finite pairs have an error of which size; None if there is none."""
        counts = self._exponents[1:]
        known = np.flatnonzero(counts)
        equal = finite - int(counts.sum())
        if not known.size:
            return Histogram(equal=equal, exponent=0, counts=()) if finite else None
        last = int(known[-1])
        first = max(int(known[0]), last - _BINS + 1)
        kept = [int(counts[: first + 1].sum()), *map(int, counts[first + 1 : last + 1])]
        return Histogram(equal=equal, exponent=first + 1 - _BIAS, counts=tuple(kept))

    @property
    def worst(self) -> tuple[WorstElement, ...]:
        """The worst elements, the worst first; none if all are equal."""
        return tuple(each for _, _, each in self._worst)

    @property
    def error_map(self) -> ErrorMap | None:
        """Where the errors are; None if there are none."""
        return self._map.levels if self._worst else None


class _Map:
    """The largest rank in each cell of a coarse grid over the last two dimensions; the others lie upon each other."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._high, self._wide = (1, *shape)[-2:] if shape else (1, 1)
        rows = min(self._high, _CELLS if self._wide == 1 else _SIDE)
        columns = min(self._wide, _CELLS if self._high == 1 else _SIDE)
        self._cells = np.zeros((rows, columns))
        self._begins = -(-np.arange(columns) * self._wide // columns)

    def add(self, start: int, rank: Array) -> None:
        """Add ranks from a position on."""
        line, at = divmod(start, self._wide)
        if self._wide > rank.size:  # parts of one line, or of two
            ahead = self._wide - at
            self._add_part(line, at, rank[:ahead])
            self._add_part(line + 1, 0, rank[ahead:])
        else:
            end = -(at + rank.size) % self._wide
            padded = np.pad(rank, (at, end)) if at or end else rank
            self._add_lines(line, padded.reshape(-1, self._wide))

    def _add_part(self, line: int, at: int, part: Array) -> None:
        if part.size:
            first, last = np.searchsorted(self._begins, (at, at + part.size - 1), side="right")
            begins = np.maximum(self._begins[first - 1 : last] - at, 0)
            cells = self._cells[line % self._high * len(self._cells) // self._high, first - 1 : last]
            np.maximum(cells, np.maximum.reduceat(part, begins), out=cells)

    def _add_lines(self, line: int, ranks: Array) -> None:
        """Add whole lines from one on."""
        rows, _ = self._cells.shape
        down = np.arange(line, line + len(ranks)) % self._high * rows // self._high
        begins = np.flatnonzero(np.diff(down, prepend=-1))
        by_row = np.maximum.reduceat(ranks, begins, axis=0)
        np.maximum.at(self._cells, down[begins], np.maximum.reduceat(by_row, self._begins, axis=1))

    @property
    def levels(self) -> ErrorMap:
        """The cells in powers of two below the largest one that is finite."""
        most = max((each for each in self._cells.flat if math.isfinite(each)), default=0.0)
        rows = tuple("".join(_level(float(each), float(most)) for each in row) for row in self._cells)
        return ErrorMap(dimensions=(self._high, self._wide), rows=rows)


def _level(rank: float, most: float) -> str:
    if not math.isfinite(rank):
        return "x"
    return str(max(1, _LEVELS + math.ceil(math.log2(rank / most)))) if rank and rank / most else "0"


def index_of(position: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index of a position in C order."""
    found: list[int] = []
    for size in reversed(shape):
        position, at = divmod(position, size)
        found.insert(0, at)
    return tuple(found)
