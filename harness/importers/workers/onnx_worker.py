"""Imports an ONNX file, or runs it with ONNX Runtime."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.importers.workers import exchange, onnx_float64, onnx_parts
from harness.importers.workers.exchange import Answer, ModelError, Request

# What the importer reads best; older models are raised to it.
OPSET = 17
_MODEL_BYTES = 2 << 30  # the limit of a message of protobuf


def _find(request: Request) -> Answer:
    """Find the names of the model's external data, before they are here."""
    return {"sources": _sources(_parsed(Path(request["model"])), Path(request["model"]))[1:]}


def _draw(request: Request) -> Answer:
    """Make the inputs."""
    inputs = _inputs(_read(Path(request["model"])))
    arrays = _drawn(inputs, request)
    return {"inputs": exchange.saved("input", [each.name for each in inputs], arrays)}


def _inputs(model: Any) -> list[Any]:
    weights = {each.name for each in model.graph.initializer}
    return [each for each in model.graph.input if each.name not in weights]


def _run(request: Request) -> Answer:
    """Make the inputs, run ONNX Runtime and save the outputs."""
    model = _read(Path(request["model"]))
    inputs = _inputs(model)
    names = [each.name for each in inputs]
    given = exchange.loaded(request["inputs"], names)
    arrays = given or _drawn(inputs, request)
    outputs = _outputs(request["model"], dict(zip(names, arrays, strict=True)))
    return {
        "sources": _sources(model, Path(request["model"])),
        "calls": [
            {
                "inputs": [] if given else exchange.saved("input", names, arrays),
                "outputs": exchange.saved("output", [each.name for each in model.graph.output], outputs),
            }
        ],
        "versions": exchange.versions("onnx", "onnxruntime", "numpy"),
    }


def _float64(request: Request) -> Answer:
    """Compute the outputs in float64 from given inputs, and save them."""
    import onnx  # type: ignore[import-not-found]  # noqa: PLC0415

    names = [each.name for each in _inputs(_read(Path(request["model"])))]
    arrays = exchange.loaded(request["inputs"], names)
    model = onnx.load(request["model"])
    outputs = onnx_float64.outputs(model, dict(zip(names, arrays, strict=True)))
    saved = exchange.saved("output", [each.name for each in model.graph.output], outputs)
    return {"calls": [{"inputs": [], "outputs": saved}], "versions": exchange.versions("onnx", "numpy")}


def _outputs(path: str, feeds: Mapping[str, Any]) -> Sequence[Any]:
    """Return the outputs that ONNX Runtime computes: as plainly as it can, whatever the number of cores."""
    import onnxruntime  # type: ignore[import-not-found]  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    # Operator by operator, as the file says it: what is fused may be rounded otherwise. Threads would change sums.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    outputs: Sequence[Any] = session.run(None, feeds)
    return outputs


def _import(request: Request) -> Answer:
    """Write the program, and its weights if they are large."""
    from iree.compiler.tools.import_onnx import __main__ as importer  # noqa: PLC0415

    path = Path(request["model"])
    model = _read(path)
    opset = next((each.version for each in model.opset_import if each.domain in {"", "ai.onnx"}), OPSET)
    raised = ["--opset-version", str(OPSET)] if opset < OPSET else []
    is_large = sum(_bytes(tensor, path.parent) for tensor in model.graph.initializer) > exchange.INLINED_BYTES
    apart = ["--externalize-params", "--save-params-to", exchange.WEIGHTS] if is_large else []
    importer.main(importer.parse_arguments([str(path), "-o", exchange.PROGRAM, *raised, *apart]))
    return {
        "functions": [exchange.function(Path(exchange.PROGRAM))],
        "program": exchange.PROGRAM,
        "weights": exchange.WEIGHTS if is_large else None,
        "opset": [opset, OPSET] if raised else [],
        "elements": sorted(_elements(model)),
    }


def _nodes(request: Request) -> Answer:
    """Return the nodes of the model."""
    model = _read(Path(request["model"]))
    return onnx_parts.read(model, _inputs(model))


def _checked(request: Request) -> Answer:
    """Write the model as one that was cut, and return its nodes."""
    model = _read(Path(request["model"]))
    return onnx_parts.checked(model, _inputs(model))


