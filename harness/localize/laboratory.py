"""Compiles and runs programs on both sides, whose environments stay open meanwhile."""

import math
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.core.blobs import Blob
from harness.core.cases import Backend, Case, ModelSpec
from harness.core.formulas import Formula
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Phase, Status
from harness.core.tensors import Literal, Tensor, TensorType
from harness.core.values import frozen
from harness.host.cancel import CancelToken
from harness.pipeline import measure, references
from harness.pipeline.capacity import Capacity
from harness.pipeline.contents import Contents
from harness.pipeline.executor import LocalExecutor
from harness.pipeline.importing import Importing
from harness.pipeline.prepared import Prepared
from harness.pipeline.scheduler import PlanRun
from harness.pipeline.sides import Side
from harness.pipeline.step_results import RunResult
from harness.pipeline.step_runner import StepRunner, ToolStepRunner
from harness.pipeline.steps import Compile, Plan

Input = Tensor | Literal | Formula
Change = Callable[[Plan], Plan]

BAD, GOOD = 0, 1
BOTH = (BAD, GOOD)
NAMES = ("bad", "good")
_LEAST_S = 0.1
_BACKENDS_FLAG = "--iree-hal-local-target-device-backends="


@frozen
class Trial:
    """How one program ended on one side.

    Attributes:
        outcome: how it ended.
        ran: what its run left; None if it did not run to its end.
        out_dir: the folder to which the paths of its logs are relative.
    """

    outcome: Outcome
    ran: RunResult | None
    out_dir: Path

    @property
    def is_good(self) -> bool:
        """Whether it compiled, and ran if it was to run."""
        return self.outcome.status in {Status.RAN, Status.COMPILED, Status.PASSED}

    @property
    def failure(self) -> tuple[Phase | None, Kind | None] | None:
        """Where and how the model failed; None if it did not, or if something else stood in the way."""
        return (self.outcome.phase, self.outcome.kind) if self.outcome.status is Status.FAILED else None

    def contents(self, index: int) -> Contents:
        """Return an output.

        Raises:
            IntegrityError: its type is not known in full.
        """
        assert self.ran  # noqa: S101 - only asked of a trial that ran
        return measure.of_run(self.ran, index)

    def tensor(self, index: int) -> Tensor:
        """Return an output as an input of another program.

        Raises:
            IntegrityError: its type is not known in full.
        """
        assert self.ran  # noqa: S101 - only asked of a trial that ran
        path = self.ran.folder / self.ran.outputs[index]
        type_ = None if path.suffix == ".npy" else TensorType.parse(self.ran.types[index])
        return Tensor(blob=Blob(url=path.absolute().as_uri()), type=type_)

    def discard(self) -> None:
        """Remove the outputs."""
        if self.ran:
            shutil.rmtree(self.ran.folder, ignore_errors=True)


@frozen
class Experiment:
    """A program to try on a side.

    Attributes:
        program: the program.
        inputs: its inputs.
        function: its function.
        compiles_only: whether it is enough to compile it.
        flags: further flags of iree-compile.
        backend: the backend for the CPU that it is compiled for; empty for the target of the case.
    """

    program: Blob
    inputs: tuple[Input, ...]
    function: str
    compiles_only: bool = False
    flags: tuple[str, ...] = ()
    backend: str = ""


class _Silent:
    """Is told what happens, and shows nothing."""

    def step_started(self, *_: object) -> None: ...

    def step_ended(self, *_: object) -> None: ...

    def case_ended(self, *_: object) -> None: ...


