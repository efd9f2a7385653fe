"""A small program, started by `harness.host.process`, that removes a container if the harness dies.

    argv: SOCKET NAME    stdin: a byte if the harness has removed the container; its end without a byte if it died

It covers a harness that is killed while the engine creates the container, or before it is started. It imports only
modules that load fast.
"""

import http.client
import socket  # noqa: TID251 - to the engine on this machine, not to a network
import sys
import time

_NO_CONTENT, _NOT_FOUND = 204, 404
_TRIED_FOR_S = 15.0
_POLL_S = 0.1


def main() -> None:
    """Wait for the end of stdin. If there was no byte, remove the container, which the engine may still be creating."""
    path, name = sys.argv[1:]
    if sys.stdin.buffer.read(1):
        return
    deadline = time.monotonic() + _TRIED_FOR_S
    while time.monotonic() < deadline and _removal_status(path, name) != _NO_CONTENT:
        time.sleep(_POLL_S)


def _removal_status(path: str, name: str) -> int:
    """Ask the engine to remove the container, and return the HTTP status (Engine API, `DELETE /containers/{id}`).

    The path has no API version, so each engine uses its own; some refuse versions below 1.44.
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
