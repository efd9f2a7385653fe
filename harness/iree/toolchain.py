"""Installs an IREE release, or finds an installed one, and says exactly which build it is.

A toolchain has the native programs inside the packages. The programs that pip puts into `bin/` are Python wrappers:
killing one leaves the real compiler running.
"""

import dataclasses
import hashlib
import os
import platform
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

from harness.core.blobs import Blob, Fetched
from harness.core.callbacks import Notice, ignore, working
from harness.core.cases import Release
from harness.core.errors import IntegrityError, ToolError
from harness.core.values import frozen
from harness.host import process
from harness.host.cancel import CancelToken
from harness.iree import releases, wheel_contents, wheels
from harness.iree.releases import ReleaseWheels, Wheel
from harness.store import scratch
from harness.store.entry import Entry
from harness.store.store import Store

# Every release since 3.0.0 has wheels for it. The programs need no Python, so it need not be on this machine.
WHEEL_PYTHON = "3.12"
_COMPILER_DIR = Path("iree/compiler/_mlir_libs")
_RUNTIME_DIR = Path("iree/_runtime_libs")
PROGRAMS = (f"{_COMPILER_DIR}/", f"{_RUNTIME_DIR}/")  # the folders of a release from which something runs
KIND = "toolchains"
_LINKERS = ("iree-lld", "lld", "ld.lld")
_LIBRARIES = ("lib[iI][rR][eE][eE]*.so*", "lib[mM][lL][iI][rR]*.so*", "libLLVM*.so*", "iree_platform_libs/**/*")


@frozen
class Toolchain:
    """An installed IREE.

    Attributes:
        release: its release.
        iree_compile: path of the native program; likewise `iree_run_module` and `iree_dump_module`.
        compiler_commit: IREE commit of the compiler, if known.
        runtime_commit: IREE commit of the runtime, if known.
        build: digest of the compiler's files, its linker among them.
        runtime_build: digest of the runtime's files.
    """

    release: Release
    iree_compile: Path
    iree_run_module: Path
    iree_dump_module: Path
    compiler_commit: str | None
    runtime_commit: str | None
    build: str
    runtime_build: str


def index_only(blob: Blob) -> Fetched:
    """Refuse to download; uv itself downloads the wheels of the package index."""
    raise ToolError(f"{blob.name}: not on the package index, and no function to download it was given.")


def installed(
    locked: ReleaseWheels,
    store: Store,
    *,
    fetch: Callable[[Blob], Fetched] = index_only,
    offline: bool = False,
    cancel: CancelToken | None = None,
    notice: Notice = ignore,
    read: Collection[str] = PROGRAMS,
) -> Toolchain:
    """Return the installed release; the first time, its wheels are installed into the store, by hash.

    Programs and libraries are read and compared with the digests of its wheels, once in a process. If one changed, or
    could be changed by another name elsewhere, the release is installed again.

    Args:
        locked: the release, with a sha256 for each wheel.
        store: where it is kept.
        fetch: downloads the wheels that are not on the package index.
        offline: use only the store and uv's cache.
        cancel: stops the installation.
        notice: called if the release is installed again.
        read: the folders whose files are read, of `PROGRAMS`. Nothing may run from another one.

    Raises:
        FetchError: a wheel cannot be downloaded.
        IntegrityError: a wheel does not match its sha256.
        DiskError: no space is left.
        Cancelled: `cancel` was set.
    """
    subject = f"IREE {locked.release.name}"
    activity = f"installing {subject}"
    wanted = locked.contents.get(platform.machine())
    was_there = store.files.is_folder(store.path(KIND, key(locked)))

    def is_good(entry: Entry) -> bool:
        is_intact = not read or wheel_contents.is_intact(store.files, entry, tuple(read))
        return is_intact and wheel_contents.is_listed_right(entry, wanted)

    def install(folder: Path) -> None:
        if was_there:
            notice(f"{subject}: its files in the cache changed; installing it again")
        elsewhere = [_wheel_file(subject, wheel, fetch) for wheel in locked.wheels if wheel.url]
        with working(store.on_work, activity) as progress, wheels.linked(folder, elsewhere) as (listing, options):
            wheels.install(
                subject,
                listing + requirements(wheel for wheel in locked.wheels if not wheel.url),
                folder,
                target=folder,
                python_version=WHEEL_PYTHON,
                options=("--no-deps", *options),
                offline=offline,
                cancel=cancel,
                progress=progress,
            )
        store.files.protect(folder)

    entry = store.provide(KIND, key(locked), install, is_good=is_good, activity=activity)
    if not wheel_contents.is_listed_right(entry, wanted):
        raise IntegrityError(f"{subject}: what its wheels contain is not what releases.json says; run `nox -s pins`.")
    start = len(str(entry.path.resolve())) + 1
    return _described([entry.path], store, lambda path: entry.sha256(str(path)[start:]), expected=locked.release)


