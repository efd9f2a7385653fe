"""Reads what a file of PyTorch gives: modules with their arguments, or programs of `torch.export`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from harness.importers.workers import exchange, torch_weights, user_code
from harness.importers.workers.exchange import ModelError, Request

# What a model may come with, in the order of `torch.export.export`.
_ARGUMENTS = "(module, args[, kwargs[, dynamic_shapes]]), as torch.export.export takes them"
_EXPECTED = f"{_ARGUMENTS}, a torch.export.ExportedProgram, or a dict from names of functions to such"
_MOST = 4
SINGLE = "main"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A function to import.

    Attributes:
        name: as the program will call it.
        module: what PyTorch calls.
        args: positional arguments; None if it comes without example inputs.
        kwargs: arguments by name.
        dynamic_shapes: which of their dimensions are dynamic, as `torch.export.export` takes it.
        exported: the program, if it is exported already.
    """

    name: str
    module: Any
    args: tuple[Any, ...] | None
    kwargs: Mapping[str, Any]
    dynamic_shapes: Any = None
    exported: Any = None


def seed(number: int) -> None:
    """Seed all generators that a model commonly draws from."""
    user_code.seed(number)
    torch.manual_seed(number)


def read(request: Request, weights: Mapping[str, Any]) -> Sequence[Source]:
    """Return what a function of a Python file gives, or the program of a `.pt2` file.

    Args:
        request: the request.
        weights: what their parameters and buffers become; empty for those that they come with.

    Raises:
        ModelError: the function raises, or returns something else; or the file is no program.
        RequestError: there is no such function, or the weights do not fit.
    """
    return _of_python(request, weights) if request["entry"] else _of_program(Path(request["model"]), weights)


def _of_python(request: Request, weights: Mapping[str, Any]) -> Sequence[Source]:
    torch.manual_seed(request["seed"])  # `made` seeds the others
    entry, made = request["entry"], user_code.made(request)
    functions = made if isinstance(made, Mapping) else {SINGLE: made}
    if not functions:
        raise ModelError(f"returned an empty dict from {entry}(); expected {_EXPECTED}")
    return [_source(f"{entry}()", name, each, weights) for name, each in functions.items()]


def _of_program(path: Path, weights: Mapping[str, Any]) -> Sequence[Source]:
    try:
        program = torch.export.load(path)
    except Exception as error:
        raise ModelError(f"is not a program of torch.export: {exchange.told(error)}") from error
    return [_exported(SINGLE, program, weights)]


def _source(maker: str, name: Any, made: Any, weights: Mapping[str, Any]) -> Source:
    """Return a function that a model gives."""
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
        raise ModelError(f"returned a function {name!r} from {maker}; expected an ASCII identifier such as 'encode'")
    if isinstance(made, torch.export.ExportedProgram):
        return _exported(name, made, weights)
    if not isinstance(made, (tuple, list)) or not 1 < len(made) <= _MOST or not isinstance(made[0], torch.nn.Module):
        raise ModelError(f"returned {_described(made)} from {maker}; expected {_EXPECTED}")
    given: list[Any] = [*made, *[None] * (_MOST - len(made))]
    module, args, kwargs, dynamic_shapes = given
    if not isinstance(args, (tuple, list)) or not isinstance(kwargs or {}, Mapping):
        found = f"arguments of type {type(args).__name__} and {type(kwargs).__name__}"
        raise ModelError(f"returned {found} from {maker}; expected {_ARGUMENTS}, with a tuple and a dict")
    module.eval()
    if weights:
        torch_weights.fill(module.state_dict(), weights)
    return Source(name=name, module=module, args=tuple(args), kwargs=dict(kwargs or {}), dynamic_shapes=dynamic_shapes)


def _exported(name: str, program: Any, weights: Mapping[str, Any]) -> Source:
    if weights:
        torch_weights.fill(program.state_dict, weights)
    args, kwargs = program.example_inputs or (None, {})
    return Source(name=name, module=program.module(), args=args, kwargs=kwargs, exported=program)


def _described(made: Any) -> str:
    if not isinstance(made, (tuple, list)):
        return f"a {type(made).__name__}"
    return f"a {type(made).__name__} of {len(made)} ({', '.join(type(each).__name__ for each in made[:_MOST])})"
