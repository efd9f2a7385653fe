"""How a case or one of its steps ends, and why."""

import enum

from harness.core.values import frozen


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
    """The cause of a `failed` case (first group), of an `error` (second group) or of a `skipped` case."""

    NUMERIC = "numeric"
    NAN = "nan"
    SHAPE = "shape"
    COMPILE = "compile"
    LOAD = "load"
    CRASH = "crash"
    TIMEOUT = "timeout"
    BUDGET = "budget"

    FETCH = "fetch"
    IMPORT = "import"
    INTEGRITY = "integrity"
    DEVICE = "device"
    TOOL = "tool"
    ENGINE = "engine"
    ORACLE = "oracle"
    DISK = "disk"
    INTERNAL = "internal"

    NOT_RUN = "not_run"


class Phase(enum.StrEnum):
    """The last phase that a case reached."""

    FETCH = "fetch"
    IMPORT = "import"
    COMPILE = "compile"
    RUN = "run"
    COMPARE = "compare"
    BENCHMARK = "benchmark"


@frozen
class Verdict:
    """Why a step did not succeed.

    Attributes:
        status: status of the case.
        kind: the cause; None for a status without one, such as `unsupported`.
        reason: a sentence for the user.
        is_runtime_crash: whether the runtime or a driver broke down, and not the model.
        lacks_memory: whether the machine had too little memory for a program, which may have enough another time.
        is_of_inputs: whether the program refused its inputs.
        stale: JSON paths, in the spec or the config, of expected failures that did not happen.
        details: text for a log: where an unexpected exception came from.
    """

    status: Status
    kind: Kind | None
    reason: str
    is_runtime_crash: bool = False
    lacks_memory: bool = False
    is_of_inputs: bool = False
    stale: tuple[str, ...] = ()
    details: str = ""