def _cut(request: Request) -> Answer:
    """Write a part of the model."""
    model = _read(Path(request["model"]))
    return onnx_parts.cut(model, _inputs(model), request)


def _parsed(path: Path) -> Any:
    """Return a model without its external data."""
    import onnx  # noqa: PLC0415

    if path.stat().st_size >= _MODEL_BYTES:
        raise ModelError("has 2 GiB or more, which no ONNX file can have; keep its weights as external data")
    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except Exception as error:
        raise ModelError(f"is not an ONNX file: {exchange.told(error)}") from error
    if not model.graph.node:
        raise ModelError("is not an ONNX file: it has no graph with nodes")
    return model


def _read(path: Path) -> Any:
    """Return a model without its external data, all of which is in its folder."""
    model = _parsed(path)
    folder = path.parent.resolve()
    for name in _sources(model, path)[1:]:
        real = (folder / name).resolve()
        if not real.is_relative_to(folder):
            where = "outside the folder of the model, or a link to there"
            raise ModelError(f"names external data {name!r}, which is {where}; copy it beside the model")
        if not real.is_file():
            raise ModelError(f"names external data {name!r}, which is missing; put it beside the model")
    return model


def _sources(model: Any, path: Path) -> list[str]:
    """Return the name of the model, and those of its external data relative to its folder."""
    nodes = [node for function in model.functions for node in function.node]
    tensors = (*_tensors(model.graph), *_of_nodes(nodes))
    fields = (field for tensor in tensors for field in tensor.external_data)
    return [path.name, *dict.fromkeys(field.value for field in fields if field.key == "location")]


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield the tensors of a graph, and of the graphs in its nodes."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _of_nodes(graph.node)


def _of_nodes(nodes: Sequence[Any]) -> Iterator[Any]:
    for attribute in (attribute for node in nodes for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
        for inner in (attribute.g, *attribute.graphs):
            yield from _tensors(inner)


def _bytes(tensor: Any, folder: Path) -> int:
    """Return the size of a tensor; for external data that of the rest of its file, unless the model says it."""
    if not tensor.external_data:
        return int(tensor.ByteSize())
    known = {field.key: field.value for field in tensor.external_data}
    return int(known.get("length") or (folder / known["location"]).stat().st_size)


def _elements(model: Any) -> set[str]:
    """Return the element types of constants, inputs and outputs, and of casts, as NumPy names them."""
    casts = (node.attribute for node in model.graph.node if node.op_type == "Cast")
    types = {attribute.i for attributes in casts for attribute in attributes if attribute.name == "to"}
    types |= {each.type.tensor_type.elem_type for each in (*model.graph.input, *model.graph.output)}
    types |= {tensor.data_type for tensor in _tensors(model.graph)}
    return {_dtype(each) for each in types if each}


def _dtype(code: int) -> str:
    import onnx  # noqa: PLC0415

    return str(onnx.helper.tensor_dtype_to_np_dtype(code)) if code else "unknown"


def _drawn(inputs: Sequence[Any], request: Request) -> list[Any]:
    """Return random inputs. The numbers of each depend on the seed, its position, type and shape alone."""
    dimensions = exchange.sizes([name for each in inputs for name in _dynamic(each)], request)
    return [
        exchange.drawn(
            each.name,
            [dimensions[size] if isinstance(size, str) else size for size in _shape(each)],
            _dtype(each.type.tensor_type.elem_type),
            [request["seed"], index],
            is_uniform=bool(request.get("is_uniform")),
        )
        for index, each in enumerate(inputs)
    ]


def _dynamic(value: Any) -> list[str]:
    """Return the names of the dynamic dimensions of an input."""
    return [each for each in _shape(value) if isinstance(each, str)]


def _shape(value: Any) -> list[int | str]:
    """Return sizes and names of dimensions; one without a name (some exporters write `?`) is `INPUT.INDEX`."""
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        raise ModelError(f"input {value.name!r} is not a tensor with a known number of dimensions")
    sizes = enumerate(value.type.tensor_type.shape.dim)
    return [
        each.dim_value if each.dim_value > 0 else each.dim_param.strip("?") or f"{value.name}.{i}" for i, each in sizes
    ]


STEPS = {
    "run": _run,
    "float64": _float64,
    "import": _import,
    "find": _find,
    "draw": _draw,
    "read": _nodes,
    "check": _checked,
    "cut": _cut,
}
