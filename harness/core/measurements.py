"""What is measured of a case: its outputs, its modules, and what its budgets limit."""

from harness.core.floats import Number
from harness.core.statuses import Kind
from harness.core.values import frozen

# An output that passes with a larger error ratio is close to its threshold: the next release may break it.
CLOSE_RATIO = 0.8


@frozen
class Judged:
    """A condition of a spec on a statistic of an output, and whether it holds.

    Attributes:
        statistic: its name, which is that of a number of the output.
        value: the statistic; None if the output has none.
        expected: the condition, such as `>= 40`.
        holds: whether it holds.
        share: which part of what is allowed is used, as `error_ratio` says of thresholds; 0 for equal outputs.
    """

    statistic: str
    value: Number | None
    expected: str
    holds: bool
    share: Number


@frozen
class Histogram:
    """How many elements have an error of which size.

    Attributes:
        equal: number of elements without an error.
        exponent: errors that the first count is of are at least `2**exponent`; smaller ones are counted there, too, if
            there are more than 48 sizes.
        counts: number of errors from each power of two to the next.
    """

    equal: int
    exponent: int
    counts: tuple[int, ...]


@frozen
class ErrorMap:
    """Where the errors are: a grid of at most 64 cells over the last two dimensions.

    Attributes:
        dimensions: sizes of the last two dimensions; the first is 1 if there is only one.
        rows: a digit for each cell: `9` if its largest error ratio is more than half of the largest one, `8` if it is
            more than a quarter, and so on, `0` without an error, and `x` if an element is NaN or infinite and should
            not be. Where there is no threshold, errors take the place of ratios.
    """

    dimensions: tuple[int, int]
    rows: tuple[str, ...]


@frozen
class WorstElement:
    """An element of an output with one of the largest error ratios.

    Attributes:
        index: its index.
        actual: its value.
        expected: the expected value.
        error: the absolute error; infinite if it is NaN or infinite and should not be.
        ratio: the error divided by its threshold; None where there is no threshold.
    """

    index: tuple[int, ...]
    actual: str
    expected: str
    error: Number
    ratio: Number | None


@frozen
class Measurement:
    """One output compared with its expectation.

    A number without a meaning is None: of an ignored output, of one with the wrong size, or where no element is finite.

    Attributes:
        index: position of the output, from 0.
        type: type of the expected output, such as `2x77x768xf16`; None if unknown.
        ignored: whether the spec says "(ignored)".
        kind: the cause, if the output fails.
        reason: a sentence for the user, if the output fails.
        atol: absolute threshold.
        rtol: threshold relative to the expected value.
        elements: number of elements.
        max_abs_error: largest absolute error.
        mean_abs_error: mean absolute error.
        max_rel_error: largest error relative to the expected value.
        cosine_similarity: cosine of the angle between actual and expected output, 1 for the same direction.
        psnr: peak signal-to-noise ratio in dB; infinite for equal outputs.
        error_mean: absolute value of the mean error, relative to the root mean square of the expected output.
        error_deviation: standard deviation of the error, relative to the same.
        token_match: share of the tokens that are equal, if the spec asks for it.
        perplexity: `exp` of the mean divergence of the softmax from the expected one, if the spec asks for it.
        conditions: the conditions on statistics by which the spec judges the output.
        error_ratio: largest quotient of an error and its threshold; above 1 an output without conditions fails.
        mismatches: number of elements beyond their threshold.
        first_mismatch: index of the first of them.
        nan: number of NaNs in the actual output.
        histogram: how large the errors are; None if no element is finite.
        error_map: where they are; None without an error.
        worst: the five worst elements, the worst first; only those with an error.
        note: a remark for the user, if the comparison says less than it seems to.
    """

    index: int
    type: str | None
    ignored: bool = False
    kind: Kind | None = None
    reason: str = ""
    atol: Number = 0.0
    rtol: Number = 0.0
    elements: int = 0
    max_abs_error: Number | None = None
    mean_abs_error: Number | None = None
    max_rel_error: Number | None = None
    cosine_similarity: Number | None = None
    psnr: Number | None = None
    error_mean: Number | None = None
    error_deviation: Number | None = None
    token_match: Number | None = None
    perplexity: Number | None = None
    conditions: tuple[Judged, ...] = ()
    error_ratio: Number | None = None
    mismatches: int = 0
    first_mismatch: tuple[int, ...] | None = None
    nan: int = 0
    histogram: Histogram | None = None
    error_map: ErrorMap | None = None
    worst: tuple[WorstElement, ...] = ()
    note: str = ""

    @property
    def is_close(self) -> bool:
        """Whether the output passes, but is close to its threshold."""
        return self.kind is None and self.share is not None and self.share > CLOSE_RATIO

    @property
    def decisive(self) -> Judged | None:
        """The condition that is nearest to failing; None if thresholds decide alone."""
        return max(self.conditions, key=lambda each: each.share) if self.conditions else None

    @property
    def share(self) -> float | None:
        """Which part of what is allowed is used: by the decisive condition, or by thresholds."""
        decisive = self.decisive
        return decisive.share if decisive else self.error_ratio


@frozen
class Module:
    """A compiled module as the results quote it.

    Attributes:
        key: digest of everything that the module was made from.
        bytes: size of the .vmfb file.
        cached: whether the cache already had the module.
        sha256: digest of the .vmfb file.
        dispatches: number of dispatches, if the compiler reports it.
        compile_seconds: duration of the compilation.
        compile_cpu_seconds: its CPU time.
        peak_memory_bytes: its peak memory.
    """

    key: str
    bytes: int
    cached: bool
    sha256: str
    dispatches: int | None = None
    compile_seconds: Number = 0.0
    compile_cpu_seconds: Number = 0.0
    peak_memory_bytes: int = 0


@frozen
class FailedCompilation:
    """A compilation that left no module.

    Attributes:
        key: digest of everything that the module would have been made from.
        cached: whether the cache had the failure, so that the compiler was not started.
        compile_seconds: duration of the compilation.
        compile_cpu_seconds: its CPU time.
        peak_memory_bytes: its peak memory.
    """

    key: str
    cached: bool
    compile_seconds: Number = 0.0
    compile_cpu_seconds: Number = 0.0
    peak_memory_bytes: int = 0


@frozen
class BudgetCheck:
    """A number of the case compared with its budget.

    Attributes:
        name: what was counted or measured, such as `dispatches`.
        value: the number; None if it is not known.
        limit: the largest accepted number.
        statistic: what the number is of several repetitions, such as `median`; None for a number that has none.
        exceeded: whether the number is larger, or not known.
    """

    name: str
    value: Number | None
    limit: Number
    statistic: str | None = None
    exceeded: bool
