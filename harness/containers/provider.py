"""Chooses where models run, on this machine or in a container of an image, as the settings say."""

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
from harness.iree import release_sources, releases
from harness.iree.releases import ReleaseWheels
from harness.iree.toolchain import Toolchain
from harness.pipeline import targets
from harness.pipeline.environment import (
    Environment,
    EnvironmentProvider,
    EnvironmentRequest,
    FoundTools,
    InstalledRelease,
)
from harness.store.store import Store


def provider(settings: Settings, release: ReleaseWheels | None = None) -> EnvironmentProvider:
    """Return what provides the environment that the settings ask for.

    Args:
        settings: where to run, and with which release.
        release: the release, if it has been found already; else the one of the settings is found when it is needed.

    Raises:
        UsageError: the release, the image or the engine's address makes no sense.
    """
    if settings.run.tools:
        return FoundTools(tools=settings.run.tools)
    if release is None:
        release_sources.check(settings.release)
    source, asked = _Source(settings=settings, release=release), settings.container
    if asked.engine == "local" and asked.image:
        raise UsageError("--image is for containers; leave it out, or --engine local.")
    engine = sockets.connected(asked.engine, asked.variables) if asked.engine != "local" else None
    if engine is None and not asked.image and asked.engine in {"auto", "local"}:
        return InstalledRelease(install=source.install)
    return _in_containers(source, engine)


def _in_containers(source: "_Source", engine: Engine | None) -> "ContainerProvider":
    settings = source.settings
    is_rocm = targets.targets(settings.target, devices.gpus())[0].backend is Backend.ROCM
    name = settings.container.image or ("rocm" if is_rocm else "cpu")
    known = definitions.load(build_context.folder(settings.container))
    if name not in known and "@sha256:" not in name:
        expected = f"expected one of {', '.join(known)}, or HOST/NAME@sha256:DIGEST"
        raise UsageError(f"--image {name}: no such image; {expected}.")
    return ContainerProvider(source=source, image_name=name, image=known.get(name), connected=engine)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """The release that the settings name, found when it is needed."""

    settings: Settings
    release: ReleaseWheels | None

    @property
    def name(self) -> str | None:
        """Name of the release, if it is known without looking for it."""
        asked = self.settings.release.name
        return self.release.release.name if self.release else asked and releases.full_name(asked)

    def find(self, store: Store, cancel: CancelToken, notice: Notice) -> ReleaseWheels:
        asked = self.settings
        return self.release or release_sources.chosen(asked.release, asked.fetch, store, notice, cancel=cancel)

    def install(self, store: Store, cancel: CancelToken, notice: Notice) -> Toolchain:
        found = self.find(store, cancel, notice)
        return release_sources.installed(self.settings.fetch, found, store, cancel, notice)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerProvider:
    """Provides containers of an image: one of images.toml, or one by its digest if `image` is None."""

    source: _Source
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
        asked, engine = self.source.settings.container, self._engine()
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
        asked = self.source.settings.container
        return self.connected or sockets.required(asked.engine, asked.variables)

    def _image(self, engine: Engine, store: Store, cancel: CancelToken, notice: Notice) -> LocalImage:
        settings = self.source.settings
        with provision.fetcher(settings.fetch, store, notice, cancel=cancel) as fetcher:
            builder = ImageBuilder.of(settings, engine, fetcher, cancel, notice)
            if self.image is None:
                return builder.provide_by_digest(self.image_name)
            exact = release_sources.pinned(self.source.find(store, cancel, notice), fetcher)
            return builder.provide(build_context.recipe(settings.container, self.image, exact))
