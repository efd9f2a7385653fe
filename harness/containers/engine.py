"""The only place that talks to Docker or Podman: through the Engine API, at a socket of this machine.

Podman answers the same API; where the two differ the reason is beside the line. Measured with Docker 20.10 and
Podman 4.3; what is said of other versions is from their sources.
"""

import contextlib
import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from harness.core.callbacks import Notice, ignore
from harness.core.errors import EngineError

_ANSWERS_WITHIN_S, _TIMEOUT_S = 20, 600
_CHUNK_BYTES = 1 << 20
_SAID_CHARACTERS = 600
_PUSHED = re.compile(r": digest: (sha256:[0-9a-f]{64}) ")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_CDI_PODMAN = (5, 4)
_NOT_FOUND = 404
_PODMAN_NOT_FOUND = "no such container"  # with status 500 if it goes while Podman looks at it


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an engine says of itself.

    `remapped` where its users are not those of this machine unless it is told so (dockerd --userns-remap); `limits`
    where it can hold a container to memory and processes, which nobody but root can with cgroups of version 1;
    `cdi_dirs` is empty where it takes no CDI devices.
    """

    name: str
    version: str
    socket: str
    rootless: bool
    remapped: bool
    limits: bool
    selinux: bool
    cdi_dirs: tuple[str, ...]

    def __str__(self) -> str:
        """Return `docker 28.2.2` or `podman 5.4.2, rootless`."""
        return f"{self.name} {self.version}{', rootless' if self.rootless else ''}"


class Engine:
    """One engine that answered. Every method raises EngineError for what the engine refuses or does not answer."""

    def __init__(self, socket: str, *, answers_within_s: int = _ANSWERS_WITHIN_S) -> None:
        """Ask the engine who it is."""
        with _asking(f"The container engine at {socket} does not answer"):
            self._api: Any = _docker().APIClient(base_url=f"unix://{socket}", version="auto", timeout=answers_within_s)
            try:
                self.about = _about(socket, self._api.version(), self._api.info())
            except (AttributeError, KeyError, TypeError) as error:
                raise EngineError(f"it says what makes no sense ({error!r}).") from error
            self._api.timeout = _TIMEOUT_S

    def image(self, reference: str) -> dict[str, Any] | None:
        """Return what the engine knows of an image that it has."""
        with _asking(f"{self.about} does not say whether it has {reference}"):
            try:
                found: dict[str, Any] = self._api.inspect_image(reference)
            except _docker().errors.ImageNotFound:
                return None
        return found

    def images(self) -> list[dict[str, Any]]:
        """Return what the engine knows of all images that it has."""
        with _asking(f"{self.about} does not list its images"):
            found: list[dict[str, Any]] = self._api.images()
        return found

    def remove(self, reference: str) -> None:
        """Remove an image, or one of its names."""
        with _asking(f"{reference} cannot be removed"):
            self._api.remove_image(reference)

    def pull(self, repository: str, version: str, notice: Notice) -> None:
        """Have an image of a registry; `version` is a tag or a digest, which the engine sees to."""
        reference = f"{repository}{'@' if ':' in version else ':'}{version}"
        notice(f"pulling {reference}")
        with _asking(f"{reference} cannot be pulled"):
            _heard(self._api.pull(repository, tag=version, stream=True, decode=True), notice)

    def registered(self, repository: str, tag: str) -> str:
        """Return the digest of what has this name in its registry; Podman has no such request."""
        with _asking(f"{self.about} does not say what {repository}:{tag} is"):
            digest = self._api.inspect_distribution(f"{repository}:{tag}").get("Descriptor", {}).get("digest")
            if not re.fullmatch("sha256:[0-9a-f]{64}", str(digest)):
                raise EngineError(f"its digest is {digest!r}.")
        return str(digest)

    def push(self, repository: str, tag: str, notice: Notice) -> str:
        """Bring an image that has this name to its registry, and return the digest that it has there.

        The engine says it when it has pushed. What it says of the image afterwards may be another: of Podman's, and of
        Docker's with containerd's store, that is the digest of the image as it is here.
        """
        notice(f"pushing {repository}:{tag}")
        said: list[str] = []
        with _asking(f"{repository}:{tag} cannot be pushed"):
            _heard(self._api.push(repository, tag=tag, stream=True, decode=True), notice, status=said.append)
            digests = [found[1] for each in said if (found := _PUSHED.search(each))]
            if not digests:
                raise EngineError("the engine does not say its digest.")
        return digests[-1]

    def tag(self, reference: str, repository: str, tag: str) -> None:
        """Give an image one more name."""
        with _asking(f"{reference} cannot be named {repository}:{tag}"):
            self._api.tag(reference, repository, tag)

    def import_base(self, path: Path, repository: str, tag: str) -> None:
        """Make an image of one layer from a tar."""
        with path.open("rb") as file, _asking(f"{path} cannot be imported"):
            chunks = iter(lambda: file.read(_CHUNK_BYTES), b"")
            said = [
                json.loads(line) for line in self._api.import_image_from_stream(chunks).splitlines() if line.strip()
            ]
            if "status" not in (last := said[-1] if said else {}):
                raise EngineError(f"{path} cannot be imported: {last.get('error', last)}.")
            self._api.tag(last["status"], repository, tag)  # Podman 4.3 ignores names given to an import

    def build(
        self, context: IO[bytes], name: str, *, arguments: Mapping[str, str], labels: Mapping[str, str], notice: Notice
    ) -> None:
        """Build a context, a tar with a Dockerfile, without a network."""
        with _asking(f"{name} cannot be built"):
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
            _heard(stream, notice)

    def create(self, name: str, image: str, command: Sequence[str], settings: Mapping[str, Any]) -> None:
        """Create a container; `settings` are those of docker's `create_container`, `host` those of its host_config."""
        others = {key: value for key, value in settings.items() if key != "host"}
        with _asking(f"No container of {image} can be created"):
            host = self._api.create_host_config(**settings["host"])
            self._api.create_container(image, list(command), name=name, host_config=host, **others)

    def start(self, name: str) -> None:
        """Start a container."""
        with _asking(f"The container {name} cannot be started"):
            self._api.start(name)

    def is_running(self, name: str) -> bool:
        """Return whether a container has not ended yet."""
        with _asking(f"{self.about} does not say how the container {name} is"):
            try:
                return bool(self._api.inspect_container(name)["State"]["Running"])
            except _docker().errors.APIError as error:
                if error.status_code == _NOT_FOUND or _PODMAN_NOT_FOUND in str(error.explanation):
                    return False
                raise

    def discard(self, name: str) -> bool:
        """Remove a container, running or not, and return whether it was there."""
        with _asking(f"The container {name} cannot be removed"):
            try:
                self._api.remove_container(name, force=True, v=True)
            except _docker().errors.NotFound:
                return False
        return True

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


