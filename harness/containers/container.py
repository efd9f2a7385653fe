"""Starts a container with a worker in it, sends it steps, and removes it afterwards."""

import contextlib
import os
import socket  # noqa: TID251 - on this machine, not a network
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.containers import build_context, confinement, protocol, reaper, worker
from harness.containers.confinement import ContainerLimits
from harness.containers.engine import Engine, EngineInfo
from harness.containers.images import LocalImage
from harness.containers.manifest import Manifest
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
_LOG_CHARACTERS = 600
_CREATED_WITHIN_S = 2.0


@contextlib.contextmanager
def opened(
    engine: Engine, image: LocalImage, request: EnvironmentRequest, limits: ContainerLimits
) -> Iterator[Environment]:
    """Run a container of an image, in which a worker waits for steps.

    Raises:
        EngineError: the container cannot be started or does not answer, the image contains another harness, or a folder
            of the run would hide files of the image.
    """
    for warning in _warnings(engine.info, request):
        request.notice(warning)
    with (
        scratch.folder(request.store.root) as folder,
        _running(engine, image.reference, folder, request, limits) as name,
        _greeted(engine, name, folder) as hello,
    ):
        _check_harness(image, hello.manifest)
        yield ContainerEnvironment(
            name=f"{engine.info}, image {image.reference}",
            toolchain=hello.manifest.toolchain,
            facts=_facts(engine.info, image, hello.manifest),
            folder=folder,
            inside=(request.store.root, request.out_dir),
            image=image.reference,
            run_words=confinement.run_words(engine.info, request),
        )


@dataclass(frozen=True, kw_only=True)
class ContainerEnvironment(Environment):
    """A running container.

    Attributes:
        folder: the folder with the worker's socket.
        inside: the folders that paths in results may be in.
        image: name of the image.
        run_words: the words with which a user runs a container like this one.
    """

    folder: Path
    inside: tuple[Path, ...]
    image: str
    run_words: tuple[str, ...]

    @property
    def by_hand(self) -> Mapping[str, Any]:
        """What the results quote so that commands can be repeated by hand: programs, image, and how to run it."""
        return {**super().by_hand, "container": list(self.run_words), "image": self.image}

    def runner(self, local: LocalStepRunner) -> StepRunner:
        """Return the runner that does steps in the container."""
        return ContainerStepRunner(local=local, folder=self.folder, inside=self.inside)


def _warnings(info: EngineInfo, request: EnvironmentRequest) -> Iterator[str]:
    """Yield what this engine cannot do for a run."""
    if info.rootless and devices.group_ids(request.gpus):
        yield (
            f"{info}: containers get no groups of this machine; if a GPU is not accessible, give all users access to "
            'its device files (udev: MODE="0666"), or use a rootful engine'
        )
    if not info.limits:
        yield (
            f"{info}: cannot limit memory and processes of containers, so a model may use all memory; "
            "run the engine as root, or with cgroup version 2"
        )


def _check_harness(image: LocalImage, manifest: Manifest) -> None:
    if manifest.harness != (own := build_context.this_harness()):
        raise EngineError(
            f"{image.reference} contains harness {manifest.harness}, but this is {own}; "
            "build an image with `harness image build`, or use that harness."
        )


def _facts(info: EngineInfo, image: LocalImage, manifest: Manifest) -> Mapping[str, Any]:
    """Return what results.json contains about engine and image."""
    engine = {"name": info.name, "version": info.version, "rootless": info.rootless}
    return {"image": {**image.facts, **manifest.facts}, "container_engine": engine}


@contextlib.contextmanager
def _running(
    engine: Engine, image: str, folder: Path, request: EnvironmentRequest, limits: ContainerLimits
) -> Iterator[str]:
    """Run a container and yield its name. It is removed on the way out, and also if this process is killed."""
    name = f"iree-quality-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    command = [str(folder), str(request.store.root), str(request.out_dir), str(request.timeout_s)]
    settings = confinement.settings(engine.info, request, limits)
    with process.outlived_by(Path(reaper.__file__), engine.info.socket, name):
        try:
            _create(engine, name, image, command, settings)
            engine.start(name)
            yield name
        finally:
            with contextlib.suppress(EngineError):  # without an engine, the container has ended, or its worker exits
                engine.discard(name)


def _create(engine: Engine, name: str, image: str, command: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Create a container. If this is interrupted, remove the container that the engine may still create."""
    try:
        engine.create(name, image, command, settings)
    except KeyboardInterrupt:
        deadline = time.monotonic() + _CREATED_WITHIN_S
        while not engine.discard(name) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        raise


@contextlib.contextmanager
def _greeted(engine: Engine, name: str, folder: Path) -> Iterator[protocol.Hello]:
    """Connect to the worker and yield its first message. The worker exits when the connection ends."""
    deadline = time.monotonic() + _ANSWERS_WITHIN_S
    looked_s = time.monotonic()
    while (connection := _connection(folder)) is None:
        if time.monotonic() - looked_s > _LOOK_S:
            looked_s = time.monotonic()
            if looked_s > deadline or not engine.is_running(name):
                raise EngineError(f"The worker in the container does not answer. {_log(folder)}")
        time.sleep(_POLL_S)
    with connection, connection.makefile("rb") as file:
        yield protocol.read(protocol.Hello, file.readline())


def _connection(folder: Path) -> socket.socket | None:
    """Return a connection to the worker; None if it does not listen."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(f"/proc/self/fd/{descriptor}/{worker.SOCKET}")  # the path has at most 107 bytes
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    finally:
        os.close(descriptor)
    return connection


def _hang_up(connection: socket.socket) -> None:
    """End a connection, if it has not ended."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _log(folder: Path) -> str:
    """Return a sentence with the end of the worker's log."""
    try:
        text = (folder / worker.LOG).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    return f"Its log: {' '.join(text.split())[-_LOG_CHARACTERS:] or 'empty'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStepRunner:
    """Does steps in a container, except that blobs are downloaded on this side, which has network and credentials.

    Attributes:
        local: fetches blobs.
        folder: the folder with the worker's socket.
        inside: the folders that paths in results may be in.
    """

    local: LocalStepRunner
    folder: Path
    inside: tuple[Path, ...]

    def run(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:
        """Do a step whose needs are in the results. If the container ends, return an `error` of kind `engine`."""
        if isinstance(step, Fetch):
            return self.local.run(step, results, gpus)
        started = time.monotonic()
        try:
            return protocol.accepted(step, self._reply(protocol.request(step, results, gpus)), self.inside)
        except EngineError as error:
            verdict = Verdict(status=Status.ERROR, kind=error.kind, reason=str(error))
            verdict = INTERRUPTED if self.local.cancel.is_set() else verdict
            return StepResult(verdict=verdict, seconds=time.monotonic() - started)

    def _reply(self, request: protocol.Request) -> protocol.Reply:
        """Send a request and wait for its reply. If the run is cancelled, hang up, which stops the step."""
        if (connection := _connection(self.folder)) is None:
            raise EngineError(f"The container has ended; check whether the engine still runs. {_log(self.folder)}")
        with connection, connection.makefile("rb") as file:
            try:
                connection.sendall(protocol.line(request))
                with self.local.cancel.calling(lambda: _hang_up(connection)):
                    text = file.readline()
            except OSError as error:
                raise EngineError(f"Lost the connection to the container: {error}. {_log(self.folder)}") from error
        if not text.endswith(b"\n"):
            raise EngineError(
                f"The container ended during the step; check whether the engine still runs. {_log(self.folder)}"
            )
        return protocol.read(protocol.Reply, text)
