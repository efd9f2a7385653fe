"""Trained models as PyPI has them: right with the newest release, wrong when a weight is spoilt."""

from dataclasses import dataclass

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
