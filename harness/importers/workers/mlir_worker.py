"""Reads and cuts MLIR programs with the bindings of an IREE release.

The operations of a function are those of its block, by their index in it. A value is `[index, result]` of its
operation, and `[-1, number]` for an argument of the function.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.importers.workers.exchange import PROGRAM, SOURCE, Answer, ModelError, Request, RequestError

ARGUMENT = -1
_LINE = re.compile(r'loc\((?:callsite\()*"-":(\d+):(\d+)')
_TENSOR = re.compile(r"tensor<([^<>]*(?:<f(?:32|64)>)?)>|!torch\.vtensor<\[([^\]]*)\],(.*)>")
_SIZES = re.compile(r"(?:[\d?]+x)*")
_ELEMENT = re.compile(r"[su]?i(1|8|16|32|64)|f(16|32|64)|bf16|complex<f(32|64)>|f8E\w+")
# They need no tensor, or few numbers; a cut keeps them with the operations that use their values.
_FREE = re.compile(
    r"arith\.constant|tensor\.(empty|splat)|linalg\.fill|stablehlo\.(constant|iota)|tosa\.const|torch\.constant\..*|"
    r"torch\.(vtensor|tensor)\.literal|(util|ml_program|flow)\.(global\.load|global_load.*|tensor\.(constant|empty))"
)
_STORE = re.compile(r"(util|ml_program)\.global[._]store.*")
_CALL = re.compile(r"(func|util)\.call")
_FUNCTION = re.compile(r"(func|util)\.func")
_CLEAN = "builtin.module(symbol-dce)"
_INLINE = "builtin.module(inline{default-pipeline=})"
Value = tuple[int, int]


def read(request: Request) -> Answer:
    """Return the operations of a function: of the one that is named, or else of the only public one with a body."""
    return _read(_parsed(), request)


def _read(module: Any, request: Request) -> Answer:
    places = _places(module)
    function = _inlined(module, request.get("function"))
    blocks = function.regions[0].blocks
    block = blocks[0]
    ids = _ids(block)
    returned = [ids[each] for each in block.operations[len(block.operations) - 1].operands]
    return {
        "function": _name(function),
        "blocks": len(blocks),
        "arguments": [str(each.type) for each in block.arguments],
        "returns": returned,
        "operations": [
            _described(each, ids, places, (_name(function), index))
            for index, each in enumerate(list(block.operations)[:-1])
        ],
        "functions": sorted(filter(None, map(_name, _functions(module)))),
    }


def cut(request: Request) -> Answer:
    """Write a program that has a part of the function; see `Cut` in `harness.localize.program`."""
    module = _parsed()
    function = _inlined(module, request.get("function"))
    kept = _Cut(function, request)
    try:
        kept.make()
        _clean(module, function)
        if not module.operation.verify():
            return {"refused": "the program would not be valid"}
        _save(module, is_generic=request["is_generic"])
    except Exception as error:  # noqa: BLE001 - MLIRError and what bindings of other releases raise
        return {"refused": str(error)[:1000]}
    return {"arguments": kept.arguments}


def checked(request: Request) -> Answer:
    """Parse a program, write it again as the release prints it, and return the operations of its function."""
    module = _parsed()
    _save(module, is_generic=request["is_generic"])
    return _read(module, request)


STEPS: Mapping[str, Callable[[Request], Answer]] = {"read": read, "cut": cut, "check": checked}


class _Cut:
    """A function of which some values are returned, and others are arguments in place of being computed."""

    def __init__(self, function: Any, asked: Mapping[str, Any]) -> None:
        self._function = function
        self._returns, boundary = ([_value(each) for each in asked[name]] for name in ("returns", "boundary"))
        self._boundary, self._keeps = set(boundary), asked["keeps"]
        self._block = function.regions[0].blocks[0]
        self._operations = list(self._block.operations)
        self._ids = _ids(self._block)
        self._values = {identity: value for value, identity in self._ids.items()}

    def make(self) -> None:
        """Change the function."""
        needed, arguments = self._needed()
        end = self._operations[-1]
        given = len(self._block.arguments)
        returned = [self._values[each] for each in self._returns]
        end_name, location = end.operation.name, end.location
        end.operation.erase()
        boundary = sorted(each for each in arguments if each[0] != ARGUMENT)
        for each in boundary:
            value = self._values[each]
            value.replace_all_uses_with(self._block.add_argument(value.type, location))
        from iree.compiler import ir  # noqa: PLC0415 - of the release

        with location, ir.InsertionPoint(self._block):
            ir.Operation.create(end_name, operands=returned)
        for index in range(len(self._operations) - 2, -1, -1):
            if index not in needed:
                self._operations[index].operation.erase()
        kept = [number for number in range(given) if number in self._keeps or (ARGUMENT, number) in arguments]
        for number in range(given - 1, -1, -1):
            if number not in kept:
                self._block.erase_argument(number)
        self.arguments = [*((ARGUMENT, number) for number in kept), *boundary]
        self._set_type([each.type for each in self._block.arguments], [each.type for each in returned])

    def _needed(self) -> tuple[set[int], set[Value]]:
        """Return the operations that the returned values need, and the values that become arguments."""
        needed, arguments = set[int](), set[Value]()
        last = max((index for index, _ in self._returns), default=-1)
        stores = [index for index in range(last) if _STORE.fullmatch(self._operations[index].operation.name)]
        waiting = [*(index for index, _ in self._returns), *stores]
        arguments |= {each for each in self._returns if each[0] == ARGUMENT}
        while waiting:
            index = waiting.pop()
            if index == ARGUMENT or index in needed:
                continue
            needed.add(index)
            for used in _used(self._operations[index], self._ids):
                if used[0] == ARGUMENT or used in self._boundary:
                    arguments.add(used)
                else:
                    waiting.append(used[0])
        return needed, arguments

    def _set_type(self, inputs: Sequence[Any], results: Sequence[Any]) -> None:
        from iree.compiler import ir  # noqa: PLC0415 - of the release

        attributes = self._function.attributes
        with self._function.context:
            attributes["function_type"] = ir.TypeAttr.get(ir.FunctionType.get(list(inputs), list(results)))
        for name in ("arg_attrs", "res_attrs", "tied_operands", "iree.abi.declaration"):
            if name in attributes:
                del attributes[name]


def _clean(module: Any, function: Any) -> None:
    """Remove what the function does not need."""
    from iree.compiler import ir, passmanager  # noqa: PLC0415 - of the release

    with module.context:
        for each in _functions(module):
            if each != function:
                each.attributes["sym_visibility"] = ir.StringAttr.get("private")
        passmanager.PassManager.parse(_CLEAN).run(module.operation)


def _parsed() -> Any:
    from iree.compiler import ir  # noqa: PLC0415 - of the release
    from iree.compiler._mlir_libs import _mlir  # noqa: PLC0415 - likewise

    # Else each operation that is looked at tries to import Python classes of its dialect. Some need NumPy, which is not
    # here, so that takes a tenth of a second, for every operation again.
    _mlir.globals.dialect_search_modules = []
    content = Path(SOURCE).read_bytes()
    context = ir.Context()
    is_bytecode = content.startswith(b"ML\xefR")
    try:
        return ir.Module.parse(content if is_bytecode else content.decode(), context)
    except UnicodeDecodeError as error:
        raise ModelError("is neither MLIR text nor MLIR bytecode") from error
    except ir.MLIRError as error:
        raise ModelError(f"cannot be parsed: {str(error)[:1000]}") from error


def _save(module: Any, *, is_generic: bool) -> None:
    with Path(PROGRAM).open("w", encoding="utf-8") as file:
        file.write(module.operation.get_asm(print_generic_op_form=is_generic))


def _functions(module: Any) -> Iterator[Any]:
    """Yield the functions with a body."""
    for each in module.body.operations:
        if _FUNCTION.fullmatch(each.operation.name) and len(each.operation.regions[0].blocks):
            yield each.operation


def _name(function: Any) -> str:
    return str(function.attributes["sym_name"]).strip('"')


def _is_private(function: Any) -> bool:
    attributes = function.attributes
    return "sym_visibility" in attributes and "private" in str(attributes["sym_visibility"])


def _function(module: Any, asked: str | None) -> Any:
    functions = list(_functions(module))
    found = [each for each in functions if (_name(each) == asked if asked else not _is_private(each))]
    if len(found) != 1:
        known = ", ".join(map(_name, functions)) or "none"
        raise RequestError(f"expected one function {asked or 'that is public'}; the program has {known}")
    return found[0]


def _ids(block: Any) -> dict[Any, Value]:
    """Return what each value of a block is called."""
    found: dict[Any, Value] = {each: (ARGUMENT, number) for number, each in enumerate(block.arguments)}
    for index, operation in enumerate(block.operations):
        for number, result in enumerate(operation.operation.results):
            found[result] = (index, number)
    return found


def _used(operation: Any, ids: Mapping[Any, Value]) -> Sequence[Value]:
    """Return the values of the block that an operation uses, those in its regions among them, in order."""
    found: dict[Value, None] = {}
    waiting = [operation.operation]
    while waiting:
        each = waiting.pop()
        for operand in each.operands:
            if operand in ids:
                found[ids[operand]] = None
        for region in each.regions:
            for block in region.blocks:
                waiting += [inner.operation for inner in block.operations]
    return list(found)


def _inlined(module: Any, asked: str | None) -> Any:
    """Return a function into which those are inlined that it calls, as far as their bodies are in the program.

    An operation keeps its place in the program: that in the function that was called comes first.
    """
    from iree.compiler import passmanager  # noqa: PLC0415 - of the release

    function = _function(module, asked)
    name = _name(function)
    if any(_CALL.fullmatch(each.operation.name) for each in function.regions[0].blocks[0].operations):
        with module.context:
            passmanager.PassManager.parse(_INLINE).run(module.operation)
        function = _function(module, name)
    return function


def _places(module: Any) -> Mapping[tuple[str, str], tuple[str, int]]:
    """Return the function and the index of each operation, by its line and column in the program."""
    found = {}
    for function in _functions(module):
        for index, operation in enumerate(function.regions[0].blocks[0].operations):
            if line := _LINE.match(str(operation.location)):
                found[line[1], line[2]] = (_name(function), index)
    return found


def _described(
    operation: Any,
    ids: Mapping[Any, Value],
    places: Mapping[tuple[str, str], tuple[str, int]],
    place: tuple[str, int],
) -> Mapping[str, Any]:
    inner = operation.operation
    line = _LINE.match(str(inner.location))
    function, index = places.get((line[1], line[2]), place) if line else place
    types = [str(each.type) for each in inner.results]
    callee = str(inner.attributes["callee"]).removeprefix("@").strip('"') if _CALL.fullmatch(inner.name) else ""
    return {
        "name": _torch_name(inner),
        "line": int(line[1]) if line else None,
        "location": "" if line else str(inner.location)[:200],
        "function": function,
        "index": index,
        "operands": _used(operation, ids),
        "types": types,
        "crosses": [bool(_element(each)) for each in types],
        "is_free": bool(_FREE.fullmatch(inner.name)),
        "callee": callee,
    }


def _torch_name(operation: Any) -> str:
    """Return the name of an operation; the one that ONNX calls so says which, as in `onnx.Gemm`."""
    if operation.name == "torch.operator" and "name" in operation.attributes:
        return str(operation.attributes["name"]).strip('"')
    return str(operation.name)


def _element(text: str) -> str:
    """Return the element type of a tensor that can be an argument or a result of a function; empty for all others."""
    if not (found := _TENSOR.fullmatch(text)):
        return ""
    inner, _, element = found.groups()
    element = element or _SIZES.sub("", inner, count=1)
    return element if _ELEMENT.fullmatch(element) else ""


def _value(each: Sequence[int]) -> Value:
    index, result = each
    return index, result
