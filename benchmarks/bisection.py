"""What it costs to find the release that changed a case, among all stable releases.

    python benchmarks/bisection.py [--rounds 3]

Finds the first release in which `tiny/clip` has at most 50 dispatches: by `bisect`; by `bisect --all`, which tests
every release; and by a script that tests both ends with `harness quality`, then halves the range. Each starts with an
empty cache. The wheels are downloaded before, so the times are those of installing, compiling and running. Prints a
Markdown table of medians.

This file is not called `bisect.py`: the scripts beside it would import it in place of Python's module.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import heading

from harness.iree import releases

ROOT = Path(__file__).parents[1]
HARNESS = [sys.executable, "-m", "harness"]
DISPATCHES = 50
QUESTION = ["bisect", "tiny/clip", "--find", "fix", "--metric", f"dispatches > {DISPATCHES}"]
ENDS = ["--bad", next(iter(releases.locked())), "--good", releases.newest().name]
BISECTS = {
    "`bisect` (aim: 30 s)": ENDS,
    "`bisect --jobs 2`": [*ENDS, "--jobs", "2"],
    "`bisect`, no ends given": [],
    "`bisect --all --jobs 2`": ["--all", "--jobs", "2"],
}
SCRIPT = "a script that halves the range with `harness quality`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found, and what it took.

    Attributes:
        release: the first release that is good.
        tested: how many releases were tested.
        seconds: from its start to its end.
    """

    release: str
    tested: int
    seconds: float


def main() -> None:
    """Measure, and print the table."""
    parser = heading.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="searches of each kind (default: 3)")
    rounds = parser.parse_args().rounds
    timed(lambda folder: by_bisect(folder, ["--all"]))  # downloads all wheels
    heading.print_heading(f"{len(releases.locked())} releases, {ENDS[1]} to {ENDS[3]}")
    searches: dict[str, Callable[[Path], tuple[str, int]]] = {SCRIPT: by_script}
    for name, options in BISECTS.items():
        searches[name] = lambda folder, options=options: by_bisect(folder, options)  # type: ignore[misc]
    found: dict[str, list[Found]] = {name: [] for name in searches}
    for _ in range(rounds):
        for name, search in searches.items():
            found[name].append(timed(search))
    print_table(found)


def timed(search: Callable[[Path], tuple[str, int]]) -> Found:
    """Search once, in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        release, tested = search(Path(folder))
        return Found(release=release, tested=tested, seconds=time.monotonic() - started)


def by_bisect(folder: Path, options: Sequence[str]) -> tuple[str, int]:
    """Return the release that `harness bisect` finds, and how many it tested."""
    run(folder, *QUESTION, *options)
    document = json.loads((folder / "out" / "bisect.json").read_text())
    return str(document["result"]["first"]), len(document["probes"])


def by_script(folder: Path) -> tuple[str, int]:
    """Return the release that a script finds, and how many it tested."""
    names = list(releases.locked())
    bad, good = 0, len(names) - 1
    assert not is_good(folder, names[bad])
    assert is_good(folder, names[good])
    tested = 2
    while good - bad > 1:
        middle = (bad + good) // 2
        tested += 1
        if is_good(folder, names[middle]):
            good = middle
        else:
            bad = middle
    return names[good], tested


def is_good(folder: Path, release: str) -> bool:
    """Return whether the case has few dispatches with a release."""
    run(folder, "quality", "tiny/clip", "--iree", release)
    (case,) = json.loads((folder / "out" / "results.json").read_text())["cases"]
    return int(case["modules"][0]["dispatches"]) <= DISPATCHES


def run(folder: Path, *command: str) -> None:
    """Run a command of the harness, from the start of Python to its end."""
    options = ["--store", str(folder / "store"), "--out", str(folder / "out"), "--engine", "local"]
    subprocess.run([*HARNESS, *command, *options], cwd=ROOT, check=True, capture_output=True)


def print_table(found: dict[str, list[Found]]) -> None:
    """Print the median of each kind of search, and its ratio to that of the script."""
    print("| how | releases tested | seconds | of the script | answer |\n|---|--:|--:|--:|---|")
    script_s = statistics.median(each.seconds for each in found[SCRIPT])
    for name, rounds in found.items():
        seconds = statistics.median(each.seconds for each in rounds)
        tested = statistics.median_low(each.tested for each in rounds)
        answer = ", ".join(sorted({each.release for each in rounds}))
        print(f"| {name} | {tested} | {seconds:.1f} | {seconds / script_s:.2f} | {answer} |")


if __name__ == "__main__":
    main()
