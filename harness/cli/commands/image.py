"""`harness image`."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TextIO

from harness.cli.console import clean_console
from harness.cli.settings import Invocation
from harness.containers import apptainer, apptainer_provider, build_context, definitions, images, sockets
from harness.containers.build_context import Recipe
from harness.containers.definitions import Image
from harness.containers.engine import Engine
from harness.containers.image_builder import ImageBuilder
from harness.core.errors import EngineError, UsageError
from harness.core.exit_codes import EXIT_NO_VERDICT, EXIT_OK
from harness.core.settings import Settings
from harness.core.text import age, counted, size
from harness.fetch import provision
from harness.fetch.fetcher import Fetcher
from harness.host.cancel import CancelToken
from harness.iree import release_sources
from harness.pipeline.progress import Live
from harness.store.store import Store


def main(invocation: Invocation) -> int:
    """Build, push, list or remove images, or print the tag of one."""
    return _COMMANDS[invocation.subcommand](invocation)


def _named(invocation: Invocation) -> Image:
    folder, name = build_context.folder(invocation.settings.container), invocation.options.image
    known = definitions.load(folder)
    if name not in known:
        raise UsageError(f"{name}: no such image in {folder}; expected one of {', '.join(known)}.")
    release_sources.check(invocation.settings.release)
    return known[name]


def _tag(invocation: Invocation) -> int:
    with _found(invocation.settings, _named(invocation), sys.stderr) as (wanted, _):
        sys.stdout.write(f"{wanted.tag}\n")
    return EXIT_OK


def _build(invocation: Invocation) -> int:
    if invocation.settings.container.engine == apptainer.NAME:
        return _build_base(invocation)
    with _found(invocation.settings, _named(invocation), sys.stdout) as (wanted, fetcher):
        built = _builder(invocation.settings, fetcher).provide(wanted)
    sys.stdout.write(f"{built.reference}  {size(built.size_bytes)}\n")
    return EXIT_OK


def _build_base(invocation: Invocation) -> int:
    """Make what Apptainer needs of an image: its base. A release is shown in it when models run."""
    settings, image = invocation.settings, _named(invocation)
    with _found(settings, image, sys.stdout) as (wanted, fetcher):
        path = apptainer_provider.base(settings, image, fetcher.store, CancelToken())
        sys.stdout.write(f"{wanted.tag}  {size(path.stat().st_size)}\n")
    return EXIT_OK


def _push(invocation: Invocation) -> int:
    with _found(invocation.settings, _named(invocation), sys.stdout) as (wanted, fetcher):
        pushed = _builder(invocation.settings, fetcher).push(wanted)
    sys.stdout.write(f"{pushed}\n")
    return EXIT_OK


@contextlib.contextmanager
def _found(settings: Settings, chosen: Image, stream: TextIO) -> Iterator[tuple[Recipe, Fetcher]]:
    """Yield the recipe of an image for the release in the settings, and what fetches the wheels."""
    with (
        Live(clean_console(stream), id_width=0) as live,
        Store(settings.fetch.store.absolute(), on_work=live.worked) as store,
        provision.fetcher(settings.fetch, store, live.notice, progress=live.bytes_fetched) as fetcher,
    ):
        release = release_sources.chosen(settings.release, settings.fetch, store, live.notice)
        yield build_context.recipe(settings.container, chosen, release_sources.pinned(release, fetcher)), fetcher


def _builder(settings: Settings, fetcher: Fetcher) -> ImageBuilder:
    return ImageBuilder.of(settings, _engine(settings), fetcher, CancelToken(), fetcher.options.notice)


def _engine(settings: Settings) -> Engine:
    if settings.container.engine == apptainer.NAME:
        raise UsageError("Apptainer has no images of its own: the cache keeps them. Use `harness store`.")
    return sockets.required(settings.container.engine, settings.container.variables)


def _listed(settings: Settings, chosen: Engine) -> list[images.ListedImage]:
    folder = build_context.folder(settings.container)
    return images.listed(chosen, definitions.load(folder).values(), folder)


def _list(invocation: Invocation) -> int:
    found = _listed(invocation.settings, _engine(invocation.settings))
    if found and sys.stdout.isatty():  # a program that reads the list needs no heads
        sys.stdout.write(_row("STATE", "SIZE", "AGE", "NAMES"))
    for each in found:
        sys.stdout.write(_line(each))
    return EXIT_OK


def _prune(invocation: Invocation) -> int:
    """Remove old images; those in use are kept and reported."""
    chosen = _engine(invocation.settings)
    old = [each for each in _listed(invocation.settings, chosen) if invocation.options.every or not each.current]
    kept = 0
    for each in reversed(old):  # an image before its base
        sys.stdout.write(_line(each))
        try:
            if not invocation.options.dry_run:
                images.remove(chosen, each)
        except EngineError as error:
            kept += 1
            sys.stdout.write(f"kept: {error}\n")
    sys.stdout.write(f"{counted(len(old) - kept, 'image')} {'would be ' * invocation.options.dry_run}removed.\n")
    return EXIT_NO_VERDICT if kept else EXIT_OK


def _line(each: images.ListedImage) -> str:
    state = "current" if each.current else "old"
    return _row(state, size(each.size_bytes), age(time.time() - each.created_s), ", ".join(each.names))


def _row(state: str, size_text: str, age_text: str, names: str) -> str:
    return f"{state:<8}{size_text:>10}  {age_text:>10}  {names}\n"


_COMMANDS: Mapping[str, Callable[[Invocation], int]] = {
    "tag": _tag,
    "build": _build,
    "push": _push,
    "list": _list,
    "prune": _prune,
}
