"""Imports a model: a program, inputs, and the outputs of its framework. Each step is a process of its own."""

import json
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from harness.core import records, strict_json
from harness.core.callbacks import WorkProgress, ignore, working
from harness.core.errors import ToolError, UsageError
from harness.core.text import one_line, sentence
from harness.core.values import frozen
from harness.host import process
from harness.host.beneath import Folder
from harness.host.cancel import CancelToken
from harness.host.files import UnreadableError
from harness.host.process import ProcessResult
from harness.importers.environment import ImporterEnvironment
from harness.importers.frameworks import IMPORTERS, Framework, ModelFile, Step
from harness.importers.workers import exchange, main
from harness.store.entry import file_sha256

_REPLY_BYTES = _LOG_BYTES = 1 << 20
_LOG = "importer.log"
_LOG_LINES = 3


@frozen
class ImportRequest:
    """What to import.

    Attributes:
        model: the model, with an absolute path.
        seed: of the inputs that are drawn.
        dimensions: sizes of dynamic dimensions, by name.
        inputs: absolute paths of the inputs, .npy files; empty to draw them.
        weights: absolute path of an archive of weights that is there already.
        timeout_s: the limit of each step.
    """

    model: ModelFile
    seed: int = 0
    dimensions: Mapping[str, int] = field(default_factory=dict)
    inputs: tuple[Path, ...] = ()
    weights: Path | None = None
    timeout_s: float


@frozen
class SavedTensor:
    """A tensor that a worker wrote.

    Attributes:
        file: name of its file: .npy, or .bin with the bytes of a type that NumPy lacks.
        name: as the model calls it.
        type: in IREE's notation.
        error: for an output, the largest difference between the model's own precision and float64; None if it is not
            known.
        largest: its largest absolute value, likewise.
    """

    file: str
    name: str
    type: str
    error: float | None = None
    largest: float | None = None

    @property
    def element(self) -> str:
        """Its element type."""
        return self.type.rpartition("x")[2] if "complex" not in self.type else self.type[self.type.index("complex") :]

    @property
    def suffix(self) -> str:
        """The suffix of its file."""
        return Path(self.file).suffix


@frozen
class Call:
    """A call of a function by its framework.

    Attributes:
        inputs: those that were drawn.
        outputs: the outputs.
        obstacle: why the outputs were not computed in float64, if that was tried.
    """

    inputs: tuple[SavedTensor, ...]
    outputs: tuple[SavedTensor, ...]
    obstacle: str = ""


@frozen
class Reply:
    """What the steps of a worker answer, together.

    Attributes:
        sources: names of the model's files, relative to its folder; the model comes first.
        program: name of the file of the program.
        weights: name of the file of its weights; None if they are in the program.
        functions: the functions of the program that are called.
        calls: a call of each.
        elements: NumPy's names of the element types of weights, inputs and outputs.
        versions: of the packages that took part, by name.
        opset: the version of the ONNX operators, and what it was raised to; empty if it was not.
    """

    sources: tuple[str, ...]
    program: str
    weights: str | None
    functions: tuple[str, ...]
    calls: tuple[Call, ...]
    elements: tuple[str, ...]
    versions: Mapping[str, str]
    opset: tuple[int, ...] = ()


@frozen
class ImportedModel:
    """An imported model, whose files are in a folder.

    Attributes:
        framework: where it came from.
        folder: the folder.
        reply: what the worker said of it.
        sha256: digests of its own files, by name.
        importer: what wrote the program, such as `IREE 3.13.0`.
        reference: what computed the outputs, such as `ONNX Runtime 1.32.0`.
    """

    framework: Framework
    folder: Path
    reply: Reply
    sha256: Mapping[str, str]
    importer: str
    reference: str


