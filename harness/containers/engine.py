"""Talks to Docker or Podman through the Engine API, at a socket of this machine.

Podman has the same API. A comment explains each difference. Tested with Docker 20.10 and Podman 4.3; comments about
other versions come from their sources.
"""

import contextlib
import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from harness.containers import engine_info
from harness.containers.engine_output import follow
from harness.core.callbacks import Notice, ignore
from harness.core.errors import EngineError
from harness.fetch.short_requests import reachable

_ANSWERS_WITHIN_S, _TIMEOUT_S = 20, 600
_CHUNK_BYTES = 1 << 20
_ANY_VERSION = "1.41"  # a ping has none
_PUSHED = re.compile(r": digest: (sha256:[0-9a-f]{64}) ")
_NOT_FOUND = 404
_REGISTRY_HOSTS = {"docker.io": "registry-1.docker.io"}
_PODMAN_NOT_FOUND = "no such container"  # with status 500, if the container ends while Podman looks it up


class Engine:
    """A running engine. All methods raise EngineError if a request fails."""

    def __init__(self, socket: str, *, answers_within_s: int = _ANSWERS_WITHIN_S) -> None:
        """Connect to an engine.

        Args:
            socket: path of its socket.
            answers_within_s: timeout of the first requests, in seconds.
        """
        with _engine_errors(f"Cannot connect to the container engine at {socket}"):
            try:
                self._api, name = _connected(socket, answers_within_s)
                self.info = engine_info.read(socket, name, self._api.info())
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise EngineError(f"unexpected answer ({error!r}).") from error
            self._api.timeout = _TIMEOUT_S

    def image(self, reference: str) -> dict[str, Any] | None:
        """Return the engine's description of an image; None if the engine does not have it.

        If the reference has a digest, the description must have it too.
        """
        with _engine_errors(f"Cannot look up {reference}"):
            try:
                found: dict[str, Any] = self._api.inspect_image(reference)
            except _docker().errors.ImageNotFound:
                return None
            _check_digest(reference, found)
        return found

    def images(self) -> list[dict[str, Any]]:
        """Return the engine's descriptions of all its images."""
        with _engine_errors(f"Cannot list the images of {self.info}"):
            found: list[dict[str, Any]] = self._api.images()
        return found

    def remove(self, reference: str) -> None:
        """Remove a name of an image, and with the last name the image."""
        with _engine_errors(f"Cannot remove {reference}"):
            self._api.remove_image(reference)

    def pull(self, repository: str, version: str, progress: Notice = ignore) -> None:
        """Pull an image from a registry. `version` is a tag, or the digest that the image must have.

        The engine compares the manifest with the digest, and the digest that it then reports is compared, too.
        `progress` is called with the size of what has come, such as `45.2/312.0 MB`, where the engine says it.
        """
        reference = full_name(repository, version)
        with _engine_errors(f"Cannot pull {reference}"):
            follow(self._api.pull(repository, tag=version, stream=True, decode=True), progress)
        self.image(reference)

    def registry_digest(self, repository: str, version: str) -> str:
        """Return the digest of an image in its registry. Podman does not support this request."""
        reference = full_name(repository, version)
        with _engine_errors(f"Cannot look up the digest of {reference}"):
            digest = self._api.inspect_distribution(reference).get("Descriptor", {}).get("digest")
            if not re.fullmatch("sha256:[0-9a-f]{64}", str(digest)):
                raise EngineError(f"{self.info} reports {digest!r}.")
        return str(digest)

    def check_registry(self, repository: str, version: str) -> None:
        """Check that an image can be pulled. Podman has no request for that, so this asks whether the host answers."""
        if self.info.name != "podman":
            self.registry_digest(repository, version)
            return
        host = repository.partition("/")[0]
        if reason := reachable(f"https://{_REGISTRY_HOSTS.get(host, host)}/v2/"):
            raise EngineError(f"{host} does not answer: {reason}.")

    def push(self, repository: str, tag: str, progress: Notice = ignore) -> str:
        """Push an image, and return its digest in the registry.

        The digest is in the engine's output. The engine's description of the image may have another one: the digest of
        the local image, with Podman and with Docker's containerd store.
        """
        lines: list[str] = []
        with _engine_errors(f"Cannot push {repository}:{tag}"):
            follow(self._api.push(repository, tag=tag, stream=True, decode=True), progress, status=lines.append)
            digests = [found[1] for line in lines if (found := _PUSHED.search(line))]
            if not digests:
                raise EngineError(f"{self.info} reports no digest.")
        return digests[-1]

    def tag(self, reference: str, repository: str, tag: str) -> None:
        """Give an image another name."""
        with _engine_errors(f"Cannot tag {reference} as {repository}:{tag}"):
            self._api.tag(reference, repository, tag)

    def import_base(self, path: Path, repository: str, tag: str) -> None:
        """Create an image with one layer from a tar."""
        with path.open("rb") as file, _engine_errors(f"Cannot import {path}"):
            chunks = iter(lambda: file.read(_CHUNK_BYTES), b"")
            lines = self._api.import_image_from_stream(chunks).splitlines()
            answers = [json.loads(line) for line in lines if line.strip()]
            if "status" not in (last := answers[-1] if answers else {}):
                raise EngineError(f"{last.get('error', last)}.")
            self._api.tag(last["status"], repository, tag)  # Podman 4.3 ignores the names of an import request

    def save(self, reference: str, file: IO[bytes]) -> None:
        """Write an image into a file, as `docker save` does."""
        with _engine_errors(f"Cannot save {reference}"):
            for chunk in self._api.get_image(reference, chunk_size=_CHUNK_BYTES):
                file.write(chunk)

    def load(self, archive: Iterator[bytes]) -> None:
        """Load images from what `save` writes."""
        with _engine_errors("Cannot load the image"):
            follow(self._api.load_image(archive), ignore)

    def build(
        self,
        context: IO[bytes],
        name: str,
        *,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        progress: Notice,
    ) -> None:
        """Build an image from a context, a tar with a Dockerfile, without a network.

        `progress` is called at the start of each step, as in `step 3/24`.
        """
        with _engine_errors(f"Cannot build {name}"):
            stream = self._api.build(
                fileobj=context,
                custom_context=True,
                tag=name,
                buildargs=dict(arguments),
                labels=dict(labels),
                network_mode="none",
                rm=True,
                forcerm=True,
                decode=True,
            )
            follow(stream, progress)

    def create(self, name: str, image: str, command: Sequence[str], settings: Mapping[str, Any]) -> None:
        """Create a container.

        Args:
            name: of the container.
            image: name of the image.
            command: arguments of its entrypoint.
            settings: keywords of the SDK's `create_container`, and below `host` those of its `create_host_config`.
        """
        others = {key: value for key, value in settings.items() if key != "host"}
        with _engine_errors(f"Cannot create a container of {image}"):
            host = self._api.create_host_config(**settings["host"])
            self._api.create_container(image, list(command), name=name, host_config=host, **others)

    def start(self, name: str) -> None:
        """Start a container."""
        with _engine_errors(f"Cannot start the container {name}"):
            self._api.start(name)

    def is_running(self, name: str) -> bool:
        """Return whether a container is running."""
        with _engine_errors(f"Cannot look up the container {name}"):
            try:
                return bool(self._api.inspect_container(name)["State"]["Running"])
            except _docker().errors.APIError as error:
                if error.status_code == _NOT_FOUND or _PODMAN_NOT_FOUND in str(error.explanation):
                    return False
                raise

    def discard(self, name: str) -> bool:
        """Remove a container, running or not, and return whether it existed."""
        with _engine_errors(f"Cannot remove the container {name}"):
            try:
                self._api.remove_container(name, force=True, v=True)
            except _docker().errors.NotFound:
                return False
        return True

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


