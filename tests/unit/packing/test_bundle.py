import hashlib
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.cli.command_line import main
from harness.containers import images
from harness.core.callbacks import ignore
from harness.core.errors import EngineError, IntegrityError, UsageError
from harness.core.settings import CaseSettings, ContainerSettings, FetchSettings, ReleaseSettings, Settings
from harness.importers import environment
from harness.importers.frameworks import Framework
from harness.iree import releases, toolchain
from harness.packing import bundle, bundle_image, bundle_load
from harness.packing.bundle_archive import Writer
from harness.packing.bundle_manifest import Manifest
from harness.pipeline import selection
from harness.store.store import Store

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CONTENT = b"a blob"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
BLOB = {"sha256": DIGEST, "bytes": len(CONTENT)}
ENTRY = {"kind": "blobs", "key": DIGEST, "files": {"blob": BLOB}}
IMAGE = {"name": "cpu", "reference": "localhost/iree-quality:cpu-1", "config": BLOB, "layers": [BLOB, BLOB]}
RELEASE = list(releases.locked().values())[-1]
MANIFEST: Mapping[str, Any] = {
    "schema": 1,
    "release": "3.13.0",
    "specs": "specs",
    "files": {"specs/my/a.bin": BLOB},
    "entries": [ENTRY],
}


def header(name: str, size: int, **changes: Any) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    for field, value in changes.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % tarfile.BLOCKSIZE)


def crafted(path: Path, manifest: object, members: Sequence[tuple[str, bytes]] = ((DIGEST, CONTENT),)) -> Path:
    text = json.dumps(manifest).encode()
    every = [("bundle.json", text), *members]
    raw = b"".join(header(name, len(content)) + padded(content) for name, content in every)
    path.write_bytes(zstd.compress(raw + bytes(1024)))
    return path


def load(path: Path, to: str = "to") -> Manifest:
    with (
        Store(path.parent / "store") as store,
        bundle_load.loaded(path, store, path.parent / to) as (manifest, _),
    ):
        return manifest


def test_a_bundle_is_loaded(tmp_path: Path) -> None:
    manifest = load(crafted(tmp_path / "b", MANIFEST))
    assert manifest.command(Path("to"), tmp_path / "store").endswith(
        f"--specs to/specs --store {tmp_path}/store --offline"
    )
    assert (tmp_path / "to" / "specs" / "my" / "a.bin").read_bytes() == CONTENT
    with Store(tmp_path / "store") as store:
        found = store.find("blobs", DIGEST)
        assert found is not None
        assert (found.path / "blob").read_bytes() == CONTENT
    with pytest.raises(UsageError, match="to: exists and is no empty folder"):
        load(tmp_path / "b")


def of(**changes: Any) -> Mapping[str, Any]:
    return {**MANIFEST, **changes}


