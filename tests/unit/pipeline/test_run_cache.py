from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.core.blobs import Fetched, FetchedBlob
from harness.core.measurements import Module
from harness.core.references import Oracle
from harness.core.statuses import Kind, Status, Verdict
from harness.host.devices import Gpu
from harness.pipeline import run_key
from harness.pipeline.options import Options
from harness.pipeline.run_cache import CachingStepRunner, KnownRun, Memory
from harness.pipeline.step_results import CompileResult, FetchResult, Results, StepResult
from harness.pipeline.steps import Compare, Compile, Fetch, Run, Step
from tests.unit.executors import error, failed
from tests.unit.samples import MI300, planned, rocm_spec, spec


class FakeRunner:
    """Notes what it is asked to do; `verdicts` are by the type of a step."""

    def __init__(self, verdicts: Mapping[type, Verdict] | None = None) -> None:
        self.done: list[Step] = []
        self._verdicts = verdicts or {}

    def run(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:
        """Do nothing."""
        assert results is not None
        assert gpus == ()
        self.done.append(step)
        return StepResult(verdict=self._verdicts.get(type(step)), seconds=2.0, log_tail=f"log of {len(self.done)}")


def judged(
    memory: Memory, runner: FakeRunner, *, release: str = "3.8.0", sha256: str = "m", **changes: Any
) -> dict[str, str]:
    """Do all steps of a case with a release whose module has a digest; return whose run it was."""
    reused: dict[str, str] = {}
    options: dict[str, Any] = {"runtime": "r", "salt": 1} | changes
    content, kind = options.pop("content", "b"), options.pop("kind", CachingStepRunner)
    runtime, salt = options.pop("runtime"), options.pop("salt")

    def key_of(step: Run, results: Results, _gpus: Sequence[Gpu]) -> str:
        return run_key.digest([run_key.of_run(step, results), runtime, salt])

    caching = kind(runner=runner, runs=memory, origin=release, key_of=key_of, reused=reused, **options)
    results = Results()
    for step in planned(spec(), name=release).steps:
        match step:
            case Fetch(blob=blob):
                quoted = FetchedBlob(url=blob.url, sha256=content, bytes=1)
                results[step] = FetchResult(fetched=Fetched(path=Path("b"), blob=quoted, seconds=0))
            case Compile():
                module = Module(key="k", bytes=1, cached=False, sha256=sha256)
                results[step] = CompileResult(folder=Path("m"), module=module)
            case Run() | Compare():
                results[step] = caching.run(step, results, ())
                if results[step].verdict:
                    break
    return reused


def kinds(runner: FakeRunner) -> list[str]:
    return [type(step).__name__ for step in runner.done]


def test_the_same_module_with_the_same_runtime_is_not_run_again() -> None:
    memory, runner = Memory(), FakeRunner()
    assert judged(memory, runner) == {}
    assert judged(memory, runner, release="3.9.0") == {"tiny/clip[cpu]": "3.8.0"}
    assert kinds(runner) == ["Run", "Compare"]


@pytest.mark.parametrize("change", [{"sha256": "other"}, {"runtime": "other"}, {"salt": 2}, {"content": "other"}])
def test_whatever_else_differs_is_run(change: dict[str, Any]) -> None:
    memory, runner = Memory(), FakeRunner()
    judged(memory, runner)
    assert judged(memory, runner, release="3.9.0", **change) == {}
    assert kinds(runner) == ["Run", "Compare"] * 2


@pytest.mark.parametrize(("step", "kind"), [(Run, Kind.CRASH), (Compare, Kind.NUMERIC)])
def test_a_failure_is_remembered_too(step: type, kind: Kind) -> None:
    memory, runner = Memory(), FakeRunner({step: failed(kind)})
    judged(memory, runner)
    before = len(runner.done)
    assert judged(memory, runner, release="3.9.0") == {"tiny/clip[cpu]": "3.8.0"}
    assert len(runner.done) == before


@pytest.mark.parametrize("step", [Run, Compare])
def test_what_stood_in_the_way_is_not(step: type) -> None:
    memory, runner = Memory(), FakeRunner({step: error()})
    judged(memory, runner)
    assert judged(memory, runner, release="3.9.0") == {}
    assert kinds(runner).count("Run") == 2


def test_a_run_that_is_remembered_has_the_duration_that_was_measured() -> None:
    memory, runner, seen = Memory(), FakeRunner(), list[StepResult]()

    class Watched(CachingStepRunner):
        def run(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:
            seen.append(super().run(step, results, gpus))
            return seen[-1]

    judged(memory, runner, kind=Watched)
    judged(memory, runner, kind=Watched, release="3.9.0")
    assert [each.seconds for each in seen] == [2.0] * 4
    assert len(runner.done) == 2


def test_errors_are_not_remembered() -> None:
    memory = Memory()
    run = KnownRun(origin="3.8.0", run=StepResult(seconds=2.0))
    memory.keep("key", run)
    assert memory.find("key") == run
    wrong = StepResult(verdict=Verdict(status=Status.ERROR, kind=Kind.TOOL, reason=""))
    memory.keep("key", replace(run, comparison=wrong))
    assert memory.find("key") == run
    memory.keep("other", replace(run, run=wrong))
    assert memory.find("other") is None
    compared = replace(run, origin="3.9.0", comparison=StepResult())
    for each in (compared, replace(compared, origin="3.10.0"), run):
        memory.keep("key", each)
        assert memory.find("key") == compared


def test_what_is_compared_with_an_oracle_is_always_run() -> None:
    memory, runner = Memory(), FakeRunner()
    plan = planned(rocm_spec(outputs=()), MI300, options=Options(oracle=Oracle.CPU))
    caching = CachingStepRunner(runner=runner, runs=memory, origin="3.8.0", key_of=lambda *_: "key", reused={})
    doing = [step for step in plan.steps if isinstance(step, Run | Compare)]
    for step in (*doing, *doing):
        caching.run(step, Results(), ())
    assert (runner.done, caching.reused) == ([*doing, *doing], {})
