"""Decides how many connections to use: all that are allowed, or fewer if the host asks for that or fewer are as fast.

No I/O and no clock: the caller passes the time, in seconds.
"""

from harness.core.values import frozen

_RECOVERY_S = 30.0  # without a complaint of the host before one connection is added
_FIRST_TRIAL_S = 20.0
_TRIAL_S = 1.0
_AS_FAST = 0.95


@frozen
class _Trial:
    """A second with half the connections, to see if they are as fast.

    Attributes:
        began_s: when it began.
        bytes: bytes received until then.
        connections: how many there were before.
        rate: their bytes per second.
    """

    began_s: float
    bytes: int
    connections: int
    rate: float


class Concurrency:
    """The number of connections of a download; `wanted` changes as it goes on."""

    def __init__(self, limit: int, now_s: float) -> None:
        """Start with all connections.

        Args:
            limit: connections allowed at once.
            now_s: the time, by any clock that never goes back.
        """
        self.wanted = limit
        self._limit = limit
        self._throttled_s: float | None = None
        self._halved_s: float | None = None
        self._began_s, self._mark = now_s, (now_s, 0)
        self._next_trial_s = _FIRST_TRIAL_S
        self._trial: _Trial | None = None

    def throttle(self, now_s: float) -> None:
        """Halve the connections because the host is overloaded. Complaints within a second count once."""
        if self._halved_s is None or now_s - self._halved_s >= _TRIAL_S:
            self.wanted, self._halved_s = max(1, self.wanted // 2), now_s
        self._throttled_s, self._trial = now_s, None

    def lower_limit(self) -> None:
        """Reduce the number of connections by one for good, after one failed all its attempts."""
        self._limit, self.wanted = max(1, self._limit - 1), max(1, self.wanted - 1)

    def update(self, now_s: float, received_bytes: int) -> None:
        """Take note of the bytes received so far; from time to time try half the connections."""
        if self._throttled_s is not None:
            self._recover(now_s)
        elif self._trial is not None:
            self._end_trial(self._trial, now_s, received_bytes)
        elif self.wanted > 1 and now_s - self._began_s >= self._next_trial_s:
            since_s, bytes_then = self._mark
            rate = (received_bytes - bytes_then) / (now_s - since_s)
            self._trial = _Trial(began_s=now_s, bytes=received_bytes, connections=self.wanted, rate=rate)
            self.wanted //= 2
        elif now_s - self._mark[0] >= _FIRST_TRIAL_S / 2:
            self._mark = (now_s, received_bytes)

    def _recover(self, now_s: float) -> None:
        if self._throttled_s is not None and now_s - self._throttled_s >= _RECOVERY_S:
            self.wanted = min(self._limit, self.wanted + 1)
            self._throttled_s = now_s if self.wanted < self._limit else None

    def _end_trial(self, trial: _Trial, now_s: float, received_bytes: int) -> None:
        if (seconds := now_s - trial.began_s) < _TRIAL_S:
            return
        if (received_bytes - trial.bytes) / seconds < _AS_FAST * trial.rate:
            self.wanted = min(self._limit, trial.connections)
        self._trial, self._mark = None, (now_s, received_bytes)
        self._next_trial_s = 2 * (now_s - self._began_s)
