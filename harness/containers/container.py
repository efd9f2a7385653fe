"""One container with the harness in it: started, handed steps, and gone afterwards, whatever happens meanwhile."""

import contextlib
import os
import socket  # noqa: TID251 - of this machine, not of a network
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.containers import build_context, confinement, protocol, reaper, worker
from harness.containers.confinement import Grants
from harness.containers.engine import Engine
from harness.containers.images import LocalImage
from harness.core.errors import EngineError
from harness.core.outcomes import Status, Verdict
from harness.host import devices, process
from harness.host.devices import Gpu
from harness.pipeline.environment import Environment, EnvironmentRequest
from harness.pipeline.step_results import INTERRUPTED, Results, StepResult
from harness.pipeline.step_runner import LocalStepRunner, StepRunner
from harness.pipeline.steps import Fetch, Step
from harness.store import scratch

_ANSWERS_WITHIN_S = 60.0
_POLL_S, _LOOK_S = 0.01, 0.5
_CREATED_WITHIN_S = 2.0


@contextlib.contextmanager
def opened(engine: Engine, image: LocalImage, request: EnvironmentRequest, grants: Grants) -> Iterator[Environment]:
    """Have a container of an image, in which the harness waits for steps.

    Raises:
        EngineError: it cannot be started, does not answer, has another harness in it, or a folder that it needs would
            hide one of the image.
    """
    if engine.about.rootless and devices.group_ids(request.gpus):
        request.notice(
            f"{engine.about}, gives a container none of this machine's groups; if a GPU cannot be used, let everybody "
            'use its device files (udev: MODE="0666"), or take a rootful engine'
        )
    if not engine.about.limits:
        request.notice(
            f"{engine.about}, can limit neither the memory nor the processes of a container here, so that a model may "
            "take all that there is; with cgroups of version 2, or as root, it can"
        )
    with (
        scratch.folder(request.store.root) as folder,
        _running(engine, image.reference, folder, request, grants) as name,
        _called(engine, name, folder) as hello,
    ):
        about = hello.manifest
        if about.harness != build_context.this_harness():
            raise EngineError(
                f"{image.reference} was made by the harness {about.harness}, and this is "
                f"{build_context.this_harness()}; build one with `harness image build`, or use that harness."
            )
        said = {"name": engine.about.name, "version": engine.about.version, "rootless": engine.about.rootless}
        yield ContainerEnvironment(
            name=f"{engine.about}, image {image.reference}",
            toolchain=about.toolchain,
            facts={"image": {**image.facts, **about.facts}, "container_engine": said},
            folder=folder,
            inside=(request.store.root, request.out_dir),
        )


@dataclass(frozen=True, kw_only=True)
class ContainerEnvironment(Environment):
    """A running container: `folder` has the worker's socket, `inside` are the folders that it may name in results."""

    folder: Path
    inside: tuple[Path, ...]

    def runner(self, local: LocalStepRunner) -> StepRunner:
        """Return what does steps in the container."""
        return ContainerStepRunner(local=local, folder=self.folder, inside=self.inside)


@contextlib.contextmanager
def _running(engine: Engine, image: str, folder: Path, request: EnvironmentRequest, grants: Grants) -> Iterator[str]:
    """Have a container run; it is gone afterwards, also if it never started, or if this process is killed."""
    name = f"iree-quality-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    command = [str(folder), str(request.store.root), str(request.out_dir), str(request.timeout_s)]
    settings = confinement.settings(engine.about, request, grants)
    with process.outlived_by(Path(reaper.__file__), engine.about.socket, name):
        try:
            _create(engine, name, image, command, settings)
            engine.start(name)
            yield name
        finally:
            with contextlib.suppress(EngineError):  # an engine that went away took it along, or the worker goes itself
                engine.discard(name)


def _create(engine: Engine, name: str, image: str, command: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Create a container; one that the engine creates although we were interrupted meanwhile is removed."""
    try:
        engine.create(name, image, command, settings)
    except KeyboardInterrupt:
        deadline = time.monotonic() + _CREATED_WITHIN_S
        while not engine.discard(name) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        raise


@contextlib.contextmanager
def _called(engine: Engine, name: str, folder: Path) -> Iterator[protocol.Hello]:
    """Call the worker and hold the line: it goes when that ends."""
    deadline = time.monotonic() + _ANSWERS_WITHIN_S
    looked_s = time.monotonic()
    while (connection := _connection(folder)) is None:
        if time.monotonic() - looked_s > _LOOK_S:
            looked_s = time.monotonic()
            if looked_s > deadline or not engine.is_running(name):
                raise EngineError(f"The harness within the container does not answer. {_said(folder)}")
        time.sleep(_POLL_S)
    with connection, connection.makefile("rb") as file:
        yield protocol.read(protocol.Hello, file.readline())


def _connection(folder: Path) -> socket.socket | None:
    """Return a connection to the worker, if it listens by now."""
    place = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(f"/proc/self/fd/{place}/{worker.SOCKET}")  # a socket's name has at most 107 bytes
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    finally:
        os.close(place)
    return connection


def _hang_up(connection: socket.socket) -> None:
    """End a connection, which may have ended by itself."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _said(folder: Path) -> str:
    """Return what the worker said at last."""
    try:
        text = (folder / worker.LOG).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return " ".join(text.split())[-600:]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStepRunner:
    """Has steps done in a container; blobs are fetched on this side, where the network and its secrets are."""

    local: LocalStepRunner
    folder: Path
    inside: tuple[Path, ...]

    def run(self, step: Step, results: Results, gpu: Gpu | None) -> StepResult:
        """Do a step whose needs are among the results; the end of the container is an `error` of kind `engine`."""
        if isinstance(step, Fetch):
            return self.local.run(step, results, gpu)
        started = time.monotonic()
        try:
            return protocol.accepted(step, self._asked(protocol.request(step, results, gpu)), self.inside)
        except EngineError as error:
            verdict = Verdict(status=Status.ERROR, kind=error.kind, reason=str(error))
            verdict = INTERRUPTED if self.local.cancel.is_set() else verdict
            return StepResult(verdict=verdict, seconds=time.monotonic() - started)

    def _asked(self, request: protocol.Request) -> protocol.Reply:
        """Send a request and wait for its reply; an order to stop hangs up, which stops the step."""
        if (connection := _connection(self.folder)) is None:
            raise EngineError(f"The container is not there any more. {_said(self.folder)}")
        with connection, connection.makefile("rb") as file:
            try:
                connection.sendall(protocol.line(request))
                with self.local.cancel.calling(lambda: _hang_up(connection)):
                    text = file.readline()
            except OSError as error:
                raise EngineError(f"The container broke off: {error}. {_said(self.folder)}") from error
        if not text.endswith(b"\n"):
            raise EngineError(
                f"The container ended before the step did; is the engine still there? {_said(self.folder)}"
            )
        return protocol.read(protocol.Reply, text)
