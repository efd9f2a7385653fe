"""Reads cases of IREE's suite torch_models: JSON files with a type, and modules, which are other JSON files.

The format is that of iree-org/iree-test-suites@612f936a:torch_models/pytest_iree.
"""

import functools
import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from harness.core.blobs import Blob
from harness.core.budgets import EVERY, Budget, Limit, Quantity, Statistic
from harness.core.cases import ModelSpec, Program, RandomWeights, Weights
from harness.core.errors import SpecError
from harness.iree.flag_classes import Word
from harness.specs import names, thresholds
from harness.specs.catalogue import Folders
from harness.specs.markers import KEYWORDS
from harness.specs.tensor_fields import TensorFields
from harness.specs.tree import Tree
from harness.specs.violations import Violations
from harness.suites import benchmarks, documents, target_flags
from harness.suites.target_flags import CompilerFlags

NAME, HAS_CONFIGS = "torch_models", False
_TYPES = ("quality", "benchmark", "compstat")
_MARKER = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]{0,99}")
_FUNCTION, _EXPECTED, _BENCHMARK = "--function", "--expected_", "--benchmark_"
# Fields that only one type of cases has.
_OF_TYPE = {
    "benchmark": ("golden_time_ms", "tolerance_factor"),
    "compstat": ("golden_dispatch_count", "golden_binary_size"),
}
_SEED = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class _Tensor(msgspec.Struct, kw_only=True):
    url: str | None = None
    value: str | None = None


class _Url(msgspec.Struct, tag="url", kw_only=True):
    url: str
    scope: str


class _Random(msgspec.Struct, tag="random", kw_only=True):
    module: str
    seed: _SEED
    scope: str


class _Module(msgspec.Struct, kw_only=True):
    mlir: str
    compiler_flags: list[str] = []


class _Case(msgspec.Struct, kw_only=True):
    type: Literal["quality", "benchmark", "compstat"]
    markers: list[str]
    modules: list[str] = []
    module: str | None = None
    weights: list[_Url | _Random] = []
    inputs: list[_Tensor] = []
    expected_outputs: list[_Tensor] = []
    run_args: list[str] = []
    golden_time_ms: float | None = None
    tolerance_factor: float | None = None
    golden_dispatch_count: float | None = None
    golden_binary_size: float | None = None


def find(tree: Tree) -> Iterator[tuple[str, Path]]:
    """Yield the name and the file of each case.

    The name is the path without its suffix, relative to the innermost folder that is called torch_models, else to the
    root.
    """
    for path in sorted(tree.files(".json"), key=operator.attrgetter("parts")):
        if tree.has(path) and _is_case(tree.document(path, "type")):
            yield _name(path, tree.root), path


def _is_case(found: Mapping[str, Any]) -> bool:
    return "type" in found and (found["type"] in _TYPES or isinstance(found.get("markers"), list))


def _name(path: Path, default: Path) -> str:
    base = next((each for each in path.parents if each.name == NAME), default)
    name = path.relative_to(base).with_suffix("").as_posix()
    return name if "/" in name else f"{base.name}/{name}"


def root(tree: Tree) -> Path:
    """Return the folder that names of cases are relative to."""
    return next((each for each in (tree.root, *tree.root.parents) if each.name == NAME), tree.root)


def read(name: str, path: Path, tree: Tree, folders: Folders) -> ModelSpec:
    """Return a case.

    Args:
        name: the name of the case.
        path: its file.
        tree: what is in the folder of the suite, in which modules are looked for.
        folders: the folder that its files must be in.

    Raises:
        SpecError: it, or one of its modules, is not valid; the error has all violations of one of them.
    """
    return _Reader(name, path, tree, folders).read()


