"""Finds spec files and the blobs that they name, and selects specs by name."""

import difflib
import fnmatch
import functools
import operator
import os
import re
import shlex
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core import urls
from harness.core.blobs import LOCK_NAME, Blob, FetchedBlob
from harness.core.cases import Backend
from harness.core.errors import UsageError
from harness.specs import lock
from harness.specs.selectors import Selector, parse
from harness.specs.tree import Tree

EXTENDS = "extends"
_BASE = "base"  # the last word in the name of a file that specs extend
_BACKENDS = frozenset(Backend)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


class Folders:
    """A folder of specs with its lock file, and what its specs may name."""

    def __init__(
        self,
        specs: Path,
        *,
        external_files: Path | None = None,
        allowed: Sequence[Path] = (),
        is_guessed: bool = False,
        trust_flags: bool = False,
    ) -> None:
        """Read the lock file of the folder of specs.

        Args:
            specs: the folder of specs.
            external_files: a folder of files that specs name without a path.
            allowed: more files, and folders of files, that specs may name.
            is_guessed: whether the user named only a spec: then it may name files beside itself only.
            trust_flags: whether the flags of specs may do harm.

        Raises:
            UsageError: a folder does not exist, or the lock file is not valid.
        """
        for folder, purpose in ((specs, "specs"), (external_files, "external files")):
            if folder and not folder.is_dir():
                raise UsageError(f"{folder}: no such folder; expected the folder of {purpose}.")
        for path in allowed:
            if not path.exists():
                raise UsageError(f"--allow-path {path}: no such file or folder; check the path.")
        self.specs = specs.resolve()
        self.external_files = external_files.resolve() if external_files else None
        self.trust_flags = trust_flags
        self._allowed = tuple(path.resolve() for path in allowed)
        self._is_guessed = is_guessed
        self._real_folders: dict[Path, Path] = {}
        self.lock = lock.read(self.specs / LOCK_NAME)

    def locked_with(self, fetched: Mapping[str, FetchedBlob]) -> str:
        """Return the text of the lock file with fetched blobs added, by URL; URLs with secrets in them are left out."""
        return lock.text(self.lock, fetched)

    def paths(self) -> list[Path]:
        """Return every spec file, sorted. Hidden folders are left out, and so are files that are no specs.

        So results, caches and environments may be in the folder. A file that is named unlike a spec and has a program
        is returned too, so that a wrong name is noticed, unless it is named like a base or another file extends it.
        """
        tree = self.tree
        found = {path for path in tree.files(".json") if path.name[0] != "." and (tree.has(path) or not path.is_dir())}
        specs = {path for path in found if _last_word(path) in _BACKENDS}
        others = [path for path in found - specs if _last_word(path) != _BASE and tree.document(path, "mlir", EXTENDS)]
        if others:
            bases = {path: base for path in found if (base := self._extended(path)) in found}
            specs |= {path for path in others if path not in bases.values() and self._is_program(path, bases)}
        return sorted(specs, key=operator.attrgetter("parts"))

    @functools.cached_property
    def tree(self) -> Tree:
        """What is in the folder of specs."""
        return Tree(self.specs)

    def _is_program(self, path: Path, bases: Mapping[Path, Path]) -> bool:
        """Whether a file has the field that every spec has, or one that it extends has it."""
        seen = set[Path]()
        while path in bases and path not in seen and not self._has_program(path):
            seen.add(path)
            path = bases[path]
        return self._has_program(path)

    def _has_program(self, path: Path) -> bool:
        return "mlir" in self.tree.document(path, "mlir")

    def _extended(self, path: Path) -> Path | None:
        """Return the file that another one extends, or None."""
        return base_path(self.tree.document(path, EXTENDS).get(EXTENDS), path)

    def root(self, spec_path: Path) -> Path:
        """Return the folder in which the files of a spec are."""
        return spec_path.parent.resolve() if self._is_guessed else self.specs

    def blob(self, source: str, spec_path: Path) -> Blob:
        """Return the blob that a source names.

        Raises:
            ValueError: the source has a form that is not allowed, or is a file that the spec may not name.
        """
        found = _SCHEME.match(source)
        scheme = found[1].lower() if found else ""
        if scheme in urls.REMOTE:
            known = self.lock.get(urls.lock_key(source) or "") if self.lock else None
            return lock.blob(source, known) if known else Blob(url=source)
        if scheme == "file":
            if not source.startswith("file:///"):
                raise ValueError(f"{source!r} has a host; expected three slashes and a path, as in file:///data/x.bin")
            return Blob(url=self._contained(Blob(url=source).local_path, source, spec_path).as_uri())
        if scheme:
            schemes = ", ".join(urls.REMOTE)
            raise ValueError(f"{source!r} has the scheme {scheme!r}; expected {schemes}, file or a relative path")
        beside = self._contained(spec_path.parent / source, source, spec_path)
        if beside.exists() or not self.external_files:
            return Blob(url=beside.as_uri())
        by_name = self.external_files / Path(source).name
        return Blob(url=(self._contained(by_name, source, spec_path) if by_name.exists() else beside).as_uri())

    def _contained(self, path: Path, source: str, spec_path: Path) -> Path:
        """Return a path without symbolic links, which may lead out of the folders.

        Raises:
            ValueError: it is outside the folders.
        """
        real = self._real(path)
        root = self.root(spec_path)
        if any(real.is_relative_to(each) for each in (root, self.external_files, *self._allowed) if each):
            return real
        more = "name the folder of the specs with --specs" if self._is_guessed else "a file in --external-files"
        raise ValueError(
            f"{source!r} is outside {root}; expected a path in it, or {more}; "
            f"to allow it, add --allow-path {shlex.quote(str(real))}"
        )

    def _real(self, path: Path) -> Path:
        """Return a path without symbolic links; those of its folder are looked for once."""
        above = path.parent
        folder = self._real_folders.get(above) or self._real_folders.setdefault(above, _without_links(above))
        return _without_links(path) if path.name == ".." or _is_link(path) else folder / path.name


