"""Packs an image into a bundle and loads it: its config and its layers, each as a content of its own.

So the archive that an engine is given to load is written here, and has one image with one name: nothing that a bundle
says can give an image another name, or lead out of the archive.
"""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

from harness.containers import build_context, images
from harness.containers.container_provider import chosen_image
from harness.containers.engine import Engine
from harness.containers.image_builder import ImageBuilder
from harness.containers.manifest import LABEL
from harness.core import strict_json
from harness.core.callbacks import working
from harness.core.errors import EngineError, UsageError
from harness.core.settings import Settings
from harness.fetch.fetcher import Fetcher
from harness.host.cancel import CancelToken
from harness.iree.releases import ReleaseWheels
from harness.packing.bundle_manifest import PackedFile, PackedImage
from harness.store.entry import file_sha256
from harness.store.store import Store

_INDEX, _INDEX_BYTES = "manifest.json", 1 << 20
_BLOCK, _CHUNK_BYTES = tarfile.BLOCKSIZE, 1 << 20
_LAYER = "{}/layer.tar"


def recipe(settings: Settings, release: ReleaseWheels) -> build_context.Recipe:
    """Return the recipe of the image that settings choose, for a release each of whose wheels has a digest.

    Raises:
        UsageError: it is named by its digest, or there is none of that name.
    """
    name, image = chosen_image(settings)
    if image is None:
        raise UsageError(
            f"--image {name}: a bundle has images of images.toml alone; name one of these, or copy this one with the "
            "engine itself."
        )
    return build_context.recipe(settings.container, image, release)


def packed(
    settings: Settings, release: ReleaseWheels, engine: Engine, fetcher: Fetcher, folder: Path
) -> tuple[PackedImage, dict[str, Path]]:
    """Return the image of a run, and where its contents are by their digests; it is found, pulled or built before.

    Args:
        settings: which image.
        release: the release in it, with the digests of its wheels.
        engine: has the image, or makes it.
        fetcher: downloads what it is made of.
        folder: an empty folder for its contents.

    Raises:
        EngineError: the engine fails, or writes something else than an image.
    """
    wanted, store = recipe(settings, release), fetcher.store
    builder = ImageBuilder.of(settings, engine, fetcher, CancelToken(), fetcher.options.notice)
    reference = builder.provide(wanted).reference
    archive = folder / "image.tar"
    with working(store.on_work, f"saving {reference}"):
        with store.files.new(archive) as file:
            engine.save(reference, file)
        try:
            config, *layers = _members(archive, store, folder)
        except (tarfile.TarError, KeyError, TypeError, ValueError) as error:
            raise EngineError(f"Cannot save {reference}: unexpected content ({error!r}).") from error
    store.files.remove(archive)
    image = PackedImage(name=wanted.image.name, reference=reference, config=config, layers=tuple(layers))
    return image, {each.sha256: folder / each.sha256 for each in (config, *layers)}


def _members(archive: Path, store: Store, folder: Path) -> Iterator[PackedFile]:
    """Yield the config and the layers of the only image in an archive, each copied into a file named by its digest."""
    with tarfile.open(archive) as tar:
        (image,) = strict_json.loads(_content(tar, _INDEX).read(_INDEX_BYTES))
        for name in (image["Config"], *image["Layers"]):
            copy = folder / "member"
            with _content(tar, name) as source, store.files.new(copy) as target:
                while chunk := source.read(_CHUNK_BYTES):
                    target.write(chunk)
            found = PackedFile(sha256=file_sha256(copy), bytes=copy.stat().st_size)
            store.files.move(copy, folder / found.sha256)
            yield found


def _content(tar: tarfile.TarFile, name: str) -> "tarfile.ExFileObject":
    """Return the content of a member; older engines write a layer that is there twice as a link."""
    found = tar.extractfile(name)
    if not isinstance(found, tarfile.ExFileObject):
        raise ValueError(f"{name} is no file")  # noqa: TRY004 - of the archive
    return found


def load(engine: Engine, image: PackedImage, wanted: build_context.Recipe, contents: Path, store: Store) -> None:
    """Load an image into an engine, under the name that a run looks for.

    Args:
        engine: the engine.
        image: the image as the bundle has it.
        wanted: the recipe of the image that a run needs here.
        contents: the folder of its contents, each named by its digest, which was compared.
        store: whose files they are.

    Raises:
        EngineError: a run needs another image, or the engine cannot load this one.
    """
    if images.named(wanted) != image.reference:
        raise EngineError(
            f"The bundle has the image {image.reference}, and a run here needs {images.named(wanted)}: another version "
            "of the harness packed it, or other definitions. Pack it with these, or load it with --engine local."
        )
    with working(store.on_work, f"loading {image.reference}"):
        engine.load(_archive(image, contents, store))
    found = engine.image(image.reference) or {}
    labels = (found.get("Config") or {}).get("Labels") or {}
    if labels.get(f"{LABEL}.inputs") != wanted.inputs:
        raise EngineError(f"{image.reference}: {engine.info} loaded something else; remove it, and pack it again.")


def _archive(image: PackedImage, contents: Path, store: Store) -> Iterator[bytes]:
    """Yield an archive of one image, as `docker load` reads it."""
    config, layers = f"{image.config.sha256}.json", [_LAYER.format(each.sha256) for each in image.layers]
    index = json.dumps([{"Config": config, "RepoTags": [image.reference], "Layers": layers}]).encode()
    yield from (_header(_INDEX, len(index)), index, bytes(-len(index) % _BLOCK))
    members = {config: image.config, **dict(zip(layers, image.layers, strict=True))}
    for name, each in members.items():
        yield _header(name, each.bytes)
        with store.files.reader(contents / each.sha256) as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
        yield bytes(-each.bytes % _BLOCK)
    yield bytes(2 * _BLOCK)


def _header(name: str, size_bytes: int) -> bytes:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size_bytes, 0o644
    return header.tobuf(tarfile.GNU_FORMAT)
