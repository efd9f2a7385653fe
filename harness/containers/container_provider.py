"""Provides containers as environments: finds the engine, provides the image, starts a container of it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from harness.containers import build_context, container, definitions, sockets
from harness.containers.confinement import Grants
from harness.containers.definitions import Image
from harness.containers.engine import Engine
from harness.containers.image_builder import ImageBuilder
from harness.containers.images import LocalImage
from harness.core.callbacks import Notice
from harness.core.cases import Backend
from harness.core.errors import EngineError, UsageError
from harness.core.settings import Settings
from harness.fetch import provision
from harness.host import devices
from harness.host.process import CancelToken
from harness.iree import release_sources
from harness.iree.release_sources import ReleaseSource
from harness.pipeline import targets
from harness.pipeline.environment import Environment, EnvironmentRequest
from harness.store.store import Store


def of(settings: Settings, source: ReleaseSource, engine: Engine | None) -> "ContainerProvider":
    """Return what provides containers of the image that the settings name, or of the backend's own.

    Args:
        settings: which image, and what its containers may do.
        source: the release that goes into the image.
        engine: the one that answered; None to look for one when it is needed.

    Raises:
        UsageError: there is no such image.
    """
    is_rocm = targets.targets(settings.target, devices.gpus())[0].backend is Backend.ROCM
    name = settings.container.image or ("rocm" if is_rocm else "cpu")
    known = definitions.load(build_context.folder(settings.container))
    if name not in known and "@sha256:" not in name:
        expected = f"expected one of {', '.join(known)}, or HOST/NAME@sha256:DIGEST"
        raise UsageError(f"--image {name}: no such image; {expected}.")
    return ContainerProvider(settings=settings, source=source, image_name=name, image=known.get(name), connected=engine)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerProvider:
    """Provides containers of an image: one of images.toml, or one by its digest if `image` is None."""

    settings: Settings
    source: ReleaseSource
    image_name: str
    image: Image | None
    connected: Engine | None
    engine: str = "container"

    def prepare(self, store: Store, cancel: CancelToken, notice: Notice) -> None:
        """Find, pull or build the image."""
        self._image(self._engine(), store, cancel, notice)

    @contextlib.contextmanager
    def open(self, request: EnvironmentRequest) -> Iterator[Environment]:
        """Start a container of the image, which is removed on the way out.

        Raises:
            EngineError: the image has another release than the one that is asked for.
        """
        asked, engine = self.settings.container, self._engine()
        had = self._image(engine, request.store, request.cancel, request.notice)
        grants = Grants(capabilities=asked.capabilities, memory_bytes=asked.memory_bytes)
        with container.opened(engine, had, request, grants) as environment:
            has, wanted = environment.toolchain.release.name, self.source.name
            if wanted not in {None, has}:
                raise EngineError(
                    f"{self.image_name} has IREE {has}; leave out --iree {wanted}, or name another image."
                )
            yield environment

    def _engine(self) -> Engine:
        asked = self.settings.container
        return self.connected or sockets.required(asked.engine, asked.variables)

    def _image(self, engine: Engine, store: Store, cancel: CancelToken, notice: Notice) -> LocalImage:
        settings = self.settings
        with provision.fetcher(settings.fetch, store, notice, cancel=cancel) as fetcher:
            builder = ImageBuilder.of(settings, engine, fetcher, cancel, notice)
            if self.image is None:
                return builder.provide_by_digest(self.image_name)
            exact = release_sources.pinned(self.source.find(store, cancel, notice), fetcher)
            return builder.provide(build_context.recipe(settings.container, self.image, exact))
