"""Chooses where models run, and in which image, as the command line says."""

import argparse
import contextlib
from collections.abc import Callable, Iterator, Mapping

from harness import container, context, devices, engine, image, images, releases, site, targets
from harness.arguments import ENGINES
from harness.confinement import Grants
from harness.engine import Engine
from harness.errors import EngineError, UsageError
from harness.model import Backend
from harness.site import Order, Provider, Site


def provider(parsed: argparse.Namespace, environment: Mapping[str, str]) -> Provider:
    """Return what provides the place that `harness quality` was asked for.

    Raises:
        UsageError: the release, the image or the engine's address makes no sense.
    """
    release = releases.chosen(parsed.iree).name
    if parsed.engine not in ENGINES:  # argparse checks the choices of an option, not of its default
        raise UsageError(f"HARNESS_ENGINE={parsed.engine}: expected one of {', '.join(ENGINES)}.")
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
    known = image.load(context.folder(parsed))
    if name not in known and "@sha256:" not in name:
        expected = f"expected one of {', '.join(known)}, or HOST/NAME@sha256:DIGEST"
        raise UsageError(f"--image {name}: no such image; {expected}.")
    grants = Grants(capabilities=tuple(parsed.cap), memory_bytes=parsed.memory)

    @contextlib.contextmanager
    def opened(order: Order) -> Iterator[Site]:
        means = images.means(parsed, chosen(), order.store, order.cancel, order.notice)
        had = (
            images.have(context.recipe(parsed, known[name]), means)
            if name in known
            else images.have_by_digest(name, means)
        )
        with container.opened(means.engine, had, order, grants) as place:
            has = place.toolchain.release.name
            if parsed.iree not in {None, has}:
                raise EngineError(f"{name} has IREE {has}; leave out --iree {parsed.iree}, or name another image.")
            yield place

    return Provider(engine="container", open=opened)
