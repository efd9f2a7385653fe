"""Does the steps of a plan, each in a folder of its own, and returns how each one ended.

A fault of the model is the `Verdict` of a result. So is what keeps a step from being done, with the status `error`.
"""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import field
from pathlib import Path
from typing import Protocol

import msgspec

from harness.core.blobs import Blob, Fetched
from harness.core.errors import NoVerdictError, ToolError
from harness.core.measurements import FailedCompilation
from harness.core.statuses import Status, Verdict
from harness.core.values import frozen
from harness.host import files
from harness.host.cancel import Cancelled, CancelToken
from harness.host.devices import Gpu
from harness.host.disk import disk_errors
from harness.iree.toolchain import Toolchain
from harness.pipeline import benchmark_steps, diagnose, failures, file_kinds, kept_module, logs, planner
from harness.pipeline.benchmark import BenchmarkRunner
from harness.pipeline.compilation import Compilation, Compiler
from harness.pipeline.compile_steps import TUNER
from harness.pipeline.kept_module import MODULES
from harness.pipeline.model_run import ModelRunner
from harness.pipeline.step_results import (
    INTERRUPTED,
    CompileResult,
    DrawResult,
    FailedCompileResult,
    FetchResult,
    Results,
    StepFailedError,
    StepResult,
)
from harness.pipeline.steps import WEIGHTS, Benchmark, Compare, Compile, Draw, Fetch, Run, Step
from harness.pipeline.tools import ToolRun, Tools
from harness.pipeline.used_devices import UsedDevices
from harness.store.entry import Entry
from harness.store.store import Make, Store

_DUMP_TIMEOUT_S = 60.0


