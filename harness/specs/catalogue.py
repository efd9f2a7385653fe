"""Where specs and the files they name lie, which of them a selector selects, and what the lock knows."""

import difflib
import fnmatch
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.core import urls
from harness.core.blobs import LOCK_NAME, Blob, FetchedBlob
from harness.core.cases import EMPTY
from harness.core.errors import UsageError
from harness.specs.selectors import Selector, parse

Lock = Mapping[str, Mapping[str, Any]]


class Folders:
    """Where specs and the local files they name may lie, and what the lock knows of the others."""

    def __init__(self, specs: Path, *, external_files: Path | None = None) -> None:
        """Read the lock of the folder of specs.

        Raises:
            UsageError: there is no such folder, or its lock is malformed.
        """
        for folder in filter(None, (specs, external_files)):
            if not folder.is_dir():
                raise UsageError(f"{folder}: no such folder; name one with --specs and --external-files.")
        self.specs = specs.resolve()
        self.external_files = external_files.resolve() if external_files else None
        self.lock = _read_lock(self.specs / LOCK_NAME)

    def locked_with(self, fetched: Mapping[str, FetchedBlob]) -> str:
        """Return the text of the lock with what some URLs had; one whose query may be secret is left out."""
        lock = dict(self.lock)
        for key, blob in ((urls.lock_key(url), blob) for url, blob in fetched.items()):
            if key is not None:
                known = lock.get(key, EMPTY)
                lock[key] = {**(known if known.get("sha256") == blob.sha256 else EMPTY), **_entry(blob)}
        return json.dumps(lock, indent=1, sort_keys=True) + "\n"

    def paths(self) -> list[Path]:
        """Return every spec file, sorted."""
        return sorted(path for path in self.specs.rglob("*.json") if path.name != LOCK_NAME)

    def blob(self, source: str, spec_path: Path) -> Blob:
        """Return the blob that a source names.

        Raises:
            ValueError: the source is none of the allowed forms, or leaves its folder.
        """
        scheme = urlsplit(source).scheme if ":" in source else ""
        if scheme in urls.REMOTE:
            locked = self.lock.get(urls.lock_key(source) or "", EMPTY)
            told = {name: locked.get(name) for name in ("sha256", "last_modified")}
            return Blob(url=source, size_bytes=locked.get("size"), **told)
        if scheme == "file":
            if not source.startswith("file:///"):
                raise ValueError(
                    f"{source!r} names a host; expected three slashes and a path, as in file:///data/x.bin"
                )
            return Blob(url=source)
        if scheme:
            known = ", ".join(urls.REMOTE)
            raise ValueError(f"{source!r} has the scheme {scheme!r}; expected {known}, file or a relative path")
        return Blob(url=self._file(source, spec_path).as_uri())

    def _file(self, source: str, spec_path: Path) -> Path:
        beside = (spec_path.parent / source).resolve()
        if Path(source).is_absolute() or not any(map(beside.is_relative_to, self._roots())):
            raise ValueError(f"{source!r} leaves {self.specs}; expected a path below it or a file in --external-files")
        by_name = self.external_files / Path(source).name if self.external_files else beside
        return beside if beside.exists() or not by_name.exists() else by_name

    def _roots(self) -> list[Path]:
        return [self.specs, *filter(None, [self.external_files])]


def select(folders: Folders, selectors: tuple[str, ...]) -> list[Path]:
    """Return the spec files of `sd3`, `sd3/clip`, a glob of these, a case id, or the path of one.

    Raises:
        UsageError: a selector selects nothing; the message names what is near.
    """
    paths = folders.paths()
    chosen: set[Path] = set()
    for selector in map(parse, selectors):
        found = [path for path in paths if selects(selector, path)]
        if not found:
            raise UsageError(_nothing_selected(selector, paths, folders.specs))
        chosen.update(found)
    return [path for path in paths if path in chosen]


def _read_lock(path: Path) -> Lock:
    try:
        lock: dict[str, dict[str, Any]] = json.loads(path.read_bytes())
        return {
            url: entry | {"sha256": str(entry["sha256"]), "size": int(entry["size"])} for url, entry in lock.items()
        }
    except FileNotFoundError:
        return EMPTY
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(
            f'{path}: this is no lock of blobs ({error}); expected {{URL: {{"sha256": ..., "size": ...}}}}.'
        ) from error


def locked(url: str, had: FetchedBlob) -> Blob:
    """Return a blob as a lock would know it that has what was fetched."""
    return Blob(url=url, sha256=had.sha256, size_bytes=had.bytes, last_modified=had.last_modified)


def _entry(blob: FetchedBlob) -> dict[str, Any]:
    told = {"etag": blob.etag, "last_modified": blob.last_modified, "md5": blob.md5}
    return {"sha256": blob.sha256, "size": blob.bytes} | {name: each for name, each in told.items() if each}


def _names(path: Path) -> tuple[str, str]:
    """Return `sd3` and `sd3/clip`, the words that select a spec file."""
    model = path.parent.name
    return model, f"{model}/{path.stem.rpartition('_')[0]}"


def selects(selector: Selector, path: Path) -> bool:
    """Whether a selector selects a spec file."""
    if selector.path:
        return path == selector.path
    return any(fnmatch.fnmatchcase(name, selector.name) for name in _names(path))


def _nothing_selected(selector: Selector, paths: list[Path], folder: Path) -> str:
    known = sorted({name for path in paths for name in _names(path)})
    if near := difflib.get_close_matches(selector.name, known, n=3, cutoff=0.5):
        return f"{selector.text}: no spec in {folder} is called so; did you mean {', '.join(near)}?"
    models = sorted({path.parent.name for path in paths})
    return f"{selector.text}: no spec in {folder} is called so; there are the models {', '.join(models) or '(none)'}."
