"""Trained models as PyPI has them: right with the newest release, wrong when a weight is spoilt."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from harness.importers.environment import ImporterEnvironment
from tests.integration import trained
from tests.integration.laboratory import Laboratory
from tests.integration.trained import Trained

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


@pytest.fixture(scope="module", params=trained.MODELS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Path]:
    """Return a model, and its file."""
    found = trained.MODELS[request.param]
    return found, trained.fetched(found, tmp_path_factory.mktemp("wheels"))


def test_a_trained_model_is_right_and_wrong_when_a_weight_is_spoilt(
    lab: Laboratory, importer: ImporterEnvironment, model: tuple[Trained, Path]
) -> None:
    found, file = model
    good = lab.run(str(file), *found.options, "--oracle=onnxruntime", "--offline")
    assert good.verdict == (0, "passed", None), good.text
    files = [unquote(urlsplit(each["url"]).path) for each in good.case["blobs"]]
    inputs = [f"--input=@{each}" for each in files if Path(each).name.startswith("input")]
    outputs = [f"--expected-output=@{each}" for each in files if Path(each).name.startswith("output")]
    spoilt = lab.root / "spoilt.onnx"
    argv = [sys.executable, "-BIS", "-c", SPOIL, str(importer.folder), str(file), str(spoilt)]
    subprocess.run(argv, check=True)
    wrong = lab.run(str(spoilt), *inputs, *outputs, "--offline")
    assert wrong.verdict == (1, "failed", "numeric"), wrong.text
