"""Writes what an image contains, as the last step of its build: sbom.json, and Debian's packages in provenance.json."""

import json
import platform
import sys
from pathlib import Path

from harness.containers import manifest, packages, provenance, sbom
from harness.containers.packages import Package

_DPKG_STATUS = Path("/var/lib/dpkg/status")


def main() -> None:
    """Describe this image in its own folder."""
    root, image, debian = manifest.ROOT, manifest.of_this_image(), _debian_packages()
    python = [
        *packages.of_python([*sys.path, str(root / "toolchain")]),
        *packages.of_python([str(manifest.WHEELS)], image.index),
    ]
    own = [_python_itself(), packages.pypi("iree-quality-harness", image.harness.partition("+")[0])]
    (root / sbom.NAME).write_text(sbom.text(image, [*own, *python, *debian]), encoding="utf-8")
    path = root / provenance.NAME
    made = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(provenance.text(provenance.with_packages(made, debian)), encoding="utf-8")


def _debian_packages() -> list[Package]:
    """Return the packages of dpkg; none if the base image is of a distribution without it."""
    if not _DPKG_STATUS.exists():
        return []
    return list(packages.of_dpkg(_DPKG_STATUS.read_text(encoding="utf-8"), platform.freedesktop_os_release()))


def _python_itself() -> Package:
    """Return the Python that runs the harness; not each base image has it from a package."""
    version = platform.python_version()
    return Package(purl=f"pkg:generic/python@{packages.quoted(version)}", name="python", version=version)


if __name__ == "__main__":
    main()
