"""Finds spec files and the blobs that they name, and selects specs by name."""

import difflib
import fnmatch
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from harness.core import strict_json, urls
from harness.core.blobs import LOCK_NAME, Blob, FetchedBlob
from harness.core.cases import Backend
from harness.core.errors import UsageError
from harness.host import files
from harness.specs import lock
from harness.specs.selectors import Selector, parse

_PROGRAM = b'"mlir"'
_MAX_BYTES = 1 << 20


class Folders:
    """A folder of specs with its lock file, and the folder of files that come from elsewhere."""

    def __init__(self, specs: Path, *, external_files: Path | None = None) -> None:
        """Read the lock file of the folder of specs.

        Raises:
            UsageError: a folder does not exist, or the lock file is not valid.
        """
        for folder, purpose in ((specs, "specs"), (external_files, "external files")):
            if folder and not folder.is_dir():
                raise UsageError(f"{folder}: no such folder; expected the folder of {purpose}.")
        self.specs = specs.resolve()
        self.external_files = external_files.resolve() if external_files else None
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
            ValueError: the source has a form that is not allowed, or is outside the folders.
        """
        scheme = urlsplit(source).scheme if ":" in source else ""
        if scheme in urls.REMOTE:
            known = self.lock.get(urls.lock_key(source) or "")
            return lock.blob(source, known) if known else Blob(url=source)
        if scheme == "file":
            if not source.startswith("file:///"):
                raise ValueError(f"{source!r} has a host; expected three slashes and a path, as in file:///data/x.bin")
            return Blob(url=source)
        if scheme:
            schemes = ", ".join(urls.REMOTE)
            raise ValueError(f"{source!r} has the scheme {scheme!r}; expected {schemes}, file or a relative path")
        return Blob(url=self._file(source, spec_path).as_uri())

    def _file(self, source: str, spec_path: Path) -> Path:
        beside = Path(os.path.realpath(spec_path.parent / source))  # `resolve` raises for a loop of links before 3.13
        if Path(source).is_absolute() or not any(map(beside.is_relative_to, self._roots())):
            raise ValueError(f"{source!r} is outside {self.specs}; expected a path in it or a file in --external-files")
        by_name = self.external_files / Path(source).name if self.external_files else beside
        return beside if beside.exists() or not by_name.exists() else by_name

    def _roots(self) -> list[Path]:
        return [self.specs, *filter(None, [self.external_files])]


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
    return not path.is_dir() and (path.stem.rpartition("_")[2] in list(Backend) or _has_program(path))


def _has_program(path: Path) -> bool:
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
