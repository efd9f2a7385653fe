"""Reads spec files into `ModelSpec` and reports all violations at once, with file, line and JSON path."""

import functools
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from harness.core.blobs import Blob
from harness.core.cases import EMPTY, ONNX, Backend, ModelSpec, Program, RandomWeights, Weights
from harness.core.errors import SpecError, Violation
from harness.core.provenance import ProgramSource, Provenance
from harness.core.references import DRIVERS
from harness.specs import (
    budgets,
    expectation,
    flag_fields,
    json_lines,
    judgement,
    names,
    overlays,
    schema,
    thresholds,
    tuners,
)
from harness.specs.catalogue import Folders
from harness.specs.markers import KEYWORDS
from harness.specs.tensor_fields import TensorFields
from harness.specs.violations import MOST, Violations

_DEFAULT_DEVICE: Mapping[str, str] = {backend: drivers[0] for backend, drivers in DRIVERS.items()}
_EXPECTED_FAILURES = ("run_test_expecting_to_fail", "compile_chip_expecting_to_fail", "expect")
_NO_FIELDS = thresholds.FIELDS | {"$schema", "device", judgement.FIELD}  # of `ModelSpec`
_Form = TypeVar("_Form")


def load_all(paths: list[Path], folders: Folders, *, sku: str | None = None, strict: bool = False) -> list[ModelSpec]:
    """Read spec files.

    Args:
        paths: the files.
        folders: the folders that they and their local files must be in.
        sku: require the tuning specs for this SKU.
        strict: require the tuning specs for all SKUs.

    Raises:
        SpecError: a file is not valid; the error has all violations of all files.
    """
    loaded = [_load(path, folders, sku=sku, strict=strict) for path in paths]
    if violations := [violation for _, found in loaded for violation in found] + list(_same_names(paths)):
        raise SpecError(tuple(dict.fromkeys(violations)))  # specs may share one of a file that they extend
    return [spec for spec, _ in loaded if spec is not None]


def of_document(path: Path, folders: Folders, backend: Backend, value: Mapping[str, Any]) -> ModelSpec:
    """Return the spec in a document that is not in a file.

    Args:
        path: the program that the spec is of; sources are relative to it.
        folders: the folders that local files must be in.
        backend: the backend of the spec.
        value: the document, as a spec file has it.

    Raises:
        SpecError: the document is not valid; the error has all violations.
    """
    reader = _Reader(path, folders, lambda _: True)
    spec = reader.read_document(path.stem, backend, value)
    if spec is None:
        raise SpecError(tuple(reader.violations.found))
    return spec


def _same_names(paths: list[Path]) -> Iterator[Violation]:
    """Yield a violation for each file with the name of another one: only the innermost folder is part of the name."""
    first: dict[tuple[str, str], Path] = {}
    for path in paths:
        other = first.setdefault((path.parent.name, path.stem), path)
        if other is not path:
            message = f"{other} has the name {path.parent.name}/{path.stem} as well; rename one of the files or folders"
            yield Violation(path=path, line=1, json_path="$", message=message)


def _load(path: Path, folders: Folders, *, sku: str | None, strict: bool) -> tuple[ModelSpec | None, list[Violation]]:
    reader = _Reader(path, folders, lambda name: strict or name == sku)
    return reader.read(), reader.violations.found


