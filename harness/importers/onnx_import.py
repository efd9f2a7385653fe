"""Imports an ONNX file: a program, inputs, and the outputs of ONNX Runtime. Each step is a process of its own."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness.core import records, strict_json
from harness.core.callbacks import WorkProgress, ignore, working
from harness.core.errors import ToolError, UsageError
from harness.core.text import one_line
from harness.host import process
from harness.host.beneath import Folder
from harness.host.files import UnreadableError
from harness.host.process import CancelToken, ProcessResult
from harness.importers import onnx_worker
from harness.importers.environment import ImporterEnvironment
from harness.store.entry import file_sha256

T = TypeVar("T")
FRAMEWORK = "onnx"
_REPLY_BYTES = _LOG_BYTES = 1 << 20
_LOG = "importer.log"
_LOG_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxRequest:
    """What to import.

    Attributes:
        model: absolute path of the ONNX file.
        seed: of the inputs that are drawn.
        dimensions: sizes of dynamic dimensions, by name.
        inputs: absolute paths of the inputs, .npy files; empty to draw them.
        timeout_s: the limit of each step.
    """

    model: Path
    seed: int = 0
    dimensions: Mapping[str, int] = field(default_factory=dict)
    inputs: tuple[Path, ...] = ()
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTensor:
    """A tensor that a step wrote.

    Attributes:
        file: name of its .npy file.
        name: as the model calls it.
        type: in IREE's notation.
    """

    file: str
    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a run of ONNX Runtime used and made.

    Attributes:
        sources: names of the model and of its external data, relative to its folder.
        inputs: those that were drawn.
        outputs: the outputs.
        elements: NumPy's names of the element types of weights, inputs and outputs.
        versions: of the packages, by name.
    """

    sources: tuple[str, ...]
    inputs: tuple[SavedTensor, ...]
    outputs: tuple[SavedTensor, ...]
    elements: tuple[str, ...]
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedProgram:
    """An imported program.

    Attributes:
        function: its function.
        program: name of its file.
        weights: name of the file of its weights; None if they are in the program.
        opset: the version of the operators, and what it was raised to; empty if it was not.
    """

    function: str
    program: str
    weights: str | None
    opset: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxImport:
    """An imported model, whose files are in a folder.

    Attributes:
        folder: the folder.
        reference: the run of ONNX Runtime.
        program: the program.
        sha256: digests of the model and of its external data, by name.
    """

    folder: Path
    reference: Reference
    program: ImportedProgram
    sha256: Mapping[str, str]


def imported(
    request: OnnxRequest,
    environment: ImporterEnvironment,
    folder: Path,
    *,
    cancel: CancelToken | None = None,
    on_work: WorkProgress = ignore,
) -> OnnxImport:
    """Import a model into an empty folder.

    Args:
        request: the model, and how to run it.
        environment: an installed importer.
        folder: where the files are written.
        cancel: stops the import.
        on_work: called when a step begins and ends.

    Raises:
        UsageError: the dimensions or inputs do not fit the model.
        ToolError: the framework refuses the model; the message begins with `import:`.
        Cancelled: `cancel` was set.
    """
    step = _Step(request, environment, folder, cancel)
    asked = {"seed": request.seed, "dimensions": request.dimensions, "inputs": list(map(str, request.inputs))}
    name = request.model.name
    with working(on_work, f"running {name} with ONNX Runtime"):
        reference = step.reply(Reference, onnx_worker.RUN, "ONNX Runtime", asked)
    with working(on_work, f"importing {name}"):
        program = step.reply(ImportedProgram, onnx_worker.IMPORT, f"the importer of IREE {environment.release}", {})
    digests = {name: file_sha256(request.model.parent / name) for name in reference.sources}
    return OnnxImport(folder=folder, reference=reference, program=program, sha256=digests)


class _Step:
    """Runs the worker in a folder of its own, which becomes its home."""

    def __init__(
        self, request: OnnxRequest, environment: ImporterEnvironment, folder: Path, cancel: CancelToken | None
    ) -> None:
        self._request, self._environment, self._folder, self._cancel = request, environment, folder, cancel

    def reply(self, kind: type[T], step: str, tool: str, asked: Mapping[str, Any]) -> T:
        """Return what the worker answers.

        Raises:
            UsageError, ToolError, Cancelled: as in `imported`.
        """
        files, reply_path = Folder(self._folder), self._folder / onnx_worker.REPLY
        files.remove(reply_path)
        request = {"do": step, "model": str(self._request.model), **asked}
        files.write(self._folder / onnx_worker.REQUEST, json.dumps(request).encode())
        ended = self._run()
        name = self._request.model.name
        if ended.exit_code != 0:
            raise ToolError(f"import: {name}: {tool} {self._end(ended)}")
        try:
            answer = strict_json.loads(files.read(reply_path, _REPLY_BYTES))
            if "usage" in answer:
                raise UsageError(f"{name}: {one_line(answer['usage'])}.")
            if "model" in answer:
                raise ToolError(f"import: {self._request.model} {one_line(answer['model'])}.")
            if "error" in answer:
                raise ToolError(f"import: {name}: {tool}: {one_line(answer['error'])}")
            return records.read(kind, answer)
        except (OSError, UnreadableError, ValueError, TypeError) as error:
            raise ToolError(f"import: {name}: {tool} gave no valid answer ({one_line(str(error))}).") from error

    def _run(self) -> ProcessResult:
        folder = self._folder
        # -I and -S hide the harness and the user's packages; -B, because an entry of the store has no unlisted files.
        return process.run(
            [sys.executable, "-BIS", onnx_worker.__file__, str(self._environment.folder)],
            cwd=folder,
            log_path=folder / _LOG,
            timeout_s=self._request.timeout_s,
            cancel=self._cancel,
            variables={name: str(folder) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")},
        )

    def _end(self, ended: ProcessResult) -> str:
        """Return how a step ended that gave no answer, with the end of its log."""
        if ended.timed_out:
            return f"was stopped after {self._request.timeout_s:g} s; allow more with --timeout."
        with Folder(self._folder).reader(self._folder / _LOG) as log:
            lines = log.read(_LOG_BYTES).decode(errors="replace").strip().splitlines()
        how = f"was ended by {ended.signal_name}" if ended.signal else f"ended with exit code {ended.exit_code}"
        return f"{how}: {one_line(' '.join(lines[-_LOG_LINES:]))}"
