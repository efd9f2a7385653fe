"""Computes an ONNX model in float64, with the implementation in NumPy that ONNX has of its own operators."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# Attributes that name a type.
_TYPES = {"to", "dtype", "output_datatype"}


def outputs(model: Any, feeds: Mapping[str, Any]) -> list[Any]:
    """Return the outputs of a model, which is changed.

    Args:
        model: the model, with its external data.
        feeds: its inputs by name.
    """
    import numpy as np  # noqa: PLC0415
    from onnx.reference import ReferenceEvaluator  # type: ignore[import-not-found]  # noqa: PLC0415

    for graph in _graphs([model.graph]):
        _widen(graph)
    wide = {name: _wide(array) for name, array in feeds.items()}
    return [np.asarray(each) for each in ReferenceEvaluator(model).run(None, wide)]


def _graphs(waiting: list[Any]) -> Iterator[Any]:
    """Yield graphs, and those in their nodes."""
    while waiting:
        graph = waiting.pop()
        yield graph
        for attribute in _attributes(graph.node):
            waiting += [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def _attributes(nodes: Sequence[Any]) -> Iterator[Any]:
    for node in nodes:
        yield from node.attribute


def _widen(graph: Any) -> None:
    """Make numbers and types f64."""
    from onnx import TensorProto, numpy_helper  # type: ignore[import-not-found]  # noqa: PLC0415

    floats = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16}
    attributes = list(_attributes(graph.node))
    tensors = [*graph.initializer, *(each.t for each in attributes if each.HasField("t"))]
    for tensor in tensors:
        if tensor.data_type in floats:
            tensor.CopyFrom(numpy_helper.from_array(_wide(numpy_helper.to_array(tensor)), tensor.name))
    for each in attributes:
        if each.name in _TYPES and each.i in floats:
            each.i = TensorProto.DOUBLE
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.HasField("tensor_type") and value.type.tensor_type.elem_type in floats:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE


def _wide(array: Any) -> Any:
    """Return an array of f64 if it has floats, and as it is otherwise."""
    import numpy as np  # noqa: PLC0415

    return array.astype(np.float64) if array.dtype.kind == "f" or array.dtype.name == "bfloat16" else array
