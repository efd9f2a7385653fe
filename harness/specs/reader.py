"""Turns JSON into `ModelSpec`; every violation at once, with file, line and JSON path."""

import functools
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from harness.core.blobs import Blob
from harness.core.cases import Backend, ModelSpec
from harness.core.errors import SpecError, Violation
from harness.core.tensors import Literal, Tensor, TensorType, Thresholds
from harness.iree import flags, releases
from harness.specs import json_lines, schema
from harness.specs.catalogue import Folders

IGNORED = "(ignored)"
_MAX_SPEC_BYTES = 1 << 20
_DEFAULT_DEVICE = {Backend.CPU: "local-task", Backend.ROCM: "hip", Backend.CUDA: "cuda"}
_THRESHOLD = re.compile(r"--expected_(?:(f16|f32|f64|bf16)_threshold|(rtol))=(.*)", re.DOTALL)
_SCALAR = re.compile(r"[-+]?[0-9.][0-9.eE+-]*")  # as iree-run-module takes it
_T = TypeVar("_T")


def load_all(paths: list[Path], folders: Folders, *, sku: str | None = None, strict: bool = False) -> list[ModelSpec]:
    """Read specs, all or none.

    Args:
        paths: the files.
        folders: where they and their local files may lie.
        sku: the tuning spec for it must be there.
        strict: the tuning specs for every SKU must be there.

    Raises:
        SpecError: with every violation of every file.
    """
    loaded = [_load(path, folders, sku=sku, strict=strict) for path in paths]
    if violations := [violation for _, found in loaded for violation in found] + list(_twice(paths)):
        raise SpecError(tuple(violations))
    return [spec for spec, _ in loaded if spec is not None]


def missing_tuners(specs: Iterable[ModelSpec]) -> Iterator[str]:
    """Yield, for each tuning spec that is not there, a sentence that says what needs it and where it may be had."""
    needs = [
        (blob.name, each.name, sku) for each in specs for sku, blob in each.tuner_file.items() if _is_missing(blob)
    ]
    for missing in dict.fromkeys(name for name, _, _ in needs):
        names = ", ".join(dict.fromkeys(name for file, name, _ in needs if file == missing))
        skus = " or ".join(dict.fromkeys(sku for file, _, sku in needs if file == missing))
        yield f"{missing} is not there, and --sku {skus} needs it for {names}; {_TUNERS_ARE}."


def of_document(path: Path, folders: Folders, backend: Backend, value: Mapping[str, Any]) -> ModelSpec:
    """Return the spec that a document says, in the place of a spec file, of a program at a path.

    Raises:
        SpecError: with every violation.
    """
    reader = _Reader(path, folders, lambda _: True)
    spec = reader.read_document(path.stem, backend, value)
    if spec is None:
        raise SpecError(tuple(reader.violations))
    return spec


def _twice(paths: list[Path]) -> Iterator[Violation]:
    """Yield where two files would be one case: a model is named by its folder alone."""
    first: dict[tuple[str, str], Path] = {}
    for path in paths:
        other = first.setdefault((path.parent.name, path.stem), path)
        if other is not path:
            message = f"{path.parent.name}/{path.stem} is the name of {other} too; expected another folder or file name"
            yield Violation(path=path, line=1, json_path="$", message=message)


def _load(path: Path, folders: Folders, *, sku: str | None, strict: bool) -> tuple[ModelSpec | None, list[Violation]]:
    reader = _Reader(path, folders, lambda name: strict or name == sku)
    return reader.read(), reader.violations


