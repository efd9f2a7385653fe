"""Images in a real registry: pulled by digest and by tag, and refused if they have other inputs."""

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from harness.core.callbacks import ignore
from tests.integration import engines, registries
from tests.integration.dock import NAME, Dock, Yard, open_folder
from tests.integration.laboratory import wait_for
from tests.integration.test_image import labelled

MANIFESTS = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
TABLE = '[based]\nbase = "{base}"\npython = "/usr/bin/python3.13"\n'


@pytest.fixture(scope="module")
def dock(rootful: Dock) -> Dock:
    """Return Docker, then Podman."""
    return rootful


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """Return `HOST:PORT/PATH` of a registry that all tests of this file share."""
    with registries.registry() as address:
        yield f"{address}/project"


@pytest.fixture
def spare_registry() -> Iterator[registries.Registry]:
    """Return an empty registry whose data can be changed."""
    with registries.open_registry() as found:
        yield found


@pytest.fixture(scope="module")
def pushed(dock: Dock, registry: str) -> Iterator[str]:
    """Return the name by digest that an image has in the registry after `harness image push`."""
    done = dock.harness("image", "push", NAME, "--registry", registry)
    assert done.returncode == 0, done.stdout + done.stderr
    name = done.stdout.splitlines()[-1]
    yield name
    forget(dock, registry)


def forget(dock: Dock, *registries: str) -> None:
    """Remove the names of a registry's images from an engine."""
    for kind in ("RepoTags", "RepoDigests"):
        for name in [name for each in dock.engine.api.images() for name in each[kind] or ()]:
            if name.startswith(registries):
                dock.engine.api.remove_image(name)


def has(dock: Dock, name: str) -> bool:
    return name in {tag for each in dock.engine.api.images() for tag in each["RepoTags"] or ()}


def test_push_prints_the_name_by_digest_that_the_registry_knows(dock: Dock, registry: str, pushed: str) -> None:
    host, _, path = registry.partition("/")
    name, _, digest = pushed.partition("@")
    assert name == f"{registry}/iree-quality"
    asked = f"http://{host}/v2/{path}/iree-quality/manifests/{dock.tag.rpartition(':')[2]}"
    assert httpx.head(asked, headers={"Accept": MANIFESTS}).headers["Docker-Content-Digest"] == digest
    again = dock.harness("image", "push", NAME, "--registry", registry)
    assert again.stdout.splitlines()[-1] == pushed


def test_docker_looks_up_the_registry_and_needs_no_local_image(dock: Dock, registry: str, pushed: str) -> None:
    with engines.docker_engine() as other:
        elsewhere = Dock(engine=other, supplies=dock.supplies, store_dir=dock.store_dir)
        done = elsewhere.harness("image", "push", NAME, "--registry", registry)
        assert done.stdout == f"{pushed}\n", "nothing is pulled, built or pushed"


def test_push_needs_a_registry(dock: Dock) -> None:
    done = dock.harness("image", "push", NAME)
    assert done.returncode == 2
    assert "--registry HOST/PATH" in done.stderr


def test_an_image_is_pulled_by_its_digest_and_then_needs_no_registry(
    dock: Dock, yards: Callable[..., Yard], pushed: str, registry: str
) -> None:
    assert pushed
    with engines.START[dock.engine.name]() as other:
        elsewhere = Dock(engine=other, supplies=dock.supplies, store_dir=dock.store_dir)
        yard = yards(elsewhere)
        yard.spec()
        missing = yard.run("--image", pushed, "--offline")
        assert missing.verdict == (3, "error", "engine")
        assert "run once without --offline" in missing.case["reason"]
        result = yard.run("--image", pushed)
        assert result.verdict == (0, "passed", None), result.text
        assert f"pulling {pushed}" in result.text
        assert result.report["environment"]["image"]["digest"] == pushed
        offline = yard.run("--image", pushed, "--offline")
        assert offline.verdict == (0, "passed", None), offline.text
        assert "pulling" not in offline.text
        (line,) = elsewhere.harness("image", "list").stdout.splitlines()
        assert (line.split()[0], line.split()[-1]) == ("current", pushed)
        found_by_tag_instead_of_built(elsewhere, dock, registry)
        done = elsewhere.harness("image", "prune", "--all")
        assert done.returncode == 0, done.stdout
        assert elsewhere.harness("image", "list").stdout == ""


def found_by_tag_instead_of_built(elsewhere: Dock, dock: Dock, registry: str) -> None:
    done = elsewhere.harness("image", "build", NAME, "--registry", registry)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"pulling {registry}/iree-quality:{dock.tag.rpartition(':')[2]}" in done.stdout
    assert "building" not in done.stdout
    assert has(elsewhere, dock.tag)


