"""A server that misbehaves on command: real sockets on 127.0.0.1, one reply for each connection."""

import contextlib
import enum
import socketserver
import struct
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from types import MappingProxyType
from typing import Self, cast

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
        drop_at: the byte of the body at which the connection is closed.
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

    def first_bytes(self) -> bytes:
        """Return what goes before the body."""
        if self.head is not None:
            return self.head
        length = self.announced if self.announced is not None else len(self.body) * self.times
        framing = {
            Framing.LENGTH: {"Content-Length": str(length)},
            Framing.CHUNKED: {"Transfer-Encoding": "chunked"},
            Framing.CLOSE: {},
        }[self.framing]
        lines = [f"{name}: {value}" for name, value in {**framing, "Connection": "close", **self.headers}.items()]
        return "\r\n".join([f"HTTP/1.1 {self.status} As Commanded", *lines, "", ""]).encode("latin-1")

    def pieces(self) -> Iterator[bytes]:
        """Yield the body up to where it is dropped, with a piece's end where it stalls."""
        offset, end = 0, len(self.body) * self.times if self.drop_at is None else self.drop_at
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
    """What a client asked."""

    target: str
    headers: Mapping[str, str]


class FaultyServer:
    """Serves what it is told to; what it was asked is in `requests`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.ends = threading.Event()
        self._replies: dict[str, list[Reply]] = {}
        self._asked: dict[str, int] = defaultdict(int)
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ends.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def serve(self, path: str, *replies: Reply) -> str:
        """Let the n-th request for a path have the n-th reply, later ones the last; return its URL."""
        self._replies[path] = list(replies)
        self._asked[path] = 0
        return f"http://127.0.0.1:{self.port}{path}"

    def count(self, path: str) -> int:
        """Return how often a path was asked for."""
        return self._asked[path]

    def reply(self, request: Request) -> Reply:
        """Note a request and return what it is to have."""
        path = request.target.partition("?")[0]
        with self._lock:
            self.requests.append(request)
            self._asked[path] += 1
            replies = self._replies.get(path, [Reply(status=404)])
            return replies[min(self._asked[path], len(replies)) - 1]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, owner: FaultyServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.owner = owner


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        owner = cast("_Server", self.server).owner
        with contextlib.suppress(ConnectionError):  # the client may leave before the end, and some tests want that
            if request := self._request():
                self._send(owner.reply(request), owner.ends)

    def _request(self) -> Request | None:
        """Return what is asked, or None from a client that asks nothing in HTTP."""
        first = self.rfile.readline(65536).decode("latin-1").split()
        headers = {}
        while (line := self.rfile.readline(65536).decode("latin-1").rstrip("\r\n")) and ": " in line:
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return Request(target=first[1], headers=headers) if headers else None

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
        if reply.framing is Framing.CHUNKED and reply.drop_at is None:
            self.wfile.write(b"0\r\n\r\n")
        if reply.reset:
            self.request.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            self.request.close()

    @staticmethod
    def _stall(reply: Reply, ends: threading.Event) -> None:
        while not ends.wait(0.02):
            if reply.go is not None and reply.go.is_set():
                return
