"""Compares tensors by one fixed rule, in constant memory.

Types with a threshold pass where `|actual - expected| <= atol + rtol * |expected|`, computed in float64; an infinity
equals itself, and NaN equals NaN. All other types must agree bit for bit. Unless a spec says otherwise, f16, bf16, f32,
f64 and complex types have a threshold, as for `iree-run-module`
(iree@b48a5955:runtime/src/iree/tooling/buffer_view_matchers.c).
`tests/integration/test_verdict_differential.py` lists where the tool differs, and why. A spec may judge an output by
statistics instead; then only a NaN or an infinity in one of the two fails whatever they are.
"""

import dataclasses
import math
from dataclasses import dataclass, field

import numpy as np

from harness.core.judges import Judge
from harness.core.measurements import Measurement
from harness.core.statuses import Kind
from harness.core.tensors import TensorType, Thresholds
from harness.core.text import of_threshold
from harness.pipeline import judging
from harness.pipeline.contents import Array, Contents
from harness.pipeline.error_shape import ErrorShape, index_of
from harness.pipeline.moments import Moments
from harness.pipeline.rows import Equal, Rows

# Elements held in memory at a time. Twelve arrays of float64 of this size stay within a few MiB.
CHUNK = 1 << 16

_NAN_DIFFERS = "are NaN (which equals nothing: equal_nan is false), or infinite and should not be"

_UNEQUAL = "differ where a value is NaN or infinite"

Sample = tuple[int, str, str]  # position in C order, actual and expected value


def compare(
    index: int,
    actual: Contents,
    expected: Contents,
    *,
    thresholds: Thresholds,
    judge: Judge | None = None,
    chunk: int = CHUNK,
) -> Measurement:
    """Compare output number `index`: what the program gave with what the spec expects, of the same shape and type.

    Args:
        index: position among the results of the function.
        actual: what the program gave.
        expected: what the spec expects.
        thresholds: how far elements may differ; types without a threshold must match exactly.
        judge: the statistics that decide; None if the thresholds do.
        chunk: elements held in memory at a time; a multiple of 8 where elements are smaller than a byte.

    Returns:
        A measurement. Its kind is `nan` or `numeric`, whichever applies first, or None if the output passes.

    Raises:
        OSError: a file cannot be read.
    """
    found = expected.type
    allowed = thresholds.of(found.element)
    atol, rtol = allowed or (0.0, 0.0)
    elements = math.prod(found.shape)
    tally = _Tally(
        atol=atol,
        rtol=rtol,
        exact=allowed is None,
        equal_nan=thresholds.equal_nan,
        tokens=judging.tokens(found, judge),
        shape=ErrorShape(found.shape, by_error=not (atol or rtol)),
    )
    for start in range(0, elements, chunk):
        count = min(chunk, elements - start)
        tally.add(start, actual.read(start, count), expected.read(start, count))
    blank = Measurement(index=index, type=str(found), atol=atol, rtol=rtol, elements=elements)
    return _measured(blank, found, tally, judge)


