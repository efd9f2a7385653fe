"""Runs a part of IREE's suite onnx_ops with every release, one by one and as a matrix, and compares the costs.

    git clone https://github.com/iree-org/iree-test-suites
    python benchmarks/suite_matrix.py --onnx-ops onnx_ops --suite-config onnx_ops_cpu_llvm_sync_O0.json -k softmax

Each run starts with a cache that has the releases and nothing else. Prints a Markdown table, and whether the statuses
are the same.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import heading
import onnx_ops
from costs import Cost
from onnx_ops import HARNESS

from harness.iree import releases
from harness.iree.toolchain import KIND

Statuses = Mapping[tuple[str, str], str]


def main() -> None:
    """Measure, and print the table."""
    asked = arguments()
    onnx_ops.check(asked.onnx_ops)
    heading.print_heading(f"{len(releases.locked())} releases", f"{asked.jobs} jobs")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        for name in releases.locked():
            install = ["fetch", "tiny/scheduler", "--engine", "local", "--iree", name, "--store", str(place / "store")]
            subprocess.run([*HARNESS, *install], check=True, stdout=subprocess.DEVNULL)
        alone, costs = one_by_one(asked, place)
        together, cost = as_matrix(asked, place)
    total = Cost(seconds=sum(each.seconds for each in costs), cpu_seconds=sum(each.cpu_seconds for each in costs))
    onnx_ops.print_costs({f"{len(costs)} runs of `harness quality`": total, "`harness matrix`": cost}, total)
    differing = sum(alone.get(cell) != together.get(cell) for cell in alone.keys() | together.keys())
    print(f"\nStatuses differ in {differing} of {len(alone)} cells.")


def arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = heading.parser(__doc__)
    parser.add_argument("--onnx-ops", type=Path, required=True, metavar="DIR", help=f"the suite; {onnx_ops.WHERE}")
    parser.add_argument("--suite-config", type=Path, required=True, metavar="FILE", help="a config for the CPU")
    parser.add_argument("-k", default="", metavar="TEXT", help="only cases with this in their ids")
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--jobs", type=int, default=cores, metavar="N", help="cases at once (default: %(default)s)")
    return parser.parse_args()


def one_by_one(asked: argparse.Namespace, place: Path) -> tuple[Statuses, list[Cost]]:
    """Run the cases with each release in turn; return the status of each case by release, and the costs."""
    statuses: dict[tuple[str, str], str] = {}
    costs: list[Cost] = []
    for name in releases.locked():
        argv = [*HARNESS, "quality", *_options(asked, place), "--iree", name, "--jobs", str(asked.jobs)]
        costs.append(_timed(argv, place))
        cases = json.loads((place / "out/results.json").read_text())["cases"]
        statuses |= {(each["id"], name): each["status"] for each in cases}
    return statuses, costs


def as_matrix(asked: argparse.Namespace, place: Path) -> tuple[Statuses, Cost]:
    """Run the cases with all releases at once; return the status of each case by release, and the cost."""
    cost = _timed([*HARNESS, "matrix", *_options(asked, place), "--jobs", str(asked.jobs)], place)
    cells = json.loads((place / "out/matrix.json").read_text())["cells"]
    return {(each["case"], each["release"]): each["status"] for each in cells}, cost


def _options(asked: argparse.Namespace, place: Path) -> list[str]:
    suite = ["--specs", str(asked.onnx_ops.absolute()), "--suite-config", str(asked.suite_config.absolute())]
    narrowed = ["-k", asked.k] if asked.k else []
    return [*suite, *narrowed, "--engine", "local", "--store", str(place / "store"), "--out", str(place / "out")]


def _timed(argv: list[str], place: Path) -> Cost:
    """Run a command with an empty cache."""
    for kept in (place / "store").iterdir():
        if kept.name not in {KIND, "locks"}:
            shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
    shutil.rmtree(place / "out", ignore_errors=True)
    return onnx_ops.timed(argv, place, os.environ)


if __name__ == "__main__":
    main()
