"""A container engine at a unix socket that says what it is told to say, and remembers what it was asked."""

import contextlib
import gc
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

DOCKER = {"Api-Version": "1.50"}
PODMAN = {"Api-Version": "1.41"}


@dataclass(frozen=True, kw_only=True)
class Says:
    """An answer: headers, and a body, or chunks of one; `breaks_off` before the end that was announced."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunks: tuple[bytes, ...] | None = None
    breaks_off: bool = False


def says(data: Any, status: int = 200) -> Says:
    """Return an answer of JSON."""
    return Says(status=status, body=json.dumps(data).encode())


def tells(*lines: Any) -> Says:
    """Return an answer that comes line by line."""
    return Says(chunks=tuple(json.dumps(line).encode() + b"\r\n" for line in lines))


class Daemon(ThreadingUnixStreamServer):
    """Answers as told: the last of several answers to one request is for all that follow. It knows nothing else."""

    daemon_threads = True

    def __init__(self, path: Path, answers: Mapping[str, Says | Iterable[Says]]) -> None:
        """Listen at a path."""
        self.answers = {
            name: [answer] if isinstance(answer, Says) else list(answer) for name, answer in answers.items()
        }
        self.asked: list[str] = []
        self.bodies: dict[str, bytes] = {}
        super().__init__(str(path), _Handler)

    def handle_error(self, *_: object) -> None:
        """Mind nobody who hangs up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Daemon

    def _answer(self) -> None:
        """Answer to what is asked of the API, of whichever version."""
        body = self._body()
        name = f"{self.command} {re.sub(r'^/v1[.][0-9]+', '', self.path)}"
        self.server.asked.append(name)
        self.server.bodies[name] = body
        answers = self.server.answers.get(name) or self.server.answers.get(name.partition("?")[0])
        answer = (answers.pop(0) if len(answers) > 1 else answers[0]) if answers else _UNKNOWN
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        for header in answer.headers.items():
            self.send_header(*header)
        if answer.chunks is None:
            self.send_header("Content-Length", str(len(answer.body) + answer.breaks_off))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(answer.body)
        for chunk in answer.chunks or ():
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        if answer.chunks is not None and not answer.breaks_off:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = self.close_connection or answer.breaks_off

    do_GET = do_POST = do_DELETE = do_HEAD = _answer  # noqa: N815 - names of http.server

    def _body(self) -> bytes:
        """Read all that comes with a request, so that the connection can be used again."""
        if self.headers["Transfer-Encoding"] != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


_UNKNOWN = says({"message": "No such image or container"}, 404)


@contextlib.contextmanager
def left_to_the_collector() -> Iterator[None]:
    """Collect what docker's SDK leaves open where it cannot connect, or is not heard to the end; nothing else."""
    gc.freeze()
    try:
        yield
        gc.collect()
    finally:
        gc.unfreeze()


@contextlib.contextmanager
def daemon(path: Path, answers: Mapping[str, Says | Iterable[Says]]) -> Iterator[Daemon]:
    """Have a daemon at a path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Daemon(path, answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.005,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def engine(headers: Mapping[str, str], info: Any) -> dict[str, Says]:
    """Return how an engine introduces itself."""
    return {"GET /_ping": Says(headers=headers, body=b"OK"), "GET /info": says(info)}


def docker(**info: Any) -> dict[str, Says]:
    """Return how Docker introduces itself."""
    options = ["name=seccomp,profile=builtin"]
    return engine(DOCKER, {"ServerVersion": "28.2.2", "SecurityOptions": options, **info})


def podman(version: str = "5.4.2", **info: Any) -> dict[str, Says]:
    """Return how Podman introduces itself."""
    headers = {**PODMAN, "Libpod-Api-Version": version}
    return engine(headers, {"ServerVersion": version, "SecurityOptions": [], **info})
