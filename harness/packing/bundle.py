"""Packs all that a run needs into one file, for a machine without a network: specs, blobs and the IREE release."""

import contextlib
import io
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

from harness.core.blobs import Blob, FetchedBlob
from harness.core.callbacks import Notice, ignore
from harness.core.cases import Backend, Case
from harness.core.errors import UsageError
from harness.core.history import HistorySettings
from harness.core.records import as_json
from harness.core.settings import CaseSettings, ContainerSettings, ReleaseSettings, Settings, TargetSettings
from harness.core.urls import redacted
from harness.fetch import provision
from harness.fetch.fetcher import Fetcher
from harness.host import files as safe
from harness.host.beneath import Folder
from harness.host.disk import disk_errors
from harness.host.process import CancelToken
from harness.iree import release_sources, releases, toolchain
from harness.iree.release_sources import ReleaseSource
from harness.iree.releases import ReleaseWheels
from harness.packing.bundle_archive import MANIFEST, Writer
from harness.packing.plain_names import plain
from harness.packing.spec_tree import SpecTree
from harness.pipeline import internal, planner, selection
from harness.report import again
from harness.store import scratch
from harness.store.entry import file_sha256
from harness.store.store import Store

SCHEMA = 1
WHEELS = "wheels"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedFile:
    """A file: the digest and the size of its content, and whether it is a program."""

    sha256: str
    bytes: int
    is_program: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedEntry:
    """An entry of the store, with its files by their paths in it."""

    kind: str
    key: str
    files: dict[str, PackedFile]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle has, and how its cases are run.

    Attributes:
        schema: version of this form.
        release: the IREE release.
        specs: folder of the specs.
        configs: the configs of a suite.
        backend: what the cases run on.
        chips: likewise the chips.
        compile_chips: chips for which the cases are only compiled.
        compile_only: whether nothing is run.
        sku: product whose tuning specs are used.
        files: the files to write, by path.
        entries: the entries of the store.
    """

    schema: int
    release: str
    specs: str
    configs: tuple[str, ...] = ()
    backend: Backend | None = None
    chips: tuple[str, ...] = ()
    compile_chips: tuple[str, ...] = ()
    compile_only: bool = False
    sku: str | None = None
    files: dict[str, PackedFile] = field(default_factory=dict)
    entries: tuple[PackedEntry, ...] = ()

    @property
    def contents(self) -> dict[str, int]:
        """The size of each content by its digest, in the order in which the bundle has them."""
        every = [*self.files.values(), *(file for each in self.entries for file in each.files.values())]
        return {each.sha256: each.bytes for each in sorted(every, key=lambda each: each.sha256)}

    def command(self, folder: Path, store: Path) -> str:
        """Return the command that runs the cases without a network, from what was written into a folder."""
        has_wheels = any(name.startswith(f"{WHEELS}/") for name in self.files)
        settings = Settings(
            cases=CaseSettings(
                selectors=(),
                specs=folder / self.specs,
                suite_configs=tuple(folder / each for each in self.configs),
            ),
            target=TargetSettings(
                backend=self.backend,
                chips=self.chips,
                compile_chips=self.compile_chips,
                compile_only=self.compile_only,
                sku=self.sku,
            ),
            release=ReleaseSettings(name=self.release, wheels=(folder / WHEELS,) if has_wheels else ()),
            container=ContainerSettings(engine="local"),
            history=HistorySettings(path=None),
        )
        fetch = replace(settings.fetch, offline=True, store=store)
        return again.exact_command(replace(settings, fetch=fetch)).removesuffix(" --no-history")


def write(settings: Settings, cases: Sequence[Case], to: Path, notice: Notice) -> Manifest:
    """Write all that cases need into a file, and return what it has.

    Raises:
        UsageError: the file exists, or the cases run in a container.
        FetchError: a blob or a wheel cannot be downloaded.
        DiskError: no space is left, or the file cannot be written.
    """
    if settings.container.engine not in {"auto", "local"} or settings.container.image:
        raise UsageError("A bundle has no image; pack it for --engine local, and copy images with the engine itself.")
    if to.exists() or to.is_symlink():
        raise UsageError(f"{to}: exists already; name another file with -o.")
    with disk_errors(to), Store(settings.fetch.store.absolute()) as store, scratch.folder(store.root) as folder:
        with provision.fetcher(settings.fetch, store, notice) as fetcher:
            packing = _Packing(settings, store, fetcher, folder, notice)
            manifest = packing.manifest(cases)
        parent = Folder(to.absolute().parent)
        partial = parent.path / f".{to.name}.{uuid.uuid4().hex}.tmp"
        try:
            with parent.new(partial) as file:
                packing.archive(manifest, Writer(file))
            parent.move(partial, parent.path / to.name)
        finally:
            parent.remove(partial)
    return manifest


class _Packing:
    """Gathers what a bundle has: what its manifest says, and where each content is."""

    def __init__(self, settings: Settings, store: Store, fetcher: Fetcher, folder: Path, notice: Notice) -> None:
        self._settings, self._store, self._fetcher = settings, store, fetcher
        self._folder, self._notice = folder, notice
        self._places: dict[str, Path] = {}

    def manifest(self, cases: Sequence[Case]) -> Manifest:
        settings, target = self._settings, self._settings.target
        found = release_sources.chosen(settings.release, settings.fetch, self._store, self._notice)
        release = release_sources.pinned(found, self._fetcher)
        plans = internal.plans(cases, release.release, selection.options(settings.run))
        remote = {blob: self._fetcher.fetch(blob).blob for blob in planner.blobs(plans) if blob.is_remote}
        tree = self._tree(cases, remote)
        is_locked = releases.locked().get(release.release.name) == found
        toolchains = [self._toolchain(release)] if is_locked else []
        if not is_locked:
            self._copy_wheels(release)
        digests = sorted({each.sha256 for each in remote.values()})
        backends = {case.target.backend for case in cases}
        return Manifest(
            schema=SCHEMA,
            release=release.release.name,
            specs=str(tree.settings.specs),
            configs=tuple(map(str, tree.settings.suite_configs)),
            backend=None if tree.settings.suite_configs else next(iter(backends)),
            chips=tuple(sorted({each.target.chip for each in cases if each.target.chip} - {*target.compile_chips})),
            compile_chips=target.compile_chips,
            compile_only=target.compile_only,
            sku=target.sku,
            files=self._files(),
            entries=(*(self._entry("blobs", each) for each in digests), *toolchains),
        )

    def archive(self, manifest: Manifest, writer: Writer) -> None:
        text = (json.dumps(as_json(manifest), indent=1, sort_keys=True) + "\n").encode()
        with contextlib.closing(writer):
            writer.add(MANIFEST, len(text), io.BytesIO(text))
            for digest, size_bytes in manifest.contents.items():
                with self._store.files.reader(self._places[digest]) as content:
                    writer.add(digest, size_bytes, content)

    def _tree(self, cases: Sequence[Case], remote: dict[Blob, FetchedBlob]) -> SpecTree:
        fetched = {redacted(blob.url): each for blob, each in remote.items()}
        tree = SpecTree(Folder(self._folder), may_copy=ignore, content=self._content, fetched=fetched)
        for case in cases:
            tree.add(case, self._settings.cases)
        tree.write_lock()
        return tree

    def _content(self, blob: Blob) -> Path:
        return self._fetcher.fetch(blob).path

    def _files(self) -> dict[str, PackedFile]:
        start, found = len(str(self._folder)) + 1, {}
        for path, _ in Folder(self._folder).walk(self._folder):
            if Folder(self._folder).is_regular(path):
                packed = PackedFile(sha256=file_sha256(path), bytes=path.stat().st_size)
                self._places[packed.sha256] = path
                found[str(path)[start:]] = packed
        return found

    def _toolchain(self, release: ReleaseWheels) -> PackedEntry:
        settings = self._settings
        source = ReleaseSource(settings=settings.release, fetch=settings.fetch, found=release)
        source.install(self._store, CancelToken(), self._notice)
        return self._entry(toolchain.KIND, toolchain.key(release))

    def _copy_wheels(self, release: ReleaseWheels) -> None:
        """Copy the wheels of a release that is not locked: an installed one could not be checked when it is loaded."""
        files = Folder(self._folder)
        files.make(self._folder / WHEELS)
        for each in release.wheels:
            blob = Blob(url=each.url or "", sha256=each.sha256[0])
            path = self._fetcher.fetch(blob).path
            with safe.opened(path) as source, files.new(self._folder / WHEELS / plain(unquote(blob.name))) as copy:
                while chunk := source.read(1 << 20):
                    copy.write(chunk)

    def _entry(self, kind: str, key: str) -> PackedEntry:
        entry = self._store.find(kind, key)
        if entry is None:
            raise UsageError(f"{self._store.path(kind, key)}: was removed from the cache meanwhile; try again.")
        files = {}
        for name, record in sorted(entry.files.items()):
            path = entry.path / name
            state = self._store.files.state(path)
            is_program = bool(state and state.st_mode & 0o100)
            files[name] = PackedFile(sha256=entry.sha256(name), bytes=record["bytes"], is_program=is_program)
            self._places[entry.sha256(name)] = path
        return PackedEntry(kind=kind, key=key, files=files)
