"""Reads IREE's suite sharktank_models: specs in `quality_tests`, and benchmarks of their modules in `benchmarks`.

The format is that of iree-org/iree-test-suites@612f936a:sharktank_models/benchmarks. A benchmark is the spec of the
same folder and file name with another function, inputs and flags, or a program that calls the modules of several specs.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from harness.core.budgets import Budget, Limit, Quantity, Statistic
from harness.core.cases import MAIN, Backend, ModelSpec, Weights
from harness.core.errors import SpecError
from harness.core.tensors import Thresholds
from harness.specs import names, reader
from harness.specs.catalogue import Folders
from harness.specs.tensor_fields import TensorFields
from harness.specs.tree import Tree
from harness.specs.violations import Violations
from harness.suites import benchmarks, documents, target_flags

NAME, HAS_CONFIGS = "sharktank_models", False
_FUNCTION, _SPECS = "function_run", "quality_tests"
_IGNORED = "$.specific_chip_to_ignore"
_ENDINGS = tuple(f"_{backend}.json" for backend in Backend)


class _Benchmark(msgspec.Struct, kw_only=True):
    function_run: str
    device: str
    inputs: list[str] = []
    benchmark_flags: list[str] = []
    specific_chip_to_ignore: list[str] = []
    compilation_required: bool = False
    compiled_file_name: str | None = None  # here it has a plain, fixed name
    mlir_file_name: str | None = None
    compile_flags: list[str] = []
    modules: list[str] = []
    real_weights_file_name: str | None = None  # here they are those of the spec, whatever their name
    golden_time_ms: dict[str, float] = {}
    golden_time_tolerance_multiplier: dict[str, float] = {}
    golden_dispatch: dict[str, float] = {}
    golden_size: dict[str, float] = {}


def find(tree: Tree) -> Iterator[tuple[str, Path]]:
    """Yield the name and the file of each benchmark and, if there is one, of each spec."""
    paths = [path for path in sorted(tree.files(*_ENDINGS)) if tree.has(path)]
    if any(_is_benchmark(path, tree) for path in paths):
        cases = (path for path in paths if _is_benchmark(path, tree) or "mlir" in tree.document(path, "mlir"))
        yield from ((_name(path), path) for path in cases)


def root(tree: Tree) -> Path:
    """Return the folder of the suite."""
    return tree.root


def read(name: str, path: Path, tree: Tree, folders: Folders) -> ModelSpec:
    """Return a case.

    Raises:
        SpecError: it is not valid; the error has all violations.
    """
    model, _, submodel = name.rpartition("/")
    found = _Reader(path, tree, folders).read() if _is_benchmark(path, tree) else _spec(path, folders)
    return replace(found, model=model, submodel=submodel)


def _is_benchmark(path: Path, tree: Tree) -> bool:
    return _FUNCTION in tree.document(path, _FUNCTION)


def _name(path: Path) -> str:
    return f"{path.parents[1].name}/{path.parent.name}/{path.stem}"


def _spec(path: Path, folders: Folders) -> ModelSpec:
    return reader.load_all([path], folders)[0]


class _Reader:
    """Reads one benchmark and collects its violations."""

    def __init__(self, path: Path, tree: Tree, folders: Folders) -> None:
        self._path, self._tree, self._folders = path, tree, folders
        self._violations = Violations(path)
        self._backend = path.stem.rpartition("_")[2]

    def read(self) -> ModelSpec:
        given = documents.read(self._violations, _Benchmark)
        for fault in names.faults(_name(self._path).rpartition("/")[0], self._path.stem):
            self._violations.add("$", fault)
        run = self._run(given)
        budget, remarks = self._budget(given)
        program = self._pipeline(given) if given.compilation_required else self._own()
        if self._violations.found or not program:
            raise SpecError(tuple(self._violations.found))
        return replace(
            program,
            path=self._path,
            outputs=(),
            thresholds=Thresholds(),
            threshold_args=(),
            run_function=given.function_run,
            run_test_expecting_to_fail=False,
            compile_chip_expecting_to_fail=(),
            expect=(),
            compile_only=False,
            ignored_chips=tuple(given.specific_chip_to_ignore),
            lines={_IGNORED: self._violations.document.line(_IGNORED)},
            budget=budget,
            remarks=(*documents.unknown(self._violations, _Benchmark), *remarks),
            **run,
        )

    def _run(self, given: _Benchmark) -> dict[str, Any]:
        flags = {f"$.benchmark_flags[{index}]": each for index, each in enumerate(given.benchmark_flags)}
        flags["$.device"] = f"--device={given.device}"
        kept = {path: flag for path, flag in flags.items() if not benchmarks.is_flag(flag)}
        for json_path, flag in kept.items():
            if reason := target_flags.run_refusal(flag, trusted=self._folders.trust_flags):
                self._violations.add(json_path, f"{flag!r} {reason}")
        tensors = TensorFields(self._violations, lambda _path, _source: None)
        return {
            "inputs": tensors.inputs([{"value": each} for each in given.inputs]),
            "devices": target_flags.devices(list(kept.values())),
            "run_args": target_flags.run_arguments(list(kept.values())),
        }

    def _budget(self, given: _Benchmark) -> tuple[Budget, tuple[str, ...]]:
        """Return the budget by SKU, and a remark for each flag that it does not use; 0 stands for no limit."""
        flags = {f"$.benchmark_flags[{index}]": each for index, each in enumerate(given.benchmark_flags)}
        flags = {path: flag for path, flag in flags.items() if benchmarks.is_flag(flag)}
        timing, remarks = benchmarks.timing(flags, self._violations)
        times, factors = given.golden_time_ms, given.golden_time_tolerance_multiplier
        for sku in sorted(sku for sku, golden in times.items() if golden and sku not in factors):
            self._violations.add("$.golden_time_ms", f"{sku!r} is missing in golden_time_tolerance_multiplier")
        latencies = {
            sku: Limit(golden=golden, tolerance=factors.get(sku, 1.0), statistic=Statistic.MEAN, timing=timing)
            for sku, golden in times.items()
            if golden
        }
        every = {
            Quantity.DISPATCHES: {sku: Limit(golden=golden) for sku, golden in given.golden_dispatch.items() if golden},
            Quantity.MODULE_BYTES: {sku: Limit(golden=golden) for sku, golden in given.golden_size.items() if golden},
            Quantity.LATENCY_MS: latencies,
        }
        return {quantity: limits for quantity, limits in every.items() if limits}, remarks

    def _own(self) -> ModelSpec | None:
        """Return the spec whose module the benchmark runs, without the program that calls it."""
        spec = self._quality("$", self._path.parent.name, self._path.name)
        if spec:
            spec = replace(spec, pipeline_mlir=None, pipeline_compiler_flags=(), add_pipeline_module=False)
        return spec

    def _quality(self, json_path: str, model: str, file: str) -> ModelSpec | None:
        path = self._path.parents[2] / _SPECS / model / file
        if self._tree.has(path):
            return _spec(path, self._folders)
        self._violations.add(
            json_path, f"no spec {path}, whose module it runs; name the folder that has {_SPECS} too with --specs"
        )
        return None

    def _pipeline(self, given: _Benchmark) -> ModelSpec | None:
        """Return a program that calls the modules of specs."""
        for index, flag in enumerate(given.compile_flags):
            if reason := target_flags.refusal(flag, trusted=self._folders.trust_flags):
                self._violations.add(f"$.compile_flags[{index}]", f"{flag!r} {reason}")
        if not given.mlir_file_name:
            self._violations.add("$.compilation_required", "missing field 'mlir_file_name'")
            return None
        source = given.mlir_file_name
        mlir = self._violations.checked("$.mlir_file_name", lambda: self._folders.blob(source, self._path))
        specs = [self._called(f"$.modules[{index}]", each) for index, each in enumerate(given.modules)]
        if not mlir or not all(specs):
            return None
        called = list(filter(None, specs))
        archives = (each.real_weights for each in called)
        return ModelSpec(
            path=self._path,
            model="",
            submodel="",
            backend=Backend(self._backend),
            mlir=mlir,
            compiler_flags=tuple(given.compile_flags),
            modules=tuple(each.programs[MAIN] for each in called),
            weights=tuple(Weights(blob=blob, scope="model") for blob in archives if blob),
            flag_files={text: blob for each in called for text, blob in each.flag_files.items()},
            devices=(given.device,),
            trust_flags=self._folders.trust_flags,
        )

    def _called(self, json_path: str, name: str) -> ModelSpec | None:
        """Return the spec that a name such as sdxl_clip means: a folder and a submodel, both may have underscores."""
        ending = f"_{self._backend}.json"
        parts = name.split("_")
        pairs = [("_".join(parts[:count]), "_".join(parts[count:])) for count in range(1, len(parts))]
        specs = self._path.parents[2] / _SPECS
        found = next((pair for pair in pairs if self._tree.has(specs / pair[0] / f"{pair[1]}{ending}")), None)
        model, submodel = found or (name.partition("_")[0], name.partition("_")[2])
        return self._quality(json_path, model, f"{submodel}{ending}")
