"""Installs what the harness itself imports, for the Python of an image."""

import hashlib
import platform
from pathlib import Path

from harness.containers import definitions
from harness.core.callbacks import working
from harness.host.cancel import CancelToken
from harness.iree import wheels
from harness.store.store import Store

REQUIREMENTS_NAME = "requirements.txt"
# The platform of IREE's own wheels; every base image supports it: https://peps.python.org/pep-0600/.
_PLATFORM = "manylinux_2_28"


def installed(
    containers: Path,
    python_version: str,
    store: Store,
    *,
    offline: bool = False,
    cancel: CancelToken | None = None,
) -> Path:
    """Return a folder with the dependencies of the harness, for an image on a machine like this one.

    The installed files have the same content on every machine.

    Args:
        containers: folder with the lock file, `requirements.txt`.
        python_version: Python of the image, such as `3.13`.
        store: where the folder is kept.
        offline: use only the store and uv's cache.
        cancel: stops the installation.

    Raises:
        UsageError: the lock file cannot be read.
        DiskError: no space is left.
        FetchError: a wheel cannot be downloaded.
        Cancelled: `cancel` was set.
    """
    requirements = definitions.text(containers / REQUIREMENTS_NAME)
    system = f"{platform.machine()}-{_PLATFORM}"
    digest = hashlib.sha256(f"{requirements} {python_version} {system}".encode()).hexdigest()
    activity = f"installing the dependencies of the harness for Python {python_version}"

    def make(folder: Path) -> None:
        with working(store.on_work, activity) as progress:
            wheels.install(
                "the dependencies of the harness",
                requirements,
                folder,
                target=folder / "site",
                python_version=python_version,
                options=("--python-platform", system, "--no-compile-bytecode"),
                offline=offline,
                cancel=cancel,
                progress=progress,
            )
        wheels.remove_varying(folder / "site")
        (folder / wheels.LOG_NAME).unlink()

    return store.provide("dependencies", f"{python_version}-{digest[:16]}", make, activity=activity).path / "site"