def test_a_digest_that_the_registry_does_not_have_is_refused(
    dock: Dock, yards: Callable[..., Yard], pushed: str
) -> None:
    wrong = f"{pushed.partition('@')[0]}@sha256:{'1' * 64}"
    yard = yards(dock)
    yard.spec()
    result = yard.run("--image", wrong)
    assert result.verdict == (3, "error", "engine")
    assert f"Cannot pull {wrong}: " in result.case["reason"]


def test_a_registry_that_answers_with_another_manifest_is_refused(
    dock: Dock, yards: Callable[..., Yard], spare_registry: registries.Registry
) -> None:
    repository = f"{spare_registry.address}/iree-quality"
    digests = []
    for tag in ("asked", "other"):
        labelled(dock, f"{repository}:{tag}")
        digests.append(push(dock, repository, tag))
    forget(dock, repository)
    asked, other = digests
    spare_registry.lie(asked, other)
    manifests = f"http://{spare_registry.address}/v2/iree-quality/manifests"
    both = [httpx.get(f"{manifests}/{each}", headers={"Accept": MANIFESTS}) for each in digests]
    assert [each.status_code for each in both] == [200, 200]
    assert both[0].content == both[1].content
    yard = yards(dock)
    yard.spec()
    result = yard.run("--image", f"{repository}@{asked}")
    assert result.verdict == (3, "error", "engine")
    assert f"Cannot pull {repository}@{asked}: " in result.case["reason"]
    assert f"digest {asked}" in result.case["reason"], "the engine compares it"
    assert not any(repository in name for each in dock.engine.api.images() for name in each["RepoDigests"] or ())


def test_what_has_the_tag_but_was_made_from_something_else_is_refused(dock: Dock, registry: str) -> None:
    with open_folder() as folder:
        changed = Path(shutil.copytree(dock.supplies.containers, folder / "containers"))
        with (changed / "Dockerfile").open("a") as file:
            file.write("# made from something else\n")
        tag = dock.harness("image", "tag", NAME, "--containers", str(changed)).stdout.strip()
        name = f"{registry}/wrong/iree-quality:{tag}"
        labelled(dock, name)
        push(dock, *name.rsplit(":", 1))
        forget(dock, registry)
        done = dock.harness("image", "build", NAME, "--containers", str(changed), "--registry", f"{registry}/wrong")
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"{name} was made from other inputs" in done.stderr
    assert not has(dock, f"localhost/iree-quality:{tag}")
    forget(dock, registry)


def test_a_base_of_a_registry_is_pulled_by_its_digest(
    dock: Dock, yards: Callable[..., Yard], registry: str, tmp_path: Path
) -> None:
    base = next(
        tag for each in dock.engine.api.images() for tag in each["RepoTags"] or () if "iree-quality-base" in tag
    )
    dock.engine.api.tag(base, f"{registry}/base", "1")
    digest = push(dock, f"{registry}/base", "1")
    forget(dock, registry)
    folder = Path(shutil.copytree(dock.supplies.containers, tmp_path / "containers"))
    (folder / "images.toml").write_text(TABLE.format(base=f"{registry}/base:1@{digest}"))
    yard = yards(dock, can_build=True)
    yard.spec()
    try:
        result = yard.run("--containers", str(folder), "--image", "based")
        assert result.verdict == (0, "passed", None), result.text
        assert f"pulling {registry}/base@{digest}" in result.text
        assert result.report["environment"]["image"]["base"] == f"{registry}/base:1@{digest}"
        (folder / "images.toml").write_text(TABLE.format(base=f"{registry}/base:1@sha256:{'2' * 64}"))
        wrong = yard.run("--containers", str(folder), "--image", "based")
        assert wrong.verdict == (3, "error", "engine")
        assert "The base image is missing. Cannot pull " in wrong.case["reason"]
    finally:
        forget(dock, registry, "localhost/iree-quality:based")


def push(dock: Dock, repository: str, tag: str) -> str:
    """Push an image and return its digest."""
    with dock.engine.client() as engine:
        return engine.push(repository, tag, ignore)


def test_a_pull_that_is_killed_leaves_nothing_and_the_next_one_works(
    dock: Dock, yards: Callable[..., Yard], pushed: str
) -> None:
    with engines.START[dock.engine.name]() as other:
        yard = yards(Dock(engine=other, supplies=dock.supplies, store_dir=dock.store_dir))
        yard.spec()
        output = yard.root / "output"
        with output.open("w") as file:
            child = subprocess.Popen(
                yard.argv("--image", pushed), stdout=file, stderr=file, env=yard.variables, cwd=yard.root
            )
        wait_for(lambda: "pulling" in output.read_text() or child.poll() is not None)
        child.kill()
        assert child.wait() == -signal.SIGKILL, "it was still being pulled"
        wait_for(lambda: yard.left() == [])
        after = yard.run("--image", pushed)
        assert after.verdict == (0, "passed", None), after.text
