"""What is in an image, as the file `manifest.json` in it says; its labels and the results quote it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.records import as_json, read
from harness.iree.toolchain import Toolchain

ROOT = Path("/opt/iree-quality")
NAME = "manifest.json"
WORKER = ROOT / "bin" / "harness-worker"
LABEL = "iree-quality"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an image was made from.

    `inputs` is the sha256 over all of it, `frame` that over all but the IREE release, `requirements` that of the lock
    of the harness's dependencies; the programs of the toolchain are named by their paths in the image, `hip` is that of
    the HIP runtime. `harness` is the version and a digest of the harness in it, which has to be the one outside.
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

    @property
    def facts(self) -> Mapping[str, Any]:
        """What results quote of it."""
        return {name: value for name, value in as_json(self).items() if name != "toolchain"}

    @property
    def labels(self) -> Mapping[str, str]:
        """What the engine, and a registry, can be asked without a look inside."""
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
    """Return the content of the file."""
    return json.dumps(as_json(manifest), indent=1) + "\n"


def of_this_image() -> Manifest:
    """Return what the image says in which this process runs."""
    return read(Manifest, json.loads((ROOT / NAME).read_text(encoding="utf-8")))