def is_genuine(store: Store, kind: str, entry: Entry) -> bool:
    """Return whether an entry lists what the wheels contain, if it is a release whose contents are locked."""
    if kind != KIND:
        return True
    wanted = {store.path(KIND, key(each)): each.contents for each in releases.locked().values()}
    return wheel_contents.is_listed_right(entry, wanted.get(entry.path, {}).get(platform.machine()))


def _wheel_file(subject: str, wheel: Wheel, fetch: Callable[[Blob], Fetched]) -> wheels.WheelFile:
    """Download a wheel that is not on the package index."""
    blob = Blob(url=wheel.url or "", sha256=wheel.sha256[0])
    try:
        path = fetch(blob).path
    except IntegrityError as error:
        hint = "correct the page that links to it, or use another page"
        raise IntegrityError(
            f"{subject}: a wheel does not match its sha256. {error.__cause__ or error}; {hint}."
        ) from error
    return wheels.WheelFile(package=wheel.package, name=unquote(blob.name), path=path, sha256=wheel.sha256[0])


def key(locked: ReleaseWheels) -> str:
    """Return the store key of an installed release, for this machine; each wheel has a sha256."""
    digest = hashlib.sha256(f"{requirements(locked.wheels)} {WHEEL_PYTHON} {platform.machine()}".encode()).hexdigest()
    return f"{locked.release.name}-{digest[:16]}"


def folder(tools: Toolchain) -> Path:
    """Return the folder of an installed release."""
    return tools.iree_compile.parents[len(_COMPILER_DIR.parts)]


def moved(tools: Toolchain, to: Path) -> Toolchain:
    """Return the toolchain as it is after its folder was moved."""
    names = ("iree_compile", "iree_run_module", "iree_dump_module")
    paths = {name: to / getattr(tools, name).relative_to(folder(tools)) for name in names}
    return dataclasses.replace(tools, **paths)


def requirements(wanted: Iterable[Wheel]) -> str:
    """Return the text of a requirements file for wheels of the package index."""
    return "".join(
        f"{wheel.package}=={wheel.version}{''.join(f' --hash=sha256:{digest}' for digest in wheel.sha256)}\n"
        for wheel in wanted
    )


def found(folder: Path | None, search_path: str, store: Store) -> Toolchain:
    """Return the IREE whose programs are in `folder/bin` or `folder`; without a folder, on the search path.

    Raises:
        ToolError: a program is missing; the message says where it was searched.
    """
    bins = [folder / "bin", folder] if folder else [Path(each) for each in search_path.split(":") if each]
    roots = [root for each in bins if _is_readable(each / "iree-compile") for root in _roots(each)]
    if not roots:
        where = f"{folder} or its bin folder" if folder else "PATH"
        hint = "put it there with `pip install iree-base-compiler iree-base-runtime`, name its folder with --toolchain"
        own = "or use `harness quality --iree RELEASE`, which needs no installed IREE"
        raise ToolError(f"iree-compile: not found in {where}; {hint}, {own}.")
    return _described(roots, store, store.digest)


def _is_readable(program: Path) -> bool:
    """Whether a file can be read; one in a folder that this user may not enter is as good as missing."""
    return os.path.isfile(program) and os.access(program, os.R_OK)  # noqa: PTH113 - Path.is_file raises PermissionError


