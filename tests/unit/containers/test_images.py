"""A fake plays the engine. Images are built and inspected, but not run."""

import dataclasses
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pytest

from harness.containers import build_context as context
from harness.containers import images
from harness.containers.build_context import Recipe
from harness.containers.definitions import Bootstrapped, Image, Pulled
from harness.containers.engine import Engine
from harness.containers.engine_info import EngineInfo
from harness.containers.image_builder import ImageBuilder
from harness.core.blobs import Blob, Fetched
from harness.core.callbacks import Notice, ignore
from harness.core.errors import EngineError, FetchError, UsageError
from harness.host.cancel import CancelToken
from harness.iree import releases, toolchain
from harness.store.store import Store

DIGEST = "sha256:" + "ab" * 32
REFERENCE = f"docker.io/library/python:3.12-slim@{DIGEST}"
BASE = f"docker.io/library/python@{DIGEST}"
IMAGE = Image(
    name="cpu",
    base=Pulled(reference=REFERENCE, digest=DIGEST, attested=False),
    python="/usr/local/bin/python3.12",
    hip=None,
)
DEBIAN = dataclasses.replace(
    IMAGE,
    name="cpu-debian",
    base=Bootstrapped(suite="trixie", packages=("python3.13",), sha256="cd" * 32, pinned="2026-11-23", versions={}),
)
REGISTRY = "registry.example/me"
REPOSITORY = f"{REGISTRY}/iree-quality"
PROGRAMS = ("compiler/_mlir_libs/iree-compile", "_runtime_libs/iree-run-module", "_runtime_libs/iree-dump-module")
HINT = "Without a registry, use --image cpu-debian, --image rocm-debian or --engine local."


class FakeEngine(Engine):
    """An engine with some images and a registry, which notes what it does."""

    def __init__(self, **registry: Mapping[str, Any]) -> None:
        """Start without images."""
        usual = {"rootless": False, "remapped": False, "limits": True, "selinux": False, "cdi_dirs": ()}
        self.info = EngineInfo(name="docker", version="28.2.2", socket="/nowhere", **usual)  # type: ignore[arg-type]
        self.local: dict[str, dict[str, Any]] = {}
        self.registry = {name: dict(found) for name, found in registry.items()}
        self.did: list[str] = []
        self.context: dict[str, bytes] = {}
        self.arguments: Mapping[str, str] = {}

    def image(self, reference: str) -> dict[str, Any] | None:
        """Return an image."""
        return self.local.get(reference)

    def images(self) -> list[dict[str, Any]]:
        """Return all."""
        return list(self.local.values())

    def remove(self, reference: str) -> None:
        """Note it."""
        self.did.append(f"remove {reference}")

    def pull(self, repository: str, version: str, progress: Notice = ignore) -> None:
        """Copy an image from the registry."""
        name = f"{repository}{'@' if ':' in version else ':'}{version}"
        self.did.append(f"pull {name}")
        progress("1.0/2.0 MB")
        if name not in self.registry:
            raise EngineError(f"Cannot pull {name}: not found.")
        self.local[name] = self.registry[name]

    def push(self, repository: str, tag: str, progress: Notice = ignore) -> str:
        """Note it."""
        self.did.append(f"push {repository}:{tag}")
        progress("2.0/2.0 MB")
        return "sha256:pushed"

    def registry_digest(self, repository: str, tag: str) -> str:
        """Return the digest in the registry."""
        if found := self.registry.get(f"{repository}{'@' if ':' in tag else ':'}{tag}"):
            return str(found["digest"])
        raise EngineError("There is none.")

    def tag(self, reference: str, repository: str, tag: str) -> None:
        """Give an image another name."""
        self.did.append(f"tag {reference} {repository}:{tag}")
        self.local[f"{repository}:{tag}"] = self.local[reference]

    def import_base(self, path: Path, repository: str, tag: str) -> None:
        """Note it."""
        self.did.append(f"import {path.name} {repository}:{tag}")

    def build(
        self,
        context: IO[bytes],
        name: str,
        *,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        progress: Notice,
    ) -> None:
        """Keep the context, and add an image."""
        self.did.append(f"build {name}")
        progress("step 1/2")
        self.arguments = arguments
        with tarfile.open(fileobj=context) as tar:
            files = ((member.name, tar.extractfile(member)) for member in tar if member.isreg())
            self.context = {member: file.read() for member, file in files if file}
        self.local[name] = found(labels)


def found(labels: Mapping[str, str], *, digests: Sequence[str] = (), layers: Sequence[str] = ()) -> dict[str, Any]:
    """Return an engine's description of an image."""
    facts = {"Id": "sha256:id", "Size": 100, "Created": 1.0, "RepoTags": None, "RootFS": {"Layers": list(layers)}}
    return facts | {"RepoDigests": list(digests), "Config": {"Labels": dict(labels)}, "Labels": dict(labels)}