def entry(**changes: Any) -> Mapping[str, Any]:
    return of(entries=[ENTRY | changes])


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ([], "malformed"),
        (of(schema=2), "schema 2, expected 1"),
        (of(files={"../x": BLOB}), "'../x' is no plain path"),
        (of(files={"a/../../x": BLOB}), "is no plain path"),
        (of(files={"/etc/x": BLOB}), "is no plain path"),
        (of(files={"a//b": BLOB}), "is no plain path"),
        (of(files={"": BLOB}), "is no plain path"),
        (of(files={"a\nb": BLOB}), "is no plain path"),
        (of(files={"a\x1b[31m": BLOB}), "is no plain path"),
        (of(specs="../.."), "is no plain path"),
        (of(configs=["/x"]), "is no plain path"),
        (of(files={"x" * 1001: BLOB}), "a name is too long"),
        (of(files={"x": BLOB | {"sha256": "../x"}}), "a digest or a size is not valid"),
        (of(files={"x": BLOB | {"bytes": -1}}), "a digest or a size is not valid"),
        (of(files={"x": BLOB | {"bytes": 7}}), "a content has two sizes"),
        (of(files={"x": BLOB | {"sha256": "a" * 64}}), "1 of 2 contents are missing"),
        (entry(files={"../blob": BLOB}), "is no plain path"),
        (entry(key="a" * 64), "a blob is not the one of its name"),
        (entry(key="x", files={"other": BLOB}), "a blob is not the one of its name"),
        (entry(kind="modules"), "is no blob and no release for this machine"),
        (entry(kind="../x"), "is no blob and no release for this machine"),
        (entry(kind="toolchains", key="3.13.0-0123"), "is no blob and no release for this machine"),
        (entry(kind="toolchains", key=toolchain.key(RELEASE)), "is not what its wheels contain"),
        (entry(kind="importers", key="../onnx"), "an importer has no name of one"),
        (of(image=IMAGE | {"layers": [BLOB | {"sha256": "x"}]}), "a digest or a size is not valid"),
        (of(image=IMAGE | {"layers": [BLOB | {"sha256": "b" * 64}]}), "1 of 2 contents are missing"),
    ],
)
def test_a_hostile_manifest_is_refused(tmp_path: Path, manifest: object, message: str) -> None:
    with pytest.raises(IntegrityError, match="no bundle of this harness, or damaged") as caught:
        load(crafted(tmp_path / "b", manifest))
    assert message in str(caught.value)
    assert_nothing_is_there(tmp_path)


def assert_nothing_is_there(folder: Path) -> None:
    assert not (folder / "to").exists()
    assert not (folder / "store" / "blobs").exists()
    assert not list((folder / "store" / "tmp").iterdir())


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([], "1 of 1 contents are missing"),
        ([(DIGEST, b"b blob")], f"the content {DIGEST} is damaged"),
        ([(DIGEST, b"longer than that")], "has another size"),
        ([(DIGEST, CONTENT), (DIGEST, CONTENT)], "is there twice"),
        ([("../x", CONTENT)], "a member is not in its manifest"),
        ([("bundle.json", b"{}")], "a member is not in its manifest"),
    ],
)
def test_hostile_members_are_refused(tmp_path: Path, members: Sequence[tuple[str, bytes]], message: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        load(crafted(tmp_path / "b", MANIFEST, members))
    assert message in str(caught.value)
    assert_nothing_is_there(tmp_path)


BEGIN = header("bundle.json", len(text := json.dumps(MANIFEST).encode())) + padded(text)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (lambda: b"no zstd", "not compressed by zstd"),
        (lambda: zstd.compress(b""), "it ends too early"),
        (lambda: zstd.compress(bytes(1024)), "its first member is not bundle.json"),
        (lambda: zstd.compress(b"x" * 512), "a header is not that of a tar"),
        (lambda: zstd.compress(header("bundle.json", 1 << 40)), "or is too large"),
        (lambda: zstd.compress(header("bundle.json", 9)), "it ends too early"),
        (lambda: zstd.compress(BEGIN)[:-9], "it is not compressed by zstd, or is damaged"),
        (lambda: zstd.compress(BEGIN + header(DIGEST, 0, type=tarfile.SYMTYPE, linkname="/etc")), "not a regular file"),
        (lambda: zstd.compress(BEGIN + header(DIGEST, 6, type=tarfile.LNKTYPE)), "not a regular file"),
        (lambda: zstd.compress(BEGIN + header(DIGEST, 0, type=tarfile.CHRTYPE)), "not a regular file"),
        (lambda: zstd.compress(BEGIN + header("x", 1 << 40, type=tarfile.XHDTYPE)), "not a regular file"),
    ],
)
def test_files_that_are_no_bundles_are_refused(tmp_path: Path, raw: Callable[[], bytes], message: str) -> None:
    (tmp_path / "b").write_bytes(raw())
    with pytest.raises(IntegrityError) as caught:
        load(tmp_path / "b")
    assert message in str(caught.value)
    assert_nothing_is_there(tmp_path)


