import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.measurements import Histogram
from harness.core.tensors import TensorType, Thresholds
from harness.pipeline.compare import compare
from harness.pipeline.contents import Array
from harness.pipeline.error_shape import ErrorShape


@dataclass(frozen=True)
class Held:
    """The contents of an array."""

    type: TensorType
    numbers: Array

    def read(self, start: int, count: int) -> Array:
        return self.numbers.ravel()[start : start + count]


def shaped(error: Array, *, shape: tuple[int, ...] | None = None, chunk: int = 7, by_error: bool = False) -> ErrorShape:
    """Return the shape of errors whose threshold is 0.5; NaN stands for a stray."""
    found, strays = ErrorShape(shape or error.shape, by_error=by_error), np.isnan(error.ravel())
    flat = np.where(strays, 0, error.ravel())
    for start in range(0, flat.size, chunk):
        part = slice(start, start + chunk)
        values = (error.ravel()[part], np.zeros_like(flat[part]))
        found.add(start, values, error=flat[part], ratio=flat[part] / 0.5, strays=strays[part])
    return found


def test_a_histogram_counts_powers_of_two() -> None:
    found = shaped(np.array([0, 0.25, 0.3, 0.5, 0.99, 1, 8.0, np.nan]))
    assert found.histogram(7) == Histogram(equal=1, exponent=-2, counts=(2, 2, 1, 0, 0, 1))


def test_small_errors_are_counted_together_where_sizes_are_too_many() -> None:
    found = shaped(2.0 ** np.arange(-100, 1)).histogram(101)
    assert found
    assert found.exponent == -47
    assert found.counts == (54, *[1] * 47)


@pytest.mark.parametrize("finite", [0, 3])
def test_equal_outputs_have_no_map_and_no_worst_element(finite: int) -> None:
    found = shaped(np.zeros(3))
    assert found.histogram(finite) == (Histogram(equal=3, exponent=0, counts=()) if finite else None)
    assert (found.worst, found.error_map) == ((), None)


def test_the_worst_elements_are_those_of_all_chunks_and_the_first_of_equal_ones() -> None:
    errors = np.zeros((4, 10))
    errors[0, 3], errors[1, 9], errors[2, 2], errors[3, 0], errors[3, 9], errors[3, 1] = 1, 2, np.nan, 1, 1, 0.5
    found = shaped(errors).worst
    assert [each.index for each in found] == [(2, 2), (1, 9), (0, 3), (3, 0), (3, 9)]
    assert [each.error for each in found] == [math.inf, 2, 1, 1, 1]
    assert [each.ratio for each in found] == [math.inf, 4, 2, 2, 2]
    assert (found[0].actual, found[0].expected) == ("nan", "0.0")


def test_without_a_threshold_errors_decide() -> None:
    found = shaped(np.array([1.0, 3.0]), by_error=True).worst
    assert [(each.error, each.ratio) for each in found] == [(3, None), (1, None)]


def test_levels_are_powers_of_two_below_the_largest() -> None:
    found = shaped(np.array([[8, 4.1, 4, 2.0], [0, 0.001, np.nan, 1]])).error_map
    assert found
    assert (found.dimensions, found.rows) == ((2, 4), ("9987", "01x6"))


@given(
    shape=st.sampled_from([(), (1,), (5,), (100,), (3, 1000), (7, 3), (9, 9, 9), (2, 3, 50, 4), (100, 1), (4, 65, 33)]),
    chunk=st.sampled_from([8, 64, 1000]),
    seed=st.integers(0, 99),
)
def test_a_map_has_the_largest_of_each_cell(shape: tuple[int, ...], chunk: int, seed: int) -> None:
    errors = 2.0 ** np.random.default_rng(seed).integers(-9, 1, shape or 1)
    found = shaped(errors, shape=shape, chunk=chunk).error_map
    assert found
    high, wide = found.dimensions
    rows, columns = len(found.rows), len(found.rows[0])
    assert rows * columns <= 64
    largest = np.zeros((rows, columns))
    for position, error in enumerate(errors.ravel()):
        at = position // wide % high * rows // high, position % wide * columns // wide
        largest[at] = max(largest[at], error)
    levels = np.maximum(1, 9 + np.log2(largest / largest.max())).astype(int)
    assert found.rows == tuple("".join(map(str, row)) for row in levels)


def test_a_comparison_has_them() -> None:
    expected = np.arange(6, dtype=np.float32).reshape(2, 3)
    actual = expected + np.array([[0, 0, 0.5], [0, np.nan, 0]], np.float32)
    kind = TensorType(shape=(2, 3), element="f32")
    found = compare(0, Held(kind, actual), Held(kind, expected), thresholds=Thresholds())
    assert found.histogram == Histogram(equal=4, exponent=-1, counts=(1,))
    assert found.error_map
    assert found.error_map.rows == ("009", "0x0")
    assert [each.index for each in found.worst] == [(1, 1), (0, 2)]
    assert found.worst[1].error == 0.5


def test_integers_have_them() -> None:
    kind = TensorType(shape=(3,), element="i8")
    numbers = [np.array(each, np.int8) for each in ([1, -128, 3], [1, 127, 4])]
    found = compare(0, *(Held(kind, each) for each in numbers), thresholds=Thresholds())
    assert found.histogram == Histogram(equal=1, exponent=0, counts=(1, 0, 0, 0, 0, 0, 0, 1))
    assert [(each.error, each.ratio) for each in found.worst] == [(255, None), (1, None)]
