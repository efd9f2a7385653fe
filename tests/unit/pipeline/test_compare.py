import itertools
import math
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.measurements import Measurement
from harness.core.statuses import Kind
from harness.core.tensors import DEFAULT_ATOL, ELEMENT_BITS, TensorType, Thresholds
from harness.pipeline import contents
from harness.pipeline.compare import compare
from harness.pipeline.contents import numpy_type
from harness.pipeline.tensor_files import NPY_ELEMENTS, file_type

Array = npt.NDArray[Any]

NAN, INF, NUMERIC = math.nan, math.inf, Kind.NUMERIC
INTEGERS = [element for element in ELEMENT_BITS if numpy_type(element).kind in "iu"]
COMPLEX = {"complex<f32>": "f32", "complex<f64>": "f64"}
NO_RTOL = Thresholds(rtol=0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tensors")


def judged(folder: Path, element: str, actual: Array, expected: Array, **more: Any) -> Measurement:
    got, want = folder / "actual.bin", folder / "expected.bin"
    got.write_bytes(packed(actual, element))
    want.write_bytes(packed(expected, element))
    declared = TensorType(shape=expected.shape, element=element)
    pair = contents.of_output(got, declared), contents.of_file(want, declared, is_npy=want.name.endswith(".npy"))
    return compare(0, *pair, **({"thresholds": NO_RTOL} | more))


def packed(array: Array, element: str) -> bytes:
    """Return raw contents: elements smaller than a byte without gaps, the first in the lowest bits."""
    bits, content = ELEMENT_BITS[element], array.tobytes()
    if bits >= 8:
        return content
    number = sum((each & (1 << bits) - 1) << index * bits for index, each in enumerate(content))
    return number.to_bytes(math.ceil(len(content) * bits / 8), "little")


def values(element: str, *numbers: complex) -> Array:
    with np.errstate(all="ignore"):
        return np.array(numbers).astype(numpy_type(element))


@pytest.mark.parametrize("element", ELEMENT_BITS)
def test_every_element_type(folder: Path, element: str) -> None:
    assert 8 * numpy_type(element).itemsize == max(8, ELEMENT_BITS[element])
    one, zero = (2, 1) if element == "f8E8M0FNU" else (1, 0)  # which has powers of two only
    reference = values(element, one, zero, one)
    same = judged(folder, element, reference, reference)
    assert (same.type, same.elements, same.kind, same.reason, same.mismatches) == (f"3x{element}", 3, None, "", 0)
    assert (same.max_abs_error, same.mean_abs_error, same.max_rel_error, same.error_ratio) == (0, 0, 0, 0)
    assert same.cosine_similarity == pytest.approx(1)
    other = judged(folder, element, values(element, one, zero, zero), reference)
    assert (other.kind, other.mismatches, other.first_mismatch, other.max_abs_error) == (NUMERIC, 1, (2,), 1)
    atol = DEFAULT_ATOL.get(COMPLEX.get(element, element))
    assert other.error_ratio == (1 / atol if atol else None)
    none = judged(folder, element, reference[:0], reference[:0].reshape(3, 0, 2))
    assert (none.elements, none.kind, none.max_abs_error, none.mean_abs_error) == (0, None, None, None)


@pytest.mark.parametrize(
    ("element", "actual", "expected", "error", "kind"),
    [
        ("f16", 0x0001, 0x0000, 2.0**-24, None),  # subnormal
        ("f16", 0x1418, 0x0000, 0.0009994507, None),  # 1e-3 lies between
        ("f16", 0x1419, 0x0000, 0.0010004044, NUMERIC),
        ("f16", 0x7BFF, 0xFBFF, 131008.0, NUMERIC),  # beyond its own range
        ("bf16", 0x3F81, 0x3F80, 2.0**-7, None),
        ("bf16", 0x3F82, 0x3F80, 2.0**-6, NUMERIC),
        ("f32", 0x00000001, 0x80000000, 2.0**-149, None),
        ("f32", 0x38D1B717, 0x00000000, 0.0000999999975, None),  # 1e-4 lies between
        ("f32", 0x38D1B718, 0x00000000, 0.0001000000047, NUMERIC),
        ("f64", 0x3F1A36E2EB1C432D, 0, 1e-4, None),
        ("f64", 0x3F1A36E2EB1C432E, 0, 1e-4, NUMERIC),
        ("f64", 0x7FEFFFFFFFFFFFFF, 0xFFEFFFFFFFFFFFFF, None, NUMERIC),  # the difference overflows
        ("f8E4M3FN", 0x7E, 0x38, 447.0, NUMERIC),
        ("f8E4M3FN", 0x80, 0x00, 0.0, NUMERIC),  # bit for bit: -0 is not 0
        ("f8E4M3FN", 0x7F, 0x38, None, Kind.NAN),
        ("f8E4M3FN", 0x7F, 0xFF, None, NUMERIC),  # two NaN
        ("f8E4M3FNUZ", 0x7F, 0x40, 239.0, NUMERIC),
        ("f8E4M3FNUZ", 0x80, 0x80, None, None),  # the only NaN
        ("f8E5M2", 0x7C, 0x3C, None, Kind.NAN),  # infinity
        ("f8E5M2FNUZ", 0x7F, 0x40, 57343.0, NUMERIC),
        ("i8", 0x80, 0x7F, 255.0, NUMERIC),
        ("ui8", 0x80, 0x7F, 1.0, NUMERIC),
        ("i64", 2**53 + 1, 2**53, 1.0, NUMERIC),  # the same number as float64
        ("si64", 2**63, 2**63 - 1, 2.0**64, NUMERIC),
        ("ui64", 2**64 - 1, 2**64 - 2, 1.0, NUMERIC),
        ("complex<f32>", 0x4080000040400000, 0, 5.0, NUMERIC),  # 3 + 4i
        ("complex<f32>", 0x8000000000000000, 0, 0.0, None),  # -0 is 0
        ("complex<f32>", 0x38D1B71700000000, 0, 0.0000999999975, None),  # the threshold of f32
        ("complex<f32>", 0x38D1B71838D1B718, 0, 0.000141421357, NUMERIC),
        ("complex<f64>", 0x7FF8 << 112, 0, None, Kind.NAN),
        ("i4", 0x8, 0x7, 15.0, NUMERIC),  # -8 and 7
        ("ui4", 0x8, 0x7, 1.0, NUMERIC),
        ("i2", 0x3, 0x1, 2.0, NUMERIC),  # -1 and 1
        ("f4E2M1FN", 0x7, 0x2, 5.0, NUMERIC),  # 6 and 1
        ("f6E3M2FN", 0x1F, 0x0C, 27.0, NUMERIC),  # 28 and 1
        ("f8E8M0FNU", 0x80, 0x7F, 1.0, NUMERIC),  # 2 and 1
    ],
)
def test_edge_values(folder: Path, element: str, actual: int, expected: int, error: Any, *, kind: Any) -> None:
    size, dtype = numpy_type(element).itemsize, numpy_type(element)
    pair = (np.frombuffer(bits.to_bytes(size, "little"), dtype) for bits in (actual, expected))
    found = judged(folder, element, *pair)
    assert found.max_abs_error == (None if error is None else pytest.approx(error, rel=1e-6))
    assert found.kind == kind


@pytest.mark.parametrize("element", DEFAULT_ATOL)
@pytest.mark.parametrize("rtol", [0.0, 1e-5])
def test_nan_and_infinity(folder: Path, element: str, rtol: float) -> None:
    table = """
        got   nan       inf       -inf      1         expected
        nan   -         nan       nan       nan
        inf   numeric   -         numeric   nan
        -inf  numeric   numeric   -         nan
        1     numeric   numeric   numeric   -
    """
    (_, *columns, _), *rows = (line.split() for line in table.strip().splitlines())
    for got, *kinds in rows:
        for expected, kind in zip(columns, kinds, strict=True):
            pair = values(element, float(got)), values(element, float(expected))
            found = judged(folder, element, *pair, thresholds=Thresholds(rtol=rtol))
            assert (found.kind or "-", found.nan) == (kind, int(got == "nan")), (got, expected)


@pytest.mark.parametrize("element", INTEGERS)
def test_integers_may_have_thresholds(folder: Path, element: str) -> None:
    one = judged(folder, element, values(element, 1, 0), values(element, 0, 0), thresholds=Thresholds(other_atol=1))
    assert (one.kind, one.error_ratio, one.atol, one.rtol) == (None, 1, 1, 1e-5)
    below = Thresholds(atol={element: 0.5}, rtol=0)
    other = judged(folder, element, values(element, 1, 0), values(element, 0, 0), thresholds=below)
    assert (other.kind, other.mismatches, other.first_mismatch) == (NUMERIC, 1, (0,))
    assert "1 of 2 elements differ by more than 0.5, first at [0]: got 1, expected 0" in other.reason


@pytest.mark.parametrize("element", ["i64", "ui64"])
def test_large_integers_are_not_rounded_before_they_are_compared(folder: Path, element: str) -> None:
    dtype = numpy_type(element)
    pair = np.array([2**53 + 1, 2**62 + 1], dtype), np.array([2**53, 2**62 - 1], dtype)
    for atol, wrong in ((0, 2), (1, 1), (2, 0)):
        assert judged(folder, element, *pair, thresholds=Thresholds(rtol=0, other_atol=atol)).mismatches == wrong


@pytest.mark.parametrize("element", ["f32", "i32"])
def test_equal_values_pass_whatever_the_threshold(folder: Path, element: str) -> None:
    equal = values(element, 1, -3)
    assert judged(folder, element, equal, equal, thresholds=Thresholds(atol={}, other_atol=-1)).kind is None


@given(st.data())
def test_the_rule_is_that_of_numpy(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    numbers = st.sampled_from([NAN, INF, -INF, 0.0, -0.0, 1.0, 1.001, -1.0, 1e-9, 1e308])
    actual, expected = (np.array([data.draw(numbers)]) for _ in "ab")
    atol, rtol = (data.draw(st.sampled_from([0.0, 1e-8, 1e-3, 1.0])) for _ in "ab")
    equal_nan = data.draw(st.booleans())
    limits = Thresholds(atol={}, rtol=rtol, other_atol=atol, equal_nan=equal_nan)
    folder = tmp_path_factory.mktemp("numpy")
    with np.errstate(all="ignore"):
        wanted = np.allclose(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan)
    assert (judged(folder, "f64", actual, expected, thresholds=limits).kind is None) == wanted


@pytest.mark.parametrize("element", [*DEFAULT_ATOL, "f8E4M3FN", "complex<f32>"])
def test_nan_may_equal_nothing(folder: Path, element: str) -> None:
    pair = values(element, 1, NAN), values(element, 1, NAN)
    assert judged(folder, element, *pair, thresholds=Thresholds()).kind is None
    found = judged(folder, element, *pair, thresholds=Thresholds(equal_nan=False))
    assert (found.kind, found.mismatches, found.first_mismatch, found.note) == (Kind.NAN, 1, (1,), "")
    assert "1 of 2 elements are NaN (which equals nothing: equal_nan is false)" in found.reason


def test_error_ratio(folder: Path) -> None:
    thresholds = Thresholds(atol={"f64": 1.0, "f32": 0.0}, rtol=0.5)
    found = judged(folder, "f64", values("f64", 104, 2), values("f64", 100, 0), thresholds=thresholds)
    assert (found.max_abs_error, found.error_ratio, found.first_mismatch, found.atol, found.rtol) == (
        4,
        2,
        (1,),
        1,
        0.5,
    )
    zero = judged(folder, "f32", values("f32", 1), values("f32", 0), thresholds=thresholds)
    assert (zero.kind, zero.error_ratio) == (NUMERIC, None)
    exact = judged(folder, "i32", values("i32", 1), values("i32", 2), thresholds=thresholds)
    assert (exact.kind, exact.error_ratio, exact.atol, exact.rtol) == (NUMERIC, None, 0, 0)
    nothing = judged(folder, "f32", values("f32", NAN), values("f32", NAN))
    assert nothing.note == "output 0: the expected output is NaN throughout, so no number was compared"
    assert (nothing.kind, nothing.max_abs_error, nothing.cosine_similarity, nothing.error_ratio) == (None,) * 4


def test_cosine_similarity(folder: Path) -> None:
    def cosine(element: str, actual: list[complex], expected: list[complex]) -> float | None:
        return judged(folder, element, values(element, *actual), values(element, *expected)).cosine_similarity

    assert cosine("complex<f32>", [1, 1j], [1, 1j]) == pytest.approx(1)
    assert cosine("f32", [3, 4], [-3, -4]) == pytest.approx(-1)
    assert cosine("i8", [1, 0], [0, 1]) == 0
    assert cosine("f16", [0, 0], [1, 1]) is None
    assert cosine("f64", [1e200, 1], [1e200, 1]) is None


@pytest.mark.parametrize(
    ("element", "actual", "expected", "reason"),
    [
        ("f32", [0, 1], [0, 9], "differ by more than 0.0001 + 1e-05 * |expected|, first at [1]: got 1.0, expected 9.0"),
        ("f16", [1, NAN, INF], [1, 1, 1], "are NaN or infinite and should not be, first at [1]: got nan, expected 1.0"),
        ("i8", 3, 5, "differ (i8 must match bit for bit): got 3, expected 5; max error 2"),
    ],
)
def test_the_reason_is_a_sentence(folder: Path, element: str, actual: Any, expected: Any, reason: str) -> None:
    arrays = np.array(actual).astype(numpy_type(element)), np.array(expected).astype(numpy_type(element))
    found = judged(folder, element, *arrays, thresholds=Thresholds(rtol=1e-5))
    worst = "; max error 8 (>1000x threshold)" if element == "f32" else ""
    assert found.reason == f"output 0 ({found.type}): {found.mismatches} of {found.elements} elements {reason}{worst}"


@pytest.mark.parametrize(
    ("actual", "note"),
    [
        (1.079, ""),
        (1.085, "output 0 passes, but its largest error is 85% of threshold: a small change can break it"),
        (1.11, ""),
    ],
)
def test_an_output_that_is_close_to_its_threshold_is_said(folder: Path, actual: float, note: str) -> None:
    limits = Thresholds(atol={"f64": 0.1}, rtol=0.0)
    found = judged(folder, "f64", values("f64", actual, 1), values("f64", 1, 1), thresholds=limits)
    assert (found.note, found.is_close) == (note, bool(note))


@pytest.mark.parametrize(
    ("actual", "expected", "note"),
    [
        ([NAN, NAN], [NAN, NAN], "the expected output is NaN throughout, so no number was compared"),
        ([1, NAN], [NAN, NAN], "the expected output is NaN throughout, so no number was compared"),
        ([INF, NAN], [INF, NAN], "no finite number was compared"),
        ([NAN, NAN], [1, 2], ""),  # which fails
        ([1, NAN], [1, NAN], ""),
        ([], [], ""),
    ],
)
def test_a_comparison_of_nothing_is_said(folder: Path, actual: list[float], expected: list[float], note: str) -> None:
    found = judged(folder, "f16", values("f16", *actual), values("f16", *expected))
    assert found.note == (f"output 0: {note}" if note else "")


def test_the_first_mismatch_is_found_across_chunks(folder: Path) -> None:
    for chunk, at in itertools.product([1, 7, 30, 59, 60, 61], [0, 1, 29, 30, 59]):
        actual = (np.arange(60) >= at).astype("<f4")
        found = judged(folder, "f32", actual, np.zeros((3, 4, 5), "<f4"), chunk=chunk)
        assert (found.mismatches, found.first_mismatch) == (60 - at, (at // 20, at // 5 % 4, at % 5))
    many = judged(folder, "i8", np.array([1, 2], "i1"), np.array([1, 3], "i1").reshape((1,) * 60 + (2,)))
    assert many.first_mismatch == (0,) * 60 + (1,)


# Oracles that share nothing with the code under test: whole arrays, numpy.isclose, bits decoded by hand, Python's int.

NUMBER = st.floats(-1e30, 1e30) | st.floats(-2, 2) | st.sampled_from([0.0, -0.0, NAN, INF, -INF, 1e-4, 1e-3, 6e-8])
NEAR = st.tuples(st.floats(-2, 2), st.floats(-0.02, 0.02)).map(lambda pair: (pair[0] + pair[1], pair[0]))
LIMITS = st.sampled_from([(0.0, 0.0), (1e-4, 0.0), (1e-2, 0.0), (0.0, 0.25), (1e-4, 1e-5)])
FLOAT_PAIRS = st.lists(st.tuples(NUMBER, NUMBER) | NUMBER.map(lambda x: (x, x)) | NEAR, min_size=1, max_size=20)


@given(element=st.sampled_from(sorted(DEFAULT_ATOL)), pairs=FLOAT_PAIRS, limit=LIMITS, chunk=st.integers(1, 21))
def test_floats_agree_with_numpy(
    folder: Path, *, element: str, pairs: list[tuple[float, float]], limit: tuple[float, float], chunk: int
) -> None:
    atol, rtol = limit
    arrays = [values(element, *column) for column in zip(*pairs, strict=True)]
    found = judged(folder, element, *arrays, thresholds=Thresholds(atol={element: atol}, rtol=rtol), chunk=chunk)
    if element == "bf16":
        arrays = [(array.view("<u2").astype("<u4") << 16).view("<f4") for array in arrays]
    a, e = (array.astype(np.float64) for array in arrays)
    with np.errstate(all="ignore"):
        wrong = np.flatnonzero(~np.isclose(a, e, rtol=rtol, atol=atol, equal_nan=True)).tolist()
    stray = [i for i in wrong if math.isnan(a[i]) or (math.isinf(a[i]) and math.isfinite(e[i]))]
    assert found.kind == (Kind.NAN if stray else NUMERIC if wrong else None)
    assert (found.mismatches, found.nan) == (len(wrong), np.isnan(a).sum())
    assert found.first_mismatch == ((wrong[0],) if wrong else None)
    both = [(x, y) for x, y in zip(a.tolist(), e.tolist(), strict=True) if math.isfinite(x) and math.isfinite(y)]
    errors = [abs(x - y) for x, y in both]
    assert found.max_abs_error == (max(errors) if both else None)
    assert found.mean_abs_error == (pytest.approx(math.fsum(errors) / len(both)) if both else None)
    largest = max((abs(x - y) / abs(y) for x, y in both if y), default=None)
    assert found.max_rel_error == (largest if largest != math.inf else None)  # too large for a float64
    norms = math.hypot(*(x for x, _ in both)) * math.hypot(*(y for _, y in both))
    if norms > 1e-100:
        assert found.cosine_similarity == pytest.approx(math.fsum(x * y for x, y in both) / norms, abs=1e-9)
    if found.error_ratio is not None:
        assert (found.error_ratio > 1) == any(abs(x - y) > atol + rtol * abs(y) for x, y in both)


EXACT = sorted(element for element in ELEMENT_BITS if Thresholds().of(element) is None)


@given(st.data(), st.sampled_from(EXACT), st.integers(1, 9))
def test_exact_types_agree_with_bytes(folder: Path, data: st.DataObject, element: str, chunk: int) -> None:
    bits = ELEMENT_BITS[element]
    word = st.integers(0, (1 << bits) - 1).map(lambda number: number.to_bytes(max(1, bits // 8), "little"))
    pairs = data.draw(st.lists(st.tuples(word, word) | word.map(lambda each: (each, each)), min_size=1, max_size=8))
    arrays = [np.frombuffer(b"".join(column), numpy_type(element)) for column in zip(*pairs, strict=True)]
    found = judged(folder, element, *arrays, chunk=chunk if bits >= 8 else 8 * chunk)
    wrong = [i for i, (a, e) in enumerate(pairs) if a != e]
    assert (found.mismatches, found.first_mismatch) == (len(wrong), (wrong[0],) if wrong else None)
    assert found.error_ratio == (None if wrong else 0)
    if element in INTEGERS:
        least = 0 if element.startswith("u") or element == "i1" else 1 << bits - 1
        numbers = ([((each & (1 << bits) - 1) ^ least) - least for each in array.tolist()] for array in arrays)
        errors = [abs(a - e) for a, e in zip(*numbers, strict=True)]
        assert found.max_abs_error == float(max(errors))
        assert found.mean_abs_error == pytest.approx(sum(errors) / len(errors))


def test_memory_does_not_grow_with_the_tensor(tmp_path: Path) -> None:
    path, peaks_bytes = tmp_path / "sparse.bin", []
    for elements in (1 << 17, 1 << 20):
        path.touch()
        os.truncate(path, 16 * elements)
        declared = TensorType(shape=(elements,), element="complex<f64>")
        tracemalloc.start()
        both = contents.of_output(path, declared), contents.of_file(path, declared, is_npy=path.name.endswith(".npy"))
        assert compare(0, *both, thresholds=Thresholds()).kind is None
        peaks_bytes.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks_bytes[1] < 1.1 * peaks_bytes[0] < 12 << 20


@pytest.mark.parametrize(("name", "element"), NPY_ELEMENTS.items())
def test_a_npy_file_says_its_type_and_is_compared_behind_its_header(tmp_path: Path, name: str, element: str) -> None:
    array, raw, path = np.eye(2, 3).astype("?" if name == "b1" else name), tmp_path / "a.bin", tmp_path / "a.npy"
    for version in ((1, 0), (2, 0)):
        with path.open("wb") as file:
            np.lib.format.write_array(file, array, version=version)
        declared = TensorType(shape=(2, 3), element=element)
        assert file_type(path, None, is_npy=True) == (declared, path.stat().st_size - array.nbytes)
    for changed in (0, 1):
        array[1, 1] -= array[1, 1] * changed
        array.tofile(raw)
        expected = contents.of_file(path, None, is_npy=True)
        found = compare(3, contents.of_output(raw, expected.type), expected, thresholds=Thresholds(), chunk=4)
        assert (found.index, found.type, found.mismatches) == (3, f"2x3x{element}", changed)


def test_integers_without_a_sign_have_that_of_the_wanted_type(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([-1], np.int8))
    found = contents.of_output(tmp_path / "a.npy", TensorType.parse("1xui8"))
    assert (str(found.type), found.read(0, 1)[0]) == ("1xui8", 255)
