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
        fitting: per step and worker that can do it.
        passed: per step and worker that is passed over, for it has no free slot.
        watch: per second and step that is under way.
        look: each time that the client asks which workers there are, for each of them.
        lend: per module that is sent.
        client_byte: per byte that comes back, or is sent.
        case: of the client, to plan, compare and note a case.
        case_byte: of the client, per byte that is compared.
        scheduler: per step.
        scheduler_worker: per step and worker.
        scheduler_lend: per module that is sent.
        scheduler_byte: per byte that comes back, or is sent.
        tell: of the scheduler, each time that it is asked which workers there are, for each of them.
        beat: of the scheduler, per sign of life of a worker.
        latency: of a step that does nothing, beside these; not of any CPU in particular.
        net_bytes_s: bytes per second between scheduler and client.
    """

    client: float = 0.0
    fitting: float = 0.0
    passed: float = 0.0
    watch: float = 0.0
    look: float = 0.0
    lend: float = 0.0
    client_byte: float = 0.0
    case: float = 0.0
    case_byte: float = 0.0
    scheduler: float = 0.0
    scheduler_worker: float = 0.0
    scheduler_lend: float = 0.0
    scheduler_byte: float = 0.0
    tell: float = 0.0
    beat: float = 0.0
    latency: float = 0.0
    net_bytes_s: float = 1.25e9


# Measured by `cluster.py --measure` on 2026-11-30, on a busy machine with 2 cores; the last one is assumed.
MEASURED = Costs(
    client=0.0019,
    fitting=1.11e-07,
    passed=1.84e-06,
    watch=8.84e-07,
    look=4.75e-05,
    lend=0.000454,
    client_byte=4.57e-09,
    case=0.0036,
    case_byte=5.43e-09,
    scheduler=0.00177,
    scheduler_worker=1.67e-05,
    scheduler_lend=0.00125,
    scheduler_byte=2.88e-09,
    tell=2.96e-05,
    beat=0.00064,
    latency=0.0202,
    net_bytes_s=1.25e09,
)


@dataclass(slots=True, eq=False, kw_only=True)
class Step:
    """A compilation or a run, and where it is. `epoch` is how often it was taken from a worker that did not do it."""

    label: str
    seconds: float
    size: float
    rank: float = 0.0
    case: int = -1
    compile: "Step | None" = None
    runs: list["Step"] = field(default_factory=list)
    worker: "Worker | None" = None
    is_begun: bool = False
    was_sent: bool = False  # a module
    epoch: int = 0
    lives: int = 0
    tried: list["Worker"] = field(default_factory=list)


@dataclass(slots=True, eq=False, kw_only=True)
class Worker:
    """A worker: what the client thinks of it, and what it does."""

    number: int
    slots: Mapping[str, int]
    is_bad: bool = False
    is_suspect: bool = False
    state: str = "gone"
    epoch: int = 0
    failures: int = 0
    used: Counter[str] = field(default_factory=Counter)
    free: Counter[str] = field(default_factory=Counter)
    queue: deque[Step] = field(default_factory=deque)
    tasks: set[Step] = field(default_factory=set)


def beat_s(workers: int) -> float:
    """Return the seconds between two signs of life of a worker: `heartbeat_interval` in distributed/scheduler.py."""
    return next((seconds for most, seconds in ((10, 0.5), (49, 1.0), (199, 2.0)) if workers <= most), workers / 200 + 1)


class Server:
    """Something that does one thing at a time, in the order in which it is asked."""

    def __init__(self) -> None:
        """Begin idle."""
        self.until, self.busy = 0.0, 0.0

    def take(self, now: float, cost: float) -> float:
        """Return when the server has done what it is asked at this moment."""
        self.busy += cost
        self.until = max(self.until, now) + cost
        return self.until
