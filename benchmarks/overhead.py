"""What the harness adds to the time of IREE's tools: the bundled models, run by the harness and by hand.

    python benchmarks/overhead.py [--jobs 1 2] [--rounds 3]

"By hand" runs the shell script that `harness plan` prints for each case, as many at once as the harness has jobs. It
compiles everything each time and compares nothing. The harness compiles everything in its first run, and nothing in
its second; it compares all outputs in both. All use the same toolchain. Prints a Markdown table of medians.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import heading

from harness.iree import releases, toolchain
from harness.iree.toolchain import Toolchain
from harness.store.store import Store

ROOT = Path(__file__).parents[1]
HARNESS = [sys.executable, "-m", "harness"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One measurement of each run.

    Attributes:
        by_hand_s: seconds of the scripts.
        first_s: seconds of the harness, which compiles everything.
        second_s: seconds of the harness, which compiles nothing.
        outside_s: seconds per case of the second run that are not spent in `iree-run-module`.
    """

    by_hand_s: float
    first_s: float
    second_s: float
    outside_s: float


def main() -> None:
    """Measure, and print the table."""
    parser = heading.parser(__doc__)
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, cores], metavar="N", help="compilations at once")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each run (default: 3)")
    arguments = parser.parse_args()
    heading.print_heading(f"IREE {releases.newest().name}")
    print("| jobs | run of `tiny` | seconds | of by hand | per case, outside IREE |\n|--:|---|--:|--:|--:|")
    for jobs in dict.fromkeys(arguments.jobs):
        print_rows(jobs, [measured(jobs) for _ in range(arguments.rounds)])


def measured(jobs: int) -> Round:
    """Measure each run once, with an empty cache that has the toolchain only."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Store(folder / "store") as store:
            tools = toolchain.installed(releases.find(releases.newest().name), store)
        by_hand_s = run_by_hand(folder, tools, jobs)
        first_s, first = run_harness(folder, "first", jobs)
        second_s, second = run_harness(folder, "second", jobs)
    assert not any(cached(first)), "the first run must compile everything"
    assert all(cached(second)), "the second run must compile nothing"
    cases = second["cases"]
    in_tools_s = sum(case["seconds"].get("run", 0.0) for case in cases)
    outside_s = (second_s - in_tools_s) / len(cases)
    return Round(by_hand_s=by_hand_s, first_s=first_s, second_s=second_s, outside_s=outside_s)


def run_by_hand(folder: Path, tools: Toolchain, jobs: int) -> float:
    """Return the seconds that the printed scripts take, so many at once."""
    scripts = harness(folder, "plan", "tiny").stdout.split("\n\n")
    path = f"{tools.iree_compile.parent}:{tools.iree_run_module.parent}:{os.environ['PATH']}"

    def run(number: int) -> None:
        here = folder / f"by-hand-{number}"
        here.mkdir()
        argv, variables = ["/bin/sh", "-e"], {"PATH": path}
        subprocess.run(argv, input=scripts[number], cwd=here, env=variables, text=True, check=True, capture_output=True)

    started = time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(run, range(len(scripts))))
    return time.monotonic() - started


def run_harness(folder: Path, name: str, jobs: int) -> tuple[float, Any]:
    """Return the seconds of a whole run, from the start of Python to its end, and its results."""
    started = time.monotonic()
    harness(folder, "quality", "tiny", "--engine", "local", "--jobs", str(jobs), "--out", str(folder / name))
    seconds = time.monotonic() - started
    return seconds, json.loads((folder / name / "results.json").read_text())


def harness(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of the harness."""
    argv = [*HARNESS, *arguments, "--store", str(folder / "store")]
    return subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True)


def cached(report: Any) -> list[bool]:
    """Return of each module of a run whether it was in the cache."""
    return [module["cached"] for case in report["cases"] for module in case["modules"]]


def print_rows(jobs: int, rounds: list[Round]) -> None:
    """Print the medians of some rounds."""
    by_hand_s = statistics.median(each.by_hand_s for each in rounds)
    first_s = statistics.median(each.first_s for each in rounds)
    second_s = statistics.median(each.second_s for each in rounds)
    outside_s = statistics.median(each.outside_s for each in rounds)
    print(f"| {jobs} | by hand | {by_hand_s:.1f} | 1.00 | |")
    print(f"| {jobs} | harness, first run | {first_s:.1f} | {first_s / by_hand_s:.2f} | |")
    print(
        f"| {jobs} | harness, second run | {second_s:.1f} | {second_s / by_hand_s:.2f} | {outside_s:.3f} s |",
        flush=True,
    )


if __name__ == "__main__":
    main()
