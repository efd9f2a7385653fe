"""Takes cases that passed before from the cache, and keeps those that pass now.

What is timed, compared with an oracle, run under a wrapper, or reads files that the harness does not know is always
run.
"""

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import Self

from harness.core.outcomes import Outcome
from harness.core.settings import RunSettings
from harness.core.statuses import Status
from harness.core.values import frozen
from harness.host import bundled
from harness.host.devices import Gpu
from harness.host.emulators import Emulator
from harness.pipeline import run_key
from harness.pipeline.environment import Environment
from harness.pipeline.passed_runs import PassedRuns
from harness.pipeline.run_cache import CachingStepRunner
from harness.pipeline.scheduler import Listener
from harness.pipeline.step_results import CompareResult, Results, RunResult
from harness.pipeline.step_runner import StepRunner
from harness.pipeline.steps import Benchmark, Compare, Plan, Run, Step, fetches
from harness.specs.flag_fields import refused_argument
from harness.store.store import Store


@frozen
class Reuse:
    """What some cases need to be taken from the cache.

    Attributes:
        plans: how to do the cases; a run waits for what its outputs are compared with.
        compares: by run, the comparison of its outputs; None if iree-run-module compares. Other runs are always done.
        runs: the cases that passed before.
        environment: where they run.
        emulator: what emulates GPUs there; None for nothing.
        harness: digest of the files of this harness, which judges.
        places: by drivers of devices, what tells the environment from others.
        keys: by case id, the run, its key, and the results that it is among.
    """

    plans: Sequence[Plan]
    compares: dict[Run, Compare | None]
    runs: PassedRuns
    environment: Environment
    emulator: Emulator | None = None
    harness: str = field(default_factory=bundled.sources_sha256)
    places: dict[frozenset[str], object] = field(default_factory=dict)
    keys: dict[str, tuple[Run, str, Results]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        plans: Sequence[Plan],
        settings: RunSettings,
        store: Store,
        environment: Environment,
        emulator: Emulator | None,
    ) -> Self:
        """Return what the cases of plans need."""
        found = dict[Run, Compare | None]()
        if not settings.run_wrapper:
            found = {pair[0]: pair[1] for each in plans if (pair := reusable(each))}
        return cls(
            plans=[_waiting(each, found) for each in plans],
            compares=found,
            runs=PassedRuns(store=store, timeout_s=settings.timeout_s),
            environment=environment,
            emulator=emulator,
        )

    def runner(self, runner: StepRunner) -> StepRunner:
        """Return what does steps, and takes those of cases that passed before from the cache."""
        return CachingStepRunner(runner=runner, runs=self.runs, origin="", key_of=self._key, reused={})

    def listener(self, inner: Listener) -> Listener:
        """Return a listener that keeps each case that passes, and tells another one all."""
        return _Keeping(inner=inner, keep=self.keep)

    def keep(self, outcome: Outcome) -> None:
        """Keep the run of a case that passed in this run."""
        if outcome.status is not Status.PASSED or outcome.reused or outcome.id not in self.keys:
            return
        run, key, results = self.keys[outcome.id]
        compare = self.compares[run]
        comparison = results.get(compare) if compare else None
        if isinstance(done := results.get(run), RunResult) and isinstance(comparison, CompareResult | None):
            self.runs.keep_passed(key, done, comparison)

    def _key(self, step: Run, results: Results, gpus: Sequence[Gpu]) -> str | None:
        if step not in self.compares:
            return None
        drivers = frozenset(each.partition("://")[0] for each in step.devices)
        if drivers not in self.places:
            self.places[drivers] = self.environment.identity(drivers, self.emulator)
        compare = self.compares[step]
        key = run_key.digest(
            {
                "harness": self.harness,
                "case": run_key.of_comparison(compare, results) if compare else run_key.of_run(step, results),
                "runtime": self.environment.toolchain.runtime_build,
                "devices": run_key.of_devices(gpus),
                "emulator": str(self.emulator),
                "place": self.places[drivers],
            }
        )
        self.keys[step.case_id] = (step, key, results)
        return key


@frozen
class _Keeping:
    """Keeps each case that passes, then tells another listener."""

    inner: Listener
    keep: Callable[[Outcome], None]

    def step_started(self, step: Step, case_ids: Sequence[str]) -> None:
        """Tell it."""
        self.inner.step_started(step, case_ids)

    def step_ended(self, step: Step) -> None:
        """Tell it."""
        self.inner.step_ended(step)

    def case_ended(self, outcome: Outcome) -> None:
        """Keep it, and tell it."""
        self.keep(outcome)
        self.inner.case_ended(outcome)


def reusable(plan: Plan) -> tuple[Run, Compare | None] | None:
    """Return the run of a plan and the comparison of its outputs; None if the case is always run."""
    steps, spec = plan.own, plan.case.spec
    runs = [step for step in steps if isinstance(step, Run)]
    compares = [step for step in steps if isinstance(step, Compare)]
    is_timed = any(isinstance(step, Benchmark) for step in steps)
    opaque = any(refused_argument(flag, trusted=False) for flag in spec.run_args)
    if not runs or not spec.outputs or plan.oracle or is_timed or opaque:
        return None
    return runs[0], compares[0] if compares else None


def _waiting(plan: Plan, compares: dict[Run, Compare | None]) -> Plan:
    """Return a plan whose run waits for the expected outputs: before, it is not known if it passed with them."""
    own = [compare for step in plan.steps if isinstance(step, Run) and (compare := compares.get(step))]
    return replace(plan, before_run=tuple(fetches(own)))