@dataclass(slots=True, kw_only=True)
class _Tally:
    """Sums, maxima and counts over the elements so far. Sums and maxima are over pairs of finite values.

    Sums are pairwise within a chunk and plain across chunks, so 1e10 elements cost at most 1e-11 of precision.
    """

    atol: float
    rtol: float
    exact: bool
    equal_nan: bool
    shape: ErrorShape
    tokens: Rows | Equal | None = None
    moments: Moments = field(default_factory=Moments)
    elements: int = 0
    finite: int = 0
    expected_nan: int = 0
    error_sum: float = 0.0
    error_max: float = 0.0
    relative_max: float | None = None
    ratio_max: float = 0.0
    dot: float = 0.0
    actual_square: float = 0.0
    expected_square: float = 0.0
    nan: int = 0
    mismatches: int = 0
    first_mismatch: Sample | None = None
    unequal: int = 0
    first_unequal: Sample | None = None
    strays: int = 0
    first_stray: Sample | None = None

    def add(self, start: int, actual: Array, expected: Array) -> None:
        """Add the elements from position `start` on.

        A stray is NaN or infinite and should not be. An element is unequal if it or the expected one is not finite, and
        they are not the same.
        """
        # Masks separate what is not finite; a sum that overflows is reported as None.
        with np.errstate(all="ignore"):
            x, y = wide(actual), wide(expected)
            is_integer = actual.dtype.kind in "iu"
            difference = x - y
            error = _integer_error(actual, expected) if is_integer else np.abs(difference)
            allowed = self.atol + self.rtol * np.abs(y)
            finite = np.isfinite(x) & np.isfinite(y)
            both_nan = np.isnan(x) & np.isnan(y)
            near = finite & ((error <= allowed) | (error == 0)) | ~finite & (x == y) | both_nan
            strays = np.isnan(x) & ~np.isnan(y) | np.isinf(x) & np.isfinite(y)
            strays |= both_nan & (not self.equal_nan)
            passes = (_same_bits(actual, expected) if self.exact else near) & ~strays
            is_whole = bool(finite.all())
            a, e, known = (x, y, error) if is_whole else (np.where(finite, each, 0) for each in (x, y, error))
            ratio = np.divide(known, allowed, out=np.zeros_like(known), where=known > 0)
            self._add_numbers(a, e, known, ratio)
            self.shape.add(start, (actual, expected), error=known, ratio=ratio, strays=strays)
            signed = _signed(actual, expected, error) if is_integer else difference
            self.moments.add(*((signed, y) if is_whole else (signed[finite], y[finite])))
            if self.tokens:
                self.tokens.add(start, *((actual, expected) if is_integer else (x, y)))
        unequal = strays | ~finite & ~near
        self.elements += passes.size
        self.finite += int(np.count_nonzero(finite))
        self.expected_nan += int(np.count_nonzero(np.isnan(y)))
        self.nan += int(np.count_nonzero(np.isnan(x)))
        self.mismatches += passes.size - int(np.count_nonzero(passes))
        self.strays += int(np.count_nonzero(strays))
        self.unequal += int(np.count_nonzero(unequal))
        self.first_unequal = self.first_unequal or _first(unequal, start, actual, expected)
        self.first_mismatch = self.first_mismatch or _first(~passes, start, actual, expected)
        self.first_stray = self.first_stray or _first(strays, start, actual, expected)

    def _add_numbers(self, x: Array, y: Array, error: Array, ratio: Array) -> None:
        size = np.abs(y)
        self.error_sum += float(error.sum())
        self.error_max = max(self.error_max, float(error.max()))
        self.ratio_max = max(self.ratio_max, float(ratio.max()))
        if size.any():
            self.relative_max = max(self.relative_max or 0.0, _largest_ratio(error, size, size > 0))
        self.dot += float((x * y.conj()).real.sum())
        self.actual_square += float(np.square(np.abs(x)).sum())
        self.expected_square += float(np.square(size).sum())

    @property
    def cosine_similarity(self) -> float | None:
        """None if a norm is 0, or out of the range of float64."""
        norms = math.sqrt(self.actual_square) * math.sqrt(self.expected_square)
        return max(-1.0, min(1.0, self.dot / norms)) if 0 < norms < math.inf else None

    @property
    def error_ratio(self) -> float | None:
        """The largest error divided by its threshold; None if a threshold is 0 and its error is not."""
        if self.exact:
            return None if self.mismatches else 0.0
        return _finite(self.ratio_max) if self.finite else None


def wide(values: Array) -> Array:
    """Return numbers as float64, or complex ones as complex128."""
    return values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)


def _integer_error(actual: Array, expected: Array) -> Array:
    """Return `|actual - expected|`, exact until it becomes float64."""
    wide = np.int64 if actual.dtype.kind == "i" else np.uint64
    x, y = actual.astype(wide).view(np.uint64), expected.astype(wide).view(np.uint64)
    return np.where(actual > expected, x - y, y - x).astype(np.float64)


def _signed(actual: Array, expected: Array, error: Array) -> Array:
    return np.where(actual > expected, error, -error)


def _same_bits(actual: Array, expected: Array) -> Array:
    word = f"u{min(actual.dtype.itemsize, 8)}"
    same = actual.view(word) == expected.view(word)
    return np.asarray(same.reshape(actual.size, -1).all(axis=1))


