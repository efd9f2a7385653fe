"""A suite of models by a plain script, by pytest, and by the harness: the same answers, and what they cost.

    python benchmarks/suite.py [--models 24] [--size 1024] [--link 8] [--jobs 2] [--rounds 1]

The models are made for this: programs with weights of 4 MiB and more, inputs, and what NumPy computes. A server on this
machine has their files. Each program fetches, compiles, runs and compares them, first with nothing but IREE's tools,
then again with what it kept: files and modules, or the cache of the harness. All that once without a limit of the
network, and once with one for all connections together. The expected output of one model is wrong. Prints a Markdown
table, and whether the answers are the same.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import fetch
import heading
import suite_models
from costs import Cost, median
from fetch import HERE
from suite_models import Model

from harness.iree import releases, toolchain
from harness.store.store import Store

HARNESS, SCRIPT, PYTEST = "harness", "script", "pytest"
RUNS = ("first", "second")
HEAD = """\
| network | by | run | seconds | of the script | CPU seconds | of the script |
|---|---|---|--:|--:|--:|--:|"""
NOTES = """\
- script: `suite_by_script.py`, one model after the other, as azure-storage-blob, iree-compile and iree-run-module come.
  pytest: the same as tests, with pytest-xdist. harness: `harness quality`, which also verifies every blob and writes
  a report.
- of the script: the time of this row to that of the first run by the script, with the same network."""

Answers = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the programs work.

    Attributes:
        scratch: a folder for all of them.
        tools: the folders of IREE's tools, as in PATH.
        models: what they run.
        jobs: how much at once, but for the script.
        container: the URL that all files are below.
    """

    scratch: Path
    tools: str
    models: list[Model]
    jobs: int
    container: str

    @property
    def names(self) -> list[str]:
        """The names of the models."""
        return [each.name for each in self.models]

    @property
    def specs(self) -> Path:
        """The specs for the harness."""
        return self.scratch / "specs"

    @property
    def store(self) -> Path:
        """The cache of the harness."""
        return self.scratch / "store"


