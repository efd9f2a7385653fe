"""Chooses where models run, and in which image, as the command line says."""

import argparse
import contextlib
from collections.abc import Callable, Iterator, Mapping

from harness import container, context, devices, image, images, releases, site, sockets, supply, targets, wheelhouse
from harness.arguments import ENGINES
from harness.confinement import Grants
from harness.engine import Engine
from harness.errors import EngineError, UsageError
from harness.images import Had
from harness.model import Backend
from harness.process import Cancel
from harness.releases import LockedRelease
from harness.site import Notice, Order, Provider, Site
from harness.store import Store
from harness.toolchain import Toolchain

Find = Callable[[Store, Cancel, Notice], LockedRelease]


def provider(
    parsed: argparse.Namespace, environment: Mapping[str, str], release: LockedRelease | None = None
) -> Provider:
    """Return what provides the place that `harness quality` was asked for.

    Args:
        parsed: the command line.
        environment: of the process.
        release: which is to be there, if it has been found already; else that of `--iree`, found when it is needed.

    Raises:
        UsageError: the release, the image or the engine's address makes no sense.
    """
    if release is None:
        wheelhouse.check(parsed)

    def find(store: Store, cancel: Cancel, notice: Notice) -> LockedRelease:
        return release or wheelhouse.chosen(parsed, store, notice, cancel=cancel)

    def installed(store: Store, cancel: Cancel, notice: Notice) -> Toolchain:
        return wheelhouse.installed(parsed, find(store, cancel, notice), store, cancel, notice)

    if parsed.engine not in ENGINES:  # argparse checks the choices of an option, not of its default
        raise UsageError(f"HARNESS_ENGINE={parsed.engine}: expected one of {', '.join(ENGINES)}.")
    if parsed.engine == "local" and parsed.image:
        raise UsageError("--image is for containers; leave it out, or --engine local.")
    chosen = sockets.connected(parsed.engine, environment) if parsed.engine != "local" else None
    wants_container = parsed.image or parsed.engine not in {"auto", "local"}
    if chosen is None and not wants_container:
        return site.installed(installed)
    named = release.release.name if release else parsed.iree and releases.of_build(parsed.iree).name
    return _containers(parsed, lambda: chosen or sockets.required(parsed.engine, environment), find, named)


def _containers(parsed: argparse.Namespace, chosen: Callable[[], Engine], find: Find, release: str | None) -> Provider:
    is_rocm = targets.targets(parsed, devices.gpus())[0].backend is Backend.ROCM
    name = parsed.image or ("rocm" if is_rocm else "cpu")
    known = image.load(context.folder(parsed))
    if name not in known and "@sha256:" not in name:
        expected = f"expected one of {', '.join(known)}, or HOST/NAME@sha256:DIGEST"
        raise UsageError(f"--image {name}: no such image; {expected}.")
    grants = Grants(capabilities=tuple(parsed.cap), memory_bytes=parsed.memory)

    def have(chosen: Engine, store: Store, cancel: Cancel, notice: Notice) -> Had:
        with supply.fetcher(parsed, store, notice, cancel=cancel) as having:
            means = images.means(parsed, chosen, having, cancel, notice)
            if name not in known:
                return images.have_by_digest(name, means)
            exact = wheelhouse.pinned(find(store, cancel, notice), having)
            return images.have(context.recipe(parsed, known[name], exact), means)

    def prepare(store: Store, cancel: Cancel, notice: Notice) -> None:
        have(chosen(), store, cancel, notice)

    @contextlib.contextmanager
    def opened(order: Order) -> Iterator[Site]:
        engine = chosen()
        had = have(engine, order.store, order.cancel, order.notice)
        with container.opened(engine, had, order, grants) as place:
            has = place.toolchain.release.name
            if release not in {None, has}:
                raise EngineError(f"{name} has IREE {has}; leave out --iree {release}, or name another image.")
            yield place

    return Provider(engine="container", open=opened, prepare=prepare)
