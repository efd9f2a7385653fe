"""Tokens and perplexity of an output, in constant memory: a row of logits may be longer than a chunk."""

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.pipeline.contents import Array


@dataclass(slots=True)
class Equal:
    """Tokens that are integers so far; they have no perplexity."""

    count: int = 0
    same: int = 0
    perplexity: None = None

    def add(self, _start: int, actual: Array, expected: Array) -> None:
        """Add elements."""
        self.count += actual.size
        self.same += int(np.count_nonzero(actual == expected))


@dataclass(slots=True, kw_only=True)
class _Logits:
    """Parts of rows of one array, a number for each: the largest value, its index, and the sum of `exp(x - base)`."""

    largest: Array
    at: Array
    base: Array
    total: Array


@dataclass(slots=True, kw_only=True)
class _Part:
    """Parts of rows: what is known of the actual and of the expected logits.

    Attributes:
        actual: the actual logits.
        expected: the expected logits.
        cross: the sum of `exp(e - base) * (e - a)` for expected logits e and actual ones a.
    """

    actual: _Logits
    expected: _Logits
    cross: Array


class Rows:
    """The rows along the last dimension so far.

    Attributes:
        count: number of rows.
        same: rows whose largest value is at the same index, the first one if there are several (`numpy.argmax`).
        divergence: sum of the Kullback-Leibler divergences of the softmax of the rows, from expected to actual.
        measured: number of rows that have a divergence; one with a NaN or a positive infinity has none.
    """

    def __init__(self, width: int) -> None:
        """Begin with no row; each has `width` elements."""
        self.count = self.same = self.measured = 0
        self.divergence = 0.0
        self._width = width
        self._open: _Part | None = None

    def add(self, start: int, actual: Array, expected: Array) -> None:
        """Add the elements from position `start` on, as float64."""
        with np.errstate(all="ignore"):  # what has no number is not counted
            for begin, end in _cuts(start, actual.size, self._width):
                width = min(end - begin, self._width)
                at = (start + begin) % self._width
                part = _part(actual[begin:end].reshape(-1, width), expected[begin:end].reshape(-1, width), at)
                self._open = _joined(self._open, part) if self._open else part
                if not (start + end) % self._width:
                    self._close(self._open)
                    self._open = None

    def _close(self, rows: _Part) -> None:
        actual, expected = rows.actual, rows.expected
        self.count += rows.cross.size
        self.same += int(np.count_nonzero(actual.at == expected.at))
        found = rows.cross / expected.total + (actual.base - expected.base + np.log(actual.total / expected.total))
        known = np.isfinite(found)
        self.measured += int(np.count_nonzero(known))
        self.divergence += float(np.maximum(found[known], 0).sum())

    @property
    def perplexity(self) -> float | None:
        """Return `exp` of the mean divergence; None if no row has one."""
        return math.exp(min(self.divergence / self.measured, 700)) if self.measured else None


def _cuts(start: int, count: int, width: int) -> Iterator[tuple[int, int]]:
    """Yield where to cut elements: the end of a row, whole rows, and the begin of a row that goes on."""
    head = min(count, -start % width)
    tail = (count - head) % width
    ends = (0, head, count - tail, count)
    return ((begin, end) for begin, end in itertools.pairwise(ends) if begin < end)


def _part(actual: Array, expected: Array, at: int) -> _Part:
    """Return what is known of parts of rows that begin at an index."""
    a, e = _logits(actual, at), _logits(expected, at)
    weight = np.exp(expected - _finite(e.base)[:, None])
    cross = np.where(weight == 0, 0, weight * (expected - actual)).sum(axis=1)
    return _Part(actual=a, expected=e, cross=cross)


def _logits(values: Array, at: int) -> _Logits:
    index = values.argmax(axis=1)
    largest = np.take_along_axis(values, index[:, None], axis=1)[:, 0]
    base = np.where(np.isfinite(largest), largest, -np.inf)
    total = np.exp(values - _finite(base)[:, None]).sum(axis=1)
    return _Logits(largest=largest, at=index + at, base=base, total=total)


def _finite(base: Array) -> Array:
    """Return what can be subtracted from logits."""
    return np.where(np.isneginf(base), 0, base)


def _joined(first: _Part, second: _Part) -> _Part:
    """Return what is known of parts of the same rows, the second after the first."""
    actual, _ = _of_both(first.actual, second.actual)
    expected, factors = _of_both(first.expected, second.expected)
    cross = functools.reduce(np.add, map(np.multiply, factors, (first.cross, second.cross)))
    return _Part(actual=actual, expected=expected, cross=cross)


def _of_both(first: _Logits, second: _Logits) -> tuple[_Logits, tuple[Array, Array]]:
    """Return what is known of both, and what their sums are multiplied with."""
    is_later = (second.largest > first.largest) | (np.isnan(second.largest) & ~np.isnan(first.largest))
    base = np.maximum(first.base, second.base)
    one, two = (np.where(np.isneginf(each.base), 1, np.exp(each.base - base)) for each in (first, second))
    found = _Logits(
        largest=np.where(is_later, second.largest, first.largest),
        at=np.where(is_later, second.at, first.at),
        base=base,
        total=first.total * one + second.total * two,
    )
    return found, (one, two)