# What stands in for an installed release here is not what its wheels contain.
UNLOCKED = dataclasses.replace(releases.find("3.13.0"), contents={})


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    folder = tmp_path / "containers"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM x\n")
    (folder / "requirements.txt").write_text("")
    return Recipe(image=IMAGE, release=UNLOCKED, containers=folder)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


def not_fetched(blob: Blob) -> Fetched:
    """Fail: the test fetches nothing."""
    raise AssertionError(f"{blob.url} is fetched")


def builder(store: Store, engine: FakeEngine, notices: list[str] | None = None, **changes: Any) -> ImageBuilder:
    wanted: dict[str, Any] = {
        "registry": None,
        "offline": True,
        "debian_mirror": None,
        "wheel_index": None,
        "cancel": CancelToken(),
    }
    wanted |= {
        "engine": engine,
        "store": store,
        "fetch": not_fetched,
        "notice": (notices if notices is not None else []).append,
    }
    return ImageBuilder(**(wanted | changes))


def installed(store: Store, recipe: Recipe) -> None:
    """Put a release into the store, as if it was installed."""

    def make(folder: Path) -> None:
        for path in PROGRAMS:
            (folder / "iree" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "iree" / path).write_bytes(b"\x7fELF")
        stamp = f'VERSION = "3.13.0"\nREVISIONS = {{"IREE": "{"a" * 40}"}}\n'
        (folder / "iree/compiler/version.py").write_text(stamp)

    store.provide("toolchains", toolchain.key(recipe.release), make)


def test_a_local_image_is_used(store: Store, recipe: Recipe, engine: FakeEngine) -> None:
    name = images.named(recipe)
    engine.local[name] = found({}, digests=["localhost/x@sha256:0", f"{REPOSITORY}@{DIGEST}"])
    image = builder(store, engine, registry=REGISTRY, offline=False).provide(recipe)
    assert name == f"localhost/iree-quality:{recipe.tag}"
    assert (image.reference, image.id, image.size_bytes) == (name, "sha256:id", 100)
    assert image.facts == {"reference": name, "id": "sha256:id", "digest": None}
    assert engine.did == []


def test_an_image_is_pulled_from_the_registry(store: Store, recipe: Recipe, engine: FakeEngine) -> None:
    there = f"{REPOSITORY}:{recipe.tag}"
    engine.registry[there] = found({"iree-quality.inputs": recipe.inputs})
    image = builder(store, engine, registry=REGISTRY, offline=False).provide(recipe)
    assert image.reference == images.named(recipe)
    assert engine.did == [f"pull {there}", f"tag {there} {image.reference}"]


@pytest.mark.parametrize("labels", [{}, {"iree-quality.inputs": "other"}])
def test_an_image_in_the_registry_with_other_inputs(
    store: Store, recipe: Recipe, engine: FakeEngine, labels: Mapping[str, str]
) -> None:
    there = f"{REPOSITORY}:{recipe.tag}"
    engine.registry[there] = found(labels)
    with pytest.raises(EngineError) as caught:
        builder(store, engine, registry=REGISTRY, offline=False).provide(recipe)
    assert str(caught.value) == f"{there} was made from other inputs; remove it from the registry and push it again."
    assert images.named(recipe) not in engine.local


def test_an_image_is_built_if_there_is_none(store: Store, recipe: Recipe, engine: FakeEngine) -> None:
    installed(store, recipe)
    engine.local[BASE] = found({})
    name = images.named(recipe)
    image = builder(store, engine, registry=REGISTRY).provide(recipe)
    assert image.reference == name
    assert engine.did == [f"build {name}"]
    assert engine.arguments == {"BASE": BASE, "PYTHON": "/usr/local/bin/python3.12", "HIP": ""}
    assert engine.local[name]["Config"]["Labels"]["iree-quality.inputs"] == recipe.inputs
    assert {"Dockerfile", "harness/manifest.json", "harness/harness/containers/worker.py"} <= set(engine.context)
    assert engine.context["toolchain/iree/compiler/_mlir_libs/iree-compile"] == b"\x7fELF"
    assert list((store.root / "tmp").iterdir()) == []
    assert builder(store, engine).provide(recipe) == image


def test_a_build_a_pull_and_a_push_tell_how_far_they_are(tmp_path: Path, recipe: Recipe, engine: FakeEngine) -> None:
    told: list[tuple[str, str | None]] = []
    with Store(tmp_path / "telling", on_work=lambda activity, amount: told.append((activity, amount))) as store:
        installed(store, recipe)
        engine.registry[BASE] = found({})
        builder(store, engine, registry=REGISTRY, offline=False).push(recipe)
    name, there = images.named(recipe), f"{REPOSITORY}:{recipe.tag}"
    for activity, amount in (
        (f"pulling {BASE}", "1.0/2.0 MB"),
        (f"building {name}", "step 1/2"),
        (f"pushing {there}", "2.0/2.0 MB"),
    ):
        assert [each for shown, each in told if shown == activity] == ["", amount, None]


