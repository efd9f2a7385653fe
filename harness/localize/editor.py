"""Reads and cuts a program, with the bindings of MLIR that an IREE release brings, in a process of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.blobs import Blob
from harness.core.errors import ImportFailedError
from harness.core.text import one_line
from harness.importers.workers import exchange
from harness.localize.program import Cut, Operation, Program, Value
from harness.pipeline.import_steps import ImportStep, WorkerRunner, files_of, taken
from harness.store.store import Store


class CutRefusedError(Exception):
    """The bindings cannot make a valid program of a cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutProgram:
    """A program that was cut out.

    Attributes:
        program: the program.
        arguments: the values that it takes, in order.
    """

    program: Blob
    arguments: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    function: str
    blocks: int
    arguments: tuple[str, ...]
    returns: tuple[Value, ...]
    operations: tuple[Operation, ...]
    functions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    arguments: tuple[Value, ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cuts:
    cuts: tuple[_Cut, ...]


@dataclass(frozen=True, kw_only=True)
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

    def read(self, function: str | None) -> Program:
        """Return the operations of a function; without a name, of the only one that is public.

        Raises:
            ImportFailedError: the release cannot parse the program, or there is no such function.
        """
        _, found = self._done("read", {"function": function})
        return self._program(found)

    def _program(self, found: Mapping[str, object]) -> Program:
        read = taken(_Read, found, self.name)
        return Program(
            function=read.function,
            blocks=read.blocks,
            arguments=read.arguments,
            returns=read.returns,
            operations=read.operations,
            functions=read.functions,
        )

    def same(self, function: str | None) -> tuple[Blob, Program]:
        """Return the whole program as the release writes it, and the operations of a function; see `read`.

        Raises:
            ImportFailedError: the release cannot parse the program, or there is no such function.
        """
        folder, found = self._done("check", {"is_generic": self.is_generic, "function": function})
        return self._blob(folder, 0), self._program(found)

    def cut(self, function: str, cut: Cut) -> CutProgram:
        """Return the program of a cut.

        Raises:
            CutRefusedError: it would not be valid.
            ImportFailedError: the bindings broke down.
        """
        asked = {"returns": cut.returns, "boundary": sorted(cut.boundary), "keeps": sorted(cut.keeps)}
        folder, found = self._done("cut", {"function": function, "is_generic": self.is_generic, "cuts": [asked]})
        (made,) = taken(_Cuts, found, self.name).cuts
        if made.refused:
            raise CutRefusedError(one_line(made.refused))
        return CutProgram(program=self._blob(folder, 0), arguments=made.arguments)

    def _done(self, do: str, asked: Mapping[str, object]) -> tuple[Sequence[Blob], Mapping[str, object]]:
        step = ImportStep(
            do=do,
            tool=f"IREE {self.runner.release.release.name}",
            files={exchange.SOURCE: (self.path, self.store.digest(self.path))},
            asked=asked,
        )
        entry, answer = self.runner.run(step, self.name)
        names = [name for name in ("program0.mlir",) if name in entry.files]
        return [
            Blob(url=path.as_uri(), sha256=entry.sha256(path.name)) for path in files_of(entry, names, self.name)
        ], answer

    def _blob(self, made: Sequence[Blob], index: int) -> Blob:
        if index >= len(made):
            raise ImportFailedError(f"{self.name}: the bindings of MLIR wrote no program.")
        return made[index]
