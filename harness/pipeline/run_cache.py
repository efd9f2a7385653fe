"""Skips a run that was done before: the same module, run by the same runtime on the same inputs.

Releases often compile a program to the same module, byte for byte, and some have the same runtime. The result is that
of the earlier run, with its duration: what was measured is a fact of the module and the runtime.
"""

import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from harness.core.statuses import Status
from harness.host.devices import Gpu
from harness.pipeline.step_results import Results, StepResult
from harness.pipeline.step_runner import StepRunner
from harness.pipeline.steps import Compare, Run, Step


@dataclass(eq=False)
class Memory:
    """The results of earlier runs and comparisons, by all that they depend on; threads may share it."""

    _runs: dict[Hashable, tuple[str, StepResult]] = field(default_factory=dict)
    _compares: dict[Hashable, StepResult] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find_run(self, key: Hashable, *, compared: bool) -> tuple[str, StepResult] | None:
        """Return the release of an earlier run and its result, or None.

        Args:
            key: all that the run depends on.
            compared: whether its comparison must be known too, unless the run failed.
        """
        with self._lock:
            found = self._runs.get(key)
            return found if found and (found[1].verdict or not compared or key in self._compares) else None

    def find_comparison(self, key: Hashable) -> StepResult | None:
        """Return the result of the comparison that followed a run."""
        with self._lock:
            return self._compares.get(key)

    def keep_run(self, key: Hashable, release: str, result: StepResult) -> None:
        """Keep the result of a run, unless it is an error."""
        if _is_known(result):
            with self._lock:
                self._runs.setdefault(key, (release, result))

    def keep_comparison(self, key: Hashable, result: StepResult) -> None:
        """Keep the result of the comparison that followed a run, unless it is an error."""
        if _is_known(result):
            with self._lock:
                self._compares.setdefault(key, result)


def _is_known(result: StepResult) -> bool:
    return result.verdict is None or result.verdict.status is Status.FAILED


@dataclass(eq=False)
class CachingStepRunner:
    """Does steps with one release, and takes runs and comparisons from memory where it can.

    Attributes:
        runner: does all other steps.
        memory: the runs of all releases.
        release: the name of the release.
        runtime: identity of the programs of its runtime.
        salt: keeps apart runs that are to be repeated.
        reused: by case id, the release whose run was taken; filled while steps are done.
    """

    runner: StepRunner
    memory: Memory
    release: str
    runtime: str
    salt: Hashable
    reused: dict[str, str]

    def run(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:
        """Do a step, or return its earlier result."""
        match step:
            case Run() if not step.keeps_all:  # an oracle is compared with outputs, of which nothing is left
                return self._ran(step, results, gpus)
            case Compare() if not step.reference:
                return self._compared(step, results, gpus)
            case _:
                return self.runner.run(step, results, gpus)

    def _ran(self, step: Run, results: Results, gpus: Sequence[Gpu]) -> StepResult:
        key = self._key(step, results)
        if found := self.memory.find_run(key, compared=any(step.outputs)):
            self.reused[step.case_id], earlier = found
            return earlier
        result = self.runner.run(step, results, gpus)
        self.memory.keep_run(key, self.release, result)
        return result

    def _compared(self, step: Compare, results: Results, gpus: Sequence[Gpu]) -> StepResult:
        key = self._key(step.run, results)
        earlier = self.memory.find_comparison(key) if step.run.case_id in self.reused else None
        result = earlier or self.runner.run(step, results, gpus)
        self.memory.keep_comparison(key, result)
        return result

    def _key(self, step: Run, results: Results) -> Hashable:
        """Return all that a run depends on, except for the machine."""
        modules = tuple(results.compiled(each).module.sha256 for each in step.compiles)
        files = tuple((link.name, results.fetched(link.blob).blob.sha256) for link in step.links)
        weights = tuple((name, results.drawn(draw).sha256) for name, draw in step.drawn)
        return (step.case_id, modules, files, weights, step.written, step.argv, self.runtime, self.salt)
