"""The standard streams of a command. Nothing that happens to them ends the command or changes what it does.

A reader that has gone away (`harness list | head -1`) is no error: the rest of the output is dropped. Output that is
lost in another way, on a full disk, is reported at the end.
"""

import errno
import io
import os
import select
import sys
from typing import Any

# The reader of a pipe ended, or the terminal was closed.
_NOBODY_READS = {errno.EPIPE, errno.EIO}
_FIRST_OWN_DESCRIPTOR = 3


class Output(io.RawIOBase):
    """A descriptor for output. After the first failure of a write, it drops what is written.

    Attributes:
        failure: why a write failed.
    """

    failure: OSError | None = None

    def __init__(self, descriptor: int) -> None:
        """Take an open descriptor, which stays open."""
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Whether it can be written to."""
        return True

    def write(self, data: Any, /) -> int:
        """Write bytes, and return how many were written or dropped."""
        try:
            return len(data) if self.failure else self._written(data)
        except OSError as error:
            self.failure = error
            return len(data)

    def _written(self, data: Any) -> int:
        """Write at least one byte. The descriptor may be non-blocking: a program that shares it can make it so."""
        while True:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:
                select.select((), (self,), ())


def prepare() -> Output:
    """Replace the standard streams, and return standard output.

    Closed ones are opened, so that no other file gets their number; what they cannot encode is escaped.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < _FIRST_OWN_DESCRIPTOR:
        continue
    os.close(descriptor)
    output, errors = map(Output, (1, 2))
    sys.stdout, sys.stderr = _text(output, sys.stdout), _text(errors, sys.stderr, line_buffering=True)
    return output


def _text(output: Output, before: object, *, line_buffering: bool = False) -> io.TextIOWrapper:
    encoding = getattr(before, "encoding", None) or "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(output),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=line_buffering or output.isatty(),
    )


def lost(output: Output) -> str:
    """Write what is left, and return why output was lost; nothing if it was not, or if its reader is gone."""
    sys.stdout.flush()
    failure = output.failure
    return "" if failure is None or failure.errno in _NOBODY_READS else failure.strerror or str(failure)
