"""`harness image`: names, builds, tests and removes images, with Docker and with Podman."""

import hashlib
import io
import json
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from docker.types import Ulimit

import harness
from harness.containers import build_context, definitions, dependencies, manifest
from harness.containers.build_context import Recipe
from harness.containers.definitions import Bootstrapped
from harness.core.callbacks import ignore
from harness.iree import releases, toolchain
from harness.store.store import Store
from tests.integration import documents, engines
from tests.integration.dock import NAME, Dock, Supplies, open_folder

NOWHERE = {"DOCKER_HOST": "unix:///nonexistent/socket", "CONTAINER_HOST": "unix:///nonexistent/socket"}


@pytest.fixture
def changed(image_supplies: Supplies) -> Iterator[Path]:
    """Return a copy of the folder with the definitions of images."""
    with open_folder() as folder:
        yield Path(shutil.copytree(image_supplies.containers, folder / "containers"))


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def recipe(dock: Dock, release: str = "3.13.0") -> Recipe:
    known = definitions.load(dock.supplies.containers)
    return Recipe(image=known[NAME], release=releases.find(release), containers=dock.supplies.containers)


def names(dock: Dock) -> set[str]:
    """Return the names of all images, without the cache of failed builds."""
    return tags(dock.engine.api) - {"<none>:<none>"}


def test_the_tag_needs_no_engine_and_is_that_of_the_image(dock: Dock) -> None:
    done = dock.harness("image", "tag", NAME, environment=NOWHERE)
    assert done.returncode == 0, done.stderr
    assert dock.tag == f"localhost/iree-quality:{done.stdout.strip()}"
    assert re.fullmatch(r"cpu-debian-3\.13\.0-[0-9a-f]{12}\n", done.stdout)


def test_what_has_been_built_is_looked_up(rootful: Dock) -> None:
    before = rootful.engine.api.inspect_image(rootful.tag)["Id"]
    done = rootful.harness("image", "build", NAME, "--offline", "--store", "/nonexistent")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{rootful.tag}  ")
    assert len(done.stdout.splitlines()) == 1, "nothing is made"
    assert rootful.engine.api.inspect_image(rootful.tag)["Id"] == before


def test_labels_and_manifest_say_the_same(rootful: Dock) -> None:
    described = json.loads(output_of(rootful, "cat", str(manifest.ROOT / manifest.NAME)))
    labels = rootful.engine.api.inspect_image(rootful.tag)["Config"]["Labels"]
    for name in ("image", "tag", "inputs", "requirements", "harness"):
        assert labels[f"iree-quality.{name}"] == described[name], name
    assert labels["iree-quality.iree.compiler"] == described["toolchain"]["compiler_commit"]
    assert labels["org.opencontainers.image.version"] == described["toolchain"]["release"]["name"] == "3.13.0"
    assert (
        f"{labels['org.opencontainers.image.base.name']}@{labels['org.opencontainers.image.base.digest']}"
        == (described["base"])
    )
    assert described["inputs"] == recipe(rootful).inputs
    assert described["harness"] == build_context.this_harness()


def output_of(dock: Dock, *argv: str, image: str | None = None) -> str:
    """Return what a program prints in a container of an image, by default of that for the CPU."""
    api = dock.engine.api
    name = f"test-{hashlib.sha256(repr(argv).encode()).hexdigest()[:8]}"
    limits = [Ulimit(name="nofile", soft=1024, hard=4096), Ulimit(name="nproc", soft=4096, hard=4096)]
    host = api.create_host_config(network_mode="none", ulimits=limits)
    api.create_container(image or dock.tag, argv[1:], entrypoint=[argv[0]], name=name, host_config=host)
    try:
        api.start(name)
        api.wait(name)
        text: bytes = api.logs(name)
    finally:
        api.remove_container(name, force=True)
    return text.decode()


def test_the_image_has_what_a_user_would_call(rootful: Dock) -> None:
    assert "quality" in output_of(rootful, "harness", "--help")
    assert "IREE" in output_of(rootful, "iree-compile", "--version")


