"""Provides containers of Apptainer: the base of an image, in which a release and the harness are shown.

The base is a tar in the store. Each run unpacks it again, so no other run can have changed what it sees.
"""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.containers import apptainer, build_context, container_provider, debian, image_wheels, manifest
from harness.containers.apptainer import Apptainer, ApptainerTools
from harness.containers.build_context import Recipe
from harness.containers.definitions import Bootstrapped, Image
from harness.core.callbacks import Notice, working
from harness.core.errors import ToolError, UsageError
from harness.core.settings import Settings
from harness.core.values import frozen
from harness.fetch import provision
from harness.host import emulators, files, process
from harness.host.beneath import Folder
from harness.host.bundled import PACKAGE
from harness.host.cancel import CancelToken
from harness.host.emulators import Emulator
from harness.iree import release_sources, toolchain
from harness.iree.release_sources import ReleaseSource
from harness.iree.toolchain import Toolchain
from harness.pipeline.environment import Environment, EnvironmentRequest, Python
from harness.store import scratch
from harness.store.store import Store

_LOG = "tar.log"
_TIMEOUT_S = 3600.0
_LOG_BYTES = 1 << 16
_TOOLCHAIN, _HARNESS = manifest.ROOT / "toolchain", manifest.ROOT / "harness"


def of(settings: Settings, source: ReleaseSource) -> "ApptainerProvider":
    """Return the provider of containers of the image that the settings name, or of the backend's image.

    Raises:
        UsageError: the image is not in images.toml, or options need another engine.
    """
    name, image = container_provider.chosen_image(settings)
    if image is None:
        raise UsageError(f"--image {name}: with --engine apptainer, name an image of images.toml.")
    _made(image)
    asked = settings.container
    for option, value in (("--cap", asked.capabilities), ("--memory", asked.memory_bytes)):
        if value:
            raise UsageError(f"{option} cannot be combined with --engine apptainer, which has no rights to give.")
    return ApptainerProvider(settings=settings, source=source, image=image)


@frozen(slots=False)
class ApptainerEnvironment(Environment):
    """Containers of an image. Commands that are repeated by hand run on this machine: the image is gone by then.

    Attributes:
        here: the release, with its paths on this machine.
    """

    here: Toolchain

    @property
    def by_hand(self) -> Mapping[str, Any]:
        """The path of each program on this machine."""
        return Environment(name=self.name, toolchain=self.here).by_hand


@frozen
class ApptainerProvider:
    """Provides containers of an image.

    Attributes:
        settings: where bases and wheels come from.
        source: finds the release.
        image: definition of the image.
        engine: kind of environment, as results.json has it.
    """

    settings: Settings
    source: ReleaseSource
    image: Image
    engine: str = "container"

    def prepare(self, store: Store, cancel: CancelToken, notice: Notice) -> None:
        """Make the base, and install the release."""
        apptainer.required()
        base(self.settings, self.image, store, cancel)
        self._wheels(store, cancel)
        self.source.install(store, cancel, notice)

    @contextlib.contextmanager
    def open(self, request: EnvironmentRequest) -> Iterator[Environment]:
        """Unpack the base, which is gone afterwards; each tool then is a container."""
        engine, store = apptainer.required(), request.store
        path = base(self.settings, self.image, store, request.cancel)
        tools = self.source.install(store, request.cancel, request.notice)
        inside = toolchain.moved(tools, _TOOLCHAIN)
        recipe = self._recipe(store, request)
        wheels = self._wheels(store, request.cancel)
        with _root(path, store, request.cancel) as root:
            if wheels:
                image_wheels.unpack(self.image.name, wheels, _made_folder(root, manifest.WHEELS))
            yield ApptainerEnvironment(
                name=f"{engine}, image {recipe.tag}",
                toolchain=inside,
                here=tools,
                facts=_facts(engine, recipe, tools),
                python=Python(
                    path=self.image.python, version=self.image.python_version, harness=_HARNESS, sees_files=False
                ),
                emulators=_emulators(root, Path(self.image.emulator or emulators.ROOT)),
                tools=ApptainerTools(
                    apptainer=engine,
                    image=root,
                    shown={str(_TOOLCHAIN): toolchain.folder(tools), str(_HARNESS): PACKAGE},
                    gpus=request.gpus,
                    variables=_variables(self.image),
                ),
            )

    def _wheels(self, store: Store, cancel: CancelToken) -> Path | None:
        """Install the wheels of the image, if it has some, and return their folder."""
        image, asked = self.image, self.settings
        if image.wheels is None:
            return None
        index, offline = asked.container.wheel_index, asked.fetch.offline
        return image_wheels.installed(image, image.wheels, store, index=index, offline=offline, cancel=cancel)

    def _recipe(self, store: Store, request: EnvironmentRequest) -> Recipe:
        settings = self.settings
        with provision.fetcher(settings.fetch, store, request.notice, cancel=request.cancel) as fetcher:
            found = self.source.find(store, request.cancel, request.notice)
            exact = release_sources.pinned(found, fetcher)
        return build_context.recipe(settings.container, self.image, exact)


