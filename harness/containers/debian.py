"""Makes base images from Debian packages with mmdebstrap.

The same packages give a tar with the same bytes, on every machine and day. mmdebstrap runs in mode `unshare`, for root
too: its processes and mounts are in namespaces of their own, so they end with it.
"""

import os
import platform
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from harness.containers import packages
from harness.containers.definitions import Bootstrapped
from harness.core.callbacks import Notice, ignore, in_megabytes, working
from harness.core.errors import DiskError, EngineError, FetchError, HarnessError, IntegrityError, ToolError
from harness.core.values import frozen
from harness.host import process
from harness.host.cancel import CancelToken
from harness.store.entry import file_sha256
from harness.store.store import Store

MACHINE = "x86_64"
TAR_NAME = "base.tar"
_LOG_NAME = "mmdebstrap.log"
_TIMEOUT_S = 3600.0
_XATTR = "SCHILY.xattr."
# Created by engines themselves, or owned by another user if apt could not drop its privileges.
_LEFT_OUT = ("dev", "var/lib/apt", "var/cache/apt")
_LISTED = 25
# Variables that must not depend on this machine. Files newer than the epoch (2025-10-09) get its date.
_VARIABLES = {
    "SOURCE_DATE_EPOCH": "1760000000",
    "LC_ALL": "C.UTF-8",
    "LANGUAGE": "",
    "TZ": "UTC",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONPATH": "",
    "PYTHONHASHSEED": "0",  # Debian's Python compiles its library during its installation
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONOPTIMIZE": "",
}
_UNWANTED = ("doc", "info", "lintian", "locale", "man")
# Removes -updates and -security, so that a stable suite changes only with its point releases.
_SETUP = r'sed -i -E "/ [^ ]+-(updates|security) /d" "$1/etc/apt/sources.list"'
# Removes what depends on machine and day. mmdebstrap then removes more itself, such as machine-id and logs.
_CUSTOMIZE = (
    'cd "$1" && rm -rf etc/apt/sources.list* etc/hostname etc/resolv.conf var/lib/apt/* var/cache/* var/log/* '
    "var/lib/dpkg/*-old && rm -f etc/shadow- etc/gshadow- etc/passwd- etc/group-"
)
_SAME_PACKAGES = "No package differs, so the tools do: compare the versions of mmdebstrap, apt and tar."
_NO_ROOM = (process.NO_SPACE, "enough free space")
_FETCH_FAILED = re.compile(
    r"Failed to fetch|Could not (resolve|connect)|Unable to (connect|locate package)|Temporary failure resolving"
    r"|does not have a Release file|Connection (failed|timed out)|Couldn't download|was not found"
)


@frozen
class Tree:
    """The result of a bootstrap.

    Attributes:
        sha256: digest of the tar.
        versions: versions of the installed packages, by name.
    """

    sha256: str
    versions: Mapping[str, str]


def bootstrapped(
    name: str,
    base: Bootstrapped,
    store: Store,
    *,
    mirror: str | None = None,
    offline: bool = False,
    cancel: CancelToken | None = None,
) -> Path:
    """Return the tar of a base image; make it if the store does not have it.

    Args:
        name: name of the image, for messages.
        base: the pinned base.
        store: where the tar is kept.
        mirror: URL of an archive, instead of mmdebstrap's choice; for example a snapshot of the day of the pin.
        offline: whether to use only the store.
        cancel: stops mmdebstrap.

    Raises:
        EngineError: the base is pinned for another architecture, or the mirror is not a URL.
        IntegrityError: the tar does not match the pin.
        ToolError: mmdebstrap is missing, or does not work here.
        FetchError: the packages cannot be downloaded.
        DiskError: no space is left.
        Cancelled: `cancel` was set.
    """
    check(name, mirror)
    activity = f"bootstrapping {base.suite} for {name}"

    def make(folder: Path) -> Mapping[str, str]:
        if offline:
            raise FetchError(f"{name}: the base image has not been built yet; run once without --offline.")
        with working(store.on_work, activity) as progress:
            tree = bootstrap(base, folder, mirror=mirror, cancel=cancel, progress=progress)
        if tree.sha256 != base.sha256:
            raise IntegrityError(_mismatch(name, base, tree))
        return {TAR_NAME: tree.sha256}

    return store.provide("bases", base.sha256, make, activity=f"bootstrapping {base.suite}").path / TAR_NAME


