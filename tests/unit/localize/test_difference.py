"""How far values are from each other, relative to their own scale."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.tensors import TensorType, Thresholds
from harness.localize import difference
from harness.localize.difference import Difference
from harness.pipeline import contents


def measured(folder: Path, one: Any, other: Any, thresholds: Thresholds | None = None) -> Difference:
    """Return how far an array is from another."""
    found = []
    for name, array in (("one", one), ("other", other)):
        np.save(folder / f"{name}.npy", array)
        type_ = TensorType(shape=array.shape, element=_NAMES[array.dtype.name])
        found.append(contents.of_output(folder / f"{name}.npy", type_))
    return difference.difference(found[0], found[1], thresholds)


_NAMES = {"float32": "f32", "float16": "f16", "int32": "i32", "int8": "i8", "uint8": "ui8", "complex64": "complex<f32>"}


def test_the_error_is_relative_to_the_largest_number(tmp_path: Path) -> None:
    good = np.array([1e-6, -4e-6], np.float32)
    found = measured(tmp_path, good + np.float32(1e-6), good)
    assert found.relative == pytest.approx(0.25, rel=1e-5)
    assert found.ulp == pytest.approx(0.25 * 2**23, rel=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int32, np.complex64])
def test_equal_values_do_not_differ(tmp_path: Path, dtype: Any) -> None:
    good = (np.arange(70_000) % 1000).astype(dtype)
    assert measured(tmp_path, good, good) == Difference(relative=0.0)


def test_integers_without_a_sign_have_that_of_the_other_side(tmp_path: Path) -> None:
    good = np.array([127, 128, 255], np.uint8)
    found = measured(tmp_path, np.array([127, -127, -1], np.int8), good)
    assert found == Difference(relative=1 / 255)


def test_the_last_of_many_elements_counts(tmp_path: Path) -> None:
    good = np.ones(200_000, np.float32)
    bad = good.copy()
    bad[-1] = 3
    assert measured(tmp_path, bad, good).relative == 2


@pytest.mark.parametrize("stray", [math.nan, math.inf])
def test_what_is_not_finite_on_one_side_alone_is_infinitely_far(tmp_path: Path, stray: float) -> None:
    good, bad = np.ones(3, np.float32), np.array([1, stray, 1], np.float32)
    assert measured(tmp_path, bad, good).relative == math.inf
    assert measured(tmp_path, good, bad).relative == math.inf
    assert measured(tmp_path, bad, bad).relative == 0


def test_something_in_place_of_nothing_is_infinitely_far(tmp_path: Path) -> None:
    zero = np.zeros(3, np.float32)
    assert measured(tmp_path, zero + np.float32(1e-30), zero).relative == math.inf


def test_other_shapes_are_infinitely_far(tmp_path: Path) -> None:
    found = measured(tmp_path, np.ones((2, 3), np.float32), np.ones((3, 2), np.float32))
    assert (found.relative, found.shape, found.exceeds) == (math.inf, "2x3xf32 in place of 3x2xf32", True)


def test_thresholds_are_asked_where_they_are_given(tmp_path: Path) -> None:
    good = np.array([2048, 65504], np.float16)
    bad = np.array([2050, 65504], np.float16)
    assert not measured(tmp_path, bad, good).exceeds
    assert measured(tmp_path, bad, good, Thresholds()).exceeds
    assert measured(tmp_path, bad, good).relative < difference.noise("f16")


def test_what_counts_as_different_lies_between_rounding_and_the_worst() -> None:
    assert difference.noise("i32") == 0
    assert difference.noticeable("f32", 0.0) == difference.noise("f32")
    assert difference.noise("f32") < difference.noticeable("f32", 1e-3) < 1e-3
    assert difference.noticeable("f32", math.inf) == difference.noticeable("f32", 1.0)
