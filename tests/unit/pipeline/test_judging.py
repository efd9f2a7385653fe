"""Each statistic is what NumPy computes, whatever the chunks; tests/integration/test_judge.py asks SciPy."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from harness.core import judges
from harness.core.judges import Judge
from harness.core.measurements import Measurement
from harness.core.statuses import Kind
from harness.core.tensors import TensorType, Thresholds
from harness.pipeline import contents
from harness.pipeline.compare import compare
from harness.pipeline.contents import numpy_type

Array = npt.NDArray[Any]
FLOATS = ("f16", "bf16", "f32", "f64")
CHUNKS = (8, 24, 64, 1000, 1 << 16)
DRAW = np.random.default_rng(7)


def judge(*conditions: str, elementwise: bool = False) -> Judge:
    found = (judges.condition(*each.split(" ", 1)) for each in conditions)
    return Judge(conditions=tuple(found), elementwise=elementwise)


TOKENS = judge("token_match >= 1", "perplexity <= 1.5")


def compared(
    folder: Path, element: str, actual: Array, expected: Array, asked: Judge | None, **more: Any
) -> Measurement:
    got, want = folder / "actual.bin", folder / "expected.bin"
    got.write_bytes(actual.astype(numpy_type(element)).tobytes())
    want.write_bytes(expected.astype(numpy_type(element)).tobytes())
    declared = TensorType(shape=expected.shape, element=element)
    pair = contents.of_output(got, declared), contents.of_file(want, declared, is_npy=False)
    return compare(0, *pair, judge=asked, **({"thresholds": Thresholds()} | more))


def wide(element: str, array: Array) -> Array:
    """Return numbers as the type has them, as float64."""
    return array.astype(numpy_type(element)).astype(np.float64)


def log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def divergence(expected: Array, actual: Array) -> Array:
    """Return the Kullback-Leibler divergence of each row, from the softmax of the expected one to the actual."""
    e, a = log_softmax(expected), log_softmax(actual)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(np.exp(e) == 0, 0, np.exp(e) * (e - a)).sum(axis=-1))


@pytest.mark.parametrize("element", FLOATS)
@pytest.mark.parametrize("chunk", CHUNKS)
def test_numbers_of_floats(tmp_path: Path, element: str, chunk: int) -> None:
    expected = DRAW.normal(3, 2, (5, 7, 23))
    actual = expected + DRAW.normal(0.01, 0.1, expected.shape)
    found = compared(tmp_path, element, actual, expected, TOKENS, chunk=chunk)
    a, e = wide(element, actual), wide(element, expected)
    error, rms = a - e, np.sqrt(np.square(e).mean())
    mse = np.square(error).mean()
    assert found.psnr == pytest.approx(10 * np.log10((e.max() - e.min()) ** 2 / mse), rel=1e-12)
    assert found.error_mean == pytest.approx(abs(error.mean()) / rms, rel=1e-9)
    assert found.error_deviation == pytest.approx(error.std() / rms, rel=1e-12)
    assert found.cosine_similarity == pytest.approx((a * e).sum() / np.sqrt((a * a).sum() * (e * e).sum()), rel=1e-12)
    assert found.token_match == (a.argmax(-1) == e.argmax(-1)).mean()
    assert found.perplexity == pytest.approx(np.exp(divergence(e, a).mean()), rel=1e-12)
    p, q = log_softmax(e), log_softmax(a)
    both = [np.exp(-(np.exp(p) * each).sum(axis=-1).mean()) for each in (q, p)]
    assert found.perplexity == pytest.approx(both[0] / both[1], rel=1e-12), "relative to that of the expected logits"


@pytest.mark.parametrize("element", ["i1", "i8", "ui16", "i32", "i64"])
@pytest.mark.parametrize("chunk", CHUNKS)
def test_numbers_of_integers(tmp_path: Path, element: str, chunk: int) -> None:
    most = {"i1": 2, "i8": 127}.get(element, 30_000)
    expected = DRAW.integers(0, most, (40, 9))
    actual = np.where(DRAW.random(expected.shape) < 0.2, DRAW.integers(0, most, expected.shape), expected)
    found = compared(tmp_path, element, actual, expected, judge("token_match >= 0.5"), chunk=chunk)
    error, rms = (actual - expected).astype(np.float64), np.sqrt(np.square(expected, dtype=np.float64).mean())
    span = float(expected.max() - expected.min())
    assert found.psnr == pytest.approx(10 * np.log10(span**2 / np.square(error).mean()), rel=1e-12)
    assert found.error_mean == pytest.approx(abs(error.mean()) / rms, rel=1e-9)
    assert found.error_deviation == pytest.approx(error.std() / rms, rel=1e-12)
    assert (found.token_match, found.perplexity) == ((actual == expected).mean(), None)
    assert (found.kind, found.error_ratio) == (None, None), "the elements differ, and do not decide"


def test_a_large_mean_does_not_hide_a_small_deviation(tmp_path: Path) -> None:
    expected = np.zeros(4096)
    actual = 1e6 + DRAW.normal(0, 1e-6, 4096)
    expected[0], actual[0] = 1, 1e6 + 1
    found = compared(tmp_path, "f64", actual, expected, None, chunk=64)
    rms = np.sqrt(np.square(expected).mean())
    assert found.error_deviation == pytest.approx((actual - expected).std() / rms, rel=1e-4)


def test_complex_errors_are_centred_in_the_plane(tmp_path: Path) -> None:
    expected = DRAW.normal(size=50) + 1j * DRAW.normal(size=50)
    actual = expected + 0.1 * DRAW.normal(size=50) + 0.2j
    found = compared(tmp_path, "complex<f64>", actual, expected, judge("psnr >= 1"), chunk=8)
    error, rms = actual - expected, np.sqrt(np.square(np.abs(expected)).mean())
    assert found.error_mean == pytest.approx(abs(error.mean()) / rms)
    assert found.error_deviation == pytest.approx(np.std(error) / rms)
    assert (found.psnr, found.kind) == (None, Kind.NUMERIC)
    assert found.reason == "output 0 (50xcomplex<f64>): psnr has no value for this output, expected >= 1"


@pytest.mark.parametrize("chunk", CHUNKS)
def test_masked_and_odd_logits(tmp_path: Path, chunk: int) -> None:
    expected = DRAW.normal(size=(6, 37)) * 1000
    expected[0, :30] = -np.inf  # a mask, longer than a chunk
    expected[1] = -np.inf
    expected[2, 5] = np.nan
    expected[3, 9] = np.inf
    expected[4, [3, 11, 30]] = 1e6  # a tie
    actual = expected + DRAW.normal(size=expected.shape) * 0.1
    actual[4, 3] = actual[4, 11] = actual[4, 30] = 1e6
    found = compared(tmp_path, "f64", actual, expected, TOKENS, chunk=chunk)
    assert found.token_match == (actual.argmax(-1) == expected.argmax(-1)).mean()
    known = [0, 4, 5]
    assert found.perplexity == pytest.approx(np.exp(divergence(expected[known], actual[known]).mean()), rel=1e-9)
    assert found.kind is None


def test_equal_outputs_are_perfect(tmp_path: Path) -> None:
    asked = judge(
        "psnr >= 1000",
        "cosine_similarity >= 1",
        "error_mean <= 0",
        "error_deviation <= 0",
        "token_match >= 1",
        "perplexity <= 1",
    )
    for expected in (DRAW.normal(size=(3, 100)), np.zeros((3, 4)), np.full((2, 2), 7.0)):
        found = compared(tmp_path, "f32", expected, expected, asked, chunk=8)
        assert (found.kind, found.reason, found.psnr) == (None, "", math.inf)
        assert [(each.holds, each.share) for each in found.conditions] == [(True, 0.0)] * 6


def test_odd_ranges(tmp_path: Path) -> None:
    constant = compared(tmp_path, "f32", np.array([1.0, 2.0]), np.array([1.0, 1.0]), None)
    assert constant.psnr == -math.inf
    nothing = compared(tmp_path, "f32", np.array([1.0, 2.0]), np.zeros(2), judge("cosine_similarity >= 0.5"))
    assert (nothing.cosine_similarity, nothing.error_mean, nothing.kind) == (None, math.inf, Kind.NUMERIC)
    empty = compared(tmp_path, "f32", np.zeros((0, 3)), np.zeros((0, 3)), TOKENS)
    assert (empty.kind, empty.conditions, empty.psnr, empty.token_match) == (None, (), None, None)
    huge = compared(tmp_path, "f64", np.array([1e308, -1e308]), np.array([-1e308, 1e308]), None)
    assert (huge.psnr, huge.error_deviation) == (None, None) or huge.psnr == -math.inf


def test_a_spec_that_gives_thresholds_as_well_wants_both(tmp_path: Path) -> None:
    expected = np.linspace(0, 1, 100)
    actual = expected + 0.001
    passes, fails = judge("psnr >= 50"), judge("psnr >= 70", "cosine_similarity >= 0.5", "error_mean <= 1e-9")
    assert compared(tmp_path, "f32", actual, expected, None).kind is Kind.NUMERIC
    found = compared(tmp_path, "f32", actual, expected, passes)
    assert (found.kind, found.mismatches) == (None, 100)
    assert (found.error_ratio or 0) > 1
    both = compared(tmp_path, "f32", actual, expected, judge("psnr >= 50", elementwise=True))
    assert both.kind is Kind.NUMERIC
    assert "100 of 100 elements differ by more than 0.0001" in both.reason
    low = compared(tmp_path, "f32", actual, expected, fails)
    assert low.reason == ("output 0 (100xf32): psnr 60.0 dB, expected >= 70; error_mean 0.00173, expected <= 1e-09")
    assert [each.holds for each in low.conditions] == [False, True, False]
    assert low.conditions[0].share == pytest.approx(10 ** (10 / 20), rel=1e-3)


def test_a_value_just_below_its_bound_is_not_shown_as_the_bound(tmp_path: Path) -> None:
    expected = np.array([0.0, 1.0] * 50)
    actual = expected + 0.010001 * np.array([1, -1, -1, 1] * 25)
    found = compared(tmp_path, "f64", actual, expected, judge("psnr >= 40"))
    assert "psnr 39.9991" in found.reason


def test_an_output_close_to_a_condition_has_a_note(tmp_path: Path) -> None:
    expected = np.linspace(0, 1, 100)
    actual = expected + 0.001
    near = compared(tmp_path, "f32", actual, expected, judge("cosine_similarity >= 0.5", "psnr >= 59.9"))
    assert near.note == "output 0 passes, but psnr 60.0 dB is close to >= 59.9: a small change can break it"
    far = compared(tmp_path, "f32", actual, expected, judge("psnr >= 40"))
    assert far.note == ""
    assert far.share == pytest.approx(0.1, rel=1e-3), "its error ratio decides nothing"
    asked, wide_enough = judge("psnr >= 40", elementwise=True), Thresholds(atol={"f32": 1.1e-3})
    both = compared(tmp_path, "f32", actual, expected, asked, thresholds=wide_enough)
    assert both.note.startswith("output 0 passes, but error_ratio 0.9")
    assert both.conditions[-1].expected == "<= 1"


@pytest.mark.parametrize(
    ("actual", "expected", "kind", "reason"),
    [
        (math.nan, 1.0, Kind.NAN, "1 of 3 elements are NaN or infinite and should not be, first at [1]: got nan"),
        (math.inf, 1.0, Kind.NAN, "are NaN or infinite and should not be"),
        (1.0, math.nan, Kind.NUMERIC, "1 of 3 elements differ where a value is NaN or infinite, first at [1]: got 1.0"),
        (math.inf, -math.inf, Kind.NUMERIC, "differ where a value is NaN or infinite"),
        (math.nan, math.nan, None, ""),
        (-math.inf, -math.inf, None, ""),
    ],
)
def test_no_statistic_excuses_what_is_not_finite(
    tmp_path: Path, actual: float, expected: float, kind: Kind | None, reason: str
) -> None:
    a, e = (np.array([0.0, each, 1.0]) for each in (actual, expected))
    found = compared(tmp_path, "f32", a, e, judge("psnr >= -100"))
    assert found.kind is kind
    assert reason in found.reason
    if math.isnan(expected) and kind is None:
        strict = compared(tmp_path, "f32", a, e, judge("psnr >= -100"), thresholds=Thresholds(equal_nan=False))
        assert strict.kind is Kind.NAN
