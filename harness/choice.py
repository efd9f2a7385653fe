"""Chooses where models run, and in which image, as the command line says; the commands on images."""

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import harness
from harness import container, devices, engine, image, images, releases, site, targets
from harness.confinement import Grants
from harness.context import Recipe
from harness.engine import Engine
from harness.errors import UsageError
from harness.image import Image
from harness.model import EXIT_OK, Backend
from harness.process import Cancel
from harness.report.text import size
from harness.site import Order, Provider, Site
from harness.store import Store

Environment = Mapping[str, str]
Say = Callable[[str], object]
_DAY_S = 86400.0


def provider(parsed: argparse.Namespace, environment: Environment) -> Provider:
    """Return what provides the place that `harness quality` was asked for.

    Raises:
        UsageError: the release, the image or the engine's address makes no sense.
    """
    release = releases.chosen(parsed.iree).name
    if parsed.engine == "local" and parsed.image:
        raise UsageError("--image is for containers; leave it out, or --engine local.")
    chosen = engine.connected(parsed.engine, environment) if parsed.engine != "local" else None
    wants_container = parsed.image or parsed.engine not in {"auto", "local"}
    if chosen is None and not wants_container:
        return site.installed(release, offline=parsed.offline)
    return _containers(parsed, lambda: chosen or engine.required(parsed.engine, environment))


def _containers(parsed: argparse.Namespace, chosen: Callable[[], Engine]) -> Provider:
    is_rocm = targets.targets(parsed, devices.gpus())[0].backend is Backend.ROCM
    name = parsed.image or ("rocm" if is_rocm else "cpu")
    known = image.load(folder(parsed))
    if name not in known and "@sha256:" not in name:
        expected = f"expected one of {', '.join(known)}, or HOST/NAME@sha256:DIGEST"
        raise UsageError(f"--image {name}: no such image; {expected}.")
    grants = Grants(capabilities=tuple(parsed.cap), memory_bytes=parsed.memory)

    @contextlib.contextmanager
    def opened(order: Order) -> Iterator[Site]:
        means = _means(parsed, chosen(), order.store, order.cancel, order.notice)
        had = images.have(recipe(parsed, known[name]), means) if name in known else images.have_by_digest(name, means)
        with container.opened(means.engine, had, order, grants) as place:
            yield place

    return Provider(engine="container", open=opened)


def folder(parsed: argparse.Namespace) -> Path:
    """Return the folder with images.toml: `--containers`, or the harness's own, in its repository or its package."""
    package = Path(harness.__file__).parent
    own = package / "containers"
    return parsed.containers or (own if own.is_dir() else package.parent / "containers")


def recipe(parsed: argparse.Namespace, chosen: Image) -> Recipe:
    """Return how an image is made for the release of the command line."""
    return Recipe(image=chosen, release=releases.find(releases.chosen(parsed.iree).name), containers=folder(parsed))


def _means(
    parsed: argparse.Namespace, chosen: Engine, store: Store, cancel: Cancel, notice: Callable[[str], None]
) -> images.Means:
    return images.Means(
        engine=chosen,
        store=store,
        registry=parsed.registry,
        offline=parsed.offline,
        debian_mirror=parsed.debian_mirror,
        cancel=cancel,
        notice=notice,
    )


def _named(parsed: argparse.Namespace) -> Recipe:
    known = image.load(folder(parsed))
    if parsed.image not in known:
        raise UsageError(f"{parsed.image}: no such image in {folder(parsed)}; expected one of {', '.join(known)}.")
    return recipe(parsed, known[parsed.image])


def _tag(parsed: argparse.Namespace, _environment: Environment, say: Say) -> int:
    say(f"{_named(parsed).tag}\n")
    return EXIT_OK


def _build(parsed: argparse.Namespace, environment: Environment, say: Say) -> int:
    wanted = _named(parsed)
    with _with_means(parsed, environment, say) as means:
        had = images.have(wanted, means)
    say(f"{had.reference}  {size(had.size_bytes)}\n")
    return EXIT_OK


def _push(parsed: argparse.Namespace, environment: Environment, say: Say) -> int:
    wanted = _named(parsed)
    with _with_means(parsed, environment, say) as means:
        pushed = images.push(wanted, means)
    say(f"{pushed}\n")
    return EXIT_OK


@contextlib.contextmanager
def _with_means(parsed: argparse.Namespace, environment: Environment, say: Say) -> Iterator[images.Means]:
    with Store(parsed.store.absolute()) as store:

        def notice(text: str) -> None:
            say(f"{text}\n")

        yield _means(parsed, engine.required(parsed.engine, environment), store, Cancel(), notice)


def _listed(parsed: argparse.Namespace, chosen: Engine) -> list[images.Listed]:
    known = image.load(folder(parsed))

    def is_current(name: str, release: str, tag: str) -> bool:
        if name not in known or release not in releases.locked():
            return False
        return tag == Recipe(image=known[name], release=releases.find(release), containers=folder(parsed)).tag

    return images.listed(chosen, is_current)


def _list(parsed: argparse.Namespace, environment: Environment, say: Say) -> int:
    for each in _listed(parsed, engine.required(parsed.engine, environment)):
        say(_line(each))
    return EXIT_OK


def _prune(parsed: argparse.Namespace, environment: Environment, say: Say) -> int:
    chosen = engine.required(parsed.engine, environment)
    old = [each for each in _listed(parsed, chosen) if parsed.all or not each.current]
    for each in old:
        say(_line(each))
        if not parsed.dry_run:
            images.remove(chosen, each)
    say(f"{len(old)} images {'would be ' * parsed.dry_run}removed.\n")
    return EXIT_OK


def _line(each: images.Listed) -> str:
    age = f"{(time.time() - each.created_s) / _DAY_S:.0f} days"
    state = "current" if each.current else "old"
    return f"{state:<8}{size(each.size_bytes):>10}  {age:>10}  {', '.join(each.names) or each.id}\n"


IMAGE_COMMANDS: Mapping[str, Callable[[argparse.Namespace, Environment, Say], int]] = {
    "tag": _tag,
    "build": _build,
    "push": _push,
    "list": _list,
    "prune": _prune,
}
