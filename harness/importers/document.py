"""Says in the fields of a spec what was imported (no I/O)."""

from collections.abc import Mapping
from typing import Any

from harness.core.provenance import ProgramSource
from harness.core.records import as_json
from harness.core.settings import ProgramSettings
from harness.core.tensors import DEFAULT_ATOL, DEFAULT_RTOL
from harness.importers.model_import import ImportedModel

F16_ATOL = "0.02"
F64_FLAG = "--iree-input-demote-f64-to-f32=false"
_DEFAULTS = (
    f"Thresholds: the defaults, {DEFAULT_ATOL['f32']:g} + {DEFAULT_RTOL:g} of the expected value for f32; both sides "
    "compute in that type, and differ in the order of sums and in approximations of functions."
)
_HALF = (
    f"Thresholds: {F16_ATOL}, 20 units in the last place of an f16 near 1. The model has values of f16; ONNX Runtime "
    "computes each operator in f32 and rounds its result to f16, and a compiler may round elsewhere."
)
_GIVEN = "Thresholds: given on the command line."


def names(model: ImportedModel, stem: str) -> Mapping[str, str]:
    """Return the names of files beside a spec, by those that the steps gave them; given inputs are where they were."""
    reply = model.reply
    tensors = [each.file for call in reply.calls for each in (*call.inputs, *call.outputs)]
    weights = {reply.weights: f"{stem}.irpa"} if reply.weights else {}
    return {reply.program: f"{stem}.mlir"} | weights | {file: f"{stem}.{file}" for file in tensors}


def settings(model: ImportedModel, by_file: Mapping[str, str], given: ProgramSettings) -> ProgramSettings:
    """Return how to compile, run and check the program, with the names of its files beside the spec.

    Args:
        model: the imported model.
        by_file: the names, as `names` returns them.
        given: what the command line says: flags, inputs and thresholds.
    """
    reply, (call,) = model.reply, model.reply.calls
    return ProgramSettings(
        compiler_flags=(*given.compiler_flags, *([F64_FLAG] if "float64" in reply.elements else [])),
        function=reply.functions[0],
        inputs=given.inputs or tuple(f"@{by_file[each.file]}" for each in call.inputs),
        expected_outputs=tuple(f"@{by_file[each.file]}" for each in call.outputs),
        thresholds=given.thresholds or _thresholds(model),
        weights=by_file[reply.weights] if reply.weights else None,
    )


def fields(model: ImportedModel, given: ProgramSettings, source: ProgramSource) -> Mapping[str, Any]:
    """Return the fields of a spec for its reader: `comment` and `provenance`."""
    opset = model.reply.opset
    raised = [f"The importer raised its operators from opset {opset[0]} to {opset[1]}."] if opset else []
    comment = [
        f"Imported from {next(iter(source.files))}; the expected outputs are those of {source.reference} on the CPU.",
        *raised,
        _GIVEN if given.thresholds else _HALF if _is_half(model) else _DEFAULTS,
    ]
    known = {name: each for name, each in as_json(source).items() if each is not None}
    return {"comment": comment, "provenance": {"source": known}}


def _thresholds(model: ImportedModel) -> tuple[tuple[str, str], ...]:
    """Return thresholds for the outputs of a model that has values of f16 anywhere, else none: the defaults."""
    if not _is_half(model):
        return ()
    elements = {each.type.rpartition("x")[2] for call in model.reply.calls for each in call.outputs}
    return tuple((element, F16_ATOL) for element in sorted(elements & DEFAULT_ATOL.keys()))


def _is_half(model: ImportedModel) -> bool:
    return "float16" in model.reply.elements
