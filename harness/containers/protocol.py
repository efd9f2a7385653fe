"""Messages between the harness and the worker in a container: one line of JSON each way per step.

    harness  --Request-->  worker      a step, the results that it needs, the GPUs to use
    harness  <--Reply----  worker      its result

A message from a container may come from a program that a model brought along. It is read strictly by type, and its
paths must be in folders that the container may use.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harness.containers.manifest import Manifest
from harness.core import records, strict_json
from harness.core.errors import EngineError
from harness.host.devices import Gpu
from harness.pipeline.step_results import CompareResult, CompileResult, FetchResult, Results, RunResult, StepResult
from harness.pipeline.steps import Compare, Compile, Run, needs

WorkerStep = Compile | Run | Compare


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first message of a worker, with the manifest of its image."""

    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A step to do.

    Attributes:
        step: the step.
        needs: results of the steps that it needs, in the order of `steps.needs`.
        gpus: the GPUs to use, if any.
    """

    step: Compile | Run | Compare
    needs: tuple[FetchResult | CompileResult | RunResult, ...]
    gpus: tuple[Gpu, ...]

    @property
    def results(self) -> Results:
        """The results that the step needs, for `StepRunner.run`."""
        return Results(zip(needs(self.step), self.needs, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The result of a step."""

    result: StepResult | CompileResult | RunResult | CompareResult


_Message = TypeVar("_Message", Hello, Request, Reply)
_RESULTS: Mapping[type[WorkerStep], type[StepResult]] = {Compile: CompileResult, Run: RunResult, Compare: CompareResult}


def request(step: WorkerStep, results: Results, gpus: Sequence[Gpu]) -> Request:
    """Return the request for a step."""
    return Request(step=step, needs=tuple(_needed(results[need]) for need in needs(step)), gpus=tuple(gpus))


def accepted(step: WorkerStep, reply: Reply, folders: Sequence[Path]) -> StepResult:
    """Return the result in a reply, if the reply is valid.

    Args:
        step: the requested step.
        reply: the worker's answer.
        folders: the folders that the container may use.

    Raises:
        EngineError: the result has a path outside the folders, or is that of another kind of step.
    """
    result, expected = reply.result, _RESULTS[type(step)]
    if type(result) is not expected and (type(result) is not StepResult or result.verdict is None):
        raise EngineError(
            f"The container returned a {type(result).__name__}, expected a {expected.__name__}; use another image."
        )
    for path in (result.log_path, result.folder if isinstance(result, CompileResult | RunResult) else None):
        if path is not None and not _is_inside(path, folders):
            raise EngineError(f"The container returned {path}, a path outside the folders that it may use.")
    return result


def _needed(result: StepResult) -> FetchResult | CompileResult | RunResult:
    if not isinstance(result, FetchResult | CompileResult | RunResult):
        raise TypeError(f"no step needs a {type(result).__name__}")
    return result


def _is_inside(path: Path, folders: Sequence[Path]) -> bool:
    try:
        return any(path.resolve().is_relative_to(each.resolve()) for each in folders)
    except (OSError, ValueError, RuntimeError):  # a NUL, a lone surrogate, or a loop of links (before Python 3.13)
        return False


def line(message: Hello | Request | Reply) -> bytes:
    """Return a message as one line of JSON."""
    return json.dumps(records.as_json(message)).encode() + b"\n"


def read(kind: type[_Message], text: bytes) -> _Message:
    """Parse a message.

    Raises:
        EngineError: the text is not a message of this kind.
    """
    try:
        return records.read(kind, strict_json.loads(text))
    except ValueError as error:
        raise EngineError(f"Cannot read a {kind.__name__} message: {error}.") from error
