"""Imports an ONNX file, or runs it with ONNX Runtime: a program of its own that only an importer's environment can run.

    python -BIS onnx_worker.py ENVIRONMENT      in a folder with request.json; it writes reply.json and files beside it

The reply has the key `error` if the framework refuses the model, `model` if its file cannot be read, and `usage` if the
command line has to change.
"""

import functools
import json
import operator
import os
import re
import resource
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

RUN, IMPORT = "run", "import"
REQUEST, REPLY = "request.json", "reply.json"
PROGRAM, WEIGHTS = "program.mlir", "weights.irpa"
# What the importer reads best; older models are raised to it.
OPSET = 17
# Larger weights are kept outside the program, whose text has two characters for each byte.
INLINED_BYTES = 1 << 20
# The limits of an input, of any file that is written, and of a message of protobuf.
_INPUT_BYTES, _FILE_BYTES, _MODEL_BYTES = 4 << 30, 64 << 30, 2 << 30
_INTEGERS = 10  # drawn from 0 to 9: also as indices of an embedding
_FUNCTION = re.compile(r'\s*func\.func @(?:"((?:[^"\\]|\\.)*)"|([\w.$-]+))\(')
_ESCAPED = re.compile(rb"\\([0-9A-Fa-f]{2}|.)")
_ELEMENTS = {
    "bool": "i1",
    "float16": "f16",
    "float32": "f32",
    "float64": "f64",
    **{f"{sign}int{bits}": f"{'ui' if sign else 'i'}{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


class ModelError(Exception):
    """The model is not one that can be imported."""


class RequestError(Exception):
    """The command line does not fit the model."""


def main(argv: Sequence[str]) -> None:
    """Do what request.json asks for, and write reply.json."""
    sys.path.insert(0, argv[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = _FILE_BYTES if hard == resource.RLIM_INFINITY else min(hard, _FILE_BYTES)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    request = json.loads(Path(REQUEST).read_text(encoding="utf-8"))
    try:
        reply = {RUN: _run, IMPORT: _import}[request["do"]](request)
    except RequestError as error:
        reply = {"usage": str(error)}
    except ModelError as error:
        reply = {"model": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever the framework raises
        reply = {"error": str(error) or type(error).__name__}
    Path(REPLY).write_text(json.dumps(reply), encoding="utf-8")


def _run(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make the inputs, run ONNX Runtime and save the outputs."""
    model = _read(Path(request["model"]))
    weights = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in weights]
    given = list(map(_loaded, request["inputs"]))
    if given and len(given) != len(inputs):
        wanted = ", ".join(each.name for each in inputs)
        noun = "input" if len(inputs) == 1 else "inputs"
        raise RequestError(f"the model has {len(inputs)} {noun} ({wanted}), and --input was given {len(given)} times")
    arrays = given or _drawn(inputs, request["dimensions"], request["seed"])
    outputs = _outputs(request["model"], {each.name: array for each, array in zip(inputs, arrays, strict=True)})
    return {
        "sources": _sources(model, Path(request["model"])),
        "inputs": [] if given else _saved("input", [each.name for each in inputs], arrays),
        "outputs": _saved("output", [each.name for each in model.graph.output], outputs),
        "elements": sorted(_elements(model)),
        "versions": _versions("onnx", "onnxruntime", "numpy"),
    }


def _loaded(path: str) -> Any:
    import numpy as np  # noqa: PLC0415

    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise RequestError(f"--input {path} is not a .npy file of numbers: {error}") from error


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


def _import(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write the program, and its weights if they are large."""
    from iree.compiler.tools.import_onnx import __main__ as importer  # noqa: PLC0415

    path = Path(request["model"])
    model = _read(path)
    opset = next((each.version for each in model.opset_import if each.domain in {"", "ai.onnx"}), OPSET)
    raised = ["--opset-version", str(OPSET)] if opset < OPSET else []
    is_large = sum(_bytes(tensor, path.parent) for tensor in model.graph.initializer) > INLINED_BYTES
    apart = ["--externalize-params", "--save-params-to", WEIGHTS] if is_large else []
    importer.main(importer.parse_arguments([str(path), "-o", PROGRAM, *raised, *apart]))
    return {
        "function": _function(Path(PROGRAM)),
        "program": PROGRAM,
        "weights": WEIGHTS if is_large else None,
        "opset": [opset, OPSET] if raised else [],
    }


def _read(path: Path) -> Any:
    """Return a model without its external data, all of which is in its folder."""
    import onnx  # type: ignore[import-not-found]  # noqa: PLC0415

    if path.stat().st_size >= _MODEL_BYTES:
        raise ModelError("has 2 GiB or more, which no ONNX file can have; keep its weights as external data")
    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except Exception as error:
        raise ModelError(f"is not an ONNX file: {error}") from error
    if not model.graph.node:
        raise ModelError("is not an ONNX file: it has no graph with nodes")
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


def _drawn(inputs: Sequence[Any], dimensions: Mapping[str, int], seed: int) -> list[Any]:
    """Return random inputs. The numbers of each depend on the seed, its position, type and shape alone."""
    unused = set(dimensions) - {name for each in inputs for name in _dynamic(each)}
    if unused:
        known = ", ".join(dict.fromkeys(name for each in inputs for name in _dynamic(each))) or "none"
        raise RequestError(f"--dim {', '.join(sorted(unused))}: no such dynamic dimension; the model has {known}")
    missing = dict.fromkeys(name for each in inputs for name in _dynamic(each) if name not in dimensions)
    if missing:
        hint = " ".join(f"--dim {shlex.quote(name)}=N" for name in missing)
        raise RequestError(f"the model has dynamic dimensions; add {hint}, or --input @FILE.npy for each input")
    return [_array(each, dimensions, [seed, index]) for index, each in enumerate(inputs)]


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


def _array(value: Any, dimensions: Mapping[str, int], seed: Sequence[int]) -> Any:
    import numpy as np  # noqa: PLC0415

    shape = [dimensions[each] if isinstance(each, str) else each for each in _shape(value)]
    name = _dtype(value.type.tensor_type.elem_type)
    if name not in _ELEMENTS:
        raise ModelError(f"input {value.name!r} has the type {name}; expected one of {', '.join(_ELEMENTS)}")
    dtype = np.dtype(name)
    if functools.reduce(operator.mul, shape, dtype.itemsize) > _INPUT_BYTES:
        raise RequestError(f"input {value.name!r} would have more than {_INPUT_BYTES >> 30} GiB; choose smaller sizes")
    random = np.random.default_rng(seed)
    if dtype.kind == "f":
        return random.standard_normal(shape).astype(dtype)
    return random.integers(0, 2 if dtype.kind == "b" else _INTEGERS, shape).astype(dtype)


def _saved(role: str, names: Sequence[str], arrays: Sequence[Any]) -> Sequence[Mapping[str, str]]:
    """Save arrays as .npy, and return their files, names and types."""
    import numpy as np  # noqa: PLC0415

    saved = []
    for index, (name, array) in enumerate(zip(names, arrays, strict=True)):
        if not isinstance(array, np.ndarray) or str(array.dtype) not in _ELEMENTS:
            found = getattr(array, "dtype", type(array).__name__)
            raise ModelError(f"{role} {name!r} has the type {found}; expected a tensor of {', '.join(_ELEMENTS)}")
        file = f"{role}{index}.npy"
        np.save(file, array, allow_pickle=False)
        type_ = "x".join([*map(str, array.shape), _ELEMENTS[str(array.dtype)]])
        saved.append({"file": file, "name": name, "type": type_})
    return saved


def _function(program: Path) -> str:
    """Return the name of the function of a program."""
    with program.open(encoding="utf-8") as lines:
        found = next(filter(None, map(_FUNCTION.match, lines)), None)
    if not found:
        raise ModelError("the importer wrote no function")
    quoted, plain = found.groups()
    return plain or _ESCAPED.sub(_unescaped, quoted.encode()).decode()


def _unescaped(found: re.Match[bytes]) -> bytes:
    r"""Return the byte that MLIR writes as `\E2`, or the character after a backslash."""
    return bytes.fromhex(found[1].decode()) if len(found[1]) > 1 else found[1]


def _versions(*packages: str) -> Mapping[str, str]:
    from importlib import metadata  # noqa: PLC0415

    return {name: metadata.version(name) for name in packages} | {"python": sys.version.split()[0]}


if __name__ == "__main__":
    os.umask(0o077)
    main(sys.argv)
