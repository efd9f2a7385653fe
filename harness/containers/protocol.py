"""The messages between the harness and the worker in a container: one line of JSON each way for a step.

    harness  --Request-->  worker      the step, the results that it needs, the GPU to use
    harness  <--Reply----  worker      its result

What comes out of a container may come from a program that a module brought with it. So it is read strictly by type,
and a path in it is accepted only inside the folders that the container was given.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harness.containers.manifest import Manifest
from harness.core import records
from harness.core.errors import EngineError
from harness.host.devices import Gpu
from harness.pipeline.step_results import CompareResult, CompileResult, FetchResult, Results, RunResult, StepResult
from harness.pipeline.steps import Compare, Compile, Run, needs

WorkerStep = Compile | Run | Compare


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first message of a worker: what its image was made from."""

    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A step to do, and the results of the steps that it needs, in the order of `steps.needs`."""

    step: Compile | Run | Compare
    needs: tuple[FetchResult | CompileResult | RunResult, ...]
    gpu: Gpu | None

    @property
    def results(self) -> Results:
        """The results that the step needs, as `StepRunner.run` takes them."""
        return Results(zip(needs(self.step), self.needs, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How a step ended."""

    result: StepResult | CompileResult | RunResult | CompareResult


_Message = TypeVar("_Message", Hello, Request, Reply)
_LEFT_BY: Mapping[type[WorkerStep], type[StepResult]] = {Compile: CompileResult, Run: RunResult, Compare: CompareResult}


def request(step: WorkerStep, results: Results, gpu: Gpu | None) -> Request:
    """Return what a worker needs to know to do a step."""
    return Request(step=step, needs=tuple(_left(results[need]) for need in needs(step)), gpu=gpu)


def accepted(step: WorkerStep, reply: Reply, folders: Sequence[Path]) -> StepResult:
    """Return the result of a step, as the worker reports it.

    Args:
        step: the step that was asked for.
        reply: the answer.
        folders: those that the container was given.

    Raises:
        EngineError: the result names a file outside the folders, or is that of another kind of step.
    """
    result = reply.result
    if type(result) is not _LEFT_BY[type(step)] and (type(result) is not StepResult or result.verdict is None):
        raise EngineError(f"The container says that a {type(step).__name__} left a {type(result).__name__}.")
    for path in (result.log_path, result.folder if isinstance(result, CompileResult | RunResult) else None):
        if path is not None and not _is_inside(path, folders):
            raise EngineError(f"{path}: the container names a file outside the folders that it was given.")
    return result


def _left(result: StepResult) -> FetchResult | CompileResult | RunResult:
    if not isinstance(result, FetchResult | CompileResult | RunResult):
        raise TypeError(f"a {type(result).__name__} leaves nothing that another step needs")
    return result


def _is_inside(path: Path, folders: Sequence[Path]) -> bool:
    try:
        return any(path.resolve().is_relative_to(each.resolve()) for each in folders)
    except (OSError, ValueError, RuntimeError):  # a NUL, half a character, or a loop of links (before Python 3.13)
        return False


def line(message: Hello | Request | Reply) -> bytes:
    """Return a message as it travels."""
    return json.dumps(records.as_json(message)).encode() + b"\n"


def read(kind: type[_Message], text: bytes) -> _Message:
    """Return a message of a kind.

    Raises:
        EngineError: it is something else.
    """
    try:
        return records.read(kind, json.loads(text))
    except (ValueError, RecursionError) as error:
        raise EngineError(f"The container sent what is no {kind.__name__}: {error}.") from error