class _Reader:
    """Reads one file and gathers what is wrong with it."""

    def __init__(self, path: Path, folders: Folders, needs_tuner: Callable[[str], bool]) -> None:
        self.violations: list[Violation] = []
        self._path, self._folders, self._needs_tuner = path, folders, needs_tuner
        self._document = json_lines.Document(None)

    def read(self) -> ModelSpec | None:
        """Return the spec, or None if there are violations."""
        submodel, _, backend = self._path.stem.rpartition("_")
        if not submodel or backend not in list(Backend):
            names = " or ".join(f"{submodel or self._path.stem}_{known}.json" for known in Backend)
            self._violation("$", f"the file name says no backend; expected {names}")
        return self._read(submodel, backend) if self._parse() else None

    def read_document(self, submodel: str, backend: str, value: Mapping[str, Any]) -> ModelSpec | None:
        """Return what a document says that is in no file, or None if there are violations."""
        self._document = json_lines.Document(value)
        return self._read(submodel, backend)

    def _read(self, submodel: str, backend: str) -> ModelSpec | None:
        broken = self._schema_violations()
        if not isinstance(self._document.value, dict):
            return None
        spec = self._spec(submodel, backend, {k: v for k, v in self._document.value.items() if k not in broken})
        return None if self.violations else spec

    def _violation(self, json_path: str, message: str) -> None:
        line = self._document.line(json_path)
        self.violations.append(Violation(path=self._path, line=line, json_path=json_path, message=message))

    def _parse(self) -> bool:
        try:
            text = _text(self._path)
            self._document = json_lines.parse(text)
        except json.JSONDecodeError as error:
            message = f"this is no JSON: {error.msg} (column {error.colno})"
            self.violations.append(Violation(path=self._path, line=error.lineno, json_path="$", message=message))
        except (ValueError, OSError, RecursionError) as error:
            self._violation("$", f"the file cannot be read: {error}")
        for json_path in self._document.duplicates:
            self._violation(json_path, "the field is written twice; expected once")
        return not self.violations

    def _schema_violations(self) -> set[str]:
        """Gather them and return the fields that have any: the other fields are read all the same."""
        found = list(schema.violations(self._document.value))
        for json_path, message in found:
            self._violation(json_path, message)
        return {re.split(r"[.\[]", json_path)[1] for json_path, _ in found if json_path != "$"}

    def _spec(self, submodel: str, backend: str, value: Mapping[str, Any]) -> ModelSpec | None:
        self._check_combinations(self._document.value)
        self._check_flags(value)
        parts = {
            "comment": _texts(value.get("comment", [])),
            "inputs": tuple(self._input(i, entry) for i, entry in enumerate(value.get("inputs", []))),
            "outputs": tuple(self._output(i, entry) for i, entry in enumerate(value.get("outputs", []))),
            "thresholds": self._thresholds(value.get("threshold_args", [])),
            "tuner_file": self._tuners(value.get("tuner_file", {})),
            "flags_for": {key: tuple(each) for key, each in value.get("flags_for", {}).items()},
            "flag_files": self._flag_files(value),
            "compile_chip_expecting_to_fail": frozenset(value.get("compile_chip_expecting_to_fail", [])),
        } | {field: self._blob(f"$.{field}", value[field]) for field in _SOURCES if field in value}
        if self.violations:
            return None
        plain = {field: _frozen(value[field]) for field in value.keys() - parts.keys()}
        known: dict[str, Any] = (
            {"backend": Backend(backend), "device": _DEFAULT_DEVICE[Backend(backend)]} | plain | parts
        )
        names: dict[str, Any] = {"path": self._path, "model": self._path.absolute().parent.name, "submodel": submodel}
        fields = (json_lines.member("$", field) for field in value)
        lines = {json_path: self._document.line(json_path) for json_path in fields}
        return ModelSpec(**names, **known, lines=lines)

    def _check_combinations(self, value: Mapping[str, Any]) -> None:
        if value.get("add_pipeline_module") and "pipeline_mlir" not in value:
            self._violation("$.add_pipeline_module", "there is no pipeline module; expected the field pipeline_mlir")
        outputs = value.get("outputs")
        if isinstance(outputs, list) and outputs and all(each == {"value": IGNORED} for each in outputs):
            self._violation("$.outputs", "every output is ignored; expected one to compare, or no field outputs")

    def _check_flags(self, value: Mapping[str, Any]) -> None:
        for comparisons in value.get("flags_for", {}):
            json_path = json_lines.member("$.flags_for", comparisons)
            self._checked(json_path, functools.partial(releases.fulfils, releases.newest(), comparisons))
        for json_path, flag in _flags(value):
            if reason := flags.refusal(flag):
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
            self._violation(json_path, f"{blob.name} does not say its type as an .npy file does; expected a value")
        return Tensor(blob=blob, type=type_) if blob else None

    def _input(self, index: int, entry: Mapping[str, str]) -> Tensor | Literal | None:
        if "source" in entry:
            return self._tensor("inputs", index, entry)
        text = entry["value"]
        type_, equals, _ = text.partition("=")
        if equals:
            self._checked(f"$.inputs[{index}].value", lambda: TensorType.parse(type_))
        elif not _SCALAR.fullmatch(text):
            expected = f"expected one, or a value that is written out, such as {text}=0"
            self._violation(f"$.inputs[{index}]", f"there is no source; {expected}")
        return Literal(text=text)

    def _output(self, index: int, entry: Mapping[str, str]) -> Tensor | None:
        if entry.get("value") != IGNORED:
            return self._tensor("outputs", index, entry)
        if "source" in entry:
            self._violation(f"$.outputs[{index}]", "the output is ignored but has a source; expected one of the two")
        return None

    def _thresholds(self, arguments: list[str]) -> Thresholds:
        atol, rtol = dict(Thresholds().atol), 0.0
        for index, argument in enumerate(arguments):
            json_path = f"$.threshold_args[{index}]"
            found = self._checked(json_path, functools.partial(_threshold, argument))
            element, is_rtol, number = found or ("", False, 0)
            if is_rtol:
                rtol = number
            elif element:
                atol[element] = number
        return Thresholds(atol=atol, rtol=rtol)

    def _tuners(self, tuners: Mapping[str, str]) -> dict[str, Blob | None]:
        return {sku: self._tuner(json_lines.member("$.tuner_file", sku), sku, path) for sku, path in tuners.items()}

    def _tuner(self, json_path: str, sku: str, source: str) -> Blob | None:
        blob = self._blob(json_path, source)
        if blob and self._needs_tuner(sku) and _is_missing(blob):
            what = f"there is no file {source!r} beside the spec or in --external-files, and --sku {sku} needs it"
            self._violation(json_path, f"{what}; {_TUNERS_ARE}")
        return blob

    def _flag_files(self, value: Mapping[str, Any]) -> dict[str, Blob | None]:
        """Return the file of each flag that names one, by the text of the flag's value."""
        named = {name: json_path for json_path, flag in _flags(value) if (name := flags.file_named(flag))}
        return {name: self._local(json_path, name) for name, json_path in named.items()}

    def _local(self, json_path: str, source: str) -> Blob | None:
        blob = self._blob(json_path, source)
        if blob and _is_missing(blob):
            self._violation(
                json_path, f"there is no file {source!r} beside the spec; expected it there or in --external-files"
            )
        return blob

    def _checked(self, json_path: str, compute: Callable[[], _T]) -> _T | None:
        try:
            return compute()
        except ValueError as error:
            self._violation(json_path, str(error))
            return None


