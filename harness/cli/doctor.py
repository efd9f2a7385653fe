"""What this machine can and cannot do; each line that says what is missing also says how to mend it."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.containers import sockets
from harness.core.cases import ModelSpec
from harness.core.errors import HarnessError, SpecError, UsageError
from harness.fetch.http import reachable
from harness.host import devices
from harness.host.disk import free_bytes, nearest
from harness.iree import releases
from harness.iree.toolchain import found
from harness.specs import reader as spec
from harness.specs.catalogue import Folders
from harness.store.store import Store

_SPACE_BYTES = 20 << 30
_MEMORY_BYTES = 8 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: what was looked at, what was seen, and, unless it is good, how to mend it."""

    subject: str
    seen: str
    mend: str = ""


def findings(store: Store, folders: Folders, environment: Mapping[str, str], *, offline: bool) -> Iterator[Finding]:
    """Yield what was found, one after the other; opens connections unless offline."""
    yield _python()
    yield _iree(environment.get("PATH", ""), store)
    yield _space(store.root)
    yield _memory()
    yield _engine(environment)
    yield from _gpus()
    try:
        specs = spec.load_all(folders.paths(), folders)
    except SpecError as error:
        seen = f"{len(error.violations)} violations in {folders.specs}"
        yield Finding(subject="specs", seen=seen, mend="see `harness validate`")
        return
    yield Finding(subject="specs", seen=f"{len(specs)} valid in {folders.specs}")
    if not offline:
        yield from _hosts(specs)


def _python() -> Finding:
    return Finding(subject="python", seen=f"{sys.version.split()[0]} at {sys.executable}")


def _iree(search_path: str, store: Store) -> Finding:
    default = f"harness quality installs {releases.newest().name} by itself"
    try:
        toolchain = found(None, search_path, store)
    except HarnessError:
        return Finding(subject="iree", seen=f"none on PATH, none needed: {default}")
    seen = f"{toolchain.release.name} on PATH ({toolchain.iree_compile}); {default}"
    if toolchain.compiler_commit != toolchain.runtime_commit:
        return Finding(
            subject="iree", seen=seen, mend="compiler and runtime on PATH are different builds: install one pair"
        )
    return Finding(subject="iree", seen=seen)


def _space(root: Path) -> Finding:
    folder, free = nearest(root), free_bytes(root)
    seen = f"{free / 1e9:.0f} GB free in {root}"
    if not os.access(folder, os.W_OK):
        return Finding(subject="disk", seen=f"{seen}, which cannot be written", mend="name another folder with --store")
    mend = "" if free >= _SPACE_BYTES else "the larger models need 20 GB and more: name another folder with --store"
    return Finding(subject="disk", seen=seen, mend=mend)


def _memory() -> Finding:
    available, in_all = devices.memory_bytes()
    mend = "" if available >= _MEMORY_BYTES else "compiling the larger models takes 8 GB and more: use --jobs 1"
    return Finding(subject="memory", seen=f"{available / 1e9:.0f} of {in_all / 1e9:.0f} GB available", mend=mend)


def _engine(environment: Mapping[str, str]) -> Finding:
    """Say which engine answers, or why none does that has a socket."""
    subject = "container engine"
    try:
        if found := sockets.connected("auto", environment):
            return Finding(subject=subject, seen=f"{found.about} at {found.about.socket}: models run in containers")
    except UsageError as error:
        return Finding(subject=subject, seen="none on this machine", mend=str(error))
    asked = [address.removeprefix("unix://") for _, address in sockets.addresses("auto", environment)]
    seen = "models run on this machine itself"
    if closed := [path for path in asked if Path(path).exists() and not os.access(path, os.R_OK | os.W_OK)]:
        mend = f"become a member of its group (sudo usermod -aG {Path(closed[0]).group()} $USER) and log in again"
        return Finding(subject=subject, seen=f"{closed[0]} may not be used: {seen}", mend=mend)
    if asked:
        return Finding(subject=subject, seen=f"{asked[0]} does not answer: {seen}", mend="start docker or podman")
    return Finding(subject=subject, seen=f"none, none needed: {seen}")


def _gpus() -> Iterator[Finding]:
    gpus = devices.gpus()
    if not gpus:
        yield Finding(
            subject="gpu",
            seen="no GPU of AMD or NVIDIA is shown by its driver; the CPU is used",
            mend="on a machine with one, load its driver; without one, --compile-only compiles for any chip",
        )
    for gpu in gpus:
        problem = devices.missing(gpu)
        yield Finding(subject="gpu", seen=f"{gpu} at {gpu.node}")
        yield Finding(
            subject="gpu access", seen=f"GPU {gpu.index} {'cannot' if problem else 'can'} be used", mend=problem
        )


def _hosts(specs: Iterable[ModelSpec]) -> Iterator[Finding]:
    hosts = (urlsplit(blob.url) for spec in specs for blob in spec.blobs)
    urls = {f"{host.scheme}://{host.netloc.rpartition('@')[2]}" for host in hosts if host.scheme.startswith("http")}
    for url in sorted(urls):
        problem = reachable(url)
        mend = f"{problem}; check network and proxy (HTTPS_PROXY, SSL_CERT_FILE), or use --offline" if problem else ""
        yield Finding(subject="blob host", seen=url + (" cannot be reached" if problem else " answers"), mend=mend)
