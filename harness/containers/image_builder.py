"""Provides the image of a recipe: the local one, the registry's, or a newly built one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from harness.containers import build_context, debian, dependencies, image_wheels, images
from harness.containers.build_context import Recipe
from harness.containers.definitions import Bootstrapped, Image, Pulled
from harness.containers.engine import Engine, full_name
from harness.containers.images import DIGEST, LOCAL, REPOSITORY, LocalImage
from harness.containers.manifest import LABEL
from harness.core.blobs import Blob, Fetched
from harness.core.callbacks import Notice, working
from harness.core.errors import EngineError, UsageError
from harness.core.settings import Settings
from harness.core.values import frozen
from harness.fetch.fetcher import Fetcher
from harness.host.cancel import CancelToken
from harness.iree import toolchain
from harness.store import scratch
from harness.store.store import Store


@frozen
class ImageBuilder:
    """Pulls, builds and pushes images with one engine.

    Attributes:
        engine: Docker or Podman.
        store: keeps toolchains, dependencies and bootstrapped bases.
        fetch: downloads wheels that are not on the package index.
        registry: `HOST/PATH` where images are looked up before they are built, and to which they are pushed.
        offline: whether to use only what is on this machine.
        debian_mirror: archive of Debian packages, instead of mmdebstrap's choice.
        wheel_index: index of the wheels of images, instead of that in images.toml.
        cancel: stops downloads and installations.
        notice: called with remarks for the user.
    """

    engine: Engine
    store: Store
    fetch: Callable[[Blob], Fetched]
    registry: str | None
    offline: bool
    debian_mirror: str | None
    wheel_index: str | None
    cancel: CancelToken
    notice: Notice

    @classmethod
    def of(cls, settings: Settings, engine: Engine, fetcher: Fetcher, cancel: CancelToken, notice: Notice) -> Self:
        """Return the builder for these settings, with the store of the fetcher."""
        return cls(
            engine=engine,
            store=fetcher.store,
            fetch=fetcher.fetch,
            registry=settings.container.registry,
            offline=settings.fetch.offline,
            debian_mirror=settings.container.debian_mirror,
            wheel_index=settings.container.wheel_index,
            cancel=cancel,
            notice=notice,
        )

    def provide(self, recipe: Recipe) -> LocalImage:
        """Return the image of a recipe: the local one, else the registry's, else a newly built one.

        Raises:
            EngineError: the base image cannot be pulled, or the build failed.
            FetchError: a wheel or a Debian package cannot be downloaded.
            IntegrityError: a download does not match its pin.
        """
        name = images.named(recipe)
        if found := images.find(self.engine, name):
            return found
        with self.store.lock(f"image-{recipe.tag}", activity=f"building {name}"):
            return images.find(self.engine, name) or self._pull(recipe) or self._build(recipe)

    def provide_by_digest(self, reference: str) -> LocalImage:
        """Return an image by its digest, `HOST/NAME@sha256:...`; pull it if it is not on this machine.

        Raises:
            UsageError: the reference has no digest.
            EngineError: the image cannot be pulled.
        """
        if DIGEST not in reference:
            raise UsageError(f"--image {reference}: expected a name in images.toml, or HOST/NAME@sha256:DIGEST.")
        if found := images.find(self.engine, reference):
            return found
        if self.offline:
            raise EngineError(f"{reference} is not on this machine; run once without --offline.")
        self._pull_by_name(*_split(reference))
        return self._found(reference)

    def push(self, recipe: Recipe) -> str:
        """Push the image of a recipe, unless the registry has it, and return its name by digest.

        Raises:
            UsageError: `registry` is not set.
            EngineError: the image cannot be built or pushed.
        """
        if not self.registry:
            raise UsageError("No registry to push to; set one with --registry HOST/PATH, e.g. ghcr.io/me/project.")
        repository = f"{self.registry}/{REPOSITORY}"
        try:
            digest = self.engine.registry_digest(repository, recipe.tag)
        except EngineError:
            self.engine.tag(self.provide(recipe).reference, repository, recipe.tag)
            with working(self.store.on_work, f"pushing {repository}:{recipe.tag}") as progress:
                digest = self.engine.push(repository, recipe.tag, progress)
        return f"{repository}@{digest}"

    @property
    def _options(self) -> dict[str, Any]:
        return {"offline": self.offline, "cancel": self.cancel}

    def _pull(self, recipe: Recipe) -> LocalImage | None:
        """Pull the image with the recipe's tag; return None if it cannot be pulled."""
        if not self.registry or self.offline:
            return None
        repository = f"{self.registry}/{REPOSITORY}"
        name = f"{repository}:{recipe.tag}"
        try:
            self._pull_by_name(repository, recipe.tag)
        except EngineError as error:
            self.notice(f"not in the registry: {error}")
            return None
        labels = (self.engine.image(name) or {"Config": {}})["Config"].get("Labels") or {}
        if labels.get(f"{LABEL}.inputs") != recipe.inputs:
            raise EngineError(f"{name} was made from other inputs; remove it from the registry and push it again.")
        self.engine.tag(name, LOCAL, recipe.tag)
        return self._found(images.named(recipe))

    def _build(self, recipe: Recipe) -> LocalImage:
        """Download everything that the image is made from, and build it offline; the build ends with a self-test."""
        base = self._base(recipe)
        tools = toolchain.installed(recipe.release, self.store, fetch=self.fetch, **self._options)
        needed = dependencies.installed(recipe.containers, recipe.image.python_version, self.store, **self._options)
        wheels = self._wheels(recipe.image)
        name = images.named(recipe)
        with scratch.file(self.store.root) as file, working(self.store.on_work, f"building {name}") as progress:
            build_context.write(recipe, tools, needed, file, wheels=wheels)
            file.seek(0)
            self.engine.build(
                file,
                name,
                arguments={"BASE": base, **recipe.arguments},
                labels=recipe.manifest(tools).labels,
                progress=progress,
            )
        return self._found(name)

    def _wheels(self, image: Image) -> Path | None:
        """Install the wheels of an image, if it has some, and return their folder."""
        if image.wheels is None:
            return None
        return image_wheels.installed(image, image.wheels, self.store, index=self.wheel_index, **self._options)

    def _base(self, recipe: Recipe) -> str:
        """Pull or bootstrap the base image, and return its name."""
        name = images.base_name(recipe.image)
        match recipe.image.base:
            case Pulled():
                self._pull_base(name)
            case Bootstrapped() as base:
                self._bootstrap_base(name, recipe.image.name, base)
        return name

    def _pull_base(self, reference: str) -> None:
        hint = "Without a registry, use --image cpu-debian, --image rocm-debian or --engine local."
        if self.engine.image(reference):
            return
        if self.offline:
            raise EngineError(f"The base image {reference} is not on this machine; run once without --offline. {hint}")
        try:
            self._pull_by_name(*_split(reference))
        except EngineError as error:
            raise EngineError(f"The base image is missing. {error} {hint}") from error

    def _bootstrap_base(self, reference: str, name: str, base: Bootstrapped) -> None:
        found = self.engine.image(reference)
        if found is not None and found["RootFS"]["Layers"] == [f"sha256:{base.sha256}"]:
            return
        path = debian.bootstrapped(name, base, self.store, mirror=self.debian_mirror, **self._options)
        with working(self.store.on_work, f"importing {reference}"):
            self.engine.import_base(path, *reference.rsplit(":", 1))

    def _pull_by_name(self, repository: str, version: str) -> None:
        with working(self.store.on_work, f"pulling {full_name(repository, version)}") as progress:
            self.engine.pull(repository, version, progress)

    def _found(self, reference: str) -> LocalImage:
        if found := images.find(self.engine, reference):
            return found
        raise EngineError(f"{reference} was removed after its creation; check whether another process removes images.")


def _split(reference: str) -> tuple[str, str]:
    """Return name and digest of `NAME@DIGEST`."""
    name, _, digest = reference.partition("@")
    return name, digest
