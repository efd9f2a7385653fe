"""Loads a bundle: all of it is read and checked before anything of it is in the store or in a folder."""

import contextlib
import os
import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from harness.core import strict_json
from harness.core.errors import IntegrityError, UsageError
from harness.core.records import read
from harness.core.text import inline, size
from harness.host import files
from harness.host.beneath import Folder
from harness.host.disk import disk_errors, free_bytes
from harness.importers import environment
from harness.importers.frameworks import Framework
from harness.iree import releases, toolchain, wheel_contents
from harness.packing.bundle_archive import Reader
from harness.packing.bundle_manifest import SCHEMA, Manifest, PackedEntry
from harness.packing.case_folder import check_new
from harness.store import scratch
from harness.store.store import Store

_SHA256 = re.compile(r"[0-9a-f]{64}")
_IMPORTER = re.compile(rf"{Framework.ONNX}-[0-9][0-9a-z.+]*-[0-9a-f]{{16}}")
_LONGEST, _BLOB = 1000, "blob"


@contextlib.contextmanager
def loaded(path: Path, store: Store, to: Path, *, is_trusted: bool = False) -> Iterator[tuple[Manifest, Path]]:
    """Put the entries of a bundle into the store and its files into a folder.

    Yields what it has, and a folder of all contents, each named by its digest, from which its image can be loaded.

    Args:
        path: the bundle.
        store: the store.
        to: the folder for its files.
        is_trusted: whether its importers are loaded, too, whose content follows from nothing that the harness has.

    Raises:
        UsageError: the folder is in use, or the file cannot be read or is no bundle.
        IntegrityError: the bundle is damaged, or has what no bundle has.
        DiskError: no space is left.
    """
    check_new(to)
    with disk_errors(to), scratch.folder(store.root) as folder:
        manifest = _read(path, store, folder)
        for each in manifest.entries:
            if is_trusted or each.kind != environment.KIND:
                _provide(each, store, folder)
        files_ = Folder(to.absolute())
        for name, packed in manifest.files.items():
            target = files_.path / name
            files_.make(target.parent)
            with store.files.reader(folder / packed.sha256) as source, files_.new(target) as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
        yield manifest, folder


def _read(path: Path, store: Store, folder: Path) -> Manifest:
    """Return the manifest of a bundle, and write all contents into a folder, each checked by its digest."""
    try:
        file = files.opened(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({files.reason(error)}); expected a bundle.") from error
    with file:
        try:
            reader = Reader(file)
            manifest = read(Manifest, strict_json.loads(reader.manifest()))
            _check(manifest)
            contents = manifest.contents
            if (needed := 2 * sum(contents.values())) > (free := free_bytes(store.root)):
                raise UsageError(f"{path}: needs {size(needed)} in {store.root}, where {size(free)} are free.")
            reader.contents(contents, lambda digest: store.files.new(folder / digest))
        except ValueError as error:
            raise IntegrityError(f"{path}: no bundle of this harness, or damaged: {inline(str(error))}.") from error
    return manifest


def _check(manifest: Manifest) -> None:
    """Raise ValueError if a manifest has names or entries that no bundle has."""
    if manifest.schema != SCHEMA:
        raise ValueError(f"schema {manifest.schema}, expected {SCHEMA}")
    names = [manifest.specs, *manifest.configs, *manifest.files]
    for name in (*names, *(name for each in manifest.entries for name in each.files)):
        parts = PurePosixPath(name).parts
        if "/".join(parts) != name or ".." in parts or name.startswith("/") or inline(name) != name or not parts:
            raise ValueError(f"the name {name[:_LONGEST]!r} is no plain path")
        if len(name) > _LONGEST:
            raise ValueError("a name is too long")
    sizes: dict[str, int] = {}
    for packed in manifest.packed:
        if not _SHA256.fullmatch(packed.sha256) or packed.bytes < 0:
            raise ValueError("a digest or a size is not valid")
        if sizes.setdefault(packed.sha256, packed.bytes) != packed.bytes:
            raise ValueError("a content has two sizes")
    for each in manifest.entries:
        _check_entry(each)


def _check_entry(entry: PackedEntry) -> None:
    """Raise ValueError for an entry whose content does not follow from its key, as that of a blob or a release does.

    An importer's does not, so it is loaded only if the bundle is trusted.
    """
    if entry.kind == environment.KIND:
        if not _IMPORTER.fullmatch(entry.key):
            raise ValueError("an importer has no name of one")
        return
    if entry.kind == "blobs":
        if not _SHA256.fullmatch(entry.key) or (blob := entry.files.get(_BLOB)) is None or blob.sha256 != entry.key:
            raise ValueError("a blob is not the one of its name")
        return
    contents = next((each.contents for each in releases.locked().values() if toolchain.key(each) == entry.key), None)
    wanted = (contents or {}).get(platform.machine())
    if entry.kind != toolchain.KIND or wanted is None:
        raise ValueError(f"the entry {entry.kind} {entry.key} is no blob and no release for this machine")
    if wheel_contents.digest({name: packed.sha256 for name, packed in entry.files.items()}) != wanted:
        raise ValueError(f"the release {entry.key} is not what its wheels contain")


def _provide(entry: PackedEntry, store: Store, contents: Path) -> None:
    def fill(folder: Path) -> None:
        for name, packed in entry.files.items():
            store.files.make((folder / name).parent)
            with store.files.reader(contents / packed.sha256) as source, store.files.new(folder / name) as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
                os.fchmod(copy.fileno(), 0o755 if packed.is_program else 0o644)

    store.provide(entry.kind, entry.key, fill, activity=f"loading {entry.kind}")