def select(folders: Folders, selectors: tuple[str, ...]) -> list[Path]:
    """Return the spec files that match selectors: `sd3`, `sd3/clip`, a glob of these, a case id, or a path.

    Raises:
        UsageError: a selector matches nothing; the message has similar names.
    """
    paths = folders.paths()
    chosen: set[Path] = set()
    for selector in map(parse, selectors):
        found = [path for path in paths if selects(selector, path)]
        if not found:
            raise UsageError(_nothing_selected(selector, paths, folders.specs))
        chosen.update(found)
    return [path for path in paths if path in chosen]


def _without_links(path: Path) -> Path:
    return Path(os.path.realpath(path))  # `resolve` raises for a loop of links before 3.13


def _is_link(path: Path) -> bool:
    """Whether there is a link. Raises ValueError if the path can be none."""
    try:
        return stat.S_ISLNK(path.lstat().st_mode)
    except OSError:
        return False


def _last_word(path: Path) -> str:
    return path.name.removesuffix(".json").rpartition("_")[2]


def base_path(source: object, path: Path) -> Path | None:
    """Return the absolute path of a file that another one extends; None if the source cannot name one."""
    if not isinstance(source, str) or not is_relative(source) or not source.endswith(".json"):
        return None
    return Path(os.path.normpath(Path(os.path.realpath(path.parent), source)))


def is_relative(source: str) -> bool:
    """Whether a source is a relative path."""
    return not _SCHEME.match(source) and not Path(source).is_absolute()


def _names(path: Path) -> tuple[str, str]:
    """Return the names that select a spec file: `sd3` and `sd3/clip`."""
    model = path.parent.name
    return model, f"{model}/{path.stem.rpartition('_')[0]}"


def selects(selector: Selector, path: Path) -> bool:
    """Whether a selector selects a spec file."""
    if selector.path:
        return path == selector.path
    return any(fnmatch.fnmatchcase(name, selector.name) for name in _names(path))


def _nothing_selected(selector: Selector, paths: list[Path], folder: Path) -> str:
    missing = f"no model named {selector.text!r} in {folder}"
    if not paths:
        return f"{folder} has no specs, MODEL/SUBMODEL_BACKEND.json; `harness new` writes one."
    if selector.path and selector.path.is_file():
        return f"{selector.text} is no spec in {folder}; a file that specs extend is tested with these specs."
    known = sorted({name for path in paths for name in _names(path)})
    if near := difflib.get_close_matches(selector.name, known, n=3, cutoff=0.5):
        return f"{missing}; did you mean {', '.join(near)}?"
    models = sorted({path.parent.name for path in paths})
    return f"{missing}; available models: {', '.join(models)}."