# In iree-org/iree, where older sources have build_tools/pkgci/external_test_suite instead.
_TUNERS_ARE = (
    "tuning specs come with the sources of IREE, in tests/external/iree-test-suites/test_suite_files: "
    "name their folder with --external-files (pytest: --external-file-directory)"
)
_SOURCES = ("mlir", "real_weights", "pipeline_mlir")


def _is_missing(blob: Blob) -> bool:
    return blob.url.startswith("file:") and not blob.local_path.exists()


def _flags(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the JSON path and the text of every flag for the compiler."""
    lists = {f"$.{field}": value.get(field, []) for field in ("compiler_flags", "pipeline_compiler_flags")}
    lists |= {json_lines.member("$.flags_for", key): each for key, each in value.get("flags_for", {}).items()}
    for json_path, texts in lists.items():
        yield from ((json_lines.member(json_path, index), text) for index, text in enumerate(texts))


def _threshold(argument: str) -> tuple[str, bool, float]:
    """Return (element type, whether it is the relative term, number) of `--expected_f16_threshold=1.0f`.

    The tool reads a number it does not understand as 0 without a word; here it is refused.
    """
    match = _THRESHOLD.fullmatch(argument)
    if match is None:
        raise ValueError(
            f"{argument!r} is no threshold; expected --expected_{{f16,f32,f64,bf16}}_threshold=N or --expected_rtol=N"
        )
    element, is_rtol, text = match.groups()
    try:
        number = float(text.removesuffix("f"))
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{argument!r} has no finite number of at least 0 after the equals sign")
    return element or "", bool(is_rtol), number


def _texts(value: Any) -> tuple[str, ...]:
    """Return the texts of what may be one or several."""
    return (value,) if isinstance(value, str) else tuple(value)


def _frozen(value: object) -> object:
    if isinstance(value, list):
        return tuple(value)
    return value


def _text(path: Path) -> str:
    if path.stat().st_size > _MAX_SPEC_BYTES:
        raise ValueError(f"it has more than {_MAX_SPEC_BYTES} bytes")
    return path.read_bytes().decode("utf-8")
