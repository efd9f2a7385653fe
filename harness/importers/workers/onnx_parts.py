"""Cuts parts out of an ONNX model: models of some of its nodes, which return some of its values.

Nodes are those of the main graph, by their index in it. A value is `[node, output]`, and `[-1, number]` for an input of
the model. What is computed from initializers, constants and the shapes of values alone goes with the nodes that use it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.importers.workers import exchange
from harness.importers.workers.exchange import Answer, Request

ARGUMENT = -1
Value = tuple[int, int]
_GIVEN = "{}.given"  # the name of a value that a part is given, which it may also compute
_RANDOM = ("Random", "Bernoulli", "Multinomial")
_OF_TYPES = ("Shape", "Size")  # their results are known where the type of the operand is


def read(model: Any, inputs: Sequence[Any]) -> Answer:
    """Return the nodes of a model as the operations of a function."""
    return _Graph(model, inputs).described()


def checked(model: Any, inputs: Sequence[Any]) -> Answer:
    """Write the part that computes the outputs, and return the nodes of the model."""
    graph = _Graph(model, inputs)
    described = graph.described()
    graph.cut(described["returns"], set())
    _save(model)
    return described


def cut(model: Any, inputs: Sequence[Any], request: Request) -> Answer:
    """Write a part of a model; see `Cut` in `harness.localize.program`."""
    returns, boundary = ([(index, number) for index, number in request[name]] for name in ("returns", "boundary"))
    arguments = _Graph(model, inputs).cut(returns, set(boundary))
    _save(model)
    return {"arguments": arguments}


def _save(model: Any) -> None:
    Path(exchange.PART).write_bytes(model.SerializeToString())


class _Graph:
    """The main graph of a model."""

    def __init__(self, model: Any, inputs: Sequence[Any]) -> None:
        from onnx import shape_inference  # type: ignore[import-not-found]  # noqa: PLC0415

        self._graph, self._nodes, self._inputs = model.graph, list(model.graph.node), inputs
        inferred = shape_inference.infer_shapes(model, data_prop=True).graph
        self._types = {each.name: each for each in (*inferred.value_info, *inferred.output, *inputs)}
        self._values: dict[str, Value] = {each.name: (ARGUMENT, number) for number, each in enumerate(inputs)}
        self._values |= {
            name: (index, number)
            for index, node in enumerate(self._nodes)
            for number, name in enumerate(node.output)
            if name
        }
        self._names = {value: name for name, value in self._values.items()}
        self._operands = [self._used(node) for node in self._nodes]
        self._free = self._found_free()

    def _used(self, node: Any) -> list[Value]:
        """Return the values that a node uses, also in its graphs."""
        return list(dict.fromkeys(self._values[name] for name in _names(node) if name in self._values))

    def _found_free(self) -> set[int]:
        free = set[int]()
        for index, node in enumerate(self._nodes):  # in the order in which they are computed, as ONNX has it
            is_of_types = node.op_type in _OF_TYPES
            is_constant = all(each in free for each, _ in self._operands[index])
            if is_of_types or (is_constant and not node.op_type.startswith(_RANDOM)):
                free.add(index)
        return free

    def described(self) -> Answer:
        """Return all nodes, the inputs and the outputs that nodes compute."""
        returned = [self._values[each.name] for each in self._graph.output if each.name in self._values]
        return {
            "function": self._graph.name,
            "blocks": 1,
            "arguments": [self._type(each.name) for each in self._inputs],
            "returns": [each for each in returned if each[0] != ARGUMENT],
            "operations": [self._described(index, node) for index, node in enumerate(self._nodes)],
            "functions": [self._graph.name],
        }

    def _described(self, index: int, node: Any) -> Mapping[str, Any]:
        types = [self._type(name) for name in node.output]
        return {
            "name": ".".join([node.domain or "onnx", node.op_type]),
            "line": None,
            "location": node.name or next(iter(node.output), ""),
            "function": self._graph.name,
            "index": index,
            "operands": self._operands[index],
            "types": types,
            "crosses": [bool(each) for each in types],
            "is_free": index in self._free,
            "callee": "",
        }

    def _type(self, name: str) -> str:
        """Return the type of a value as MLIR writes it; empty if it is no tensor of a known rank that NumPy has."""
        from onnx import helper  # noqa: PLC0415

        known = self._types.get(name)
        if known is None or not known.type.HasField("tensor_type") or not known.type.tensor_type.HasField("shape"):
            return ""
        code = known.type.tensor_type.elem_type
        element = exchange.numpy_element(str(helper.tensor_dtype_to_np_dtype(code))) if code else ""
        sizes = (str(each.dim_value) if each.dim_value > 0 else "?" for each in known.type.tensor_type.shape.dim)
        return f"tensor<{'x'.join([*sizes, element])}>" if element else ""

    def cut(self, returns: Sequence[Value], boundary: set[Value]) -> list[Value]:
        """Leave a part in the graph, and return the values that it takes."""
        needed, arguments = set[int](), set[Value]()
        waiting = [index for index, _ in returns]
        while waiting:
            index = waiting.pop()
            if index in needed:
                continue
            needed.add(index)
            for used in self._operands[index]:
                if used[0] == ARGUMENT or used in boundary:
                    arguments.add(used)
                else:
                    waiting.append(used[0])
        nodes = [self._nodes[index] for index in sorted(needed)]
        order = sorted(arguments)
        given = {self._names[each]: _GIVEN.format(self._names[each]) for each in order if each[0] != ARGUMENT}
        for node in nodes:
            _rename(node, given)
        weights = {each.name for each in (*self._graph.initializer, *_sparse(self._graph))}
        kept = {name for node in nodes for name in _names(node)} & weights
        _keep(self._graph.initializer, lambda each: each.name in kept)
        _keep(self._graph.sparse_initializer, lambda each: each.values.name in kept)
        _keep(self._graph.input, lambda each: each.name in kept)  # old models list their weights as inputs
        self._graph.input.extend(self._info(self._names[each], given) for each in order)
        del self._graph.output[:]
        self._graph.output.extend(self._info(self._names[each], {}) for each in returns)
        made = {name for node in nodes for name in node.output} - {self._names[each] for each in returns}
        _keep(self._graph.value_info, lambda each: each.name in made)
        _replace(self._graph.node, nodes)
        return order

    def _info(self, name: str, given: Mapping[str, str]) -> Any:
        found = type(self._types[name])()
        found.CopyFrom(self._types[name])
        found.name = given.get(name, name)
        return found


def _sparse(graph: Any) -> Iterator[Any]:
    yield from (each.values for each in graph.sparse_initializer)


def _graphs(node: Any) -> Iterator[Any]:
    """Yield the graphs in a node."""
    for attribute in node.attribute:
        yield from (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs


def _names(node: Any) -> Iterator[str]:
    """Yield the names that a node uses, also in its graphs; they may be those of values inside of these."""
    yield from filter(None, node.input)
    for graph in _graphs(node):
        yield from (each.name for each in graph.output)
        for inner in graph.node:
            yield from _names(inner)


def _rename(node: Any, names: Mapping[str, str]) -> None:
    """Let a node use values by other names, also in its graphs: no name in these is that of a value outside."""
    node.input[:] = [names.get(each, each) for each in node.input]
    for graph in _graphs(node):
        for output in graph.output:
            output.name = names.get(output.name, output.name)
        for inner in graph.node:
            _rename(inner, names)


def _keep(items: Any, wanted: Callable[[Any], bool]) -> None:
    """Leave some items of a repeated field."""
    for index in range(len(items) - 1, -1, -1):
        if not wanted(items[index]):
            del items[index]


def _replace(items: Any, others: Iterable[Any]) -> None:
    copies = list(others)
    kept = [type(each)() for each in copies]
    for copy, each in zip(kept, copies, strict=True):
        copy.CopyFrom(each)
    del items[:]
    items.extend(kept)
