"""Has images: looks them up, pulls or builds them, pushes them, and removes old ones."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.containers import build_context, debian, dependencies
from harness.containers.build_context import Recipe
from harness.containers.definitions import Bootstrapped, Image, Pulled
from harness.containers.engine import Engine
from harness.containers.manifest import LABEL
from harness.core.blobs import Blob, Fetched
from harness.core.callbacks import Notice
from harness.core.errors import EngineError, UsageError
from harness.core.settings import Settings
from harness.fetch.fetcher import Fetcher
from harness.host.process import CancelToken
from harness.iree import toolchain
from harness.store import scratch
from harness.store.store import Store

REPOSITORY = "iree-quality"
# Names that no registry answers to; with a host in them they are the same for Docker and Podman.
_LOCAL = f"localhost/{REPOSITORY}"
_LOCAL_BASE = f"localhost/{REPOSITORY}-base"
_OURS = frozenset({REPOSITORY, _LOCAL_BASE.rpartition("/")[2]})
_DIGEST = "@sha256:"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalImage:
    """An image that the engine has. `digest` is its name by digest, if it was asked for by that.

    What an engine says of digests is no help: they may be those of images that are in no registry.
    """

    reference: str
    id: str
    digest: str | None
    size_bytes: int

    @property
    def facts(self) -> Mapping[str, Any]:
        """What results quote of it."""
        return {"reference": self.reference, "id": self.id, "digest": self.digest}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageBuilder:
    """With what images are had. `registry` is `HOST/PATH`, where they are looked for before they are built.

    `fetch` downloads wheels that are not on the package index.
    """

    engine: Engine
    store: Store
    fetch: Callable[[Blob], Fetched]
    registry: str | None
    offline: bool
    debian_mirror: str | None
    cancel: CancelToken
    notice: Notice


def means(settings: Settings, chosen: Engine, fetcher: Fetcher, cancel: CancelToken, notice: Notice) -> ImageBuilder:
    """Return the means that the settings ask for; all is kept in the store of what fetches."""
    return ImageBuilder(
        engine=chosen,
        store=fetcher.store,
        fetch=fetcher.fetch,
        registry=settings.container.registry,
        offline=settings.fetch.offline,
        debian_mirror=settings.container.debian_mirror,
        cancel=cancel,
        notice=notice,
    )


def named(recipe: Recipe) -> str:
    """Return the name that a recipe's image has on this machine."""
    return f"{_LOCAL}:{recipe.tag}"


def find(engine: Engine, reference: str) -> LocalImage | None:
    """Return an image if the engine has it."""
    about = engine.image(reference)
    if about is None:
        return None
    digest = reference if _DIGEST in reference else None
    return LocalImage(reference=reference, id=about["Id"], digest=digest, size_bytes=about["Size"])


def have(recipe: Recipe, means: ImageBuilder) -> LocalImage:
    """Return a recipe's image: the one that is here, else the registry's, else a new one.

    Raises:
        EngineError: the base cannot be had, or the engine cannot build.
        FetchError: a wheel or a Debian package cannot be had.
        IntegrityError: what was had is not what is pinned.
    """
    name = named(recipe)
    if found := find(means.engine, name):
        return found
    with means.store.lock(f"image-{recipe.tag}"):
        return find(means.engine, name) or _pulled(recipe, means) or _built(recipe, means)


def have_by_digest(reference: str, means: ImageBuilder) -> LocalImage:
    """Return an image of a registry by its digest, `HOST/NAME@sha256:...`.

    Raises:
        UsageError: the reference has no digest.
        EngineError: it cannot be had.
    """
    if _DIGEST not in reference:
        raise UsageError(f"--image {reference}: expected a name of images.toml, or HOST/NAME@sha256:DIGEST.")
    if found := find(means.engine, reference):
        return found
    if means.offline:
        raise EngineError(f"{reference} is not here; run once without --offline.")
    means.engine.pull(*_parts(reference), means.notice)
    return _found(means.engine, reference)


def push(recipe: Recipe, means: ImageBuilder) -> str:
    """Bring a recipe's image to the registry, unless that has it, and return its name there by digest.

    Raises:
        UsageError: no registry is named.
        EngineError: it cannot be had or pushed.
    """
    if not means.registry:
        raise UsageError("Where to? Name the registry with --registry HOST/PATH, e.g. ghcr.io/me/project.")
    repository = f"{means.registry}/{REPOSITORY}"
    try:
        digest = means.engine.registered(repository, recipe.tag)
    except EngineError:
        means.engine.tag(have(recipe, means).reference, repository, recipe.tag)
        digest = means.engine.push(repository, recipe.tag, means.notice)
    return f"{repository}@{digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An image of ours that the engine has; `current` if it would be made like this now, with whichever release."""

    names: tuple[str, ...]
    size_bytes: int
    created_s: float
    current: bool