def full_name(repository: str, version: str) -> str:
    """Return the name of an image; the version is a tag or a digest."""
    return f"{repository}{'@' if ':' in version else ':'}{version}"


def _check_digest(reference: str, found: Mapping[str, Any]) -> None:
    """Raise EngineError if the engine describes another image than the one with the digest in a reference."""
    _, _, digest = reference.partition("@")
    reported = sorted({each.rpartition("@")[2] for each in found.get("RepoDigests") or ()})
    if digest and digest not in reported:
        others = ", ".join(reported) or f"no digest, but the id {found.get('Id')}"
        raise EngineError(f"expected {digest}, but the engine reports {others}; remove the image and pull it again.")


def _connected(socket: str, answers_within_s: int) -> tuple[Any, str]:
    """Return a client that speaks the newest version of the API that the engine knows, and the engine's name.

    A ping says both at once. /version would, too, but Podman asks the package manager about each of its programs
    before it answers, which takes up to a second (podman@v4.3.1:libpod/info.go).
    """
    options: dict[str, Any] = {"base_url": f"unix://{socket}", "timeout": answers_within_s}
    client = _docker().APIClient
    with contextlib.closing(client(version=_ANY_VERSION, **options)) as asking:
        answer = asking.get(f"{asking.base_url}/_ping", timeout=answers_within_s)
        answer.raise_for_status()
    name = "podman" if "Libpod-Api-Version" in answer.headers else "docker"
    return client(version=answer.headers["Api-Version"], **options), name


@functools.cache
def _docker() -> ModuleType:
    """Return Docker's SDK, loaded on first use: loading takes longer than most commands."""
    import docker.errors  # noqa: PLC0415 - see above

    return docker


@functools.cache
def _failures() -> tuple[type[Exception], ...]:
    """Return the exceptions of the SDK, and those that it lets through."""
    import requests  # noqa: PLC0415, TID251 - comes with the SDK
    import urllib3.exceptions  # noqa: PLC0415 - the SDK reads streams past requests

    errors = _docker().errors
    return errors.DockerException, errors.StreamParseError, requests.RequestException, urllib3.exceptions.HTTPError


@contextlib.contextmanager
def _engine_errors(subject: str) -> Iterator[None]:
    """Turn exceptions of the SDK into an EngineError that begins with the subject, such as `Cannot pull h/n:1`."""
    try:
        yield
    except _docker().errors.APIError as error:
        raise EngineError(f"{subject}: {error.explanation or error}.") from error
    except _failures() as error:
        raise EngineError(f"{subject}: {error}.") from error
    except EngineError as error:
        raise EngineError(f"{subject}: {error}") from error
