"""Reads spec files into `ModelSpec` and reports all violations at once, with file, line and JSON path."""

import functools
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from harness.core import literals, strict_json
from harness.core.blobs import Blob
from harness.core.cases import Backend, ModelSpec, Weights
from harness.core.errors import SpecError, Violation
from harness.core.tensors import DEFAULT_ATOL, DEFAULT_RTOL, Literal, Tensor, TensorType, Thresholds
from harness.core.text import shortened
from harness.host import files
from harness.iree import flag_classes, releases
from harness.iree.flag_classes import FlagClass
from harness.specs import expectation, json_lines, names, schema, thresholds, tuners
from harness.specs.catalogue import Folders

IGNORED = "(ignored)"
MAX_BYTES = 1 << 20
_SHOWN = 500  # characters
_MOST = 100  # violations of one sort: more are of no help, and take long to find
_DEFAULT_DEVICE: Mapping[str, str] = {Backend.CPU: "local-task", Backend.ROCM: "hip", Backend.CUDA: "cuda"}
_SCALAR = re.compile(r"[-+]?[0-9.][0-9.eE+-]{0,99}")  # as iree-run-module takes it
_T = TypeVar("_T")


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
        raise SpecError(tuple(violations))
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
        raise SpecError(tuple(reader.violations))
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
    return reader.read(), reader.violations


