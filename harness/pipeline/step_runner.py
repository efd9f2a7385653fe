"""Does the steps of a plan, each in a folder of its own, and says how each ended.

What the model did wrong is a `Verdict` in the result; what stood in the way becomes one, of status `error`.
"""

import contextlib
import dataclasses
import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.blobs import Blob, Fetched
from harness.core.errors import DeviceError, DiskError, NoVerdictError
from harness.core.outcomes import Kind, Measurement, Module, Status, Verdict
from harness.core.tensors import TensorType
from harness.host import devices, gpu_locks, process
from harness.host.devices import Gpu
from harness.host.disk import disk_errors, free_bytes
from harness.host.process import Cancelled, CancelToken, ProcessResult
from harness.iree.flags import STATISTICS_NAME
from harness.iree.toolchain import Toolchain
from harness.pipeline import compare, diagnose, planner, signature
from harness.pipeline.steps import Compare, Compile, Fetch, Link, Run, Step
from harness.store.store import Store

COMPILE_LOG = "compile.log"
RUN_LOG = "run.log"
INTERRUPTED = Verdict(status=Status.ERROR, kind=Kind.TOOL, reason="interrupted before it was judged")
_FACTS = "facts.json"
_SIGNATURE = "signature.txt"
_LOG_TAIL_BYTES = 64 * 1024
_LOG_HEAD_BYTES = 1024 * 1024
_DUMP_TIMEOUT_S = 60.0
_LEAST_FREE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """How a step ended: with a value, or with a verdict on it. `seconds` leaves out waiting for others."""

    step: Step
    verdict: Verdict | None = None
    seconds: float = 0.0
    value: Any = None
    log_path: Path | None = None
    log_tail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """What a compilation left in the store: `folder` with module, log and statistics."""

    folder: Path
    module: Module
    signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a run left: `folder` with the raw outputs, and the types that the program declares for them."""

    folder: Path
    ended: ProcessResult
    declared: tuple[str, ...] | None = None


Results = Mapping[Step, StepResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStepRunner:
    """Does steps with one toolchain, one store and one folder of results."""

    store: Store
    fetch: Callable[[Blob], Fetched]
    toolchain: Toolchain
    host_cpu: str
    out_dir: Path
    timeout_s: float
    cancel: CancelToken = field(default_factory=CancelToken)

    def run(self, step: Step, results: Results, gpu: Gpu | None) -> StepResult:
        """Do a step whose needs are among the results; never raises for what a user can cause.

        A run sees no other GPU than the one that was claimed for it.
        """
        started = time.monotonic()
        try:
            done = self._do(step, results, gpu)
        except _FailedError as failed:
            done = StepResult(
                step=step, verdict=failed.verdict, log_path=failed.log_path, log_tail=log_tail(failed.log_path)
            )
        except NoVerdictError as error:
            done = StepResult(step=step, verdict=Verdict(status=Status.ERROR, kind=error.kind, reason=str(error)))
        except Cancelled:
            done = StepResult(step=step, verdict=INTERRUPTED)
        return done if done.seconds else dataclasses.replace(done, seconds=time.monotonic() - started)

    def _do(self, step: Step, results: Results, gpu: Gpu | None) -> StepResult:
        match step:
            case Fetch():
                return StepResult(step=step, value=self.fetch(step.blob))
            case Compile():
                return self._compile(step, results)
            case Run():
                return self._run(step, results, gpu)
            case Compare():
                return self._compare(step, results)

    def _compile(self, step: Compile, results: Results) -> StepResult:
        digests = {link.blob: _fetched(link.blob, results).blob.sha256 for link in step.links}
        key = planner.module_key(step, digests, build=self.toolchain.build, host_cpu=self.host_cpu)

        def make(folder: Path) -> None:
            self._make_module(step, key, folder, results)

        entry = self.store.provide("modules", key, make)
        facts = json.loads((entry.path / _FACTS).read_bytes())
        module = Module(
            key=key,
            bytes=(entry.path / step.module).stat().st_size,
            cached=entry.cached,
            sha256=entry.sha256(step.module),
            dispatches=_dispatches(entry.path / STATISTICS_NAME),
            **facts,
        )
        declared = (entry.path / _SIGNATURE).read_text(encoding="utf-8", errors="replace")
        compiled = Compiled(folder=entry.path, module=module, signature=declared)
        seconds = 0.0 if entry.cached else module.compile_seconds
        return StepResult(step=step, value=compiled, seconds=seconds, log_path=entry.path / COMPILE_LOG)

    def _make_module(self, step: Compile, key: str, folder: Path, results: Results) -> None:
        _link(folder, step.links, results)
        argv = [str(self.toolchain.iree_compile), *step.argv[1:]]
        log = folder / COMPILE_LOG
        ended = process.run(argv, cwd=folder, log_path=log, timeout_s=self.timeout_s, cancel=self.cancel)
        if ended.signal == signal.SIGBUS and free_bytes(folder) < _LEAST_FREE_BYTES:  # it maps the file that it writes
            raise DiskError(f"{folder}: {process.NO_SPACE}; free some, or name another folder with --store.")
        missing = [name for name in step.products if not _has_content(folder / name)]
        text = log_text(log)
        if verdict := diagnose.compile_verdict(ended, text, missing=missing, timeout_s=self.timeout_s):
            kept = self.out_dir / "logs" / "modules" / f"{key[:16]}.log"
            raise _FailedError(verdict, _moved(log, kept))
        for link in step.links:
            (folder / link.name).unlink()
        self._dump_signature(folder, step.module)
        facts = {
            "compile_seconds": round(ended.seconds, 3),
            "compile_cpu_seconds": round(ended.cpu_seconds, 3),
            "peak_memory_bytes": ended.peak_memory_bytes,
        }
        (folder / _FACTS).write_text(json.dumps(facts), encoding="utf-8")

    def _dump_signature(self, folder: Path, module: str) -> None:
        """Write what the module says of its functions; raw outputs name neither shape nor type."""
        argv = [str(self.toolchain.iree_dump_module), "--output=metadata", module]
        log = folder / _SIGNATURE
        process.run(argv, cwd=folder, log_path=log, timeout_s=_DUMP_TIMEOUT_S, cancel=self.cancel)

    def _run(self, step: Run, results: Results, gpu: Gpu | None) -> StepResult:
        if gpu and (problem := devices.missing(gpu)):
            raise DeviceError(problem)
        folder, log = case_dir(self.out_dir / "outputs", step.case_id), case_dir(self.out_dir / "logs", step.case_id)
        with disk_errors(self.out_dir):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(log, ignore_errors=True)
            folder.mkdir(parents=True)
            log.mkdir(parents=True, exist_ok=True)
            _link(folder, step.links, results)
            self._link_modules(folder, step, results)
        for name, type_ in step.inputs:
            compare.file_type(folder / name, type_)
        ended = self._started(step, folder, log / RUN_LOG, gpu_locks.visible(gpu) if gpu else {})
        missing = [name for name in step.outputs if name and not (folder / name).exists()]
        text = log_text(log / RUN_LOG)
        verdict = diagnose.run_verdict(step, ended, text, missing=missing, timeout_s=self.timeout_s)
        function = next((arg.partition("=")[2] for arg in step.argv if arg.startswith("--function=")), None)
        declared = signature.declared_outputs(results[step.compiles[-1]].value.signature, function)
        for path in folder.iterdir():
            if path.is_symlink():
                path.unlink()
        return StepResult(
            step=step,
            verdict=verdict,
            seconds=ended.seconds,
            value=Ran(folder=folder, ended=ended, declared=declared),
            log_path=log / RUN_LOG,
            log_tail=log_tail(log / RUN_LOG) if verdict else "",
        )

    def _compare(self, step: Compare, results: Results) -> StepResult:
        """Judge every output; the raw outputs are kept only if one of them is wrong."""
        measurements = tuple(_measurements(step, results))
        wrong = next((each for each in measurements if each.kind), None)
        if wrong is None:
            shutil.rmtree(results[step.run].value.folder)
        verdict = Verdict(status=Status.FAILED, kind=wrong.kind, reason=wrong.reason) if wrong else None
        return StepResult(step=step, verdict=verdict, value=measurements)

    def _link_modules(self, folder: Path, step: Run, results: Results) -> None:
        for each in step.compiles:
            for name in {each.module, *each.products} - {STATISTICS_NAME}:
                (folder / name).symlink_to(results[each].value.folder / name)

    def _started(self, step: Run, folder: Path, log: Path, variables: Mapping[str, str]) -> ProcessResult:
        argv = list(step.argv)
        place = max(index for index, word in enumerate(argv) if word == "iree-run-module")  # a wrapper may say it too
        argv[place] = str(self.toolchain.iree_run_module)
        if program := shutil.which(argv[0]):
            argv[0] = str(Path(program).absolute())  # it runs in another folder
        return process.run(
            argv, cwd=folder, log_path=log, timeout_s=self.timeout_s, cancel=self.cancel, variables=variables
        )


class _FailedError(Exception):
    """A step ended with a verdict and a log that says why."""

    def __init__(self, verdict: Verdict, log_path: Path) -> None:
        super().__init__(verdict.reason)
        self.verdict, self.log_path = verdict, log_path


def case_dir(root: Path, case_id: str) -> Path:
    """Return the folder of a case: `sd3/clip[rocm-gfx942]` has `ROOT/sd3/clip-rocm-gfx942`."""
    return root / case_id.replace("[", "-").removesuffix("]")


def log_text(path: Path) -> str:
    """Return a log without the middle if it is longer than a MiB at each end."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_LOG_HEAD_BYTES)
        file.seek(max(len(head), size - _LOG_HEAD_BYTES))
        return (head + file.read(_LOG_HEAD_BYTES)).decode(errors="replace")


