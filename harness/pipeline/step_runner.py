"""Does the steps of a plan, each in a folder of its own, and returns how each one ended.

A fault of the model is the `Verdict` of a result. So is what keeps a step from being done, with the status `error`.
"""

import contextlib
import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from harness.core.blobs import Blob, Fetched
from harness.core.errors import DeviceError, DiskError, NoVerdictError, ToolError
from harness.core.outcomes import Kind, Measurement, Module, Status, Verdict
from harness.core.records import as_json, read
from harness.core.tensors import TensorType
from harness.host import devices, gpu_locks, process
from harness.host.devices import Gpu
from harness.host.disk import disk_errors, free_bytes
from harness.host.process import Cancelled, CancelToken, ProcessResult
from harness.iree.flags import STATISTICS_NAME
from harness.iree.toolchain import Toolchain
from harness.pipeline import diagnose, logs, planner, tensor_files
from harness.pipeline.step_results import (
    INTERRUPTED,
    CompareResult,
    CompileResult,
    FetchResult,
    Results,
    RunResult,
    StepResult,
)
from harness.pipeline.steps import Compare, Compile, Fetch, Link, Run, Step
from harness.store.store import Store

_FACTS = "facts.json"
_SIGNATURE = "signature.txt"
_DUMP_TIMEOUT_S = 60.0
_LEAST_FREE_BYTES = 64 * 1024


