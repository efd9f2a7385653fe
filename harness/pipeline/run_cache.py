"""Has a run done once, where the same module is to be run by the same runtime on the same inputs (no I/O of its own).

Releases often make the same module, byte for byte, and some have the same runtime: then there is nothing to be learnt.
"""

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from harness.core.outcomes import Status
from harness.host.devices import Gpu
from harness.pipeline.executor import StepRunner
from harness.pipeline.step_runner import Results, StepResult
from harness.pipeline.steps import Compare, Fetch, Link, Run, Step


@dataclass(eq=False)
class Memory:
    """How runs ended, by all that they depend on, for any number of threads."""

    _runs: dict[Hashable, tuple[str, StepResult]] = field(default_factory=dict)
    _compares: dict[Hashable, StepResult] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, key: Hashable, *, compared: bool) -> tuple[str, StepResult] | None:
        """Return whose run it was and how it ended, if where there is a comparison that is known, too."""
        with self._lock:
            found = self._runs.get(key)
            return found if found and (found[1].verdict or not compared or key in self._compares) else None

    def comparison(self, key: Hashable) -> StepResult | None:
        """Return how the comparison of a run ended."""
        with self._lock:
            return self._compares.get(key)

    def keep(self, key: Hashable, release: str, done: StepResult) -> None:
        """Keep how a run or its comparison ended, unless something stood in the way."""
        if done.verdict and done.verdict.status is not Status.FAILED:
            return
        with self._lock:
            if isinstance(done.step, Run):
                self._runs.setdefault(key, (release, done))
            else:
                self._compares.setdefault(key, done)


@dataclass(eq=False)
class CachingStepRunner:
    """Does steps with one release, but for runs that are in the memory; `reused` says whose these were, by case.

    `runtime` identifies the programs of the release's runtime, `salt` keeps runs apart that are to be done anew.
    """

    runner: StepRunner
    memory: Memory
    release: str
    runtime: str
    salt: Hashable
    reused: dict[str, str]

    def run(self, step: Step, results: Results, gpu: Gpu | None) -> StepResult:
        """Do a step, or say how it ended before."""
        match step:
            case Run():
                return self._run(step, results, gpu)
            case Compare():
                key = self._key(step.run, results)
                known = self.memory.comparison(key) if step.run.case_id in self.reused else None
                done = known or self.runner.run(step, results, gpu)
                self.memory.keep(key, self.release, done)
                return replace(done, step=step)
            case _:
                return self.runner.run(step, results, gpu)

    def _run(self, step: Run, results: Results, gpu: Gpu | None) -> StepResult:
        key = self._key(step, results)
        if found := self.memory.find(key, compared=any(step.outputs)):
            self.reused[step.case_id], done = found
            return replace(done, step=step, seconds=0.0)
        done = self.runner.run(step, results, gpu)
        self.memory.keep(key, self.release, done)
        return done

    def _key(self, step: Run, results: Results) -> Hashable:
        """Return all that a run depends on but the machine."""
        modules = tuple(results[each].value.module.sha256 for each in step.compiles)
        files = tuple((link.name, _sha256(link, results)) for link in step.links)
        return (step.case_id, modules, files, step.argv, self.runtime, self.salt)


def _sha256(link: Link, results: Results) -> str:
    sha256: str = results[Fetch(blob=link.blob)].value.blob.sha256
    return sha256
