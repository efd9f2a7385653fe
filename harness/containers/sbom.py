"""The software bill of materials of an image: CycloneDX 1.6. No I/O.

It has no time of creation, so the same inputs give the same bytes.
"""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from harness.containers.manifest import LABEL, Manifest
from harness.containers.packages import Package

NAME = "sbom.json"


def text(image: Manifest, installed: Sequence[Package]) -> str:
    """Return the content of `sbom.json`.

    Args:
        image: manifest of the image.
        installed: all packages in it.
    """
    components = [_base(image.base), *map(_component, sorted(set(installed)))]
    itself = {"type": "container", "bom-ref": LABEL, "name": LABEL, "version": image.tag}
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, f"{LABEL}:{image.inputs}").urn,
        "version": 1,
        "metadata": {"component": itself},
        "components": components,
        "dependencies": [{"ref": LABEL, "dependsOn": [each["bom-ref"] for each in components]}],
    }
    return json.dumps(document, indent=1) + "\n"


def _base(reference: str) -> dict[str, Any]:
    name, _, digest = reference.partition("@sha256:")
    return {"type": "container", "bom-ref": "base", "name": name, "hashes": [{"alg": "SHA-256", "content": digest}]}


def _component(package: Package) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
    }