class StepRunner(Protocol):
    """Does one step and returns when it has ended."""

    def run(self, step: Step, results: Results, gpu: Gpu | None) -> StepResult:
        """Do a step whose needs are among the results; a user's mistake or a full disk is a verdict, no exception."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStepRunner:
    """Does steps in this process.

    Attributes:
        store: keeps modules.
        fetch: returns a blob on disk; raises FetchError, IntegrityError, DiskError or Cancelled.
        toolchain: the IREE release.
        host_cpu: identity of this machine's CPU, for the keys of modules.
        out_dir: folder of the results.
        timeout_s: limit for each program.
        cancel: stops the programs that are running.
    """

    store: Store
    fetch: Callable[[Blob], Fetched]
    toolchain: Toolchain
    host_cpu: str
    out_dir: Path
    timeout_s: float
    cancel: CancelToken = field(default_factory=CancelToken)

    def run(self, step: Step, results: Results, gpu: Gpu | None) -> StepResult:
        """Do a step whose needs are among the results. A run sees only the GPU that was claimed for it."""
        started = time.monotonic()
        try:
            with disk_errors(self.out_dir, removable=True):
                result = self._done(step, results, gpu)
        except _FailedError as failed:
            result = StepResult(verdict=failed.verdict, log_path=failed.log_path, log_tail=failed.log_tail)
        except NoVerdictError as error:
            result = StepResult(verdict=Verdict(status=Status.ERROR, kind=error.kind, reason=str(error)))
        except Cancelled:
            result = StepResult(verdict=INTERRUPTED)
        if result.verdict and result.log_path:
            logs.conclude(result.log_path, result.verdict)
        return result if result.seconds else msgspec.structs.replace(result, seconds=time.monotonic() - started)

    def _done(self, step: Step, results: Results, gpu: Gpu | None) -> StepResult:
        match step:
            case Fetch():
                return FetchResult(fetched=self.fetch(step.blob))
            case Compile():
                return self._compiled(step, results)
            case Run():
                return self._ran(step, results, gpu)
            case Compare():
                return _compared(step, results)

    def _compiled(self, step: Compile, results: Results) -> CompileResult:
        digests = {link.blob: results.fetched(link.blob).blob.sha256 for link in step.links}
        key = planner.module_key(step, digests, build=self.toolchain.build, host_cpu=self.host_cpu)
        entry = self.store.provide(
            "modules",
            key,
            lambda folder: self._compile_into(folder, step, key, results),
            activity=f"compiling {step.module} with IREE {step.release}",
        )
        cost = read(_Cost, json.loads((entry.path / _FACTS).read_bytes()))
        module = Module(
            key=key,
            bytes=(entry.path / step.module).stat().st_size,
            cached=entry.cached,
            sha256=entry.sha256(step.module),
            dispatches=_dispatches(entry.path / STATISTICS_NAME),
            compile_seconds=cost.compile_seconds,
            compile_cpu_seconds=cost.compile_cpu_seconds,
            peak_memory_bytes=cost.peak_memory_bytes,
        )
        return CompileResult(
            seconds=0.0 if entry.cached else module.compile_seconds,
            log_path=entry.path / logs.COMPILE_LOG,
            folder=entry.path,
            module=module,
            signature=(entry.path / _SIGNATURE).read_text(encoding="utf-8", errors="replace"),
        )

    def _compile_into(self, folder: Path, step: Compile, key: str, results: Results) -> None:
        """Fill the folder of a module: the module, its log, statistics, signature and cost."""
        _link(folder, step.links, results)
        argv = [str(self.toolchain.iree_compile), *step.argv[1:]]
        log = folder / logs.COMPILE_LOG
        ended = process.run(argv, cwd=folder, log_path=log, timeout_s=self.timeout_s, cancel=self.cancel)
        if ended.signal == signal.SIGBUS and free_bytes(folder) < _LEAST_FREE_BYTES:  # it maps the file that it writes
            raise DiskError(f"Cannot write {folder}: {process.NO_SPACE}. Free disk space, or choose another --store.")
        missing = [name for name in step.products if not _has_content(folder / name)]
        if verdict := diagnose.compile_verdict(step, ended, logs.text(log), missing=missing, timeout_s=self.timeout_s):
            raise _FailedError(verdict, logs.moved(log, logs.failed_compilation(self.out_dir, key)))
        for link in step.links:
            (folder / link.name).unlink()
        self._dump_signature(folder, step.module)
        (folder / _FACTS).write_text(json.dumps(as_json(_cost(ended))), encoding="utf-8")

    def _dump_signature(self, folder: Path, module: str) -> None:
        """Write what the module says about its functions; raw outputs have neither shape nor type."""
        argv = [str(self.toolchain.iree_dump_module), "--output=metadata", module]
        log = folder / _SIGNATURE
        process.run(argv, cwd=folder, log_path=log, timeout_s=_DUMP_TIMEOUT_S, cancel=self.cancel)

    def _ran(self, step: Run, results: Results, gpu: Gpu | None) -> RunResult:
        if gpu and (problem := devices.missing(gpu)):
            raise DeviceError(problem)
        folder, log = self._run_folders(step, results)
        for name, type_ in step.inputs:
            tensor_files.file_type(folder / name, type_)
        start = logs.begin(log, step.argv)
        ended = self._started(step, folder, log, gpu_locks.visible(gpu) if gpu else {})
        missing = [name for name in step.outputs if name and not (folder / name).exists()]
        text = logs.text(log, start=start)
        verdict = diagnose.run_verdict(step, ended, text, missing=missing, timeout_s=self.timeout_s)
        for link in [path for path in folder.iterdir() if path.is_symlink()]:
            link.unlink()
        return RunResult(
            verdict=verdict,
            seconds=ended.seconds,
            log_path=log,
            log_tail=logs.tail(log, start=start) if verdict else "",
            folder=folder,
            process=ended,
            declared=_declared_outputs(step, results),
        )

    def _run_folders(self, step: Run, results: Results) -> tuple[Path, Path]:
        """Return a new folder with all that a run reads, and the path of its log."""
        folder = logs.case_dir(self.out_dir / "outputs", step.case_id)
        log_dir = logs.case_dir(self.out_dir / "logs", step.case_id)
        with disk_errors(self.out_dir):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(log_dir, ignore_errors=True)
            folder.mkdir(parents=True)
            log_dir.mkdir(parents=True, exist_ok=True)
            _link(folder, step.links, results)
            for each in step.compiles:
                for name in {each.module, *each.products} - {STATISTICS_NAME}:
                    (folder / name).symlink_to(results.compiled(each).folder / name)
        return folder, log_dir / logs.RUN_LOG

    def _started(self, step: Run, folder: Path, log: Path, variables: Mapping[str, str]) -> ProcessResult:
        argv = list(step.argv)
        index = max(at for at, word in enumerate(argv) if word == "iree-run-module")  # a wrapper may say it too
        argv[index] = str(self.toolchain.iree_run_module)
        if program := shutil.which(argv[0]):
            argv[0] = str(Path(program).absolute())  # it runs in another folder
        try:
            return process.run(
                argv, cwd=folder, log_path=log, timeout_s=self.timeout_s, cancel=self.cancel, variables=variables
            )
        except ToolError as error:
            raise _FailedError(Verdict(status=Status.ERROR, kind=error.kind, reason=str(error)), log) from error


class _FailedError(Exception):
    """A program ended with a verdict and a log, and nothing of it is kept."""

    def __init__(self, verdict: Verdict, log_path: Path) -> None:
        super().__init__(verdict.reason)
        self.verdict, self.log_path, self.log_tail = verdict, log_path, logs.tail(log_path)


def _compared(step: Compare, results: Results) -> CompareResult:
    """Compare every output; the raw outputs are kept only if one of them is wrong."""
    outputs = tuple(_measurements(step, results))
    wrong = next((each for each in outputs if each.kind), None)
    if wrong is None:
        shutil.rmtree(results.ran(step.run).folder)
    verdict = Verdict(status=Status.FAILED, kind=wrong.kind, reason=wrong.reason) if wrong else None
    if verdict and (log := results.ran(step.run).log_path):
        logs.conclude(log, verdict)
    return CompareResult(verdict=verdict, outputs=outputs)


def _measurements(step: Compare, results: Results) -> Iterator[Measurement]:
    from harness.pipeline import compare  # noqa: PLC0415 - loads NumPy, which takes as long as all else

    ran = results.ran(step.run)
    for index, (name, expected) in enumerate(zip(step.run.outputs, step.expected, strict=True)):
        if expected is None:
            yield Measurement(index=index, type=None, ignored=True)
            continue
        link, declared = expected
        with _linked(ran.folder, link, results) as path:
            wanted, _ = tensor_files.file_type(path, declared)
            if reason := tensor_files.contradiction(index, wanted, ran.declared):
                yield Measurement(index=index, type=str(wanted), kind=Kind.SHAPE, reason=reason)
            else:
                actual = ran.folder / name
                _check_space(actual, wanted)
                yield compare.compare(index, actual, path, declared=declared, thresholds=step.thresholds)


def _check_space(actual: Path, expected: TensorType) -> None:
    """Tell a full disk from a program of another shape: iree-run-module ends with 0 in both cases."""
    lacking = expected.size_bytes - actual.stat().st_size
    if lacking > 0 and shutil.disk_usage(actual.parent).free < lacking:
        raise DiskError(f"Cannot write {actual}: {process.NO_SPACE}. Free disk space, or choose another --out.")


def _declared_outputs(step: Run, results: Results) -> tuple[str, ...] | None:
    function = next((arg.partition("=")[2] for arg in step.argv if arg.startswith("--function=")), None)
    return tensor_files.declared_outputs(results.compiled(step.compiles[-1]).signature, function)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    """What a compilation took, as it is kept beside the module."""

    compile_seconds: float
    compile_cpu_seconds: float
    peak_memory_bytes: int


def _cost(ended: ProcessResult) -> _Cost:
    return _Cost(
        compile_seconds=round(ended.seconds, 3),
        compile_cpu_seconds=round(ended.cpu_seconds, 3),
        peak_memory_bytes=ended.peak_memory_bytes,
    )


def _dispatches(statistics: Path) -> int | None:
    """Return the number of dispatches that the compiler counted; the layout is the same on all releases."""
    try:
        return int(json.loads(statistics.read_bytes())["stream-aggregate"]["execution"]["dispatch-count"])
    except (ValueError, KeyError, TypeError):
        return None


def _link(folder: Path, links: Sequence[Link], results: Results) -> None:
    for link in links:
        (folder / link.name).symlink_to(results.fetched(link.blob).path)


@contextlib.contextmanager
def _linked(folder: Path, link: Link, results: Results) -> Iterator[Path]:
    """Lend a blob under its plain name, whose suffix says whether it is an .npy file."""
    _link(folder, (link,), results)
    path = folder / link.name
    try:
        yield path
    finally:
        path.unlink()


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
