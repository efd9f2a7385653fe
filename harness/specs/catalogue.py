"""Finds spec files and the blobs that they name, and selects specs by name."""

import difflib
import fnmatch
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core import strict_json, urls
from harness.core.blobs import LOCK_NAME, Blob, FetchedBlob
from harness.core.cases import Backend
from harness.core.errors import UsageError
from harness.host import files
from harness.specs import lock
from harness.specs.selectors import Selector, parse

_PROGRAM = b'"mlir"'
_MAX_BYTES = 1 << 20
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
        self.lock = lock.read(self.specs / LOCK_NAME)

    def locked_with(self, fetched: Mapping[str, FetchedBlob]) -> str:
        """Return the text of the lock file with fetched blobs added, by URL; URLs with secrets in them are left out."""
        return lock.text(self.lock, fetched)

    def paths(self) -> list[Path]:
        """Return every spec file, sorted. Hidden folders are left out, and so are files that are no specs.

        So results, caches and environments may be in the folder.
        """
        return sorted(path for path in self.specs.rglob("*.json") if not self._is_hidden(path) and _is_spec(path))

    def _is_hidden(self, path: Path) -> bool:
        return any(part.startswith(".") for part in path.relative_to(self.specs).parts)

    def blob(self, source: str, spec_path: Path) -> Blob:
        """Return the blob that a source names.

        Raises:
            ValueError: the source has a form that is not allowed, or is a file that the spec may not name.
        """
        found = _SCHEME.match(source)
        scheme = found[1].lower() if found else ""
        if scheme in urls.REMOTE:
            known = self.lock.get(urls.lock_key(source) or "")
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
        real = Path(os.path.realpath(path))  # `resolve` raises for a loop of links before 3.13
        root = spec_path.parent.resolve() if self._is_guessed else self.specs
        if any(map(real.is_relative_to, (root, *filter(None, [self.external_files]), *self._allowed))):
            return real
        more = "name the folder of the specs with --specs" if self._is_guessed else "a file in --external-files"
        raise ValueError(
            f"{source!r} is outside {root}; expected a path in it, or {more}; "
            f"to allow it, add --allow-path {shlex.quote(str(real))}"
        )


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


def _is_spec(path: Path) -> bool:
    """Whether a file is named like a spec or, so that a wrong name is noticed, has the field that every spec has."""
    return not path.is_dir() and (path.stem.rpartition("_")[2] in list(Backend) or has_program(path))


def has_program(path: Path) -> bool:
    """Whether a file has the field that every spec has."""
    try:
        text = files.read(path, _MAX_BYTES)
        document = strict_json.parsed(text) if _PROGRAM in text else None
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and "mlir" in document


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
    known = sorted({name for path in paths for name in _names(path)})
    if near := difflib.get_close_matches(selector.name, known, n=3, cutoff=0.5):
        return f"{missing}; did you mean {', '.join(near)}?"
    models = sorted({path.parent.name for path in paths})
    return f"{missing}; available models: {', '.join(models) or '(none)'}."
