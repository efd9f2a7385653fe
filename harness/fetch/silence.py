"""Adds up for how long a download has brought nothing new. No I/O and no clock: the caller passes the time."""


class Silence:
    """The time without a byte since the last new one, over all attempts, sources and waits.

    While bytes come that were here before, as after a restart, it neither grows nor ends.

    Attributes:
        seconds: how long it has been.
    """

    def __init__(self, now_s: float) -> None:
        """Start."""
        self.seconds = 0.0
        self._now_s, self._received, self._most_present = now_s, 0, 0

    def update(self, now_s: float, received_bytes: int, present_bytes: int, *, is_waiting: bool) -> None:
        """Take note of what came.

        Args:
            now_s: the time, by any clock that never goes back.
            received_bytes: bytes received so far, some of them perhaps repeatedly.
            present_bytes: bytes of the blob that are here.
            is_waiting: whether a host has been waited for.
        """
        if present_bytes > self._most_present:
            self.seconds, self._most_present = 0.0, present_bytes
        elif received_bytes == self._received and is_waiting:
            self.seconds += now_s - self._now_s
        self._now_s, self._received = now_s, received_bytes