def bootstrap(
    base: Bootstrapped,
    folder: Path,
    *,
    mirror: str | None = None,
    cancel: CancelToken | None = None,
    progress: Notice = ignore,
) -> Tree:
    """Make `base.tar` in an existing folder, from the archive's current packages. Raises what `bootstrapped` raises."""
    log, made, program = folder / _LOG_NAME, folder / "made.tar", _program()
    temporary = _temporary(folder)
    argv = _argv(program, base, made, mirror)
    variables = {**_VARIABLES, "TMPDIR": str(temporary)}
    try:
        ended = process.run(
            argv,
            cwd=temporary,
            log_path=log,
            timeout_s=_TIMEOUT_S,
            cancel=cancel,
            variables=variables,
            on_written=in_megabytes(progress),
        )
    finally:
        _clear(program, temporary)
    if ended.exit_code != 0:
        raise _failure(base, folder, log.read_text(encoding="utf-8", errors="replace"), timed_out=ended.timed_out)
    log.unlink()
    tar = folder / TAR_NAME
    _normalise(made, tar)
    made.unlink()
    return Tree(sha256=file_sha256(tar), versions=_versions(tar))


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """Yield the differences between versions by name: `libc6 2.41-12 -> 2.41-13`, `added a 1`, `removed b 2`."""
    for name in sorted(old.keys() | new.keys()):
        match old.get(name), new.get(name):
            case None, version:
                yield f"added {name} {version}"
            case version, None:
                yield f"removed {name} {version}"
            case before, after if before != after:
                yield f"{name} {before} -> {after}"


def check(name: str, mirror: str | None) -> None:
    """Raise EngineError if this machine has another architecture than the pins, or if the mirror is not a URL."""
    if platform.machine() != MACHINE:
        raise EngineError(
            f"{name}: the base image is pinned for {MACHINE}, but this machine is {platform.machine()}; "
            "choose an image with a base from a registry."
        )
    if mirror and not re.fullmatch(r"https?://\S+|file:///\S+", mirror):
        raise EngineError(f"--debian-mirror {mirror}: expected the URL of a Debian archive, https://HOST/PATH.")


def _program() -> str:
    program = shutil.which("mmdebstrap")
    if program is None:
        raise ToolError(
            "mmdebstrap is not installed. Install the package mmdebstrap to build images from Debian packages."
        )
    return program


def _temporary(folder: Path) -> Path:
    """Return a new folder that all users may enter: without root, mmdebstrap runs as other users."""
    folder.chmod(0o755)
    if os.geteuid() == 0 or all(each.stat().st_mode & 0o001 for each in folder.absolute().parents):
        (folder / "tmp").mkdir(mode=0o755, exist_ok=True)
        return folder / "tmp"
    temporary = Path(tempfile.mkdtemp(prefix="mmdebstrap-"))
    temporary.chmod(0o755)
    return temporary


def _argv(program: str, base: Bootstrapped, tar: Path, mirror: str | None) -> list[str]:
    excluded = (f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in _UNWANTED)
    return [
        program,
        *("--mode=unshare", "--variant=essential", "--format=tar", "--architectures=amd64", "--components=main"),
        f"--include={','.join(base.packages)}",
        "--skip=output/dev",  # engines have their own, and without root mmdebstrap cannot create it
        '--aptopt=Acquire::Check-Valid-Until "false"',  # archives of the past have expired; the sha256 is checked
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=APT::Install-Recommends "false"',
        *excluded,
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",  # licences must be distributed with an image
        f"--setup-hook={_SETUP}",
        f"--customize-hook={_CUSTOMIZE}",
        *(base.suite, str(tar)),
        *([mirror] if mirror else []),
    ]


