"""Reads cases of IREE's suite torch_ops: folders with a program, and a file that says its inputs and outputs.

The format is that of iree-org/iree-test-suites@612f936a:torch_ops.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from harness.core import formulas, literals
from harness.core.blobs import Blob
from harness.core.cases import Backend, ModelSpec
from harness.core.errors import SpecError
from harness.core.formulas import LARGEST_SEED, Formula
from harness.core.tensors import Literal as Written
from harness.core.tensors import Tensor, TensorType
from harness.specs import names, thresholds
from harness.specs.catalogue import Folders
from harness.specs.tree import Tree
from harness.specs.violations import Violations
from harness.suites import benchmarks, documents

NAME, HAS_CONFIGS = "torch_ops", True
CASE_FILE = "run_module_io.json"
_GENERATED = "generated"
# Element types of the .npy files that the suite's own runner writes, by NumPy's names.
_ELEMENTS: Mapping[str, str] = {
    "bool": "i1",
    **{f"float{bits}": f"f{bits}" for bits in (16, 32, 64)},
    **{f"int{bits}": f"si{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"ui{bits}" for bits in (8, 16, 32, 64)},
}
_Size = Annotated[int, msgspec.Meta(ge=0)]
_Limit = Annotated[float, msgspec.Meta(ge=0)]


class _Formula(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    shape: list[_Size]
    dtype: str = "float32"
    coeff: float = 1.0
    offset: float = 0.0


class _Drawn(msgspec.Struct, forbid_unknown_fields=True, rename={"formula": "Formula"}):
    formula: _Formula


class _Expected(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    url: str | None = None
    value: str | None = None


class _Case(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    function_name: str = "main"
    flat_args: list[_Drawn | bool | int | float | list[Any]] | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_SEED)] = 0
    rtol: _Limit = 1e-5
    atol: _Limit = 1e-8
    equal_nan: bool = False
    mode: Literal["compare", "benchmark"] = "compare"
    file_name: str = "test.mlir"
    vmfb_name: str = "out.vmfb"
    expected_output: list[_Expected] | None = None


def find(tree: Tree) -> Iterator[tuple[str, Path]]:
    """Yield the name, CLASS/TEST, and the file of each case."""
    for folder, names_ in tree.folders.items():
        if names_.get(CASE_FILE) is False:  # a link may lead elsewhere
            yield f"{folder.parent.name}/{folder.name}", folder / CASE_FILE


def root(tree: Tree) -> Path:
    """Return the folder with all cases: that of the tree, or the folder `generated` around it."""
    around = (each for each in (tree.root, *tree.root.parents) if each.name == _GENERATED)
    return next(around, tree.root)


def read(name: str, path: Path, tree: Tree, folders: Folders) -> ModelSpec:  # noqa: ARG001 - as in all formats
    """Return a case without what a config says.

    Raises:
        SpecError: it is not valid; the error has all violations.
    """
    violations = Violations(path)
    case = documents.read(violations, _Case)
    model, _, submodel = name.rpartition("/")
    for fault in names.faults(model, submodel):
        violations.add("$", fault)
    given = {"atol": case.atol, "rtol": case.rtol, "equal_nan": case.equal_nan}
    limits = thresholds.read(given, violations)
    program = violations.checked("$.file_name", lambda: folders.blob(case.file_name, path))
    inputs = tuple(_inputs(case, violations))
    outputs = tuple(_outputs(case, violations, folders))
    if violations.found or not program:
        raise SpecError(tuple(violations.found))
    return ModelSpec(
        path=path,
        model=model,
        submodel=submodel,
        backend=Backend.CPU,
        mlir=program,
        inputs=tuple(filter(None, inputs)),
        outputs=outputs,
        devices=("local-task",),
        thresholds=limits,
        threshold_args=thresholds.arguments(given, limits),
        run_function=case.function_name,
        markers=(benchmarks.MARKER,) if case.mode == benchmarks.MARKER else (),
        trust_flags=folders.trust_flags,
    )


def _inputs(case: _Case, violations: Violations) -> Iterator[Formula | Written | None]:
    skipped = 0
    for index, each in enumerate(case.flat_args or []):
        json_path = f"$.flat_args[{index}]"
        if isinstance(each, _Drawn):
            drawn = _formula(each.formula, case.seed, skipped, f"{json_path}.Formula", violations)
            skipped += drawn.drawn if drawn else 0
            yield drawn
        else:
            yield _written(each, json_path, violations)


def _formula(given: _Formula, seed: int, skipped: int, json_path: str, violations: Violations) -> Formula | None:
    if (element := _ELEMENTS.get(given.dtype)) is None:
        violations.add(f"{json_path}.dtype", f"unknown type {given.dtype!r}; expected one of {', '.join(_ELEMENTS)}")
        return None
    text = "x".join([*map(str, given.shape), element])
    if not (type_ := violations.checked(f"{json_path}.shape", lambda: TensorType.parse(text))):
        return None
    formula = Formula(type=type_, seed=seed, skipped=skipped, coeff=given.coeff, offset=given.offset)
    if fault := formulas.fault(formula):
        violations.add(json_path, fault)
        return None
    return formula


def _written(value: Any, json_path: str, violations: Violations) -> Written | None:
    def checked() -> Written:
        text = written(value)
        literals.parse(text)
        return Written(text=text)

    return violations.checked(json_path, checked)


def written(value: Any) -> str:
    """Return a number, or nested arrays of numbers, as the tensor that NumPy makes of them.

    Raises:
        ValueError: NumPy makes no tensor of numbers of it.
    """
    shape, numbers = _shape(value), list(_flat(value))
    if not all(isinstance(each, int | float) for each in numbers):
        raise ValueError("expected a Formula, a number, or arrays of numbers")
    if numbers and all(isinstance(each, bool) for each in numbers):
        element = "i1"
    else:
        element = "si64" if numbers and all(isinstance(each, int) for each in numbers) else "f64"
    texts = (repr(int(each) if isinstance(each, bool) else each) for each in numbers)
    return f"{TensorType(shape=shape, element=element)}={' '.join(texts)}"


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list):
        return ()
    shapes = {_shape(each) for each in value}
    if len(shapes) > 1:
        raise ValueError("arrays in an array differ in size; expected a tensor")
    return (len(value), *(shapes.pop() if shapes else ()))


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _flat(each)
    else:
        yield value


def _outputs(case: _Case, violations: Violations, folders: Folders) -> Iterator[Tensor]:
    expected: Sequence[_Expected] = case.expected_output or [] if case.mode == "compare" else []
    for index, each in enumerate(expected):
        json_path = f"$.expected_output[{index}]"
        if not (source := each.url or each.value):
            violations.add(json_path, "expected a 'url', or a file of the folder in 'value'")
        elif not source.endswith(".npy"):
            violations.add(json_path, f"{source!r} is no .npy file, which would have a type")
        elif blob := _blob(source, json_path, violations, folders):
            yield Tensor(blob=blob)


def _blob(source: str, json_path: str, violations: Violations, folders: Folders) -> Blob | None:
    return violations.checked(json_path, lambda: folders.blob(source, violations.path))
