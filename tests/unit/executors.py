"""Stand-ins for what does the steps of plans and for who hears of it."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.core.blobs import Fetched, FetchedBlob
from harness.core.callbacks import ignore
from harness.core.measurements import Measurement, Module
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Status, Verdict
from harness.core.timings import Latency
from harness.fetch.download import DownloadOptions
from harness.fetch.fetcher import Fetcher
from harness.fetch.policy import FetchPolicy
from harness.host.process import ProcessResult
from harness.iree.toolchain import Toolchain
from harness.pipeline.executor import Demand
from harness.pipeline.step_results import (
    BenchmarkResult,
    CompareResult,
    CompileResult,
    DrawResult,
    FetchResult,
    Results,
    RunResult,
    StepResult,
)
from harness.pipeline.step_runner import ToolStepRunner
from harness.pipeline.steps import Benchmark, Compare, Compile, Draw, Fetch, Run, Step, needs
from harness.pipeline.tools import LocalTools
from harness.store.store import Store
from tests.unit.samples import release

Decide = Callable[[Step], Verdict | BaseException | None]


def steps(root: Path, *, program: str = "/bin/echo", kind: type[ToolStepRunner] = ToolStepRunner) -> ToolStepRunner:
    """Return what does steps with a program in the place of all of IREE's, and without a network."""
    programs: dict[str, Any] = dict.fromkeys(("iree_compile", "iree_run_module", "iree_dump_module"), Path(program))
    commits: dict[str, Any] = {"compiler_commit": None, "runtime_commit": None}
    store = Store(root / "store")
    return kind(
        store=store,
        fetch=Fetcher(store, DownloadOptions(notice=ignore), policy=FetchPolicy(offline=True)).fetch,
        toolchain=Toolchain(release=release("3.13.0"), build="build", runtime_build="runtime", **programs, **commits),
        tools=LocalTools(),
        host_cpu="cpu",
        out_dir=root / "out",
        timeout_s=30,
    )


def failed(kind: Kind = Kind.NUMERIC, reason: str = "wrong") -> Verdict:
    return Verdict(status=Status.FAILED, kind=kind, reason=reason)


def error(kind: Kind = Kind.TOOL, reason: str = "in the way") -> Verdict:
    return Verdict(status=Status.ERROR, kind=kind, reason=reason)


class FakeExecutor:
    """Does a step when it is asked for the next one that is done; `decide` says how it ends.

    Of the steps under way any may end first: `seed` says which.
    """

    def __init__(self, root: Path, decide: Decide = lambda _: None, *, seed: int = 0) -> None:
        self.started: list[Step] = []
        self.under_way: list[Step] = []
        self.demands: dict[Step, Demand] = {}
        self._root, self._decide, self._random = root, decide, random.Random(seed)  # noqa: S311

    def start(self, step: Step, results: Results, demand: Demand | None = None) -> None:
        """Note the step; what it needs must be there and well."""
        assert all(results[need].verdict is None for need in needs(step))
        self.started.append(step)
        self.demands[step] = demand or Demand()
        self.under_way.append(step)

    def next_done(self, timeout_s: float) -> tuple[Step, StepResult] | None:
        """Return one of the steps under way, or raise what `decide` says."""
        assert timeout_s > 0
        step = self.under_way.pop(self._random.randrange(len(self.under_way)))
        verdict = self._decide(step)
        if isinstance(verdict, BaseException):
            self.under_way.append(step)
            raise verdict
        return step, self.done(step, verdict)

    def done(self, step: Step, verdict: Verdict | None) -> StepResult:  # noqa: PLR0911 - one for each kind of step
        """Return the result of a step, with what it leaves and a log as the real ones have."""
        ended: dict[str, Any] = {"verdict": verdict, "seconds": 0.5, "log_tail": "its end" if verdict else ""}
        if isinstance(step, Compile | Run):
            ended["log_path"] = self._root / f"{type(step).__name__}.log"
            ended["log_path"].write_text(f"log of {step!r}")
        match step:
            case Fetch() | Compile() if verdict:
                return StepResult(**ended)
            case Fetch():
                blob = FetchedBlob(url=step.blob.url, sha256="a", bytes=1)
                return FetchResult(fetched=Fetched(path=self._root, blob=blob, seconds=0.5), **ended)
            case Compile():
                module = Module(key=step.module, bytes=1, cached=False, sha256="b")
                return CompileResult(folder=self._root, module=module, **ended)
            case Draw():
                return DrawResult(path=self._root, sha256="c", **ended)
            case Run():
                times = {"seconds": 1.0, "cpu_seconds": 1.0, "peak_memory_bytes": 77}
                process = ProcessResult(exit_code=0, signal=None, timed_out=False, **times)  # type: ignore[arg-type]
                of_step: dict[str, Any] = {"outputs": step.outputs, "argv": step.argv}
                return RunResult(folder=self._root, process=process, free_bytes=1 << 40, **of_step, **ended)
            case Compare():
                return CompareResult(outputs=(Measurement(index=0, type="2xf32"),), **ended)
            case Benchmark():
                return BenchmarkResult(latency=Latency.of([1.0]), cpu_time=Latency.of([1.0]), busy=0.0, **ended)


class Heard:
    """Hears what happens and remembers it."""

    def __init__(self) -> None:
        self.started: list[tuple[Step, tuple[str, ...]]] = []
        self.ended: list[Step] = []
        self.cases: list[Outcome] = []

    def step_started(self, step: Step, case_ids: Sequence[str]) -> None:
        """Remember the step and whose it is."""
        self.started.append((step, tuple(case_ids)))

    def step_ended(self, step: Step) -> None:
        """Remember the step."""
        self.ended.append(step)

    def case_ended(self, outcome: Outcome) -> None:
        """Remember the outcome."""
        self.cases.append(outcome)
