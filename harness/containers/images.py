"""Names, finds, lists and removes images that an engine has."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.containers import build_context
from harness.containers.build_context import Recipe
from harness.containers.definitions import Bootstrapped, Image, Pulled
from harness.containers.engine import Engine
from harness.containers.manifest import LABEL

REPOSITORY = "iree-quality"
# Names that no registry answers to; with a host in them they are the same for Docker and Podman.
LOCAL = f"localhost/{REPOSITORY}"
_LOCAL_BASE = f"localhost/{REPOSITORY}-base"
_OURS = frozenset({REPOSITORY, _LOCAL_BASE.rpartition("/")[2]})
# Before the digest in a name.
DIGEST = "@sha256:"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalImage:
    """An image that the engine has.

    Attributes:
        reference: the name that it was found by.
        id: the engine's id.
        digest: `reference`, if that has a digest, else None. The digests that an engine reports are not used: they may
            be those of images that are in no registry.
        size_bytes: size on disk.
    """

    reference: str
    id: str
    digest: str | None
    size_bytes: int

    @property
    def facts(self) -> Mapping[str, Any]:
        """The part that results.json has."""
        return {"reference": self.reference, "id": self.id, "digest": self.digest}


def named(recipe: Recipe) -> str:
    """Return the name that a recipe's image has on this machine."""
    return f"{LOCAL}:{recipe.tag}"


def base_name(image: Image) -> str:
    """Return the name by which the engine has an image's base, if it has it."""
    match image.base:
        case Pulled(reference=reference, digest=digest):
            return f"{_without_tag(reference)}@{digest}"
        case Bootstrapped(sha256=sha256):
            return f"{_LOCAL_BASE}:{image.name}-{sha256[:12]}"


def find(engine: Engine, reference: str) -> LocalImage | None:
    """Return an image if the engine has it."""
    about = engine.image(reference)
    if about is None:
        return None
    digest = reference if DIGEST in reference else None
    return LocalImage(reference=reference, id=about["Id"], digest=digest, size_bytes=about["Size"])


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


def _without_tag(reference: str) -> str:
    """Return `HOST/python` for `HOST/python:3.12@sha256:...`: engines take a tag or a digest."""
    name = reference.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name
