"""Environments for searches: one that reuses earlier runs, and one with the compiler and runtime of two releases."""

import contextlib
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.core.callbacks import Notice
from harness.core.values import frozen
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu
from harness.host.emulators import Emulator
from harness.iree.toolchain import Toolchain
from harness.pipeline import run_key
from harness.pipeline.device_list import DeviceLister
from harness.pipeline.environment import Environment, EnvironmentProvider, EnvironmentRequest
from harness.pipeline.run_cache import CachingStepRunner, Memory
from harness.pipeline.step_results import Results, StepResult
from harness.pipeline.step_runner import StepRunner, ToolStepRunner
from harness.pipeline.steps import Compile, Draw, Run, Step
from harness.store.store import Store


@frozen
class CachingProvider:
    """Provides the environments of another provider, in which runs in the memory are not repeated.

    Attributes:
        provider: provides the environments.
        memory: the runs of all releases.
        release: the release that is tested.
        salt: only runs of the same salt are reused, such as the first run with each release.
        reused: by case id, the release whose run was reused; filled while cases run.
    """

    provider: EnvironmentProvider
    memory: Memory
    release: str
    salt: Hashable
    reused: dict[str, str]

    @property
    def engine(self) -> str:
        """`container` or `local`."""
        return self.provider.engine

    def prepare(self, store: Store, cancel: CancelToken, notice: Notice) -> None:
        """Install what `open` needs."""
        self.provider.prepare(store, cancel, notice)

    @contextlib.contextmanager
    def open(self, request: EnvironmentRequest) -> Iterator[Environment]:
        """Yield an environment."""
        with self.provider.open(request) as inner:
            yield _CachingEnvironment(
                name=inner.name,
                toolchain=inner.toolchain,
                facts=inner.facts,
                emulators=inner.emulators,
                fetches_here=inner.fetches_here,
                inner=inner,
                provider=self,
            )


@frozen(slots=False)
class _CachingEnvironment(Environment):
    inner: Environment
    provider: CachingProvider

    def runner(self, steps: ToolStepRunner) -> StepRunner:
        return CachingStepRunner(
            runner=self.inner.runner(steps),
            runs=self.provider.memory,
            origin=self.provider.release,
            key_of=self._key,
            reused=self.provider.reused,
        )

    def _key(self, step: Run, results: Results, _gpus: Sequence[Gpu]) -> str:
        """Return the key of a run. The machine, and what outputs are compared with, are the same in all of a search."""
        return run_key.digest([run_key.of_run(step, results), self.toolchain.runtime_build, self.provider.salt])

    def identity(self, drivers: Collection[str], emulator: Emulator | None) -> Mapping[str, Any]:
        return self.inner.identity(drivers, emulator)

    def lister(self, out_dir: Path, cancel: CancelToken) -> DeviceLister:
        return self.inner.lister(out_dir, cancel)


@frozen
class SplitProvider:
    """Provides environments that compile with one release and run with another.

    Attributes:
        compiling: provides the compiler.
        running: provides the runtime.
    """

    compiling: EnvironmentProvider
    running: EnvironmentProvider

    @property
    def engine(self) -> str:
        """`container` or `local`."""
        return self.compiling.engine

    def prepare(self, store: Store, cancel: CancelToken, notice: Notice) -> None:
        """Install what `open` needs."""
        for each in (self.compiling, self.running):
            each.prepare(store, cancel, notice)

    @contextlib.contextmanager
    def open(self, request: EnvironmentRequest) -> Iterator[Environment]:
        """Yield an environment."""
        with self.compiling.open(request) as compiling, self.running.open(request) as running:
            yield _SplitEnvironment(
                name=compiling.name,
                toolchain=_joined(compiling.toolchain, running.toolchain),
                facts=compiling.facts,
                emulators=running.emulators,
                fetches_here=running.fetches_here,
                compiling=compiling,
                running=running,
            )


@frozen(slots=False)
class _SplitEnvironment(Environment):
    compiling: Environment
    running: Environment

    def runner(self, steps: ToolStepRunner) -> StepRunner:
        return SplitStepRunner(compiling=self.compiling.runner(steps), running=self.running.runner(steps))

    def identity(self, drivers: Collection[str], emulator: Emulator | None) -> Mapping[str, Any]:
        return self.running.identity(drivers, emulator)

    def lister(self, out_dir: Path, cancel: CancelToken) -> DeviceLister:
        return self.running.lister(out_dir, cancel)


def _joined(compiling: Toolchain, running: Toolchain) -> Toolchain:
    """Return a toolchain with the runtime of another."""
    return replace(compiling, runtime_commit=running.runtime_commit, runtime_build=running.runtime_build)


@frozen
class SplitStepRunner:
    """Compiles, and reads programs, in one environment and does all other steps in another; both share the store."""

    compiling: StepRunner
    running: StepRunner

    def run(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:
        """Do a step in its environment."""
        return (self.compiling if isinstance(step, Compile | Draw) else self.running).run(step, results, gpus)
