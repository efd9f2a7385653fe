"""What an image says about itself: sbom.json and provenance.json."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from harness.containers import packages, provenance, sbom
from harness.containers.manifest import Manifest
from harness.containers.packages import Package
from harness.iree import releases
from harness.iree.releases import Wheel
from harness.iree.toolchain import Toolchain
from tests.unit.samples import release

DIGEST = "ab" * 32
LIBC = Package(purl="pkg:deb/debian/libc6@2.41?arch=amd64", name="libc6", version="2.41")
NUMPY = packages.pypi("numpy", "2.4.0")
PATHS: dict[str, Any] = dict.fromkeys(("iree_compile", "iree_run_module", "iree_dump_module"), Path("/x"))
BUILDS: dict[str, Any] = dict.fromkeys(("compiler_commit", "runtime_commit", "build", "runtime_build"), "a")
TOOLS = Toolchain(release=release("3.13.0"), **PATHS, **BUILDS)
IMAGE = Manifest(
    image="cpu",
    tag="cpu-3.13.0-0123456789ab",
    inputs="01" * 32,
    frame="02" * 32,
    base=f"docker.io/library/python:3.12@sha256:{DIGEST}",
    requirements="03" * 32,
    harness="1.0.0+0123456789ab",
    toolchain=TOOLS,
    hip=None,
)


def made(wheels: tuple[Wheel, ...], contents: str | None = None) -> dict[str, Any]:
    parameters = {"PYTHON": "/usr/bin/python3.13", "HIP": "", "machine": "x86_64"}
    return provenance.statement(
        IMAGE, wheels, parameters=parameters, dockerfile="04" * 32, sources="05" * 32, contents=contents
    )


def test_an_sbom_names_everything() -> None:
    found = json.loads(sbom.text(IMAGE, [NUMPY, LIBC]))
    base, *others = found["components"]
    assert base["hashes"] == [{"alg": "SHA-256", "content": DIGEST}]
    assert [each["purl"] for each in others] == [LIBC.purl, NUMPY.purl]
    assert found["metadata"]["component"]["version"] == IMAGE.tag
    assert found["dependencies"][0]["dependsOn"] == ["base", LIBC.purl, NUMPY.purl]


def test_the_same_packages_make_the_same_sbom_and_another_image_another_number() -> None:
    assert sbom.text(IMAGE, [NUMPY, LIBC, NUMPY]) == sbom.text(IMAGE, [LIBC, NUMPY])
    other = dataclasses.replace(IMAGE, inputs="11" * 32)
    numbers = {json.loads(sbom.text(each, []))["serialNumber"] for each in (IMAGE, other)}
    assert len(numbers) == 2


def test_provenance_names_all_inputs() -> None:
    known = releases.find("3.13.0")
    found = json.loads(provenance.text(provenance.with_packages(made(known.wheels, "06" * 32), [LIBC])))
    assert found["subject"] == [{"name": IMAGE.tag, "digest": {"inputs": IMAGE.inputs}}]
    definition = found["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {"image": "cpu", "iree": "3.13.0"}
    inputs = {each["name"]: each for each in definition["resolvedDependencies"]}
    assert inputs["docker.io/library/python:3.12"]["digest"] == {"sha256": DIGEST}
    assert inputs["requirements.txt"]["digest"] == {"sha256": IMAGE.requirements}
    assert inputs["Dockerfile"]["digest"] == {"sha256": "04" * 32}
    assert inputs["iree-quality-harness"]["digest"] == {"files": "05" * 32}
    assert inputs["iree-base-compiler"]["uri"] == "pkg:pypi/iree-base-compiler@3.13.0"
    assert inputs["iree-base-compiler"]["annotations"]["sha256"] == list(known.wheels[0].sha256)
    assert inputs["files of IREE 3.13.0"]["digest"] == {"files": "06" * 32}
    assert inputs["libc6"] == {"name": "libc6", "uri": LIBC.purl}


def test_provenance_says_nothing_of_where_a_local_wheel_was() -> None:
    wheel = Wheel(package="iree-base-compiler", version="3.14.0.dev1", sha256=(DIGEST,), url="file:///home/me/x.whl")
    text = provenance.text(made((wheel,)))
    assert "/home/me" not in text
    inputs = json.loads(text)["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert inputs[-1]["digest"] == {"sha256": DIGEST}