def log_tail(path: Path) -> str:
    """Return the end of a log."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LOG_TAIL_BYTES))
        return file.read(_LOG_TAIL_BYTES).decode(errors="replace")


def _measurements(step: Compare, results: Results) -> Iterator[Measurement]:
    ran: Ran = results[step.run].value
    for index, (name, expected) in enumerate(zip(step.run.outputs, step.expected, strict=True)):
        if expected is None:
            yield Measurement(index=index, type=None, ignored=True)
            continue
        link, declared = expected
        with _linked(ran.folder, link, results) as path:
            wanted, _ = compare.file_type(path, declared)
            if reason := signature.contradiction(index, wanted, ran.declared):
                yield Measurement(index=index, type=str(wanted), kind=Kind.SHAPE, reason=reason)
            else:
                actual = ran.folder / name
                _check_space(actual, wanted)
                yield compare.compare(index, actual, path, declared=declared, thresholds=step.thresholds)


def _check_space(actual: Path, expected: TensorType) -> None:
    """Tell a full disk from a program of another shape: iree-run-module ends with 0 in both cases."""
    lacking = expected.size_bytes - actual.stat().st_size
    if lacking > 0 and shutil.disk_usage(actual.parent).free < lacking:
        raise DiskError(f"{actual}: no space was left for an output; free some, or name another folder with --out.")


def _dispatches(statistics: Path) -> int | None:
    """Return the number of dispatches that the compiler counted; the layout is the same on all releases."""
    try:
        return int(json.loads(statistics.read_bytes())["stream-aggregate"]["execution"]["dispatch-count"])
    except (ValueError, KeyError, TypeError):
        return None


def _link(folder: Path, links: Sequence[Link], results: Results) -> None:
    for link in links:
        (folder / link.name).symlink_to(_fetched(link.blob, results).path)


def _fetched(blob: Blob, results: Results) -> Fetched:
    value: Fetched = results[Fetch(blob=blob)].value
    return value


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


def _moved(path: Path, to: Path) -> Path:
    with disk_errors(to):
        to.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(path, to))
