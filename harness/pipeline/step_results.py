"""What steps leave behind: how each one ended, and what the steps that need it use."""

from pathlib import Path
from typing import TypeVar

import msgspec

from harness.core.blobs import Blob, Fetched
from harness.core.devices import Device
from harness.core.floats import Number
from harness.core.measurements import FailedCompilation, Measurement, Module
from harness.core.statuses import Kind, Status, Verdict
from harness.core.timings import Latency, Reused
from harness.host.process import ProcessResult
from harness.pipeline.steps import Compile, Draw, Fetch, Run, Step

INTERRUPTED = Verdict(status=Status.ERROR, kind=Kind.TOOL, reason="interrupted before there was a result")


class StepResult(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How a step ended. The result of a step that leaves nothing to others has no other fields.

    Attributes:
        verdict: what went wrong, or None.
        seconds: duration without the time spent waiting for a resource.
        began: when it got its resource, in seconds since 1970; 0 if it got none.
        held_s: how long it held its resource.
        resource: what that is, such as `gpu 0`.
        log_path: the log of the program that the step ran, if it ran one.
        log_tail: the end of that log if something went wrong.
        notes: remarks for the reader.
    """

    verdict: Verdict | None = None
    seconds: Number = 0.0
    began: Number = 0.0
    held_s: Number = 0.0
    resource: str = ""
    log_path: Path | None = None
    log_tail: str = ""
    notes: tuple[str, ...] = ()


class FetchResult(StepResult, frozen=True, kw_only=True):
    """A blob on disk."""

    fetched: Fetched


class CompileResult(StepResult, frozen=True, kw_only=True):
    """A module in the store.

    Attributes:
        folder: the folder with the module, the log and the statistics of the compiler.
        module: the module as the results quote it.
        signature: what `iree-dump-module` prints about the functions of the module.
        products: the names and the SHA-256 of all files that a run may read, the module among them.
        lacks_stand_ins: whether the compiler made weights, and left out parameters as this program names them.
    """

    folder: Path
    module: Module
    signature: str = ""
    products: tuple[tuple[str, str], ...] = ()
    lacks_stand_ins: bool = False


class FailedCompileResult(StepResult, frozen=True, kw_only=True):
    """A compilation that left no module."""

    compilation: FailedCompilation


class DrawResult(StepResult, frozen=True, kw_only=True):
    """An archive of random weights in the store: its path and digest."""

    path: Path
    sha256: str


class RunResult(StepResult, frozen=True, kw_only=True):
    """The raw outputs of a run.

    Attributes:
        folder: the folder with one file for each output.
        outputs: the name of the file of each output; empty for one that is ignored.
        argv: the command line, with the files of the outputs, which may depend on the module.
        process: how iree-run-module ended.
        free_bytes: free space of the disk that it wrote to, when it had ended.
        types: the type of each output as the program gave it, e.g. `2x3xf32`, as far as it is known.
        declared: the types that the module declares for its outputs, e.g. `?x3xf32`, as far as it does.
        devices: the devices that the program got, as far as their drivers told.
        reused: the earlier run that this is; None if it was done now.
    """

    folder: Path
    outputs: tuple[str, ...]
    argv: tuple[str, ...]
    process: ProcessResult
    free_bytes: int
    types: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()
    reused: Reused | None = None


class CompareResult(StepResult, frozen=True, kw_only=True):
    """Every output of a run, measured against what the spec or an oracle expects.

    Attributes:
        outputs: the outputs.
        nothing: why nothing was compared, or nothing.
    """

    outputs: tuple[Measurement, ...]
    nothing: str = ""


class BenchmarkResult(StepResult, frozen=True, kw_only=True):
    """How long calls of a function took.

    Attributes:
        latency: the real times.
        cpu_time: the CPU times of the process, all its threads together.
        busy: share of the time of its cores that other processes used meanwhile, from 0 to 1.
        devices: the devices that the program got, as far as their drivers told.
    """

    latency: Latency
    cpu_time: Latency
    busy: float
    devices: tuple[Device, ...] = ()


class StepFailedError(Exception):
    """A program ended with a verdict and a log, and left nothing that other steps use."""

    def __init__(self, result: StepResult) -> None:
        """Carry the result."""
        super().__init__(result.verdict.reason if result.verdict else "")
        self.result = result


_Result = TypeVar("_Result", bound=StepResult)


class Results(dict[Step, StepResult]):
    """The results of the steps done so far. The methods return the result of a step that succeeded.

    They raise KeyError if the step was not done, and TypeError if it left nothing.
    """

    def fetched(self, blob: Blob) -> Fetched:
        """Return where a blob is."""
        return self._result(Fetch(blob=blob), FetchResult).fetched

    def compiled(self, step: Compile) -> CompileResult:
        """Return what a compilation left."""
        return self._result(step, CompileResult)

    def drawn(self, step: Draw) -> DrawResult:
        """Return the archive that a step made."""
        return self._result(step, DrawResult)

    def ran(self, step: Run) -> RunResult:
        """Return what a run left."""
        return self._result(step, RunResult)

    def _result(self, step: Step, kind: type[_Result]) -> _Result:
        result = self[step]
        if not isinstance(result, kind):
            raise TypeError(f"{type(step).__name__} left a {type(result).__name__}; expected a {kind.__name__}")
        return result
