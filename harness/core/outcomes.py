"""Outcomes: what happened to a case, why, and the exit code that follows from it."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.core.blobs import FetchedBlob
from harness.core.cases import EMPTY


class Status(enum.StrEnum):
    """What can happen to a case. See the table in README."""

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
    """Why a case `failed` (first group) or why there is no verdict, an `error` (second)."""

    NUMERIC = "numeric"
    NAN = "nan"
    SHAPE = "shape"
    COMPILE = "compile"
    CRASH = "crash"
    TIMEOUT = "timeout"
    BUDGET = "budget"

    FETCH = "fetch"
    INTEGRITY = "integrity"
    DEVICE = "device"
    TOOL = "tool"
    ENGINE = "engine"
    DISK = "disk"


class Phase(enum.StrEnum):
    """How far a case came."""

    FETCH = "fetch"
    COMPILE = "compile"
    RUN = "run"
    COMPARE = "compare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Why something did not do what it should."""

    status: Status
    kind: Kind | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One output against its expectation. Errors are absolute unless named otherwise.

    `error_ratio` is the largest error over its own threshold: above 1 is a failure. A number that
    has no meaning (an ignored output, a wrong size, nothing finite to compare) is None.
    """

    index: int
    type: str | None
    ignored: bool = False
    kind: Kind | None = None
    reason: str = ""
    atol: float = 0.0
    rtol: float = 0.0
    elements: int = 0
    max_abs_error: float | None = None
    mean_abs_error: float | None = None
    max_rel_error: float | None = None
    cosine_similarity: float | None = None
    error_ratio: float | None = None
    mismatches: int = 0
    first_mismatch: tuple[int, ...] | None = None
    nan: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A compiled module as the results quote it; times and memory are those of its compilation."""

    key: str
    bytes: int
    cached: bool
    sha256: str
    dispatches: int | None = None
    compile_seconds: float = 0.0
    compile_cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened to one case. `log_tail` is the end of the log of the step that decided."""

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
    seconds: Mapping[str, float] = field(default_factory=lambda: EMPTY)
    modules: tuple[Module, ...] = ()
    outputs: tuple[Measurement, ...] = ()
    commands: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    logs: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    blobs: tuple[FetchedBlob, ...] = ()
    peak_memory_bytes: int | None = None
    notes: tuple[str, ...] = ()
    log_tail: str = ""


# The exit codes of the command, and of the reports that it writes.
EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_NO_VERDICT = 0, 1, 2, 3
EXIT_BUG, EXIT_INTERRUPTED, EXIT_TERMINATED = 70, 130, 143


def exit_code(outcomes: tuple[Outcome, ...]) -> int:
    """Return 1 when any case failed, else 3 when any ended in error, else 0."""
    statuses = {outcome.status for outcome in outcomes}
    if statuses & {Status.FAILED, Status.XPASSED}:
        return EXIT_FAILED
    return EXIT_NO_VERDICT if Status.ERROR in statuses else EXIT_OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole run: what it ran on and what came of each case. `started` is UTC, ISO 8601."""

    started: str
    seconds: float
    exit_code: int
    environment: Mapping[str, Any]
    cases: tuple[Outcome, ...]
