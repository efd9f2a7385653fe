"""How soon the harness answers, and what a case costs of which everything is in the cache.

    python benchmarks/startup.py [--rounds 11] [--many-rounds 5] [--specs 1000] [--cases 100] [--folder DIR]

Starts commands again and again, and notes how long each takes to its end, or to its first line. Then runs small cases
whose modules are in the cache: `iree-run-module` runs and its outputs are compared. The CPU time is that of all
processes together without that of `iree-run-module`, which is started by hand as often. Prints Markdown tables of
medians.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fetch
import heading
import numpy as np
from costs import Cost, median

from harness.iree import releases, toolchain
from harness.store.store import Store

ROOT = Path(__file__).parents[1]
HARNESS = [sys.executable, "-m", "harness"]
LOCAL = ("--engine", "local", "--no-history")
FLAGS = ("--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu")
ROWS = 64
PROGRAM = """\
func.func @main(%x: tensor<{rows}xf32>) -> tensor<{rows}xf32> {{
  %by = arith.constant dense<{by}.0> : tensor<{rows}xf32>
  %y = arith.mulf %x, %by : tensor<{rows}xf32>
  return %y : tensor<{rows}xf32>
}}
"""
NOTES = """\
- seconds: from the start of Python to the end of the command, or to its first line. CPU seconds: of all its processes;
  of a first line, those of the whole command.
