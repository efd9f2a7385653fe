"""The cluster of a command: connected before it begins, and closed when it ends."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from harness.cluster import local
from harness.cluster.connection import Connection
from harness.cluster.held import Held
from harness.cluster.provider import ClusterProvider
from harness.cluster.security import security
from harness.core.errors import UsageError
from harness.core.settings import ClusterSettings, Settings, TargetSettings
from harness.iree.release_sources import ReleaseSource
from harness.pipeline import targets
from harness.pipeline.environment import EnvironmentProvider
from harness.store import scratch

_OPEN: dict[ClusterSettings, tuple[Connection, Held]] = {}


@contextlib.contextmanager
def connected(settings: Settings) -> Iterator[Settings]:
    """Yield settings whose cluster is there; its chips are the default, as those of one machine are without a cluster.

    Raises:
        UsageError: the address is wrong or has no TLS, or workers have another version of the harness.
        EngineError: there is no scheduler.
    """
    with contextlib.ExitStack() as stack:
        asked = settings.cluster
        if asked.workers:
            stack.callback(scratch.sweep, settings.fetch.store.absolute())  # of what workers leave that are killed
            options = (
                "--store",
                str(settings.fetch.store.absolute()),
                *(["--offline"] if settings.fetch.offline else []),
            )
            address = stack.enter_context(local.started(asked.workers, options))
            asked = replace(asked, scheduler=address)
        address = str(asked.scheduler)
        connection = Connection(address, security(address, asked.certificates), wait_s=asked.wait_s)
        stack.callback(connection.close)
        connection.expect(settings.cluster.workers)
        _OPEN[asked] = connection, Held(connection.send)
        stack.callback(_OPEN.pop, asked)
        yield replace(settings, cluster=asked, target=_target(settings.target, connection))


def _target(target: TargetSettings, connection: Connection) -> TargetSettings:
    """Return a target with the chips of the cluster, if it is for GPUs and names none."""
    vendor = target.backend and targets.VENDORS.get(target.backend)
    if not vendor or target.chips or target.compile_chips or target.default_chip:
        return target
    chips = dict.fromkeys(chip for offer in connection.roster.offers.values() for chip in offer.chips.get(vendor, ()))
    if not chips:
        raise UsageError(
            f"No worker of {connection.address} has a GPU for --backend {target.backend} yet; name the chip with "
            "--chip."
        )
    return replace(target, chips=tuple(chips))


def provider(settings: Settings, source: ReleaseSource) -> EnvironmentProvider:
    """Return the provider of the cluster that `connected` has connected."""
    connection, held = _OPEN[settings.cluster]
    return ClusterProvider(connection=connection, held=held, source=source, fetch=settings.fetch)