def imported(
    request: ImportRequest,
    environment: ImporterEnvironment,
    folder: Path,
    *,
    cancel: CancelToken | None = None,
    on_work: WorkProgress = ignore,
) -> ImportedModel:
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
    importer, worker = IMPORTERS[request.model.framework], _Worker(request, environment, folder, cancel)
    answers: dict[str, Any] = {}
    for step in importer.steps:
        with working(on_work, step.activity.format(model=request.model.path.name)):
            answers |= worker.answer(step)
    reply = worker.read(answers)
    return ImportedModel(
        framework=request.model.framework,
        folder=folder,
        reply=reply,
        sha256={name: file_sha256(request.model.path.parent / name) for name in reply.sources},
        importer=importer.writer.format(release=environment.release, **reply.versions),
        reference=importer.reference.format(**reply.versions),
    )


class _Worker:
    """Runs the worker of a framework in a folder of its own, which becomes its home."""

    def __init__(
        self, request: ImportRequest, environment: ImporterEnvironment, folder: Path, cancel: CancelToken | None
    ) -> None:
        self._request, self._environment, self._folder, self._cancel = request, environment, folder, cancel
        self._asked = {
            "model": str(request.model.path),
            "entry": request.model.function,
            "seed": request.seed,
            "dimensions": request.dimensions,
            "inputs": list(map(str, request.inputs)),
            "weights": str(request.weights or ""),
        }

    def answer(self, step: Step) -> Mapping[str, Any]:
        """Return what the worker answers.

        Raises:
            UsageError, ToolError, Cancelled: as in `imported`.
        """
        files, reply_path = Folder(self._folder), self._folder / exchange.REPLY
        files.remove(reply_path)
        files.write(self._folder / exchange.REQUEST, json.dumps({"do": step.do, **self._asked}).encode())
        ended = self._run()
        name, tool = self._request.model.path.name, step.tool.format(release=self._environment.release)
        if ended.exit_code != 0:
            raise ToolError(f"import: {name}: {tool} {self._end(ended)}")
        try:
            answer = strict_json.loads(files.read(reply_path, _REPLY_BYTES))
            if "usage" in answer:
                raise UsageError(f"{name}: {sentence(answer['usage'])}")
            if "model" in answer:
                raise ToolError(f"import: {self._request.model.path} {sentence(answer['model'])}")
            if "error" in answer:
                raise ToolError(f"import: {name}: {answer.get('tool', tool)}: {one_line(answer['error'])}")
            return records.read(dict[str, Any], answer)
        except (OSError, UnreadableError, ValueError, TypeError) as error:
            raise ToolError(f"import: {name}: {tool} gave no valid answer ({one_line(str(error))}).") from error

    def read(self, answers: Mapping[str, Any]) -> Reply:
        """Return the answers of all steps as a reply.

        Raises:
            ToolError: they are not one.
        """
        try:
            return records.read(Reply, answers)
        except ValueError as error:
            name = self._request.model.path.name
            raise ToolError(f"import: {name}: the importer gave no valid answer ({one_line(str(error))}).") from error

    def _run(self) -> ProcessResult:
        folder, model = self._folder, self._request.model
        # -I and -S hide the harness and the user's packages; -B, because an entry of the store has no unlisted files.
        return process.run(
            [str(self._environment.python), "-BIS", main.__file__, model.framework, str(self._environment.folder)],
            cwd=folder,
            log_path=folder / _LOG,
            timeout_s=self._request.timeout_s,
            cancel=self._cancel,
            variables={name: str(folder) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
            | dict(IMPORTERS[model.framework].variables),
        )

    def _end(self, ended: ProcessResult) -> str:
        """Return how a step ended that gave no answer, with the end of its log."""
        if ended.timed_out:
            return f"was stopped after {self._request.timeout_s:g} s; allow more with --timeout."
        with Folder(self._folder).reader(self._folder / _LOG) as log:
            lines = log.read(_LOG_BYTES).decode(errors="replace").strip().splitlines()
        how = f"was ended by {ended.signal_name}" if ended.signal else f"ended with exit code {ended.exit_code}"
        return f"{how}: {one_line(' '.join(lines[-_LOG_LINES:]))}"
