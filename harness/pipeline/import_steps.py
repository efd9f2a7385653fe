"""Runs the steps of an importer's worker with the tools of an environment, and keeps what they leave in the store.

An answer is a fact of the model, the importer and the request, so all runs share it; a refusal is kept as well.
"""

import functools
import hashlib
import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, TypeVar

from harness.core import records, strict_json
from harness.core.cases import EMPTY
from harness.core.errors import ImportFailedError
from harness.core.text import one_line, sentence
from harness.core.values import frozen
from harness.host.beneath import Folder
from harness.host.cancel import CancelToken
from harness.host.files import UnreadableError
from harness.host.process import ProcessResult
from harness.importers import environment, workers
from harness.importers.environment import ImporterEnvironment
from harness.importers.frameworks import Framework
from harness.importers.workers import exchange
from harness.iree.releases import ReleaseWheels
from harness.pipeline import logs
from harness.pipeline.environment import Python
from harness.pipeline.tools import HERE, ToolRun, Tools
from harness.store.entry import Entry
from harness.store.store import Store

KIND = "imports"
_LOG = "importer.log"
_ARCHIVE = "environment.tar"
_REPLY_BYTES = 64 << 20
_LOG_LINES = 3
TENSORS = 64  # the most inputs, and the most outputs
_WRITES = (
    exchange.REPLY,
    exchange.PROGRAM,
    exchange.WEIGHTS,
    exchange.PART,
    *(f"{role}{index}.npy" for role in ("input", "output") for index in range(TENSORS)),
)
_REFUSED = ("usage", "model", "error")
_Answer = TypeVar("_Answer")


class RequestRefusedError(ImportFailedError):
    """What the user said of the model does not fit it."""


@frozen
class ImportStep:
    """A step of a worker.

    Attributes:
        do: what the worker does.
        tool: what does it, for messages.
        files: the files that it reads, with their digests, by the path where the worker has to find them.
        asked: the rest of the request.
        hint: the end of a message about what the user said.
        host_cpu: identity of the CPU, where the answer depends on it.
    """

    do: str
    tool: str
    files: Mapping[str, tuple[Path, str]]
    asked: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    hint: str = ""
    host_cpu: str = ""


