"""What images and containers cost: looking one up, another IREE release, and a run of `tiny` within one.

    python benchmarks/images.py [--engine docker|podman] [--image cpu-debian]

What a user would pick instead is measured in the same run: building the unchanged image once more, with all of its
layers in the engine's cache; and the local engine. Everything is made once before it is measured, so nothing is
fetched. Prints a Markdown table; the aims are in brackets.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.containers import build_context, definitions, dependencies, engine, images, sockets
from harness.containers.build_context import Recipe
from harness.core.callbacks import ignore
from harness.core.settings import ContainerSettings
from harness.host import devices
from harness.iree import releases, toolchain
from harness.store import scratch
from harness.store.store import Store

ROOT = Path(__file__).parents[1]
HARNESS = [sys.executable, "-m", "harness"]
ROUNDS = 5


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("docker", "podman"), default="docker")
    parser.add_argument("--image", default="cpu-debian")
    wanted = parser.parse_args()
    chosen = sockets.required(wanted.engine, os.environ)
    new, old = list(releases.locked())[-1], list(releases.locked())[-2]
    with tempfile.TemporaryDirectory() as name:
        store = Path(name) / "store"
        for release in (new, old):
            run(store, "image", "build", wanted.image, "--engine", wanted.engine, "--iree", release)
        print(f"{devices.cpu_name()}, {len(os.sched_getaffinity(0))} cores, Linux {platform.release()}, {chosen.about}")
        rounds = f"median of {ROUNDS} (of what is built: once)"
        print(f"{datetime.now(UTC):%Y-%m-%d}, `{wanted.image}`, IREE {new}, {rounds}\n")
        print("| what | seconds | instead | seconds | ratio |\n|---|---:|---|---:|---:|")
        lookups(wanted, store, chosen, recipe(wanted.image, new))
        another_release(wanted, store, chosen, recipe(wanted.image, old))
        runs(wanted, store)
    sizes(chosen)


def lookups(wanted: argparse.Namespace, store: Path, chosen: engine.Engine, made: Recipe) -> None:
    """Print what it costs to know an image's tag, and that it is there."""
    tag_s = timed(lambda: run(store, "image", "tag", wanted.image))
    found_s = timed(lambda: run(store, "image", "build", wanted.image, "--engine", wanted.engine))
    again_s = timed(lambda: rebuild(store, chosen, made), rounds=1)
    row("tag (aim: 1)", tag_s, "build it again, all cached", again_s)
    row("look up", found_s, "build it again, all cached", again_s)


def another_release(wanted: argparse.Namespace, store: Path, chosen: engine.Engine, made: Recipe) -> None:
    """Print what it costs to have an image of another release, whose wheels and base are there."""
    chosen.remove(images.named(made))
    release = made.release.release.name
    build_s = timed(
        lambda: run(store, "image", "build", wanted.image, "--engine", wanted.engine, "--iree", release), rounds=1
    )
    row("build with another release (aim: 15)", build_s, "", None)


def runs(wanted: argparse.Namespace, store: Path) -> None:
    """Print what a run of `tiny` costs in a container and without, everything compiled before."""
    where = {"container": ("--engine", wanted.engine, "--image", wanted.image), "local": ("--engine", "local")}
    for options in where.values():
        run(store, "quality", "tiny", "--out", str(store / "out"), *options)
    seconds = {
        name: timed(lambda options=options: run(store, "quality", "tiny", "--out", str(store / "out"), *options))
        for name, options in where.items()
    }
    row(
        f"`tiny` in a container, {seconds['container'] - seconds['local']:+.2f} s (aim: 1.5)",
        seconds["container"],
        "local",
        seconds["local"],
    )


def sizes(chosen: engine.Engine) -> None:
    """Print the sizes of our images."""
    print("\n| image | MB |\n|---|---:|")
    for each in images.listed(chosen, (), Path("containers")):
        print(f"| {', '.join(name.partition(':')[2] for name in each.names)} | {each.size_bytes / 1e6:.0f} |")


def rebuild(store: Path, chosen: engine.Engine, made: Recipe) -> None:
    """Build an image that is there, as one would who does not look it up."""
    with Store(store) as having:
        tools = toolchain.installed(made.release, having)
        needed = dependencies.installed(made.containers, made.image.python_version, having)
        with scratch.file(having.root) as file:
            build_context.write(made, tools, needed, file)
            file.seek(0)
            about = chosen.image(images.named(made)) or {}
            labels = about["Config"]["Labels"]
            base = {"BASE": images.base_name(made.image), **made.arguments}
            chosen.build(file, images.named(made), arguments=base, labels=labels, notice=ignore)


def recipe(name: str, release: str) -> Recipe:
    """Return the recipe of an image."""
    settings = ContainerSettings()
    image = definitions.load(build_context.folder(settings))[name]
    return build_context.recipe(settings, image, releases.find(release))


def run(store: Path, *command: str) -> None:
    """Run a command of the harness, from the start of Python to its end."""
    subprocess.run([*HARNESS, *command, "--store", str(store)], cwd=ROOT, check=True, capture_output=True)


def timed(do: Any, *, rounds: int = ROUNDS) -> float:
    """Return the median of the seconds that something takes."""
    taken = []
    for _ in range(rounds):
        started = time.monotonic()
        do()
        taken.append(time.monotonic() - started)
    return statistics.median(taken)


def row(what: str, seconds: float, instead: str, other_s: float | None) -> None:
    """Print a line of the table."""
    compared = f"{other_s:.2f} | {seconds / other_s:.2f}" if other_s else " | "
    print(f"| {what} | {seconds:.2f} | {instead} | {compared} |")


if __name__ == "__main__":
    main()
