"""How far all fetching together is, how fast it goes, and how long it will take (pure)."""

from collections import deque

from harness.core.blobs import Blob
from harness.core.text import size

_WINDOW_S = 15.0


class Throughput:
    """Adds up what comes of all blobs; is told the time."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._expected_blobs = self._expected_bytes = 0
        self._so_far: dict[Blob, int] = {}
        self._in_all: dict[Blob, int | None] = {}
        self._ended: set[Blob] = set()
        self._came_bytes = 0
        self._marks: deque[tuple[float, int]] = deque()

    def expect(self, blobs: int, size_bytes: int) -> None:
        """Take what is to come, as far as it is known beforehand."""
        self._expected_blobs, self._expected_bytes = blobs, size_bytes

    def came(self, blob: Blob, so_far: int, in_all: int | None, now_s: float) -> None:
        """Take how far a blob is; what was there when it was first heard of did not come just now."""
        if not self._marks:
            self._marks.append((now_s, 0))
        self._came_bytes += max(0, so_far - self._so_far.get(blob, so_far))
        self._so_far[blob], self._in_all[blob] = so_far, in_all
        self._marks.append((now_s, self._came_bytes))
        while len(self._marks) > 2 and self._marks[1][0] < now_s - _WINDOW_S:  # noqa: PLR2004 - two make a difference
            self._marks.popleft()

    def ended(self, blob: Blob) -> None:
        """Take that a blob is there, or will not come."""
        self._ended.add(blob)

    @property
    def so_far_bytes(self) -> int:
        """What is there of all blobs."""
        return sum(self._so_far.values())

    @property
    def in_all_bytes(self) -> int:
        """What there will be, as far as it is known."""
        known = sum(size or self._so_far[blob] for blob, size in self._in_all.items())
        return max(known, self._expected_bytes)

    @property
    def blobs(self) -> int:
        """How many blobs there are to fetch."""
        return max(len(self._so_far), self._expected_blobs)

    def line(self) -> str:
        """Return `fetching: 1 of 3 blobs, 1.2 of 16.1 GB, 85.3 MB/s, 2:55 left`."""
        (first_s, first_bytes), (last_s, last_bytes) = self._marks[0], self._marks[-1]
        rate = (last_bytes - first_bytes) / (last_s - first_s) if last_s > first_s else 0.0
        left_bytes = self.in_all_bytes - self.so_far_bytes
        left = f", {_clock(left_bytes / rate)} left" if rate and left_bytes else ""
        done = f"{len(self._ended & self._so_far.keys())} of {self.blobs} blobs"
        in_all = f" of {size(self.in_all_bytes)}" if self.in_all_bytes else ""
        return f"fetching: {done}, {size(self.so_far_bytes)}{in_all}, {size(rate)}/s{left}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
