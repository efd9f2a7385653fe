"""A server that misbehaves on command: real sockets on 127.0.0.1, one reply for each connection."""

import contextlib
import enum
import re
import socket
import socketserver
import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from socket import SO_LINGER, SOL_SOCKET
from types import MappingProxyType
from typing import cast

from tests.integration.running import Running, SocketServer

_PIECE_BYTES = 16 << 10


class Framing(enum.Enum):
    """How a reply says where its body ends."""

    LENGTH = enum.auto()
    CHUNKED = enum.auto()
    CLOSE = enum.auto()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One reply and what is wrong with it. A plain one is right.

    Attributes:
        status: its code.
        body: its bytes, sent `times` times over.
        headers: more of them, or others.
        framing: how it says where the body ends.
        announced: the Content-Length, if not that of the body.
        head: the very bytes to send before the body, instead of all the above.
        drop_at: the byte of the body at which the connection is closed, if it has so many.
        reset: it is not closed but reset.
        stall_at: the byte of the body at which nothing more comes until `go` is set or the server ends.
        pause_s: seconds between two pieces of 16 KiB.
    """

    status: int = 200
    body: bytes = b""
    times: int = 1
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    framing: Framing = Framing.LENGTH
    announced: int | None = None
    head: bytes | None = None
    drop_at: int | None = None
    reset: bool = False
    stall_at: int | None = None
    go: threading.Event | None = None
    pause_s: float = 0.0

    @property
    def size(self) -> int:
        """How long the body is."""
        return len(self.body) * self.times

    def first_bytes(self) -> bytes:
        """Return what goes before the body."""
        if self.head is not None:
            return self.head
        length = self.announced if self.announced is not None else self.size
        framing = {
            Framing.LENGTH: {"Content-Length": str(length)},
            Framing.CHUNKED: {"Transfer-Encoding": "chunked"},
            Framing.CLOSE: {},
        }[self.framing]
        lines = [f"{name}: {value}" for name, value in {**framing, "Connection": "close", **self.headers}.items()]
        return "\r\n".join([f"HTTP/1.1 {self.status} As Commanded", *lines, "", ""]).encode("latin-1")

    def pieces(self) -> Iterator[bytes]:
        """Yield the body up to where it is dropped, with a piece's end where it stalls."""
        offset, end = 0, self.size if self.drop_at is None else min(self.size, self.drop_at)
        while offset < end:
            stop = min(end, offset + _PIECE_BYTES)
            if self.stall_at is not None and offset < self.stall_at < stop:
                stop = self.stall_at
            start = offset % len(self.body)
            piece = self.body[start : start + stop - offset]
            yield piece
            offset += len(piece)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client asked.

    Attributes:
        target: the path and the query.
        headers: by their names in small letters.
        number: the how manieth request for this path it is, from 1.
        at_once: how many connections the client had then, with this one.
    """

    target: str
    headers: Mapping[str, str]
    number: int = 0
    at_once: int = 1

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def start(self) -> int:
        """The first byte asked for."""
        return int(re.findall(r"\d+", self.headers.get("range", "bytes=0-"))[0])

    @property
    def stop(self) -> int | None:
        """The byte after the last one asked for; None for all of them."""
        last = self.headers.get("range", "bytes=0-").partition("-")[2]
        return int(last) + 1 if last else None


Answer = Callable[[Request], Reply]


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a URL stands for, served whole or in ranges as RFC 9110 wants it, if not told otherwise.

    Attributes:
        body: its bytes.
        etag: its ETag, if it has one.
        last_modified: its date, if it has one.
        ranges: whether a range is served as such.
        heeds_if_range: whether `If-Range` is.
    """

    body: bytes
    etag: str | None = '"one"'
    last_modified: str | None = "Wed, 21 Oct 2015 07:28:00 GMT"
    ranges: bool = True
    honours_if_range: bool = True

    def __call__(self, request: Request) -> Reply:
        """Return the right reply."""
        said = {"ETag": self.etag, "Last-Modified": self.last_modified, "Date": formatdate(usegmt=True)}
        headers = {name: value for name, value in said.items() if value is not None}
        if not self.ranges or "range" not in request.headers or not self._is_meant(request):
            return Reply(body=self.body, headers=headers)
        start, size = request.start, len(self.body)
        if start >= size:
            return Reply(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
        part = self.body[start : request.stop]
        ranged = {"Content-Range": f"bytes {start}-{start + len(part) - 1}/{size}", "Accept-Ranges": "bytes"}
        return Reply(status=206, body=part, headers=headers | ranged)

    def _is_meant(self, request: Request) -> bool:
        condition = request.headers.get("if-range")
        strong = {self.last_modified, None if (self.etag or "").startswith("W/") else self.etag} - {None}
        return condition is None or condition in strong or not self.honours_if_range


class FaultyServer(Running):
    """Serves what it is told to; what it was asked is in `requests`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.ends = threading.Event()
        self._answers: dict[str, list[Reply | Answer]] = {}
        self._asked: dict[str, int] = defaultdict(int)
        self._since: dict[str, int] = {}
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(SocketServer(self, _Handler))

    def end(self) -> None:
        """Let go of those who wait for what is held back."""
        self.ends.set()

    def serve(self, path: str, *answers: Reply | Answer) -> str:
        """Let the n-th request for a path have the n-th answer, later ones the last; return its URL."""
        with self._lock:
            self._answers[path] = list(answers)
            self._asked[path], self._since[path] = 0, len(self.requests)
        return f"http://127.0.0.1:{self.port}{path}"

    def count(self, path: str) -> int:
        """Return how often a path was asked for."""
        return self._asked[path]

    def asked(self, path: str) -> list[Request]:
        """Return the requests for a path since it was last told what to serve there."""
        with self._lock:
            return [each for each in self.requests[self._since.get(path, 0) :] if each.path == path]

    @contextlib.contextmanager
    def reply(self, target: str, headers: Mapping[str, str], connection: socket.socket) -> Iterator[Reply | None]:
        """Note a request and yield what it is to have; None if its client has gone, and so asked for nothing."""
        if (noted := self._noted(target, headers, connection)) is None:
            yield None
            return
        request, answer = noted
        try:
            yield answer if isinstance(answer, Reply) else answer(request)
        finally:
            with self._lock:
                self._connections.discard(connection)

    def _noted(
        self, target: str, headers: Mapping[str, str], connection: socket.socket
    ) -> tuple[Request, Reply | Answer] | None:
        path = target.partition("?")[0]
        with self._lock:  # also over the look at the client: `serve` comes before both or after both
            if not _is_open(connection):
                return None
            at_once = 1 + sum(map(_is_open, self._connections))
            self._connections.add(connection)
            self._asked[path] += 1
            request = Request(target=target, headers=headers, number=self._asked[path], at_once=at_once)
            self.requests.append(request)
            answers = self._answers.get(path, [Reply(status=404)])
            return request, answers[min(request.number, len(answers)) - 1]


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        owner: FaultyServer = cast("SocketServer", self.server).owner
        with contextlib.suppress(ConnectionError):  # the client may leave before the end, and some tests want that
            first = self.rfile.readline(65536).decode("latin-1").split()
            if headers := self._headers():
                with owner.reply(first[1], headers, self.request) as reply:
                    if reply is not None:
                        self._send(reply, owner.ends)

    def _headers(self) -> dict[str, str]:
        """Return the headers, none from a client that asks nothing in HTTP."""
        headers = {}
        while (line := self.rfile.readline(65536).decode("latin-1").rstrip("\r\n")) and ": " in line:
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return headers

    def _send(self, reply: Reply, ends: threading.Event) -> None:
        self.wfile.write(reply.first_bytes())
        sent = 0
        if reply.stall_at == 0:
            self._stall(reply, ends)
        for piece in reply.pieces():
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if reply.framing is Framing.CHUNKED else piece)
            sent += len(piece)
            if sent == reply.stall_at:
                self._stall(reply, ends)
            if reply.pause_s and ends.wait(reply.pause_s):
                return
        if reply.framing is Framing.CHUNKED and sent == reply.size:
            self.wfile.write(b"0\r\n\r\n")
        if reply.reset:
            self.request.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            self.request.close()

    @staticmethod
    def _stall(reply: Reply, ends: threading.Event) -> None:
        while not ends.wait(0.02):
            if reply.go is not None and reply.go.is_set():
                return


def _is_open(connection: socket.socket) -> bool:
    """Return whether the client has not closed it; on this machine its end arrives at once."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
