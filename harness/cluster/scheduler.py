"""The scheduler of a cluster: Dask's own, with what lost and frozen workers need."""

import asyncio
import signal
from typing import Any
from urllib.parse import urlsplit

import dask
from distributed import Scheduler, SchedulerPlugin
from distributed.security import Security

from harness.cluster import worker
from harness.core.callbacks import Notice

_CONFIG = {
    "distributed.scheduler.allowed-failures": 3,
}


class _Told(SchedulerPlugin):
    """Tells of workers that come and go."""

    name = "harness-told"

    def __init__(self, notice: Notice) -> None:
        self._notice = notice
        self._names: dict[str, str] = {}

    def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        self._names[worker] = str(scheduler.workers[worker].name)
        self._notice(f"{self._names[worker]} ({worker}) is there")

    def remove_worker(
        self,
        scheduler: Scheduler,  # noqa: ARG002 - the name of Dask
        worker: str,
        **_: Any,
    ) -> None:
        self._notice(f"{self._names.pop(worker, 'a worker')} ({worker}) is gone")


def run(address: str, security: Security | None, *, frozen_s: float, notice: Notice) -> None:
    """Be the scheduler at an address until a signal stops this process.

    Args:
        address: where to listen.
        security: the certificates.
        frozen_s: time without a sign of life of a worker, after which others do its work.
        notice: called with what users see.
    """
    worker.silence()
    with dask.config.set({**_CONFIG, "distributed.scheduler.worker-ttl": f"{frozen_s:g}s"}):
        asyncio.run(_run(address, security, notice))


async def _run(address: str, security: Security | None, notice: Notice) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    parts = urlsplit(address)
    async with Scheduler(
        host=parts.hostname,
        port=parts.port or 0,
        protocol=parts.scheme,
        security=security,
        dashboard=False,
        dashboard_address="127.0.0.1:0",  # of its page for health checks, which has no TLS
        plugins=[_Told(notice)],
    ) as scheduler:
        notice(f"scheduler at {scheduler.address}")
        await stopped.wait()
