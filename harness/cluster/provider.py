"""A cluster as an environment: whatever runs models runs them there as it does on one machine."""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.cluster import labels, worker
from harness.cluster.connection import Connection
from harness.cluster.held import Held
from harness.cluster.runner import ClusterRunner
from harness.core.callbacks import Notice, WaitNotice
from harness.core.settings import FetchSettings, RunSettings
from harness.core.values import frozen
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu
from harness.host.emulators import Emulator
from harness.host.gpu_locks import GpuRun
from harness.iree.release_sources import ReleaseSource
from harness.iree.releases import ReleaseWheels
from harness.iree.toolchain import Toolchain
from harness.pipeline import capacity
from harness.pipeline.capacity import Capacity, DevicePool
from harness.pipeline.device_list import DeviceLister
from harness.pipeline.environment import Environment, EnvironmentRequest
from harness.pipeline.step_runner import StepRunner, ToolStepRunner
from harness.pipeline.tools import LocalTools
from harness.store.store import Store


@frozen
class ClusterProvider:
    """Provides a cluster with a release, which its workers install.

    Attributes:
        connection: the cluster.
        held: what was lent to it.
        source: finds the release.
        fetch: how blobs are downloaded here.
        engine: kind of environment, as results.json has it.
    """

    connection: Connection
    held: Held
    source: ReleaseSource
    fetch: FetchSettings
    engine: str = "cluster"

    def prepare(self, store: Store, cancel: CancelToken, notice: Notice) -> None:
        """Let a worker install the release."""
        self._toolchain(self.source.find(store, cancel, notice), cancel)

    @contextlib.contextmanager
    def open(self, request: EnvironmentRequest) -> Iterator[Environment]:
        """Find the release, and use the cluster."""
        release = self.source.find(request.store, request.cancel, request.notice)
        yield ClusterEnvironment(
            name=self.connection.address,
            toolchain=self._toolchain(release, request.cancel),
            tools=LocalTools(),
            facts={"cluster": self._facts()},
            fetches_here=False,
            provider=self,
            release=release,
            notice=request.notice,
        )

    def _toolchain(self, release: ReleaseWheels, cancel: CancelToken) -> Toolchain:
        """Return which build the release of a worker is; it is installed there the first time.

        Raises:
            NoVerdictError: no worker has it, or can install it.
        """
        needs, failed = {labels.COMPILE: 1}, set[str]()
        while True:
            found = self.connection.done(
                worker.toolchain, lambda: [release], name="install", needs=needs, cancel=cancel, avoided=failed
            )
            if found.toolchain:
                return found.toolchain
            failed.add(found.worker)
            if found.error and set(self.connection.roster.fitting(needs)) <= failed:
                raise found.error

    def _facts(self) -> dict[str, object]:
        """Return what results say of the cluster."""
        offers = sorted(self.connection.roster.offers.values(), key=lambda each: each.name)
        return {"scheduler": self.connection.address, "workers": [each.name for each in offers]}


@frozen(slots=False)
class ClusterEnvironment(Environment):
    """A cluster with a release."""

    provider: ClusterProvider
    release: ReleaseWheels
    notice: Notice

    def runner(self, steps: ToolStepRunner) -> StepRunner:
        """Return what does steps on the cluster."""
        return ClusterRunner(
            connection=self.provider.connection,
            held=self.provider.held,
            release=self.release,
            steps=replace(steps, toolchain=self.toolchain, tools=self.tools),
            offline=self.provider.fetch.offline,
            notice=self.notice,
        )

    def pool(self, _gpus: Sequence[Gpu], _on_wait: WaitNotice) -> DevicePool:
        """Return the devices of the workers, which claim them themselves."""
        return ClusterDevices(connection=self.provider.connection)

    def capacity(self, _settings: RunSettings) -> Capacity:
        """Return how much the cluster does at once now."""
        compiles = self.provider.connection.roster.slots({labels.COMPILE: 1})
        return Capacity(compile=max(1, compiles), compare=capacity.cores(), is_one_machine=False)

    def identity(self, drivers: Collection[str], _emulator: Emulator | None) -> Mapping[str, Any]:
        """Return what a run depends on, whichever of the workers does it: what all of them are."""
        offers = self.provider.connection.roster.offers.values()
        return {driver: sorted({offer.drivers.get(driver, offer.cpu) for offer in offers}) for driver in drivers}

    def lister(self, out_dir: Path, cancel: CancelToken) -> DeviceLister:
        """Return what lists no devices of Vulkan: workers find theirs themselves."""
        return _NoLister(program=Path(), tools=self.tools, out_dir=out_dir, cancel=cancel)


class _NoLister(DeviceLister):
    def vulkan(self, _here: Sequence[Gpu]) -> tuple[Gpu, ...]:
        """Return none."""
        return ()


@frozen
class ClusterDevices:
    """The devices of all workers. A worker claims them for a run; here only their number counts."""

    connection: Connection

    def slots(self, run: GpuRun) -> int:
        """Return how many runs with the devices and the chip of this one are given to the cluster at once."""
        return max(1, self.connection.roster.slots(labels.of_devices(run.devices, run.chip)))

    def claim(self, _run: GpuRun, _cancel: CancelToken) -> AbstractContextManager[Sequence[Gpu]]:
        """Claim nothing."""
        return nullcontext(())

    def claim_for_benchmark(self, _run: GpuRun, _cancel: CancelToken) -> AbstractContextManager[Sequence[Gpu]]:
        """Claim nothing."""
        return nullcontext(())