def _largest_ratio(numerator: Array, denominator: Array, where: Array) -> float:
    return float(np.divide(numerator, denominator, out=np.zeros_like(numerator), where=where).max())


def _first(mask: Array, start: int, actual: Array, expected: Array) -> Sample | None:
    at = int(mask.argmax())
    return (start + at, str(actual[at]), str(expected[at])) if mask[at] else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _number(value: float) -> float | None:
    """Return a number that may be infinite, which JSON has a string for; None for NaN."""
    return None if math.isnan(value) else value


def _measured(blank: Measurement, found: TensorType, tally: _Tally, judge: Judge | None) -> Measurement:
    numbers = _numbers(blank, found, tally)
    conditions = judging.judged(judge, numbers) if judge else ()
    is_elementwise = judge is None or judge.elementwise
    worst = tally.first_stray or (tally.first_mismatch if is_elementwise else tally.first_unequal)
    what = _reason(blank, found, tally, worst, is_elementwise=is_elementwise) if worst else judging.unmet(conditions)
    kind = Kind.NAN if tally.strays else Kind.NUMERIC if what else None
    reason = f"output {blank.index} ({found}): {what}" if what else ""
    measured = dataclasses.replace(numbers, kind=kind, reason=reason, conditions=conditions)
    return dataclasses.replace(measured, note=_note(measured, tally))


def _numbers(blank: Measurement, found: TensorType, tally: _Tally) -> Measurement:
    moments, square = tally.moments, tally.expected_square
    is_real = not found.element.startswith("complex")
    tokens = tally.tokens
    return dataclasses.replace(
        blank,
        psnr=_number(moments.psnr) if tally.finite and is_real else None,
        error_mean=_number(moments.relative(moments.size, square)) if tally.finite else None,
        error_deviation=_number(moments.relative(moments.deviation, square)) if tally.finite else None,
        token_match=tokens.same / tokens.count if tokens and tokens.count else None,
        perplexity=tokens.perplexity if tokens else None,
        max_abs_error=_finite(tally.error_max) if tally.finite else None,
        mean_abs_error=_finite(tally.error_sum / tally.finite) if tally.finite else None,
        max_rel_error=_finite(tally.relative_max),
        cosine_similarity=tally.cosine_similarity,
        error_ratio=tally.error_ratio,
        mismatches=tally.mismatches,
        first_mismatch=index_of(tally.first_mismatch[0], found.shape) if tally.first_mismatch else None,
        nan=tally.nan,
        histogram=tally.shape.histogram(tally.finite),
        error_map=tally.shape.error_map,
        worst=tally.shape.worst,
    )


def _note(found: Measurement, tally: _Tally) -> str:
    """Return a remark on an output that is close to its threshold, or in which there was nothing to compare."""
    index = found.index
    if found.is_close:
        error = f"its largest error is {of_threshold(found.error_ratio or 0.0)}"
        return f"output {index} passes, but {judging.nearest(found) or error}: a small change can break it"
    if not tally.elements or tally.finite or tally.strays:
        return ""
    if tally.expected_nan == tally.elements:
        return f"output {index}: the expected output is NaN throughout, so no number was compared"
    return f"output {index}: no finite number was compared"


def _reason(blank: Measurement, found: TensorType, tally: _Tally, worst: Sample, *, is_elementwise: bool) -> str:
    limit = f"by more than {blank.atol:g}" + (f" + {blank.rtol:g} * |expected|" if blank.rtol else "")
    differ = f"differ ({found.element} must match bit for bit)" if tally.exact else f"differ {limit}"
    what = (
        ("are NaN or infinite and should not be" if tally.equal_nan else _NAN_DIFFERS)
        if tally.strays
        else differ
        if is_elementwise
        else _UNEQUAL
    )
    position, got, expected = worst
    where = f", first at {list(index_of(position, found.shape))}" if found.shape else ""
    times = f" ({of_threshold(tally.error_ratio)})" if tally.error_ratio else ""
    others = "; max error of the others" if tally.strays else "; max error"
    error = f"{others} {tally.error_max:.4g}{times}" if tally.error_max else ""
    count = f"{tally.strays or (tally.mismatches if is_elementwise else tally.unequal)} of {blank.elements} elements"
    return f"{count} {what}{where}: got {got}, expected {expected}{error}"