def test_an_image_says_what_is_in_it_and_what_it_was_made_from(dock: Dock) -> None:
    found = documents.sbom(output_of(dock, "cat", "/opt/iree-quality/sbom.json"))
    components = {each["name"]: each for each in found["components"]}
    base = recipe(dock).image.base
    assert isinstance(base, Bootstrapped)
    debian = {name for name, each in components.items() if each.get("purl", "").startswith("pkg:deb/debian/")}
    assert debian >= {"libc6", "python3.13", *base.packages}
    assert "distro=debian-13" in components["libc6"]["purl"]
    assert components["iree-base-compiler"]["purl"] == "pkg:pypi/iree-base-compiler@3.13.0"
    locked = (dock.supplies.containers / dependencies.REQUIREMENTS_NAME).read_text()
    for name in ("numpy", "httpx", "msgspec"):
        assert f"{name}=={components[name]['version']} " in locked
    made = documents.provenance(output_of(dock, "cat", "/opt/iree-quality/provenance.json"))
    inputs = {each["name"]: each for each in made["predicate"]["buildDefinition"]["resolvedDependencies"]}
    assert inputs["debian-trixie"]["digest"] == {"sha256": base.sha256}
    assert debian < inputs.keys()
    assert made["subject"][0]["digest"] == {"inputs": recipe(dock).inputs}


@pytest.mark.parametrize("name", ["sbom.json", "provenance.json"])
def test_what_an_image_says_has_the_same_bytes_wherever_it_is_built(docks: Callable[[str], Dock], name: str) -> None:
    texts = {output_of(docks(each), "cat", f"/opt/iree-quality/{name}") for each in ("docker", "podman")}
    assert len(texts) == 1


def test_the_oldest_release_changes_the_upper_layers_only(rootful: Dock) -> None:
    before = names(rootful)
    done = rootful.harness("image", "build", NAME, "--iree", "3.0.0")
    assert done.returncode == 0, done.stdout + done.stderr
    other = done.stdout.splitlines()[-1].split()[0]
    try:
        new, old = (rootful.engine.api.inspect_image(each)["RootFS"]["Layers"] for each in (other, rootful.tag))
        assert (new[:3], len(new)) == (old[:3], len(old)), "base, dependencies, and what they were compiled to"
        assert not set(new[3:]) & set(old[3:])
        assert recipe(rootful, "3.0.0").tag in other
    finally:
        rootful.engine.api.remove_image(other)
    assert names(rootful) == before
    assert rootful.engine.containers() == []


def test_a_runtime_that_cannot_be_loaded_fails_the_build(dock: Dock, changed: Path) -> None:
    before = names(dock)
    replaced(changed / "images.toml", f"[{NAME}]\n", f'[{NAME}]\nhip = "/usr/lib/libamdhip64.so.6"\n')
    done = dock.harness("image", "build", NAME, "--containers", str(changed))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "/usr/lib/libamdhip64.so.6: cannot open shared object file" in done.stderr
    assert "Traceback" not in done.stderr.split("Output:")[0]
    assert names(dock) == before
    assert dock.engine.containers() == []


def test_a_python_that_is_not_there_fails_the_build(rootful: Dock, changed: Path) -> None:
    before = names(rootful)
    replaced(changed / "images.toml", "/usr/bin/python3.13", "/opt/nowhere/python3.13")
    done = rootful.harness("image", "build", NAME, "--containers", str(changed))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "/opt/nowhere/python3.13" in done.stderr
    assert "not found" in done.stderr
    assert names(rootful) == before
    assert rootful.engine.containers() == []


def test_a_changed_file_changes_the_tag(dock: Dock, changed: Path) -> None:
    own = dock.harness("image", "tag", NAME, "--containers", str(changed)).stdout
    assert own == dock.harness("image", "tag", NAME).stdout
    with (changed / "Dockerfile").open("a") as file:
        file.write("# one more line\n")
    assert dock.harness("image", "tag", NAME, "--containers", str(changed)).stdout != own


