"""Installs the environment of an importer into the store, by hash: a framework, and an IREE release beside it.

Nothing of it is ever loaded into the harness itself, and it may have other versions of what the harness uses.
"""

import hashlib
import platform
import sys
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from harness.core import records, strict_json
from harness.core.blobs import Blob, Fetched
from harness.core.callbacks import working
from harness.core.errors import ToolError
from harness.core.text import one_line, raised
from harness.core.values import frozen
from harness.host import process
from harness.host.cancel import CancelToken
from harness.importers import interpreters
from harness.importers.frameworks import IMPORTERS, Framework
from harness.iree import toolchain, wheel_contents, wheels
from harness.iree.releases import ReleaseWheels, Wheel
from harness.iree.wheels import WheelFile
from harness.store import scratch
from harness.store.entry import Entry
from harness.store.store import Store

KIND = "importers"
_EVERYTHING = ("",)
_ARCHIVE = "environment.tar"
_WHEELS = ".wheels.json"
_LOCKS = Path(__file__).with_name("locks")
_COMPILE_TIMEOUT_S = 600.0
# Imports modules without -B, which writes their bytecode: the framework then starts in a fraction of the time.
_COMPILE = "import importlib, sys; sys.path.insert(0, sys.argv[1]); [*map(importlib.import_module, sys.argv[2:])]"


@frozen
class ImporterEnvironment:
    """An installed importer.

    Attributes:
        folder: what has to be on the search path of Python.
        python: the Python that runs it.
        release: the IREE release whose importer it is, if it is one's.
    """

    folder: Path
    python: Path
    release: str


def installed(
    framework: Framework,
    locked: ReleaseWheels,
    store: Store,
    *,
    python: str = "",
    fetch: Callable[[Blob], Fetched] = toolchain.index_only,
    offline: bool = False,
    cancel: CancelToken | None = None,
) -> ImporterEnvironment:
    """Return the environment of a framework; the first time, its wheels are installed into the store.

    Its files are read and compared with what was installed, because they are about to run.

    Args:
        framework: the framework; its lock is in the folder `locks`.
        locked: a locked IREE release.
        store: where it is kept.
        python: the version of the Python that will use it elsewhere, such as `3.12`; by default one of this machine.
        fetch: downloads the wheels that are not on the package index.
        offline: use only the store and uv's cache.
        cancel: stops the installation.

    Raises:
        FetchError: a wheel cannot be downloaded, or does not match its hash.
        IntegrityError: likewise, of a wheel that is not on the package index.
        ToolError: there is no such wheel for this machine, or no Python for it.
        DiskError: no space is left.
        Cancelled: `cancel` was set.
    """
    importer = IMPORTERS[framework]
    key, requirements, version = _described(framework, locked, python)
    subject = f"the importer for {importer.name}"
    subject += f" of IREE {locked.release.name}" if importer.is_of_release else ""
    activity = f"installing {subject}"
    elsewhere = _elsewhere(framework)
    interpreter = Path(sys.executable)
    if not python:
        with scratch.folder(store.root) as folder:
            interpreter = interpreters.interpreter(version, folder, offline=offline, cancel=cancel)

    def is_good(entry: Entry) -> bool:
        return wheel_contents.is_intact(store.files, entry, _EVERYTHING)

    def install(folder: Path) -> None:
        files = [_fetched(wheel, fetch) for wheel in elsewhere]
        with working(store.on_work, activity) as progress:
            # The linked wheels come alone: uv has no cache of its own for them, and would download the others again.
            with wheels.linked(folder, files) as (listing, options):
                for listed, further in ((requirements, ()), (listing, options)):
                    if listed:
                        wheels.install(
                            subject,
                            listed,
                            folder,
                            target=folder,
                            python_version=version,
                            options=("--no-deps", *further),
                            offline=offline,
                            cancel=cancel,
                            progress=progress,
                        )
            for name in importer.unused:
                store.files.remove(folder / name)
            _compile(subject, interpreter, folder, importer.modules, cancel)
        store.files.protect(folder)

    entry = store.provide(KIND, key, install, is_good=is_good, activity=activity)
    return ImporterEnvironment(folder=entry.path, python=interpreter, release=locked.release.name)


def name(framework: Framework, locked: ReleaseWheels, python: str = "") -> str:
    """Return what identifies an environment: the framework, the release, and a digest of all that is installed."""
    return _described(framework, locked, python)[0]


def _described(framework: Framework, locked: ReleaseWheels, python: str) -> tuple[str, str, str]:
    """Return the name of an environment, its requirements, and the version of its Python."""
    importer = IMPORTERS[framework]
    requirements = _lock(f"{framework}.txt") + (toolchain.requirements(locked.wheels) if importer.is_of_release else "")
    version = importer.python or python or interpreters.RUNNING
    said = f"{requirements} {version} {platform.machine()}"
    if elsewhere := _elsewhere(framework):
        said += f" {elsewhere} {importer.modules} {importer.unused}"
    digest = hashlib.sha256(said.encode()).hexdigest()
    release = f"-{locked.release.name}" if importer.is_of_release else ""
    return f"{framework}{release}-{digest[:16]}", requirements, version


def archive(environment: ImporterEnvironment, store: Store) -> Path:
    """Return an environment as one file, for where no folder of this machine is visible."""
    folder, key = environment.folder, f"{environment.folder.name}.tar"

    def pack(target: Path) -> None:
        with tarfile.open(target / _ARCHIVE, "w") as tar:
            for path in sorted(folder.iterdir()):
                tar.add(path, path.name)

    entry = store.provide(KIND, key, pack, activity="packing an importer")
    return entry.path / _ARCHIVE


def _lock(name: str) -> str:
    """Return a lock; empty for a framework that needs nothing but the packages of a release."""
    lock = _LOCKS / name
    return lock.read_text(encoding="utf-8") if lock.is_file() else ""


def _elsewhere(framework: Framework) -> Sequence[Wheel]:
    """Return the wheels that are not on the package index, for this machine.

    Raises:
        ToolError: there are none for it.
    """
    name = f"{framework}{_WHEELS}"
    if not (_LOCKS / name).is_file():
        return ()
    by_machine = records.read(Mapping[str, tuple[Wheel, ...]], strict_json.loads(_lock(name)))  # type: ignore[type-abstract]
    if platform.machine() not in by_machine:
        known = ", ".join(by_machine)
        raise ToolError(f"The importer for {IMPORTERS[framework].name} runs on {known}, not on {platform.machine()}.")
    return by_machine[platform.machine()]


def _fetched(wheel: Wheel, fetch: Callable[[Blob], Fetched]) -> WheelFile:
    """Download a wheel."""
    blob = Blob(url=wheel.url or "", sha256=wheel.sha256[0])
    return WheelFile(package=wheel.package, name=unquote(blob.name), path=fetch(blob).path, sha256=wheel.sha256[0])


def _compile(subject: str, python: Path, folder: Path, modules: Sequence[str], cancel: CancelToken | None) -> None:
    """Compile what the worker will import to bytecode, beside it.

    Raises:
        ToolError: it cannot be imported.
    """
    if not modules:
        return
    ended = process.run(
        [str(python), "-IS", "-c", _COMPILE, str(folder), *modules],
        cwd=folder,
        log_path=folder / wheels.LOG_NAME,
        timeout_s=_COMPILE_TIMEOUT_S,
        cancel=cancel,
    )
    if ended.exit_code != 0:
        log = (folder / wheels.LOG_NAME).read_text(encoding="utf-8", errors="replace")
        raise ToolError(f"{subject} cannot be used: {one_line(raised(log))}")