def test_an_image_that_is_not_in_the_registry_is_built(store: Store, recipe: Recipe, engine: FakeEngine) -> None:
    engine.registry[BASE] = found({})
    installed(store, recipe)
    notices: list[str] = []
    builder(store, engine, notices, registry=REGISTRY, offline=False).provide(recipe)
    there = f"{REPOSITORY}:{recipe.tag}"
    assert engine.did == [f"pull {there}", f"pull {BASE}", f"build {images.named(recipe)}"]
    assert f"not in the registry: Cannot pull {there}: not found." in notices


def test_a_base_that_cannot_be_pulled(store: Store, recipe: Recipe, engine: FakeEngine) -> None:
    with pytest.raises(EngineError) as caught:
        builder(store, engine, offline=False).provide(recipe)
    assert str(caught.value) == f"The base image is missing. Cannot pull {BASE}: not found. {HINT}"
    with pytest.raises(EngineError) as caught:
        builder(store, engine).provide(recipe)
    assert str(caught.value) == f"The base image {BASE} is not on this machine; run once without --offline. {HINT}"


def test_a_base_that_is_imported_already(store: Store, recipe: Recipe, engine: FakeEngine) -> None:
    installed(store, recipe)
    base = f"localhost/iree-quality-base:trixie-{'cd' * 6}"
    engine.local[base] = found({}, layers=[f"sha256:{'cd' * 32}"])
    builder(store, engine).provide(dataclasses.replace(recipe, image=DEBIAN))
    assert engine.arguments["BASE"] == base
    assert [word.partition(" ")[0] for word in engine.did] == ["build"]


@pytest.mark.parametrize("layers", [None, [], ["sha256:" + "ce" * 32], ["sha256:" + "cd" * 32, "sha256:0"]])
def test_a_base_with_other_bytes_is_made_again(
    store: Store, recipe: Recipe, engine: FakeEngine, layers: Sequence[str] | None
) -> None:
    if layers is not None:
        engine.local[f"localhost/iree-quality-base:trixie-{'cd' * 6}"] = found({}, layers=layers)

    def make(folder: Path) -> None:
        (folder / "base.tar").write_bytes(b"tar")

    with pytest.raises(FetchError, match="the base image has not been built yet; run once without --offline"):
        builder(store, engine).provide(dataclasses.replace(recipe, image=DEBIAN))
    assert engine.did == []


def test_an_image_that_disappears(store: Store, recipe: Recipe) -> None:
    class Forgetful(FakeEngine):
        def build(self, *_: object, **__: object) -> None:
            """Build nothing."""

    engine = Forgetful()
    installed(store, recipe)
    engine.local[BASE] = found({})
    with pytest.raises(EngineError, match="was removed after its creation"):
        builder(store, engine).provide(recipe)


@pytest.mark.parametrize(
    ("reference", "base"),
    [
        ("host:5000/a/b:1.2@" + DIGEST, "host:5000/a/b@" + DIGEST),
        ("host:5000/a/b@" + DIGEST, "host:5000/a/b@" + DIGEST),
        ("python@" + DIGEST, "python@" + DIGEST),
    ],
)
def test_a_base_is_named_by_its_digest_alone(
    store: Store, recipe: Recipe, engine: FakeEngine, reference: str, base: str
) -> None:
    pulled = Pulled(reference=reference, digest=DIGEST, attested=False)
    with pytest.raises(EngineError, match=f"^The base image {base} is not on this machine"):
        builder(store, engine).provide(dataclasses.replace(recipe, image=dataclasses.replace(IMAGE, base=pulled)))


def test_an_image_by_digest(store: Store, engine: FakeEngine) -> None:
    name = f"{REPOSITORY}@{DIGEST}"
    with pytest.raises(EngineError, match=f"^{name} is not on this machine; run once without --offline"):
        builder(store, engine).provide_by_digest(name)
    with pytest.raises(EngineError, match=f"^Cannot pull {name}: not found"):
        builder(store, engine, offline=False).provide_by_digest(name)
    engine.registry[name] = found({}, digests=[name])
    assert builder(store, engine, offline=False).provide_by_digest(name).digest == name
    assert builder(store, engine).provide_by_digest(name).reference == name
    assert engine.did == [f"pull {name}"] * 2


@pytest.mark.parametrize("name", ["cpu", f"{REPOSITORY}:latest", f"{REPOSITORY}@md5:1", ""])
def test_a_reference_without_a_digest_is_refused(store: Store, engine: FakeEngine, name: str) -> None:
    with pytest.raises(UsageError, match=r"expected a name in images.toml, or HOST/NAME@sha256:DIGEST\.$"):
        builder(store, engine, offline=False).provide_by_digest(name)


