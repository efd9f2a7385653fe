"""What goes through the wall of a container: one line of JSON each way for a step (pure).

    harness  --Request-->  worker      the step, what the steps before it left, the GPU to use
    harness  <--Reply----  worker      how it ended

What comes out of a container may come from a program that a module brought with it. So it is read by the types that
are expected, and no path that it names is believed that is not in a folder which the container was given.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.containers.manifest import Manifest
from harness.core import records
from harness.core.blobs import Fetched
from harness.core.errors import EngineError
from harness.core.outcomes import Measurement, Verdict
from harness.host.devices import Gpu
from harness.pipeline import planner
from harness.pipeline.step_runner import Compiled, Ran, Results, StepResult
from harness.pipeline.steps import Compare, Compile, Fetch, Run, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a worker says first: what its image was made from."""

    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a step left that another needs."""

    step: Fetch | Compile | Run
    value: Fetched | Compiled | Ran


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A step to do."""

    step: Compile | Run | Compare
    given: tuple[Given, ...]
    gpu: Gpu | None

    @property
    def results(self) -> Results:
        """What the step needs, as `StepRunner.run` takes it."""
        return {each.step: StepResult(step=each.step, value=each.value) for each in self.given}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How a step ended: a `StepResult` without its step."""

    verdict: Verdict | None
    seconds: float
    value: Compiled | Ran | tuple[Measurement, ...] | None
    log_path: Path | None
    log_tail: str


_LEAVES: Mapping[type, type] = {Compile: Compiled, Run: Ran, Compare: tuple}


def request(step: Compile | Run | Compare, results: Results, gpu: Gpu | None) -> Request:
    """Return what a worker needs to know to do a step."""
    needs = [need for need in planner.needs(step) if not isinstance(need, Compare)]
    return Request(step=step, given=tuple(Given(step=need, value=results[need].value) for need in needs), gpu=gpu)


def reply(done: StepResult) -> Reply:
    """Return how a step ended, for the way out."""
    names = ("verdict", "seconds", "value", "log_path", "log_tail")
    return Reply(**{name: getattr(done, name) for name in names})


def done(step: Step, answer: Reply, inside: Sequence[Path]) -> StepResult:
    """Return how a step ended, as the worker says.

    Raises:
        EngineError: it names a file outside the folders that it was given, or has what another kind of step leaves.
    """
    if answer.value is not None and not isinstance(answer.value, _LEAVES[type(step)]):
        raise EngineError(f"The container says that a {type(step).__name__} left a {type(answer.value).__name__}.")
    for path in (answer.log_path, getattr(answer.value, "folder", None)):
        if path is not None and not _is_inside(path, inside):
            raise EngineError(f"{path}: the container names a file outside the folders that it was given.")
    return StepResult(step=step, **{name: getattr(answer, name) for name in Reply.__slots__})


def _is_inside(path: Path, folders: Sequence[Path]) -> bool:
    try:
        return any(path.resolve().is_relative_to(each.resolve()) for each in folders)
    except (OSError, ValueError, RuntimeError):  # a NUL, half a character, or a loop of links (before Python 3.13)
        return False


def line(message: Hello | Request | Reply) -> bytes:
    """Return a message as it travels."""
    return json.dumps(records.write(message)).encode() + b"\n"


def read(kind: Any, text: bytes) -> Any:
    """Return a message of a kind.

    Raises:
        EngineError: it is something else.
    """
    try:
        return records.read(kind, json.loads(text))
    except (ValueError, RecursionError) as error:
        raise EngineError(f"The container sent what is no {kind.__name__}: {error}.") from error
