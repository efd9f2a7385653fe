"""What the model of a cluster is made of: what things cost, steps, workers, and what does one thing at a time."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

COMPILE = "compile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Seconds of CPU of the client and of the scheduler; measured by cluster_costs.py.

    Attributes:
        client: per step.
        client_worker: per step and worker.
        poll: per second and step that is under way.
        poll_worker: per second, step that is under way, and worker.
        look_worker: per second and worker.
        client_byte: per byte that comes back.
        scheduler: per step.
        scheduler_worker: per step and worker.
        scheduler_byte: per byte that comes back.
        beat: of the scheduler, per sign of life of a worker.
        latency: of a step that does nothing, beside these; not of any CPU in particular.
        case: of the client, to compare and to note a case.
        net_bytes_s: bytes per second between scheduler and client.
    """

    client: float = 0.0
    client_worker: float = 0.0
    poll: float = 0.0
    poll_worker: float = 0.0
    look_worker: float = 0.0
    client_byte: float = 0.0
    scheduler: float = 0.0
    scheduler_worker: float = 0.0
    scheduler_byte: float = 0.0
    beat: float = 0.0
    latency: float = 0.0
    case: float = 0.0
    net_bytes_s: float = 1.25e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which rules differ from those of the code.

    Attributes:
        is_per_chip: whether the client limits runs for each chip, instead of all that use a vendor's GPUs.
        is_split: whether a worker has a queue for each label, instead of one in which the first blocks all others.
        is_fair: whether Dask divides what a worker has to do by its compile slots, instead of by all its threads.
    """

    is_per_chip: bool = False
    is_split: bool = False
    is_fair: bool = False


AS_IS = Rules()
# Measured by `cluster.py --measure` on 2026-11-30, on a busy machine with 2 cores; the last two are assumed.
MEASURED = Costs(
    client=2.3e-3,
    client_worker=1.2e-5,
    poll=2.5e-6,
    poll_worker=5.7e-7,
    look_worker=1.7e-6,
    client_byte=2.2e-9,
    scheduler=2.5e-3,
    scheduler_worker=7.5e-6,
    scheduler_byte=1.1e-9,
    beat=1.1e-3,
    latency=0.019,
    case=0.02,
    net_bytes_s=1.25e9,
)


@dataclass(slots=True, eq=False, kw_only=True)
class Step:
    """A compilation or a run, and where it is."""

    label: str
    seconds: float
    size: float
    rank: float = 0.0
    case: int = -1
    compile: "Step | None" = None
    runs: list["Step"] = field(default_factory=list)
    worker: "Worker | None" = None
    holder: "Worker | None" = None  # the worker with the module
    state: str = "waiting"
    is_taken: bool = False
    epoch: int = 0
    deaths: int = 0
    tried: list["Worker"] = field(default_factory=list)
    waiters: list["Step"] = field(default_factory=list)


@dataclass(slots=True, eq=False, kw_only=True)
class Worker:
    """A worker. Its threads are the sum of all slots that it offers, and two: Dask divides by them."""

    number: int
    slots: Mapping[str, int]
    threads: int
    is_bad: bool = False
    state: str = "up"
    load_s: float = 0.0
    version: int = 0
    epoch: int = 0
    free: Counter[str] = field(default_factory=Counter)
    queues: dict[str, deque[Step]] = field(default_factory=dict)
    tasks: set[Step] = field(default_factory=set)
    modules: set[Step] = field(default_factory=set)


def beat_s(workers: int) -> float:
    """Return the seconds between two signs of life of a worker: `heartbeat_interval` in distributed/scheduler.py."""
    return next((seconds for most, seconds in ((10, 0.5), (49, 1.0), (199, 2.0)) if workers <= most), workers / 200 + 1)


class Server:
    """Something that does one thing at a time, in the order in which it is asked."""

    def __init__(self) -> None:
        """Begin idle."""
        self.until, self.busy = 0.0, 0.0

    def take(self, now: float, cost: float) -> float:
        """Return when something is done that is asked for now."""
        self.busy += cost
        self.until = max(self.until, now) + cost
        return self.until
