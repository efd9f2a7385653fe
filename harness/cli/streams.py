"""The standard streams of a command. Nothing that happens to them ends the command or changes what it does.

A reader that has gone away (`harness list | head -1`) is no error: the rest of the output is dropped. Output that is
lost in another way, on a full disk, is reported at the end.

What is written is cleaned here, so that no message has to think of it: names of files, output of tools and answers of
hosts have no sequences that terminals obey, and no line of them is a command of GitHub Actions (`::error::`).
"""

import errno
import io
import os
import re
import select
import sys
from typing import Any, TextIO

from harness.core.text import clean

# The reader of a pipe ended, or the terminal was closed.
_NOBODY_READS = {errno.EPIPE, errno.EIO}
_FIRST_OWN_DESCRIPTOR = 3
# actions/runner, src/Runner.Common/ActionCommand.cs: `::` after spaces at the start of a line; `##[` anywhere in it.
_COMMAND = re.compile(r"((?:^|(?<=[\n\r]))[^\S\n\r]*:):")
_OLD_COMMAND = re.compile(r"#(?=#\[)")
_COMMAND_MAY_FOLLOW = re.compile(r"(?:^|[\n\r])[^\S\n\r]*(:?)\Z")


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


class Text(io.TextIOWrapper):
    """A standard stream that cleans what is written to it."""

    _before = ""  # of the current line: nothing, the first colon of what may become a command, or anything else

    def write(self, text: str, /) -> int:
        """Write a text without sequences, control characters and commands of GitHub."""
        self.write_styled(clean(text))
        return len(text)

    def write_styled(self, text: str) -> int:
        """Write a text whose sequences are the harness's own."""
        line = self._before + text
        safe = _OLD_COMMAND.sub("#x23", _COMMAND.sub(r"\1#x3A", line)[len(self._before) :])
        found = _COMMAND_MAY_FOLLOW.search(line)
        self._before = found[1] if found else "x"
        super().write(safe)
        return len(text)

    def write_commands(self, text: str) -> int:
        """Write commands of GitHub; the caller has escaped all that is in them."""
        return super().write(text)


class Styled:
    """What rich needs of a standard stream; its sequences are kept."""

    def __init__(self, stream: TextIO) -> None:
        """Take the stream."""
        self._stream, self.encoding = stream, getattr(stream, "encoding", "utf-8")
        self.write = stream.write_styled if isinstance(stream, Text) else stream.write
        self.flush, self.isatty, self.fileno = stream.flush, stream.isatty, stream.fileno


def notice(text: str) -> None:
    """Print a line about what goes on, beside what a command prints."""
    sys.stderr.write(f"{text}\n")


def write_commands(text: str) -> None:
    """Write commands of GitHub to standard output; the caller has escaped all that is in them."""
    (sys.stdout.write_commands if isinstance(sys.stdout, Text) else sys.stdout.write)(text)


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


def _text(output: Output, before: object, *, line_buffering: bool = False) -> Text:
    encoding = getattr(before, "encoding", None) or "utf-8"
    return Text(
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
