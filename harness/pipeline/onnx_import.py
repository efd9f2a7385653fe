"""Imports a program that is an ONNX file, and runs it with ONNX Runtime."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from harness.core.blobs import Blob
from harness.core.cases import Case, ModelSpec, Weights
from harness.core.errors import ImportFailedError
from harness.core.provenance import ImportedProgram
from harness.core.references import Oracle
from harness.core.statuses import Kind
from harness.core.tensors import DEFAULT_ATOL, Tensor, Thresholds
from harness.core.values import frozen
from harness.host import files
from harness.importers.document import F64_FLAG
from harness.importers.frameworks import IMPORTERS, Framework
from harness.importers.model_import import Call, SavedTensor
from harness.importers.thresholds import F16_ATOL
from harness.pipeline import file_kinds, import_inputs
from harness.pipeline.import_steps import ImportStep, RequestRefusedError, WorkerRunner, files_of, taken
from harness.pipeline.step_runner import ToolStepRunner
from harness.store import scratch
from harness.store.entry import Entry

_FOLDER = PurePosixPath("model")
_MODEL = str(_FOLDER / "model.onnx")
# The key of a field of external data: onnx@v1.19.0:onnx/onnx.proto, message TensorProto
_KEY = b"location"
_DEMOTION = F64_FLAG.partition("=")[0]
_IMPORTER = IMPORTERS[Framework.ONNX]


@frozen
class _Sources:
    """What `find` answers: the names of the model's external data."""

    sources: tuple[str, ...]


@frozen
class _Program:
    """What `import` answers; see `harness.importers.model_import.Reply`."""

    program: str
    weights: str | None
    functions: tuple[str, ...]
    elements: tuple[str, ...]
    opset: tuple[int, ...] = ()


@frozen
class _Inputs:
    """What `draw` answers: the inputs."""

    inputs: tuple[SavedTensor, ...]


@frozen
class Ran:
    """What `run` answers: what the framework made of the inputs, and the versions of its packages."""

    calls: tuple[Call, ...]
    versions: dict[str, str]