def main() -> None:
    """Measure, and print the table."""
    parser = heading.parser(__doc__)
    parser.add_argument("--models", type=int, default=24, metavar="N", help="how many (default: 24)")
    parser.add_argument("--size", type=int, default=1024, help="rows and columns of weights (default: 1024)")
    parser.add_argument(
        "--link", type=float, nargs="+", default=[0, 8], metavar="MIB/S", help="default: 0 8; 0: no limit"
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="by pytest and the harness (default: 2)")
    parser.add_argument("--rounds", type=int, default=1, help="measurements of each run (default: 1)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="suite-", ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        models = suite_models.written(scratch / "served", arguments.models, arguments.size)
        with Store(scratch / "store") as store:
            tools = toolchain.installed(releases.find(releases.newest().name), store)
        folders = f"{tools.iree_compile.parent}:{tools.iree_run_module.parent}"
        fetch.keep_bytecode(scratch / "bytecode")
        mib = sum(size for each in models for _, size in each.digests.values()) / fetch.MIB
        heading.print_heading(f"IREE {releases.newest().name}", f"{arguments.models} models, {mib:.0f} MiB")
        print(HEAD, flush=True)
        differing = 0
        for link in arguments.link:
            with fetch.served(scratch / "served", link) as root:
                place = Place(
                    scratch=scratch, tools=folders, models=models, jobs=arguments.jobs, container=f"{root}/0/suite"
                )
                differing += print_rows(place, f"{link:g} MiB/s" if link else "no limit", arguments.rounds)
    print(f"\n{NOTES}\n\nAnswers differ in {differing} of {len(arguments.link) * len(models)} models.")


def print_rows(place: Place, network: str, rounds: int) -> int:
    """Let all programs run, print their rows, and return for how many models they differ."""
    suite_models.write_specs(place.specs, place.models, place.container)
    base: Cost | None = None
    answers: list[Answers] = []
    for program, (clear, run) in PROGRAMS.items():
        costs: dict[str, list[Cost]] = {name: [] for name in RUNS}
        for _ in range(rounds):
            clear(place)
            for name in RUNS:
                os.sync()
                cost, answer = run(place)
                costs[name].append(cost)
                answers.append(answer)
        for name in RUNS:
            cost = median(costs[name])
            base = base or cost
            print_row((network, program if program == SCRIPT else f"{program}, {place.jobs} jobs", name), cost, base)
    wrong = [name for name in place.names if {each.get(name) for each in answers} != {expected(place, name)}]
    for name in wrong:
        print(f"\n{name}: {[each.get(name) for each in answers]}, should be {expected(place, name)}")
    return len(wrong)


def expected(place: Place, name: str) -> str:
    """Return the right answer about a model."""
    return "failed" if name == place.names[0] else "passed"


def print_row(names: tuple[str, ...], cost: Cost, base: Cost) -> None:
    """Print what a run cost."""
    seconds = f"{cost.seconds:.1f} | {cost.seconds / base.seconds:.2f}"
    cpu = f"{cost.cpu_seconds:.1f} | {cost.cpu_seconds / base.cpu_seconds:.2f}"
    print(f"| {' | '.join(names)} | {seconds} | {cpu} |", flush=True)


def clear_files(place: Place) -> None:
    """Remove what the script and pytest kept."""
    shutil.rmtree(place.scratch / "files", ignore_errors=True)


def clear_cache(place: Place) -> None:
    """Remove all but IREE from the cache of the harness."""
    for kept in place.store.iterdir():
        if kept.name not in {toolchain.KIND, "locks"}:
            shutil.rmtree(kept) if kept.is_dir() else kept.unlink()


def by_script(place: Place) -> tuple[Cost, Answers]:
    """Run the models one after the other."""
    files = str(place.scratch / "files")
    argv = [sys.executable, str(HERE / "suite_by_script.py"), place.container, files, place.tools, *place.names]
    cost, output = timed(argv, place)
    return cost, dict(line.split() for line in output.splitlines())


def by_pytest(place: Place) -> tuple[Cost, Answers]:
    """Run the models as tests."""
    report = place.scratch / "junit.xml"
    suite = " ".join([place.container, str(place.scratch / "files"), place.tools, *place.names])
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", str(place.jobs)]
    argv += ["--rootdir", str(HERE), "-c", os.devnull, f"--junitxml={report}", str(HERE / "suite_by_pytest.py")]
    cost, _ = timed(argv, place, SUITE=suite)
    cases = ET.parse(report).getroot().iter("testcase")  # noqa: S314 - pytest wrote it
    named = {each.attrib["name"].removeprefix("test_model[").removesuffix("]"): each for each in cases}
    return cost, {name: "failed" if len(case) else "passed" for name, case in named.items()}


def by_harness(place: Place) -> tuple[Cost, Answers]:
    """Run the models by the harness."""
    out = place.scratch / "out"
    argv = [sys.executable, "-m", "harness", "quality", "--specs", str(place.specs), "--engine", "local"]
    argv += ["--store", str(place.store), "--out", str(out), "--jobs", str(place.jobs)]
    cost, _ = timed(argv, place)
    cases = json.loads((out / "results.json").read_text())["cases"]
    return cost, {each["submodel"]: each["status"] for each in cases}


def timed(argv: list[str], place: Place, **variables: str) -> tuple[Cost, str]:
    """Run a program to its end; return its cost and its output."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    environment = fetch.environment() | variables
    ran = subprocess.run(argv, check=False, cwd=place.scratch, env=environment, capture_output=True, text=True)
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode not in {0, 1}:
        sys.exit(f"{' '.join(argv)}\nended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(seconds=seconds, cpu_seconds=spent), ran.stdout


Program = tuple[Callable[[Place], None], Callable[[Place], tuple[Cost, Answers]]]
PROGRAMS: dict[str, Program] = {
    SCRIPT: (clear_files, by_script),
    PYTEST: (clear_files, by_pytest),
    HARNESS: (clear_cache, by_harness),
}

if __name__ == "__main__":
    main()
