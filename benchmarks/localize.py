"""Tries how often `harness localize` names the right operation of two programs that differ in one.

    python benchmarks/localize.py --trials 100 --jobs 2

Each trial draws a program of 30 to 200 operations and a second one in which one operation has another constant, one
rounding more, another index, a NaN, or numbers below the normal ones. Prints a Markdown table: how often the operation
was named, how many programs were compiled for that, and how long it took.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import heading
import numpy as np
from rich.console import Console

from harness.api import CaseSettings, ContainerSettings, FetchSettings, RunSettings, Settings
from harness.core.settings import LocalizeSettings, ProgramSettings
from harness.localize.localization import Localization
from harness.pipeline import sides
from harness.pipeline.progress import Live

SIZE = 24
TENSOR = f"tensor<{SIZE}x{SIZE}xf32>"
SMALLEST, LARGEST = 30, 200
FLAGS = (
    "--iree-hal-target-device=local",
    "--iree-hal-local-target-device-backends=llvm-cpu",
    "--iree-llvmcpu-target-cpu=generic",
)
PLAIN = "%o = arith.constant 1.0 : f32 %t = arith.mulf %m, %o : f32"
DENORMAL = "%u = arith.constant 5.0e37 : f32 %v = arith.mulf %c, %u : f32 %t = arith.mulf %m, %v : f32"
# By the kind of a fault: how an operation computes %t of %m, right and wrong.
BODIES = {
    "constant": (PLAIN, "%o = arith.constant 1.001 : f32 %t = arith.mulf %m, %o : f32"),
    "rounding": (PLAIN, "%h = arith.truncf %m : f32 to f16 %t = arith.extf %h : f16 to f32"),
    "nan": ("%p = math.absf %m : f32 %t = math.sqrt %p : f32", "%t = math.sqrt %m : f32"),
    "denormal": (
        f"%c = arith.constant 1.2e-38 : f32 {DENORMAL}",
        f"%c = arith.constant 1.1e-38 : f32 {DENORMAL}",
    ),
    "index": (PLAIN, PLAIN),
}
SCALED = "%s = arith.constant 0.01 : f32 %m = arith.mulf %a, %s : f32"
ADDED = (
    "%x = math.tanh %t : f32 %k = arith.constant 0.2 : f32 %y = arith.mulf %x, %k : f32 "
    "%l = arith.constant 0.98 : f32 %z = arith.mulf %b, %l : f32 %r = arith.addf %z, %y : f32"
)
MAP, TURNED = "affine_map<(i, j) -> (i, j)>", "affine_map<(i, j) -> (j, i)>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial: the kind of the fault, whether its operation was named, programs compiled, and seconds."""

    kind: str
    size: int
    is_right: bool
    compilations: int
    seconds: float
    said: str


