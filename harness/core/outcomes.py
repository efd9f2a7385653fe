"""Outcomes: the result of each case, and the exit code that follows."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.core.blobs import FetchedBlob
from harness.core.cases import EMPTY
from harness.core.floats import Number
from harness.core.references import Oracle
from harness.core.timings import Latency


class Status(enum.StrEnum):
    """The result of a case, as docs/results.md explains."""

    PASSED = "passed"
    RAN = "ran"
    COMPILED = "compiled"
    FAILED = "failed"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    UNSUPPORTED = "unsupported"
    SKIPPED = "skipped"
    ERROR = "error"


class Kind(enum.StrEnum):
    """The cause of a `failed` case (first group) or of an `error` (second group)."""

    NUMERIC = "numeric"
    NAN = "nan"
    SHAPE = "shape"
    COMPILE = "compile"
    LOAD = "load"
    CRASH = "crash"
    TIMEOUT = "timeout"
    BUDGET = "budget"

    FETCH = "fetch"
    INTEGRITY = "integrity"
    DEVICE = "device"
    TOOL = "tool"
    ENGINE = "engine"
    ORACLE = "oracle"
    DISK = "disk"
    INTERNAL = "internal"


class Phase(enum.StrEnum):
    """The last phase that a case reached."""

    FETCH = "fetch"
    COMPILE = "compile"
    RUN = "run"
    COMPARE = "compare"
    BENCHMARK = "benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Why a step did not succeed.

    Attributes:
        status: status of the case.
        kind: the cause; None for a status without one, such as `unsupported`.
        reason: a sentence for the user.
        is_runtime_crash: whether the runtime or a driver broke down, and not the model.
        is_of_inputs: whether the program refused its inputs.
        stale: JSON paths, in the spec or the config, of expected failures that did not happen.
        details: text for a log: where an unexpected exception came from.
    """

    status: Status
    kind: Kind | None
    reason: str
    is_runtime_crash: bool = False
    is_of_inputs: bool = False
    stale: tuple[str, ...] = ()
    details: str = ""


# An output that passes with a larger error ratio is close to its threshold: the next release may break it.
CLOSE_RATIO = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
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
    note: str = ""

    @property
    def is_close(self) -> bool:
        """Whether the output passes, but is close to its threshold."""
        return self.kind is None and self.share is not None and self.share > CLOSE_RATIO

    @property
    def decisive(self) -> Judged | None:
        """The condition that is nearest to failing; None if thresholds decide alone."""
        return max(self.conditions, key=lambda each: each.share, default=None)

    @property
    def share(self) -> float | None:
        """Which part of what is allowed is used: by the decisive condition, or by thresholds."""
        return self.decisive.share if self.decisive else self.error_ratio


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one case.

    Attributes:
        id: such as `sd3/clip[rocm-gfx942]`.
        model: such as `sd3`.
        submodel: such as `clip`.
        backend: such as `rocm`.
        chip: such as `gfx942`; None on the CPU.
        release: IREE release, such as `3.13.0`.
        status: the result.
        kind: the cause of a failure or an error.
        phase: the last phase that the case reached.
        reason: a sentence for the user.
        path: path of the spec file.
        config: path of the config, for a case of a suite.
        seconds: duration of each phase.
        modules: the compiled modules.
        failed_compilation: the compilation that failed; None if all went well, or none was tried.
        outputs: the compared outputs.
        latency: how long calls of the function took, if it was timed.
        budgets: the numbers that have a budget, as far as the case got.
        oracle: where the outputs come from that these were to be compared with; None for those that the spec expects.
        commands: argv of each step.
        logs: path of each step's log, relative to the results folder.
        blobs: the blobs that the case uses.
        peak_memory_bytes: peak memory of iree-run-module.
        kept: folder with its outputs, unless they are right, relative to the results folder; empty if there are none.
        work: folder in which its tools can be started again, likewise.
        tools: argv of each tool to start there, with the flags of the spec alone.
        notes: remarks for the user.
        stale: JSON paths, in the spec or the config, of expected failures that did not happen; `harness bless`
            deletes them.
        log_tail: end of the log of the step that decided the result.
    """

    id: str
    model: str
    submodel: str
    backend: str
    chip: str | None
    release: str | None = None
    status: Status
    kind: Kind | None = None
    phase: Phase | None = None
    reason: str = ""
    path: str = ""
    config: str = ""
    seconds: Mapping[str, Number] = field(default_factory=lambda: EMPTY)
    modules: tuple[Module, ...] = ()
    failed_compilation: FailedCompilation | None = None
    outputs: tuple[Measurement, ...] = ()
    latency: Latency | None = None
    budgets: tuple[BudgetCheck, ...] = ()
    oracle: Oracle | None = None
    commands: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    logs: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    blobs: tuple[FetchedBlob, ...] = ()
    peak_memory_bytes: int | None = None
    kept: str = ""
    work: str = ""
    tools: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    log_tail: str = ""


# Exit codes of commands, which reports contain too.
EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_NO_VERDICT = 0, 1, 2, 3
EXIT_BUG, EXIT_INTERRUPTED, EXIT_TERMINATED = 70, 130, 143

_NOT_TESTED = frozenset({Status.UNSUPPORTED, Status.SKIPPED})


def exit_code(outcomes: tuple[Outcome, ...]) -> int:
    """Return 1 if any case failed, else 3 if any ended in an error or none was tested, else 0."""
    statuses = {outcome.status for outcome in outcomes}
    if statuses & {Status.FAILED, Status.XPASSED}:
        return EXIT_FAILED
    return EXIT_NO_VERDICT if Status.ERROR in statuses or not statuses - _NOT_TESTED else EXIT_OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The results of a whole run.

    Attributes:
        started: time in UTC, ISO 8601.
        seconds: duration.
        exit_code: exit code of the command.
        environment: machine, IREE release, image and options, as JSON.
        cases: one outcome per case.
    """

    started: str
    seconds: Number
    exit_code: int
    environment: Mapping[str, Any]
    cases: tuple[Outcome, ...]