def _roots(bin_dir: Path) -> Iterator[Path]:
    """Yield the folders that may have the native programs behind those in a bin folder, nearest first."""
    program = bin_dir / "iree-compile"
    prefixes = [bin_dir.parent]
    with program.open("rb") as file:
        first = file.readline(4096)
    if not first.startswith(b"#!"):
        yield bin_dir
        return
    interpreter = Path(first[2:].decode(errors="replace").split()[0])
    prefixes.append(interpreter.parent.parent)
    for prefix in prefixes:
        yield prefix
        yield from prefix.glob("lib*/python3*/*-packages")  # Debian's own Python says dist-packages


def _described(
    roots: list[Path], store: Store, digest: Callable[[Path], str], *, expected: Release | None = None
) -> Toolchain:
    iree_compile = _program("iree-compile", _COMPILER_DIR, roots)
    iree_run_module = _program("iree-run-module", _RUNTIME_DIR, roots)
    version, commit = _stamp_of(iree_compile.parent.parent) or _printed(iree_compile, store)
    _, runtime_commit = _stamp_of(iree_run_module.parent) or ("", None)
    return Toolchain(
        release=expected or releases.of_build(version),
        iree_compile=iree_compile,
        iree_run_module=iree_run_module,
        iree_dump_module=_program("iree-dump-module", _RUNTIME_DIR, roots),
        compiler_commit=commit,
        runtime_commit=runtime_commit,
        build=_digest(_compiler_files(iree_compile), digest),
        runtime_build=_digest(_runtime_files(iree_run_module), digest),
    )


def _program(name: str, package_dir: Path, roots: list[Path]) -> Path:
    for root in roots:
        for path in (root / package_dir / name, root / name):
            if _is_readable(path) and not _is_script(path):
                return path.resolve()
    raise ToolError(
        f"{name}: no native program found in {roots[0]}; expected an IREE distribution with {package_dir / name}."
    )


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _stamp_of(package: Path) -> tuple[str, str] | None:
    path = package / "version.py"
    return stamp(path.read_text(encoding="utf-8")) if path.is_file() else None


def stamp(text: str) -> tuple[str, str] | None:
    """Return version and commit from the text of the packages' `version.py`, or None."""
    version, commit = re.search(r'VERSION = "(.*)"', text), re.search(r'"IREE": "([0-9a-f]{40})"', text)
    return (version[1], commit[1]) if version and commit else None


def _printed(iree_compile: Path, store: Store) -> tuple[str, str | None]:
    """Return version and commit as `iree-compile --version` prints them."""
    with scratch.folder(store.root) as folder:
        log = folder / "version.log"
        process.run([str(iree_compile), "--version"], cwd=folder, log_path=log, timeout_s=60)
        text = log.read_text(encoding="utf-8", errors="replace")
    match = re.search(r"IREE compiler version (\S+)(?: @ ([0-9a-f]{40}))?", text)
    return (match[1], match[2]) if match else ("unknown", None)


def _compiler_files(iree_compile: Path) -> Iterator[Path]:
    """Yield the program that compiles, and the linkers, libraries and bitcode that it may load.

    Packages have them in one folder. Elsewhere the folder may be one of the system, with much else in it.
    """
    here, lib = iree_compile.parent, iree_compile.parent.parent / "lib"
    if here.name == _COMPILER_DIR.name:
        yield from (path for path in here.rglob("*") if path.suffix not in {".py", ".pyi"})
        return
    yield iree_compile
    yield from (here / name for name in _LINKERS)
    for folder in (here, lib):
        yield from (path for pattern in _LIBRARIES for path in folder.glob(pattern))


def _runtime_files(iree_run_module: Path) -> Iterator[Path]:
    """Yield the program that runs modules, and the libraries beside it that it may load."""
    yield iree_run_module
    yield from iree_run_module.parent.glob("lib*.so*")
    yield from (iree_run_module.parent.parent / "lib").glob(_LIBRARIES[0])


def _digest(files: Iterable[Path], digest: Callable[[Path], str]) -> str:
    """Return a digest of the names and contents of those files that exist, wherever their folder is."""
    found = sorted({path for path in files if path.is_file() and "__pycache__" not in path.parts})
    lines = (f"{os.path.relpath(path, found[0].parent)} {digest(path.resolve())}\n" for path in found)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
