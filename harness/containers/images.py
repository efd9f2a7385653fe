"""Names, finds, lists and removes the images of an engine."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from harness.containers import build_context
from harness.containers.build_context import Recipe
from harness.containers.definitions import Bootstrapped, Image, Pulled
from harness.containers.engine import Engine
from harness.containers.manifest import LABEL
from harness.core.errors import EngineError
from harness.core.values import frozen

REPOSITORY = "iree-quality"
# Names of local images. No registry has this host, and names with a host are the same for Docker and Podman.
LOCAL = f"localhost/{REPOSITORY}"
_LOCAL_BASE = f"localhost/{REPOSITORY}-base"
_OURS = frozenset({REPOSITORY, _LOCAL_BASE.rpartition("/")[2]})
# Before the digest in a name.
DIGEST = "@sha256:"


@frozen
class LocalImage:
    """An image on this machine.

    Attributes:
        reference: the name by which it was found.
        id: the engine's id of the image.
        digest: `reference` if it has a digest, else None. Digests from the engine are not used: they may be those of
            images that are in no registry.
        size_bytes: size on disk.
    """

    reference: str
    id: str
    digest: str | None
    size_bytes: int

    @property
    def facts(self) -> Mapping[str, Any]:
        """The part that results.json contains."""
        return {"reference": self.reference, "id": self.id, "digest": self.digest}


def named(recipe: Recipe) -> str:
    """Return the local name of a recipe's image."""
    return f"{LOCAL}:{recipe.tag}"


def base_name(image: Image) -> str:
    """Return the local name of an image's base image."""
    match image.base:
        case Pulled(reference=reference, digest=digest):
            return f"{_without_tag(reference)}@{digest}"
        case Bootstrapped(suite=suite, sha256=sha256):  # which several images may share
            return f"{_LOCAL_BASE}:{suite}-{sha256[:12]}"


def find(engine: Engine, reference: str) -> LocalImage | None:
    """Return an image; None if the engine does not have it."""
    found = engine.image(reference)
    if found is None:
        return None
    digest = reference if DIGEST in reference else None
    return LocalImage(reference=reference, id=found["Id"], digest=digest, size_bytes=found["Size"])


def obstacle(engine: Engine, recipe: Recipe, registry: str | None, *, offline: bool = False) -> str:
    """Return why the image of a recipe can be neither found, pulled nor built; empty if nothing is in the way.

    Args:
        engine: which has the image, or would pull it.
        recipe: recipe of the image.
        registry: `HOST/PATH` that may have the image.
        offline: whether registries are not asked.
    """
    base = base_name(recipe.image)
    if isinstance(recipe.image.base, Bootstrapped) or engine.image(named(recipe)) or engine.image(base):
        return ""
    if offline:
        return f"{base} is not on this machine."
    sources = [base.split("@"), *([[f"{registry}/{REPOSITORY}", recipe.tag]] if registry else [])]
    reasons = [_unavailable(engine, repository, version) for repository, version in sources]
    return reasons[0] if all(reasons) else ""


def _unavailable(engine: Engine, repository: str, version: str) -> str:
    try:
        engine.check_registry(repository, version)
    except EngineError as error:
        return str(error)
    return ""


@frozen
class ListedImage:
    """An image or base image that the harness made or pulled.

    Attributes:
        names: its names.
        size_bytes: size on disk.
        created_s: time of creation, in seconds since the epoch.
        current: whether a build would use the same inputs now, for any IREE release.
    """

    names: tuple[str, ...]
    size_bytes: int
    created_s: float
    current: bool


def listed(engine: Engine, known: Collection[Image], containers: Path) -> list[ListedImage]:
    """Return the images and base images of the harness, oldest first.

    Args:
        engine: whose images to list.
        known: definitions of the images that are current.
        containers: folder of the definitions.
    """
    frames = {build_context.frame(each, containers) for each in known}
    bases = {base_name(each) for each in known}
    found = (
        ListedImage(
            names=names,
            size_bytes=each["Size"],
            created_s=float(each["Created"]),
            current=(each.get("Labels") or {}).get(f"{LABEL}.frame") in frames or not bases.isdisjoint(names),
        )
        for each in engine.images()
        if (names := _names(each))
    )
    return sorted(found, key=lambda each: each.created_s)


def remove(engine: Engine, image: ListedImage) -> None:
    """Remove all names of an image, and so the image."""
    for name in image.names:
        engine.remove(name)


def _names(image: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names by which the harness built or pulled an image, without digests that a tag covers."""
    tags = [name for name in image.get("RepoTags") or () if _repository(name) in _OURS]
    tagged = {name.rpartition(":")[0] for name in tags}
    digests = [name for name in image.get("RepoDigests") or () if _repository(name) == REPOSITORY]
    return (*tags, *(name for name in digests if name.partition("@")[0] not in tagged))


def _repository(name: str) -> str:
    """Return `iree-quality` for `HOST/PATH/iree-quality:TAG` or `...@sha256:DIGEST`."""
    return _without_tag(name).rpartition("/")[2]


def _without_tag(reference: str) -> str:
    """Return `HOST/python` for `HOST/python:3.12@sha256:...`; engines do not accept both tag and digest."""
    name = reference.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name
