"""The only place that installs wheels: by hash, for the Python that is named, into the store."""

import contextlib
import hashlib
import platform
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uv

from harness.core.errors import DiskError, FetchError, UsageError
from harness.host import process
from harness.host.process import CancelToken
from harness.store.store import Store

REQUIREMENTS_NAME = "requirements.txt"
# That of IREE's own wheels, which every base therefore meets: https://peps.python.org/pep-0600/.
_PLATFORM = "manylinux_2_28"
_INSTALL_TIMEOUT_S = 1800.0
_LOG_NAME = "install.log"
_ONE_THREAD = threading.Lock()
# What tells where, when and by whom a wheel was installed; and the programs, which begin with a path of this machine.
_VARYING = ("*.dist-info/RECORD", "*.dist-info/direct_url.json", "*.dist-info/uv_*.json", ".lock", "bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelFile:
    """A wheel on disk: `name` says what it is, whatever its file is called."""

    package: str
    name: str
    path: Path
    sha256: str


@contextlib.contextmanager
def linked(folder: Path, had: Sequence[WheelFile]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Lend what `install` needs for wheels on disk: their requirements, and options for uv.

    Afterwards nothing in the folder says where they were. uv keeps no copy of them: the store has them.
    """
    if not had:
        yield "", ()
        return
    links, cache = folder / "wheels", folder / "cache"
    links.mkdir()
    for each in had:
        (links / each.name).symlink_to(each.path.absolute())
    lines = (f"{each.package} @ {(links / each.name).as_uri()} --hash=sha256:{each.sha256}\n" for each in had)
    yield "".join(lines), ("--cache-dir", str(cache))
    for path in (links, cache):
        shutil.rmtree(path)
    _strip(folder)


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
) -> None:
    """Install wheels with uv; the list of them and uv's log stay in the folder.

    Args:
        subject: what they are, for messages.
        requirements: each with its version and hashes, as in pip's requirements files.
        folder: where the list and the log are written.
        target: folder into which they are installed.
        python_version: the Python that they have to fit, such as `3.12`, which need not be here.
        options: more for uv.
        offline: whether only what uv has in its cache may be used.
        cancel: an order to stop.

    Raises:
        DiskError: no space is left.
        FetchError: they cannot be had.
        Cancelled: it was stopped because of `cancel`.
    """
    listing, log = folder / REQUIREMENTS_NAME, folder / _LOG_NAME
    listing.write_text(requirements, encoding="utf-8")
    wanted = ["--target", str(target), *options, "--require-hashes", "--only-binary", ":all:"]
    argv = [_uv(), "pip", "install", *wanted, "--python-version", python_version, "-r", str(listing)]
    argv += ["--offline"] if offline else []
    ended = process.run(argv, cwd=folder, log_path=log, timeout_s=_INSTALL_TIMEOUT_S, cancel=cancel)
    if ended.exit_code != 0:
        text = log.read_text(encoding="utf-8", errors="replace")
        if process.NO_SPACE in text:
            raise DiskError(f"{folder}: {process.NO_SPACE}, so {subject} cannot be installed; see --store.")
        said = " ".join(text.split())[-600:]
        hint = "run once without --offline" if offline else "check the network, proxy and package index"
        raise FetchError(f"{subject} cannot be installed; {hint}. uv said: {said}")


def _uv() -> str:
    """Return the path of uv. `sysconfig`, by which it finds itself, is not made for several threads (Python 3.11)."""
    with _ONE_THREAD:
        return uv.find_uv_bin()


def dependencies(
    containers: Path,
    python_version: str,
    store: Store,
    *,
    offline: bool = False,
    cancel: CancelToken | None = None,
    notice: Callable[[str], None] = lambda _: None,
) -> Path:
    """Return a folder with what the harness itself imports, for the Python of an image on a machine like this one.

    Its files have the same contents wherever and whenever they are installed.

    Args:
        containers: folder with the lock, `requirements.txt`.
        python_version: the image's, such as `3.13`.
        store: where it is kept.
        offline: whether only what is in the store, or in uv's cache, may be used.
        cancel: an order to stop.
        notice: told that it is being installed.

    Raises:
        UsageError: the lock cannot be read.
        DiskError: no space is left.
        FetchError: a wheel cannot be had.
        Cancelled: it was stopped because of `cancel`.
    """
    requirements = _read(containers / REQUIREMENTS_NAME)
    system = f"{platform.machine()}-{_PLATFORM}"
    digest = hashlib.sha256(f"{requirements} {python_version} {system}".encode()).hexdigest()

    def make(folder: Path) -> None:
        notice(f"installing the dependencies of the harness for Python {python_version}")
        install(
            "what the harness needs",
            requirements,
            folder,
            target=folder / "site",
            python_version=python_version,
            options=("--python-platform", system, "--no-compile-bytecode"),
            offline=offline,
            cancel=cancel,
        )
        _strip(folder / "site")
        (folder / _LOG_NAME).unlink()

    return store.provide("dependencies", f"{python_version}-{digest[:16]}", make).path / "site"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}); restore it, or make it by `nox -s pins`."
        ) from error


def _strip(site: Path) -> None:
    """Remove what is not the same on every machine, and what only an installer reads."""
    for pattern in _VARYING:
        for path in list(site.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
