"""Environments: where the steps of a run are done. This machine is one; containers are others."""

import contextlib
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field, replace
from pathlib import Path
from typing import Any, Protocol

import harness
from harness.core.callbacks import Notice, WaitNotice
from harness.core.cases import EMPTY, Case
from harness.core.settings import RunSettings, ToolSettings
from harness.core.values import frozen
from harness.host import devices, emulators
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu
from harness.host.drivers import of_environment, of_kernel, of_libraries
from harness.host.emulators import Emulator
from harness.host.gpu_locks import Pool
from harness.iree import toolchain
from harness.iree.toolchain import Toolchain
from harness.pipeline import benchmark_steps, capacity
from harness.pipeline.capacity import Capacity, DevicePool
from harness.pipeline.checked_tools import CheckedTools
from harness.pipeline.device_list import DeviceLister
from harness.pipeline.step_runner import StepRunner, ToolStepRunner
from harness.pipeline.tools import LocalTools, Tools
from harness.store.store import Store


@frozen
class Python:
    """The Python of an environment, which runs importers.

    Attributes:
        path: its path in the environment.
        version: such as `3.12`.
        harness: the folder of the package `harness` in the environment.
        sees_files: whether it sees the folders of this machine.
    """

    path: str = sys.executable
    version: str = f"{sys.version_info.major}.{sys.version_info.minor}"
    harness: Path = Path(harness.__file__).parent
    sees_files: bool = True


@frozen
class EnvironmentRequest:
    """What an environment is needed for.

    Attributes:
        cases: the cases that will run in it.
        folders: absolute paths of the folders with specs and their files.
        store: the cache.
        out_dir: absolute path of the results.
        gpus: the GPUs on which something may run.
        cancel: an order to stop.
        notice: called with remarks for the user.
    """

    cases: Sequence[Case]
    folders: Sequence[Path]
    store: Store
    out_dir: Path
    gpus: Sequence[Gpu]
    cancel: CancelToken
    notice: Notice


@frozen(slots=False)
class Environment:
    """An environment with an IREE release; this class is for this machine itself.

    Attributes:
        name: what the user sees, such as `local`.
        toolchain: the IREE release in it.
        tools: what runs the programs of the release.
        facts: what results quote of it beside the engine and the release.
        python: its Python.
        emulators: the emulators of AMD GPUs in it; None for those of this machine.
        fetches_here: whether blobs are downloaded to this machine.
    """

    name: str
    toolchain: Toolchain
    tools: Tools = field(default_factory=LocalTools)
    facts: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    python: Python = field(default_factory=Python)
    emulators: Sequence[Emulator] | None = None
    fetches_here: bool = True

    def emulator(self, settings: RunSettings) -> Emulator | None:
        """Return the emulator that the settings ask for; None if they ask for none.

        Raises:
            DeviceError: it is not in this environment.
        """
        if settings.emulator is None:
            return None
        if self.emulators is None:
            return emulators.found(settings.emulator, settings.emulator_root)
        advice = "Choose an image that has it, such as rocm-emulated, with --image."
        return emulators.chosen(settings.emulator, self.emulators, where=self.name, advice=advice)

    def runner(self, steps: ToolStepRunner) -> StepRunner:
        """Return what does steps in this environment, given what does them in any."""
        return replace(steps, toolchain=self.toolchain, tools=self._checked())

    def pool(self, gpus: Sequence[Gpu], on_wait: WaitNotice) -> DevicePool:
        """Return the devices of runs in this environment, given the GPUs of this machine that may be used."""
        return Pool(gpus, on_wait=on_wait)

    def capacity(self, settings: RunSettings) -> Capacity:
        """Return how much is done at once in this environment now. It may change while steps are done."""
        return capacity.here(settings.jobs)

    def identity(self, drivers: Collection[str], emulator: Emulator | None) -> Mapping[str, Any]:
        """Return what a run depends on here, beside the release, its files and its GPUs.

        Args:
            drivers: those of its devices, such as `hip`.
            emulator: what emulates its GPUs; None for nothing.
        """
        machine = {"cpu": devices.cpu_identity(), "kernel": of_kernel(drivers)}
        if image := self.facts.get("image"):
            return {**machine, "image": image}
        folders = [emulator.root / "lib"] if emulator else []
        return {**machine, "libraries": of_libraries(drivers, folders), "variables": of_environment()}

    def lister(self, out_dir: Path, cancel: CancelToken) -> DeviceLister:
        """Return what lists the devices that runs in this environment can have, once it has a runner."""
        program = self.toolchain.iree_run_module
        return DeviceLister(program=program, tools=self._checked(), out_dir=out_dir, cancel=cancel)

    def _checked(self) -> Tools:
        """Return what runs programs of which it is known that they are those of the release."""
        return self.tools

    @property
    def by_hand(self) -> Mapping[str, Any]:
        """What the results quote so that commands can be repeated by hand: the path of each program."""
        tools = self.toolchain
        timing = {benchmark_steps.PROGRAM: str(tools.iree_run_module.with_name(benchmark_steps.PROGRAM))}
        return {"iree-compile": str(tools.iree_compile), "iree-run-module": str(tools.iree_run_module), **timing}