def base(settings: Settings, image: Image, store: Store, cancel: CancelToken) -> Path:
    """Return the tar of the base of an image; make it if the store does not have it.

    Raises what `debian.bootstrapped` raises, and UsageError if the base is one of a registry.
    """
    mirror, offline = settings.container.debian_mirror, settings.fetch.offline
    return debian.bootstrapped(image.name, _made(image), store, mirror=mirror, offline=offline, cancel=cancel)


def _made(image: Image) -> Bootstrapped:
    if isinstance(image.base, Bootstrapped):
        return image.base
    raise UsageError(f"{image.name}: --engine apptainer takes bases of Debian packages only; use an image ...-debian.")


@contextlib.contextmanager
def _root(path: Path, store: Store, cancel: CancelToken) -> Iterator[Path]:
    """Yield the folder of an unpacked tar, which is removed afterwards."""
    with scratch.folder(store.root) as folder:
        root, log = folder / "root", folder / _LOG
        root.mkdir()
        words = ("--extract", "--no-same-owner", "--file", str(path), "--directory", str(root))
        argv = ["/usr/bin/env", "tar", *words]
        with working(store.on_work, f"unpacking {path.parent.name[:12]}"):
            ended = process.run(argv, cwd=folder, log_path=log, timeout_s=_TIMEOUT_S, cancel=cancel)
        if ended.exit_code != 0:
            said = " ".join(files.read(log, _LOG_BYTES).decode(errors="replace").split())[-600:]
            raise ToolError(f"Cannot unpack {path} with tar: {said}.")
        yield root


def _made_folder(root: Path, path: Path) -> Path:
    """Make a folder of an image, and return it as this machine sees it."""
    folder = root / path.relative_to("/")
    Folder(root).make(folder)
    return folder


def _emulators(root: Path, rocm: Path) -> tuple[Emulator, ...]:
    """Return the emulators in a ROCm root of an image, with their paths there."""
    return tuple(each.moved(rocm) for each in emulators.all_in(root / rocm.relative_to("/")))


def _variables(image: Image) -> Mapping[str, str]:
    hip = {"IREE_HIP_DYLIB_PATH": f"file:{image.hip}"} if image.hip else {}
    return {"LANG": "C.UTF-8", **hip}


def _facts(engine: Apptainer, recipe: Recipe, tools: Toolchain) -> Mapping[str, Any]:
    """Return what results.json contains about engine and image. The id of the image is the digest of its base."""
    described = recipe.manifest(tools).facts
    image = {"reference": recipe.tag, "id": described["base"].rpartition("@")[2], "digest": None, **described}
    return {"image": image, "container_engine": {"name": apptainer.NAME, "version": engine.version, "rootless": True}}
