"""A Dask worker that does steps: it labels itself, stops what was cancelled, and waits for its scheduler."""

import asyncio
import contextlib
import functools
import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker
from distributed.security import Security

from harness.cluster.messages import Described, Files, Offer, Reply, Request
from harness.cluster.node import Node
from harness.core.callbacks import Notice
from harness.core.errors import NoVerdictError
from harness.core.text import counted
from harness.core.values import frozen
from harness.host.cancel import CancelToken
from harness.iree.releases import ReleaseWheels

# What the scheduler calls that which workers tell of themselves.
OFFER = "harness"
_PLUGIN = "harness-steps"
_RETRY_S = 1.0
_MORE_THREADS = 2  # that answer questions while all slots are busy


def silence() -> None:
    """Let Dask write no log: what users have to know, they are told in its place."""
    for name in [each for each in logging.root.manager.loggerDict if each.startswith("distributed")]:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class Steps(WorkerPlugin):
    """What tasks find on their worker: the machine, and what stops them.

    Attributes:
        node: the machine.
        retired: why the worker gets no more work; empty if it does.
    """

    node: Node

    name = _PLUGIN

    def __init__(self, node: Callable[[str], Node]) -> None:
        """Keep how the machine is made, given the address of the worker."""
        self._make = node
        self.retired = ""
        self._tokens: dict[str, CancelToken] = {}

    def setup(self, worker: Worker) -> None:
        """Make the machine: the worker has an address now."""
        self.node = self._make(worker.address)

    def teardown(self, _worker: Worker) -> None:
        """Stop all tasks: the worker ends."""
        for token in list(self._tokens.values()):
            token.set()
        self.node.close()

    def transition(self, key: Any, start: Any, finish: Any, **_: Any) -> None:
        """Stop a task that was cancelled while it was done."""
        if start == "executing" and finish in {"cancelled", "released", "forgotten"} and key in self._tokens:
            self._tokens[key].set()

    @contextlib.contextmanager
    def token(self, key: str) -> Iterator[CancelToken]:
        """Yield what stops a task."""
        self._tokens[key] = token = CancelToken()
        try:
            yield token
        finally:
            del self._tokens[key]


def do(request: Request, held: Mapping[str, Files]) -> Reply:
    """Task: do a step on the worker that the command chose."""
    worker = get_worker()
    steps = _steps(worker)
    with steps.token(str(worker.get_current_task())) as token:
        return steps.node.do(request, held, token)


def given(files: Files) -> Files:
    """Task: have files of a command, for steps of this worker and of others."""
    return files


def toolchain(release: ReleaseWheels) -> Described:
    """Task: install a release, and say which build it is."""
    node = _steps(get_worker()).node
    try:
        return Described(worker=node.address, toolchain=node.toolchain(release))
    except NoVerdictError as error:
        return Described(worker=node.address, error=error)


def retire(reason: str, dask_worker: Worker | None = None) -> None:
    """Order to a worker: get no more work from any scheduler."""
    if dask_worker is not None:
        _steps(dask_worker).retired = reason


def _steps(worker: Worker) -> Steps:
    found = worker.plugins[_PLUGIN]
    if not isinstance(found, Steps):
        raise TypeError(f"{_PLUGIN}: a {type(found).__name__}; expected {Steps.__name__}")
    return found


@frozen
class WorkerProcess:
    """A worker that connects to a scheduler, and connects again when it is lost.

    Attributes:
        scheduler: the address of the scheduler.
        security: the certificates.
        offer: what this machine offers.
        node: makes the machine, given the address of the worker.
        notice: called with what users see.
    """

    scheduler: str
    security: Security | None
    offer: Offer
    node: Callable[[str], Node]
    notice: Notice

    def run(self) -> str:
        """Do steps until a signal stops this process, or until it is retired; return why it was."""
        silence()
        return asyncio.run(self._run())

    async def _run(self) -> str:
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        ended = asyncio.create_task(stopped.wait())
        while not stopped.is_set():
            steps = Steps(self.node)
            serving = asyncio.create_task(self._serve(steps))
            await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
            serving.cancel()  # unless it has ended; without a scheduler it waits for one
            problem = await _end_of(serving)
            if steps.retired or stopped.is_set():
                return steps.retired
            self.notice(f"{self.scheduler}: {problem or 'the scheduler is gone'}; trying again")
            await asyncio.wait({ended}, timeout=_RETRY_S)
        return ""

    async def _serve(self, steps: Steps) -> None:
        """Wait for the scheduler, and do steps until it is lost."""
        async with Worker(
            self.scheduler,
            name=self.offer.name,
            nthreads=self.offer.at_once + _MORE_THREADS,
            resources=_resources(self.offer),
            startup_information={OFFER: functools.partial(_offer, self.offer)},
            plugins=(steps,),
            memory_limit=0,  # each program has its own limits
            security=self.security,
            dashboard=False,
            dashboard_address="127.0.0.1:0",  # of its page for health checks, which has no TLS
        ) as worker:
            self.notice(f"{worker.address}: {described(self.offer)}")
            await worker.finished()


async def _end_of(serving: "asyncio.Task[None]") -> str:
    """Wait for the end, and return what was wrong; empty if the scheduler closed the connection, or for a signal."""
    try:
        await serving
    except asyncio.CancelledError:
        return ""
    except (OSError, TimeoutError, ValueError, RuntimeError) as error:  # of Dask, such as for a name that is taken
        return str(error) or type(error).__name__
    return ""


async def furnish(worker: Worker, offer: Offer, node: Callable[[str], Node]) -> None:
    """Make a worker that another program starts, and that has not registered yet, one that does steps."""
    slots = _resources(offer)
    worker.state.total_resources.update(slots)
    worker.state.available_resources.update(slots)
    worker.startup_information[OFFER] = functools.partial(_offer, offer)
    await worker.plugin_add(Steps(node))


def _resources(offer: Offer) -> dict[str, float]:
    return {label: float(count) for label, count in offer.slots.items()}


def _offer(offer: Offer, _worker: Worker) -> dict[str, Any]:
    return asdict(offer)


def described(offer: Offer) -> str:
    """Return what a worker offers in words: `2 compilations and 1 run on the CPU at once; GPU 0 (gfx942, mi300)`."""
    compiles, runs = counted(offer.slots["compile"], "compilation"), counted(offer.slots["cpu"], "run")
    at_once = f"{compiles} and {runs} on the CPU at once"
    return "; ".join((at_once, *offer.gpus))