class EnvironmentProvider(Protocol):
    """Opens environments; both methods raise HarnessError."""

    @property
    def engine(self) -> str:
        """`container` or `local`."""

    def prepare(self, store: Store, cancel: CancelToken, notice: Notice) -> None:
        """Download and build what `open` will need: the toolchain or the image."""

    def open(self, request: EnvironmentRequest) -> AbstractContextManager[Environment]:
        """Open an environment, which is closed on the way out."""


class Install(Protocol):
    """Installs a release into the store."""

    def __call__(
        self, store: Store, cancel: CancelToken, notice: Notice, /, *, read: Collection[str] = toolchain.PROGRAMS
    ) -> Toolchain:
        """Return the release. The files of some folders are read, and nothing may run from another one."""


@frozen(slots=False)
class _ReleaseEnvironment(Environment):
    """This machine with an installed release, whose files are read before the first of them runs."""

    read: Callable[[Collection[str]], Toolchain]

    def _checked(self) -> Tools:
        return CheckedTools(tools=self.tools, release=self.toolchain, read=self.read)


@frozen
class InstalledRelease:
    """Provides this machine with an IREE release.

    Attributes:
        install: installs the release into the store.
        remark: what the user is told about this choice; empty for nothing.
        engine: kind of environment, as results.json has it.
    """

    install: Install
    remark: str = ""
    engine: str = "local"

    def prepare(self, store: Store, cancel: CancelToken, notice: Notice) -> None:
        """Install the release."""
        self._remark(notice)
        self.install(store, cancel, notice)

    @contextlib.contextmanager
    def open(self, request: EnvironmentRequest) -> Iterator[Environment]:
        """Install the release unless it is installed, and use this machine."""
        self._remark(request.notice)

        def read(folders: Collection[str]) -> Toolchain:
            return self.install(request.store, request.cancel, request.notice, read=folders)

        yield _ReleaseEnvironment(name="local", toolchain=read(()), read=read, tools=_local_tools(request.store))

    def _remark(self, notice: Notice) -> None:
        if self.remark:
            notice(self.remark)


@frozen
class FoundTools:
    """Provides this machine with the IREE tools that are on it already."""

    tools: ToolSettings
    engine: str = "local"

    def prepare(self, store: Store, cancel: CancelToken, notice: Notice) -> None:
        """Do nothing: the tools are here."""

    @contextlib.contextmanager
    def open(self, request: EnvironmentRequest) -> Iterator[Environment]:
        """Find the tools, and use this machine."""
        found = toolchain.found(self.tools.folder, self.tools.search_path, request.store)
        yield Environment(name="local", toolchain=found, tools=_local_tools(request.store))


def _local_tools(store: Store) -> LocalTools:
    return LocalTools(shaders=store.root / "shaders")
