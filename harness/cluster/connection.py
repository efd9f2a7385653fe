"""A command's connection to a cluster: who is there, and tasks that are done once although workers come and go."""

import asyncio
import contextlib
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import dask
from distributed import CancelledError, Client, Future, KilledWorker
from distributed.comm.core import CommClosedError
from distributed.security import Security

import harness
from harness.cluster import worker
from harness.cluster.messages import Files, Offer
from harness.cluster.roster import Load, Roster
from harness.cluster.watch import Task, Watch, WorkerGoneError
from harness.core.errors import DeviceError, EngineError, UsageError
from harness.core.text import counted
from harness.host.cancel import Cancelled, CancelToken

_T = TypeVar("_T")
_CONNECT_S = 10.0
_LOOK_S = 1.0
# What Dask raises where the scheduler is gone, also while something is asked of it.
_LOST = (CommClosedError, CancelledError, asyncio.CancelledError)
_LIVES = 4  # of a task: so many workers may die of it
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
        worker.silence()
        try:
            self.client = Client(  # type: ignore[no-untyped-call]
                address, security=security, set_as_default=False, timeout=_CONNECT_S
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise EngineError(
                f"{address}: no scheduler answers ({_said(error)}); start one with `harness cluster "
                "scheduler`, and check the address and the certificates."
            ) from error
        self._lock, self._roster, self._looked_s = threading.Lock(), Roster(), -_LOOK_S
        self._load, self._failures, self._suspects = Load(), Counter[str](), set[str]()
        self._watch = Watch(lambda: self.roster)
        if others := [each for each in self._looked().values() if each.version != harness.__version__]:
            self.close()
            raise UsageError(
                f"{others[0].name} of {address} runs harness {others[0].version}, this is {harness.__version__}; "
                "install the same version on all machines."
            )

    def close(self) -> None:
        """Drop all that is not done, and disconnect."""
        self._watch.close()
        self.client.close(timeout=2)  # type: ignore[no-untyped-call]

    def expect(self, workers: int) -> None:
        """Wait until there are so many workers, or until the time to wait for them is over."""
        deadline_s = time.monotonic() + self._wait_s
        while len(self.roster.offers) < workers and time.monotonic() < deadline_s:
            time.sleep(_LOOK_S)

    @property
    def roster(self) -> Roster:
        """The workers of this version that are there: as of a second ago, or with more than a hundred, some seconds.

        Raises:
            EngineError: the scheduler is gone.
        """
        with self._lock:
            if time.monotonic() - self._looked_s > _LOOK_S * max(1, len(self._roster.offers) / _MANY):
                found = self._looked()
                offers = {each: offer for each, offer in found.items() if offer.version == harness.__version__}
                self._roster = self._roster if offers == self._roster.offers else Roster(offers)
                self._looked_s = time.monotonic()
            return self._roster

    def _looked(self) -> Mapping[str, Offer]:
        """Return all workers that are there."""
        try:
            found = self.client.scheduler_info(n_workers=-1)["workers"]
        except (*_LOST, OSError, ValueError, KeyError) as error:
            raise self.lost() from error
        if self.client.status != "running":
            raise self.lost()
        return {each: Offer(**said[worker.OFFER]) for each, said in found.items() if worker.OFFER in said}

    def done(
        self,
        task: Callable[..., _T],
        arguments: Callable[[], Sequence[Any]],
        *,
        name: str,
        needs: Mapping[str, int],
        cancel: CancelToken,
        avoided: Collection[str] = (),
    ) -> _T:
        """Let a worker do a task, and return its result. If the worker is lost or frozen, another one does it.

        Args:
            task: the task.
            arguments: returns its arguments, for each worker anew.
            name: what it is called, with a number that makes it unique.
            needs: the labels that its worker needs.
            cancel: stops it.
            avoided: the addresses of workers that do not get it.

        Raises:
            DeviceError: for some time no worker has been able to do it.
            EngineError: the scheduler is gone, or each worker that does it dies.
            Cancelled: `cancel` was set.
        """
        for _ in range(_LIVES):
            address = self._placed(needs, cancel, avoided)
            try:
                return self._done_by(address, task, arguments(), name=name, needs=needs, cancel=cancel)
            except (WorkerGoneError, KilledWorker) as gone:
                last = gone
            except _LOST as error:
                raise self.lost() from error
            finally:
                self._load.give_back(address, needs)
        raise EngineError(
            f"{_LIVES} workers died while they did this step; look at their logs, and whether they have enough memory."
        ) from last

    def _placed(self, needs: Mapping[str, int], cancel: CancelToken, avoided: Collection[str]) -> str:
        """Return the worker for a task, once there is one."""
        deadline_s = time.monotonic() + self._wait_s
        while not (found := self._load.take(self.roster, needs, avoided, self._suspects)):
            if cancel.is_set():
                raise Cancelled
            if time.monotonic() > deadline_s:
                raise DeviceError(self._missing(needs))
            time.sleep(_LOOK_S)
        return found

    def _done_by(
        self,
        address: str,
        task: Callable[..., _T],
        arguments: Sequence[Any],
        *,
        name: str,
        needs: Mapping[str, int],
        cancel: CancelToken,
    ) -> _T:
        """Let one worker do a task; raise WorkerGoneError if it goes."""
        with self._watch.task(address, cancel) as waiting:
            future = self.client.submit(
                task,
                *arguments,
                key=f"{name}-{uuid.uuid4().hex}",
                pure=False,
                resources=dict(needs),
                workers=[address],
            )
            future.add_done_callback(lambda _: waiting.wake())  # type: ignore[no-untyped-call]
            try:
                waiting.wait()
                return self._result(future, waiting)
            except BaseException:
                future.cancel()  # type: ignore[no-untyped-call]
                raise

    def _result(self, future: "Future[_T]", waiting: Task) -> _T:
        """Return the result of a task that has ended, however long it is on its way."""
        while True:
            if future.status in {"cancelled", "lost"}:
                raise self.lost()
            try:
                return future.result(timeout=_CONNECT_S)
            except TimeoutError:
                waiting.check()
            except _LOST as error:
                raise self.lost() from error

    def lost(self) -> EngineError:
        """Return the error of a scheduler that is gone."""
        return EngineError(
            f"{self.address}: the scheduler is gone; start it again and repeat this command, with --reuse-passed to go "
            "on where it stopped."
        )

    def suspect(self, address: str) -> None:
        """Note that a worker may be at fault, so that it gets less work until it is known."""
        self._suspects.add(address)

    def cleared(self, address: str) -> None:
        """Note that a worker was not at fault."""
        self._suspects.discard(address)

    def failed(self, address: str, reason: str) -> str:
        """Note that a worker failed where another did not; return its name if it is retired now, else nothing."""
        with self._lock:
            self._failures[address] += 1
            offer = self._roster.offers.get(address)
            if self._failures[address] != _TOLERATED or offer is None:
                return ""
        with contextlib.suppress(OSError, TimeoutError, ValueError):  # it may be gone by itself
            self.client.run(worker.retire, reason, workers=[address])
            self.client.retire_workers([address], close_workers=True)
        return offer.name

    def _missing(self, needs: Mapping[str, int]) -> str:
        """Return what to say where no worker can do a step."""
        wanted = " and ".join(f"{count} {label}" if count > 1 else label for label, count in needs.items())
        offers = self.roster.offers.values()
        known = sorted({label for offer in offers for label in offer.slots})
        there = f"{counted(len(offers), 'worker')} with {', '.join(known)}" if offers else "no workers"
        return (
            f"No worker of {self.address} has {wanted}: there {'is' if len(offers) == 1 else 'are'} {there}. Start one "
            "with `harness cluster worker` on a machine that has it."
        )

    def send(self, files: Files) -> Future[Files]:
        """Send files to the cluster, which keeps them as long as the result exists.

        They are the argument of a task, so the scheduler has them when the worker is lost that has done it.
        """
        return self.client.submit(worker.given, files, key=f"files-{uuid.uuid4().hex}", pure=False)


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
