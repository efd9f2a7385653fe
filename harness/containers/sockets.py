"""Says where container engines may listen on this machine, and finds the one that answers."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import EngineError, UsageError

if TYPE_CHECKING:  # the SDK takes 0.2 s to load, and without a socket there is nothing to ask
    from harness.containers.engine import Engine

# Where an engine listens unless told otherwise; {runtime} is XDG_RUNTIME_DIR.
_SOCKETS = {
    "docker": ("/var/run/docker.sock", "{runtime}/docker.sock"),
    "podman": ("{runtime}/podman/podman.sock", "/run/podman/podman.sock"),
}
_VARIABLES = {"docker": "DOCKER_HOST", "podman": "CONTAINER_HOST"}


def addresses(choice: str, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the engines that may answer, as (name, address): those that the environment names, then the usual ones.

    Args:
        choice: `docker`, `podman`, or anything else for either.
        environment: may have DOCKER_HOST, CONTAINER_HOST and XDG_RUNTIME_DIR.
    """
    for name in (choice,) if choice in _SOCKETS else _SOCKETS:
        if address := environment.get(_VARIABLES[name]):
            yield name, address
            continue
        for path in _SOCKETS[name]:
            place = Path(path.format(runtime=environment.get("XDG_RUNTIME_DIR", "/nonexistent")))
            if place.is_socket():
                yield name, f"unix://{place}"


def connected(choice: str, environment: Mapping[str, str]) -> "Engine | None":
    """Return the first engine that answers; None if none does.

    Raises:
        UsageError: the environment names an address that is no socket of this machine.
    """
    for name, address in addresses(choice, environment):
        if not address.startswith("unix://"):
            raise UsageError(
                f"{_VARIABLES[name]}={address}: expected unix:///PATH, an engine on this machine: its containers use "
                "folders and devices of this machine. Choose another engine, or --engine local."
            )
        from harness.containers.engine import Engine  # noqa: PLC0415 - see above

        with contextlib.suppress(EngineError):
            return Engine(address.removeprefix("unix://"))
    return None


def required(choice: str, environment: Mapping[str, str]) -> "Engine":
    """Return the first engine that answers.

    Raises:
        EngineError: none does.
    """
    if found := connected(choice, environment):
        return found
    asked = [address for _, address in addresses(choice, environment)]
    named = choice if choice in _SOCKETS else "docker or podman"
    raise EngineError(
        f"No container engine answers ({named}, {' or '.join(asked) or 'no socket is there'}); start it (systemctl "
        f"start {choice if choice in _SOCKETS else 'docker'}, or `podman system service --time=0 unix://PATH`), name "
        "its socket in DOCKER_HOST or CONTAINER_HOST, see that this user may use it, or choose --engine local."
    )