class _Reader:
    """Reads one spec and collects its violations."""

    def __init__(self, path: Path, folders: Folders, needs_tuner: Callable[[str], bool]) -> None:
        self.violations = Violations(path)
        self._path, self._folders, self._needs_tuner = path, folders, needs_tuner

    def read(self) -> ModelSpec | None:
        """Return the spec, or None if there are violations."""
        submodel, _, backend = self._path.stem.rpartition("_")
        if not submodel or backend not in list(Backend):
            names = " or ".join(f"{submodel or self._path.stem}_{known}.json" for known in Backend)
            base = f"{self._path.stem}_base.json if specs extend it"
            self.violations.add("$", f"the file name has no backend; expected {names}, or {base}")
        self._check_names(submodel)
        is_read = self.violations.read_document() and overlays.merge(self.violations, self._folders)
        return self._read(submodel, backend) if is_read else None

    def read_document(self, submodel: str, backend: str, value: Mapping[str, Any]) -> ModelSpec | None:
        """Return the spec in a document, or None if there are violations."""
        self.violations.document = json_lines.Document(value)
        self._check_names(submodel)
        return self._read(submodel, backend)

    def _check_names(self, submodel: str) -> None:
        for fault in names.faults(names.model(self._path), submodel):
            self.violations.add("$", fault)

    def _read(self, submodel: str, backend: str) -> ModelSpec | None:
        broken, value = self._schema_violations(), self.violations.document.value
        if not isinstance(value, dict) or len(self.violations.found) >= MOST:
            return None
        spec = self._spec(submodel, backend, {name: each for name, each in value.items() if name not in broken})
        return None if self.violations.found else spec

    def _schema_violations(self) -> set[str]:
        """Collect the violations of the schema and return the fields that have any; other fields are still read."""
        found = list(itertools.islice(schema.violations(self.violations.document.value), MOST))
        for json_path, message in found:
            self.violations.add(json_path, message)
        return {re.split(r"[.\[]", json_path)[1] for json_path, _ in found if json_path != "$"}

    def _spec(self, submodel: str, backend: str, value: Mapping[str, Any]) -> ModelSpec | None:
        self._check_combinations(self.violations.document.value)
        self._check_names_and_seed(value)
        trusted = self._folders.trust_flags
        flag_files = flag_fields.read(value, self.violations, self._blob, backend=backend, trusted=trusted)
        tensors = TensorFields(self.violations, self._blob)
        outputs = tensors.outputs(value.get("outputs", ()))
        limits = thresholds.read(value, self.violations)
        given = value.get("provenance", EMPTY)
        parts = {field: read(self, value[field]) for field, read in self._PARTS.items() if field in value} | {
            "devices": tuple(value.get("devices") or [value.get("device") or _DEFAULT_DEVICE.get(backend, "")]),
            "inputs": tensors.inputs(value.get("inputs", ()), value.get("seed", 0)),
            "outputs": outputs,
            "judges": judgement.read(value, outputs, self.violations),
            "thresholds": limits,
            "threshold_args": thresholds.arguments(value, limits),
            "flag_files": flag_files,
            "program_source": _record(ProgramSource, made) if (made := given.get("source")) else None,
        }
        if self.violations.found:
            return None
        plain = {field: _frozen(each) for field, each in value.items() if field not in _NO_FIELDS}
        known: dict[str, Any] = {**plain, **parts, **self._places(value)}
        model = names.model(self._path)
        named: dict[str, Any] = {"path": self._path, "model": model, "submodel": submodel, "backend": Backend(backend)}
        return ModelSpec(**named, **known, trust_flags=trusted)

    def _places(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return as fields where the spec says what is expected to fail."""
        fields = (f"$.{field}" for field in _EXPECTED_FAILURES if field in value)
        entries = (f"$.expect[{index}]" for index in range(len(value.get("expect", []))))
        places = {json_path: self.violations.place(json_path) for json_path in (*fields, *entries)}
        lines = {json_path: line for json_path, (_, line) in places.items()}
        bases = {json_path: path for json_path, (path, _) in places.items() if path != self._path}
        return {"lines": lines, "bases": bases} if places else {}

    def _check_combinations(self, value: Mapping[str, Any]) -> None:
        is_onnx = str(value.get("mlir", "")).partition("?")[0].endswith(ONNX)
        for field in () if is_onnx or "mlir" not in value else ("external_data", "dimensions"):
            if field in value:
                self.violations.add(f"$.{field}", f"has no effect, because 'mlir' names no {ONNX} file")
        if "dimensions" in value and "inputs" in value:
            self.violations.add("$.dimensions", "has no effect with 'inputs', because no input is drawn")
        if value.get("add_pipeline_module") and "pipeline_mlir" not in value:
            missing = "missing field 'pipeline_mlir', which 'add_pipeline_module' requires"
            self.violations.add("$.add_pipeline_module", missing)
        if "weights" in value and "real_weights" in value:
            self.violations.add("$.real_weights", "give either 'real_weights' or 'weights', with the scope 'model'")
        if "devices" in value and "device" in value:
            self.violations.add("$.device", "give either 'device' or 'devices'")

    def _check_names_and_seed(self, value: Mapping[str, Any]) -> None:
        are_read = "inputs" in value or "inputs" not in self.violations.document.value
        is_drawn = str(value.get("mlir", "")).partition("?")[0].endswith(ONNX) and not value.get("inputs")
        if (
            "seed" in value
            and are_read
            and not is_drawn
            and not any("formula" in each for each in value.get("inputs", []))
        ):
            self.violations.add("$.seed", "has no effect without an input that has a 'formula'")
        for index, marker in enumerate(value.get("markers", [])):
            if marker in KEYWORDS:
                message = f"{marker!r} cannot be a marker, because -m reads it otherwise"
                self.violations.add(f"$.markers[{index}]", message)

    def _blob(self, json_path: str, source: str) -> Blob | None:
        return self.violations.checked(json_path, lambda: self._folders.blob(source, self._path))

    def _weights(self, entries: Sequence[Mapping[str, Any]]) -> tuple[Weights | RandomWeights | None, ...]:
        return tuple(self._archive(f"$.weights[{index}]", entry) for index, entry in enumerate(entries))

    def _archive(self, json_path: str, entry: Mapping[str, Any]) -> Weights | RandomWeights | None:
        if ("source" in entry) == ("random" in entry):
            self.violations.add(json_path, "expected either 'source', an archive, or 'random'")
            return None
        if "random" in entry:
            return RandomWeights(seed=entry["random"].get("seed", 0), scope=entry.get("scope", ""))
        blob = self._blob(f"{json_path}.source", entry["source"])
        return Weights(blob=blob, scope=entry.get("scope", "")) if blob else None

    def _modules(self, entries: Sequence[Mapping[str, Any]]) -> tuple[Program | None, ...]:
        blobs = [self._blob(f"$.modules[{index}].mlir", entry["mlir"]) for index, entry in enumerate(entries)]
        flags = [tuple(entry.get("compiler_flags", [])) for entry in entries]
        return tuple(
            Program(mlir=mlir, compiler_flags=own) if mlir else None for mlir, own in zip(blobs, flags, strict=True)
        )

    def _external_data(self, sources: Mapping[str, str]) -> dict[str, Blob | None]:
        return {
            name: self._blob(json_lines.member("$.external_data", name), source) for name, source in sources.items()
        }

    def _expectations(self, entries: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
        return tuple(
            self.violations.checked(f"$.expect[{index}]", functools.partial(expectation.read, entry))
            for index, entry in enumerate(entries)
        )

    def _tuners(self, tuners: Mapping[str, str]) -> dict[str, Blob | None]:
        return {sku: self._tuner(json_lines.member("$.tuner_file", sku), sku, path) for sku, path in tuners.items()}

    def _tuner(self, json_path: str, sku: str, source: str) -> Blob | None:
        blob = self._blob(json_path, source)
        if blob and self._needs_tuner(sku) and tuners.is_missing(blob):
            message = f"{flag_fields.not_found(source)}, and --sku {sku} needs it; {tuners.WHERE}"
            self.violations.add(json_path, message)
        return blob

    # What reads a field, if a spec has it; others are taken as they are.
    _PARTS: Mapping[str, Callable[["_Reader", Any], Any]] = {
        "mlir": lambda self, given: self._blob("$.mlir", given),
        "external_data": _external_data,
        "modules": _modules,
        "real_weights": lambda self, given: self._blob("$.real_weights", given),
        "weights": _weights,
        "pipeline_mlir": lambda self, given: self._blob("$.pipeline_mlir", given),
        "tuner_file": _tuners,
        "flags_for": lambda _, given: {key: tuple(each) for key, each in given.items()},
        "expect": _expectations,
        "budget": lambda self, given: budgets.read(given, self.violations),
        "comment": lambda _, given: (given,) if isinstance(given, str) else tuple(given),
        "provenance": lambda _, given: _record(Provenance, given) if "reference" in given else None,
    }


def _record(form: type[_Form], value: Mapping[str, Any]) -> _Form:
    from harness.core import records  # noqa: PLC0415 - as slow to import as all of this module

    return records.read(form, value)


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
