"""Keeps the states of a reduction in its results, so that it resumes after an interruption, even by SIGKILL.

The programs and tensors are files that are named by their content; each line of the journal is a state, or the key of
a proposal that did not fail.
"""

import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.core import records
from harness.core.blobs import Blob
from harness.core.formulas import Formula
from harness.core.records import as_json
from harness.core.tensors import Literal, Tensor, TensorType
from harness.core.values import frozen
from harness.host import files
from harness.host.beneath import Folder
from harness.host.disk import disk_errors
from harness.localize.laboratory import Input
from harness.pipeline import tensor_files
from harness.pipeline.drawing import Stream
from harness.reduction.candidate import Candidate, Given, Values
from harness.reduction.reducer import State
from harness.reduction.symptom import Symptom
from harness.search.journal import SearchJournal

OWN_NAME = re.compile(r"\b[0-9a-f]{64}\.mlir\b")  # of a program, in messages of tools
_NAME = re.compile(r"[0-9a-f]{64}\.(?:mlir|npy|bin)")
_FOLDER = "programs"
_NPY = {element: name for name, element in tensor_files.NPY_ELEMENTS.items()}


@frozen
class Begun:
    """How a reduction began.

    Attributes:
        symptom: how its programs fail.
        function: their function.
        release: the release whose bindings write them.
        is_generic: whether they do so in generic form.
        operations: how many the whole program has.
        found: the operations that were located in it; empty if none were.
        named: what the compiler says that a failure to compile is about, and whether it helped; empty for others.
    """

    symptom: Symptom
    function: str
    release: str
    is_generic: bool
    operations: int
    found: str
    named: str = ""


@frozen
class KeptTensor:
    """A tensor: as it is written out, or its file and type."""

    text: str = ""
    file: str = ""
    type: str = ""


@frozen
class KeptState:
    """A program, its inputs and outputs, and how it fails; see `State` in `harness.reduction.reducer`."""

    program: str
    inputs: tuple[KeptTensor, ...]
    outputs: tuple[KeptTensor, ...]
    how: str
    limits: Mapping[str, float]


@frozen
class _Line:
    begun: Begun | None = None
    state: KeptState | None = None
    rejected: str | None = None


@frozen
class Progress:
    """What an earlier run of the same command found: how it began, its last state, and what did not fail."""

    begun: Begun | None
    state: KeptState | None
    rejected: frozenset[str]


class Keeper:
    """Keeps states in the folder of a journal."""

    def __init__(self, journal: SearchJournal) -> None:
        """Write below the folder of a journal."""
        self._journal, self._files = journal, Folder(journal.folder)
        self._folder = journal.folder / _FOLDER

    def progress(self) -> Progress:
        """Return what an earlier run left.

        Raises:
            MalformedError: a line is not one of a reduction, or a file that the last state needs is missing.
        """
        lines = [records.read(_Line, each) for each in self._journal.lines]
        begun = [each.begun for each in lines if each.begun]
        states = [each.state for each in lines if each.state]
        for name in _files_of(states[-1]) if states else ():
            if not (_NAME.fullmatch(name) and self._files.is_regular(self._folder / name)):
                raise records.MalformedError(f"{name}: no such file of a reduction")
        return Progress(
            begun=begun[0] if begun else None,
            state=states[-1] if begun and states else None,
            rejected=frozenset(each.rejected for each in lines if each.rejected),
        )

    def begin(self, begun: Begun) -> None:
        """Add how it began."""
        self._journal.add({"begun": as_json(begun)})

    def reject(self, key: str) -> None:
        """Add the key of a proposal that does not fail."""
        self._journal.add({"rejected": key})

    def keep(self, state: State) -> None:
        """Add a state."""
        kept = KeptState(
            program=self.program(state.candidate.text).name,
            inputs=tuple(map(self._kept, state.candidate.inputs)),
            outputs=tuple(map(self._kept, state.outputs)),
            how=state.how,
            limits=state.limits,
        )
        self._journal.add({"state": as_json(kept)})

    def read(self, kept: KeptState) -> tuple[Candidate, tuple[Values, ...]]:
        """Return a state that was kept.

        Raises:
            OSError: a file cannot be read.
        """
        with files.opened(self._folder / kept.program) as file:
            text = file.read().decode()
        inputs = tuple(self._given(each) for each in kept.inputs)
        return Candidate(text=text, inputs=inputs), tuple(self._values(each) for each in kept.outputs)

    def program(self, text: str) -> Path:
        """Return the file of a program."""
        return self._written(f"{hashlib.sha256(text.encode()).hexdigest()}.mlir", text.encode())

    def input(self, given: Given) -> Input:
        """Return an input as that of a case."""
        if isinstance(given, Literal):
            return given
        path = self._written(given.digest + suffix(given), content(given))
        return Tensor(blob=Blob(url=path.absolute().as_uri()), type=None if path.suffix == ".npy" else given.type)

    def _kept(self, given: Given) -> KeptTensor:
        if isinstance(given, Literal):
            return KeptTensor(text=given.text)
        path = self._written(given.digest + suffix(given), content(given))
        return KeptTensor(file=path.name, type=str(given.type))

    def _given(self, kept: KeptTensor) -> Given:
        return Literal(text=kept.text) if kept.text else self._values(kept)

    def _values(self, kept: KeptTensor) -> Values:
        return values(self._folder / kept.file, TensorType.parse(kept.type))

    def _written(self, name: str, data: bytes) -> Path:
        path = self._folder / name
        with disk_errors(path):
            if not self._files.is_regular(path):
                self._files.make(self._folder)
                self._files.write(path, data)
        return path


def _files_of(kept: KeptState) -> Iterator[str]:
    yield kept.program
    yield from (each.file for each in (*kept.inputs, *kept.outputs) if not each.text)


def suffix(given: Values) -> str:
    """Return how the name of the file of a tensor ends."""
    return ".npy" if given.type.element in _NPY else ".bin"


def content(given: Values) -> bytes:
    """Return the content of the file of a tensor."""
    if given.type.element not in _NPY:
        return given.raw
    file = io.BytesIO()
    array = np.frombuffer(given.raw, np.dtype(f"<{_NPY[given.type.element]}")).reshape(given.type.shape)
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def values(path: Path, declared: TensorType | None) -> Values:
    """Return the tensor in a file.

    Raises:
        IntegrityError: the file does not fit its type.
        OSError: it cannot be read.
    """
    is_npy = declared is None or path.suffix == ".npy"
    type_, offset = tensor_files.file_type(path, declared, is_npy=is_npy)
    with files.opened(path) as file:
        file.seek(offset)
        return Values(type=type_, raw=file.read())


def drawn(inputs: Sequence[Input]) -> Iterator[tuple[int, Values]]:
    """Yield each input that is drawn, with its number."""
    stream = Stream()
    for number, each in enumerate(inputs):
        if isinstance(each, Formula):
            yield number, Values(type=each.type, raw=b"".join(stream.chunks(each)))
