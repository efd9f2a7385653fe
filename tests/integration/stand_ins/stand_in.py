"""What a stand-in is: programs, weights, inputs and expected outputs of the types and names that a spec says."""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import iree.runtime
import numpy as np
from generator.builder import Array, Shape, shaped, type_names

from harness.core.cases import ModelSpec
from harness.core.tensors import Tensor, TensorType

Argument = tuple[Shape, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a spec says of the function that it runs; a type is None where the file is to say it."""

    function: str | None
    inputs: tuple[TensorType | None, ...]
    outputs: tuple[TensorType | None, ...]

    @property
    def name(self) -> str:
        """The function's name."""
        assert self.function is not None
        return self.function

    @property
    def arguments(self) -> list[Argument]:
        """Shapes and element types of the inputs."""
        return _arguments(self.inputs)

    @property
    def results(self) -> list[Argument]:
        """Shapes and element types of the outputs."""
        return _arguments(self.outputs)


def _arguments(types: Sequence[TensorType | None]) -> list[Argument]:
    known = [each for each in types if each]
    assert len(known) == len(types), "the spec leaves these types to the files"
    return [(each.shape, each.element) for each in known]


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """What the files are to hold that a spec names."""

    mlir: str
    pipeline_mlir: str | None = None
    weights: Mapping[str, Array] = field(default_factory=dict)
    inputs: tuple[Array, ...] = ()
    outputs: tuple[Array, ...] = ()


def signature(spec: ModelSpec) -> Signature:
    """Return what a spec says of its function."""
    inputs, outputs = _tensors(spec.inputs), _tensors(spec.outputs)
    return Signature(
        function=spec.run_function, inputs=tuple(t.type for t in inputs), outputs=tuple(t.type for t in outputs)
    )


def files(spec: ModelSpec, stand_in: StandIn) -> dict[str, bytes]:
    """Return the contents of a spec's URLs, each of the kind and type that the spec says."""
    found = {spec.mlir.url: stand_in.mlir.encode()}
    assert bool(spec.pipeline_mlir) == bool(stand_in.pipeline_mlir)
    if spec.pipeline_mlir and stand_in.pipeline_mlir:
        found[spec.pipeline_mlir.url] = stand_in.pipeline_mlir.encode()
    assert bool(spec.real_weights) == bool(stand_in.weights)
    if spec.real_weights:
        found[spec.real_weights.url] = _archive(stand_in.weights)
    tensors = (*_tensors(spec.inputs), *_tensors(spec.outputs))
    for tensor, array in zip(tensors, (*stand_in.inputs, *stand_in.outputs), strict=True):
        assert found.setdefault(tensor.blob.url, body := _content(tensor, array)) == body
    return found


def random(argument: Argument, seed: int, scale: float = 1.0) -> Array:
    """Return normally distributed numbers of a float type."""
    shape, element = argument
    drawn = np.random.Generator(np.random.PCG64(seed)).standard_normal(math.prod(shape)).reshape(shape)
    return (scale * drawn).astype({"f16": "float16", "f32": "float32"}[element])


def _tensors(entries: Sequence[object]) -> list[Tensor]:
    assert all(isinstance(each, Tensor) for each in entries)
    return [each for each in entries if isinstance(each, Tensor)]


def _content(tensor: Tensor, array: Array) -> bytes:
    ordered = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    if tensor.type:
        assert shaped(array.shape, type_names[array.dtype]) == str(tensor.type), tensor.blob.url
    if not tensor.is_npy:
        return ordered.tobytes()
    file = io.BytesIO()
    np.save(file, ordered)
    return file.getvalue()


def _archive(weights: Mapping[str, Array]) -> bytes:
    index = iree.runtime.ParameterIndex()
    for name, array in sorted(weights.items()):
        index.add_buffer(name, np.ascontiguousarray(array))
    with TemporaryDirectory() as folder:
        path = Path(folder, "weights.irpa")
        index.create_archive_file(str(path))
        return path.read_bytes()
