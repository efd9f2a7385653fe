"""What the harness costs over its tools: the embedded models, judged by it and by hand.

    python benchmarks/overhead.py

"By hand" is what one would do instead: the script that `harness plan` prints, run by a shell, one case after the
other, everything compiled each time, nothing compared. Both use the same toolchain. Prints a Markdown table.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.host import devices
from harness.iree import releases, toolchain
from harness.store.store import Store

ROOT = Path(__file__).parents[1]
HARNESS = [sys.executable, "-m", "harness"]


def main() -> None:
    """Measure once, cold and warm, and print the table."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        release = releases.newest().name
        tools = toolchain.installed(releases.find(release), Store(scratch / "store"))
        by_hand_s = run_by_hand(scratch, tools)
        cold = run_harness(scratch, "cold")
        warm = run_harness(scratch, "warm")
    cpus = len(os.sched_getaffinity(0))
    print(f"{devices.cpu_name()}, {cpus} cores, Linux {platform.release()}")
    print(f"{datetime.now(UTC):%Y-%m-%d}, IREE {release}\n")
    print("| run of `tiny` | seconds | of by hand | per case, outside IREE |")
    print("|---|---|---|---|")
    print(f"| by hand | {by_hand_s:.1f} | 1.00 | |")
    for label, (seconds, report) in {"harness, nothing compiled before": cold, "harness again": warm}.items():
        outside_s = outside_tools_s(seconds, report)
        shown = f"{outside_s:.3f} s" if outside_s is not None else ""
        print(f"| {label} | {seconds:.1f} | {seconds / by_hand_s:.2f} | {shown} |")
    cached = [module["cached"] for case in warm[1]["cases"] for module in case["modules"]]
    print(f"\nModules that the second run found compiled: {sum(cached)} of {len(cached)}.")


def run_by_hand(scratch: Path, tools: toolchain.Toolchain) -> float:
    """Return the seconds that the printed scripts take, one after the other."""
    text = harness(scratch, "plan", "tiny").stdout
    path = f"{tools.iree_compile.parent}:{tools.iree_run_module.parent}:{os.environ['PATH']}"
    started = time.monotonic()
    for number, script in enumerate(text.split("\n\n")):
        folder = scratch / f"by-hand-{number}"
        folder.mkdir()
        argv = ["/bin/sh", "-e"]
        subprocess.run(argv, input=script, cwd=folder, env={"PATH": path}, text=True, check=True, capture_output=True)
    return time.monotonic() - started


def run_harness(scratch: Path, name: str) -> tuple[float, Any]:
    """Return the seconds of a whole run, from the start of Python to its end, and its results."""
    started = time.monotonic()
    harness(scratch, "quality", "tiny", "--out", str(scratch / name))
    seconds = time.monotonic() - started
    return seconds, json.loads((scratch / name / "results.json").read_text())


def harness(scratch: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the harness."""
    argv = [*HARNESS, *arguments, "--store", str(scratch / "store")]
    return subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True)


def outside_tools_s(seconds: float, report: Any) -> float | None:
    """Return what a case cost beside compiling and running; without meaning where compilations overlap."""
    cases = report["cases"]
    if not all(module["cached"] for case in cases for module in case["modules"]):
        return None
    return float((seconds - sum(case["seconds"].get("run", 0.0) for case in cases)) / len(cases))


if __name__ == "__main__":
    main()
