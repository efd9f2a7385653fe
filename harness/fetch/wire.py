"""Plain requests on a connection that is kept, without a library between: it takes longer than a small blob.

httpx connects, finds proxies, does TLS and makes the first request. What follows to the same host is that request with
another target and range. An answer that is not plain is left to httpx, which asks again on a new connection.
"""

import re
import select
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from harness.core.values import frozen
from harness.fetch.source import AttemptError, Failure, Piece

if TYPE_CHECKING:
    from harness.fetch.sessions import Connected

_MOST_HEAD_BYTES, _READ_BYTES, _AT_ONCE_BYTES = 64 << 10, 64 << 10, 1 << 20
# What nobody has to encode, and no dot that leads elsewhere.
_URL = re.compile(
    r"(https?://[a-z0-9.-]+(?::[0-9]+)?)"
    r"/(?!\.)(?:[A-Za-z0-9_~=@,;:!&+.-]|/(?!\.)|%[0-9A-F]{2})*"
    r"(?:\?(?:[A-Za-z0-9_~=,:&+./-]|%[0-9A-F]{2})*)?"
)
_STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3})(?: [\x20-\x7e]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\t]*?)[ \t]*")
_LENGTH = re.compile("[0-9]{1,18}")
_CONTENT, _FIRST_ERROR = {200, 206}, 400


@frozen
class Answer:
    """A response whose body has a known length.

    Attributes:
        status_code: its status.
        headers: its fields, by their names in lower case.
        pieces: its body, each piece valid until the next one.
    """

    status_code: int
    headers: Mapping[str, str]
    pieces: Iterator[Piece] = field(repr=False)

    def close(self) -> None:
        """Do nothing: a wire whose answer was not read to its end is not used again."""


class Wire:
    """A connection on which one request follows another."""

    def __init__(self, origin: str, connection: "Connected", headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Take a connection whose last answer was read to its end.

        Args:
            origin: scheme, host and port, as URLs begin.
            connection: the connection, which its session closes.
            headers: those that httpx sent last; ranges are left out.
        """
        kept = [(name, value) for name, value in headers if name.lower() not in {b"range", b"if-range"}]
        self._origin, self._connection = origin, connection
        self._fields = b"".join(b"%b: %b\r\n" % each for each in kept)
        self._is_idle, self._stays = True, True
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        connection.settimeout(None)  # a `Watch` ends the waits

    @property
    def is_idle(self) -> bool:
        """Whether the last answer was read to its end, and nothing came after it, not even the end."""
        return self._is_idle and self._connection.fileno() >= 0 and not self._poll.poll(0)

    def takes(self, url: str) -> bool:
        """Return whether a URL is of the same host, and goes into a request as it is."""
        return origin_of(url) == self._origin

    def asked(self, url: str, headers: Mapping[str, str]) -> Answer | None:
        """Return the answer to a GET; None if it is not a plain one.

        Raises:
            OSError: the connection broke.
        """
        self._is_idle = False
        named = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        target = url[len(self._origin) :].encode()
        self._connection.sendall(b"GET %b HTTP/1.1\r\n%b%b\r\n" % (target, self._fields, named.encode()))
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            more = self._connection.recv(_READ_BYTES)
            if not more or len(received) > _MOST_HEAD_BYTES:
                return None
            received += more
        if (head := _head(received[:end])) is None:
            return None
        code, fields = head
        self._stays = "close" not in fields.get("connection", "").lower()
        body, size = received[end + 4 :], int(fields["content-length"])
        return Answer(status_code=code, headers=fields, pieces=self._body(body, size))

    def _body(self, received: bytes, size: int) -> Iterator[Piece]:
        """Yield a body, of which some was received with its head."""
        left = size - len(received)
        if left <= 0:
            self._is_idle = self._stays and not left
            yield received[:size]
            return
        if received:
            yield received
        buffer = memoryview(bytearray(min(left, _AT_ONCE_BYTES)))
        while left:
            try:
                came = self._connection.recv_into(buffer[:left])
            except OSError as error:
                raise AttemptError(Failure(what=f"ReadError: {error}")) from error
            if not came:
                raise AttemptError(Failure(what=f"the connection was closed {left} bytes before the end"))
            left -= came
            self._is_idle = self._stays and not left
            yield buffer[:came]


def kept(url: str, connection: "Connected", target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Wire | None:
    """Return a wire for what follows a request of httpx; None if it went through a proxy, or its URL is not plain.

    Args:
        url: that of the request.
        connection: the connection that it was made on.
        target: its target.
        headers: its headers.
    """
    origin = origin_of(url)
    return Wire(origin, connection, headers) if origin and target == url[len(origin) :].encode() else None


def origin_of(url: str) -> str | None:
    """Return scheme, host and port of a URL as it begins; None if it is not plain. No I/O."""
    found = _URL.fullmatch(url)
    return found[1] if found else None


def _head(text: bytes) -> tuple[int, dict[str, str]] | None:
    """Return status and fields of an answer; None if it is a redirect, or not plain. No I/O."""
    status, *lines = text.split(b"\r\n")
    found, named = _STATUS.fullmatch(status), list(map(_FIELD.fullmatch, lines))
    if found is None or not all(named):
        return None
    fields = {each[1].decode().lower(): each[2].decode() for each in named if each}
    is_encoded = "transfer-encoding" in fields or fields.get("content-encoding", "identity") != "identity"
    if is_encoded or len(fields) < len(named) or not _LENGTH.fullmatch(fields.get("content-length", "")):
        return None
    code = int(found[1])
    return (code, fields) if code in _CONTENT or code >= _FIRST_ERROR else None
