"""Packs all that a run needs into one file, for a machine without a network: specs, blobs, a release, an image."""

import contextlib
import io
import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from harness.containers import sockets
from harness.core.blobs import Blob, FetchedBlob
from harness.core.callbacks import Notice, ignore
from harness.core.cases import Case
from harness.core.errors import UsageError
from harness.core.records import as_json
from harness.core.settings import Settings
from harness.core.urls import redacted
from harness.fetch import provision
from harness.fetch.fetcher import Fetcher
from harness.host import files as safe
from harness.host.beneath import Folder
from harness.host.cancel import CancelToken
from harness.host.disk import disk_errors
from harness.importers import environment
from harness.importers.frameworks import Framework
from harness.iree import release_sources, releases, toolchain
from harness.iree.release_sources import ReleaseSource
from harness.iree.releases import ReleaseWheels
from harness.packing import bundle_image
from harness.packing.bundle_archive import MANIFEST, Writer
from harness.packing.bundle_manifest import LOCAL, SCHEMA, WHEELS, Manifest, PackedEntry, PackedFile, PackedImage
from harness.packing.plain_names import plain
from harness.packing.spec_tree import SpecTree
from harness.pipeline import importing, internal, planner
from harness.pipeline.options import Options
from harness.store import scratch
from harness.store.entry import file_sha256
from harness.store.store import Store


def write(settings: Settings, cases: Sequence[Case], to: Path, notice: Notice) -> Manifest:
    """Write all that cases need into a file, and return what it has.

    Raises:
        UsageError: the file exists, or the image is named by its digest.
        EngineError: the image cannot be found, built or saved.
        FetchError: a blob or a wheel cannot be downloaded.
        DiskError: no space is left, or the file cannot be written.
    """
    if to.exists() or to.is_symlink():
        raise UsageError(f"{to}: exists already; name another file with -o.")
    with (
        disk_errors(to),
        Store(settings.fetch.store.absolute()) as store,
        scratch.folder(store.root) as folder,
        scratch.folder(store.root) as of_image,
    ):
        with provision.fetcher(settings.fetch, store, notice) as fetcher:
            packing = _Packing(settings, fetcher, folder, of_image, notice)
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

    def __init__(self, settings: Settings, fetcher: Fetcher, folder: Path, of_image: Path, notice: Notice) -> None:
        self._settings, self._store, self._fetcher = settings, fetcher.store, fetcher
        self._folder, self._of_image, self._notice = folder, of_image, notice
        self._places: dict[str, Path] = {}

    def manifest(self, cases: Sequence[Case]) -> Manifest:
        settings, target = self._settings, self._settings.target
        found = release_sources.chosen(settings.release, settings.fetch, self._store, self._notice)
        release = release_sources.pinned(found, self._fetcher)
        plans = internal.plans(cases, release.release, Options.of(settings))
        remote = {blob: self._fetcher.fetch(blob).blob for blob in planner.blobs(plans) if blob.is_remote}
        tree = self._tree(cases, remote)
        is_locked = releases.locked().get(release.release.name) == found
        toolchains = [self._toolchain(release)] if is_locked else []
        if not is_locked:
            self._copy_wheels(release)
        digests = sorted({each.sha256 for each in remote.values()})
        image = self._image(release)
        importers = [self._importer(release, image)] if any(case.spec.is_onnx for case in cases) else []
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
            entries=(*(self._entry("blobs", each) for each in digests), *toolchains, *importers),
            image=image,
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

    def _image(self, release: ReleaseWheels) -> PackedImage | None:
        """Save the image in which the cases run; without one asked for, they run on the machine itself."""
        container = self._settings.container
        if container.engine in {"auto", LOCAL} and not container.image:
            return None
        engine = sockets.required(container.engine, container.variables)
        with contextlib.closing(engine):
            image, places = bundle_image.packed(self._settings, release, engine, self._fetcher, self._of_image)
        self._places |= places
        return image

    def _importer(self, release: ReleaseWheels, image: PackedImage | None) -> PackedEntry:
        """Install the importer of ONNX files for the Python that will run it."""
        settings = self._settings
        version = bundle_image.recipe(settings, release).image.python_version if image else ""
        locked = importing.importer_of(settings.run.importer, release.release)
        environment.installed(Framework.ONNX, locked, self._store, python=version, offline=settings.fetch.offline)
        return self._entry(environment.KIND, environment.name(Framework.ONNX, locked, version))

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
