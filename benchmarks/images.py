"""What images and containers cost: looking an image up, building one of another release, running `tiny` in a container.

    python benchmarks/images.py [--engine docker|podman] [--image cpu-debian] [--rounds 5]

The alternatives are measured in the same run: building the unchanged image again, with all layers in the engine's
cache; and running on this machine. Everything is made once before it is measured, so nothing is downloaded. Prints
Markdown tables of medians; the aims are in brackets.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import heading

from harness.containers import build_context, definitions, dependencies, images, sockets
from harness.containers.build_context import Recipe
from harness.containers.engine import Engine
from harness.core.callbacks import ignore
from harness.core.settings import ContainerSettings
from harness.iree import releases, toolchain
from harness.store import scratch
from harness.store.store import Store

ROOT = Path(__file__).parents[1]
HARNESS = [sys.executable, "-m", "harness"]


def main() -> None:
    """Measure, and print the tables."""
    wanted = parsed()
    engine = sockets.required(wanted.engine, os.environ)
    *_, old, new = releases.locked()
    with tempfile.TemporaryDirectory() as name:
        store = Path(name) / "store"
        for release in (new, old):
            run(store, "image", "build", wanted.image, "--engine", wanted.engine, "--iree", release)
        heading.print_heading(str(engine.info), f"`{wanted.image}`", f"IREE {new}")
        print("| what | seconds | instead | seconds | ratio |\n|---|--:|---|--:|--:|", flush=True)
        print_lookups(wanted, store, engine, recipe(wanted.image, new))
        print_another_release(wanted, store, engine, recipe(wanted.image, old))
        print_runs(wanted, store)
    print_sizes(engine)


def parsed() -> argparse.Namespace:
    """Return the command line."""
    parser = heading.parser(__doc__)
    parser.add_argument("--engine", choices=("docker", "podman"), default="docker", help="default: docker")
    parser.add_argument("--image", default="cpu-debian", help="name in images.toml (default: cpu-debian)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of all but builds (default: 5)")
    return parser.parse_args()


def print_lookups(wanted: argparse.Namespace, store: Path, engine: Engine, made: Recipe) -> None:
    """Print what it costs to know an image's tag, and to find that the image exists."""
    tag_s = timed(lambda: run(store, "image", "tag", wanted.image), wanted.rounds)
    found_s = timed(lambda: run(store, "image", "build", wanted.image, "--engine", wanted.engine), wanted.rounds)
    again_s = timed(lambda: rebuild(store, engine, made), rounds=1)
    print_row("tag (aim: 1)", tag_s, "build it again, all cached", again_s)
    print_row("look up", found_s, "build it again, all cached", again_s)


def print_another_release(wanted: argparse.Namespace, store: Path, engine: Engine, made: Recipe) -> None:
    """Print what it costs to build the image of another release, whose wheels and base are in the cache."""
    engine.remove(images.named(made))
    build = ("image", "build", wanted.image, "--engine", wanted.engine, "--iree", made.release.release.name)
    print_row("build with another release (aim: 15)", timed(lambda: run(store, *build), rounds=1), "", None)


def print_runs(wanted: argparse.Namespace, store: Path) -> None:
    """Print what a run of `tiny` costs in a container and on this machine, with everything compiled before."""
    quality = ("quality", "tiny", "--out", str(store / "out"))

    def in_container() -> None:
        run(store, *quality, "--engine", wanted.engine, "--image", wanted.image)

    def on_this_machine() -> None:
        run(store, *quality, "--engine", "local")

    for compile_all in (in_container, on_this_machine):
        compile_all()
    inside_s, outside_s = timed(in_container, wanted.rounds), timed(on_this_machine, wanted.rounds)
    print_row(f"`tiny` in a container, {inside_s - outside_s:+.2f} s (aim: 1.5)", inside_s, "local", outside_s)


def print_sizes(engine: Engine) -> None:
    """Print the sizes of the harness's images."""
    print("\n| image | MB |\n|---|--:|")
    for each in images.listed(engine, (), ROOT / "containers"):
        print(f"| {', '.join(name.partition(':')[2] for name in each.names)} | {each.size_bytes / 1e6:.0f} |")


def rebuild(store: Path, engine: Engine, made: Recipe) -> None:
    """Build an image that exists, as without a lookup."""
    with Store(store) as opened:
        tools = toolchain.installed(made.release, opened)
        needed = dependencies.installed(made.containers, made.image.python_version, opened)
        with scratch.file(opened.root) as file:
            build_context.write(made, tools, needed, file)
            file.seek(0)
            labels = (engine.image(images.named(made)) or {})["Config"]["Labels"]
            base = {"BASE": images.base_name(made.image), **made.arguments}
            engine.build(file, images.named(made), arguments=base, labels=labels, progress=ignore)


def recipe(name: str, release: str) -> Recipe:
    """Return the recipe of an image."""
    settings = ContainerSettings()
    image = definitions.load(build_context.folder(settings))[name]
    return build_context.recipe(settings, image, releases.find(release))


def run(store: Path, *command: str) -> None:
    """Run a command of the harness, from the start of Python to its end."""
    subprocess.run([*HARNESS, *command, "--store", str(store)], cwd=ROOT, check=True, capture_output=True)


def timed(do: Callable[[], None], rounds: int) -> float:
    """Return the median of the seconds that something takes."""
    taken = []
    for _ in range(rounds):
        started = time.monotonic()
        do()
        taken.append(time.monotonic() - started)
    return statistics.median(taken)


def print_row(what: str, seconds: float, instead: str, other_s: float | None) -> None:
    """Print a row of the table."""
    compared = f"{other_s:.2f} | {seconds / other_s:.2f}" if other_s else " | "
    print(f"| {what} | {seconds:.2f} | {instead} | {compared} |", flush=True)


if __name__ == "__main__":
    main()
