"""Skips a run that was done before: the same module, run by the same runtime on the same inputs.

Releases often compile a program to the same module, byte for byte, and some have the same runtime; and a case may have
passed in an earlier run of the harness (`passed_runs`). The result is that of the earlier run: what was measured is a
fact of the module and the runtime.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.core.statuses import Status
from harness.core.values import frozen
from harness.host.devices import Gpu
from harness.pipeline.step_results import Results, StepResult
from harness.pipeline.step_runner import StepRunner
from harness.pipeline.steps import Compare, Run, Step

# Returns the key of a run, by all that it depends on; None if it is always done.
KeyOf = Callable[[Run, Results, Sequence[Gpu]], str | None]


@frozen
class KnownRun:
    """A run that was done before.

    Attributes:
        origin: whose run it was, such as a release.
        run: its result.
        comparison: the result of the comparison that followed; None if there was none.
    """

    origin: str
    run: StepResult
    comparison: StepResult | None = None


class Runs(Protocol):
    """Earlier runs and comparisons, by their keys; threads may share it."""

    def find(self, key: str) -> KnownRun | None:
        """Return an earlier run."""

    def keep(self, key: str, found: KnownRun) -> None:
        """Take note of a run, then of it and its comparison."""


@dataclass(eq=False)
class Memory:
    """The runs of this process; those without a verdict are not remembered."""

    _runs: dict[str, KnownRun] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, key: str) -> KnownRun | None:
        """Return an earlier run."""
        with self._lock:
            return self._runs.get(key)

    def keep(self, key: str, found: KnownRun) -> None:
        """Keep a run unless it is an error; the first one of a key, and its first comparison."""
        if not (_is_known(found.run) and (found.comparison is None or _is_known(found.comparison))):
            return
        with self._lock:
            known = self._runs.get(key)
            if known is None or known.comparison is None:
                self._runs[key] = found


def _is_known(result: StepResult) -> bool:
    return result.verdict is None or result.verdict.status is Status.FAILED


@dataclass(eq=False)
class CachingStepRunner:
    """Does steps, and takes runs and comparisons that were done before where it can.

    Attributes:
        runner: does all other steps.
        runs: those that were done before.
        origin: what `runs` call those that are done now.
        key_of: returns their keys.
        reused: by case id, the origin of the run that was taken; filled while steps are done.
        keys: the keys of the runs so far.
    """

    runner: StepRunner
    runs: Runs
    origin: str
    key_of: KeyOf
    reused: dict[str, str]
    keys: dict[Run, str] = field(default_factory=dict)

    def run(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:
        """Do a step, or return its earlier result."""
        match step:
            case Run() if not step.keeps_all:  # an oracle is compared with outputs, of which nothing is left
                return self._ran(step, results, gpus)
            case Compare() if step.run in self.keys:
                return self._compared(step, results, gpus)
            case _:
                return self.runner.run(step, results, gpus)

    def _ran(self, step: Run, results: Results, gpus: Sequence[Gpu]) -> StepResult:
        if (key := self.key_of(step, results, gpus)) is None:
            return self.runner.run(step, results, gpus)
        self.keys[step] = key
        known = self.runs.find(key)
        if known and (known.run.verdict or known.comparison or not any(step.outputs)):
            self.reused[step.case_id] = known.origin
            return known.run
        result = self.runner.run(step, results, gpus)
        self.runs.keep(key, KnownRun(origin=self.origin, run=result))
        return result

    def _compared(self, step: Compare, results: Results, gpus: Sequence[Gpu]) -> StepResult:
        key = self.keys[step.run]
        known = self.runs.find(key) if step.run.case_id in self.reused else None
        if known and known.comparison:
            return known.comparison
        result = self.runner.run(step, results, gpus)
        self.runs.keep(key, KnownRun(origin=self.origin, run=results[step.run], comparison=result))
        return result
