"""A quick server of ranges on 127.0.0.1: it notes what is asked and sent, and holds bytes back on demand."""

import contextlib
import functools
import hashlib
import re
import socket
import socketserver
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from tests.integration.running import Running, SocketServer
from tests.patience import PATIENCE_S

_PIECE_BYTES = 16 << 10


@dataclass(kw_only=True)
class Asked:
    """One request for the bytes from `start` to before `stop`, and how many of them were sent."""

    path: str
    start: int
    stop: int
    if_range: str | None
    sent: int = 0


class Serving:
    """What is asked of the server from one moment to the next.

    Only `allowed` bytes are sent, and only those in front of the byte `before`; None is no limit.
    """

    def __init__(self, allowed: int | None = None, before: int | None = None) -> None:
        self.requests: list[Asked] = []
        self._allowed, self._before, self._sent, self._over = allowed, before, 0, False
        self._changed = threading.Condition()

    @property
    def sent(self) -> int:
        """How many bytes were sent in all."""
        with self._changed:
            return self._sent

    def asked(self, request: Asked) -> None:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()

    def may_send(self, at: int, size: int) -> int:
        """Wait until something may be sent from a byte on, and return how much; 0 if it is over."""
        with self._changed:
            if self._before is not None:
                size = min(size, self._before - at)
            self._changed.wait_for(lambda: self._over or (self._allowed != 0 and size > 0))
            if self._over:
                return 0
            if self._allowed is not None:
                size = min(size, self._allowed)
                self._allowed -= size
            return size

    def was_sent(self, request: Asked, size: int, *, of: int) -> None:
        """Count what was sent; what could not be is left to other requests."""
        with self._changed:
            if self._allowed is not None:
                self._allowed += of - size
            request.sent += size
            self._sent += size
            self._changed.notify_all()

    def wait(self, *, sent: int = 0, requests: int = 0) -> None:
        """Wait until so much was sent and asked."""
        with self._changed:
            came = self._changed.wait_for(
                lambda: self._sent >= sent and len(self.requests) >= requests, timeout=PATIENCE_S
            )
            assert came, f"{self._sent} of {sent} bytes were sent, {len(self.requests)} of {requests} requests came"

    def end(self) -> None:
        """Send nothing more."""
        with self._changed:
            self._over = True
            self._changed.notify_all()


class RangeServer(Running):
    """Serves contents by path, each with its ETag."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self.contents = contents
        self.serving = Serving()
        super().__init__(_Server(self, _Handler))

    def end(self) -> None:
        """Let go of those who wait for what is held back."""
        self.serving.end()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def anew(self, *, allowed: int | None = None, before: int | None = None) -> Serving:
        """End what is being served, and return what is served from now on."""
        self.serving.end()
        self.serving = Serving(allowed, before)
        return self.serving


class _Server(SocketServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Let connections keep little of what was sent and not yet received; they inherit it."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PIECE_BYTES)
        super().server_bind()


@functools.cache
def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        owner: RangeServer = cast("SocketServer", self.server).owner
        with contextlib.suppress(ConnectionError):  # whoever asks may be killed meanwhile
            self._answer(owner, self._received())

    def _received(self) -> str:
        text = b""
        while b"\r\n\r\n" not in text:
            piece = self.request.recv(65536)
            if not piece:
                raise ConnectionResetError
            text += piece
        return text.decode("latin-1")

    def _answer(self, owner: RangeServer, text: str) -> None:
        path = text.split(" ", 2)[1]
        content = owner.contents[path]
        etag = _etag(content)
        asked = re.search(r"^range: bytes=([0-9]+)-([0-9]*)\r$", text, re.MULTILINE | re.IGNORECASE)
        condition = re.search(r"^if-range: (.*)\r$", text, re.MULTILINE | re.IGNORECASE)
        if_range = condition[1] if condition else None
        start, stop, status = 0, len(content), "200 OK"
        headers = [f"ETag: {etag}", "Accept-Ranges: bytes", "Connection: close"]
        if asked and if_range in {None, etag}:
            start, stop = int(asked[1]), min(int(asked[2] or stop) + bool(asked[2]), stop)
            status = "206 Partial Content"
            headers.append(f"Content-Range: bytes {start}-{stop - 1}/{len(content)}")
        headers.append(f"Content-Length: {stop - start}")
        serving, request = owner.serving, Asked(path=path, start=start, stop=stop, if_range=if_range)
        serving.asked(request)
        self.request.sendall("\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode())
        self._send(serving, request, memoryview(content)[start:stop])

    def _send(self, serving: Serving, request: Asked, left: memoryview) -> None:
        while left and (size := serving.may_send(request.stop - len(left), min(len(left), _PIECE_BYTES))):
            sent = 0
            try:
                sent = self.request.send(left[:size])
            finally:
                serving.was_sent(request, sent, of=size)
            left = left[sent:]
