"""Provides containers as environments: connects to the engine, provides the image and starts a container."""

import contextlib
from collections.abc import Iterator

from harness.containers import build_context, container, definitions, image_wheels, sockets
from harness.containers.confinement import ContainerLimits
from harness.containers.definitions import Image
from harness.containers.engine import Engine
from harness.containers.image_builder import ImageBuilder
from harness.containers.images import LocalImage
from harness.core.callbacks import Notice
from harness.core.cases import Backend
from harness.core.errors import EngineError, UsageError
from harness.core.settings import Settings
from harness.core.values import frozen
from harness.fetch import provision
from harness.host import devices
from harness.host.cancel import CancelToken
from harness.iree import release_sources
from harness.iree.release_sources import ReleaseSource
from harness.pipeline import targets
from harness.pipeline.environment import Environment, EnvironmentRequest
from harness.store.store import Store

_IMAGES = {Backend.ROCM: "rocm", Backend.VULKAN: "vulkan-debian"}
_EMULATED = "rocm-emulated"


def of(settings: Settings, source: ReleaseSource, engine: Engine | None) -> "ContainerProvider":
    """Return the provider of containers of the image that the settings name, or of the backend's image.

    Args:
        settings: which image, and what its containers may do.
        source: finds the release for the image.
        engine: a connected engine; None to connect when it is needed.

    Raises:
        UsageError: the image is not in images.toml and has no digest.
    """
    name, image = chosen_image(settings)
    return ContainerProvider(settings=settings, source=source, image_name=name, image=image, connected=engine)


def chosen_image(settings: Settings) -> tuple[str, Image | None]:
    """Return the name of the image that the settings choose, and its definition; None for one by digest.

    Raises:
        UsageError: it is not in images.toml and has no digest, or its wheels are not pinned.
    """
    backend = targets.targets(targets.emulated(settings.target, settings), devices.gpus())[0].backend
    emulated = _EMULATED if settings.run.emulator else None
    name = settings.container.image or emulated or _default(backend, settings.container.engine)
    known = definitions.load(build_context.folder(settings.container))
    if name not in known and "@sha256:" not in name:
        expected = f"expected one of {', '.join(known)}, or HOST/NAME@sha256:DIGEST"
        raise UsageError(f"--image {name}: no such image; {expected}.")
    if name in known:
        image_wheels.check_pinned(known[name])
    return name, known.get(name)


def _default(backend: Backend, engine: str) -> str:
    """Return the name of a backend's image; Apptainer takes those of Debian packages only."""
    name = _IMAGES.get(backend, "cpu")
    return f"{name.removesuffix('-debian')}-debian" if engine == "apptainer" else name


@frozen
class ContainerProvider:
    """Provides containers of an image.

    Attributes:
        settings: what the containers may do, and how images are provided.
        source: finds the release for the image.
        image_name: name in images.toml, or `HOST/NAME@sha256:DIGEST`.
        image: definition of the image; None for one by digest.
        connected: the engine; None to connect when it is needed.
        engine: kind of environment, as results.json has it.
    """

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
            EngineError: the image contains another release than the settings name.
        """
        asked, engine = self.settings.container, self._engine()
        image = self._image(engine, request.store, request.cancel, request.notice)
        limits = ContainerLimits(capabilities=asked.capabilities, memory_bytes=asked.memory_bytes)
        with container.opened(engine, image, request, limits) as environment:
            self._check_release(environment.toolchain.release.name)
            yield environment

    def _check_release(self, found: str) -> None:
        wanted = self.source.name
        if wanted not in {None, found}:
            raise EngineError(
                f"{self.image_name} contains IREE {found}, not {wanted}; remove --iree, or choose another image."
            )

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
