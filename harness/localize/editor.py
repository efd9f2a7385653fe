"""Reads and cuts a program, with the bindings of MLIR that an IREE release brings, in a process of their own."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from harness.core.blobs import Blob
from harness.core.text import one_line
from harness.core.values import frozen
from harness.importers.workers import exchange
from harness.localize.program import Cut, Program, Value
from harness.pipeline.import_steps import ImportStep, WorkerRunner, files_of, taken
from harness.store.entry import Entry
from harness.store.store import Store


class CutRefusedError(Exception):
    """The bindings cannot make a valid program of a cut."""


@frozen
class CutProgram:
    """A program that was cut out.

    Attributes:
        program: the program.
        arguments: the values that it takes, in order.
    """

    program: Blob
    arguments: tuple[Value, ...] = ()


@frozen
class _Cut:
    arguments: tuple[Value, ...] = ()
    refused: str = ""


@frozen(slots=False)
class Editor:
    """Reads and cuts one program.

    Attributes:
        runner: runs the bindings of a release.
        store: has the digests of files.
        path: the program.
        name: what messages call it.
        is_generic: whether it writes programs in the form that every release of MLIR prints alike.
    """

    runner: WorkerRunner
    store: Store
    path: Path
    name: str
    is_generic: bool = False
    writes: ClassVar[str] = exchange.PROGRAM  # the name of the file that the worker writes

    def read(self, function: str | None) -> Program:
        """Return the operations of a function; without a name, of the only one that is public.

        Raises:
            ImportFailedError: the release cannot parse the program, or there is no such function.
        """
        _, found = self._done("read", {"function": function})
        return taken(Program, found, self.name)

    def same(self, function: str | None) -> tuple[Blob, Program]:
        """Return the whole program as the release writes it, and the operations of a function; see `read`.

        Raises:
            ImportFailedError: the release cannot parse the program, or there is no such function.
        """
        entry, found = self._done("check", {"is_generic": self.is_generic, "function": function})
        return self._written(entry), taken(Program, found, self.name)

    def cut(self, function: str, cut: Cut) -> CutProgram:
        """Return the program of a cut.

        Raises:
            CutRefusedError: it would not be valid.
            ImportFailedError: the bindings broke down.
        """
        asked = {"returns": cut.returns, "boundary": sorted(cut.boundary), "keeps": sorted(cut.keeps)}
        entry, found = self._done("cut", {"function": function, "is_generic": self.is_generic, **asked})
        made = taken(_Cut, found, self.name)
        if made.refused:
            raise CutRefusedError(one_line(made.refused))
        return CutProgram(program=self._written(entry), arguments=made.arguments)

    def _done(self, do: str, asked: Mapping[str, object]) -> tuple[Entry, Mapping[str, object]]:
        """Let the worker do a step, and return what it left, and its answer."""
        step = ImportStep(
            do=do,
            tool=f"IREE {self.runner.release.release.name}",
            files={exchange.SOURCE: (self.path, self.store.digest(self.path))},
            asked=asked,
        )
        return self.runner.run(step, self.name)

    def _written(self, entry: Entry) -> Blob:
        """Return the program that a worker wrote."""
        (path,) = files_of(entry, [self.writes], self.name)
        return Blob(url=path.as_uri(), sha256=entry.sha256(path.name))