- A case has a program, an input and an expected output, each in a file of its own."""


def main() -> None:
    """Measure, and print the tables."""
    asked = arguments()
    with tempfile.TemporaryDirectory(prefix="startup-", dir=asked.folder, ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        fetch.keep_bytecode(scratch / "bytecode")
        with Store(scratch / "store") as store:
            toolchain.installed(releases.find(releases.newest().name), store)
        write_specs(scratch / "listed", asked.specs)
        heading.print_heading(f"IREE {releases.newest().name}")
        print_starts(asked, scratch)
        print_cases(asked, scratch)
    print(f"\n{NOTES}")


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = heading.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=11, metavar="N", help="runs of each command (default: 11)")
    parser.add_argument("--many-rounds", type=int, default=5, metavar="N", help="with many specs (default: 5)")
    parser.add_argument("--specs", type=int, default=1000, metavar="N", help="how many to list (default: 1000)")
    parser.add_argument("--cases", type=int, default=100, metavar="N", help="how many to run (default: 100)")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="on the disk to use (default: that of $TMPDIR)")
    return parser.parse_args()


def write_specs(folder: Path, number: int) -> None:
    """Write so many specs, each with a program, an input and an output of its own."""
    x = np.arange(ROWS, dtype=np.float32)
    for index in range(number):
        model = folder / f"model{index // 100}"
        model.mkdir(parents=True, exist_ok=True)
        name = f"case{index}"
        (model / f"{name}.mlir").write_text(PROGRAM.format(rows=ROWS, by=index + 2))
        (model / f"{name}.input.bin").write_bytes((x + np.float32(index)).tobytes())
        (model / f"{name}.output.bin").write_bytes(((x + np.float32(index)) * np.float32(index + 2)).tobytes())
        spec = {
            "mlir": f"{name}.mlir",
            "compiler_flags": FLAGS,
            "device": "local-sync",
            "run_function": "main",
            "inputs": [{"source": f"{name}.input.bin", "value": f"{ROWS}xf32"}],
            "outputs": [{"source": f"{name}.output.bin", "value": f"{ROWS}xf32"}],
        }
        (model / f"{name}_cpu.json").write_text(json.dumps(spec))


def print_starts(asked: argparse.Namespace, scratch: Path) -> None:
    """Print how soon commands answer."""
    many = ["list", "--specs", str(scratch / "listed")]
    quality = ["quality", "tiny/scheduler", *LOCAL, "--store", str(scratch / "store"), "--out", str(scratch / "out")]
    print("| command | seconds | CPU seconds | aim |\n|---|--:|--:|--:|")
    print_row("`harness --version`", ["--version"], asked.rounds, aim="0.1")
    print_row("`harness --help`", ["--help"], asked.rounds)
    print_row("`harness list`", ["list"], asked.rounds)
    print_row(f"`harness list --specs`, of {asked.specs:,} specs", many, asked.many_rounds, aim="0.5")
    title = "the first line of a second `harness quality tiny/scheduler --engine local`"
    print_row(title, quality, asked.rounds, aim="0.3", first_line=True)
    print()


def print_row(title: str, words: list[str], rounds: int, *, aim: str = "", first_line: bool = False) -> None:
    """Run a command so often after a first time, and print its medians."""
    cost = median([timed(words, first_line=first_line) for _ in range(rounds + 1)][1:])
    print(f"| {title} | {cost.seconds:.2f} | {cost.cpu_seconds:.2f} | {aim} |", flush=True)


def print_cases(asked: argparse.Namespace, scratch: Path) -> None:
    """Print what cases cost whose modules are in the cache."""
    own_s = {}
    print("| cases | seconds | CPU seconds | of `iree-run-module` | of the harness |\n|--:|--:|--:|--:|--:|")
    for number in (1, asked.cases):
        specs, out = scratch / f"specs{number}", scratch / f"out{number}"
        write_specs(specs, number)
        words = ["quality", "--specs", str(specs), *LOCAL, "--store", str(scratch / "store"), "--out", str(out)]
        timed(words)
        rounds = [(timed(words), tools_s(scratch, specs, out)) for _ in range(asked.many_rounds)]
        check(out, number)
        cost, in_tools_s = median([each for each, _ in rounds]), statistics.median(each for _, each in rounds)
        own_s[number] = statistics.median(each.cpu_seconds - of_tools for each, of_tools in rounds)
        row = f"| {number} | {cost.seconds:.2f} | {cost.cpu_seconds:.2f} "
        print(f"{row}| {in_tools_s:.2f} | {own_s[number]:.2f} |", flush=True)
    each_more_ms = 1000 * (own_s[asked.cases] - own_s[1]) / (asked.cases - 1)
    print(f"\nOf the harness, for each more case: {each_more_ms:.1f} ms (aim: 5 ms).")


def check(out: Path, number: int) -> None:
    """End the program unless all cases passed with modules of the cache."""
    cases = json.loads((out / "results.json").read_text())["cases"]
    is_warm = all(each["status"] == "passed" and each["modules"][0]["cached"] for each in cases)
    if len(cases) != number or not is_warm:
        sys.exit(f"{out}: expected {number} cases that passed, of which nothing was compiled")


def tools_s(scratch: Path, specs: Path, out: Path) -> float:
    """Return the CPU seconds that the runs of all cases take by hand, as their results quote them."""
    found = json.loads((out / "results.json").read_text())
    program, total_s = found["environment"]["by_hand"]["iree-run-module"], 0.0
    for case in found["cases"]:
        with files_of(case, scratch, specs) as folder, (folder / "run.log").open("wb") as log:
            actions = [(os.POSIX_SPAWN_DUP2, log.fileno(), number) for number in (1, 2)]
            argv = [program, *case["commands"]["run"][1:]]
            _, status, usage = os.wait4(os.posix_spawn(program, argv, os.environ, file_actions=actions), 0)
            if status:
                sys.exit((folder / "run.log").read_text())
            total_s += usage.ru_utime + usage.ru_stime
    return total_s


@contextlib.contextmanager
def files_of(case: Any, scratch: Path, specs: Path) -> Iterator[Path]:
    """Work in a folder with the files of a case, under the names that its command line has."""
    folder = scratch / "by-hand"
    folder.mkdir()
    (module,) = (scratch / "store/modules").glob(f"*/{case['modules'][0]['key']}/*.vmfb")
    (folder / module.name).symlink_to(module)
    (folder / "input.0.bin").symlink_to(specs / case["model"] / f"{case['submodel']}.input.bin")
    try:
        with contextlib.chdir(folder):
            yield folder
    finally:
        shutil.rmtree(folder)


def timed(words: list[str], *, first_line: bool = False) -> Cost:
    """Run a command of the harness; return what it took, or when its first line came and what all of it took."""
    reader, writer = os.pipe()
    started_s = time.monotonic()
    child = subprocess.Popen([*HARNESS, *words], cwd=ROOT, stdout=writer, env=fetch.environment())
    os.close(writer)
    with os.fdopen(reader) as output:
        said = output.readline()
        first_s = time.monotonic() - started_s
        said += output.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = first_s if first_line else time.monotonic() - started_s
    if child.returncode:
        sys.exit(f"harness {' '.join(words)}\nended with {child.returncode}:\n{said}")
    return Cost(seconds=seconds, cpu_seconds=usage.ru_utime + usage.ru_stime)


if __name__ == "__main__":
    main()
