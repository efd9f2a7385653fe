"""The callbacks through which long work reports, and the one that ignores what it is told."""

from collections.abc import Callable

from harness.core.blobs import Blob

# A line for the user, without a line end.
Notice = Callable[[str], None]
# The holder of a lock and the seconds waited for it so far; what it raises ends the wait.
WaitNotice = Callable[[str, float], None]
# A blob, the bytes of it on disk so far, and its size if known. Called in any thread.
DownloadProgress = Callable[[Blob, int, int | None], None]
# The size of each piece of a file read, in bytes; what it raises ends the reading.
ReadProgress = Callable[[int], None]


def ignore(*_: object) -> None:
    """Ignore a report."""
