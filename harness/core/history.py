"""What a history keeps of runs: a run and its cases as flat values, without logs and command lines."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

import platformdirs

from harness.core.statuses import Kind, Status
from harness.core.values import frozen

_APPLICATION = "iree-quality-harness"


def default_history() -> Path:
    """Return the file of the user's history."""
    return Path(platformdirs.user_state_dir(_APPLICATION, appauthor=False)) / "history.sqlite"


@frozen
class HistorySettings:
    """Where runs are recorded.

    Attributes:
        path: the file; None to record nothing.
        is_shared: whether the file has the runs of all projects of the user, so that those of this project are chosen.
        branch: branch that is tested, if a CI server says so; None for that of the git checkout.
        commit: likewise its commit.
        exports: files and URLs to which runs are exported as lines of JSON.
    """

    path: Path | None = field(default_factory=default_history)
    is_shared: bool = True
    branch: str | None = None
    commit: str | None = None
    exports: tuple[str, ...] = ()


@frozen
class RunRecord:
    """A run, as the history keeps it.

    Attributes:
        id: 16 hexadecimal digits, a digest of its results.json.
        started: time in UTC, ISO 8601.
        seconds: duration.
        exit_code: exit code of the command.
        command: such as `quality` or `pytest`.
        engine: `container` or `local`.
        image: tag of the image.
        release: IREE release, such as `3.13.0`.
        compiler_commit: commit of its compiler.
        machine: name of the CPU.
        kernel: release of the kernel.
        gpus: the GPUs of the machine, such as `mi300 (gfx942)`, separated by commas.
        harness: version of the harness.
        branch: branch of the checkout in which it was started.
        commit: likewise its commit.
        project: folder of that checkout, or else the current folder.
        folder: folder of the results.
        is_pinned: whether the run and its results are kept until it is unpinned.
    """

    id: str
    started: str
    seconds: float | None = None
    exit_code: int = 0
    command: str = "quality"
    engine: str | None = None
    image: str | None = None
    release: str | None = None
    compiler_commit: str | None = None
    machine: str | None = None
    kernel: str | None = None
    gpus: str | None = None
    harness: str | None = None
    branch: str | None = None
    commit: str | None = None
    project: str = ""
    folder: str = ""
    is_pinned: bool = False


@frozen
class CaseRecord:
    """The result of a case in a run, as the history keeps it. A number that is not known is None.

    Attributes:
        id: such as `sd3/clip[rocm-gfx942]`.
        name: such as `sd3/clip`.
        backend: such as `rocm`.
        chip: such as `gfx942`.
        release: IREE release; empty if the run did not get so far.
        status: the result.
        kind: the cause of a failure or an error.
        reason: a sentence for the user.
        is_green: whether the result is as expected.
        device: what the case ran on: the product and chip of a GPU, or the name of the CPU.
        device_uuid: which of such devices; empty if the driver does not say, or several may be meant.
        module: digest of the compiled modules, or the key of the compilation that failed; empty without one.
        inputs: digest of the module, the blobs and the command of the run.
        limits: digest of what the outputs may differ by; empty if nothing was compared.
        is_cached: whether no module was compiled in the run.
        is_reused: whether the case did not run, because it passed before with all that it depends on.
        max_abs_error: largest absolute error.
        error_ratio: largest share of what is allowed.
        compile_seconds: duration of the compilations.
        compile_memory_bytes: peak memory of the largest of them.
        run_seconds: duration of the run.
        module_bytes: size of the modules.
        dispatches: number of dispatches.
        latency_ms: median latency.
        peak_memory_bytes: peak memory of the run.
        quarantine: why the case counted for nothing; None if it counted.
    """

    id: str
    name: str
    backend: str
    chip: str | None = None
    release: str = ""
    status: Status
    kind: Kind | None = None
    reason: str = ""
    is_green: bool
    device: str = ""
    device_uuid: str = ""
    module: str = ""
    inputs: str = ""
    limits: str = ""
    is_cached: bool = False
    is_reused: bool = False
    max_abs_error: float | None = None
    error_ratio: float | None = None
    compile_seconds: float | None = None
    compile_memory_bytes: int | None = None
    run_seconds: float | None = None
    module_bytes: int | None = None
    dispatches: int | None = None
    latency_ms: float | None = None
    peak_memory_bytes: int | None = None
    quarantine: str | None = None

    @property
    def hardware(self) -> tuple[str, str]:
        """What it ran on, as exactly as that is known."""
        return self.device, self.device_uuid


@frozen
class Cost:
    """What a case took when it ran last, with whatever release; a number that is not known is None.

    Attributes:
        compile_seconds: duration of the compilations.
        compile_memory_bytes: peak memory of the largest of them.
        run_seconds: duration of the run.
        peak_memory_bytes: peak memory of the run.
    """

    compile_seconds: float | None = None
    compile_memory_bytes: int | None = None
    run_seconds: float | None = None
    peak_memory_bytes: int | None = None


@frozen
class Recorded:
    """A result of a case, and the run that it is of."""

    run: RunRecord
    case: CaseRecord


@frozen
class RunSummary:
    """A run, and how many of its cases ended with which status."""

    run: RunRecord
    counts: Mapping[Status, int]


@frozen
class Flakiness:
    """How a case ended whose release, device and inputs stayed the same.

    Attributes:
        runs: number of results with the same release, device and inputs.
        odd: how many of them ended otherwise than most.
        outcomes: how often each status or kind occurred, the most frequent first.
    """

    runs: int
    odd: int
    outcomes: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, outcomes: Counter[str]) -> "Flakiness":
        """Return what follows from the number of times that each status or kind occurred."""
        ranked = tuple(outcomes.most_common())
        return cls(runs=outcomes.total(), odd=outcomes.total() - (ranked[0][1] if ranked else 0), outcomes=ranked)
