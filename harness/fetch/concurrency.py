"""How many connections to use (pure): all there may be, fewer where the host pushes back or fewer do as well."""

from dataclasses import dataclass

_CALM_S = 30.0  # without being pushed back before one more connection is tried
_FIRST_TRIAL_S = 20.0
_TRIAL_S = 1.0
_AS_GOOD = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """Half the connections, to see whether they bring as much: it began when and with how many bytes there."""

    began_s: float
    bytes: int
    before: int
    rate: float


class Concurrency:
    """Says how many connections are wanted; is told the time and the bytes that came."""

    def __init__(self, most: int, now_s: float) -> None:
        """Begin with all that there may be.

        Args:
            most: connections at once.
            now_s: the time, by any clock that goes on.
        """
        self.wanted = most
        self._most = most
        self._pushed_s: float | None = None
        self._halved_s: float | None = None
        self._began_s, self._mark = now_s, (now_s, 0)
        self._next_trial_s = _FIRST_TRIAL_S
        self._trial: _Trial | None = None

    def pushed_back(self, now_s: float) -> None:
        """Halve them: the host has too much to do. What several connections hear at once counts once."""
        if self._halved_s is None or now_s - self._halved_s >= _TRIAL_S:
            self.wanted, self._halved_s = max(1, self.wanted // 2), now_s
        self._pushed_s, self._trial = now_s, None

    def lost(self) -> None:
        """Do with one less: a connection could not be had, whatever was tried."""
        self._most, self.wanted = max(1, self._most - 1), max(1, self.wanted - 1)

    def came(self, now_s: float, so_far: int) -> None:
        """Look at how much came: now and then, see whether half of them bring as much."""
        if self._pushed_s is not None:
            self._recover(now_s)
        elif self._trial is not None:
            self._judge(self._trial, now_s, so_far)
        elif self.wanted > 1 and now_s - self._began_s >= self._next_trial_s:
            since_s, bytes_then = self._mark
            rate = (so_far - bytes_then) / (now_s - since_s)
            self._trial = _Trial(began_s=now_s, bytes=so_far, before=self.wanted, rate=rate)
            self.wanted //= 2
        elif now_s - self._mark[0] >= _FIRST_TRIAL_S / 2:
            self._mark = (now_s, so_far)

    def _recover(self, now_s: float) -> None:
        if self._pushed_s is not None and now_s - self._pushed_s >= _CALM_S:
            self.wanted = min(self._most, self.wanted + 1)
            self._pushed_s = now_s if self.wanted < self._most else None

    def _judge(self, trial: _Trial, now_s: float, so_far: int) -> None:
        if (seconds := now_s - trial.began_s) < _TRIAL_S:
            return
        if (so_far - trial.bytes) / seconds < _AS_GOOD * trial.rate:
            self.wanted = min(self._most, trial.before)
        self._trial, self._mark = None, (now_s, so_far)
        self._next_trial_s = 2 * (now_s - self._began_s)
