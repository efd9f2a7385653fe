"""Measures what the client and the scheduler of a real cluster cost per step, and checks the model with a real run."""

import asyncio
import contextlib
import logging
import math
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import scale
from cluster_model import Simulation
from cluster_parts import COMPILE, MEASURED, Costs, Step, Worker, beat_s
from cluster_timed import NEEDS, WORKERS, chosen_s, compared, timed, written
from distributed import Worker as DaskWorker
from distributed import wait

from harness import __version__
from harness.cluster import labels, local, worker
from harness.cluster.connection import Connection
from harness.cluster.messages import Offer
from harness.core.text import counted
from harness.host.cancel import CancelToken

CROWD, STEPS, AT_ONCE, ALONE, THREADS, IDLE_S = 100, 400, 60, 50, 6, 5.0
PIECE_BYTES, PIECES = 8 << 20, 24
CASES, LOOKS = 1000, 20
UNEVEN = (("--jobs", "4"), ("--jobs", "2", "--runs", "6"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What some steps took, in seconds: on the clock, and of the CPU of client and scheduler."""

    wall_s: float
    client_s: float
    scheduler_s: float


def measured() -> Costs:
    """Measure the costs with 2 workers, and with many more that are threads of one process."""
    with cluster(UNEVEN) as found:
        few = sampled(found)
        alone = used(found, [(0.0,)] * ALONE, time.sleep, threads=1)
        small, large = (used(found, [(size,)] * PIECES, bytes) for size in (0, PIECE_BYTES))
        lent, lent_large = (lend(found, size) for size in (0, PIECE_BYTES))
        with crowd(found):
            many = sampled(found)
    piece = PIECES * PIECE_BYTES
    back_s, out_s = large.client_s - small.client_s, lent_large.client_s - lent.client_s
    back_there_s, out_there_s = large.scheduler_s - small.scheduler_s, lent_large.scheduler_s - lent.scheduler_s
    latency_s = (alone.wall_s - alone.client_s - alone.scheduler_s) / ALONE
    free_s, full_s = chosen_s(busy=0), chosen_s(busy=WORKERS - 1)
    return Costs(
        client=max(few.client_s, many.client_s),
        fitting=free_s / WORKERS,
        passed=max(0.0, full_s - free_s) / WORKERS,
        watch=few.watch_s,
        look=many.look.client_s / (CROWD + len(UNEVEN)),
        lend=lent.client_s / PIECES,
        client_byte=max(0.0, back_s, out_s) / piece + written(PIECE_BYTES) / PIECE_BYTES,
        case=scale.measured(CASES)["cpu_s"] / CASES + compared(4),
        case_byte=compared(PIECE_BYTES) / PIECE_BYTES,
        scheduler=few.scheduler_s,
        scheduler_worker=max(0.0, many.scheduler_s - few.scheduler_s) / CROWD,
        scheduler_lend=lent.scheduler_s / PIECES,
        scheduler_byte=max(0.0, back_there_s, out_there_s) / piece,
        tell=max(0.0, many.look.scheduler_s) / (CROWD + len(UNEVEN)),
        beat=many.idle_share / (CROWD / beat_s(CROWD)),
        latency=max(0.0, latency_s),
        net_bytes_s=MEASURED.net_bytes_s,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Seconds of CPU with the workers that are there.

    Attributes:
        client_s: of the client, per step.
        scheduler_s: of the scheduler, per step.
        idle_share: of the scheduler, per second, without steps.
        watch_s: of the client, each second for each step.
        look: of both, each time that the client asks for all workers.
    """

    client_s: float
    scheduler_s: float
    idle_share: float
    watch_s: float
    look: Used


def sampled(found: "Real") -> Sample:
    """Measure with the workers that are there."""
    link = found.connection
    address = next(iter(link.roster.offers))
    began_s, began_cpu_s = time.monotonic(), cpu_s(found.scheduler)
    time.sleep(IDLE_S)
    idle_share = (cpu_s(found.scheduler) - began_cpu_s) / (time.monotonic() - began_s)
    steps = used(found, [(0.0,)] * STEPS, time.sleep, threads=AT_ONCE)
    look = looks(found)
    return Sample(
        client_s=steps.client_s / STEPS,
        scheduler_s=(steps.scheduler_s - idle_share * steps.wall_s) / STEPS,
        idle_share=idle_share,
        watch_s=timed(lambda: link._watch._problem(address), 300),  # noqa: SLF001 - what a client does each second
        look=Used(
            wall_s=look.wall_s / LOOKS,
            client_s=look.client_s / LOOKS,
            scheduler_s=(look.scheduler_s - idle_share * look.wall_s) / LOOKS,
        ),
    )


def looks(found: "Real") -> Used:
    """Ask some times which workers there are."""
    with metered(found) as meter:
        for _ in range(LOOKS):
            found.connection._looked_s = -math.inf  # noqa: SLF001 - so that it asks now
            assert found.connection.roster.offers
    return meter[0]


def lend(found: "Real", size: int) -> Used:
    """Send some modules."""
    with metered(found) as meter, found.connection.client.as_current():
        sent = [found.connection.send({"a": os.urandom(size)}) for _ in range(PIECES)]
        wait(sent)  # type: ignore[no-untyped-call]
    return meter[0]


@contextlib.contextmanager
def metered(found: "Real") -> Iterator[list[Used]]:
    """Yield a list, which has what client and scheduler used in the meantime afterwards."""
    meter = list[Used]()
    wall_s, client_s, scheduler_s = time.monotonic(), time.process_time(), cpu_s(found.scheduler)
    yield meter
    meter.append(
        Used(
            wall_s=time.monotonic() - wall_s,
            client_s=time.process_time() - client_s,
            scheduler_s=cpu_s(found.scheduler) - scheduler_s,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Real:
    """A real cluster: a connection, and the processes."""

    connection: Connection
    scheduler: psutil.Process
    workers: Sequence[psutil.Process]


@contextlib.contextmanager
def cluster(workers: Sequence[tuple[str, ...]]) -> Iterator[Real]:
    """Start a scheduler and workers with these options."""
    with local.started(0, ()) as address, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        argv = [sys.executable, "-m", "harness", "cluster", "worker", "--scheduler", address, "--no-gpu"]
        running = [
            subprocess.Popen(
                [*argv, "--name", f"w{number}", "--store", f"{name}/{number}", *options], stdout=subprocess.DEVNULL
            )
            for number, options in enumerate(workers)
        ]
        own = [each for each in psutil.Process().children(recursive=True) if "scheduler" in each.cmdline()]
        link = Connection(address, None, wait_s=60.0)
        try:
            link.expect(len(workers))
            assert len(link.roster.offers) == len(workers), "not all workers have come"
            yield Real(connection=link, scheduler=own[-1], workers=[psutil.Process(each.pid) for each in running])
        finally:
            link.close()
            for each in running:
                each.terminate()
                each.wait()


@contextlib.contextmanager
def crowd(found: Real) -> Iterator[None]:
    """Add many workers, in one process, which do steps like the others."""
    process = multiprocessing.get_context("spawn").Process(target=be_crowd, args=(found.connection.address,))
    process.start()
    try:
        wanted = len(found.connection.roster.offers) + CROWD
        deadline_s = time.monotonic() + 120
        while len(found.connection.roster.offers) < wanted and time.monotonic() < deadline_s:
            time.sleep(1)
        assert len(found.connection.roster.offers) == wanted, "the crowd has not come"
        yield
    finally:
        process.terminate()
        process.join()


def be_crowd(address: str) -> None:
    """Be many workers, until a signal ends this process."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    asyncio.run(crowd_of(address))


async def crowd_of(address: str) -> None:
    """Be many workers that can do steps."""
    slots = labels.offered((), "0123456789abcdef", compiles=8, runs=1)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for number in range(CROWD):
            one: Any = DaskWorker(address, nthreads=13, local_directory=folder, dashboard=False, memory_limit=0)
            offer = Offer(name=f"crowd-{number}", version=__version__, cpu="0123456789abcdef", slots=slots)
            await worker.furnish(one, offer, lambda _: None)  # type: ignore[arg-type,return-value]
            await one
        await asyncio.Event().wait()


def used(
    found: Real, arguments: Sequence[tuple[Any, ...]], task: Callable[..., Any], *, threads: int = THREADS
) -> Used:
    """Do steps, as many at once as a client would, and return what they used."""
    cancel = CancelToken()

    def do(these: tuple[Any, ...]) -> None:
        found.connection.done(task, lambda: these, name="compile", needs=NEEDS, cancel=cancel)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(do, arguments[:threads]))  # start threads and connections
        with metered(found) as meter:
            list(pool.map(do, arguments))
    return meter[0]


def cpu_s(process: psutil.Process) -> float:
    """Return the seconds of CPU that a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


def validate(costs: Costs) -> None:
    """Print what two workers take for some steps, really and simulated.

    All processes share the cores of this machine, with other programs. So a step costs the scheduler of the model what
    it costs the busiest process here, with the time in which that waited for a core.
    """
    rng = random.Random(7)  # noqa: S311 - no secret
    sleeping = [min(4.0, rng.lognormvariate(-1.0, 0.8)) for _ in range(150)]
    print("| steps on 2 workers | real, s | simulated, s | of real |\n|---|--:|--:|--:|", flush=True)
    with cluster(UNEVEN) as found:
        for name, seconds in ((f"{STEPS} that do nothing", [0.0] * STEPS), (f"{len(sleeping)} that sleep", sleeping)):
            processes = (found.scheduler, *found.workers)
            before = [held_s(each) for each in processes]
            real = used(found, [(each,) for each in seconds], time.sleep)
            held = [held_s(each) - was for each, was in zip(processes, before, strict=True)]
            cost_s = max(held) / (len(seconds) + THREADS)
            model_s = small(seconds, Costs(client=costs.client, scheduler=cost_s, latency=costs.latency))
            print(f"| {name} | {real.wall_s:.2f} | {model_s:.2f} | {model_s / real.wall_s:.2f} |")
    print(f"\nThe workers have 4 and 2 slots; the client has {counted(THREADS, 'thread')}.\n")


def held_s(process: psutil.Process) -> float:
    """Return how long the event loop of a process had a core, or waited for one that other programs had."""
    had, waited, _ = Path(f"/proc/{process.pid}/schedstat").read_text(encoding="ascii").split()
    return (int(had) + int(waited)) / 1e9


def small(seconds: Sequence[float], costs: Costs) -> float:
    """Return how long the model takes for steps without runs on the two workers of `validate`."""
    pair = [Worker(number=number, slots={COMPILE: slots}) for number, slots in enumerate((4, 2))]
    ordered = [Step(label=COMPILE, seconds=each, size=0.0, case=number) for number, each in enumerate(seconds)]
    return Simulation(pair, ordered, costs).run(len(ordered))
