"""Says in the fields of a spec what was imported (no I/O)."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.provenance import ProgramSource
from harness.core.records import as_json
from harness.core.settings import ProgramSettings
from harness.core.values import frozen
from harness.importers import thresholds
from harness.importers.model_import import Call, ImportedModel, SavedTensor

F64_FLAG = "--iree-input-demote-f64-to-f32=false"


@frozen
class Names:
    """The names of files beside a spec.

    Attributes:
        stem: what the names of all files begin with, and the name of the spec without its backend.
        function: the function that the spec calls.
        program: the program.
        weights: its weights; None if they are in the program.
        by_file: the names of tensors, by those that the worker gave them.
    """

    stem: str
    function: str
    program: str
    weights: str | None
    by_file: Mapping[str, str]


def names(model: ImportedModel, stem: str) -> Sequence[Names]:
    """Return the names of files for the spec of each function; the functions share program and weights."""
    reply = model.reply
    stems = [stem] if len(reply.functions) == 1 else [f"{stem}-{each}" for each in reply.functions]
    return [
        Names(
            stem=each,
            function=function,
            program=f"{stem}.mlir",
            weights=f"{stem}.irpa" if reply.weights else None,
            by_file=_tensors("input", each, call.inputs) | _tensors("output", each, call.outputs),
        )
        for each, function, call in zip(stems, reply.functions, reply.calls, strict=True)
    ]


def files(model: ImportedModel, named: Sequence[Names]) -> Mapping[str, str]:
    """Return the files that the worker wrote, by their names beside the specs."""
    reply, first = model.reply, named[0]
    shared = {first.program: reply.program}
    if first.weights and reply.weights:
        shared[first.weights] = reply.weights
    return shared | {name: file for each in named for file, name in each.by_file.items()}


def settings(model: ImportedModel, call: Call, named: Names, given: ProgramSettings) -> ProgramSettings:
    """Return how to compile, run and check a function, with the names of its files beside the spec.

    Args:
        model: the imported model.
        call: the call of the function.
        named: the names of its files.
        given: what the command line says: flags, inputs and thresholds.
    """
    return ProgramSettings(
        compiler_flags=(*given.compiler_flags, *([F64_FLAG] if "float64" in model.reply.elements else [])),
        function=named.function,
        inputs=given.inputs or tuple(_argument(each, named) for each in call.inputs),
        expected_outputs=tuple(_argument(each, named) for each in call.outputs),
        thresholds=given.thresholds or thresholds.suggested(model, call),
        weights=given.weights or named.weights,
    )


def fields(model: ImportedModel, call: Call, given: ProgramSettings, source: ProgramSource) -> Mapping[str, Any]:
    """Return the fields of a spec for its reader: `comment` and `provenance`."""
    opset = model.reply.opset
    raised = [f"The importer raised its operators from opset {opset[0]} to {opset[1]}."] if opset else []
    comment = [
        f"Imported from {next(iter(source.files))}; the expected outputs are those of {source.reference} on the CPU.",
        *raised,
        *thresholds.reasons(model, call, given.thresholds),
    ]
    known = {name: each for name, each in as_json(source).items() if each is not None}
    return {"comment": comment, "provenance": {"source": known}}


def _tensors(role: str, stem: str, saved: Sequence[SavedTensor]) -> dict[str, str]:
    return {each.file: f"{stem}.{role}{index}{each.suffix}" for index, each in enumerate(saved)}


def _argument(tensor: SavedTensor, named: Names) -> str:
    """Return a tensor as an option names it; a .npy file has its type."""
    name = named.by_file[tensor.file]
    return f"@{name}" if tensor.suffix == ".npy" else f"{tensor.type}=@{name}"