def test_a_bundle_that_is_missing_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing: cannot be read"):
        load(tmp_path / "nothing")
    huge = {"sha256": "a" * 64, "bytes": 1 << 60}
    with pytest.raises(UsageError, match=r"needs .* in .*/store, where .* are free"):
        load(crafted(tmp_path / "b", of(files={"x": huge})))
    assert_nothing_is_there(tmp_path)


def test_a_content_that_changes_while_it_is_packed_is_noticed() -> None:
    for content in (b"b blob", b"short"):
        writer = Writer(io.BytesIO())
        with pytest.raises(IntegrityError, match="changed while it was packed"):
            writer.add(DIGEST, len(CONTENT), io.BytesIO(content))


def settings(folder: Path) -> Settings:
    model = folder / "models" / "my"
    model.mkdir(parents=True)
    (model / "clip.mlir").write_text("program")
    np.save(model / "a.npy", np.zeros(1))
    value = {"mlir": "clip.mlir", "compiler_flags": ["--iree-hal-target-device=local"], "run_function": "f"}
    (model / "clip_cpu.json").write_text(json.dumps(value | {"inputs": [{"source": "a.npy"}]}))
    return Settings(
        cases=CaseSettings(selectors=("*",), specs=folder / "models"),
        container=ContainerSettings(engine="local"),
        fetch=FetchSettings(store=folder / "mine"),
    )


def test_what_cannot_be_packed_is_refused(tmp_path: Path) -> None:
    asked = settings(tmp_path)
    (tmp_path / "there").touch()
    with pytest.raises(UsageError, match="there: exists already"):
        bundle.write(asked, [], tmp_path / "there", ignore)
    digest = f"host/name@sha256:{'0' * 64}"
    with pytest.raises(UsageError, match=f"--image {digest}: a bundle has images of images.toml alone"):
        bundle_image.recipe(replace(asked, container=ContainerSettings(image=digest)), RELEASE)


def wheel(folder: Path, name: str) -> None:
    (folder / f"{name}-3.99.0.dev0+abc-cp312-cp312-manylinux_2_28_x86_64.whl").write_bytes(empty_zip(name))


