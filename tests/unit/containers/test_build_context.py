import dataclasses
import hashlib
import io
import os
import platform
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.containers import build_context
from harness.containers.build_context import Recipe
from harness.containers.definitions import Bootstrapped, Image, Pulled
from harness.iree import releases
from harness.iree.toolchain import Toolchain
from tests.unit.samples import release

DIGEST = "sha256:" + "ab" * 32
PULLED = Pulled(reference=f"docker.io/library/python:3.12@{DIGEST}", digest=DIGEST, attested=False)
DEBIAN = Bootstrapped(suite="trixie", packages=("python3.13",), sha256="cd" * 32, pinned="2026-11-23", versions={})
IMAGE = Image(name="cpu", base=PULLED, python="/usr/local/bin/python3.12", hip=None)
ROOT = "/opt/iree-quality"
PROGRAMS = {
    "iree_compile": "compiler/_mlir_libs/iree-compile",
    "iree_run_module": "_runtime_libs/iree-run-module",
    "iree_dump_module": "_runtime_libs/iree-dump-module",
}


def write(path: Path, text: str = "", mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def containers(root: Path) -> Path:
    write(root / "containers/Dockerfile", "FROM x\n")
    write(root / "containers/requirements.txt", "numpy==2.0 --hash=sha256:ab\n")
    return root / "containers"


def recipe(root: Path, **changes: Any) -> Recipe:
    wanted: dict[str, Any] = {"image": IMAGE, "release": releases.find("3.13.0"), "containers": root / "containers"}
    return Recipe(**(wanted | changes))


def tools(root: Path) -> Toolchain:
    """Lay out an installed release, with the files that an installation leaves behind."""
    paths = {name: write(root / "toolchain/iree" / path, name, 0o755) for name, path in PROGRAMS.items()}
    write(root / "toolchain/entry.json", "{}")
    write(root / "toolchain/install.log", "took 3 s")
    about: dict[str, Any] = {"compiler_commit": "a", "runtime_commit": "b", "build": "c", "runtime_build": "d"}
    return Toolchain(release=release("3.13.0"), **(about | paths))


def dependencies(root: Path) -> Path:
    write(root / "site/numpy/__init__.py", "import sys\n")
    write(root / "site/numpy/libs/lib.so.1", "so", 0o755)
    (root / "site/numpy/libs/lib.so").symlink_to("lib.so.1")
    write(root / "site/numpy/__pycache__/__init__.cpython-312.pyc", "bytes")
    return root / "site"


def made(root: Path, **changes: Any) -> bytes:
    file = io.BytesIO()
    build_context.write(recipe(root, **changes), tools(root), root / "site", file)
    return file.getvalue()


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    containers(tmp_path)
    dependencies(tmp_path)
    return tmp_path


def test_the_form_of_a_tag(inputs: Path) -> None:
    made_of = recipe(inputs)
    assert re.fullmatch(r"cpu-3\.13\.0-[0-9a-f]{12}", made_of.tag)
    assert made_of.tag == f"cpu-3.13.0-{made_of.inputs[:12]}"
    assert re.fullmatch(r"[0-9a-f]{64}", made_of.inputs)
    about = recipe(inputs, image=dataclasses.replace(IMAGE, base=DEBIAN)).manifest(tools(inputs))
    assert about.base == f"debian-trixie@sha256:{'cd' * 32}"


def test_each_input_makes_another_tag(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [
        IMAGE,
        dataclasses.replace(
            IMAGE, base=dataclasses.replace(PULLED, reference="docker.io/library/python:3.12@sha256:0")
        ),
        dataclasses.replace(IMAGE, base=DEBIAN),
        dataclasses.replace(IMAGE, base=dataclasses.replace(DEBIAN, sha256="ce" * 32)),
        dataclasses.replace(IMAGE, python="/usr/bin/python3.12"),
        dataclasses.replace(IMAGE, hip="/opt/rocm/lib/libamdhip64.so"),
    ]
    found = [recipe(inputs, image=image).inputs for image in images]
    frames = [build_context.frame(image, inputs / "containers") for image in images]
    other = recipe(inputs, release=releases.find("3.12.0"))
    assert build_context.frame(other.image, other.containers) == frames[0], "of all releases"
    assert len(set(frames)) == len(frames)
    found.append(other.inputs)
    for name in ("Dockerfile", "requirements.txt"):
        with (inputs / "containers" / name).open("a") as file:
            file.write(" ")
        found.append(recipe(inputs).inputs)
    monkeypatch.setattr(platform, "machine", lambda: "other")
    found.append(recipe(inputs).inputs)
    assert len(set(found)) == len(found)


def test_nothing_else_changes_the_tag(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = recipe(inputs).inputs
    other = tmp_path_factory.mktemp("another-place")
    shutil.copytree(inputs / "containers", other / "containers")
    for path in (other / "containers").iterdir():
        os.utime(path, (1, 1))
        path.chmod(0o600)
    write(other / "containers/images.toml", "[other]\n")
    again = dataclasses.replace(DEBIAN, pinned="2027-01-01", versions={"a": "1"}, packages=("b",))
    assert recipe(other).inputs == before
    assert (
        recipe(other, image=dataclasses.replace(IMAGE, base=dataclasses.replace(PULLED, attested=True))).inputs
        == before
    )
    assert (
        recipe(other, image=dataclasses.replace(IMAGE, base=again)).inputs
        == recipe(other, image=dataclasses.replace(IMAGE, base=DEBIAN)).inputs
    )


def test_the_same_inputs_make_the_same_bytes(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    tools(inputs)
    before = made(inputs)
    other = tmp_path_factory.mktemp("another-place")
    umask = os.umask(0o077)
    try:
        for name in ("site", "toolchain", "containers"):
            shutil.copytree(inputs / name, other / name, symlinks=True, copy_function=shutil.copyfile)
        for path in [path for path in other.rglob("*") if path.is_file() and not path.is_symlink()]:
            was = inputs / path.relative_to(other)
            path.chmod(0o700 if was.stat().st_mode & 0o100 else 0o600)
            os.utime(path, (1, 1))
        write(other / "site/__pycache__/x.pyc", "x")
        assert made(other) == before
    finally:
        os.umask(umask)
    write(other / "site/numpy/__init__.py", "import os\n")
    assert made(other) != before


def test_hard_links_are_separate_files_in_the_image(inputs: Path) -> None:
    write(inputs / "site/a.py", "same")
    write(inputs / "site/b.py", "same")
    before = made(inputs)
    (inputs / "site/b.py").unlink()
    (inputs / "site/b.py").hardlink_to(inputs / "site/a.py")
    assert made(inputs) == before


@pytest.fixture
def members(inputs: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(made(inputs))) as tar:
        return {member.name: member for member in tar}


def test_the_content_of_the_context(members: dict[str, tarfile.TarInfo]) -> None:
    package = Path(harness.__file__).parent
    sources = {
        f"harness/harness/{path.relative_to(package)}"
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    programs = ("harness", "harness-worker", "iree-compile", "iree-run-module", "iree-dump-module")
    assert set(members) == {
        "Dockerfile",
        *(f"packages/dependencies/numpy/{name}" for name in ("__init__.py", "libs/lib.so", "libs/lib.so.1")),
        *(f"toolchain/iree/{path}" for path in PROGRAMS.values()),
        *sources,
        "harness/manifest.json",
        "harness/provenance.json",
        *(f"harness/bin/{name}" for name in programs),
    }


def test_owner_and_time_are_not_in_the_context(members: dict[str, tarfile.TarInfo]) -> None:
    facts = {(each.uid, each.gid, each.uname, each.gname, each.mtime) for each in members.values()}
    assert facts == {(0, 0, "", "", 0)}
    modes = {name: each.mode for name, each in members.items()}
    for name in ("Dockerfile", "packages/dependencies/numpy/__init__.py", "harness/harness/cli/main.py"):
        assert modes[name] == 0o644
    assert modes["packages/dependencies/numpy/libs/lib.so.1"] == modes["harness/bin/harness-worker"] == 0o755
    assert all(modes[f"toolchain/iree/{path}"] == 0o755 for path in PROGRAMS.values())


def test_links_point_to_paths_in_the_image(members: dict[str, tarfile.TarInfo]) -> None:
    links = {name: each.linkname for name, each in members.items() if each.issym()}
    assert links == {
        "packages/dependencies/numpy/libs/lib.so": "lib.so.1",
        **{f"harness/bin/{path.rpartition('/')[2]}": f"{ROOT}/toolchain/iree/{path}" for path in PROGRAMS.values()},
    }


def test_the_manifest_describes_the_image(inputs: Path) -> None:
    about = recipe(inputs).manifest(tools(inputs))
    assert (about.tag, about.inputs) == (recipe(inputs).tag, recipe(inputs).inputs)
    assert about.harness == build_context.this_harness()
    assert about.toolchain.iree_compile == Path(f"{ROOT}/toolchain/iree/{PROGRAMS['iree_compile']}")
    assert about.requirements == hashlib.sha256((inputs / "containers/requirements.txt").read_bytes()).hexdigest()
    labels = about.labels
    assert labels["org.opencontainers.image.base.name"] == "docker.io/library/python:3.12"
    assert labels["org.opencontainers.image.base.digest"] == DIGEST
    assert labels["iree-quality.inputs"] == about.inputs
    assert labels["iree-quality.frame"] == about.frame == build_context.frame(IMAGE, inputs / "containers")
    assert all(isinstance(value, str) for value in labels.values())


def test_the_programs_start_with_the_images_own_python(inputs: Path) -> None:
    image = dataclasses.replace(IMAGE, python="/usr/bin/python3.13", hip="/opt/hip.so")
    with tarfile.open(fileobj=io.BytesIO(made(inputs, image=image))) as tar:
        worker, harness_ = (tar.extractfile(f"harness/bin/{name}") for name in ("harness-worker", "harness"))
        assert worker
        assert worker.read() == b"#!/usr/bin/python3.13\nfrom harness.containers.worker import main\n\nmain()\n"
        assert harness_
        assert harness_.read().startswith(b"#!/usr/bin/python3.13\nfrom harness.cli.main import entry_point\n")
    assert recipe(inputs, image=image).arguments == {"PYTHON": "/usr/bin/python3.13", "HIP": "/opt/hip.so"}
    assert recipe(inputs).arguments["HIP"] == ""
