"""`harness image`."""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping

from harness import engine, image, images, releases
from harness.context import Recipe, folder, recipe
from harness.engine import Engine
from harness.errors import EngineError, UsageError
from harness.model import EXIT_NO_VERDICT, EXIT_OK
from harness.process import Cancel
from harness.report.text import size
from harness.store import Store

_DAY_S = 86400.0


def main(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Do what was asked of the images."""
    return _COMMANDS[parsed.image_command](parsed, environment)


def _named(parsed: argparse.Namespace) -> Recipe:
    known = image.load(folder(parsed))
    if parsed.image not in known:
        raise UsageError(f"{parsed.image}: no such image in {folder(parsed)}; expected one of {', '.join(known)}.")
    return recipe(parsed, known[parsed.image])


def _tag(parsed: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    sys.stdout.write(f"{_named(parsed).tag}\n")
    return EXIT_OK


def _build(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    wanted = _named(parsed)
    with _with_means(parsed, environment) as means:
        had = images.have(wanted, means)
    sys.stdout.write(f"{had.reference}  {size(had.size_bytes)}\n")
    return EXIT_OK


def _push(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    wanted = _named(parsed)
    with _with_means(parsed, environment) as means:
        pushed = images.push(wanted, means)
    sys.stdout.write(f"{pushed}\n")
    return EXIT_OK


@contextlib.contextmanager
def _with_means(parsed: argparse.Namespace, environment: Mapping[str, str]) -> Iterator[images.Means]:
    with Store(parsed.store.absolute()) as store:

        def notice(text: str) -> None:
            sys.stdout.write(f"{text}\n")

        yield images.means(parsed, engine.required(parsed.engine, environment), store, Cancel(), notice)


def _listed(parsed: argparse.Namespace, chosen: Engine) -> list[images.Listed]:
    known, where = image.load(folder(parsed)), folder(parsed)
    locked = [releases.find(name) for name in releases.locked()]
    return images.listed(
        chosen, (Recipe(image=each, release=release, containers=where) for each in known.values() for release in locked)
    )


def _list(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    for each in _listed(parsed, engine.required(parsed.engine, environment)):
        sys.stdout.write(_line(each))
    return EXIT_OK


def _prune(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Remove what is old; what is in use is kept, and said to be."""
    chosen = engine.required(parsed.engine, environment)
    old = [each for each in _listed(parsed, chosen) if parsed.all or not each.current]
    kept = 0
    for each in reversed(old):  # an image before its base
        sys.stdout.write(_line(each))
        try:
            if not parsed.dry_run:
                images.remove(chosen, each)
        except EngineError as error:
            kept += 1
            sys.stdout.write(f"kept: {error}\n")
    sys.stdout.write(f"{len(old) - kept} images {'would be ' * parsed.dry_run}removed.\n")
    return EXIT_NO_VERDICT if kept else EXIT_OK


def _line(each: images.Listed) -> str:
    age = f"{(time.time() - each.created_s) / _DAY_S:.0f} days"
    state = "current" if each.current else "old"
    return f"{state:<8}{size(each.size_bytes):>10}  {age:>10}  {', '.join(each.names)}\n"


_COMMANDS: Mapping[str, Callable[[argparse.Namespace, Mapping[str, str]], int]] = {
    "tag": _tag,
    "build": _build,
    "push": _push,
    "list": _list,
    "prune": _prune,
}