def _about(socket: str, version: Mapping[str, Any], info: Mapping[str, Any]) -> About:
    components = {each.get("Name", "") for each in version.get("Components") or ()}
    name = "podman" if "Podman Engine" in components else "docker"
    options = info.get("SecurityOptions") or ()
    dirs = tuple(info.get("CDISpecDirs") or ())
    # Podman does not tell; before 5.4 its API ignores CDI devices without a word (v5.4.0:pkg/specgenutil).
    if name == "podman" and _numbers(version["Version"]) >= _CDI_PODMAN:
        dirs = ("/etc/cdi", "/var/run/cdi")
    rootless = bool(info.get("Rootless")) or any("rootless" in each for each in options)  # Podman, Docker
    return About(
        name=name,
        version=version["Version"],
        socket=socket,
        rootless=rootless,
        limits=bool(info.get("MemoryLimit", True)) and not (rootless and info.get("CgroupVersion") == "1"),
        remapped=any("userns" in each for each in options),
        selinux=any("selinux" in each for each in options),
        cdi_dirs=dirs,
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(
        int(each) for each in version.split("+", maxsplit=1)[0].split("-", maxsplit=1)[0].split(".") if each.isdecimal()
    )


def _heard(stream: Iterable[Mapping[str, Any]], notice: Notice, *, status: Notice = ignore) -> None:
    """Tell what an engine says while it works; it says errors in the same way.

    docker's own `images.pull` and `images.build` swallow or rename them. Labels are a step each, of which nobody hears.
    """
    said = ""
    for each in stream:
        if not isinstance(each, dict):
            raise EngineError(f"the engine says {each!r}, expected an object.")
        if error := each.get("error"):
            raise EngineError(f"{_plain(str(error))}{'. It said: ' if said else ''}{_plain(said)[-_SAID_CHARACTERS:]}")
        status(str(each.get("status") or ""))
        text = str(each.get("stream") or "")
        said += text
        if text.startswith(("Step ", "STEP ")) and " LABEL " not in text:
            notice(text.strip())


def _plain(text: str) -> str:
    """Return text of a terminal on one line, without its colours."""
    return " ".join(_COLOURS.sub("", text).split())


@functools.cache
def _docker() -> ModuleType:
    """Return Docker's SDK; loading it takes longer than most commands, and only containers need it."""
    import docker.errors  # noqa: PLC0415 - see above

    return docker


@functools.cache
def _failures() -> tuple[type[Exception], ...]:
    """Return what the SDK raises, and what it lets through."""
    import requests  # noqa: PLC0415, TID251 - comes with the SDK
    import urllib3.exceptions  # noqa: PLC0415 - the SDK reads streams past requests

    errors = _docker().errors
    return errors.DockerException, errors.StreamParseError, requests.RequestException, urllib3.exceptions.HTTPError


@contextlib.contextmanager
def _asking(what: str) -> Iterator[None]:
    """Turn what docker's SDK raises into an EngineError that says what was asked."""
    try:
        yield
    except _docker().errors.APIError as error:
        raise EngineError(f"{what}: {error.explanation or error}.") from error
    except _failures() as error:
        raise EngineError(f"{what}: {error}.") from error
    except EngineError as error:
        raise EngineError(f"{what}: {error}" if not str(error).startswith(what) else str(error)) from error
