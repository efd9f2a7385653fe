"""Outcomes: the result of each case, and the exit code that follows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from harness.core.blobs import FetchedBlob
from harness.core.cases import EMPTY
from harness.core.devices import Device
from harness.core.exit_codes import EXIT_FAILED, EXIT_NO_VERDICT, EXIT_OK
from harness.core.floats import Number
from harness.core.measurements import BudgetCheck, FailedCompilation, Measurement, Module
from harness.core.quarantines import Quarantine
from harness.core.references import Oracle
from harness.core.statuses import Kind, Phase, Status
from harness.core.timings import Latency, Reused, StepTime
from harness.core.values import frozen
from harness.core.variants import Variant


@frozen
class Outcome:
    """The result of one case.

    Attributes:
        id: such as `sd3/clip[rocm-gfx942]`.
        model: such as `sd3`.
        submodel: such as `clip`.
        backend: such as `rocm`.
        chip: such as `gfx942`; None on the CPU.
        release: IREE release, such as `3.13.0`.
        variant: what a search tests in place of the release; None if that is the release.
        devices: the devices that it ran on, as far as their drivers told; none on the CPU.
        status: the result.
        kind: the cause of a failure or an error.
        phase: the last phase that the case reached.
        reason: a sentence for the user.
        path: path of the spec file.
        config: path of the config, for a case of a suite.
        listed_as: what the config calls the case.
        seconds: duration of each phase.
        reused: the earlier run that was taken in place of a new one; None if the case ran, or could not.
        steps: when each step was done; not the download of a blob that the cache had.
        modules: the compiled modules.
        failed_compilation: the compilation that failed; None if all went well, or none was tried.
        outputs: the compared outputs.
        latency: how long calls of the function took, if it was timed.
        budgets: the numbers that have a budget, as far as the case got.
        oracle: where the outputs come from that these were to be compared with; None for those that the spec expects.
        importer: what wrote the program, such as `IREE 3.13.0`; empty if it was not imported.
        written: SHA-256 of the inputs and expected outputs that the spec writes out or draws; empty if it has none.
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
        quarantined: why it fails nothing, or did so in the past; None if it was never in quarantine.
    """

    id: str
    model: str
    submodel: str
    backend: str
    chip: str | None
    release: str | None = None
    variant: Variant | None = None
    devices: tuple[Device, ...] = ()
    status: Status
    kind: Kind | None = None
    phase: Phase | None = None
    reason: str = ""
    path: str = ""
    config: str = ""
    listed_as: str = ""
    seconds: Mapping[str, Number] = field(default_factory=lambda: EMPTY)
    reused: Reused | None = None
    steps: tuple[StepTime, ...] = ()
    modules: tuple[Module, ...] = ()
    failed_compilation: FailedCompilation | None = None
    outputs: tuple[Measurement, ...] = ()
    latency: Latency | None = None
    budgets: tuple[BudgetCheck, ...] = ()
    oracle: Oracle | None = None
    importer: str = ""
    written: str = ""
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
    quarantined: Quarantine | None = None

    @property
    def column(self) -> str | None:
        """What tells it from its case's other outcomes in a search: an image, a HIP runtime, or else the release."""
        return _column(self)

    @property
    def is_excused(self) -> bool:
        """Whether it is not as expected, but in quarantine."""
        return _is_excused(self)


@frozen
class Head:
    """What tells a case from others, and how it ended: the fields of an outcome that many renderers look at first."""

    id: str
    model: str
    backend: str
    chip: str | None
    release: str | None = None
    variant: Variant | None = None
    status: Status
    config: str = ""
    quarantined: Quarantine | None = None

    @property
    def column(self) -> str | None:
        """As of an outcome."""
        return _column(self)

    @property
    def is_excused(self) -> bool:
        """As of an outcome."""
        return _is_excused(self)


def _column(each: Outcome | Head) -> str | None:
    return each.variant.name if each.variant else each.release


def _is_excused(each: Outcome | Head) -> bool:
    is_bad = each.status in {Status.FAILED, Status.XPASSED, Status.ERROR}
    return is_bad and each.quarantined is not None and not each.quarantined.has_ended


_NOT_TESTED = frozenset({Status.UNSUPPORTED, Status.SKIPPED})


def exit_code(outcomes: Iterable[Outcome | Head]) -> int:
    """Return 1 if any case failed, else 3 if any ended in an error or none was tested, else 0.

    A case in quarantine counts like one that fails as expected. A shard without cases is as expected.
    """
    statuses = {Status.XFAILED if outcome.is_excused else outcome.status for outcome in outcomes}
    if statuses & {Status.FAILED, Status.XPASSED}:
        return EXIT_FAILED
    is_untested = bool(statuses) and statuses <= _NOT_TESTED
    return EXIT_NO_VERDICT if Status.ERROR in statuses or is_untested else EXIT_OK


@frozen
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
    cases: Sequence[Outcome]
