"""The cores of this machine: which of them a program runs on, and how much other programs use them meanwhile."""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.core.values import frozen

_STAT = Path("/proc/stat")
# Of the columns of a core, those in which it did something: user, nice, system, irq, softirq, steal (proc(5)).
_BUSY = (0, 1, 2, 5, 6, 7)


def usable() -> tuple[int, ...]:
    """Return the numbers of the cores that this process may use."""
    return tuple(sorted(os.sched_getaffinity(0)))


@contextlib.contextmanager
def pinned(cores: Sequence[int]) -> Iterator[None]:
    """Within the context, start programs from this thread on these cores only; without any, change nothing."""
    before = os.sched_getaffinity(0)
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@frozen
class Usage:
    """How long cores have been busy by some moment, with programs of all kinds and with other virtual machines.

    Attributes:
        cores: the numbers of the cores.
        busy_s: their busy time together, in seconds.
        now_s: the moment, as a monotonic clock has it.
    """

    cores: tuple[int, ...]
    busy_s: float
    now_s: float

    @classmethod
    def now(cls, cores: Sequence[int], stat: Path = _STAT) -> "Usage":
        """Return the usage by now."""
        wanted = {f"cpu{core}" for core in cores}
        rows = (line.split() for line in stat.read_text(encoding="ascii").splitlines())
        ticks = sum(int(row[1 + column]) for row in rows if row and row[0] in wanted for column in _BUSY)
        return cls(cores=tuple(cores), busy_s=ticks / os.sysconf("SC_CLK_TCK"), now_s=time.monotonic())

    def share_of_others(self, before: "Usage", own_s: float) -> float:
        """Return the share of the time since `before` in which others used the cores, from 0 to 1.

        Args:
            before: the usage of the same cores at an earlier moment.
            own_s: CPU time since then that is not that of others, in seconds.
        """
        elapsed_s = (self.now_s - before.now_s) * len(self.cores)
        return min(1.0, max(0.0, self.busy_s - before.busy_s - own_s) / elapsed_s) if elapsed_s > 0 else 0.0