def main() -> None:
    """Do the trials, and print the table."""
    asked = arguments()
    heading.print_heading(f"{asked.trials} trials", f"{asked.jobs} at once", f"seed {asked.seed}")
    kinds = list(BODIES)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(asked.jobs) as pool:
        numbers = range(asked.seed, asked.seed + asked.trials)
        done = list(pool.map(lambda seed: trial(seed, kinds[seed % len(kinds)], Path(folder), asked.store), numbers))
    print("| fault | trials | right | operations | programs compiled, median | most | s per trial, median |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for kind in (*kinds, "all"):
        print(row(kind, [each for each in done if kind in {each.kind, "all"}]))
    for each in done:
        if not each.is_right:
            print(f"\nNot named: {each.said}")


def arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = heading.parser(__doc__)
    parser.add_argument("--trials", type=int, default=100, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, metavar="K", help="trials at once (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the first trial (default: %(default)s)")
    parser.add_argument("--store", type=Path, default=FetchSettings().store, metavar="DIR", help="cache")
    return parser.parse_args()


def row(kind: str, done: list[Trial]) -> str:
    """Return a row of the table."""
    if not done:
        return f"| {kind} | 0 | | | | | |"
    sizes, counts = [each.size for each in done], [each.compilations for each in done]
    right = sum(each.is_right for each in done)
    seconds = median(each.seconds for each in done)
    return (
        f"| {kind} | {len(done)} | {right} | {min(sizes)} to {max(sizes)} | {median(counts):g} | {max(counts)} "
        f"| {seconds:.1f} |"
    )


def trial(seed: int, kind: str, folder: Path, store: Path) -> Trial:
    """Draw two programs, and localize."""
    texts, line, size = drawn(seed, kind)
    place = folder / str(seed)
    place.mkdir()
    for name, text in zip(("bad", "good"), texts, strict=True):
        (place / f"{name}.mlir").write_text(text)
    np.save(place / "x.npy", np.random.default_rng(seed).uniform(-1, 1, (SIZE, SIZE)).astype(np.float32))
    settings = Settings(
        cases=CaseSettings(selectors=(str(place / "bad.mlir"),), program=program(place)),
        fetch=FetchSettings(store=store),
        container=ContainerSettings(engine="local"),
        run=RunSettings(out=place / "out", html=False),
    )
    began_s = time.monotonic()
    localization = Localization(sides.sides(settings, str(place / "good.mlir"), lambda _: None), LocalizeSettings())
    found = localization.run(Live(Console(quiet=True), id_width=0))
    named = [each.line for each in found.culprits]
    return Trial(
        kind=kind,
        size=size,
        is_right=named == [line],
        compilations=found.compilations,
        seconds=time.monotonic() - began_s,
        said=f"seed {seed}, {kind}: line {line}, and {named} was named. {found.why}",
    )


def program(place: Path) -> ProgramSettings:
    """Return how to compile and run the programs."""
    return ProgramSettings(compiler_flags=FLAGS, function="f", inputs=(f"@{place / 'x.npy'}",))


def drawn(seed: int, kind: str) -> tuple[tuple[str, str], int, int]:
    """Return a program with a fault and the same without it, the line of the fault, and the number of operations.

    Products and elementwise operations take turns, so that about every second operation begins a dispatch.
    """
    random_ = random.Random(seed)  # noqa: S311 - of a benchmark
    size = 2 * random_.randint(SMALLEST // 2, LARGEST // 2)
    fault = random_.randrange(1, size, 2)
    sources = (random.Random(seed + 1) for _ in range(2))  # noqa: S311 - likewise
    bad, good = (
        list(lines(each, size, fault, kind, is_bad=is_bad)) for each, is_bad in zip(sources, (True, False), strict=True)
    )
    (line,) = (number for number, (one, other) in enumerate(zip(bad, good, strict=True), 1) if one != other)
    return ("\n".join(bad), "\n".join(good)), line, size


def lines(random_: random.Random, size: int, fault: int, kind: str, *, is_bad: bool) -> Iterator[str]:
    """Yield the lines of a program, one for each operation: a stream to which products of its values are added."""
    yield f"func.func @f(%v0: {TENSOR}) -> {TENSOR} {{"
    yield f"  %zero = arith.constant dense<0.0> : {TENSOR}"
    yield f"  %place = tensor.empty() : {TENSOR}"
    for index in range(0, size, 2):
        other = f"%v{max(0, index - 2 * random_.randint(0, 4))}"
        yield (
            f"  %v{index + 1} = linalg.matmul ins(%v{index}, {other} : {TENSOR}, {TENSOR}) "
            f"outs(%zero : {TENSOR}) -> {TENSOR}"
        )
        faulty = kind if index + 1 == fault else ""
        yield elementwise(index + 2, f"%v{index + 1}", f"%v{index}", faulty, is_bad=is_bad)
    yield f"  return %v{index + 2} : {TENSOR}"
    yield "}"


def body(kind: str, *, is_bad: bool) -> str:
    """Return the body of an operation; without a kind of fault, that of all others."""
    right, wrong = BODIES.get(kind, (PLAIN, PLAIN))
    return f"{SCALED} {wrong if is_bad else right} {ADDED}"


def elementwise(number: int, one: str, other: str, kind: str, *, is_bad: bool) -> str:
    """Return an operation on each pair of elements."""
    turned = TURNED if is_bad and kind == "index" else MAP
    return (
        f"  %v{number} = linalg.generic {{indexing_maps = [{turned}, {MAP}, {MAP}], "
        f'iterator_types = ["parallel", "parallel"]}} ins({one}, {other} : {TENSOR}, {TENSOR}) outs(%place : {TENSOR}) '
        f"{{ ^bb0(%a: f32, %b: f32, %out: f32): {body(kind, is_bad=is_bad)} linalg.yield %r : f32 }} -> {TENSOR}"
    )


if __name__ == "__main__":
    main()