def _clear(program: str, temporary: Path) -> None:
    """Remove what a killed mmdebstrap left, as the users that own it."""
    if left := [str(each) for each in temporary.iterdir()]:
        argv = [program, "--unshare-helper", "rm", "-rf", *left]
        remove = [shutil.which("rm") or "/bin/rm", "-rf", *left] if os.geteuid() == 0 else argv
        process.run(remove, cwd=temporary, log_path=Path(os.devnull), timeout_s=_TIMEOUT_S)
    shutil.rmtree(temporary, ignore_errors=True)


def _failure(base: Bootstrapped, folder: Path, text: str, *, timed_out: bool) -> HarnessError:
    """Return the error for a failed bootstrap, given mmdebstrap's log."""
    lines = [line for line in text.splitlines() if not line.startswith("I: ")]
    output = " ".join(" ".join(lines).split())[-600:] or "none"
    if any(each in text for each in _NO_ROOM):
        return DiskError(f"No space left in {folder} to bootstrap {base.suite}; free disk space, or set --store.")
    if timed_out:
        return FetchError(f"{base.suite}: the bootstrap took longer than {_TIMEOUT_S:.0f} s; check the network.")
    if _FETCH_FAILED.search(text):
        return FetchError(
            f"{base.suite}: cannot download the packages; check the network and proxy, or set another archive with "
            f"--debian-mirror. Output of mmdebstrap: {output}"
        )
    return ToolError(
        f"{base.suite}: mmdebstrap failed. It needs root or user namespaces (a range in /etc/subuid, package uidmap) "
        f"and the keys of the archive (package debian-archive-keyring). Output of mmdebstrap: {output}"
    )


def _normalise(made: Path, tar: Path) -> None:
    """Rewrite a tar, so that its bytes depend only on its members.

    GNU tar 1.34 and 1.35 write different headers, and mmdebstrap 1.5.7 includes ./dev, which 1.3.5 does not. No other
    difference was found between Debian 12 and 13.
    """
    dev = tarfile.TarInfo("./dev")
    dev.type, dev.mode, dev.mtime = tarfile.DIRTYPE, 0o755, int(_VARIABLES["SOURCE_DATE_EPOCH"])
    with tarfile.open(made) as source, tarfile.open(tar, "w", format=tarfile.PAX_FORMAT) as target:
        for member in source:
            member.mtime = int(member.mtime)
            member.pax_headers = {key: text for key, text in member.pax_headers.items() if key.startswith(_XATTR)}
            if not any(map(PurePosixPath(member.name).is_relative_to, _LEFT_OUT)):
                target.addfile(member, source.extractfile(member) if member.isreg() else None)
        target.addfile(dev)


def _versions(tar: Path) -> dict[str, str]:
    """Return the versions of the packages that are installed in a tar, by name."""
    with tarfile.open(tar) as archive:
        file = archive.extractfile("./var/lib/dpkg/status")
        status = file.read().decode() if file else ""
    return dict(sorted((each.name, each.version) for each in packages.of_dpkg(status)))


def _mismatch(name: str, base: Bootstrapped, tree: Tree) -> str:
    changed = list(changes(base.versions, tree.versions))
    more = f", and {len(changed) - _LISTED} more" if len(changed) > _LISTED else ""
    what = f"These packages differ: {', '.join(changed[:_LISTED])}{more}." if changed else _SAME_PACKAGES
    return (
        f"{name}: the bootstrapped {base.suite} has sha256 {tree.sha256}, expected {base.sha256} (pinned on "
        f"{base.pinned}). {what} Use a snapshot of the archive from that day with --debian-mirror URL, or pin the "
        f"current packages with `nox -s pins -- {name}`."
    )
