"""Decides when a run that says nothing is heard of, where no terminal shows it. No I/O; the caller passes the time."""

FIRST_S = 30.0
LONGEST_S = 600.0


class Calm:
    """Is due after 30 s of silence, then after 60 s more, and so on, at last every ten minutes."""

    def __init__(self, now_s: float) -> None:
        """Begin to wait."""
        self.spoke(now_s)

    def spoke(self, now_s: float) -> None:
        """Begin to wait again: a line was printed."""
        self._spoken_s, self._pause_s = now_s, FIRST_S

    def is_due(self, now_s: float) -> bool:
        """Return whether a line is due; if so, the next pause is twice as long."""
        if now_s - self._spoken_s < self._pause_s:
            return False
        self._spoken_s, self._pause_s = now_s, min(2 * self._pause_s, LONGEST_S)
        return True
