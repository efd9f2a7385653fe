"""Pins of base images in a registry, as `nox -s pins` updates them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from containers.pin_images import PinError, pin
from harness.containers import definitions
from harness.containers.definitions import Pulled
from harness.core.callbacks import ignore
from tests.integration.dock import Dock
from tests.integration.engines import VARIABLES
from tests.integration.test_image import labelled
from tests.unit.daemons import left_to_the_collector

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.usefixtures("_sdk")]
TABLE = """
# Kept as it is.
[other]
base = "{other}"
attested = true
python = "/usr/bin/python3.13"

[based]
base = "{place}/base:1@sha256:{digest}"
attested = true
python = "/usr/bin/python3.13" # and this

[last]
base = "{other}"
python = "/usr/bin/python3.13"
"""
OTHER = f"docker.io/library/python:3.13@sha256:{'0' * 64}"


@pytest.fixture
def _sdk() -> Iterator[None]:
    with left_to_the_collector():
        yield


@pytest.fixture
def containers(tmp_path: Path, registry: str) -> Path:
    (tmp_path / definitions.PACKAGES_NAME).write_text("{}")
    table(tmp_path, registry, "1" * 64)
    return tmp_path


def table(folder: Path, place: str, digest: str) -> str:
    text = TABLE.format(other=OTHER, place=place, digest=digest)
    (folder / definitions.IMAGES_NAME).write_text(text)
    return text


@pytest.fixture
def pushed(docks: Callable[[str], Dock], registry: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Push a base image, and return its digest."""
    dock = docks("docker")
    for name, address in dock.engine.environment.items():
        monkeypatch.setenv(name, address)
    name = labelled(dock, f"{registry}/base:1")
    with dock.engine.client() as engine:
        yield engine.push(f"{registry}/base", "1", ignore)
    dock.engine.api.remove_image(name)


def test_the_registry_says_what_a_tag_is_now(containers: Path, registry: str, pushed: str) -> None:
    output = list(pin(containers, "based"))
    tagged = f"{registry}/base:1"
    assert output == [
        f"{tagged} sha256:{'1' * 64} -> {pushed}",
        f"no longer attested: the registry reports {pushed}",
    ]
    expected = TABLE.format(other=OTHER, place=registry, digest=pushed.removeprefix("sha256:"))
    head, tail = expected.split("[based]")
    expected = f"{head}[based]{tail.replace('attested = true' + chr(10), '')}"
    assert (containers / definitions.IMAGES_NAME).read_text() == expected
    base = definitions.load(containers)["based"].base
    assert base == Pulled(reference=f"{tagged}@{pushed}", digest=pushed, attested=False)
    assert list(pin(containers, "based")) == []


def test_what_the_registry_does_not_know_keeps_its_pin(containers: Path, registry: str, pushed: str) -> None:
    before = table(containers, f"{registry}/other", pushed.removeprefix("sha256:"))
    with pytest.raises(PinError, match=f"Cannot look up the digest of {registry}/other/base:1: "):
        list(pin(containers, "based"))
    assert (containers / definitions.IMAGES_NAME).read_text() == before


def test_without_an_engine_a_pin_stays(containers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(VARIABLES.values()):
        monkeypatch.setenv(name, "unix:///nonexistent")
    with pytest.raises(PinError, match="Cannot connect to the container engine at /nonexistent: "):
        list(pin(containers, "based"))
