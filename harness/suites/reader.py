"""Recognises a suite by what is in its folder, and reads its cases: the door of the package."""

import difflib
import fnmatch
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from harness.core.cases import Backend, ModelSpec
from harness.core.errors import SpecError, UsageError, Violation
from harness.core.text import counted
from harness.core.values import frozen
from harness.specs.catalogue import Folders
from harness.specs.selectors import Selector
from harness.specs.tree import Tree
from harness.suites import onnx_models, onnx_ops, sharktank_models, torch_models, torch_ops
from harness.suites.config import Config

_SHOWN, _MOST = 3, 100
_OF_RUNS = frozenset({"run_function", "device", "devices", "inputs", "outputs", "compile_only"})


class Format(Protocol):
    """A format of suites: a module of this package."""

    NAME: str
    HAS_CONFIGS: bool  # whether its cases need one, that says what they are compiled for

    def find(self, tree: Tree, /) -> Iterator[tuple[str, Path]]:
        """Yield the name and the file of each case; nothing if the folder is no suite of this format."""

    def root(self, tree: Tree, /) -> Path:
        """Return the folder that names of cases are relative to."""

    def read(self, name: str, path: Path, tree: Tree, folders: Folders, /) -> ModelSpec:
        """Return a case, without what a config says.

        Raises:
            SpecError: it is not valid.
        """


_FORMATS: tuple[Format, ...] = (onnx_ops, onnx_models, torch_ops, torch_models, sharktank_models)


@frozen
class Suite:
    """A suite, or a part of one.

    Attributes:
        format: its format.
        folders: its folder.
        tree: what is in the folder.
        paths: by the name of a case, its file.
        is_whole: whether all cases of the suite are in the folder.
    """

    format: Format
    folders: Folders
    tree: Tree
    paths: Mapping[str, Path]
    is_whole: bool

    def key(self, name: str) -> str:
        """Return what configs call a case: its name, or in onnx_models the id of its test."""
        is_test = self.format.NAME == onnx_models.NAME
        return onnx_models.key(name, self.paths[name], self.tree) if is_test else name

    def selected(self, selectors: Sequence[Selector]) -> list[str]:
        """Return the names that match selectors: a name, its last part, a folder of cases, or a glob of these.

        Raises:
            UsageError: a selector matches nothing; the message has similar names.
        """
        chosen: set[str] = set()
        for selector in selectors:
            found = [name for name in self.paths if self.selects(selector, name)]
            if not found:
                raise UsageError(self._nothing_selected(selector))
            chosen.update(found)
        return [name for name in self.paths if name in chosen]

    def selects(self, selector: Selector, name: str) -> bool:
        """Whether a selector selects the case of a name."""
        if selector.path:
            return self.paths.get(name) == selector.path
        last = name.rpartition("/")[2]
        return name.startswith(f"{selector.name}/") or any(
            fnmatch.fnmatchcase(each, selector.name) for each in (name, last)
        )

    def read(self, names: Sequence[str]) -> dict[str, ModelSpec]:
        """Return cases, without what a config says, by name.

        Raises:
            SpecError: a case is not valid; the error has the violations of all of them.
        """
        specs: dict[str, ModelSpec] = {}
        violations: list[Violation] = []
        for name in names:
            try:
                specs[name] = self.format.read(name, self.paths[name], self.tree, self.folders)
            except SpecError as error:
                violations += error.violations
        if violations:
            raise SpecError(tuple(violations[:_MOST]))
        return specs

    def remarks(self, configs: Sequence[Config]) -> Iterator[str]:
        """Yield what is odd in configs, and does no harm: unknown fields, and names that are those of no case."""
        for config in configs:
            for field, place in config.unknown.items():
                yield f"{config.path}:{place.line}: unknown field {field!r} is ignored"
            for word, place in config.odd_outcomes:
                yield f"{config.path}:{place.line}: the outcome {word!r} is unknown, and counts as pass"
            places = [each for each in config.lists.values() if self.is_whole]
            keys = set(map(self.key, self.paths))
            missing = {name: places_[name].line for places_ in places for name in places_ if name not in keys}
            if missing:
                shown = ", ".join(f"{name} (line {line})" for name, line in list(missing.items())[:_SHOWN])
                more = ", ..." if len(missing) > _SHOWN else ""
                yield f"{config.path}: {counted(len(missing), 'name')} of no case in {self.format.NAME}: {shown}{more}"

    def _nothing_selected(self, selector: Selector) -> str:
        missing = f"no case named {selector.text!r} in {self.folders.specs}"
        last = {name.rpartition("/")[2]: name for name in self.paths}
        near = difflib.get_close_matches(selector.name.rpartition("/")[2], last, n=_SHOWN, cutoff=0.5)
        hint = f"did you mean {', '.join(last[each] for each in near)}?" if near else "see `harness list`."
        return f"{missing}; {hint}"


def find(folders: Folders) -> Suite | None:
    """Return the suite that is in a folder, or None if there is none.

    Raises:
        UsageError: there is another suite or a spec as well, or two cases of one name.
    """
    content = folders.tree
    suites = {each: found for each in _FORMATS if (found := list(each.find(content)))}
    if not suites:
        return None
    _check_alone(suites, content)
    ((form, found),) = suites.items()
    paths = dict(found)
    if len(paths) < len(found):
        raise UsageError(_same_name(found))
    is_whole = content.root == form.root(content) or content.root in form.root(content).parents
    return Suite(format=form, folders=folders, tree=content, paths=paths, is_whole=is_whole)


def _check_alone(suites: Mapping[Format, Sequence[tuple[str, Path]]], content: Tree) -> None:
    (form, found), *others = suites.items()
    case = found[0][1]
    if others:
        other, ((_, of_other), *_) = others[0]
        raise UsageError(
            f"{content.root} has cases of {form.NAME} ({case}) and of {other.NAME} ({of_other}); expected a folder of "
            "either."
        )
    endings, cases = tuple(f"_{backend}.json" for backend in Backend), {path for _, path in found}
    named = (each for each in content.files(*endings) if each not in cases)
    if spec := next((each for each in named if _is_spec(content.document(each, "mlir"), form)), None):
        raise UsageError(
            f"{content.root} has specs ({spec}) and cases of {form.NAME} ({case}); expected a folder of either."
        )


def _is_spec(found: Mapping[str, Any], form: Format) -> bool:
    """Whether a document is a spec; modules of suites without configs have a program and flags, too, but do not run."""
    return "mlir" in found and (form.HAS_CONFIGS or bool(_OF_RUNS & found.keys()))


def _same_name(found: Collection[tuple[str, Path]]) -> str:
    first: dict[str, Path] = {}
    for name, path in found:
        if (other := first.setdefault(name, path)) is not path:
            return f"{other} and {path} are both cases of the name {name}; name one folder of them."
    return ""
