"""Reads cases of IREE's suite onnx_ops: folders with a program, a file of flags, and the tensors that these name.

The format is that of iree-org/iree-test-suites@612f936a:onnx_ops.
"""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from harness.core.blobs import Blob
from harness.core.cases import Backend, ModelSpec
from harness.core.errors import SpecError, Violation
from harness.core.tensors import Tensor, TensorType
from harness.core.text import shortened
from harness.host import files
from harness.specs import names
from harness.specs.catalogue import Folders
from harness.specs.tree import Tree

NAME, HAS_CONFIGS = "onnx_ops", True
FLAG_FILE = "run_module_io_flags.txt"
_MAX_BYTES = 1 << 20
_SHOWN = 120
_LINE = re.compile(r"--(input|expected_output)=(?:([^=@]+)=)?@(.+)")
_EXPECTED = "expected --input=TYPE=@FILE or --expected_output=TYPE=@FILE"


def find(tree: Tree) -> Iterator[tuple[str, Path]]:
    """Yield the name and the file of flags of each case.

    The name is the folder relative to the innermost folder that is called onnx_ops, else to the root.
    """
    for folder, names_ in tree.folders.items():
        if FLAG_FILE in names_:
            yield _name(folder, tree.root), folder / FLAG_FILE


def root(tree: Tree) -> Path:
    """Return the folder that names of cases are relative to."""
    around = (each for each in (tree.root, *tree.root.parents) if each.name == NAME)
    return next(around, tree.root)


def _name(folder: Path, default: Path) -> str:
    parents = (each for each in folder.parents if each.name == NAME)
    base = next(parents, default)
    name = folder.relative_to(base).as_posix()
    return name if "/" in name else f"{base.name}/{name if name != '.' else folder.name}"


def read(name: str, path: Path, tree: Tree, folders: Folders) -> ModelSpec:
    """Return a case without what a config says.

    Args:
        name: the name of the case.
        path: its file of flags.
        tree: what is in the folder of the suite.
        folders: the folder that its files must be in.

    Raises:
        SpecError: it is not valid; the error has all violations.
    """
    return _Reader(name, path, tree, folders).read()


class _Reader:
    """Reads one case and collects its violations."""

    def __init__(self, name: str, path: Path, tree: Tree, folders: Folders) -> None:
        self._model, _, self._submodel = name.rpartition("/")
        self._path, self._folders = path, folders
        self._files = tree.folders[path.parent]
        self._violations: list[Violation] = []

    def read(self) -> ModelSpec:
        for fault in names.faults(self._model, self._submodel):
            self._violation(1, fault)
        program = self._program()
        tensors: dict[str, list[Tensor]] = {"input": [], "expected_output": []}
        for number, line in enumerate(self._lines(), 1):
            if line.strip() and (found := self._tensor(number, line)):
                tensors[found[0]].append(found[1])
        if self._violations or not program:
            raise SpecError(tuple(self._violations))
        return ModelSpec(
            path=self._path,
            model=self._model,
            submodel=self._submodel,
            backend=Backend.CPU,
            mlir=program,
            inputs=tuple(tensors["input"]),
            outputs=tuple(tensors["expected_output"]),
            devices=("local-task",),
            trust_flags=self._folders.trust_flags,
        )

    def _program(self) -> Blob | None:
        """Return the only program beside the flags, text or bytecode."""
        found = sorted(name for name in self._files if ".mlir" in name)
        if len(found) == 1:
            return self._blob(1, found[0])
        listed = ", ".join(found) or "none"
        self._violation(1, f"expected one program beside this file, *.mlir or *.mlirbc, got {listed}")
        return None

    def _lines(self) -> list[str]:
        try:
            return files.read(self._path, _MAX_BYTES).decode("utf-8").split("\n")
        except (OSError, ValueError) as error:
            self._violation(1, f"cannot read the file: {files.reason(error)}")
            return []

    def _tensor(self, number: int, line: str) -> tuple[str, Tensor] | None:
        """Return the kind of a tensor and the tensor that a line names, or None."""
        match = _LINE.fullmatch(line.strip())
        if match is None:
            self._violation(number, f"{shortened(line, _SHOWN)!r}: {_EXPECTED}")
            return None
        kind, text, file = match.groups()
        if text is None and not file.endswith(".npy"):
            self._violation(number, f"{file}: missing type; {_EXPECTED}")
            return None
        try:
            type_ = TensorType.parse(text) if text else None
        except ValueError as error:
            self._violation(number, str(error))
            return None
        blob = self._blob(number, file)
        return (kind, Tensor(blob=blob, type=type_)) if blob else None

    def _blob(self, number: int, file: str) -> Blob | None:
        if self._files.get(file) is False:  # a plain name of what is no link cannot lead elsewhere
            return Blob(url=f"{self._folder_url}/{quote(file)}")
        try:
            return self._folders.blob(f"./{file}" if ":" in file else file, self._path)
        except (ValueError, OSError) as error:
            self._violation(number, files.reason(error))
            return None

    @functools.cached_property
    def _folder_url(self) -> str:
        return self._path.parent.as_uri()

    def _violation(self, line: int, message: str) -> None:
        self._violations.append(Violation(path=self._path, line=line, json_path="", message=message))
