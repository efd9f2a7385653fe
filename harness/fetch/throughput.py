"""Adds up the progress of all downloads: bytes, speed and remaining time. No I/O."""

from collections import deque

from harness.core.blobs import Blob
from harness.core.text import clock, counted, size

_WINDOW_S = 15.0


class Throughput:
    """The progress of all blobs together. The caller passes the time, in seconds."""

    def __init__(self) -> None:
        """Start with no blob."""
        self._expected_blobs = self._expected_bytes = 0
        self._present: dict[Blob, int] = {}
        self._total: dict[Blob, int | None] = {}
        self._ended: set[Blob] = set()
        self._received_bytes = 0
        self._marks: deque[tuple[float, int]] = deque()

    def expect(self, blobs: int, size_bytes: int) -> None:
        """Set the number of blobs to download and their size, as far as it is known."""
        self._expected_blobs, self._expected_bytes = blobs, size_bytes

    def update(self, blob: Blob, present_bytes: int, total_bytes: int | None, now_s: float) -> None:
        """Set the progress of a blob. Bytes present at its first update do not count towards the speed."""
        if not self._marks:
            self._marks.append((now_s, 0))
        self._received_bytes += max(0, present_bytes - self._present.get(blob, present_bytes))
        self._present[blob], self._total[blob] = present_bytes, total_bytes
        self._marks.append((now_s, self._received_bytes))
        while len(self._marks) > 2 and self._marks[1][0] < now_s - _WINDOW_S:  # noqa: PLR2004 - a speed needs two
            self._marks.popleft()

    def ended(self, blob: Blob) -> None:
        """Count a blob as downloaded or failed."""
        self._ended.add(blob)

    @property
    def present_bytes(self) -> int:
        """The bytes on disk of all blobs."""
        return sum(self._present.values())

    @property
    def total_bytes(self) -> int:
        """The size of all blobs, as far as it is known."""
        known = sum(total or self._present[blob] for blob, total in self._total.items())
        return max(known, self._expected_bytes)

    @property
    def blobs(self) -> int:
        """The number of blobs to download."""
        return max(len(self._present), self._expected_blobs)

    @property
    def rate(self) -> float:
        """The speed of the last seconds, in bytes per second."""
        if not self._marks:
            return 0.0
        (first_s, first_bytes), (last_s, last_bytes) = self._marks[0], self._marks[-1]
        return (last_bytes - first_bytes) / (last_s - first_s) if last_s > first_s else 0.0

    def left_s(self) -> float | None:
        """Return how long the rest takes at this speed; None if nothing came or the sizes are not known."""
        left_bytes = self.total_bytes - self.present_bytes
        return left_bytes / self.rate if self.rate and left_bytes >= 0 else None

    def line(self) -> str:
        """Return `fetching: 1 of 3 blobs, 1.2 of 16.1 GB, 85.3 MB/s, 2:55 left`."""
        rate, left_s = self.rate, self.left_s()
        left = f", {clock(left_s)} left" if left_s else ""
        done = f"{len(self._ended & self._present.keys())} of {counted(self.blobs, 'blob')}"
        total = f" of {size(self.total_bytes)}" if self.total_bytes else ""
        return f"fetching: {done}, {size(self.present_bytes)}{total}, {size(rate)}/s{left}"
