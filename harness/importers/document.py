"""Says in the fields of a spec what was imported (no I/O)."""

from collections.abc import Mapping
from typing import Any

from harness.core.provenance import ProgramSource
from harness.core.records import as_json
from harness.core.settings import ProgramSettings
from harness.core.tensors import DEFAULT_ATOL, DEFAULT_RTOL
from harness.importers.onnx_import import OnnxImport

_F16_ATOL = "0.02"
_F64_FLAG = "--iree-input-demote-f64-to-f32=false"
_DEFAULTS = (
    f"Thresholds: the defaults, {DEFAULT_ATOL['f32']:g} + {DEFAULT_RTOL:g} of the expected value for f32; both sides "
    "compute in that type, and differ in the order of sums and in approximations of functions."
)
_HALF = (
    f"Thresholds: {_F16_ATOL}, 20 units in the last place of an f16 near 1. The model has values of f16; ONNX Runtime "
    "computes each operator in f32 and rounds its result to f16, and a compiler may round elsewhere."
)
_GIVEN = "Thresholds: given on the command line."


def names(model: OnnxImport, stem: str) -> Mapping[str, str]:
    """Return the names of files beside a spec, by those that the steps gave them; given inputs are where they were."""
    program, reference = model.program, model.reference
    tensors = [each.file for each in (*reference.inputs, *reference.outputs)]
    weights = {program.weights: f"{stem}.irpa"} if program.weights else {}
    return {program.program: f"{stem}.mlir"} | weights | {file: f"{stem}.{file}" for file in tensors}


def settings(model: OnnxImport, by_file: Mapping[str, str], given: ProgramSettings) -> ProgramSettings:
    """Return how to compile, run and check the program, with the names of its files beside the spec.

    Args:
        model: the imported model.
        by_file: the names, as `names` returns them.
        given: what the command line says: flags, inputs and thresholds.
    """
    program, reference = model.program, model.reference
    return ProgramSettings(
        compiler_flags=(*given.compiler_flags, *([_F64_FLAG] if "float64" in reference.elements else [])),
        function=program.function,
        inputs=given.inputs or tuple(f"@{by_file[each.file]}" for each in reference.inputs),
        expected_outputs=tuple(f"@{by_file[each.file]}" for each in reference.outputs),
        thresholds=given.thresholds or _thresholds(model),
        weights=by_file[program.weights] if program.weights else None,
    )


def fields(model: OnnxImport, given: ProgramSettings, source: ProgramSource) -> Mapping[str, Any]:
    """Return the fields of a spec for its reader: `comment` and `provenance`."""
    opset = model.program.opset
    raised = [f"The importer raised its operators from opset {opset[0]} to {opset[1]}."] if opset else []
    comment = [
        f"Imported from {next(iter(source.files))}; the expected outputs are those of {source.reference} on the CPU.",
        *raised,
        _GIVEN if given.thresholds else _HALF if _is_half(model) else _DEFAULTS,
    ]
    known = {name: each for name, each in as_json(source).items() if each is not None}
    return {"comment": comment, "provenance": {"source": known}}


def _thresholds(model: OnnxImport) -> tuple[tuple[str, str], ...]:
    """Return thresholds for the outputs of a model that has values of f16 anywhere, else none: the defaults."""
    if not _is_half(model):
        return ()
    elements = {each.type.rpartition("x")[2] for each in model.reference.outputs} & DEFAULT_ATOL.keys()
    return tuple((element, _F16_ATOL) for element in sorted(elements))


def _is_half(model: OnnxImport) -> bool:
    return "float16" in model.reference.elements
