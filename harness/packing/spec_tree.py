"""Copies what cases are made of into a folder that stands alone: specs, the files that they name, and a lock file.

A spec becomes `specs/MODEL/SUBMODEL_BACKEND.json`, merged with what it extends. The local files that it names are in
`specs/MODEL/files`, under plain names, and `specs/blobs.lock.json` has what its URLs have. The files of a suite keep
their names below `specs`, and its configs are in `configs`.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from harness.core import urls
from harness.core.blobs import LOCK_NAME, Blob, FetchedBlob
from harness.core.cases import EMPTY, Case
from harness.core.errors import UsageError
from harness.core.settings import CaseSettings
from harness.core.urls import redacted
from harness.host import files
from harness.host.beneath import Folder
from harness.packing.plain_names import plain, unused
from harness.pipeline import selection
from harness.specs import inline, lock, overlays, schema
from harness.specs.catalogue import Folders
from harness.specs.tree import Tree
from harness.suites.reader import Suite

SPECS, CONFIGS, FILES = "specs", "configs", "files"
_UNWRITTEN = "so it is not written; add --with-blobs to copy what it has, or name the file without a secret"


@dataclass
class SpecTree:
    """The specs of a folder that is being written.

    Attributes:
        to: the folder.
        may_copy: raises UsageError for a file of this machine that must not be copied.
        content: returns the file of a URL that must not be written, or None.
        fetched: what is known of the content of URLs, by the URL without secrets.
        settings: how the cases are selected from it.
    """

    to: Folder
    _: KW_ONLY
    may_copy: Callable[[Path], None]
    content: Callable[[Blob], Path | None] = lambda _: None
    fetched: Mapping[str, FetchedBlob] = field(default_factory=lambda: EMPTY)
    settings: CaseSettings = field(default_factory=lambda: CaseSettings(selectors=(), specs=Path(SPECS)), init=False)
    _locked: dict[str, FetchedBlob] = field(default_factory=dict, init=False)
    _names: dict[Path, dict[Path, str]] = field(default_factory=dict, init=False)

    def add(self, case: Case, asked: CaseSettings) -> None:
        """Add a case that the settings select.

        Raises:
            UsageError: a file that it names must not be copied, or a URL must not be written.
        """
        suite = None if inline.is_bare(str(case.spec.path)) else selection.find_suite(asked)
        if suite:
            self._add_of_suite(case, suite)
        else:
            self._add_spec(case, *_document(case, asked))
        names = dict.fromkeys((*self.settings.selectors, case.spec.name))
        configs = {*self.settings.suite_configs, *([Path(CONFIGS, _config(case))] if case.target.config else [])}
        self.settings = CaseSettings(
            selectors=tuple(names),
            specs=self.settings.specs,
            suite_configs=tuple(sorted(configs)),
            trust_flags=asked.trust_flags,
        )

    def write_lock(self) -> None:
        """Write what the URLs of all cases have."""
        if self._locked:
            folder = self.to.path / (self.settings.specs or SPECS)
            self._write(folder / LOCK_NAME, lock.text(EMPTY, self._locked).encode())

    def _add_spec(self, case: Case, document: Mapping[str, Any], where: Folders) -> None:
        folder = self.to.path / SPECS / case.spec.model

        def moved(source: str) -> str:
            blob = where.blob(source, case.spec.path)
            named = self._url(blob) if blob.is_remote else ""
            return named or f"{FILES}/{self._copied(self._file(blob), folder / FILES, unquote(blob.name))}"

        value = {name: each for name, each in document.items() if name != "$schema"}
        text = inline.text(schema.with_sources(value, moved))
        self._write(folder / f"{case.spec.submodel}_{case.spec.backend}.json", text.encode())

    def _file(self, blob: Blob) -> Path:
        """Return the file of a blob whose URL is not written."""
        if not blob.is_remote:
            return blob.local_path
        path = self.content(blob)
        if path is None:
            raise UsageError(f"{redacted(blob.url)}: its query may be secret, {_UNWRITTEN}.")
        return path

    def _url(self, blob: Blob) -> str:
        """Return the URL to write for a remote blob, and lock it; nothing if it may have a secret."""
        named = urls.lock_key(blob.url) or ""
        known = self.fetched.get(redacted(blob.url))
        if known is None and blob.sha256 and blob.size_bytes is not None:
            known = FetchedBlob(url=blob.url, sha256=blob.sha256, bytes=blob.size_bytes)
        if named and known:
            self._locked[named] = known
        return named

    def _copied(self, path: Path, folder: Path, name: str) -> str:
        """Copy a file into a folder, each once, and return its name there; one that is missing gets a name as well."""
        names = self._names.setdefault(folder, {})
        if path not in names:
            names[path] = unused(name, set(names.values()))
            self._copy(path, folder / names[path])
        return names[path]

    def _copy(self, path: Path, to: Path) -> None:
        self.may_copy(path)
        try:
            source = files.opened(path)
        except FileNotFoundError:
            return  # the case has none of it here either
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: cannot be read ({files.reason(error)}).") from error
        self.to.make(to.parent)
        with source, self.to.new(to) as copy:
            shutil.copyfileobj(source, copy, 1 << 20)

    def _add_of_suite(self, case: Case, suite: Suite) -> None:
        """Copy the files of a case of a suite, unedited, to the same paths below the folder of the suite."""
        root = suite.format.root(suite.tree)
        below = self.to.path / SPECS / plain(root.name)
        self.settings = CaseSettings(
            selectors=self.settings.selectors,
            specs=(below / suite.tree.root.relative_to(root)).relative_to(self.to.path),
            suite_configs=self.settings.suite_configs,
        )
        wanted = {case.spec.path, *(() if suite.format.HAS_CONFIGS else suite.tree.files(".json"))}
        for blob in case.spec.blobs:
            if not blob.is_remote:
                wanted.add(self._in_suite(blob.local_path, suite.tree.root))
            elif self._url(blob) != blob.url:
                raise UsageError(f"{redacted(blob.url)}: has a secret, and files of suites are copied unedited.")
        for path in sorted({*wanted, *_links(suite.tree, wanted)}):
            self._copy(path, below / path.relative_to(root))
        if case.spec.listing:
            self._copy(case.spec.listing.config, self.to.path / CONFIGS / _config(case))

    @staticmethod
    def _in_suite(path: Path, root: Path) -> Path:
        if not path.is_relative_to(root):
            raise UsageError(f"{path}: is not in the folder of the suite, {root}, and files of suites are not renamed.")
        return path

    def _write(self, path: Path, content: bytes) -> None:
        self.to.make(path.parent)
        self.to.write(path, content)


def _config(case: Case) -> str:
    """Return the name of the file of a config, of which the id of the case is made."""
    return Path(case.spec.config_path).name


def _document(case: Case, asked: CaseSettings) -> tuple[Mapping[str, Any], Folders]:
    """Return the merged document of a spec, or that of a program, and the folders of its files."""
    path = case.spec.path
    if inline.is_bare(str(path)):
        own = Folders(path.absolute().parent, allowed=(Path("/"),), trust_flags=True)  # see `may_copy`
        return inline.document(str(path), asked.program, case.spec.backend), own
    where = selection.spec_folders(asked)
    return overlays.document(path, where), where


def _links(content: Tree, wanted: set[Path]) -> set[Path]:
    """Return the links of a suite that lead to files which are wanted."""
    links = (folder / name for folder, names in content.folders.items() for name, is_link in names.items() if is_link)
    return {each for each in links if Path(os.path.realpath(each)) in wanted}
