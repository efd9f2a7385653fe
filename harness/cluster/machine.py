"""This machine as a worker: what it offers, and what its steps are done with."""

import platform
from collections.abc import Callable
from dataclasses import field

import harness
from harness.cluster import labels
from harness.cluster.messages import Offer
from harness.cluster.node import Node
from harness.core.callbacks import Notice
from harness.core.settings import ContainerSettings, FetchSettings
from harness.core.values import frozen
from harness.fetch import shared_store
from harness.host import devices, drivers
from harness.host.devices import Gpu
from harness.iree.releases import ReleaseWheels
from harness.pipeline import capacity, run_key
from harness.pipeline.environment import EnvironmentProvider
from harness.store.store import Store

_COMPILE_BYTES = 4 << 30
_DRIVERS = ("local-task", "local-sync", "hip", "cuda", "vulkan")


def compiles_at_once() -> int:
    """Return how many compilations fit into the cores and the memory of this machine; large models take 4 GiB."""
    _, in_all = devices.memory_bytes()
    return max(1, min(capacity.cores(), in_all // _COMPILE_BYTES))


def _identity(driver: str, cpu: str, container: ContainerSettings) -> str:
    kernel, loaded = drivers.of_kernel([driver]), drivers.of_libraries([driver])
    return run_key.digest([cpu, kernel, loaded, drivers.of_environment(), container.engine, container.image])


@frozen
class Machine:
    """What a worker is made of.

    Attributes:
        name: what users see; empty for the name of the host.
        gpus: the GPUs that it uses.
        compiles: the number of compilations at once.
        runs: the number of runs on the CPU at once.
        fetch: how it downloads, and its cache.
        container: the engine and the image that its steps run in.
        provider: returns what provides a release.
        notice: called with remarks.
    """

    name: str = ""
    gpus: tuple[Gpu, ...] = ()
    compiles: int = 1
    runs: int = 1
    fetch: FetchSettings
    container: ContainerSettings = field(default_factory=ContainerSettings)
    provider: Callable[[ReleaseWheels], EnvironmentProvider]
    notice: Notice

    @property
    def _label(self) -> str:
        return self.name or platform.node()

    def offer(self) -> Offer:
        """Return what it offers."""
        cpu = devices.cpu_identity()
        return Offer(
            name=self._label,
            version=harness.__version__,
            cpu=cpu,
            slots=labels.offered(self.gpus, cpu, compiles=self.compiles, runs=self.runs),
            gpus=tuple(map(str, self.gpus)),
            drivers={each: _identity(each, cpu, self.container) for each in _DRIVERS},
            chips={
                vendor: tuple(dict.fromkeys(gpu.chip for gpu in self.gpus if gpu.vendor == vendor and gpu.chip))
                for vendor in {str(gpu.vendor) for gpu in self.gpus}
            },
        )

    def node(self, address: str) -> Node:
        """Return what does steps, given the address of the worker."""
        return Node(
            name=self._label,
            address=address,
            store=Store(self.fetch.store.absolute(), upstream=shared_store.opened(self.fetch, self.notice)),
            fetch=self.fetch,
            provider=self.provider,
            gpus=self.gpus,
            notice=self.notice,
        )
