"""Installs wheels with uv: by hash, for any Python version, into a folder."""

import contextlib
import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import uv

from harness.core.callbacks import Notice, ignore, in_megabytes
from harness.core.errors import DiskError, FetchError
from harness.core.values import frozen
from harness.host import process
from harness.host.cancel import CancelToken

LOG_NAME = "install.log"
_LISTING_NAME = "requirements.txt"
_INSTALL_TIMEOUT_S = 1800.0
_ONE_THREAD = threading.Lock()
# Records of where, when and by whom a wheel was installed; and scripts, which start with a path of this machine.
_VARYING = ("*.dist-info/RECORD", "*.dist-info/direct_url.json", "*.dist-info/uv_*.json", ".lock", "bin")


@frozen
class WheelFile:
    """A wheel on disk.

    Attributes:
        package: normalized name, such as `iree-base-compiler`.
        name: the wheel's own file name; the file at `path` may have another one.
        path: where it is.
        sha256: of its content.
    """

    package: str
    name: str
    path: Path
    sha256: str


@contextlib.contextmanager
def linked(folder: Path, files: Sequence[WheelFile]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Link wheel files into a folder under their own names, for `install`.

    uv gets a cache of its own, so that it keeps no second copy of the wheels. On exit the links, the cache and all
    records of the wheels' paths are removed from the folder.

    Yields:
        The requirements that name the wheels, and the options that uv needs for them.
    """
    if not files:
        yield "", ()
        return
    links, cache = folder / "wheels", folder / "cache"
    links.mkdir()
    for each in files:
        (links / each.name).symlink_to(each.path.absolute())
    lines = (f"{each.package} @ {(links / each.name).as_uri()} --hash=sha256:{each.sha256}\n" for each in files)
    yield "".join(lines), ("--cache-dir", str(cache))
    for path in (links, cache):
        shutil.rmtree(path)
    remove_varying(folder)


def install(
    subject: str,
    requirements: str,
    folder: Path,
    *,
    target: Path,
    python_version: str,
    options: Sequence[str] = (),
    offline: bool = False,
    cancel: CancelToken | None = None,
    progress: Notice = ignore,
) -> None:
    """Install wheels; the requirements file and uv's log stay in `folder`.

    Args:
        subject: what is installed, for messages.
        requirements: text of a requirements file, with a version and hashes for each package.
        folder: where the requirements file and the log are written.
        target: where the wheels are installed.
        python_version: the Python version to install for, such as `3.12`; it need not be on this machine.
        options: further options for uv.
        offline: use uv's cache only.
        cancel: stops the installation.
        progress: called now and then with how much uv has written, such as `45.2 MB`.

    Raises:
        DiskError: no space is left.
        FetchError: uv failed, e.g. because a wheel cannot be downloaded.
        Cancelled: `cancel` was set.
    """
    listing, log = folder / _LISTING_NAME, folder / LOG_NAME
    listing.write_text(requirements, encoding="utf-8")
    wanted = ["--target", str(target), *options, "--require-hashes", "--only-binary", ":all:"]
    # uv's other ways are links into its cache: `clone` too, unless the file system can clone files.
    wanted += ["--link-mode", "copy", "--python-version", python_version]
    argv = [uv_path(), "pip", "install", *wanted, "-r", str(listing)]
    argv += ["--offline"] if offline else []
    ended = process.run(
        argv,
        cwd=folder,
        log_path=log,
        timeout_s=_INSTALL_TIMEOUT_S,
        cancel=cancel,
        on_written=in_megabytes(progress),
    )
    if ended.exit_code != 0:
        raise _error(subject, folder, log.read_text(encoding="utf-8", errors="replace"), offline=offline)


def remove_varying(folder: Path) -> None:
    """Remove files that differ between machines and that only an installer reads."""
    for pattern in _VARYING:
        for path in list(folder.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _error(subject: str, folder: Path, log: str, *, offline: bool) -> DiskError | FetchError:
    if process.NO_SPACE in log:
        return DiskError(f"{folder}: {process.NO_SPACE}; cannot install {subject}. See --store.")
    hint = "run once without --offline" if offline else "check the network, proxy and package index"
    return FetchError(f"Cannot install {subject}; {hint}. uv said: {' '.join(log.split())[-600:]}")


def uv_path() -> str:
    """Return the path of uv. uv finds itself by `sysconfig`, which is not thread-safe in Python 3.11."""
    with _ONE_THREAD:
        return uv.find_uv_bin()
