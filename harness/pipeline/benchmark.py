"""Times the function of a case with iree-benchmark-module, and reads its report.

The report is that of google/benchmark: a list of entries, of which those with the `run_type` `iteration` are the
repetitions. It is the same for all releases from 3.0.0 to 3.13.0.
"""

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from harness.core import strict_json
from harness.core.statuses import Kind, Status, Verdict
from harness.core.timings import Latency
from harness.core.values import frozen
from harness.host import cores, files, gpu_locks
from harness.host.beneath import Folder
from harness.host.cores import Usage
from harness.host.devices import Gpu
from harness.host.disk import disk_errors
from harness.host.process import ProcessResult
from harness.pipeline import logs, output_types, run_steps
from harness.pipeline.benchmark_steps import PROGRAM, REPORT
from harness.pipeline.model_run import (
    ModelRunner,
    check_gpus,
    command,
    files_of,
    started,
    with_program,
    write_files,
)
from harness.pipeline.step_results import BenchmarkResult, Results, StepFailedError, StepResult
from harness.pipeline.steps import Benchmark, Run
from harness.pipeline.tools import ToolRun

_FUNCTION = "--function="
_MAX_BYTES = 16 << 20
_MILLISECONDS: Mapping[str, float] = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3}
_ONE_THREAD = {"local-sync"}


@frozen
class BenchmarkRunner:
    """Times functions with the runtime of a release.

    Attributes:
        program: the path of iree-benchmark-module.
        runs: runs models with the same release.
    """

    program: Path
    runs: ModelRunner

    def run(self, step: Benchmark, results: Results, gpus: Sequence[Gpu]) -> BenchmarkResult:
        """Time the function of a case, on the GPUs that were claimed for it and on cores of its own choice.

        Raises:
            StepFailedError: the program, or the wrapper before it, cannot be started, or says why it fails.
            DeviceError: a GPU is gone.
            DiskError: the folders cannot be written.
        """
        check_gpus(gpus)
        with self._folder(step.run) as folder:
            asked = self._asked(step, results, folder, gpus)
            start = logs.begin(asked.log_path, step.argv)
            used = self.runs.devices_of(asked, self.program)
            before = Usage.now(asked.cores)
            ended = started(asked, self.runs.tools, self.runs.cancel).process
            busy = Usage.now(asked.cores).share_of_others(before, ended.cpu_seconds)
            verdict = self._verdict(step, ended, logs.text(asked.log_path, start=start), results)
            times = read(folder / REPORT) if verdict is None else None
        result = StepResult(verdict=verdict, seconds=ended.seconds, log_path=asked.log_path)
        if times:
            real, cpu = times
            return BenchmarkResult(
                seconds=ended.seconds, log_path=asked.log_path, latency=real, cpu_time=cpu, busy=busy, devices=used
            )
        tail = logs.tail(asked.log_path, start=start)
        raise StepFailedError(msgspec.structs.replace(result, verdict=verdict or _NOTHING, log_tail=tail))

    @contextlib.contextmanager
    def _folder(self, step: Run) -> Iterator[Path]:
        """Yield a folder with the tensors that the spec writes out; it is removed at the end."""
        root = self.runs.out_dir
        folder, files = logs.case_dir(root / ".benchmark", step.case_id), Folder(root)
        with disk_errors(root):
            files.remove(folder)
            files.make(folder)
            files.make(logs.case_dir(root / "logs", step.case_id))
            try:
                write_files(files, folder, step)
                yield folder
            finally:
                files.remove(root / ".benchmark")

    def _asked(self, step: Benchmark, results: Results, folder: Path, gpus: Sequence[Gpu]) -> ToolRun:
        log_dir = logs.case_dir(self.runs.out_dir / "logs", step.run.case_id)
        argv = (*command(step.argv, step.run, results, gpus), *_function(step, results))
        return ToolRun(
            argv=with_program(argv, PROGRAM, self.program),
            reads=files_of(step.run, results, folder),
            writes=(REPORT,),
            folder=folder,
            log_path=log_dir / logs.BENCHMARK_LOG,
            timeout_s=self.runs.timeout_s,
            variables=gpu_locks.visible(gpus),
            cores=_cores(step.run.devices),
        )

    def _verdict(self, step: Benchmark, ended: ProcessResult, log: str, results: Results) -> Verdict | None:
        verdict = self.runs.verdict(step.run, ended, log, (), results)
        return verdict and dataclasses.replace(verdict, reason=verdict.reason.replace(run_steps.PROGRAM, PROGRAM))


def _function(step: Benchmark, results: Results) -> tuple[str, ...]:
    """Return the argument that names the function, if the spec does not: the program takes none by itself."""
    if any(word.startswith(_FUNCTION) for word in step.argv):
        return ()
    name = output_types.only_function(results.compiled(step.run.compiles[-1]).signature)
    return (f"{_FUNCTION}{name}",) if name else ()


_NOTHING = Verdict(
    status=Status.ERROR,
    kind=Kind.TOOL,
    reason=f"{PROGRAM} timed nothing; name the function to time in the spec, as run_function",
)


def _cores(devices: Sequence[str]) -> tuple[int, ...]:
    """Return the cores to use: one for a device that computes in one thread, else all."""
    usable = cores.usable()
    return usable[-1:] if set(devices) <= _ONE_THREAD else usable


class _Entry(msgspec.Struct):
    """What the report says of a repetition, or of all together."""

    run_type: str = ""
    real_time: float = 0.0
    cpu_time: float = 0.0
    time_unit: str = "ms"


class _Report(msgspec.Struct):
    benchmarks: list[_Entry] = []


def read(path: Path) -> tuple[Latency, Latency] | None:
    """Return the real times and the CPU times in a report; None if there are none.

    Raises:
        StepFailedError: it is not a report.
    """
    try:
        text = files.read(path, _MAX_BYTES)
        report = msgspec.convert(strict_json.loads(text), _Report) if text else _Report()
        entries = [each for each in report.benchmarks if each.run_type == "iteration"]
        real = [_positive(each.real_time) * _MILLISECONDS[each.time_unit] for each in entries]
        cpu = [_positive(each.cpu_time) * _MILLISECONDS[each.time_unit] for each in entries]
    except (OSError, ValueError, KeyError) as error:
        reason = f"{PROGRAM} exited with code 0, but its report cannot be read ({error}); see the log"
        verdict = Verdict(status=Status.ERROR, kind=Kind.TOOL, reason=reason)
        raise StepFailedError(StepResult(verdict=verdict)) from error
    return (Latency.of(real), Latency.of(cpu)) if entries else None


def _positive(value: float) -> float:
    if not 0 < value < math.inf:
        raise ValueError(f"a time is {value}")
    return value