class _Reader:
    """Reads one case and collects its violations."""

    def __init__(self, name: str, path: Path, tree: Tree, folders: Folders) -> None:
        self._model, _, self._submodel = name.rpartition("/")
        self._tree, self._folders = tree, folders
        self._violations = Violations(path)

    def read(self) -> ModelSpec:
        case = documents.read(self._violations, _Case)
        for fault in names.faults(self._model, self._submodel):
            self._violations.add("$", fault)
        markers = self._markers(case)
        modules = self._modules(case)
        run = self._run(case)
        budget, remarks = self._budget(case)
        self._raise_found()
        (*before, (program, flags)) = modules
        return ModelSpec(
            path=self._violations.path,
            model=self._model,
            submodel=self._submodel,
            backend=flags.backend,
            chip=flags.chip,
            mlir=program.mlir,
            compiler_flags=program.compiler_flags,
            modules=tuple(each for each, _ in before),
            markers=markers,
            compile_only=case.type == "compstat",
            budget=budget,
            remarks=(*documents.unknown(self._violations, _Case), *remarks),
            trust_flags=self._folders.trust_flags,
            **run,
        )

    def _raise_found(self) -> None:
        if self._violations.found:
            raise SpecError(tuple(self._violations.found))

    def _budget(self, case: _Case) -> tuple[Budget, tuple[str, ...]]:
        """Return the budget of a case, and a remark for each field and flag that it does not use."""
        flags = {f"$.run_args[{index}]": each for index, each in enumerate(case.run_args) if benchmarks.is_flag(each)}
        timing, remarks = benchmarks.timing(flags, self._violations)
        found: dict[Quantity, Limit] = {}
        if case.type == "compstat":
            golden = {Quantity.DISPATCHES: case.golden_dispatch_count, Quantity.MODULE_BYTES: case.golden_binary_size}
            found = {quantity: Limit(golden=each) for quantity, each in golden.items() if each is not None}
        elif case.type == benchmarks.MARKER and case.golden_time_ms is not None:
            factor = benchmarks.FACTOR if case.tolerance_factor is None else case.tolerance_factor
            limit = Limit(golden=case.golden_time_ms, tolerance=factor, statistic=Statistic.MIN, timing=timing)
            found = {Quantity.LATENCY_MS: limit}
        others = [field for kind, fields in _OF_TYPE.items() if kind != case.type for field in fields]
        unused = (f"{each} has no effect in a {case.type} case" for each in others if getattr(case, each) is not None)
        return {quantity: {EVERY: limit} for quantity, limit in found.items()}, (*remarks, *unused)

    def _markers(self, case: _Case) -> tuple[str, ...]:
        for index, each in enumerate(case.markers):
            if not _MARKER.fullmatch(each) or each in KEYWORDS:
                self._violations.add(f"$.markers[{index}]", f"{each!r} cannot be a marker; expected a name such as hip")
        return tuple(dict.fromkeys([*case.markers, case.type]))

    def _modules(self, case: _Case) -> list[tuple[Program, CompilerFlags]]:
        """Return the programs, the one with the function last, and what their flags are for."""
        is_compstat = case.type == "compstat"
        named = {f"$.modules[{index}]": each for index, each in enumerate(case.modules)}
        if is_compstat:
            named = {"$.module": case.module} if case.module else {}
        if not named:
            self._violations.add("$", f"missing field {'module' if is_compstat else 'modules'!r}")
        found = [self._module(json_path, each) for json_path, each in named.items()]
        targets = {(flags.backend, flags.chip) for _, flags in filter(None, found)}
        if len(targets) > 1:
            shown = " and ".join(sorted(f"{backend} {chip or ''}".strip() for backend, chip in targets))
            self._violations.add("$.modules", f"are for {shown}; expected modules for one chip")
        return list(filter(None, found))

    def _module(self, json_path: str, name: str) -> tuple[Program, CompilerFlags] | None:
        path = self._file_of(name)
        if path is None:
            self._violations.add(
                json_path, f"no module file {name}.json in {self._tree.root}; name the folder that has it with --specs"
            )
            return None
        violations = Violations(path)
        module = documents.read(violations, _Module)
        for index, flag in enumerate(module.compiler_flags):
            if reason := target_flags.refusal(flag, trusted=self._folders.trust_flags):
                violations.add(f"$.compiler_flags[{index}]", f"{flag!r} {reason}")
        mlir = violations.checked("$.mlir", lambda: self._folders.blob(module.mlir, path))
        flags = violations.checked("$.compiler_flags", lambda: target_flags.compiler_flags(module.compiler_flags))
        if violations.found or not (mlir and flags):
            raise SpecError(tuple(violations.found))
        return Program(mlir=mlir, compiler_flags=flags.others), flags

    def _file_of(self, name: str) -> Path | None:
        """Return the file of a module: its name is relative to some folder around the case."""
        around = (folder / f"{name}.json" for folder in self._violations.path.parents)
        return next((each for each in around if self._tree.has(each)), None)

    def _run(self, case: _Case) -> dict[str, Any]:
        """Return what a run needs, as fields of a spec."""
        if case.type == "compstat":
            return {"devices": ("local-task",)}
        tensors = TensorFields(self._violations, self._blob, source="url")
        inputs, expected = (list(map(_entry, each)) for each in (case.inputs, case.expected_outputs))
        for json_path, entry in {
            **{f"$.inputs[{index}]": each for index, each in enumerate(inputs)},
            **{f"$.expected_outputs[{index}]": each for index, each in enumerate(expected)},
        }.items():
            if not entry:
                self._violations.add(json_path, "expected a 'url', a 'value' or both")
        outputs = tensors.outputs(expected, "expected_outputs") if all(expected) else ()
        return {
            "inputs": tensors.inputs(inputs) if all(inputs) else (),
            "outputs": outputs if case.type == "quality" else (),
            "weights": tuple(filter(None, (self._archive(*each) for each in enumerate(case.weights)))),
            **self._run_args(case.run_args),
        }

    def _blob(self, json_path: str, source: str) -> Blob | None:
        return self._violations.checked(json_path, functools.partial(self._folders.blob, source, self._violations.path))

    def _archive(self, index: int, entry: _Url | _Random) -> Weights | RandomWeights | None:
        if isinstance(entry, _Random):
            return RandomWeights(seed=entry.seed, scope=entry.scope)
        blob = self._blob(f"$.weights[{index}].url", entry.url)
        return Weights(blob=blob, scope=entry.scope) if blob else None

    def _run_args(self, flags: Sequence[str]) -> dict[str, Any]:
        """Return what flags of iree-run-module and iree-benchmark-module say, as fields of a spec."""
        paths = {f"$.run_args[{index}]": flag for index, flag in enumerate(flags)}
        parts: dict[str, dict[str, str]] = {_FUNCTION: {}, _EXPECTED: {}, _BENCHMARK: {}, "": {}}
        for json_path, flag in paths.items():
            name = Word.read(flag).name
            part = next((each for each in (_EXPECTED, _BENCHMARK) if name.startswith(each)), "")
            parts[_FUNCTION if name == _FUNCTION else part][json_path] = flag
        for json_path, flag in parts[""].items():
            if reason := target_flags.run_refusal(flag, trusted=self._folders.trust_flags):
                self._violations.add(json_path, f"{flag!r} {reason}")
        others = list(parts[""].values())
        functions = [Word.read(flag).value for flag in parts[_FUNCTION].values()]
        if not all(functions):
            self._violations.add("$.run_args", f"{_FUNCTION} has no name after an equals sign")
        return {
            "run_function": functions[-1] if functions else None,
            "devices": target_flags.devices(others),
            "run_args": target_flags.run_arguments(others),
            "thresholds": thresholds.of_flags(parts[_EXPECTED], self._violations),
            "threshold_args": tuple(parts[_EXPECTED].values()),
        }


def _entry(tensor: _Tensor) -> dict[str, str]:
    return {name: each for name in ("url", "value") if (each := getattr(tensor, name))}