@dataclass(kw_only=True)
class Laboratory:
    """Tries programs on both sides.

    Attributes:
        sides: the bad and the good side.
        cases: the case on each side.
        prepared: what the run of the case left on each side.
        cancel: stops all.
        ends_s: when tools are killed that still run, as `time.monotonic` has it.
        compilations: the number of programs that were compiled so far, those of the case itself among them.
    """

    sides: Sequence[Side]
    cases: Sequence[Case]
    prepared: Sequence[Prepared]
    cancel: CancelToken
    ends_s: float = math.inf
    compilations: int = 0
    _known: dict[tuple[int, Experiment], Trial] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _number: int = 0

    def tried(self, experiments: Sequence[Experiment], sides: Sequence[int] = BOTH) -> list[Trial]:
        """Return how programs end on sides, one for each; those on several sides run at once.

        Raises:
            KeyboardInterrupt: it was interrupted.
        """
        with ThreadPoolExecutor(len(sides)) as pool:
            futures = [pool.submit(self._tried, side, each) for side, each in zip(sides, experiments, strict=True)]
            try:
                return [each.result() for each in futures]
            except BaseException:
                self.cancel.set()
                raise

    def _tried(self, side: int, experiment: Experiment) -> Trial:
        known = self._known.get((side, experiment))
        if known and not (known.ran and not known.ran.folder.exists()):
            return known
        found = self._run(side, experiment, self._next())
        with self._lock:
            self._known[side, experiment] = found
        return found

    def _run(self, side: int, experiment: Experiment, number: int) -> Trial:
        case = self._case(side, experiment, number)
        run = self.done(side, case, keeps_outputs=True, oracle=None, tool_verdict=False)
        (outcome,) = run.outcomes()
        if outcome.kind is Kind.TIMEOUT and time.monotonic() >= self.ends_s:  # it was killed, and did not fail
            outcome = replace(outcome, status=Status.ERROR)
        return Trial(outcome=outcome, ran=run.ran(case.id), out_dir=self.prepared[side].steps.out_dir)

    def _next(self) -> int:
        with self._lock:
            self._number += 1
            return self._number

    def planned(self, side: int, experiment: Experiment) -> Plan:
        """Return the steps of a program on a side."""
        case = self._case(side, experiment, self._next())
        return self._importing(side, oracle=None, tool_verdict=False).plan(case)

    def done(self, side: int, case: Case, *, changed: Change = lambda plan: plan, **options: Any) -> PlanRun:
        """Do the steps of a case on a side.

        Args:
            side: the side.
            case: a case with a name of its own.
            changed: returns the plan as it is to be done.
            options: settings in place of those of the run.

        Raises:
            KeyboardInterrupt: it was interrupted.
        """
        prepared = self.prepared[side]
        plan = changed(self._importing(side, **options).plan(case))
        executor = LocalExecutor(self.runner(side), Capacity, prepared.pool, self.cancel)
        run = PlanRun([plan], executor, _Silent(), out_dir=prepared.steps.out_dir, cancel=self.cancel)
        run.run()
        with self._lock:
            self.compilations += sum(isinstance(each, Compile) for each in run.results)
        return run

    def runner(self, side: int) -> StepRunner:
        """Return what does steps on a side, for no longer than there is time."""
        runner, left_s = self.prepared[side].runner, max(_LEAST_S, self.ends_s - time.monotonic())
        if not isinstance(runner, ToolStepRunner) or left_s >= runner.timeout_s:
            return runner
        return replace(runner, timeout_s=left_s)

    def _importing(self, side: int, **options: Any) -> Importing:
        prepared, settings = self.prepared[side], self.sides[side].settings
        return Importing(
            steps=prepared.steps,
            python=prepared.python,
            release=prepared.steps.toolchain.release,
            importer=settings.run.importer,
            offline=settings.fetch.offline,
            options=replace(prepared.options, timing=None, **options),
        )

    def _case(self, side: int, experiment: Experiment, number: int) -> Case:
        """Return the case of a program: nothing is expected of it."""
        case = self.local(side, experiment.backend) if experiment.backend else self.cases[side]
        spec = case.spec
        return named(
            case,
            f"{number:04}",
            **_program(spec, experiment),
            inputs=experiment.inputs,
            outputs=(),
            judges=(),
            run_function=experiment.function,
            compile_only=experiment.compiles_only,
        )

    def local(self, side: int, backend: str) -> Case:
        """Return the case of a side for a backend of the CPU: with its own flags if it is for the CPU as it is."""
        case = self.cases[side]
        if case.target.backend is not Backend.CPU:
            case = references.on_cpu(case)

        def changed(own: tuple[str, ...]) -> tuple[str, ...]:
            return (*(each for each in own if not each.startswith(_BACKENDS_FLAG)), f"{_BACKENDS_FLAG}{backend}")

        spec = case.spec
        if calls_pipeline(spec):
            return replace(case, spec=replace(spec, pipeline_compiler_flags=changed(spec.pipeline_compiler_flags)))
        return replace(case, spec=replace(spec, compiler_flags=changed(spec.compiler_flags)))


def named(case: Case, name: str, **fields: Any) -> Case:
    """Return a case under a name of its own, with other fields, whose failures and cost are not expected."""
    changed = replace(
        case.spec,
        submodel=f"{case.spec.submodel}.{name}",
        expect=(),
        run_test_expecting_to_fail=False,
        compile_chip_expecting_to_fail=(),
        budget={},
        listing=None,
        **fields,
    )
    return replace(case, spec=changed, quarantine=None)


def _program(spec: ModelSpec, experiment: Experiment) -> dict[str, Any]:
    """Return the fields of a spec with another program: of the one whose function is called."""
    if calls_pipeline(spec):
        flags = (*spec.pipeline_compiler_flags, *experiment.flags)
        return {"pipeline_mlir": experiment.program, "pipeline_compiler_flags": flags}
    return {"mlir": experiment.program, "compiler_flags": (*spec.compiler_flags, *experiment.flags)}


def calls_pipeline(spec: ModelSpec) -> bool:
    """Whether the function that is called is in the second program."""
    return spec.pipeline_mlir is not None and spec.add_pipeline_module


def program_of(spec: ModelSpec) -> Blob:
    """Return the program whose function is called."""
    return (spec.pipeline_mlir if calls_pipeline(spec) else None) or spec.mlir
