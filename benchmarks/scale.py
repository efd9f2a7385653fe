"""What the harness itself takes for many cases: planning, scheduling and reporting, with steps that do nothing.

    python benchmarks/scale.py [--cases 100 1000 10000 100000]

Each number of cases is a run in a process of its own: a session with the planner, the executor, the history and all
writers of results that `harness quality` has. Only the steps are not done: each returns at once what a good one leaves.
Prints a Markdown table.
"""

import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import heading
from rich.console import Console

from harness.cli.main import collect_seldom
from harness.core.blobs import Blob, Fetched, FetchedBlob
from harness.core.callbacks import Notice
from harness.core.cases import Backend, Case, ModelSpec, Target
from harness.core.history import HistorySettings
from harness.core.measurements import Measurement, Module
from harness.core.settings import CaseSettings, FetchSettings, Settings
from harness.core.tensors import Literal
from harness.core.values import frozen
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu
from harness.host.process import ProcessResult
from harness.iree import releases
from harness.iree.toolchain import Toolchain
from harness.pipeline.environment import Environment, EnvironmentRequest
from harness.pipeline.options import Options
from harness.pipeline.progress import Live
from harness.pipeline.session import Session
from harness.pipeline.step_results import CompareResult, CompileResult, FetchResult, Results, RunResult, StepResult
from harness.pipeline.step_runner import StepRunner, ToolStepRunner
from harness.pipeline.steps import Compare, Compile, Fetch, Run, Step
from harness.report import console as console_report
from harness.store.store import Store

_ENDED = ProcessResult(exit_code=0, signal=None, timed_out=False, seconds=0.01, cpu_seconds=0.01, peak_memory_bytes=1)


def main() -> None:
    """Measure, and print the table."""
    parser = heading.parser(__doc__)
    parser.add_argument("--cases", type=int, nargs="+", default=[100, 1000, 10_000, 100_000], metavar="N")
    parser.add_argument(
        "--alone", action="store_true", help="do one number of cases in this process; for the benchmark"
    )
    asked = parser.parse_args()
    if asked.alone:
        collect_seldom()
        print(json.dumps(measured(asked.cases[0])))
        return
    heading.print_heading()
    print("| cases | seconds | CPU ms per case | peak memory, MiB | results.json, MB |\n|--:|--:|--:|--:|--:|")
    for number in asked.cases:
        argv = [sys.executable, __file__, "--alone", "--cases", str(number)]
        found = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        row = f"| {number:,} | {found['seconds']:.1f} | {1000 * found['cpu_s'] / number:.2f} "
        print(f"{row}| {found['memory_bytes'] / 2**20:.0f} | {found['json_bytes'] / 1e6:.1f} |", flush=True)


def measured(number: int) -> dict[str, float]:
    """Run so many cases, and return what that took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began_s, cpu_s = time.monotonic(), time.process_time()
        settings = Settings(
            cases=CaseSettings(selectors=("*",)),
            fetch=FetchSettings(store=folder / "store"),
            history=HistorySettings(path=folder / "history.sqlite"),
        )
        (folder / "out").mkdir()
        with (folder / "console.log").open("w") as file:
            console = Console(file=file)
            session = Session(settings, cases(number, folder), Options(), folder / "out", Nowhere(folder=folder))
            report = session.run_to_end(Live(console, id_width=30))
            console.print(console_report.render(report, folder=folder / "out"))
            session.write_page(report)
        if report.exit_code or session.stopped or session.page.bug:
            raise RuntimeError((folder / "console.log").read_text()[-2000:])
        return {
            "seconds": time.monotonic() - began_s,
            "cpu_s": time.process_time() - cpu_s,
            "memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "json_bytes": (folder / "out/results.json").stat().st_size,
        }


def cases(number: int, folder: Path) -> list[Case]:
    """Return cases of as many specs, each with a program of its own."""
    return [Case(spec=spec(index, folder), target=Target(backend=Backend.CPU)) for index in range(number)]


def spec(index: int, folder: Path) -> ModelSpec:
    """Return a spec with a program, an input and an output."""
    return ModelSpec(
        path=folder / f"model{index // 100}/case{index}_cpu.json",
        model=f"model{index // 100}",
        submodel=f"case{index}",
        backend=Backend.CPU,
        mlir=Blob(url=(folder / f"model{index // 100}/case{index}.mlir").as_uri()),
        inputs=(Literal(text="4xf32=1 2 3 4"),),
        outputs=(Literal(text="4xf32=2 4 6 8"),),
        devices=("local-task",),
        compiler_flags=("--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"),
        run_function="main",
    )


@frozen
class Nowhere:
    """Provides an environment in which nothing is done."""

    folder: Path
    engine: str = "local"

    def prepare(self, store: Store, cancel: CancelToken, notice: Notice) -> None:
        """Do nothing."""

    @contextlib.contextmanager
    def open(self, request: EnvironmentRequest) -> Iterator[Environment]:  # noqa: ARG002
        """Yield the environment."""
        program = self.folder / "program"
        yield NullEnvironment(
            name="nowhere",
            toolchain=Toolchain(
                release=releases.newest(),
                build="build",
                runtime_build="build",
                iree_compile=program,
                iree_run_module=program,
                iree_dump_module=program,
                compiler_commit=None,
                runtime_commit=None,
            ),
        )


@frozen(slots=False)
class NullEnvironment(Environment):
    """An environment in which nothing is done."""

    def runner(self, steps: ToolStepRunner) -> StepRunner:
        """Return what does nothing."""
        return NullRunner(folder=steps.out_dir)


@frozen
class NullRunner:
    """Returns of each step what a good one leaves."""

    folder: Path

    def run(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:  # noqa: ARG002
        """Return what a step leaves."""
        match step:
            case Fetch():
                blob = FetchedBlob(url=step.blob.url, sha256="ab" * 32, bytes=1000)
                return FetchResult(fetched=Fetched(path=self.folder, blob=blob, seconds=0), seconds=0.01)
            case Compile():
                module = Module(
                    key="cd" * 32, bytes=1000, cached=False, sha256="ef" * 32, compile_seconds=1.0, dispatches=3
                )
                return CompileResult(folder=self.folder, module=module, seconds=1.0)
            case Run():
                return RunResult(
                    folder=self.folder,
                    outputs=step.outputs,
                    argv=step.argv,
                    process=_ENDED,
                    free_bytes=1 << 40,
                    seconds=0.01,
                )
            case Compare():
                output = Measurement(index=0, type="4xf32", atol=1e-5, elements=4, max_abs_error=1e-7, error_ratio=0.01)
                return CompareResult(outputs=(output,), seconds=0.01)
        raise TypeError(type(step).__name__)


if __name__ == "__main__":
    main()
