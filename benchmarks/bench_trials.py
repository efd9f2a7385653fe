"""Tries how often `harness bench` tells two programs apart whose work differs by a known factor.

    python benchmarks/bench_trials.py --trials 50 --load 1

Each trial times a loop against one of more iterations, in real time and in CPU time, while other processes use the
cores in bursts. Prints a Markdown table: how many trials told them apart, found no difference, or did not know, how
many said what is wrong, and how often the interval has the true factor.
"""

import argparse
import contextlib
import json
import multiprocessing
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import heading
from rich.console import Console

from harness.api import CaseSettings, ContainerSettings, FetchSettings, RunSettings, Settings
from harness.bench.bench_run import BenchRun
from harness.bench.rounds import Comparison, Conclusion
from harness.core.settings import BenchSettings
from harness.core.timings import Timing
from harness.pipeline import sides
from harness.pipeline.progress import Live

FACTORS = (1.0, 1.02, 1.05, 1.2)
ITERATIONS = 4000
LONGEST_BURST_S = 1.0
PROGRAM = Path(__file__).with_name("loop.mlir")
SPEC: dict[str, Any] = {
    "mlir": "loop.mlir",
    "device": "local-sync",
    "run_function": "work",
    "inputs": [{"value": "256xf32=0.5"}],
    "compiler_flags": [
        "--iree-hal-target-device=local",
        "--iree-hal-local-target-device-backends=llvm-cpu",
        "--iree-llvmcpu-target-cpu=host",
    ],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial: what it said, and how long it took in seconds."""

    comparison: Comparison
    seconds: float


def main() -> None:
    """Do the trials, and print the table."""
    asked = arguments()
    heading.print_heading(f"{asked.trials} trials", f"{asked.load} processes as load", f"{asked.time:g} s at most")
    print("| measure | factor | told apart | equal | unclear | wrong | interval has the factor | s per trial |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder, load(asked.load):
        for measure in asked.measure:
            for factor in FACTORS:
                bench = BenchSettings(seconds=asked.time, measure=measure, timing=asked_timing())
                done = [trial(factor, bench, Path(folder), asked.store) for _ in range(asked.trials)]
                print(row(measure, factor, done), flush=True)


def arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = heading.parser(__doc__)
    parser.add_argument("--trials", type=int, default=50, metavar="N", help="of each factor (default: %(default)s)")
    parser.add_argument(
        "--load", type=int, default=1, metavar="N", help="processes that disturb (default: %(default)s)"
    )
    parser.add_argument("--time", type=float, default=6.0, metavar="S", help="for each trial (default: %(default)s)")
    parser.add_argument("--store", type=Path, default=FetchSettings().store, metavar="DIR", help="folder of the cache")
    parser.add_argument("--measure", nargs="+", choices=("cpu", "real"), default=["cpu", "real"], help="default: both")
    return parser.parse_args()


def asked_timing() -> Timing:
    """Return how each round times a function: shortly, because the programs are small."""
    return Timing(repetitions=3, seconds=0.02, warmup_seconds=0.05)


def trial(factor: float, bench: BenchSettings, folder: Path, store: Path) -> Trial:
    """Time a loop against one of so many times the iterations."""
    labelled = []
    for label, iterations in (("more", round(ITERATIONS * factor)), ("less", ITERATIONS)):
        specs = folder / label / "work"
        specs.mkdir(parents=True, exist_ok=True)
        (specs / "loop.mlir").write_text(PROGRAM.read_text().replace("ITERATIONS", str(iterations)))
        (specs / "loop_cpu.json").write_text(json.dumps(SPEC))
        settings = Settings(
            cases=CaseSettings(selectors=("*",), specs=specs.parent),
            container=ContainerSettings(engine="local"),
            fetch=FetchSettings(store=store),
            run=RunSettings(out=folder / "out"),
        )
        labelled.append(replace(sides.side(settings), label=label))
    started = time.monotonic()
    found = BenchRun(labelled, bench).run(Live(Console(quiet=True), id_width=0))
    (case,) = found.cases
    if case.comparison is None:
        raise SystemExit(f"{[(each.status, each.reason) for each in case.outcomes]}")
    return Trial(comparison=case.comparison, seconds=time.monotonic() - started)


def row(measure: Literal["cpu", "real"], factor: float, done: list[Trial]) -> str:
    """Return the row of a factor."""
    said = Counter(each.comparison.conclusion for each in done)
    right = said[Conclusion.SLOWER] if factor > 1 else 0
    wrong = said[Conclusion.FASTER] + (said[Conclusion.SLOWER] if factor == 1 else said[Conclusion.EQUAL])
    covers = sum(each.comparison.low <= factor <= each.comparison.high for each in done)
    seconds = sum(each.seconds for each in done) / len(done)
    cells = (measure, f"{factor:.2f}", right, said[Conclusion.EQUAL], said[Conclusion.UNCLEAR], wrong, covers)
    return f"| {' | '.join(map(str, cells))} | {seconds:.1f} |"


@contextlib.contextmanager
def load(processes: int) -> Iterator[None]:
    """Within the context, let processes use cores in bursts."""
    running = [multiprocessing.Process(target=disturb, args=(seed,), daemon=True) for seed in range(processes)]
    for each in running:
        each.start()
    try:
        yield
    finally:
        for each in running:
            each.kill()


def disturb(seed: int) -> None:
    """Compute and sleep in turn, for ever."""
    chance = random.Random(seed)  # noqa: S311
    while True:
        until = time.monotonic() + chance.random() * LONGEST_BURST_S
        while time.monotonic() < until:
            sum(range(1000))
        time.sleep(chance.random() * LONGEST_BURST_S)


if __name__ == "__main__":
    main()
