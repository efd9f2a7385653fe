"""Callbacks by which long work reports progress."""

from collections.abc import Callable

from harness.core.blobs import Blob

# A line for the user, without a line end.
Notice = Callable[[str], None]
# The holder of a lock (empty if it is this process) and the seconds waited so far. An exception from it ends the wait.
WaitNotice = Callable[[str, float], None]
# A blob, its bytes on disk so far, and its size if known. Called in any thread.
DownloadProgress = Callable[[Blob, int, int | None], None]
# The size in bytes of each chunk read from a file. An exception from it ends the reading.
ReadProgress = Callable[[int], None]


def ignore(*_: object) -> None:
    """Ignore all reports."""