@frozen(slots=False)
class WorkerRunner:
    """Runs the worker of a framework.

    Attributes:
        framework: the framework.
        release: the IREE release whose importer it is.
        offline: whether to install nothing.
        python: the Python that runs the worker.
        tools: starts it: in a container as a user of its own, as all tools there.
        store: keeps what it leaves.
        timeout_s: limit for each step.
        again: whether what was refused before is tried again.
        cancel: stops it.
    """

    framework: Framework
    release: ReleaseWheels
    offline: bool
    python: Python
    tools: Tools
    store: Store
    timeout_s: float
    again: bool
    cancel: CancelToken

    def run(self, step: ImportStep, name: str) -> tuple[Entry, Mapping[str, Any]]:
        """Return what a step left, and its answer.

        Args:
            step: the step.
            name: what messages call the model.

        Raises:
            ImportFailedError: the framework refuses the model, or the worker did not end well.
        """
        entry = self.store.provide(
            KIND,
            self._key(step),
            lambda folder: self._fill(folder, step, name),
            is_good=lambda found: not (self.again and _refusal(_read(found))),
            activity=f"importing {name}",
        )
        answer = _read(entry)
        match _refusal(answer):
            case "usage":
                raise RequestRefusedError(f"{name}: {sentence(answer['usage'])}{step.hint}")
            case "model":
                raise ImportFailedError(f"{name} {sentence(answer['model'])}")
            case "error":
                raise ImportFailedError(f"{name}: {step.tool}: {one_line(answer['error'])}")
        return entry, answer

    @functools.cached_property
    def _importer(self) -> ImporterEnvironment:
        """The environment, which is installed when it is needed: not for what is in the store."""
        return environment.installed(
            self.framework,
            self.release,
            self.store,
            python=self.python.version,
            offline=self.offline,
            cancel=self.cancel,
        )

    def _key(self, step: ImportStep) -> str:
        parts = {
            "do": step.do,
            "files": {place: digest for place, (_, digest) in step.files.items()},
            "asked": step.asked,
            "importer": environment.name(self.framework, self.release, self.python.version),
            "worker": _workers_sha256(),
            "cpu": step.host_cpu,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=dict).encode()).hexdigest()

    def _fill(self, folder: Path, step: ImportStep, name: str) -> None:
        """Fill the folder of an entry: the reply, what the worker wrote, and its log."""
        plain = {f"file.{index}": place for index, place in enumerate(step.files)}
        request = {"do": step.do, "files": plain, **step.asked}
        files = Folder(folder)
        files.write(folder / exchange.REQUEST, json.dumps(request, default=dict).encode())
        reads = {each: step.files[place][0] for each, place in plain.items()}
        importer = self._importer
        where = str(importer.folder)
        if not self.python.sees_files:
            where, reads[_ARCHIVE] = _ARCHIVE, environment.archive(importer, self.store)
        program = self.python.harness / "importers" / "workers" / "main.py"
        asked = ToolRun(
            # -I and -S hide the harness and the user's packages; -B, because the environment has no unlisted files.
            argv=(self.python.path, "-BIS", str(program), self.framework, where),
            reads={**reads, exchange.REQUEST: folder / exchange.REQUEST},
            writes=_WRITES,
            folder=folder,
            log_path=folder / _LOG,
            timeout_s=self.timeout_s,
            variables={"HOME": HERE, "XDG_CACHE_HOME": HERE},
        )
        ended = self.tools.run(asked, self.cancel).process
        if ended.exit_code != 0:
            self._say(folder, step, name, ended)

    def _say(self, folder: Path, step: ImportStep, name: str, ended: ProcessResult) -> None:
        """Write the reply of a worker that broke down; what would not happen again is an exception."""
        if ended.timed_out:
            raise ImportFailedError(
                f"{name}: {step.tool} was stopped after {self.timeout_s:g} s; allow more with --timeout."
            )
        lines = logs.text(folder / _LOG).strip().splitlines()[-_LOG_LINES:]
        how = f"ended by {ended.signal_name}" if ended.signal else f"ended with exit code {ended.exit_code}"
        said = one_line(f"{how}: {' '.join(lines)}".removesuffix(": "))
        if ended.signal == signal.SIGKILL:
            raise ImportFailedError(f"{name}: {step.tool} {said}; was there enough memory?")
        Folder(folder).write(folder / exchange.REPLY, json.dumps({"error": said}).encode())


def taken(kind: type[_Answer], answer: Mapping[str, Any], name: str) -> _Answer:
    """Return the fields of an answer that a type has.

    Raises:
        ImportFailedError: it lacks one, or has another type.
    """
    try:
        known = {each: answer[each] for each in kind.__dataclass_fields__ if each in answer}  # type: ignore[attr-defined]
        return records.read(kind, known)
    except ValueError as error:
        raise ImportFailedError(f"{name}: the importer gave no valid answer ({one_line(str(error))}).") from error


def files_of(entry: Entry, names: Sequence[str], name: str) -> list[Path]:
    """Return the files of an entry that an answer names.

    Raises:
        ImportFailedError: it names others.
    """
    if unknown := [each for each in names if each not in entry.files]:
        raise ImportFailedError(f"{name}: the importer wrote no {unknown[0]!r}, which its answer names.")
    return [entry.path / each for each in names]


def _read(entry: Entry) -> Mapping[str, Any]:
    """Return the answer in an entry; one that cannot be read is a refusal."""
    try:
        found = strict_json.loads(Folder(entry.path).read(entry.path / exchange.REPLY, _REPLY_BYTES))
        return records.read(dict[str, Any], found)
    except (OSError, UnreadableError, ValueError, TypeError) as error:
        return {"error": f"gave no valid answer ({one_line(str(error))})"}


def _refusal(answer: Mapping[str, Any]) -> str:
    return next((each for each in _REFUSED if isinstance(answer.get(each), str)), "")


@functools.cache
def _workers_sha256() -> str:
    """Return the digest of the workers: another worker may give another answer."""
    sources = sorted(Path(workers.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