def listed(engine: Engine, known: Collection[Image], containers: Path) -> list[Listed]:
    """Return our images and their bases, oldest first; those that would be made from the same now are current."""
    frames = {build_context.frame(each, containers) for each in known}
    bases = {base_name(each) for each in known}
    found = (
        Listed(
            names=names,
            size_bytes=each["Size"],
            created_s=float(each["Created"]),
            current=(each.get("Labels") or {}).get(f"{LABEL}.frame") in frames or not bases.isdisjoint(names),
        )
        for each in engine.images()
        if (names := _names(each))
    )
    return sorted(found, key=lambda each: each.created_s)


def remove(engine: Engine, image: Listed) -> None:
    """Remove an image by all the names that we gave it."""
    for name in image.names:
        engine.remove(name)


def _names(about: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names that we gave an image, or by which we pulled it: with its tags go the digests beside them."""
    tags = [name for name in about.get("RepoTags") or () if _repository(name) in _OURS]
    tagged = {name.rpartition(":")[0] for name in tags}
    digests = [name for name in about.get("RepoDigests") or () if _repository(name) == REPOSITORY]
    return (*tags, *(name for name in digests if name.partition("@")[0] not in tagged))


def _repository(name: str) -> str:
    """Return `iree-quality` for `HOST/PATH/iree-quality:TAG` or `...@sha256:DIGEST`."""
    return _without_tag(name).rpartition("/")[2]


def _pulled(recipe: Recipe, means: ImageBuilder) -> LocalImage | None:
    """Return the image of the registry that has the recipe's tag, if it has one that was made from the same inputs."""
    if not means.registry or means.offline:
        return None
    repository = f"{means.registry}/{REPOSITORY}"
    try:
        means.engine.pull(repository, recipe.tag, means.notice)
    except EngineError as error:
        means.notice(f"not in the registry: {error}")
        return None
    labels = (means.engine.image(f"{repository}:{recipe.tag}") or {"Config": {}})["Config"].get("Labels") or {}
    if labels.get(f"{LABEL}.inputs") != recipe.inputs:
        raise EngineError(f"{repository}:{recipe.tag} was not made from these inputs; remove it there, and push anew.")
    means.engine.tag(f"{repository}:{recipe.tag}", _LOCAL, recipe.tag)
    return _found(means.engine, named(recipe))


def _built(recipe: Recipe, means: ImageBuilder) -> LocalImage:
    """Build an image, tested at its end; everything that it is made from is had first."""
    options: dict[str, Any] = {"offline": means.offline, "cancel": means.cancel, "notice": means.notice}
    base = _base(recipe, means)
    tools = toolchain.installed(recipe.release, means.store, fetch=means.fetch, **options)
    needed = dependencies.installed(recipe.containers, recipe.image.python_version, means.store, **options)
    means.notice(f"building {named(recipe)}")
    with scratch.file(means.store.root) as file:
        build_context.write(recipe, tools, needed, file)
        file.seek(0)
        means.engine.build(
            file,
            named(recipe),
            arguments={"BASE": base, **recipe.arguments},
            labels=recipe.manifest(tools).labels,
            notice=means.notice,
        )
    return _found(means.engine, named(recipe))


def base_name(image: Image) -> str:
    """Return the name by which the engine has an image's base, if it has it."""
    match image.base:
        case Pulled(reference=reference, digest=digest):
            return f"{_without_tag(reference)}@{digest}"
        case Bootstrapped(sha256=sha256):
            return f"{_LOCAL_BASE}:{image.name}-{sha256[:12]}"


def _base(recipe: Recipe, means: ImageBuilder) -> str:
    """Return the name of the base, which the engine has now."""
    name = base_name(recipe.image)
    match recipe.image.base:
        case Pulled():
            _pull_base(name, means)
        case Bootstrapped() as base:
            _bootstrap_base(name, recipe.image.name, base, means)
    return name


def _pull_base(reference: str, means: ImageBuilder) -> None:
    way_round = "--image cpu-debian and --image rocm-debian need no registry, --engine local needs no image."
    if means.engine.image(reference):
        return
    if means.offline:
        raise EngineError(f"The base {reference} is not here; run once without --offline. {way_round}")
    try:
        means.engine.pull(*_parts(reference), means.notice)
    except EngineError as error:
        raise EngineError(f"The base {reference} cannot be had. {error} {way_round}") from error


def _bootstrap_base(reference: str, name: str, base: Bootstrapped, means: ImageBuilder) -> None:
    about = means.engine.image(reference)
    if about is not None and about["RootFS"]["Layers"] == [f"sha256:{base.sha256}"]:
        return
    options: dict[str, Any] = {"offline": means.offline, "cancel": means.cancel, "notice": means.notice}
    path = debian.bootstrapped(name, base, means.store, mirror=means.debian_mirror, **options)
    means.notice(f"importing {reference}")
    means.engine.import_base(path, *reference.rsplit(":", 1))


def _without_tag(reference: str) -> str:
    """Return `HOST/python` for `HOST/python:3.12@sha256:...`: engines take a tag or a digest."""
    name = reference.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name


def _parts(reference: str) -> tuple[str, str]:
    name, _, digest = reference.partition("@")
    return name, digest


def _found(engine: Engine, reference: str) -> LocalImage:
    if found := find(engine, reference):
        return found
    raise EngineError(f"{reference} is not there although it was made just now; does another process remove images?")
