"""Keeps the outcomes of a run in a file while it goes on, so that memory does not grow with their number.

The file has a line of JSON for each case that has ended, as results.json has it. It is removed when that is written; it
tells what a run found that was killed.
"""

import array
import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from harness.core import records
from harness.core.outcomes import Head, Outcome
from harness.host.beneath import Folder

NAME = "cases.jsonl"
_NOWHERE = -1
_FEW = 2_000  # outcomes that have room in memory, too


class OutcomeLog(Sequence[Outcome]):
    """The outcomes of a run, in the order of its cases.

    Attributes:
        memory: what was found out about all of them together; forgotten with the next outcome.
    """

    def __init__(self, folder: Path | None, number: int) -> None:
        """Begin a file in a folder for the outcomes of so many cases.

        Without a folder, or where it cannot be written, they are kept in memory.
        """
        self._folder = folder
        self._starts = array.array("q", [_NOWHERE]) * number
        self._sizes = array.array("q", [0]) * number
        self._in_memory: dict[int, bytes] = {}
        self._end = 0
        self.memory: dict[type, object] = {}
        self._read: dict[int, Outcome] | None = {} if number <= _FEW else None
        self._descriptor = _NOWHERE
        if folder is None:
            return
        with contextlib.suppress(OSError):
            files = Folder(folder)
            files.remove(folder / NAME)
            self._descriptor = files.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_EXCL)

    def put(self, index: int, outcome: Outcome) -> None:
        """Keep an outcome; a later one takes its place."""
        line = records.encoded(outcome)
        self.memory.clear()
        for known in (self._in_memory, self._read or {}):
            known.pop(index, None)
        try:
            written = os.pwrite(self._descriptor, line + b"\n", self._end)
        except OSError:
            written = 0
        if written <= len(line):
            self._in_memory[index] = line
            return
        self._starts[index], self._sizes[index] = self._end, len(line)
        self._end += written

    def has(self, index: int) -> bool:
        """Return whether an outcome is known."""
        return index in self._in_memory or self._starts[index] != _NOWHERE

    def line(self, index: int) -> bytes:
        """Return an outcome that is known as JSON."""
        if index in self._in_memory:
            return self._in_memory[index]
        return os.pread(self._descriptor, self._sizes[index], self._starts[index])

    def lines(self) -> Iterator[bytes]:
        """Yield all outcomes as JSON."""
        return map(self.line, range(len(self)))

    def heads(self) -> Iterator[Head | Outcome]:
        """Yield the heads of all outcomes, which takes much less time than these."""
        if self._read is not None and len(self._read) == len(self):
            return iter(self)
        return map(records.decoder(Head).decode, self.lines())

    def remove(self) -> None:
        """Remove the file; what it has can still be read."""
        if self._folder:
            Folder(self._folder).remove(self._folder / NAME)

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Outcome: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Outcome]: ...

    def __getitem__(self, index: int | slice) -> Outcome | Sequence[Outcome]:
        """Return an outcome, or some of them."""
        places = range(len(self))[index]
        return self._outcome(places) if isinstance(places, int) else [self[each] for each in places]

    def __iter__(self) -> Iterator[Outcome]:
        """Yield all outcomes."""
        return map(self._outcome, range(len(self)))

    def _outcome(self, index: int) -> Outcome:
        """Return an outcome; that of a small run is read once, for all renderers."""
        if self._read is None:
            return _outcome(self.line(index))
        if (known := self._read.get(index)) is None:
            known = self._read[index] = _outcome(self.line(index))
        return known

    def __del__(self) -> None:
        """Close the file."""
        if self._descriptor != _NOWHERE:
            os.close(self._descriptor)


def heads(cases: Sequence[Outcome]) -> Iterable[Outcome | Head]:
    """Return the heads of outcomes, or what has all that they have."""
    return cases.heads() if isinstance(cases, OutcomeLog) else cases


def line(cases: Sequence[Outcome], index: int) -> bytes:
    """Return an outcome as JSON."""
    return cases.line(index) if isinstance(cases, OutcomeLog) else records.encoded(cases[index])


def _outcome(line: bytes) -> Outcome:
    return with_tuples(records.decoder(Outcome).decode(line))


def with_tuples(outcome: Outcome) -> Outcome:
    """Return an outcome that was JSON with the argv of each step, or each of its several argv, as tuples."""
    commands = {step: _argv(value) for step, value in outcome.commands.items()}
    object.__setattr__(outcome, "commands", commands)
    return outcome


def _argv(value: list[Any]) -> tuple[Any, ...]:
    return tuple(value) if value and isinstance(value[0], str) else tuple(map(tuple, value))