def test_a_changed_harness_changes_the_tag_and_is_not_taken_for_another(dock: Dock, changed: Path) -> None:
    package = changed.parent / "package"
    shutil.copytree(Path(harness.__file__).parent, package / "harness")
    with (package / "harness" / "host" / "disk.py").open("a") as file:
        file.write("# one more line\n")
    done = dock.harness("image", "tag", NAME, environment={"PYTHONPATH": str(package)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() != dock.tag.rpartition(":")[2]


def test_the_context_has_the_same_bytes_each_time(dock: Dock, tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        # Installed anew each time, but for the wheels, which uv has in its cache.
        with Store(tmp_path / name) as store, (tmp_path / f"{name}.tar").open("w+b") as file:
            tools = toolchain.installed(releases.find("3.13.0"), store)
            needed = dependencies.installed(dock.supplies.containers, "3.13", store)
            build_context.write(recipe(dock), tools, needed, file)
            file.seek(0)
            digests.add(hashlib.file_digest(file, "sha256").hexdigest())
    with tarfile.open(tmp_path / "one.tar") as one, tarfile.open(tmp_path / "two.tar") as two:
        assert facts(one) == facts(two)
    assert len(digests) == 1


def facts(tar: tarfile.TarFile) -> dict[str, Any]:
    return {each.name: (each.size, each.mode, each.mtime, each.uid, each.gid, each.linkname) for each in tar}


def test_old_images_are_listed_and_removed_and_others_are_not_touched(spare: Dock, rootful: Dock) -> None:
    api, old = spare.engine.api, "localhost/iree-quality:cpu-debian-3.13.0-000000000000"
    made_like_this = {"iree-quality.frame": build_context.frame(recipe(rootful).image, rootful.supplies.containers)}
    for name, labels in {old: {}, rootful.tag: made_like_this, "localhost/foreign:1": {}}.items():
        labelled(spare, name, labels)
    lines = {line.split()[-1]: line.split()[0] for line in spare.harness("image", "list").stdout.splitlines()}
    assert lines == {old: "old", rootful.tag: "current"}
    would = spare.harness("image", "prune", "--dry-run")
    assert old in would.stdout
    assert "1 image would be removed." in would.stdout
    assert tags(api) == {old, rootful.tag, "localhost/foreign:1"}
    done = spare.harness("image", "prune")
    assert "1 image removed." in done.stdout, done.stdout + done.stderr
    assert tags(api) == {rootful.tag, "localhost/foreign:1"}
    every = spare.harness("image", "prune", "--all")
    assert "1 image removed." in every.stdout, every.stdout + every.stderr
    assert tags(api) == {"localhost/foreign:1"}


def test_what_is_in_use_is_kept_and_said_to_be(spare: Dock) -> None:
    name = labelled(spare, "localhost/iree-quality:cpu-debian-3.13.0-111111111111")
    spare.engine.api.create_container(name, ["/none"], name="test-user")
    try:
        done = spare.harness("image", "prune", "--all")
        assert done.returncode == 3
        assert "kept: " in done.stdout
        assert tags(spare.engine.api) >= {name}
    finally:
        spare.engine.api.remove_container("test-user")
        spare.engine.api.remove_image(name)


@pytest.fixture
def spare(rootful: Dock) -> Iterator[Dock]:
    """Return an engine without images, so that the test removes no others."""
    with engines.START[rootful.engine.name]() as engine:
        yield Dock(engine=engine, supplies=rootful.supplies, store_dir=rootful.store_dir)


def tags(api: Any) -> set[str]:
    return {tag for each in api.images() for tag in each["RepoTags"] or ()}


def labelled(dock: Dock, name: str, labels: Mapping[str, str] = MappingProxyType({})) -> str:
    """Make an image with labels only, and return its name."""
    file, text = io.BytesIO(), f'FROM scratch\nLABEL test="{name}"\n'.encode()
    with tarfile.open(fileobj=file, mode="w") as tar:
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    file.seek(0)
    with dock.engine.client() as engine:
        engine.build(file, name, arguments={}, labels=labels, progress=ignore)
    return name
