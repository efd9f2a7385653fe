"""Callbacks by which long work reports progress."""

import contextlib
from collections.abc import Callable, Iterator

from harness.core.blobs import Blob
from harness.core.text import megabytes

# A line for the user, without a line end.
Notice = Callable[[str], None]
# The holder of a lock (empty if it is this process) and the seconds waited so far. An exception from it ends the wait.
WaitNotice = Callable[[str, float], None]
# A blob, its bytes on disk so far, and its size if known. Called in any thread.
DownloadProgress = Callable[[Blob, int, int | None], None]
# The size in bytes of each chunk read from a file. An exception from it ends the reading.
ReadProgress = Callable[[int], None]
# Work such as `installing IREE 3.13.0`, and how much of it is done, such as `45.2 MB`: empty when it begins, None when
# it has ended. Called in any thread. An exception from it when work begins stops the work.
WorkProgress = Callable[[str, str | None], None]


def ignore(*_: object) -> None:
    """Ignore all reports."""


def in_megabytes(tell: Notice) -> Callable[[int], None]:
    """Return what reports a size in bytes as `45.2 MB`."""
    return lambda size_bytes: tell(f"{megabytes(size_bytes)} MB")


def beginnings(tell: Notice) -> WorkProgress:
    """Return what reports only that work begins."""

    def worked(activity: str, amount: str | None) -> None:
        if amount == "":
            tell(activity)

    return worked


@contextlib.contextmanager
def working(tell: WorkProgress, activity: str) -> Iterator[Notice]:
    """Report work within the context; yield what reports how much of it is done."""
    tell(activity, "")
    try:
        yield lambda amount: tell(activity, amount)
    finally:
        tell(activity, None)
