"""Reads cases of IREE's suite onnx_models: Python tests that are parametrised with ONNX files.

The format is that of iree-org/iree-test-suites@main:onnx_models. Nothing of it is executed: of a test file only the
text `BASE_PATH` and the texts of `pytest.mark.parametrize("model", [...])` are read.
"""

import ast
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from harness.core.blobs import Blob
from harness.core.cases import ONNX, Backend, Listing, ModelSpec, Place
from harness.core.errors import SpecError, Violation
from harness.core.values import frozen
from harness.host import files
from harness.specs import names
from harness.specs.catalogue import Folders
from harness.specs.tree import Tree

NAME, HAS_CONFIGS = "onnx_models", True
_ENDING = "_test.py"
_FIXTURE = b"compare_between_iree_and_onnxruntime"
_MAX_BYTES = 1 << 20
_REPOSITORY = "hf://onnxmodelzoo/legacy_models"
_ARTIFACTS = PurePosixPath("artifacts", "model_zoo")


@frozen
class _Model:
    """A value of the parameter `model`.

    Attributes:
        base: the folder in the repository of models, with a slash at its end.
        text: the path of the model in there.
        test: the name of the function.
        line: where it is.
        markers: the markers of the test, such as `size_large`.
        skip: why the suite skips it; empty if it does not.
    """

    base: str
    text: str
    test: str
    line: int
    markers: tuple[str, ...]
    skip: str

    @property
    def name(self) -> str:
        return f"{self.base}{self.text}".removesuffix(ONNX)


def find(tree: Tree) -> Iterator[tuple[str, Path]]:
    """Yield the name and the file of each case; the name is the path of the model in its repository."""
    for path in tree.files(_ENDING):
        if tree.has(path):
            yield from ((each.name, path) for each in _models(path))


def root(tree: Tree) -> Path:
    """Return the folder that names of tests are relative to."""
    around = (each for each in (tree.root, *tree.root.parents) if each.name == NAME)
    below = (folder for folder in tree.folders if folder.name == NAME)
    return next(around, next(below, tree.root))


def key(name: str, path: Path, tree: Tree) -> str:
    """Return what a config calls a case: the id of the test."""
    model = _model(name, path)
    return f"{path.relative_to(root(tree)).as_posix()}::{model.test}[{model.text}]"


def read(name: str, path: Path, tree: Tree, folders: Folders) -> ModelSpec:
    """Return a case without what a config says: its inputs are drawn, and ONNX Runtime says what is expected.

    Raises:
        SpecError: it is not valid; the error has all violations.
    """
    model = _model(name, path)
    folder, _, file = name.rpartition("/")
    faults = [*names.faults(folder, file)]
    if not model.text.endswith(ONNX) or ".." in PurePosixPath(name).parts or name.startswith("/"):
        faults.append(f"{model.text!r}: expected the path of an {ONNX} file in the repository of models")
    if faults:
        raise SpecError(tuple(Violation(path=path, line=model.line, json_path="", message=each) for each in faults))
    skip = Place(json_path=f"pytest.mark.skip: {model.skip}", line=model.line) if model.skip else None
    return ModelSpec(
        path=path,
        model=folder,
        submodel=file,
        backend=Backend.CPU,
        mlir=_blob(model, tree, folders),
        default_dimension=1,
        is_uniform=True,
        has_reference=True,
        devices=("local-task",),
        markers=model.markers,
        listing=Listing(config=path, skip=skip) if skip else None,
        trust_flags=folders.trust_flags,
    )


def _blob(model: _Model, tree: Tree, folders: Folders) -> Blob:
    """Return the file where the suite puts it, else that in the folder of external files, else that of the host."""
    file = PurePosixPath(model.text).name
    here = root(tree) / _ARTIFACTS / model.base / file
    try:
        found = folders.blob(str(here.relative_to(here.anchor)), Path(here.anchor, "spec"))
        if found.local_path.is_file():
            return found
    except ValueError:  # the suite links to its own cache, and a link may lead anywhere
        pass
    if folders.external_files and (folders.external_files / file).is_file():
        return Blob(url=(folders.external_files / file).as_uri())
    return Blob(url=f"{_REPOSITORY}/{model.base}{model.text}")


def _model(name: str, path: Path) -> _Model:
    return next(each for each in _models(path) if each.name == name)


def _models(path: Path) -> Iterator[_Model]:
    """Yield the models of a test file; none if it is no such file."""
    try:
        text = files.read(path, _MAX_BYTES)
        module = ast.parse(text) if _FIXTURE in text else ast.Module(body=[], type_ignores=[])
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return
    base = next((value for node in module.body if (value := _base(node)) is not None), "")
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                yield from _of_decorator(decorator, base, node.name)


def _base(node: ast.stmt) -> str | None:
    """Return the text that `BASE_PATH = "..."` assigns."""
    if isinstance(node, ast.Assign) and [_named(each) for each in node.targets] == ["BASE_PATH"]:
        return _text(node.value)
    return None


def _of_decorator(node: ast.expr, base: str, test: str) -> Iterator[_Model]:
    if not isinstance(node, ast.Call) or _named(node.func) != "pytest.mark.parametrize" or len(node.args) < 2:  # noqa: PLR2004
        return
    if _text(node.args[0]) != "model" or not isinstance(node.args[1], ast.List):
        return
    for each in node.args[1].elts:
        is_param = isinstance(each, ast.Call) and _named(each.func) == "pytest.param" and bool(each.args)
        value = each.args[0] if isinstance(each, ast.Call) and is_param else each
        if (text := _text(value)) is not None:
            marks = _marks(each) if isinstance(each, ast.Call) else []
            skip = next((_reason(mark) for mark in marks if _named(mark) == "pytest.mark.skip"), "")
            own = (_named(mark).removeprefix("pytest.mark.") for mark in marks)
            markers = tuple(mark for mark in own if mark not in {"skip", "xfail", ""})
            yield _Model(base=base, text=text, test=test, line=each.lineno, markers=markers, skip=skip)


def _marks(call: ast.Call) -> list[ast.expr]:
    found = next((each.value for each in call.keywords if each.arg == "marks"), None)
    if isinstance(found, ast.List | ast.Tuple):
        return list(found.elts)
    return [found] if found else []


def _reason(mark: ast.expr) -> str:
    values = [*mark.args, *(each.value for each in mark.keywords)] if isinstance(mark, ast.Call) else []
    return next(filter(None, map(_text, values)), "") or "without a reason"


def _named(node: ast.expr) -> str:
    """Return a dotted name, that of what is called for a call; nothing for anything else."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return f"{_named(node.value)}.{node.attr}"
        case ast.Call():
            return _named(node.func)
    return ""


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
