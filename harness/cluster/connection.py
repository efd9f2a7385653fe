"""A command's connection to a cluster: who is there, and tasks that are done once although workers come and go."""

import contextlib
import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, TypeVar

import dask
from distributed import Client, Future, KilledWorker
from distributed.security import Security

import harness
from harness.cluster import labels, worker
from harness.cluster.messages import Files, Offer
from harness.core.errors import DeviceError, EngineError, UsageError
from harness.core.text import counted
from harness.host.process import Cancelled, CancelToken

_T = TypeVar("_T")
_CONNECT_S = 10.0
_LOOK_S, _POLL_S = 1.0, 1.0
_MANY = 100  # workers, about which the scheduler takes long to tell
_TOLERATED = 2  # failures of a worker for its own reasons, after which it gets no more work
_CONFIG = {
    "distributed.comm.timeouts.connect": f"{_CONNECT_S:g}s",
    "distributed.client.heartbeat": "2s",
    "distributed.admin.large-graph-warning-threshold": "1GiB",  # of files that are sent
}


class Connection:
    """A connection that threads share.

    Attributes:
        address: of the scheduler.
        client: that of Dask.
    """

    def __init__(self, address: str, security: Security | None, *, wait_s: float) -> None:
        """Connect.

        Args:
            address: of the scheduler.
            security: the certificates.
            wait_s: how long to wait for a worker that can do a step.

        Raises:
            EngineError: there is no scheduler, or it refuses the certificate.
            UsageError: its workers have another version of the harness.
        """
        self.address, self._wait_s = address, wait_s
        dask.config.set(_CONFIG)
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        try:
            self.client = Client(  # type: ignore[no-untyped-call]
                address, security=security, set_as_default=False, timeout=_CONNECT_S
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise EngineError(
                f"{address}: no scheduler answers ({_said(error)}); start one with `harness cluster "
                "scheduler`, and check the address and the certificates."
            ) from error
        self._lock = threading.Lock()
        self._offers: Mapping[str, Offer] = {}
        self._looked_s = -_LOOK_S
        self._failures: Counter[str] = Counter()
        self._check_versions()

    def close(self) -> None:
        """Drop all that is not done, and disconnect."""
        self.client.close(timeout=2)  # type: ignore[no-untyped-call]

    def expect(self, workers: int) -> None:
        """Wait until there are so many workers, or until the time to wait for them is over."""
        deadline_s = time.monotonic() + self._wait_s
        while len(self.offers) < workers and time.monotonic() < deadline_s:
            time.sleep(_LOOK_S)

    @property
    def offers(self) -> Mapping[str, Offer]:
        """The workers that are there, by address: as of a second ago, or with more than a hundred, some seconds.

        Raises:
            EngineError: the scheduler is gone.
        """
        with self._lock:
            if time.monotonic() - self._looked_s > _LOOK_S * max(1, len(self._offers) / _MANY):
                self._offers = self._looked()
                self._looked_s = time.monotonic()
            return self._offers

    def _looked(self) -> Mapping[str, Offer]:
        try:
            found = self.client.scheduler_info(n_workers=-1)["workers"]
        except (OSError, TimeoutError, ValueError, KeyError) as error:
            raise self.lost() from error
        if self.client.status != "running":
            raise self.lost()
        return {each: Offer(**said[worker.OFFER]) for each, said in found.items() if worker.OFFER in said}

    def _check_versions(self) -> None:
        for address, offer in self.offers.items():
            if offer.version != harness.__version__:
                raise UsageError(
                    f"{offer.name} ({address}) runs harness {offer.version}, this is {harness.__version__}; "
                    "install the same version on all machines."
                )

    def slots(self, needs: Mapping[str, int]) -> int:
        """Return how many steps with these needs all workers do at once."""
        fitting = (offer for offer in self.offers.values() if labels.fits(needs, offer.slots))
        return sum(min(offer.slots[label] // count for label, count in needs.items()) for offer in fitting)

    def done(
        self,
        task: Callable[..., _T],
        *args: Any,
        name: str,
        needs: Mapping[str, int],
        cancel: CancelToken,
        avoided: Collection[str] = (),
    ) -> tuple[_T, Future[_T]]:
        """Let a worker do a task, and return its result, and what stands for it on the cluster.

        A task whose worker is lost or frozen is done by another one.

        Args:
            task: the task.
            args: its arguments.
            name: what it is called, with a number that makes it unique.
            needs: the labels that its worker needs.
            cancel: stops it.
            avoided: the addresses of workers that do not get it.

        Raises:
            DeviceError: for some time no worker has been able to do it.
            EngineError: the scheduler is gone, or every worker that tries it dies.
            Cancelled: `cancel` was set.
        """
        waiting = _Waiting(self, needs, cancel, self._wait_s)
        fitting = waiting.until_someone_fits(avoided)
        future = self.client.submit(
            task,
            *args,
            key=f"{name}-{uuid.uuid4().hex}",
            pure=False,
            resources={**needs, **labels.VERSION},
            **({"workers": fitting} if avoided else {}),
        )
        ended = threading.Event()
        future.add_done_callback(lambda _: ended.set())  # type: ignore[no-untyped-call]
        try:
            while not ended.wait(_POLL_S):
                waiting.check(avoided)
            return self._result(future), future
        except BaseException:
            future.cancel()  # type: ignore[no-untyped-call]
            raise

    def _result(self, future: Future[Any]) -> Any:
        if future.status == "error":
            raise _of_task(future.exception(timeout=_CONNECT_S))  # type: ignore[no-untyped-call]
        try:
            return future.result(timeout=_CONNECT_S)
        except (OSError, TimeoutError, CancelledError) as error:
            raise self.lost() from error

    def lost(self) -> EngineError:
        """Return the error of a scheduler that is gone."""
        return EngineError(
            f"{self.address}: the scheduler is gone; start it again and repeat this command, with --reuse-passed to go "
            "on where it stopped."
        )

    def failed(self, address: str, reason: str) -> str:
        """Note that a worker failed where another did not; return its name if it is retired now, else nothing."""
        with self._lock:
            self._failures[address] += 1
            offer = self._offers.get(address)
            if self._failures[address] != _TOLERATED or offer is None:
                return ""
        with contextlib.suppress(OSError, TimeoutError, ValueError):  # it may be gone by itself
            self.client.run(worker.retire, reason, workers=[address])
            self.client.retire_workers([address], close_workers=True)
        return offer.name

    def others(self, needs: Mapping[str, int], avoided: Collection[str]) -> list[str]:
        """Return the workers that can do a step with these needs, without some."""
        offers = self.offers.items()
        return [each for each, offer in offers if each not in avoided and labels.fits(needs, offer.slots)]

    def send(self, files: Files) -> Future[Files]:
        """Send files to the cluster, which keeps them as long as the result exists.

        They are the argument of a task, so the scheduler has them when the worker is lost that has done it.
        """
        return self.client.submit(worker.given, files, key=f"files-{uuid.uuid4().hex}", pure=False)


@dataclass(slots=True)
class _Waiting:
    """A task that waits for workers, which may not be there yet, or not any more."""

    connection: Connection
    needs: Mapping[str, int]
    cancel: CancelToken
    limit_s: float
    since_s: float | None = None

    def until_someone_fits(self, avoided: Collection[str]) -> list[str]:
        """Return the workers that can do the task, once there are any; see `check`."""
        while not (found := self.connection.others(self.needs, avoided)):
            self.check(avoided)
            time.sleep(_POLL_S)
        return found

    def check(self, avoided: Collection[str]) -> None:
        """Raise Cancelled, EngineError, or DeviceError if no worker has fitted for the longest time to wait."""
        if self.cancel.is_set():
            raise Cancelled
        if self.connection.others(self.needs, avoided):
            self.since_s = None
            return
        now_s = time.monotonic()
        self.since_s = self.since_s or now_s
        if now_s - self.since_s > self.limit_s:
            raise DeviceError(self._missing())

    def _missing(self) -> str:
        wanted = " and ".join(f"{count} {label}" if count > 1 else label for label, count in self.needs.items())
        offers = self.connection.offers.values()
        known = sorted({label for offer in offers for label in offer.slots})
        there = f"{counted(len(offers), 'worker')} with {', '.join(known)}" if offers else "no workers"
        return (
            f"No worker of {self.connection.address} has {wanted}: there {'is' if len(offers) == 1 else 'are'} "
            f"{there}. Start one with `harness cluster worker` on a machine that has it."
        )


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _of_task(error: BaseException) -> BaseException:
    """Return what a task raised; if no worker survived it, an error that says so."""
    if not isinstance(error, KilledWorker):
        return error
    last = getattr(error.last_worker, "name", error.last_worker)
    return EngineError(
        f"{error.allowed_failures + 1} workers died while they did this step, {last} last; look at their logs, and "
        "whether they have enough memory."
    )