class _Reader:
    """Reads one spec and collects its violations."""

    def __init__(self, path: Path, folders: Folders, needs_tuner: Callable[[str], bool]) -> None:
        self.violations: list[Violation] = []
        self._path, self._folders, self._needs_tuner = path, folders, needs_tuner
        self._document = json_lines.Document(None)

    def read(self) -> ModelSpec | None:
        """Return the spec, or None if there are violations."""
        submodel, _, backend = self._path.stem.rpartition("_")
        if not submodel or backend not in list(Backend):
            names = " or ".join(f"{submodel or self._path.stem}_{known}.json" for known in Backend)
            self._violation("$", f"the file name has no backend; expected {names}")
        self._check_names(submodel)
        return self._read(submodel, backend) if self._parse() else None

    def read_document(self, submodel: str, backend: str, value: Mapping[str, Any]) -> ModelSpec | None:
        """Return the spec in a document, or None if there are violations."""
        self._document = json_lines.Document(value)
        self._check_names(submodel)
        return self._read(submodel, backend)

    def _check_names(self, submodel: str) -> None:
        for fault in names.faults(names.model(self._path), submodel):
            self._violation("$", fault)

    def _read(self, submodel: str, backend: str) -> ModelSpec | None:
        broken = self._schema_violations()
        if not isinstance(self._document.value, dict) or len(self.violations) >= _MOST:
            return None
        spec = self._spec(submodel, backend, {k: v for k, v in self._document.value.items() if k not in broken})
        return None if self.violations else spec

    def _violation(self, json_path: str, message: str) -> None:
        line, shown = self._document.line(json_path), shortened(json_path, _SHOWN)
        self.violations.append(
            Violation(path=self._path, line=line, json_path=shown, message=shortened(message, _SHOWN))
        )

    def _parse(self) -> bool:
        try:
            self._document = json_lines.parse(files.read(self._path, MAX_BYTES).decode("utf-8"))
        except json.JSONDecodeError as error:
            message = f"not valid JSON: {error.msg} (column {error.colno})"
            self.violations.append(Violation(path=self._path, line=error.lineno, json_path="$", message=message))
        except (ValueError, OSError) as error:
            self._violation("$", f"cannot read the file: {files.reason(error)}")
        for json_path in self._document.duplicates[:_MOST]:
            self._violation(json_path, "duplicate field")
        for path, fault in itertools.islice(strict_json.faults(self._document.value), _MOST):
            self._violation(functools.reduce(json_lines.member, path, "$"), fault)
        return not self.violations

    def _schema_violations(self) -> set[str]:
        """Collect the violations of the schema and return the fields that have any; other fields are still read."""
        found = list(itertools.islice(schema.violations(self._document.value), _MOST))
        for json_path, message in found:
            self._violation(json_path, message)
        return {re.split(r"[.\[]", json_path)[1] for json_path, _ in found if json_path != "$"}

    def _spec(self, submodel: str, backend: str, value: Mapping[str, Any]) -> ModelSpec | None:
        self._check_combinations(self._document.value)
        self._check_flags(value)
        value = {name: each for name, each in value.items() if name != "$schema"}
        parts = {
            "devices": tuple(value.get("devices") or [value.get("device") or _DEFAULT_DEVICE.get(backend, "")]),
            "comment": _texts(value.get("comment", [])),
            "inputs": tuple(self._input(i, entry) for i, entry in enumerate(value.get("inputs", []))),
            "outputs": tuple(self._output(i, entry) for i, entry in enumerate(value.get("outputs", []))),
            "thresholds": self._thresholds(value.get("threshold_args", [])),
            "tuner_file": self._tuners(value.get("tuner_file", {})),
            "flags_for": {key: tuple(each) for key, each in value.get("flags_for", {}).items()},
            "flag_files": self._flag_files(value),
            "weights": tuple(self._weights(i, entry) for i, entry in enumerate(value.get("weights", []))),
            "expect": tuple(
                self._checked(f"$.expect[{index}]", functools.partial(expectation.read, entry))
                for index, entry in enumerate(value.get("expect", []))
            ),
            "compile_chip_expecting_to_fail": tuple(value.get("compile_chip_expecting_to_fail", [])),
        } | {field: self._blob(f"$.{field}", value[field]) for field in _SOURCES if field in value}
        if self.violations:
            return None
        plain = {field: _frozen(value[field]) for field in value.keys() - parts.keys() - {"device"}}
        known: dict[str, Any] = {"backend": Backend(backend)} | plain | parts
        named: dict[str, Any] = {"path": self._path, "model": names.model(self._path), "submodel": submodel}
        fields = (json_lines.member("$", field) for field in value)
        entries = (f"$.expect[{index}]" for index in range(len(value.get("expect", []))))
        lines = {json_path: self._document.line(json_path) for json_path in (*fields, *entries)}
        return ModelSpec(**named, **known, trust_flags=self._folders.trust_flags, lines=lines)

    def _check_combinations(self, value: Mapping[str, Any]) -> None:
        if value.get("add_pipeline_module") and "pipeline_mlir" not in value:
            missing = "missing field 'pipeline_mlir', which 'add_pipeline_module' requires"
            self._violation("$.add_pipeline_module", missing)
        if "weights" in value and "real_weights" in value:
            self._violation("$.real_weights", "give either 'real_weights' or 'weights', with the scope 'model'")
        if "devices" in value and "device" in value:
            self._violation("$.device", "give either 'device' or 'devices'")
        outputs = value.get("outputs")
        if isinstance(outputs, list) and outputs and all(each == {"value": IGNORED} for each in outputs):
            self._violation("$.outputs", "all outputs are ignored; expected one to compare, or no field 'outputs'")

    def _check_flags(self, value: Mapping[str, Any]) -> None:
        for comparisons in value.get("flags_for", {}):
            json_path = json_lines.member("$.flags_for", comparisons)
            self._checked(json_path, functools.partial(releases.fulfils, releases.newest(), comparisons))
        for json_path, flag in _flags(value):
            if reason := flag_classes.refusal(flag, trusted=self._folders.trust_flags):
                self._violation(json_path, f"{flag!r} {reason}")

    def _blob(self, json_path: str, source: str) -> Blob | None:
        return self._checked(json_path, lambda: self._folders.blob(source, self._path))

    def _tensor(self, field: str, index: int, entry: Mapping[str, str]) -> Tensor | None:
        json_path = f"$.{field}[{index}]"
        blob = self._blob(f"{json_path}.source", entry["source"])
        type_ = (
            self._checked(f"{json_path}.value", lambda: TensorType.parse(entry["value"])) if "value" in entry else None
        )
        if blob is not None and "value" not in entry and not blob.name.endswith(".npy"):
            self._violation(json_path, f"missing 'value', the type of {blob.name}; only .npy files have their own")
        return Tensor(blob=blob, type=type_) if blob else None

    def _input(self, index: int, entry: Mapping[str, str]) -> Tensor | Literal | None:
        if "source" in entry:
            return self._tensor("inputs", index, entry)
        is_scalar = _SCALAR.fullmatch(entry["value"])
        return Literal(text=entry["value"]) if is_scalar else self._literal("inputs", index, entry["value"])

    def _output(self, index: int, entry: Mapping[str, str]) -> Tensor | Literal | None:
        if entry.get("value") == IGNORED:
            if "source" in entry:
                self._violation(f"$.outputs[{index}]", "an ignored output must not have a source")
            return None
        if "source" in entry:
            return self._tensor("outputs", index, entry)
        return self._literal("outputs", index, entry["value"])

    def _weights(self, index: int, entry: Mapping[str, str]) -> Weights | None:
        blob = self._blob(f"$.weights[{index}].source", entry["source"])
        return Weights(blob=blob, scope=entry.get("scope", "")) if blob else None

    def _literal(self, field: str, index: int, text: str) -> Literal:
        """Return a tensor that is written out."""
        if "=" not in text:
            self._violation(f"$.{field}[{index}]", f"missing 'source'; add one, or write out the value, e.g. {text}=0")
        else:
            self._checked(f"$.{field}[{index}].value", lambda: literals.parse(text))
        return Literal(text=text)

    def _thresholds(self, arguments: list[str]) -> Thresholds:
        atol, rtol = dict(DEFAULT_ATOL), DEFAULT_RTOL
        for index, argument in enumerate(arguments):
            json_path = f"$.threshold_args[{index}]"
            found = self._checked(json_path, functools.partial(thresholds.parse, argument))
            match found:
                case None, number:
                    rtol = number
                case str(element), number:
                    atol[element] = number
        return Thresholds(atol=atol, rtol=rtol)

    def _tuners(self, tuners: Mapping[str, str]) -> dict[str, Blob | None]:
        return {sku: self._tuner(json_lines.member("$.tuner_file", sku), sku, path) for sku, path in tuners.items()}

    def _tuner(self, json_path: str, sku: str, source: str) -> Blob | None:
        blob = self._blob(json_path, source)
        if blob and self._needs_tuner(sku) and tuners.is_missing(blob):
            self._violation(json_path, f"{_not_found(source)}, and --sku {sku} needs it; {tuners.WHERE}")
        return blob

    def _flag_files(self, value: Mapping[str, Any]) -> dict[str, Blob | None]:
        """Return the files that flags name, by their names there; those of lists may be missing, as weights may be."""
        found = {name: (path, flag) for path, flag in _flags(value) for name in flag_classes.files_named(flag)}
        alone = {name for name, (_, flag) in found.items() if flag_classes.of(flag) is FlagClass.FILE}
        return {name: (self._local if name in alone else self._blob)(path, name) for name, (path, _) in found.items()}

    def _local(self, json_path: str, source: str) -> Blob | None:
        blob = self._blob(json_path, source)
        if blob and tuners.is_missing(blob):
            self._violation(json_path, _not_found(source))
        return blob

    def _checked(self, json_path: str, compute: Callable[[], _T]) -> _T | None:
        try:
            return compute()
        except (ValueError, OSError, RuntimeError) as error:  # a path may be too long, or a loop of links
            self._violation(json_path, files.reason(error))
            return None


_SOURCES = ("mlir", "real_weights", "pipeline_mlir")


def _not_found(source: str) -> str:
    return f"file {source!r} not found beside the spec or in --external-files"


def _flags(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the JSON path and the text of each compiler flag."""
    lists = {f"$.{field}": value.get(field, []) for field in ("compiler_flags", "pipeline_compiler_flags")}
    lists |= {json_lines.member("$.flags_for", key): each for key, each in value.get("flags_for", {}).items()}
    for json_path, texts in lists.items():
        yield from ((json_lines.member(json_path, index), text) for index, text in enumerate(texts))


def _texts(value: Any) -> tuple[str, ...]:
    """Return the texts of a value that is a string or an array."""
    return (value,) if isinstance(value, str) else tuple(value)


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