def test_a_push(store: Store, recipe: Recipe, engine: FakeEngine) -> None:
    name = images.named(recipe)
    engine.local[name] = found({})
    assert builder(store, engine, registry=REGISTRY).push(recipe) == f"{REPOSITORY}@sha256:pushed"
    assert engine.did == [f"tag {name} {REPOSITORY}:{recipe.tag}", f"push {REPOSITORY}:{recipe.tag}"]


def test_a_push_of_an_image_that_the_registry_has(store: Store, recipe: Recipe, engine: FakeEngine) -> None:
    engine.registry[f"{REPOSITORY}:{recipe.tag}"] = {"digest": DIGEST}
    assert builder(store, engine, registry=REGISTRY).push(recipe) == f"{REPOSITORY}@{DIGEST}"
    assert engine.did == [], "it need not even be here"
    engine.local[images.named(recipe)] = found({})
    builder(store, engine, registry=f"{REGISTRY}/other").push(recipe)
    assert engine.did[-1] == f"push {REGISTRY}/other/iree-quality:{recipe.tag}"


def test_a_push_without_a_registry(store: Store, recipe: Recipe, engine: FakeEngine) -> None:
    with pytest.raises(UsageError, match="set one with --registry HOST/PATH"):
        builder(store, engine).push(recipe)


def test_the_list_of_images_and_which_are_current(recipe: Recipe, engine: FakeEngine) -> None:
    frame = context.frame(IMAGE, recipe.containers)
    there = f"{REPOSITORY}:{recipe.tag}"
    pulled = f"{REPOSITORY}@{DIGEST}"
    names: dict[str, tuple[list[str] | None, list[str], str | None]] = {
        "new": ([images.named(recipe), there], [pulled], frame),
        "of a nightly": (["localhost/iree-quality:cpu-3.14.0rc20261101-0123456789ab"], [], frame),
        "by digest": (None, [f"other.example/iree-quality@{DIGEST}"], "of before"),
        "base": ([images.base_name(DEBIAN)], [], None),
        "old": (["localhost/iree-quality:cpu-3.12.0-0123456789ab", "docker.io/me/other:1"], [], "of before"),
        "old base": (["localhost/iree-quality-base:trixie-0123456789ab"], [], None),
        "nameless": (None, [], frame),
        "of others": (
            ["docker.io/library/python:3.12", "host/iree-quality-more:1"],
            [f"my-iree-quality@{DIGEST}"],
            None,
        ),
    }
    for created, (key, (tags, digests, label)) in enumerate(names.items()):
        engine.local[key] = found({"iree-quality.frame": label} if label else {}, digests=digests)
        engine.local[key] |= {"Created": 10 - created, "RepoTags": tags}
    listed = images.listed(engine, [IMAGE, DEBIAN], recipe.containers)
    old = ("localhost/iree-quality:cpu-3.12.0-0123456789ab",)
    assert [(each.names, each.current) for each in listed] == [
        (("localhost/iree-quality-base:trixie-0123456789ab",), False),
        (old, False),
        ((images.base_name(DEBIAN),), True),
        ((f"other.example/iree-quality@{DIGEST}",), False),
        (("localhost/iree-quality:cpu-3.14.0rc20261101-0123456789ab",), True),
        ((images.named(recipe), there), True),
    ]
    images.remove(engine, listed[-1])
    images.remove(engine, listed[1])
    assert engine.did == [f"remove {images.named(recipe)}", f"remove {there}", f"remove {old[0]}"]


def test_an_image_without_labels_and_names(recipe: Recipe, engine: FakeEngine) -> None:
    engine.local["bare"] = found({}) | {"Labels": None, "RepoTags": None, "RepoDigests": None}
    assert images.listed(engine, [IMAGE], recipe.containers) == []


@pytest.mark.parametrize("has", ["image", "base", "registry", "own registry"])
def test_nothing_is_in_the_way_of_an_image(recipe: Recipe, engine: FakeEngine, has: str) -> None:
    assert images.obstacle(engine, recipe, REGISTRY) == "There is none."
    assert images.obstacle(engine, recipe, None, offline=True) == f"{BASE} is not on this machine."
    match has:
        case "image" | "base":
            engine.local[images.named(recipe) if has == "image" else BASE] = found({})
            assert images.obstacle(engine, recipe, None, offline=True) == ""
        case "registry":
            engine.registry[BASE] = {"digest": BASE.partition("@")[2]}
        case _:
            engine.registry[f"{REPOSITORY}:{recipe.tag}"] = {"digest": "sha256:1"}
    assert images.obstacle(engine, recipe, REGISTRY) == ""