def empty_zip(name: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(f"{name}/x.txt", name)
    return target.getvalue()


def test_a_local_build_is_packed_as_wheels(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    for name in ("iree_base_compiler", "iree_base_runtime"):
        wheel(tmp_path / "wheels", name)
    release = ReleaseSettings(name="3.99.0.dev0+abc", wheels=(tmp_path / "wheels",))
    asked = replace(settings(tmp_path), release=release)
    packed = bundle.write(asked, selection.cases(asked), tmp_path / "b.tar.zst", ignore)
    assert packed.entries == ()
    loaded = load(tmp_path / "b.tar.zst")
    assert loaded == packed
    names = sorted(each.name for each in (tmp_path / "to" / "wheels").iterdir())
    assert names == sorted(each.name for each in (tmp_path / "wheels").iterdir())
    assert "--wheels to/wheels" in loaded.command(Path("to"), tmp_path / "store")
    again = bundle.write(asked, selection.cases(asked), tmp_path / "c.tar.zst", ignore)
    assert again == packed
    assert (tmp_path / "b.tar.zst").read_bytes() == (tmp_path / "c.tar.zst").read_bytes()


def test_what_nothing_proves_is_loaded_if_it_is_trusted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = environment.name(Framework.ONNX, RELEASE)
    manifest = entry(kind="importers", key=key, files={"worker.py": BLOB})
    words = ["bundle", "load", str(crafted(tmp_path / "b", manifest)), "--store", str(tmp_path / "store"), "-o"]

    def loaded(*more: str) -> str:
        assert main([*words, *more], {}) == 0
        return capsys.readouterr().out

    said = loaded(str(tmp_path / "without"))
    assert "Loaded: 0 entries into" in said
    assert "\nLeft out: importer of ONNX files. Nothing proves what is in it; add --trust if you trust who" in said
    with Store(tmp_path / "store") as store:
        assert store.find("importers", key) is None
    said = loaded(str(tmp_path / "with"), "--trust")
    assert "Loaded: 1 entry into" in said
    assert "Left out" not in said
    with Store(tmp_path / "store") as store:
        assert store.find("importers", key)
    crafted(tmp_path / "b", of(image=IMAGE))
    assert "Left out: image cpu. Nothing" in loaded(str(tmp_path / "image"))
    assert " --engine local " in loaded(str(tmp_path / "local"), "--engine", "local", "--trust").splitlines()[-1]


class _Engine:
    """An engine that is asked to load an archive."""

    info = "docker 28"

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.archive, self._labels = b"", labels

    def load(self, archive: Iterator[bytes]) -> None:
        self.archive = b"".join(archive)

    def image(self, _: str) -> Any:
        return {"Config": {"Labels": self._labels}}


def test_an_image_is_loaded_under_its_own_name_alone(tmp_path: Path) -> None:
    asked = replace(settings(tmp_path), container=ContainerSettings(image="cpu-debian"))
    wanted = bundle_image.recipe(asked, RELEASE)
    here = IMAGE | {"name": "cpu-debian", "reference": images.named(wanted)}
    engine: Any = _Engine({"iree-quality.inputs": wanted.inputs})
    other: Any = _Engine({})
    with (
        Store(tmp_path / "store") as store,
        bundle_load.loaded(crafted(tmp_path / "b", of(image=here)), store, tmp_path / "to") as (manifest, contents),
    ):
        assert manifest.image
        bundle_image.load(engine, manifest.image, wanted, contents, store)
        with tarfile.open(fileobj=io.BytesIO(engine.archive)) as tar:
            found = {each.name: tar.extractfile(each) for each in tar.getmembers()}
            contained = {name: file.read() for name, file in found.items() if file}
        (index,) = json.loads(contained.pop("manifest.json"))
        assert index["RepoTags"] == [images.named(wanted)]
        assert index["Layers"] == [f"{DIGEST}/layer.tar"] * 2
        assert contained == {index["Config"]: CONTENT, index["Layers"][0]: CONTENT}
        with pytest.raises(EngineError, match="docker 28 loaded something else"):
            bundle_image.load(other, manifest.image, wanted, contents, store)
        with pytest.raises(EngineError, match="The bundle has the image hub/other:1, and a run here needs localhost"):
            bundle_image.load(engine, replace(manifest.image, reference="hub/other:1"), wanted, contents, store)
    assert " --engine podman --image cpu-debian " in manifest.command(Path("to"), tmp_path / "store", "podman")


def test_the_importer_of_onnx_files_is_packed(tmp_path: Path) -> None:
    asked = settings(tmp_path)
    model = tmp_path / "models" / "my"
    (model / "net.onnx").write_bytes(b"a model")
    (model / "clip_cpu.json").write_text(json.dumps({"mlir": "net.onnx", "compile_only": True}))
    (tmp_path / "wheels").mkdir()
    for name in ("iree_base_compiler", "iree_base_runtime"):
        wheel(tmp_path / "wheels", name)
    release = ReleaseSettings(name="3.99.0.dev0+abc", wheels=(tmp_path / "wheels",))
    asked = replace(asked, release=release, fetch=replace(asked.fetch, offline=True))
    key = environment.name(Framework.ONNX, releases.find(releases.newest().name))

    def install(folder: Path) -> None:
        (folder / "worker.py").write_text("1")

    with Store(asked.fetch.store) as store:
        store.provide("importers", key, install)
    packed = bundle.write(asked, selection.cases(asked), tmp_path / "b", ignore)
    assert [(each.kind, each.key, list(each.files)) for each in packed.entries] == [("importers", key, ["worker.py"])]
    assert [name for name in packed.files if name.endswith(".onnx")]
