"""Writes functions of PyTorch as one program, and its weights as an archive."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from iree.turbine import aot
from iree.turbine.aot.compiled_module import ExportTargetDef
from iree.turbine.aot.fx_programs import FxPrograms

from harness.importers.workers import exchange
from harness.importers.workers.exchange import FrameworkError, ModelError
from harness.importers.workers.torch_source import Source

EXPORTER, IMPORTER = "torch.export", "iree-turbine"
_SCOPE = "model"
# Smaller constants stay in the program: shapes may depend on them.
_CONSTANT_ELEMENTS = 1024
# The importer has no recurrent layers, and PyTorch can write them in simpler operators.
_ATEN = torch.ops.aten
_RECURRENT = (_ATEN.lstm.input, _ATEN.gru.input, _ATEN.rnn_tanh.input, _ATEN.rnn_relu.input)
_KNOWN_OPERATORS = {"aten", "prim", "prims", "quantized_decomposed"}


def exported(source: Source) -> Any:
    """Return a function as an exported program in operators that the importer knows.

    Raises:
        FrameworkError: PyTorch cannot export it.
        ModelError: it has operators of its own.
    """
    try:
        program = source.exported or torch.export.export(
            source.module, source.args, dict(source.kwargs), dynamic_shapes=source.dynamic_shapes
        )
        with aot.decompositions.extend_aot_decompositions(add_ops=_RECURRENT):
            known = aot.decompositions.current_aot_decompositions()
        program = program.run_decompositions({**known, _ATEN.split.Tensor: _split})
    except Exception as error:
        raise FrameworkError(EXPORTER, exchange.told(error).split("\n\n")[0]) from error
    _check_operators(program)
    return program


def _split(tensor: Any, size: int, dim: int = 0) -> Any:
    """Decompose a split, which the importers of releases before 3.9.0 lack, into slices."""
    total = tensor.shape[dim]
    if not isinstance(total, int) or not isinstance(size, int):
        return NotImplemented
    return tuple(_ATEN.slice.Tensor(tensor, dim, start, min(start + size, total)) for start in range(0, total, size))


def write(programs: Mapping[str, Any], there: Collection[str] = ()) -> bool:
    """Write exported programs as one, and return whether their weights are in an archive beside it.

    Args:
        programs: the programs.
        there: names of the weights that are in an archive already; then no other is written.

    Raises:
        FrameworkError: the importer refuses one.
    """
    tensors = _weights(programs)
    size = sum(each.numel() * each.element_size() for each in tensors.values())
    is_large = bool(size > exchange.INLINED_BYTES and not there)
    if is_large:
        _save(tensors)
    for program in programs.values() if there else ():
        _name({name: each for name, each in program.state_dict.items() if name in there})
    functions = FxPrograms()
    functions.programs = {name: ExportTargetDef(program) for name, program in programs.items()}
    try:
        aot.export(functions).save_mlir(exchange.PROGRAM)
    except Exception as error:
        raise FrameworkError(IMPORTER, exchange.told(error)) from error
    return is_large


def _name(tensors: Mapping[str, Any]) -> None:
    """Let the programs name their weights."""
    for name, tensor in tensors.items():
        aot.ExternalTensorTrait(external_scope=_SCOPE, external_name=name).set(tensor)


def _save(tensors: Mapping[str, Any]) -> None:
    """Let the programs name their weights, and write the archive."""
    _name(tensors)
    archive = aot.ParameterArchiveBuilder()
    for name, tensor in tensors.items():
        # One dimension at least: the archive's own way makes an array of NumPy, which has no bf16.
        flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
        archive.index.add_buffer(name, flat.numpy())
    archive.save(exchange.WEIGHTS)


def _weights(programs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters, buffers and larger constants by name: each tensor once, whatever shares it."""
    names: dict[int, str] = {}
    tensors: dict[str, Any] = {}
    for function, program in programs.items():
        constants = {
            name: each
            for name, each in program.constants.items()
            if isinstance(each, torch.Tensor) and each.numel() > _CONSTANT_ELEMENTS
        }
        for name, tensor in {**constants, **program.state_dict}.items():
            if id(tensor) not in names:
                names[id(tensor)] = name if name not in tensors else f"{function}.{name}"
                tensors[names[id(tensor)]] = tensor
    return tensors


def _check_operators(program: Any) -> None:
    """Check that no function calls operators that only its author knows."""
    operators = (node.target for node in program.graph.nodes if node.op == "call_function")
    own = {str(each) for each in operators if getattr(each, "namespace", "aten") not in _KNOWN_OPERATORS}
    if own:
        raise ModelError(f"uses operators of its own, which IREE does not know: {', '.join(sorted(own))}")


def inputs(program: Any) -> Sequence[str]:
    """Return the names of the inputs that are tensors, in order."""
    tensors = (torch.export.graph_signature.TensorArgument,)
    specs = program.graph_signature.input_specs
    kind = torch.export.graph_signature.InputKind.USER_INPUT
    return [each.arg.name for each in specs if each.kind is kind and isinstance(each.arg, tensors)]
