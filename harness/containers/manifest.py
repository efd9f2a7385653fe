"""The manifest of an image: what it was made from. The image contains it as `manifest.json`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.core.records import as_json, read
from harness.core.values import frozen
from harness.iree.toolchain import Toolchain

ROOT = Path("/opt/iree-quality")
NAME = "manifest.json"
WORKER = ROOT / "bin" / "harness-worker"
DEPENDENCIES = ROOT / "dependencies"
WHEELS = ROOT / "wheels"
LABEL = "iree-quality"


@frozen
class Manifest:
    """What an image was made from.

    Attributes:
        image: name in images.toml.
        tag: tag of the image.
        inputs: sha256 of everything that the image is made from.
        frame: sha256 of the same without the IREE release.
        base: the base image, `NAME:TAG@sha256:DIGEST` or `debian-SUITE@sha256:DIGEST`.
        requirements: sha256 of the lock file of the harness's dependencies.
        harness: version and digest of the harness in the image, which must be that of the harness outside.
        toolchain: the IREE release, with paths in the image.
        hip: path of the HIP runtime in the image, if any.
        wheels: sha256 of what locks its wheels, if it has some beside IREE's and those of the harness.
        index: URL of the package index of these.
        emulator: path of the ROCm root that has an emulator of AMD GPUs, if any.
    """

    image: str
    tag: str
    inputs: str
    frame: str
    base: str
    requirements: str
    harness: str
    toolchain: Toolchain
    hip: str | None
    wheels: str | None = None
    index: str | None = None
    emulator: str | None = None

    @property
    def facts(self) -> Mapping[str, Any]:
        """The part that results.json contains."""
        return {name: value for name, value in as_json(self).items() if name != "toolchain"}

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of the image, which engines and registries show."""
        return {
            "org.opencontainers.image.title": f"{LABEL} {self.image}",
            "org.opencontainers.image.version": self.toolchain.release.name,
            "org.opencontainers.image.base.name": self.base.partition("@")[0],
            "org.opencontainers.image.base.digest": self.base.rpartition("@")[2],
            f"{LABEL}.image": self.image,
            f"{LABEL}.tag": self.tag,
            f"{LABEL}.inputs": self.inputs,
            f"{LABEL}.frame": self.frame,
            f"{LABEL}.requirements": self.requirements,
            f"{LABEL}.harness": self.harness,
            f"{LABEL}.iree.compiler": self.toolchain.compiler_commit or "",
            f"{LABEL}.iree.runtime": self.toolchain.runtime_commit or "",
        }


def text(manifest: Manifest) -> str:
    """Return the content of `manifest.json`."""
    return json.dumps(as_json(manifest), indent=1) + "\n"


def of_this_image() -> Manifest:
    """Return the manifest of the image that this process runs in."""
    return read(Manifest, json.loads((ROOT / NAME).read_text(encoding="utf-8")))
