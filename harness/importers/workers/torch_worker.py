"""Imports a model of PyTorch: a function of a Python file, or a program of `torch.export`."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ml_dtypes
import torch
from torch.utils import _pytree as trees

from harness.importers.workers import (
    exchange,
    torch_eager,
    torch_export,
    torch_inputs,
    torch_source,
    torch_weights,
    user_code,
)
from harness.importers.workers.exchange import Answer, ModelError, Request
from harness.importers.workers.torch_eager import Run
from harness.importers.workers.torch_source import Source

# The types that NumPy lacks: as integers of the same size, and as ml_dtypes calls them.
_VIEWS = {torch.bfloat16: (torch.int16, ml_dtypes.bfloat16)}


def _import(request: Request) -> Answer:
    """Run the functions eagerly, export them and save their inputs and outputs."""
    warnings.simplefilter("ignore")
    path, seed = Path(request["model"]), request["seed"]
    torch_eager.be_plain()
    weights = torch_weights.read(request["weights"]) if request["weights"] else {}
    sources = torch_inputs.chosen(torch_source.read(request, weights), request)
    runs, programs = {}, {}
    for each in sources:
        with _named(each, sources):
            runs[each.name] = torch_eager.run(each, path, seed)
            programs[each.name] = torch_export.exported(each)
    is_large = torch_export.write(programs, weights.keys())
    tensors = [tensor for program in programs.values() for tensor in program.state_dict.values()]
    has_inputs = bool(request["inputs"])
    calls = [
        _call(each, runs[each.name], programs[each.name], index, has_inputs=has_inputs)
        for index, each in enumerate(sources)
    ]
    tensors += [leaf for each in sources for leaf in _tensors(each)]
    tensors += [output.tensor for run in runs.values() for output in run.outputs]
    return {
        "sources": user_code.sources(path),
        "functions": list(programs),
        "calls": calls,
        "program": exchange.PROGRAM,
        "weights": exchange.WEIGHTS if is_large else None,
        "elements": sorted({str(each.dtype).removeprefix("torch.") for each in tensors}),
        "versions": exchange.versions("torch", "iree-turbine", "numpy"),
    }


@contextmanager
def _named(source: Source, sources: Sequence[Source]) -> Iterator[None]:
    """Let an error name the function, if there are several."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"has a function {source.name!r} that {error}" if len(sources) > 1 else str(error)) from error


def _call(source: Source, run: Run, program: Any, index: int, *, has_inputs: bool) -> Mapping[str, Any]:
    """Save the inputs and outputs of a function; inputs only if the user has given none."""
    names, arrays = torch_export.inputs(program), list(map(_array, _tensors(source)))
    outputs = [_array(each.tensor) for each in run.outputs]
    saved = exchange.saved(f"{index}.output", [f"output {each}" for each in range(len(outputs))], outputs)
    measured = ({"error": each.error, "largest": each.largest} for each in run.outputs)
    return {
        "inputs": [] if has_inputs else exchange.saved(f"{index}.input", names, arrays),
        "outputs": [{**each, **numbers} for each, numbers in zip(saved, measured, strict=True)],
        "obstacle": run.obstacle,
    }


def _tensors(source: Source) -> Sequence[Any]:
    """Return the arguments that are tensors, in order."""
    leaves = trees.tree_leaves((source.args, dict(source.kwargs)))
    return [each for each in leaves if isinstance(each, torch.Tensor)]


def _array(tensor: Any) -> Any:
    """Return a tensor as an array of NumPy, also of types that NumPy lacks."""
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    view, dtype = _VIEWS.get(tensor.dtype, (None, None))
    return tensor.view(view).numpy().view(dtype) if view else tensor.numpy()


STEPS = {"import": _import}
