"""Chooses where models run, and in which image, as the command line says."""

import argparse
import contextlib
from collections.abc import Callable, Iterator, Mapping

from harness.cli import targets
from harness.cli.arguments import ENGINES
from harness.containers import build_context, container, definitions, images, sockets
from harness.containers.confinement import Grants
from harness.containers.engine import Engine
from harness.containers.images import LocalImage
from harness.core.cases import Backend
from harness.core.errors import EngineError, UsageError
from harness.fetch import provision
from harness.host import devices
from harness.host.process import CancelToken
from harness.iree import release_sources, releases
from harness.iree.releases import ReleaseWheels
from harness.iree.toolchain import Toolchain
from harness.pipeline import environment as site
from harness.pipeline.environment import Notice, Order, Provider, Site
from harness.store.store import Store

Find = Callable[[Store, CancelToken, Notice], ReleaseWheels]


def provider(
    parsed: argparse.Namespace, environment: Mapping[str, str], release: ReleaseWheels | None = None
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
        release_sources.check(parsed)

    def find(store: Store, cancel: CancelToken, notice: Notice) -> ReleaseWheels:
        return release or release_sources.chosen(parsed, store, notice, cancel=cancel)

    def installed(store: Store, cancel: CancelToken, notice: Notice) -> Toolchain:
        return release_sources.installed(parsed, find(store, cancel, notice), store, cancel, notice)

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
    known = definitions.load(build_context.folder(parsed))
    if name not in known and "@sha256:" not in name:
        expected = f"expected one of {', '.join(known)}, or HOST/NAME@sha256:DIGEST"
        raise UsageError(f"--image {name}: no such image; {expected}.")
    grants = Grants(capabilities=tuple(parsed.cap), memory_bytes=parsed.memory)

    def have(chosen: Engine, store: Store, cancel: CancelToken, notice: Notice) -> LocalImage:
        with provision.fetcher(parsed, store, notice, cancel=cancel) as fetcher:
            means = images.means(parsed, chosen, fetcher, cancel, notice)
            if name not in known:
                return images.have_by_digest(name, means)
            exact = release_sources.pinned(find(store, cancel, notice), fetcher)
            return images.have(build_context.recipe(parsed, known[name], exact), means)

    def prepare(store: Store, cancel: CancelToken, notice: Notice) -> None:
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
