"""The provenance of an image: an in-toto statement with a predicate of SLSA provenance 1.0. No I/O.

A file in an image cannot contain the digest of the image, so the subject is the tag with the digest of the inputs. The
digest of a set of files, `files`, is the sha256 of a list of their names and sha256. There are no times: the same
inputs give the same bytes. https://slsa.dev/spec/v1.0/provenance
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.containers import packages
from harness.containers.manifest import Manifest
from harness.containers.packages import Package
from harness.iree.releases import Wheel

NAME = "provenance.json"
_PROJECT = "https://github.com/iree-quality/harness"


def statement(
    image: Manifest,
    wheels: Sequence[Wheel],
    *,
    parameters: Mapping[str, str],
    dockerfile: str,
    sources: str,
    contents: str | None,
    more: Sequence[Wheel] = (),
) -> dict[str, Any]:
    """Return the statement that is in the build context of an image.

    Args:
        image: manifest of the image.
        wheels: of the IREE release.
        parameters: arguments of the Dockerfile, and the machine.
        dockerfile: sha256 of the Dockerfile.
        sources: digest of the files of the harness.
        contents: digest of the files that the release's wheels install, if it is locked.
        more: other wheels, of the index of the image.
    """
    version = image.harness.partition("+")[0]
    base, _, digest = image.base.partition("@sha256:")
    inputs = [
        {"name": base, "digest": {"sha256": digest}},
        {"name": "Dockerfile", "digest": {"sha256": dockerfile}},
        {"name": "requirements.txt", "digest": {"sha256": image.requirements}},
        {**_package(packages.pypi("iree-quality-harness", version)), "digest": {"files": sources}},
        *map(_wheel, wheels),
        *(_wheel(each, image.index) for each in more),
    ]
    if contents:
        inputs.append({"name": f"files of IREE {image.toolchain.release.name}", "digest": {"files": contents}})
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": image.tag, "digest": {"inputs": image.inputs}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": f"{_PROJECT}/image/v1",
                "externalParameters": {"image": image.image, "iree": image.toolchain.release.name},
                "internalParameters": dict(parameters),
                "resolvedDependencies": inputs,
            },
            "runDetails": {"builder": {"id": _PROJECT, "version": {"iree-quality-harness": image.harness}}},
        },
    }


def with_packages(made: Mapping[str, Any], installed: Sequence[Package]) -> dict[str, Any]:
    """Return a statement that also names the Debian packages of the base image."""
    predicate = made["predicate"]
    definition = predicate["buildDefinition"]
    inputs = [*definition["resolvedDependencies"], *map(_package, sorted(set(installed)))]
    return {**made, "predicate": {**predicate, "buildDefinition": {**definition, "resolvedDependencies": inputs}}}


def text(made: Mapping[str, Any]) -> str:
    """Return the content of `provenance.json`."""
    return json.dumps(made, indent=1) + "\n"


def _package(package: Package) -> dict[str, Any]:
    return {"name": package.name, "uri": package.purl}


def _wheel(wheel: Wheel, index: str | None = None) -> dict[str, Any]:
    """Return a wheel with its sha256, or with those of the wheels for all machines, one of which is installed."""
    described = _package(packages.pypi(wheel.package, wheel.version, index))
    match wheel.sha256:
        case (only,):
            return {**described, "digest": {"sha256": only}}
        case several:
            return {**described, "annotations": {"sha256": list(several)}}
