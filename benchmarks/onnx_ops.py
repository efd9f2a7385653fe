"""Runs IREE's suite onnx_ops by its own pytest runner and by the harness, and compares results and costs.

    git clone https://github.com/iree-org/iree-test-suites
    python benchmarks/onnx_ops.py --onnx-ops iree-test-suites/onnx_ops --suite-config onnx_ops_cpu_llvm_sync_O0.json

Configs are in IREE's sources, in tests/external/iree-test-suites/onnx_ops. The suite's runner gets a copy of the suite,
because it writes into it, and an environment with the same release from PyPI. The harness starts with an empty cache
that has only the release, then runs once more. Prints a Markdown table, then each case whose result differs.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import heading
from costs import Cost

from harness.iree import releases

HARNESS = [sys.executable, "-m", "harness"]
UV = [sys.executable, "-m", "uv"]
PACKAGES = ("pytest", "pytest-reportlog", "pytest-timeout", "pytest-xdist", "pyjson5")
WHERE = "pass the folder of a checkout with --onnx-ops: git clone https://github.com/iree-org/iree-test-suites"
# What the suite's runner calls the statuses of the harness; it does not report skipped cases.
CALLED = {"passed": "passed", "compiled": "passed", "xfailed": "xfailed", "xpassed": "xpassed", "failed": "failed"}


def main() -> None:
    """Measure, and print the table."""
    asked = arguments()
    check(asked.onnx_ops)
    heading.print_heading(f"IREE {asked.iree}", f"{asked.jobs} jobs")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        theirs, their_cost = by_their_runner(asked, Path(folder))
        ours, costs = by_harness(asked, Path(folder))
    print_costs({"its own runner": their_cost, **costs}, their_cost)
    print(f"\nIts own runner: {counted(theirs)}. The harness: {counted(ours)}.\n")
    names = sorted(theirs.keys() | ours.keys())
    differing = [name for name in names if theirs.get(name) != ours.get(name)]
    print(f"Results differ in {len(differing)} of {len(names)} cases.")
    for name in differing:
        print(f"- {name}: {theirs.get(name, 'not reported')}, here {ours.get(name, 'not reported')}")


def check(suite: Path) -> None:
    """End the program if a folder is not the suite."""
    if not (suite / "conftest.py").is_file():
        sys.exit(f"{suite} is not the suite; {WHERE}")


def arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = heading.parser(__doc__)
    parser.add_argument("--onnx-ops", type=Path, required=True, metavar="DIR", help=f"the suite; {WHERE}")
    parser.add_argument("--suite-config", type=Path, required=True, metavar="FILE", help="a config for the CPU")
    parser.add_argument("--iree", default=releases.newest().name, metavar="RELEASE", help="default: %(default)s")
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--jobs", type=int, default=cores, metavar="N", help="cases at once (default: %(default)s)")
    return parser.parse_args()


def counted(results: Mapping[str, str]) -> str:
    """Return how often each result is there."""
    return ", ".join(f"{number} {name}" for name, number in sorted(Counter(results.values()).items()))


def by_their_runner(asked: argparse.Namespace, folder: Path) -> tuple[Mapping[str, str], Cost]:
    """Run the suite as its maintainers do; return the result of each case, and the cost."""
    suite, environment, log = folder / "onnx_ops", folder / "environment", folder / "log.jsonl"
    shutil.copytree(asked.onnx_ops, suite)
    python = environment / "bin" / "python"
    wanted = [f"iree-base-{part}=={asked.iree}" for part in ("compiler", "runtime")]
    subprocess.run([*UV, "venv", "--quiet", environment], check=True)
    subprocess.run([*UV, "pip", "install", "--quiet", "--python", python, *PACKAGES, *wanted], check=True)
    argv = [str(python), "-m", "pytest", str(suite), "-q", "-n", str(asked.jobs), "--timeout=60"]
    argv += ["--config-files", str(asked.suite_config.absolute()), "--report-log", str(log)]
    variables = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}"}
    cost = timed(argv, folder, variables)
    return dict(filter(None, map(_result, log.read_text().splitlines()))), cost


def _result(line: str) -> tuple[str, str] | None:
    """Return the name and the result of a case that a line of the runner's log reports."""
    report = json.loads(line)
    if report.get("$report_type") != "TestReport" or report["when"] != "call":
        return None
    name = report["nodeid"].partition("/run_module_io_flags.txt")[0].rpartition("onnx_ops/")[2]
    if report["outcome"] == "failed" and "[XPASS(strict)]" in str(report["longrepr"]):
        return name, "xpassed"
    return name, {"skipped": "xfailed"}.get(report["outcome"], report["outcome"])


def by_harness(asked: argparse.Namespace, folder: Path) -> tuple[Mapping[str, str], Mapping[str, Cost]]:
    """Run the suite by the harness twice; return the result of each case, and the costs."""
    out, store = folder / "out", ["--store", str(folder / "store"), "--engine", "local", "--iree", asked.iree]
    subprocess.run([*HARNESS, "fetch", "tiny/scheduler", *store], check=True, stdout=subprocess.DEVNULL)
    suite = ["--specs", str(asked.onnx_ops.absolute()), "--suite-config", str(asked.suite_config.absolute())]
    argv = [*HARNESS, "quality", *suite, *store, "--out", str(out), "--jobs", str(asked.jobs)]
    costs = {f"harness, {run} run": timed(argv, folder, os.environ) for run in ("first", "second")}
    cases = json.loads((out / "results.json").read_text())["cases"]
    results = {f"{each['model']}/{each['submodel']}": each["status"] for each in cases}
    return {name: CALLED.get(each, each) for name, each in results.items() if each != "skipped"}, costs


def timed(argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Cost:
    """Run a command to its end, whatever its exit code is, and return its cost."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(argv, check=False, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(seconds=seconds, cpu_seconds=spent)


def print_costs(costs: Mapping[str, Cost], base: Cost) -> None:
    """Print the table."""
    print("| by | seconds | ratio | CPU seconds | ratio |\n|---|--:|--:|--:|--:|")
    for name, cost in costs.items():
        ratios = cost.seconds / base.seconds, cost.cpu_seconds / base.cpu_seconds
        print(f"| {name} | {cost.seconds:.0f} | {ratios[0]:.2f} | {cost.cpu_seconds:.0f} | {ratios[1]:.2f} |")


if __name__ == "__main__":
    main()
