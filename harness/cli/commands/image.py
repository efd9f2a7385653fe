"""`harness image`."""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TextIO

from harness.containers import definitions, images, sockets
from harness.containers.build_context import Recipe, folder, recipe
from harness.containers.definitions import Image
from harness.containers.engine import Engine
from harness.core.errors import EngineError, UsageError
from harness.core.outcomes import EXIT_NO_VERDICT, EXIT_OK
from harness.core.text import size
from harness.fetch import provision
from harness.fetch.fetcher import Fetcher
from harness.host.process import CancelToken
from harness.iree import release_sources
from harness.store.store import Store

_DAY_S = 86400.0


def main(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Do what was asked of the images."""
    return _COMMANDS[parsed.image_command](parsed, environment)


def _named(parsed: argparse.Namespace) -> Image:
    known = definitions.load(folder(parsed))
    if parsed.image not in known:
        raise UsageError(f"{parsed.image}: no such image in {folder(parsed)}; expected one of {', '.join(known)}.")
    release_sources.check(parsed)
    return known[parsed.image]


def _tag(parsed: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    with _found(parsed, _named(parsed), sys.stderr) as (wanted, _):
        sys.stdout.write(f"{wanted.tag}\n")
    return EXIT_OK


def _build(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    with _found(parsed, _named(parsed), sys.stdout) as (wanted, fetcher):
        had = images.have(wanted, _means(parsed, environment, fetcher))
    sys.stdout.write(f"{had.reference}  {size(had.size_bytes)}\n")
    return EXIT_OK


def _push(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    with _found(parsed, _named(parsed), sys.stdout) as (wanted, fetcher):
        pushed = images.push(wanted, _means(parsed, environment, fetcher))
    sys.stdout.write(f"{pushed}\n")
    return EXIT_OK


@contextlib.contextmanager
def _found(parsed: argparse.Namespace, chosen: Image, stream: TextIO) -> Iterator[tuple[Recipe, Fetcher]]:
    """Lend how an image is made for the release that is asked for, and what has wheels for it."""

    def notice(text: str) -> None:
        stream.write(f"{text}\n")

    with Store(parsed.store.absolute()) as store, provision.fetcher(parsed, store, notice) as fetcher:
        release = release_sources.chosen(parsed, store, notice)
        yield recipe(parsed, chosen, release_sources.pinned(release, fetcher)), fetcher


def _means(parsed: argparse.Namespace, environment: Mapping[str, str], fetcher: Fetcher) -> images.ImageBuilder:
    return images.means(
        parsed, sockets.required(parsed.engine, environment), fetcher, CancelToken(), fetcher.options.notice
    )


def _listed(parsed: argparse.Namespace, chosen: Engine) -> list[images.Listed]:
    return images.listed(chosen, definitions.load(folder(parsed)).values(), folder(parsed))


def _list(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    for each in _listed(parsed, sockets.required(parsed.engine, environment)):
        sys.stdout.write(_line(each))
    return EXIT_OK


def _prune(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Remove what is old; what is in use is kept, and said to be."""
    chosen = sockets.required(parsed.engine, environment)
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