@dataclass(kw_only=True)
class OnnxImport:
    """The import of the program of one case.

    Attributes:
        case: the case.
        steps: fetches blobs.
        runner: runs the importer's worker.
        importer: what messages call it.
        seconds: the time that it took so far.
    """

    case: Case
    steps: ToolStepRunner
    runner: WorkerRunner
    importer: str
    seconds: float = 0.0
    _files: dict[str, tuple[Path, str]] = field(default_factory=dict)
    _sources: list[Blob] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What messages call the model."""
        return file_kinds.shown(self.case.spec.mlir)

    def imported(self, *, is_oracle: bool) -> Case:
        """Return the case with the imported program, and the inputs; with an oracle also the outputs of ONNX Runtime.

        Raises:
            ImportFailedError: the model is refused.
        """
        spec = self.case.spec
        self.fetch()
        entry, program = self._program()
        spec = replace(spec, **_of_program(spec, entry, program, self.name))
        reference = ""
        if not self.case.is_compile_only:
            if (is_oracle or spec.has_reference) and not spec.outputs:
                spec, reference = self._with_reference(spec, program)
            elif not spec.inputs:
                drawn, answer = self.done("draw", _IMPORTER.name, **_drawing(spec))
                spec = replace(spec, inputs=_tensors(drawn, taken(_Inputs, answer, self.name).inputs, self.name))
        made = ImportedProgram(
            importer=self.importer,
            sources=tuple(self._sources),
            reference=reference,
            seconds=round(self.seconds, 3),
        )
        return replace(self.case, spec=replace(spec, imported=made))

    def fetch(self) -> Mapping[str, Blob]:
        """Fetch the model, then the external data that it names; return that by its names.

        Raises:
            ImportFailedError: the model cannot be read, or data is missing.
        """
        self._add(_MODEL, self.case.spec.mlir)
        if not files.contains(self._files[_MODEL][0], _KEY):
            return {}
        _, answer = self.done("find", _IMPORTER.name)
        found = {location: self._data(location) for location in taken(_Sources, answer, self.name).sources}
        for location, blob in found.items():
            self._add(str(_FOLDER / location), blob)
        return found

    def _add(self, place: str, blob: Blob) -> None:
        fetched = self.steps.fetch(blob)
        self._files[place] = (fetched.path, fetched.blob.sha256)
        self._sources.append(blob)

    def _data(self, location: str) -> Blob:
        """Return the blob of external data: what the spec says, or else a file beside the model.

        Raises:
            ImportFailedError: there is none, or it is elsewhere.
        """
        spec, names = self.case.spec, f"{self.name} names external data {location!r}"
        where = PurePosixPath(location)
        if where.is_absolute() or ".." in where.parts:
            raise ImportFailedError(f"{names}, which is outside the folder of the model; copy it beside the model.")
        if location in spec.external_data:
            return spec.external_data[location]
        if spec.mlir.is_remote:
            raise ImportFailedError(f"{names}; say where it is: 'external_data': {{{location!r}: URL}} in the spec.")
        folder = spec.mlir.local_path.parent
        real = Path(os.path.realpath(folder / location))
        if not real.is_relative_to(os.path.realpath(folder)):
            where_it_is = "which is a link to outside the folder of the model"
            raise ImportFailedError(f"{names}, {where_it_is}; copy it beside the model.")
        if not real.is_file():
            raise ImportFailedError(f"{names}, which is missing; put it beside the model.")
        return Blob(url=real.as_uri())

    def _program(self) -> tuple[Entry, _Program]:
        entry, answer = self.done("import", f"the importer of {self.importer}")
        return entry, taken(_Program, answer, self.name)

    def _with_reference(self, spec: ModelSpec, program: _Program) -> tuple[ModelSpec, str]:
        """Return a spec whose inputs are drawn unless it has some, and whose outputs are those of the framework."""
        entry, ran = self.ran()
        call = ran.calls[0]
        spec = replace(
            spec,
            inputs=spec.inputs or _tensors(entry, call.inputs, self.name),
            outputs=_tensors(entry, call.outputs, self.name),
            thresholds=_thresholds(spec, program, call),
        )
        return spec, _IMPORTER.reference.format(**ran.versions)

    def ran(self, *, in_float64: bool = False) -> tuple[Entry, Ran]:
        """Run the model with ONNX Runtime, or compute it in float64 with ONNX itself, and return what that left.

        Raises:
            ImportFailedError: it cannot be run.
        """
        spec = self.case.spec
        try:
            with scratch.folder(self.steps.store.root) as folder:
                given = import_inputs.files(spec.inputs, folder, self.steps.fetch, self.name)
                do, tool = ("float64", "ONNX") if in_float64 else ("run", "ONNX Runtime")
                entry, answer = self.done(do, tool, given, **_drawing(spec))
        except RequestRefusedError:
            raise
        except ImportFailedError as error:
            raise _oracle_failed(error) from error
        return entry, taken(Ran, answer, self.name)

    def done(self, do: str, tool: str, given: Sequence[Path] = (), **asked: Any) -> tuple[Entry, Any]:
        """Let the worker do a step, and return what it left, and its answer.

        Raises:
            ImportFailedError: it does not end well.
        """
        started = time.monotonic()
        is_spec = self.case.spec.path.suffix == ".json"
        inputs = {f"inputs/{index}.npy": path for index, path in enumerate(given)}
        step = ImportStep(
            do=do,
            tool=tool,
            files={**self._files, **import_inputs.with_digests(inputs)},
            asked={"model": _MODEL, "inputs": list(inputs), **asked},
            hint=" A spec has the fields 'dimensions' and 'inputs' for that." if is_spec else "",
            host_cpu=self.steps.host_cpu if do == "run" else "",
        )
        entry, answer = self.runner.run(step, self.name)
        self.seconds += 0.0 if entry.cached else time.monotonic() - started
        return entry, answer


def _of_program(spec: ModelSpec, entry: Entry, program: _Program, name: str) -> dict[str, Any]:
    """Return the fields of a spec that an import changes."""
    (path,) = files_of(entry, [program.program], name)
    changed: dict[str, Any] = {
        "mlir": _blob(entry, path),
        "run_function": spec.run_function or program.functions[0],
        "remarks": spec.remarks,
    }
    if program.weights:
        weights = _blob(entry, files_of(entry, [program.weights], name)[0])
        own = [Weights(blob=spec.real_weights, scope="model")] if spec.real_weights else []
        changed |= {"real_weights": None, "weights": (*own, *spec.weights, Weights(blob=weights, scope="model"))}
    if "float64" in program.elements and not any(flag.startswith(_DEMOTION) for flag in spec.compiler_flags):
        changed["compiler_flags"] = (*spec.compiler_flags, F64_FLAG)
        changed["remarks"] += (f"{F64_FLAG} added: the model has values of f64",)
    if program.opset:
        before, after = program.opset
        changed["remarks"] += (f"the importer raised the operators from opset {before} to {after}",)
    return changed


def _drawing(spec: ModelSpec) -> dict[str, Any]:
    """Return what a worker has to know to draw the inputs of a spec."""
    sizes = {"dimensions": spec.dimensions, "default_dimension": spec.default_dimension}
    return {"seed": spec.seed, "is_uniform": spec.is_uniform, **sizes}


def _tensors(entry: Entry, saved: Sequence[SavedTensor], name: str) -> tuple[Tensor, ...]:
    return tuple(Tensor(blob=_blob(entry, path)) for path in files_of(entry, [each.file for each in saved], name))


def _blob(entry: Entry, path: Path) -> Blob:
    return Blob(url=path.as_uri(), sha256=entry.sha256(path.name))


def _thresholds(spec: ModelSpec, program: _Program, call: Call) -> Thresholds:
    """Return the thresholds of a spec; where it has the defaults and the model has values of f16, wider ones."""
    if "float16" not in program.elements or spec.thresholds != Thresholds():
        return spec.thresholds
    elements = {each.type.rpartition("x")[2] for each in call.outputs} & DEFAULT_ATOL.keys()
    return replace(spec.thresholds, atol={**DEFAULT_ATOL, **dict.fromkeys(elements, float(F16_ATOL))})


def _oracle_failed(error: ImportFailedError) -> ImportFailedError:
    """Return the failure of an oracle: the model can be imported, and there is nothing to compare with."""
    what = Oracle.ONNXRUNTIME.description
    failed = ImportFailedError(f"nothing was compared, because the oracle failed: {what}: {error}")
    failed.kind = Kind.ORACLE
    return failed
