"""Starts a container with a worker in it, runs tools there, and removes it afterwards."""

import contextlib
import os
import socket  # noqa: TID251 - on this machine, not a network
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.containers import build_context, confinement, manifest, protocol, reaper, worker
from harness.containers.confinement import ContainerLimits
from harness.containers.container_tools import ContainerTools
from harness.containers.engine import Engine
from harness.containers.engine_info import EngineInfo
from harness.containers.images import LocalImage
from harness.containers.manifest import Manifest
from harness.containers.protocol import Hello, LostError
from harness.core.errors import EngineError
from harness.core.settings import RunSettings
from harness.core.values import frozen
from harness.host import devices, process
from harness.pipeline.capacity import Capacity
from harness.pipeline.environment import Environment, EnvironmentRequest, Python
from harness.store import scratch

_ANSWERS_WITHIN_S = 60.0
_POLL_S, _LOOK_S = 0.01, 0.5
_LOG_CHARACTERS = 600
_CREATED_WITHIN_S = 2.0


@contextlib.contextmanager
def opened(
    engine: Engine, image: LocalImage, request: EnvironmentRequest, limits: ContainerLimits
) -> Iterator[Environment]:
    """Run a container of an image, in which a worker waits for orders.

    Raises:
        EngineError: the container cannot be started or does not answer, or the image contains another harness.
    """
    for warning in _warnings(engine.info, request):
        request.notice(warning)
    with (
        scratch.folder(request.store.root) as folder,
        _listening(folder) as listener,
        _running(engine, image.reference, folder, request, limits) as name,
        _greeted(engine, name, listener, folder) as (connection, hello),
    ):
        _check_harness(image, hello.manifest)
        yield ContainerEnvironment(
            name=f"{engine.info}, image {image.reference}",
            toolchain=hello.manifest.toolchain,
            facts=_facts(engine.info, image, hello.manifest),
            python=Python(
                path=hello.python,
                version=hello.python_version,
                harness=manifest.ROOT / "harness",
                sees_files=False,
            ),
            emulators=hello.emulators,
            tools=ContainerTools(
                connection=connection, worker_log=lambda: _log(folder), discard=lambda: engine.discard(name)
            ),
            image=image.reference,
            run_words=confinement.run_words(engine.info, request),
            memory_bytes=limits.memory_bytes,
        )


@frozen(slots=False)
class ContainerEnvironment(Environment):
    """A running container.

    Attributes:
        image: name of the image.
        run_words: the words with which a user runs a container of that image on the files of this run.
        memory_bytes: memory that the user lets it use; None for nearly all of the machine's.
    """

    image: str
    run_words: tuple[str, ...]
    memory_bytes: int | None = None

    def capacity(self, settings: RunSettings) -> Capacity:
        """Return how much is done at once, within the memory of the container."""
        here = super().capacity(settings)
        limits = [each for each in (here.memory_bytes, self.memory_bytes) if each is not None]
        return replace(here, memory_bytes=min(limits, default=None))

    @property
    def by_hand(self) -> Mapping[str, Any]:
        """What the results quote so that commands can be repeated by hand: programs, image, and how to run it."""
        return {**super().by_hand, "container": list(self.run_words), "image": self.image}


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


def _check_harness(image: LocalImage, described: Manifest) -> None:
    if described.harness != (own := build_context.this_harness()):
        raise EngineError(
            f"{image.reference} contains harness {described.harness}, but this is {own}; "
            "build an image with `harness image build`, or use that harness."
        )


def _facts(info: EngineInfo, image: LocalImage, described: Manifest) -> Mapping[str, Any]:
    """Return what results.json contains about engine and image."""
    engine = {"name": info.name, "version": info.version, "rootless": info.rootless}
    return {"image": {**image.facts, **described.facts}, "container_engine": engine}


@contextlib.contextmanager
def _listening(folder: Path) -> Iterator[socket.socket]:
    """Make the folder that the container sees, and listen there. The worker, of another user, may call and log."""
    folder.chmod(0o755)
    log = folder / worker.LOG
    log.touch()
    log.chmod(0o666)
    with socket.socket(socket.AF_UNIX) as listener, _short(folder) as short:
        listener.bind(f"{short}/{worker.SOCKET}")
        (folder / worker.SOCKET).chmod(0o666)
        listener.listen(1)
        listener.settimeout(_LOOK_S)
        yield listener


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """Yield another path of a folder; that of a socket has at most 107 bytes."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _running(
    engine: Engine, image: str, folder: Path, request: EnvironmentRequest, limits: ContainerLimits
) -> Iterator[str]:
    """Run a container and yield its name. It is removed on the way out, and also if this process is killed."""
    name = f"iree-quality-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    settings = confinement.settings(engine.info, folder, request.gpus, limits)
    with process.outlived_by(Path(reaper.__file__), engine.info.socket, name):
        try:
            _create(engine, name, image, settings)
            engine.start(name)
            yield name
        finally:
            with contextlib.suppress(EngineError):  # without an engine, the container has ended, or its worker exits
                engine.discard(name)


def _create(engine: Engine, name: str, image: str, settings: Mapping[str, Any]) -> None:
    """Create a container. If this is interrupted, remove the container that the engine may still create."""
    try:
        engine.create(name, image, [str(confinement.FOLDER)], settings)
    except KeyboardInterrupt:
        deadline = time.monotonic() + _CREATED_WITHIN_S
        while not engine.discard(name) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        raise


@contextlib.contextmanager
def _greeted(engine: Engine, name: str, listener: socket.socket, folder: Path) -> Iterator[tuple[socket.socket, Hello]]:
    """Wait for the worker's call; yield the connection and its first message. It exits when the connection ends.

    No tool has run by then. Afterwards no other process can call, or write to the log.
    """
    deadline = time.monotonic() + _ANSWERS_WITHIN_S
    while (connection := _accepted(listener)) is None:
        if time.monotonic() > deadline or not engine.is_running(name):
            raise EngineError(f"The worker in the container does not answer. {_log(folder)}")
    listener.close()
    folder.chmod(0o700)
    with connection:
        connection.settimeout(_ANSWERS_WITHIN_S)
        try:
            with protocol.received(connection, Hello) as (hello, _):
                pass
        except (OSError, LostError) as error:
            raise EngineError(f"The worker in the container does not answer. {_log(folder)}") from error
        yield connection, hello


def _accepted(listener: socket.socket) -> socket.socket | None:
    try:
        return listener.accept()[0]
    except TimeoutError:
        return None


def _log(folder: Path) -> str:
    """Return a sentence with the end of the worker's log."""
    try:
        text = (folder / worker.LOG).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    return f"Its log: {' '.join(text.split())[-_LOG_CHARACTERS:] or 'empty'}"
