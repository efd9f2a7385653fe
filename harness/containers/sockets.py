"""Finds the sockets of container engines on this machine, and the first engine that answers."""

import contextlib
import grp
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import EngineError, UsageError

if TYPE_CHECKING:  # the SDK takes 0.2 s to load; it is needed only if there is a socket
    from harness.containers.engine import Engine

# Default sockets of each engine; {runtime} is XDG_RUNTIME_DIR.
_SOCKETS = {
    "docker": ("/var/run/docker.sock", "{runtime}/docker.sock"),
    "podman": ("{runtime}/podman/podman.sock", "/run/podman/podman.sock"),
}
_VARIABLES = {"docker": "DOCKER_HOST", "podman": "CONTAINER_HOST"}


def addresses(choice: str, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (name, address) of the engines to try.

    DOCKER_HOST and CONTAINER_HOST replace the default sockets of Docker and Podman.

    Args:
        choice: `docker` or `podman`; any other value for both.
        environment: variables, of which DOCKER_HOST, CONTAINER_HOST and XDG_RUNTIME_DIR are used.
    """
    for name in (choice,) if choice in _SOCKETS else _SOCKETS:
        if address := environment.get(_VARIABLES[name]):
            yield name, address
            continue
        for path in _SOCKETS[name]:
            socket = Path(path.format(runtime=environment.get("XDG_RUNTIME_DIR", "/nonexistent")))
            if _is_socket(socket):
                yield name, f"unix://{socket}"


def problems(choice: str, environment: Mapping[str, str]) -> list[str]:
    """Return, for each address to try, why no engine can be used there, if none answers."""
    return [_problem(name, address, environment) for name, address in addresses(choice, environment)]


def _problem(name: str, address: str, environment: Mapping[str, str]) -> str:
    path = Path(address.removeprefix("unix://"))
    subject = f"{_VARIABLES[name]}={address}" if environment.get(_VARIABLES[name]) else str(path)
    if not os.path.lexists(path):
        return f"{subject} does not exist"
    return f"{subject}: {denied}" if (denied := _denied(path)) else f"no engine answers at {subject}"


def _denied(path: Path) -> str:
    """Return that this user may not use a socket, and how to change that; empty if the user may."""
    if os.access(path, os.R_OK | os.W_OK):
        return ""
    try:
        group = grp.getgrgid(path.stat().st_gid).gr_name
    except (OSError, KeyError):
        return "permission denied"
    return f"permission denied; join the group {group} (sudo usermod -aG {group} $USER) and log in again"


def _is_socket(path: Path) -> bool:
    """Whether a socket is there; one in a folder that this user may not read is not there for this user."""
    try:
        return path.is_socket()
    except OSError:
        return False


def connected(choice: str, environment: Mapping[str, str]) -> "Engine | None":
    """Return the first engine that answers; None if none does.

    Raises:
        UsageError: DOCKER_HOST or CONTAINER_HOST is not a socket on this machine.
    """
    for name, address in addresses(choice, environment):
        if not address.startswith("unix://"):
            raise UsageError(
                f"{_VARIABLES[name]}={address}: expected unix:///PATH. Containers use folders and devices of this "
                "machine, so the engine must run here; choose another one, or use --engine local."
            )
        from harness.containers.engine import Engine  # noqa: PLC0415 - see above

        with contextlib.suppress(EngineError):
            return Engine(address.removeprefix("unix://"))
    return None


def required(choice: str, environment: Mapping[str, str]) -> "Engine":
    """Return the first engine that answers.

    Raises:
        EngineError: no engine answers.
        UsageError: DOCKER_HOST or CONTAINER_HOST is not a socket on this machine.
    """
    if found := connected(choice, environment):
        return found
    tried = [_tried(address) for _, address in addresses(choice, environment)]
    names = [choice] if choice in _SOCKETS else list(_SOCKETS)
    seen = f"tried {', '.join(tried)}" if tried else "found no socket"
    raise EngineError(
        f"No container engine answers ({seen}). "
        f"Start {' or '.join(names)} (systemctl start {names[0]}, or `podman system service --time=0 unix://PATH`), "
        "check that you have access to its socket, set DOCKER_HOST or CONTAINER_HOST, or use --engine local."
    )


def _tried(address: str) -> str:
    path = Path(address.removeprefix("unix://"))
    denied = _denied(path) if os.path.lexists(path) else ""
    return f"{address}: {denied}" if denied else address
