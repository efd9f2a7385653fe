"""The only place that makes a base from Debian packages.

mmdebstrap makes a tar of them that has the same bytes wherever and whenever it is made of the same packages. It runs
in mode `unshare` for root too, for then all processes and mounts are in namespaces of its own: whatever kills it, they
are gone.
"""

import os
import platform
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.containers.definitions import Bootstrapped
from harness.core.callbacks import Notice, ignore
from harness.core.errors import DiskError, EngineError, FetchError, HarnessError, IntegrityError, ToolError
from harness.host import process
from harness.host.process import CancelToken
from harness.store.entry import file_sha256
from harness.store.store import Store

MACHINE = "x86_64"
TAR_NAME = "base.tar"
_LOG_NAME = "mmdebstrap.log"
_TIMEOUT_S = 3600.0
_XATTR = "SCHILY.xattr."
# What an engine makes itself, and what belongs to another user where apt could not shed its rights.
_LEFT_OUT = ("dev", "var/lib/apt", "var/cache/apt")
_LISTED = 25
# What the machine at hand must not decide. What is newer than the epoch (2025-10-09) is dated so.
_VARIABLES = {
    "SOURCE_DATE_EPOCH": "1760000000",
    "LC_ALL": "C.UTF-8",
    "LANGUAGE": "",
    "TZ": "UTC",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONPATH": "",
    "PYTHONHASHSEED": "0",  # Debian's Python compiles its library when it is installed
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONOPTIMIZE": "",
}
_UNWANTED = ("doc", "info", "lintian", "locale", "man")
# A stable suite changes with its point releases only, unless there is more than the suite in the list.
_SETUP = r'sed -i -E "/ [^ ]+-(updates|security) /d" "$1/etc/apt/sources.list"'
# What is of this machine and this day. mmdebstrap itself removes more after that, such as machine-id and logs.
_CUSTOMIZE = (
    'cd "$1" && rm -rf etc/apt/sources.list* etc/hostname etc/resolv.conf var/lib/apt/* var/cache/* var/log/* '
    "var/lib/dpkg/*-old && rm -f etc/shadow- etc/gshadow- etc/passwd- etc/group-"
)
_SAME_PACKAGES = "No package differs, so what makes the tar does (mmdebstrap, apt, tar): compare their versions."
_NO_ROOM = (process.NO_SPACE, "enough free space")
_NOT_HAD = re.compile(
    r"Failed to fetch|Could not (resolve|connect)|Unable to (connect|locate package)|Temporary failure resolving"
    r"|does not have a Release file|Connection (failed|timed out)|Couldn't download|was not found"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What was bootstrapped: the sha256 of the tar, and the versions of the packages in it."""

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
    notice: Notice = ignore,
) -> Path:
    """Return the tar of a base, made the first time, of which `notice` is told.

    Args:
        name: the image's, for messages.
        base: what it is made of, and what comes out.
        store: where it is kept.
        mirror: URL of another archive than mmdebstrap's own choice, for example as it was on the day of the pin.
        offline: whether only what is in the store may be used.
        cancel: an order to stop.
        notice: told that it is being made.

    Raises:
        EngineError: bases are not pinned for machines like this one, or the mirror is no URL.
        IntegrityError: the archive has other packages than those that were pinned.
        ToolError: mmdebstrap is missing, or does not work here.
        FetchError: the archive cannot be reached.
        DiskError: no space is left.
        Cancelled: it was stopped because of `cancel`.
    """
    check(name, mirror)

    def make(folder: Path) -> Mapping[str, str]:
        if offline:
            raise FetchError(f"{name}: its base has not been bootstrapped yet; run once without --offline.")
        notice(f"bootstrapping {base.suite} for {name}")
        tree = bootstrap(base, folder, mirror=mirror, cancel=cancel)
        if tree.sha256 != base.sha256:
            raise IntegrityError(_mismatch(name, base, tree))
        return {TAR_NAME: tree.sha256}

    return store.provide("bases", base.sha256, make).path / TAR_NAME


def bootstrap(
    base: Bootstrapped, folder: Path, *, mirror: str | None = None, cancel: CancelToken | None = None
) -> Tree:
    """Make `base.tar` of what the archive gives now, in a folder that is there; raise what `bootstrapped` does."""
    log, made, program = folder / _LOG_NAME, folder / "made.tar", _program()
    temporary = _temporary(folder)
    argv = _argv(program, base, made, mirror)
    variables = {**_VARIABLES, "TMPDIR": str(temporary)}
    try:
        ended = process.run(argv, cwd=temporary, log_path=log, timeout_s=_TIMEOUT_S, cancel=cancel, variables=variables)
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
    """Yield what differs between two sets of versions by name: `libc6 2.41-12 -> 2.41-13`, `added a 1` (pure)."""
    for name in sorted(old.keys() | new.keys()):
        match old.get(name), new.get(name):
            case None, version:
                yield f"added {name} {version}"
            case version, None:
                yield f"removed {name} {version}"
            case before, after if before != after:
                yield f"{name} {before} -> {after}"


def check(name: str, mirror: str | None) -> None:
    """Raise EngineError if a bootstrap makes no sense: on another machine, or with a mirror that is no URL (pure)."""
    if platform.machine() != MACHINE:
        raise EngineError(
            f"{name}: its base is pinned for {MACHINE} and this machine is {platform.machine()}; "
            "choose an image whose base is in a registry."
        )
    if mirror and not re.fullmatch(r"https?://\S+|file:///\S+", mirror):
        raise EngineError(f"--debian-mirror {mirror}: expected the URL of a Debian archive, https://HOST/PATH.")


def _program() -> str:
    program = shutil.which("mmdebstrap")
    if program is None:
        raise ToolError("mmdebstrap is not installed and makes the bases of Debian; install the package mmdebstrap.")
    return program


def _temporary(folder: Path) -> Path:
    """Return a new folder that others may enter: without root, mmdebstrap works as users of its own."""
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
        "--skip=output/dev",  # an engine has its own, and one without root may not make these
        '--aptopt=Acquire::Check-Valid-Until "false"',  # an archive of the past is no longer valid; the sha256 counts
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=APT::Install-Recommends "false"',
        *excluded,
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",  # who passes an image on passes these on
        f"--setup-hook={_SETUP}",
        f"--customize-hook={_CUSTOMIZE}",
        *(base.suite, str(tar)),
        *([mirror] if mirror else []),
    ]


def _clear(program: str, temporary: Path) -> None:
    """Remove what a killed mmdebstrap has left, as the users whose it is."""
    if left := [str(each) for each in temporary.iterdir()]:
        argv = [program, "--unshare-helper", "rm", "-rf", *left]
        remove = [shutil.which("rm") or "/bin/rm", "-rf", *left] if os.geteuid() == 0 else argv
        process.run(remove, cwd=temporary, log_path=Path(os.devnull), timeout_s=_TIMEOUT_S)
    shutil.rmtree(temporary, ignore_errors=True)


def _failure(base: Bootstrapped, folder: Path, text: str, *, timed_out: bool) -> HarnessError:
    """Return what to say of a bootstrap that failed, given what mmdebstrap printed."""
    lines = [line for line in text.splitlines() if not line.startswith("I: ")]
    said = " ".join(" ".join(lines).split())[-600:] or "nothing"
    if any(each in text for each in _NO_ROOM):
        return DiskError(f"{folder}: no space is left to bootstrap {base.suite} in; free some, or see --store.")
    if timed_out:
        return FetchError(f"{base.suite}: bootstrapping it took longer than {_TIMEOUT_S:.0f} s; check the network.")
    if _NOT_HAD.search(text):
        return FetchError(
            f"{base.suite}: its packages cannot be had; check the network and proxy, or name another archive with "
            f"--debian-mirror. mmdebstrap said: {said}"
        )
    return ToolError(
        f"{base.suite}: mmdebstrap cannot bootstrap it here; it needs root or user namespaces (a range in /etc/subuid, "
        f"the package uidmap), and the keys of the archive (debian-archive-keyring). It said: {said}"
    )


def _normalise(made: Path, tar: Path) -> None:
    """Write a tar anew, so that its bytes depend on its members only.

    GNU tar 1.34 and 1.35 write other headers, and mmdebstrap 1.3.5 leaves ./dev out where 1.5.7 has the folder.
    Nothing else was found to differ between Debian 12 and 13.
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
    """Return the version of each package that dpkg has installed in a tree."""
    with tarfile.open(tar) as archive:
        file = archive.extractfile("./var/lib/dpkg/status")
        status = file.read().decode() if file else ""
    pattern = re.compile(r"^Package: (\S+)\n(?:.+\n)*?Version: (\S+)$", re.MULTILINE)
    return dict(sorted(pattern.findall(status)))


def _mismatch(name: str, base: Bootstrapped, tree: Tree) -> str:
    changed = list(changes(base.versions, tree.versions))
    more = f", and {len(changed) - _LISTED} more" if len(changed) > _LISTED else ""
    what = f"These packages differ: {', '.join(changed[:_LISTED])}{more}." if changed else _SAME_PACKAGES
    return (
        f"{name}: {base.suite} was bootstrapped and has sha256 {tree.sha256}, expected {base.sha256}, as pinned on "
        f"{base.pinned}. {what} Name the archive as it was then with --debian-mirror URL (a snapshot archive has it), "
        f"or pin what there is now by `nox -s pins -- {name}`."
    )
