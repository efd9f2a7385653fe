"""Provides an IREE release, and says exactly which build it is.

The programs that are started are the native ones inside the packages: what pip puts into `bin/` are
Python wrappers, and killing one leaves the real compiler running.
"""

import dataclasses
import hashlib
import platform
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import process, releases, wheels
from harness.errors import ToolError
from harness.model import Release
from harness.process import Cancel
from harness.releases import LockedRelease
from harness.store import Store

# Every release from 3.0.0 on has wheels for it. The programs need no Python, so it need not be here.
WHEEL_PYTHON = "3.12"
_COMPILER_DIR = Path("iree/compiler/_mlir_libs")
_RUNTIME_DIR = Path("iree/_runtime_libs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """One installed IREE. `build` changes whenever the compiler does."""

    release: Release
    iree_compile: Path
    iree_run_module: Path
    iree_dump_module: Path
    compiler_commit: str | None
    runtime_commit: str | None
    build: str
    runtime_build: str = ""


def installed(
    name: str,
    store: Store,
    *,
    offline: bool = False,
    cancel: Cancel | None = None,
    notice: Callable[[str], None] = lambda _: None,
) -> Toolchain:
    """Return a locked release, installed into the store by hash the first time, of which `notice` is told.

    Raises:
        UsageError: the lock has no such release.
        FetchError: its wheels cannot be had.
    """
    locked = releases.find(name)
    requirements = _requirements(locked)

    def install(folder: Path) -> None:
        notice(f"installing IREE {name}")
        wheels.install(
            f"IREE {name}",
            requirements,
            folder,
            target=folder,
            python_version=WHEEL_PYTHON,
            options=("--no-deps",),
            offline=offline,
            cancel=cancel,
        )

    entry = store.provide("toolchains", key(locked), install)
    return _described([entry.path], store, expected=locked.release)


def key(locked: LockedRelease) -> str:
    """Return what stands for the content of an installed release on a machine like this one."""
    digest = hashlib.sha256(f"{_requirements(locked)} {WHEEL_PYTHON} {platform.machine()}".encode()).hexdigest()
    return f"{locked.release.name}-{digest[:16]}"


def folder(tools: Toolchain) -> Path:
    """Return the folder of an installed release."""
    return tools.iree_compile.parents[len(_COMPILER_DIR.parts)]


def moved(tools: Toolchain, to: Path) -> Toolchain:
    """Return an installed release as it is when its folder is elsewhere."""
    names = ("iree_compile", "iree_run_module", "iree_dump_module")
    paths = {name: to / getattr(tools, name).relative_to(folder(tools)) for name in names}
    return dataclasses.replace(tools, **paths)


def _requirements(locked: LockedRelease) -> str:
    """Return the wheels of a release as a requirements file has them."""
    return "".join(
        f"{wheel.package}=={wheel.version}{''.join(f' --hash=sha256:{digest}' for digest in wheel.sha256)}\n"
        for wheel in locked.wheels
    )


def found(folder: Path | None, search_path: str, store: Store) -> Toolchain:
    """Return the IREE whose programs are in `folder/bin` (or in `folder`), or on the search path.

    Raises:
        ToolError: a program is missing; the message says where it was looked for.
    """
    bins = [folder / "bin", folder] if folder else [Path(each) for each in search_path.split(":") if each]
    roots = [root for each in bins if (each / "iree-compile").is_file() for root in _roots(each)]
    if not roots:
        where = f"{folder} or its bin folder" if folder else "PATH"
        raise ToolError(f"iree-compile is not in {where}; install a release with `harness quality --iree RELEASE`.")
    return _described(roots, store)


def _roots(bin_dir: Path) -> Iterator[Path]:
    """Yield where the native programs behind the ones in a bin folder may be, nearest first."""
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


def _described(roots: list[Path], store: Store, *, expected: Release | None = None) -> Toolchain:
    iree_compile = _program("iree-compile", _COMPILER_DIR, roots)
    iree_run_module = _program("iree-run-module", _RUNTIME_DIR, roots)
    version, commit = _stamp(iree_compile.parent.parent / "version.py") or _said(iree_compile, store)
    _, runtime_commit = _stamp(iree_run_module.parent / "version.py") or ("", None)
    return Toolchain(
        release=expected or releases.of_build(version),
        iree_compile=iree_compile,
        iree_run_module=iree_run_module,
        iree_dump_module=_program("iree-dump-module", _RUNTIME_DIR, roots),
        compiler_commit=commit,
        runtime_commit=runtime_commit,
        build=_build(iree_compile, store),
    )


def _program(name: str, package_dir: Path, roots: list[Path]) -> Path:
    for root in roots:
        for path in (root / package_dir / name, root / name):
            if path.is_file() and not _is_script(path):
                return path.resolve()
    raise ToolError(
        f"The native {name} is not below {roots[0]}; expected an IREE distribution with {package_dir / name}."
    )


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _stamp(path: Path) -> tuple[str, str] | None:
    """Return version and commit as the packages' `version.py` has them."""
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    version, commit = re.search(r'VERSION = "(.*)"', text), re.search(r'"IREE": "([0-9a-f]{40})"', text)
    return (version[1], commit[1]) if version and commit else None


def _said(iree_compile: Path, store: Store) -> tuple[str, str | None]:
    """Return version and commit as `iree-compile --version` prints them."""
    with store.scratch() as folder:
        log = folder / "version.log"
        process.run([str(iree_compile), "--version"], cwd=folder, log_path=log, timeout_s=60)
        text = log.read_text(encoding="utf-8", errors="replace")
    match = re.search(r"IREE compiler version (\S+)(?: @ ([0-9a-f]{40}))?", text)
    return (match[1], match[2]) if match else ("unknown", None)


def _build(iree_compile: Path, store: Store) -> str:
    """Return a digest over the compiler's own files."""
    library = iree_compile.parent / "libIREECompiler.so"
    nearby = iree_compile.parent.parent / "lib" / "libIREECompiler.so"
    files = [shutil.which(str(iree_compile)) or str(iree_compile), *(str(p) for p in (library, nearby) if p.is_file())]
    return hashlib.sha256("".join(store.digest(Path(each)) for each in files).encode()).hexdigest()
