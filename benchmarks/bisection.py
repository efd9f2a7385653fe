"""What it costs to find the release that changed a case, out of all stable ones.

    python benchmarks/bisection.py

Finds the release since which `tiny/clip` has fewer than 50 dispatches, each time into an empty store: by `bisect`, one
release after another and two at once; by `bisect --all`, which looks at every release; and as a script would, that
calls `harness quality` for one release after another until the number changes. Wheels are downloaded before (by a
first run of all), so what counts is installing, compiling and running. Prints a Markdown table; the aim is in brackets.

It is not called `bisect.py`: to the scripts beside it that would be Python's own module of this name.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from harness.host import devices
from harness.iree import releases

ROOT = Path(__file__).parents[1]
HARNESS = [sys.executable, "-m", "harness"]
DISPATCHES = 50
QUESTION = ["bisect", "tiny/clip", "--find", "fix", "--metric", f"dispatches > {DISPATCHES}"]
ENDS = ["--bad", next(iter(releases.locked())), "--good", releases.newest().name]


def main() -> None:
    """Measure, and print the table."""
    measured("--all")  # downloads all wheels
    print(f"{devices.cpu_name()}, {len(os.sched_getaffinity(0))} cores, Linux {platform.release()}")
    print(f"{datetime.now(UTC):%Y-%m-%d}, {len(releases.locked())} releases, {ENDS[1]} to {ENDS[3]}\n")
    print("| how | releases looked at | seconds | of the script | answer |\n|---|--:|--:|--:|---|")
    script_s, script_probes, script_answer = timed(script)
    row("a script over `harness quality` (oldest first)", script_probes, script_s, script_s, script_answer)
    for name, options in (
        ("`bisect` (aim: 30 s)", ENDS),
        ("`bisect --jobs 2`", [*ENDS, "--jobs", "2"]),
        ("`bisect`, no ends given", []),
        ("`bisect --all --jobs 2`", ["--all", "--jobs", "2"]),
    ):
        seconds, probes, answer = timed(lambda options=options: measured(*options))  # type: ignore[misc]
        row(name, probes, seconds, script_s, answer)


def measured(*options: str) -> tuple[int, str]:
    """Bisect with an empty store, and return how many releases were looked at, and the answer."""
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), *QUESTION, *options)
        document = json.loads((Path(folder) / "out" / "bisect.json").read_text())
        return len(document["probes"]), str(document["result"]["first"])


def script() -> tuple[int, str]:
    """Judge with one release after another, with an empty store, until there are fewer dispatches."""
    with tempfile.TemporaryDirectory() as folder:
        for number, release in enumerate(releases.locked(), 1):
            run(Path(folder), "quality", "tiny/clip", "--iree", release)
            (case,) = json.loads((Path(folder) / "out" / "results.json").read_text())["cases"]
            if case["modules"][0]["dispatches"] <= DISPATCHES:
                return number, release
    raise SystemExit("no release has fewer dispatches")


def run(folder: Path, *command: str) -> None:
    """Run a command of the harness, from the start of Python to its end."""
    places = ["--store", str(folder / "store"), "--out", str(folder / "out"), "--engine", "local"]
    subprocess.run([*HARNESS, *command, *places], cwd=ROOT, check=True, capture_output=True)


def timed(do: Callable[[], tuple[int, str]]) -> tuple[float, int, str]:
    """Return the seconds that something takes, and what it returns."""
    started = time.monotonic()
    probes, answer = do()
    return time.monotonic() - started, probes, answer


def row(name: str, probes: int, seconds: float, script_s: float, answer: str) -> None:
    """Print a line of the table."""
    print(f"| {name} | {probes} | {seconds:.1f} | {seconds / script_s:.2f} | {answer} |", flush=True)


if __name__ == "__main__":
    main()
