"""Installs the environment of an importer into the store, by hash: a framework, and an IREE release beside it.

Nothing of it is ever loaded into the harness itself, and it may have other versions of what the harness uses.
"""

import hashlib
import platform
import sys
import tarfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from harness.core.callbacks import working
from harness.host.process import CancelToken
from harness.importers.frameworks import IMPORTERS, Framework
from harness.iree import toolchain, wheel_contents, wheels
from harness.iree.releases import ReleaseWheels
from harness.store.entry import Entry
from harness.store.store import Store

KIND = "importers"
_EVERYTHING = ("",)
_ARCHIVE = "environment.tar"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImporterEnvironment:
    """An installed importer.

    Attributes:
        folder: what has to be on the search path of Python.
        release: the IREE release whose importer it is, if it is one's.
    """

    folder: Path
    release: str


def installed(
    framework: Framework,
    locked: ReleaseWheels,
    store: Store,
    *,
    python: str = "",
    offline: bool = False,
    cancel: CancelToken | None = None,
) -> ImporterEnvironment:
    """Return the environment of a framework; the first time, its wheels are installed into the store.

    Its files are read and compared with what was installed, because they are about to run.

    Args:
        framework: the framework; its lock is in the folder `locks`.
        locked: a locked IREE release.
        store: where it is kept.
        python: the version of the Python that will use it, such as `3.12`; by default the one that runs this.
        offline: use only the store and uv's cache.
        cancel: stops the installation.

    Raises:
        FetchError: a wheel cannot be downloaded, or does not match its hash.
        DiskError: no space is left.
        Cancelled: `cancel` was set.
    """
    importer = IMPORTERS[framework]
    key, requirements, python = _described(framework, locked, python)
    subject = f"the importer for {importer.name}"
    subject += f" of IREE {locked.release.name}" if importer.is_of_release else ""
    activity = f"installing {subject}"

    def is_good(entry: Entry) -> bool:
        return wheel_contents.is_intact(store.files, entry, _EVERYTHING)

    def install(folder: Path) -> None:
        with working(store.on_work, activity) as progress:
            wheels.install(
                subject,
                requirements,
                folder,
                target=folder,
                python_version=python,
                options=("--no-deps",),
                offline=offline,
                cancel=cancel,
                progress=progress,
            )
        store.files.protect(folder)

    entry = store.provide(KIND, key, install, is_good=is_good, activity=activity)
    return ImporterEnvironment(folder=entry.path, release=locked.release.name)


def name(framework: Framework, locked: ReleaseWheels, python: str = "") -> str:
    """Return what identifies an environment: the framework, the release, and a digest of all that is installed."""
    return _described(framework, locked, python)[0]


def _described(framework: Framework, locked: ReleaseWheels, python: str) -> tuple[str, str, str]:
    """Return the name of an environment, its requirements, and the version of its Python."""
    lock = resources.files("harness.importers").joinpath("locks", f"{framework}.txt").read_text(encoding="utf-8")
    is_of_release = IMPORTERS[framework].is_of_release
    requirements = lock + (toolchain.requirements(locked.wheels) if is_of_release else "")
    python = python or f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(f"{requirements} {python} {platform.machine()}".encode()).hexdigest()
    release = f"-{locked.release.name}" if is_of_release else ""
    return f"{framework}{release}-{digest[:16]}", requirements, python


def archive(environment: ImporterEnvironment, store: Store) -> Path:
    """Return an environment as one file, for where no folder of this machine is visible."""
    folder, key = environment.folder, f"{environment.folder.name}.tar"

    def pack(target: Path) -> None:
        with tarfile.open(target / _ARCHIVE, "w") as tar:
            for path in sorted(folder.iterdir()):
                tar.add(path, path.name)

    entry = store.provide(KIND, key, pack, activity="packing an importer")
    return entry.path / _ARCHIVE