class StepRunner(Protocol):
    """Does one step and returns when it has ended."""

    def run(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:
        """Do a step whose needs are among the results; a user's mistake or a full disk is a verdict, no exception."""


@frozen
class ToolStepRunner:
    """Does steps with the tools of an environment. All else happens here: fetching, keeping, judging and comparing.

    Attributes:
        store: keeps modules.
        fetch: returns a blob on disk; raises FetchError, IntegrityError, DiskError or Cancelled.
        toolchain: the IREE release, with its paths in the environment.
        tools: runs its programs.
        host_cpu: identity of this machine's CPU, for the keys of modules.
        out_dir: folder of the results.
        timeout_s: limit for each program.
        recompile: whether to compile again what failed to compile before.
        cancel: stops the programs that are running.
        devices: finds the devices of runs.
    """

    store: Store
    fetch: Callable[[Blob], Fetched]
    toolchain: Toolchain
    tools: Tools
    host_cpu: str
    out_dir: Path
    timeout_s: float
    recompile: bool = False
    cancel: CancelToken = field(default_factory=CancelToken)
    devices: UsedDevices = field(default_factory=UsedDevices)

    def run(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:
        """Do a step whose needs are among the results. A run sees only the GPUs that were claimed for it."""
        started = time.monotonic()
        try:
            with disk_errors(self.out_dir, removable=True):
                result = self._done(step, results, gpus)
        except StepFailedError as failed:
            result = failed.result
        except NoVerdictError as error:
            result = StepResult(verdict=Verdict(status=Status.ERROR, kind=error.kind, reason=str(error)))
        except Cancelled:
            result = StepResult(verdict=INTERRUPTED)
        result = _in_names_of_the_spec(result, step)
        if result.verdict and result.log_path:
            logs.conclude(result.log_path, result.verdict)
        return result if result.seconds else msgspec.structs.replace(result, seconds=time.monotonic() - started)

    def _done(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:
        match step:
            case Fetch():
                return FetchResult(fetched=self.fetch(step.blob))
            case Compile():
                return self._compiled(step, results)
            case Draw():
                return self._drawn(step, results)
            case Run():
                return self._model_runner().run(step, results, gpus)
            case Benchmark():
                program = self.toolchain.iree_run_module.with_name(benchmark_steps.PROGRAM)
                return BenchmarkRunner(program=program, runs=self._model_runner()).run(step, results, gpus)
            case Compare():
                from harness.pipeline import measure  # noqa: PLC0415 - loads NumPy, which takes as long as all else

                return measure.compared(step, results)

    def _model_runner(self) -> ModelRunner:
        return ModelRunner(
            program=self.toolchain.iree_run_module,
            tools=self.tools,
            out_dir=self.out_dir,
            timeout_s=self.timeout_s,
            cancel=self.cancel,
            devices=self.devices,
        )

    def _drawn(self, step: Draw, results: Results) -> DrawResult:
        """Make an archive of random weights, unless the store has it."""
        from harness.pipeline import random_weights  # noqa: PLC0415 - loads NumPy, which takes as long as all else

        programs = [(each.links[0].blob, results.fetched(each.links[0].blob)) for each in step.compiles]
        maker = random_weights.Maker(
            iree_opt=self.toolchain.iree_compile.with_name("iree-opt"),
            tools=self.tools,
            timeout_s=self.timeout_s,
            cancel=self.cancel,
        )
        entry = self.store.provide(
            random_weights.KIND,
            random_weights.key([fetched.blob.sha256 for _, fetched in programs], step.seed),
            lambda folder: maker.make([(file_kinds.shown(blob), at.path) for blob, at in programs], step.seed, folder),
            activity="drawing random weights",
        )
        return DrawResult(path=entry.path / WEIGHTS, sha256=entry.sha256(WEIGHTS))

    def is_compiled(self, step: Compile, results: Results) -> bool:
        """Whether the store has the module of a compilation whose needs are among the results."""
        return self.store.listed(MODULES, self._key(step, results)) is not None

    def _key(self, step: Compile, results: Results) -> str:
        digests = {link.blob: results.fetched(link.blob).blob.sha256 for link in step.links}
        return planner.module_key(step, digests, build=self.toolchain.build, host_cpu=self.host_cpu)

    def _compiled(self, step: Compile, results: Results) -> CompileResult:
        key = self._key(step, results)
        entry = self.provide_module(step, key, lambda folder: self._compile_into(folder, step, key, results))
        return kept_module.compile_result(entry, step, key)

    def provide_module(self, step: Compile, key: str, make: Make) -> Entry:
        """Return the module of a compilation, made unless the store has it as the step may use it."""
        return self.store.provide(
            MODULES,
            key,
            make,
            is_good=lambda found: kept_module.is_usable(found, step),
            private=step.is_private,
            activity=f"compiling {step.module} with IREE {step.release}",
        )

    def found_module(self, step: Compile, results: Results) -> CompileResult | None:
        """Return a compilation whose module the store has as the step may use it; None if it has not."""
        key = self._key(step, results)
        entry = self.store.find(MODULES, key)
        return kept_module.compile_result(entry, step, key) if entry and kept_module.is_usable(entry, step) else None

    def _compile_into(self, folder: Path, step: Compile, key: str, results: Results) -> None:
        """Fill the folder of a module: the module, its log, statistics, signature and cost.

        Raises:
            StepFailedError: the compiler failed, now or before.
        """
        reads = {link.name: results.fetched(link.blob).path for link in step.links}
        for index, link in enumerate(step.links):
            is_program = index == 0 or link.name == TUNER
            (file_kinds.check_program if is_program else file_kinds.check_any)(reads[link.name], link.blob)
        if not self.recompile and (known := failures.find(self.store, key, step)):
            raise self._failed(known.compilation, known.log_path, key, cached=True)
        lacks = WEIGHTS in step.products and files.contains(reads[step.links[0].name], diagnose.STREAM_PARAMETER)
        compiler = Compiler(
            program=self.toolchain.iree_compile, tools=self.tools, timeout_s=self.timeout_s, cancel=self.cancel
        )
        found = compiler.compile(step, reads, folder)
        failures.note(self.store, key, found, folder / logs.COMPILE_LOG, private=step.is_private)
        if found.verdict:
            raise self._failed(found, folder / logs.COMPILE_LOG, key, cached=False)
        self._dump_signature(folder, step.module)
        kept_module.write_facts(folder, found, lacks_stand_ins=lacks)

    def _failed(self, found: Compilation, log: Path, key: str, *, cached: bool) -> StepFailedError:
        """Return a compilation that failed as an exception, with a log that is kept until the end of the run."""
        log = logs.copied(log, logs.failed_compilation(self.out_dir, key), root=self.out_dir)
        compilation = FailedCompilation(key=key, cached=cached, **kept_module.cost(found.ended))
        tail = logs.tail(log)
        result = FailedCompileResult(verdict=found.verdict, log_path=log, log_tail=tail, compilation=compilation)
        return StepFailedError(result)

    def _dump_signature(self, folder: Path, module: str) -> None:
        """Write what the module says about its functions; raw outputs have neither shape nor type."""
        log = folder / kept_module.SIGNATURE
        log.touch()
        asked = ToolRun(
            argv=(str(self.toolchain.iree_dump_module), "--output=metadata", module),
            reads={module: folder / module},
            folder=folder,
            log_path=log,
            timeout_s=_DUMP_TIMEOUT_S,
        )
        with contextlib.suppress(ToolError):  # without it, a run prints the types of its outputs
            self.tools.run(asked, self.cancel)


def _in_names_of_the_spec(result: StepResult, step: Step) -> StepResult:
    """Return a result in which what tools say of files has the names of the spec, not those in the tools' folders.

    Specs that name equal files differently share a module, so its notes are kept as the compiler said them.
    """
    if isinstance(step, Benchmark):
        return _in_names_of_the_spec(result, step.run)
    if not isinstance(step, Compile | Run):
        return result
    if found := result.verdict:
        reason = file_kinds.renamed(found.reason, step.links)
        result = msgspec.structs.replace(result, verdict=dataclasses.replace(found, reason=reason))
    if isinstance(result, CompileResult):
        notes = tuple(file_kinds.renamed(note, step.links) for note in result.notes)
        result = msgspec.structs.replace(result, notes=notes)
    return result
