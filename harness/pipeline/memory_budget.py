"""Which steps fit into the memory of this machine together, as far as it is known what they need."""

import threading
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True, eq=False)
class Share:
    """The part of the memory that a step is expected to need.

    Attributes:
        bytes: how much that is; infinite for a step that is to be alone.
        had_company: whether another step needed memory meanwhile.
    """

    bytes: float
    had_company: bool = False


class MemoryBudget:
    """Shares memory. Any thread may ask for some."""

    def __init__(self) -> None:
        """Begin with all of it."""
        self._lock = threading.Lock()
        self._shares: set[Share] = set()
        self._limit_bytes: float = 0

    @property
    def is_idle(self) -> bool:
        """Whether no step needs memory now."""
        return not self._shares

    def take(self, needed_bytes: float, limit_bytes: float) -> Share | None:
        """Return the share of a step, or None if it has to wait. A step that needs memory alone never waits.

        Args:
            needed_bytes: what it is expected to need.
            limit_bytes: what all may need together; it counts from when no step needs memory.
        """
        with self._lock:
            if not self._shares:
                self._limit_bytes = limit_bytes
            elif sum(each.bytes for each in self._shares) + needed_bytes > self._limit_bytes:
                return None
            share = Share(bytes=needed_bytes)
            for each in (share, *self._shares) if self._shares else ():
                each.had_company = True
            self._shares.add(share)
            return share

    def give_back(self, share: Share) -> None:
        """Let others have the share of a step that ended."""
        with self._lock:
            self._shares.remove(share)


# That of this machine, which all runs of this process share.
HERE = MemoryBudget()
