"""Checks what this machine can do, and suggests a fix for what it cannot."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.containers import apptainer, build_context, definitions, images, sockets
from harness.core.cases import ModelSpec
from harness.core.errors import DeviceError, HarnessError, SpecError, UsageError
from harness.core.settings import ContainerSettings
from harness.core.text import counted
from harness.core.values import frozen
from harness.fetch.short_requests import reachable
from harness.host import devices, emulators
from harness.host.disk import free_bytes, nearest
from harness.iree import releases
from harness.iree.toolchain import found
from harness.specs import reader
from harness.specs.catalogue import Folders
from harness.store.store import Store
from harness.suites.reader import Suite

if TYPE_CHECKING:  # the SDK takes 0.2 s to load; it is needed only if there is a socket
    from harness.containers.engine import Engine

_LOCAL = "models run without a container"
_SPACE_BYTES = 20 << 30
_MEMORY_BYTES = 8 << 30
_VULKAN_DRIVERS = ("/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d")


@frozen
class Finding:
    """The result of one check.

    Attributes:
        subject: what was checked.
        state: what was found.
        fix: what to do about it; empty if all is well.
    """

    subject: str
    state: str
    fix: str = ""


def findings(
    store: Store, folders: Folders, paths: Sequence[Path] | Suite, environment: Mapping[str, str], *, offline: bool
) -> Iterator[Finding]:
    """Yield the result of each check.

    Args:
        store: the cache.
        folders: where specs are.
        paths: the specs to check, or the suite that is there in their place.
        environment: the variables of this process.
        offline: whether to open no connections.
    """
    yield _python()
    yield _iree(environment.get("PATH", ""), store)
    yield _space(store.root)
    yield _memory()
    yield from _engine(environment, offline=offline)
    yield _apptainer()
    yield from _gpus()
    yield _emulator()
    yield _vulkan()
    if isinstance(paths, Suite):
        state = f"{counted(len(paths.paths), 'case')} of {paths.format.NAME} in {folders.specs}"
        yield Finding(subject="suite", state=state)
        return
    try:
        specs = reader.load_all(list(paths), folders)
    except SpecError as error:
        state = f"{counted(len(error.violations), 'error')} in {folders.specs}"
        yield Finding(subject="specs", state=state, fix="run `harness validate`")
        return
    yield Finding(subject="specs", state=f"{len(specs)} valid in {folders.specs}")
    if not offline:
        yield from _hosts(specs)


def _python() -> Finding:
    return Finding(subject="python", state=f"{sys.version.split()[0]} at {sys.executable}")


def _iree(search_path: str, store: Store) -> Finding:
    default = f"`harness quality` installs {releases.newest().name} itself"
    try:
        toolchain = found(None, search_path, store)
    except HarnessError:
        return Finding(subject="iree", state=f"not on PATH; {default}")
    fix = (
        ""
        if toolchain.compiler_commit == toolchain.runtime_commit
        else ("compiler and runtime on PATH are different builds; install a matching pair")
    )
    state = f"{toolchain.release.name} on PATH ({toolchain.iree_compile}); {default}"
    return Finding(subject="iree", state=state, fix=fix)


def _space(root: Path) -> Finding:
    free = free_bytes(root)
    state = f"{free / 1e9:.0f} GB free in {root}"
    if not os.access(nearest(root), os.W_OK):
        return Finding(subject="disk", state=f"{state}, not writable", fix="choose another folder with --store")
    fix = "" if free >= _SPACE_BYTES else "large models need 20 GB or more; choose another folder with --store"
    return Finding(subject="disk", state=state, fix=fix)


def _memory() -> Finding:
    available, total = devices.memory_bytes()
    fix = "" if available >= _MEMORY_BYTES else "compiling large models takes 8 GB or more; use --jobs 1"
    return Finding(subject="memory", state=f"{available / 1e9:.0f} of {total / 1e9:.0f} GB available", fix=fix)


def _engine(environment: Mapping[str, str], *, offline: bool) -> Iterator[Finding]:
    """Yield which container engine answers and whether it can have the image, or why none answers."""
    subject = "container engine"
    try:
        engine = sockets.connected("auto", environment)
    except UsageError as error:
        yield Finding(subject=subject, state="none on this machine", fix=str(error))
        return
    if engine:
        yield Finding(subject=subject, state=f"{engine.info} at {engine.info.socket}")
        yield _image(engine, environment.get("HARNESS_REGISTRY") or None, offline=offline)
    elif problems := sockets.problems("auto", environment):
        fix = "start Docker or Podman, or correct what is named"
        yield Finding(subject=subject, state=f"{'; '.join(problems)}: {_LOCAL}", fix=fix)
    else:
        yield Finding(subject=subject, state=f"none: {_LOCAL}")


def _apptainer() -> Finding:
    found = apptainer.find()
    state = f"{found} at {found.program}: use --engine apptainer" if found else "not on PATH"
    return Finding(subject="apptainer", state=state)


def _image(engine: "Engine", registry: str | None, *, offline: bool) -> Finding:
    """Return whether the image for the CPU is here, can be pulled or can be built."""
    settings = ContainerSettings(registry=registry)
    image = definitions.load(build_context.folder(settings))["cpu"]
    recipe = build_context.recipe(settings, image, releases.find(releases.newest().name))
    if reason := images.obstacle(engine, recipe, registry, offline=offline):
        fix = "connect to the registry, set HARNESS_REGISTRY, or use --image cpu-debian, which needs none"
        return Finding(subject="image", state=f"{reason.rstrip('.')}: {_LOCAL}", fix=fix)
    return Finding(subject="image", state="can be pulled or built, or is here: models run in containers")


def _gpus() -> Iterator[Finding]:
    gpus = devices.gpus()
    if not gpus:
        yield Finding(
            subject="gpu",
            state="no AMD or NVIDIA GPU with a loaded driver; models run on the CPU",
            fix="load the driver of the GPU; without a GPU, use --compile-only to compile for any chip",
        )
    for gpu in gpus:
        problem = devices.missing(gpu)
        yield Finding(subject="gpu", state=f"{gpu} at {gpu.node}")
        state = f"GPU {gpu.index} {'cannot' if problem else 'can'} be used"
        yield Finding(subject="gpu access", state=state, fix=problem)


def _emulator() -> Finding:
    try:
        emulator = emulators.found(emulators.AUTO, None)
    except DeviceError:
        return Finding(subject="emulator", state="none of AMD GPUs in /opt/rocm; --emulator-root names another folder")
    state = f"{emulator} in {emulator.root}: --emulator auto runs {', '.join(emulator.chips)}"
    return Finding(subject="emulator", state=state)


def _vulkan() -> Finding:
    """Return the drivers for Vulkan that the loader finds on this machine."""
    names = sorted({path.name.partition("_icd")[0] for each in _VULKAN_DRIVERS for path in Path(each).glob("*.json")})
    if names:
        return Finding(subject="vulkan", state=f"drivers on this machine: {', '.join(names)} (--backend vulkan)")
    install = "apt-get install mesa-vulkan-drivers libvulkan1 has one that needs no GPU"
    return Finding(subject="vulkan", state=f"no driver on this machine; {install}")


def _hosts(specs: Iterable[ModelSpec]) -> Iterator[Finding]:
    hosts = (urlsplit(blob.url) for spec in specs for blob in spec.blobs)
    urls = {f"{host.scheme}://{host.netloc.rpartition('@')[2]}" for host in hosts if host.scheme.startswith("http")}
    for url in sorted(urls):
        problem = reachable(url)
        fix = f"{problem}; check network and proxy (HTTPS_PROXY, SSL_CERT_FILE), or use --offline" if problem else ""
        yield Finding(subject="blob host", state=f"{url} {'cannot be reached' if problem else 'answers'}", fix=fix)
