"""Removes one container if the harness dies; a small program of its own, started by `harness.process`.

    argv: SOCKET NAME    stdin: a byte says that all is well, its end without one that the harness has died

A harness that is killed between creating a container and starting it, or while the engine creates it, can remove
nothing any more. Only modules that start fast are imported.
"""

import http.client
import socket  # noqa: TID251 - to the engine on this machine, not to a network
import sys
import time

_NO_CONTENT, _NOT_FOUND = 204, 404
_TRIED_FOR_S = 15.0
_POLL_S = 0.1


def main() -> None:
    """Wait for the end of stdin; without a byte on it, remove the container, which may come into being yet."""
    path, name = sys.argv[1:]
    if sys.stdin.buffer.read(1):
        return
    deadline = time.monotonic() + _TRIED_FOR_S
    while time.monotonic() < deadline and _asked(path, name) != _NO_CONTENT:
        time.sleep(_POLL_S)


def _asked(path: str, name: str) -> int:
    """Ask the engine to remove the container (Engine API, `DELETE /containers/{id}`) and return its status.

    Without a version in the path, which each engine takes as its own: of numbers, some know none below 1.44.
    """
    connection = http.client.HTTPConnection("localhost", timeout=_TRIED_FOR_S)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(path)
        connection.request("DELETE", f"/containers/{name}?force=true&v=true")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return _NOT_FOUND
    finally:
        connection.close()


if __name__ == "__main__":
    main()
