"""Gives a function of PyTorch other arguments than those that it comes with: given ones, or drawn ones."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.utils import _pytree as trees

from harness.importers.workers import exchange, torch_export
from harness.importers.workers.exchange import Request, RequestError
from harness.importers.workers.torch_source import Source

# Drawn as these, and rounded: NumPy lacks the others, or the generators draw none.
_DRAWN_AS = {torch.float64: "float64", torch.complex128: "float64"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Slot:
    """An argument that is a tensor.

    Attributes:
        name: its name.
        dtype: its element type.
        shape: numbers, and symbols where a dimension is dynamic.
    """

    name: str
    dtype: Any
    shape: Sequence[Any]


def chosen(sources: Sequence[Source], request: Request) -> Sequence[Source]:
    """Return the functions with the arguments that the command line says, or with their own.

    Raises:
        RequestError: the command line does not fit the function, or there are several.
        FrameworkError, ModelError: it cannot be exported, from which its arguments are known.
    """
    given, first = request["inputs"], sources[0]
    if not given and not request["dimensions"] and first.args is not None:
        return sources
    if len(sources) > 1:
        option = "--input" if given else "--dim"
        raise RequestError(f"the model has {len(sources)} functions, and {option} is for a model with one")
    program = torch_export.exported(first)
    slots = list(_slots(program))
    arrays = exchange.loaded(given, [each.name for each in slots])
    tensors = [torch.from_numpy(each) for each in arrays] if given else _drawn(slots, request)
    for slot, tensor in zip(slots, tensors, strict=True):
        _check(slot, tensor)
    args, kwargs = _replaced(first, program, tensors)
    return [dataclasses.replace(first, args=args, kwargs=kwargs)]


def _slots(program: Any) -> Iterator[_Slot]:
    names = torch_export.inputs(program)
    nodes = {node.name: node.meta["val"] for node in program.graph.nodes if node.op == "placeholder"}
    for name in names:
        yield _Slot(name=name, dtype=nodes[name].dtype, shape=[_size(each) for each in nodes[name].shape])


def _size(size: Any) -> Any:
    """Return a number, or the symbol of a dynamic dimension."""
    return size if isinstance(size, int) else size.node.expr


def _drawn(slots: Sequence[_Slot], request: Request) -> Sequence[Any]:
    """Return random arguments. The numbers of each depend on the seed, its position, type and shape alone."""
    named = _dimensions(slots)
    sizes = exchange.sizes(list(named.values()), request)
    by_symbol = {symbol: sizes[name] for symbol, name in named.items()}
    shapes = [[each if isinstance(each, int) else int(each.subs(by_symbol)) for each in slot.shape] for slot in slots]
    return [
        _random(slot, shape, [request["seed"], index])
        for index, (slot, shape) in enumerate(zip(slots, shapes, strict=True))
    ]


def _dimensions(slots: Sequence[_Slot]) -> Mapping[Any, str]:
    """Return the names of the dynamic dimensions, `INPUT.INDEX` of the first that has each size."""
    names: dict[Any, str] = {}
    for slot in slots:
        for index, size in enumerate(slot.shape):
            if not isinstance(size, int) and size.is_Symbol:
                names.setdefault(size, f"{slot.name}.{index}")
    for size in (size for slot in slots for size in slot.shape if not isinstance(size, int)):
        for symbol in size.free_symbols:
            names.setdefault(symbol, str(symbol))
    return names


def _random(slot: _Slot, shape: Sequence[int], seed: Sequence[int]) -> Any:
    dtype = slot.dtype
    if not dtype.is_floating_point and not dtype.is_complex:
        return torch.from_numpy(exchange.drawn(slot.name, shape, str(dtype).removeprefix("torch."), seed))
    parts = [
        torch.from_numpy(exchange.drawn(slot.name, shape, _DRAWN_AS.get(dtype, "float32"), [*seed, part][:3]))
        for part in range(2 if dtype.is_complex else 1)
    ]
    return torch.complex(*parts).to(dtype) if dtype.is_complex else parts[0].to(dtype)


def _check(slot: _Slot, tensor: Any) -> None:
    """Check that a tensor has the type and the rank of an argument, and its sizes where they are fixed."""
    fits = len(slot.shape) == tensor.dim() and all(
        wanted == size or not isinstance(wanted, int) for wanted, size in zip(slot.shape, tensor.shape, strict=True)
    )
    if not fits or tensor.dtype is not slot.dtype:
        wanted = f"{slot.dtype}[{', '.join(map(str, slot.shape))}]".removeprefix("torch.")
        found = f"{tensor.dtype}{list(tensor.shape)}".removeprefix("torch.")
        raise RequestError(f"input {slot.name} is {wanted}, and --input has {found}")


def _replaced(source: Source, program: Any, tensors: Sequence[Any]) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Return arguments in which the tensors are others, in order; what is no tensor stays."""
    rest = iter(tensors)
    if source.args is not None:
        leaves, tree = trees.tree_flatten((tuple(source.args), dict(source.kwargs)))
        leaves = [next(rest) if isinstance(each, torch.Tensor) else each for each in leaves]
    else:
        kind, tree = torch.export.graph_signature.InputKind.USER_INPUT, program.call_spec.in_spec
        arguments = [each.arg for each in program.graph_signature.input_specs if each.kind is kind]
        leaves = [each.value if hasattr(each, "value") else next(rest) for each in arguments]
    args, kwargs = trees.tree_unflatten(leaves, tree)
    return tuple(args), kwargs
