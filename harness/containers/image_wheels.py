"""Installs the Python wheels of an image, such as those of ROCm with an emulator, by hash.

AMD's `rocm-sdk-devel` has most of its files in an archive, because links cannot be in a wheel. `rocm-sdk init` unpacks
it, with a program that AMD has as source only; here it is unpacked in the same way (ROCm/TheRock@89553ce:
build_tools/packaging/python/templates/rocm/src/rocm_sdk/_devel.py).
"""

import hashlib
import json
import os
import platform
import shutil
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from harness.containers.definitions import Image, ImageWheels
from harness.core.callbacks import working
from harness.core.errors import IntegrityError, UsageError
from harness.host.beneath import Folder
from harness.host.cancel import CancelToken
from harness.iree import toolchain, wheels
from harness.store.store import Store

# The platform of IREE's own wheels; every base image supports it: https://peps.python.org/pep-0600/.
PLATFORM = f"{platform.machine()}-manylinux_2_28"
_ARCHIVES = ("rocm_sdk_devel/_devel.tar", "rocm_sdk_devel/_devel.tar.xz")


def check_pinned(image: Image) -> None:
    """Raise UsageError if wheels of an image are not pinned, or not as they are wanted."""
    if image.wheels and not image.wheels.is_pinned:
        raise UsageError(
            f"{image.name}: its wheels ({', '.join(image.wheels.wanted)}) are not pinned; "
            f"run `nox -s pins -- {image.name}`, which looks them up in {image.wheels.index}."
        )


def digest(wanted: ImageWheels | None) -> str | None:
    """Return the sha256 of what locks the wheels of an image; None without wheels."""
    return hashlib.sha256(toolchain.requirements(wanted.locked).encode()).hexdigest() if wanted else None


def installed(
    image: Image, wanted: ImageWheels, store: Store, *, index: str | None, offline: bool, cancel: CancelToken
) -> Path:
    """Return a folder with the wheels of an image, for a machine like this one; an archive in a wheel stays one.

    Args:
        image: definition of the image.
        wanted: its wheels.
        store: where the folder is kept.
        index: URL of the package index to use instead of that of the definition.
        offline: use only the store and uv's cache.
        cancel: stops the installation.

    Raises:
        DiskError: no space is left.
        FetchError: a wheel cannot be downloaded.
        Cancelled: `cancel` was set.
    """
    requirements = toolchain.requirements(wanted.locked)
    key = json.dumps([requirements, image.python_version, PLATFORM])
    activity = f"installing the wheels of {image.name}"

    def make(folder: Path) -> None:
        with working(store.on_work, activity) as progress:
            wheels.install(
                f"the wheels of {image.name}",
                requirements,
                folder,
                target=folder / "site",
                python_version=image.python_version,
                options=_options(index or wanted.index),
                offline=offline,
                cancel=cancel,
                progress=progress,
            )
        wheels.remove_varying(folder / "site")
        (folder / wheels.LOG_NAME).unlink()

    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    return store.provide("wheels", f"{image.name}-{name}", make, activity=activity).path / "site"


def _options(index: str) -> tuple[str, ...]:
    """Return the options of uv: of the index nothing but these wheels."""
    return ("--python-platform", PLATFORM, "--no-compile-bytecode", "--no-deps", "--default-index", index)


def members(subject: str, site: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Yield what an image has of its wheels, in a fixed order: files with their content, folders and links.

    Args:
        subject: name of the image, for messages.
        site: folder with the installed wheels; no file in it is a link.

    Raises:
        IntegrityError: an archive in a wheel would write elsewhere.
    """
    for path in sorted(path for path in site.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            if str(path.relative_to(site)) in _ARCHIVES:
                yield from _archived(subject, file)
            else:
                info = tarfile.TarInfo(str(path.relative_to(site)))
                info.mode, info.size = path.stat().st_mode, path.stat().st_size
                yield info, file


def _archived(subject: str, file: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    with tarfile.open(fileobj=file) as tar:
        for member in tar:
            _check_beneath(subject, member.name)
            member.name = str(PurePosixPath(member.name))
            if member.issym():
                _check_beneath(subject, os.path.normpath(PurePosixPath(member.name).parent / member.linkname))
            if member.isreg() or member.issym() or member.isdir():
                yield member, tar.extractfile(member) if member.isreg() else None


def unpack(subject: str, site: Path, to: Path) -> None:
    """Write what an image has of its wheels into a new folder. Raises what `members` raises."""
    files = Folder(to)
    for member, content in members(subject, site):
        path = to / member.name
        files.make(path if member.isdir() else path.parent)
        if member.issym():
            files.point(path, Path(member.linkname))
        if content:
            with files.new(path) as file:
                shutil.copyfileobj(content, file)
                os.fchmod(file.fileno(), 0o755 if member.mode & stat.S_IXUSR else 0o644)


def _check_beneath(subject: str, name: str) -> None:
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        raise IntegrityError(f"{subject}: an archive in a wheel leads to {name}; expected a path beneath it.")
