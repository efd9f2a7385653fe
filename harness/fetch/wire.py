"""Plain requests, without a library between: to load it takes longer than a blob, and a request of it than a small one.

Proxies and redirects are left to httpx; but what follows a request through a proxy on a connection that is kept is the
same request with another target and range. Errors have the names that httpx has for them.
"""

import contextlib
import re
import select
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from harness.core.callbacks import ignore
from harness.core.values import frozen
from harness.fetch.source import Piece, cut_short

if TYPE_CHECKING:
    from harness.fetch.sessions import Connected

_MOST_HEAD_BYTES, _READ_BYTES, _AT_ONCE_BYTES = 64 << 10, 64 << 10, 1 << 20
# Characters that need no encoding, and no dot that leads elsewhere.
_URL = re.compile(
    r"(https?://[a-z0-9.-]+(?::[0-9]+)?)"
    r"/(?!\.)(?:[A-Za-z0-9_~=@,;:!&+.-]|/(?!\.)|%[0-9A-F]{2})*"
    r"(?:\?(?:[A-Za-z0-9_~=,:&+./-]|%[0-9A-F]{2})*)?"
)
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\0\n\r]*)?")
_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\0\n\r]*")
_LINES = re.compile(rb"(?:\r?\n%b)*" % _LINE.pattern)
_FIELD = re.compile(r"\n([^:]+):[ \t]*([^\n\r]*?)[ \t]*(?![^\r\n])")
_HEAD_END, _LINE_ENDS, _FOLD = re.compile(rb"\r?\n\r?\n"), re.compile(rb"\r?\n"), re.compile(rb"\r?\n[ \t]+")
_INTERIM = {b"100", b"102", b"103"}
_LINE_END = b"\r\n"
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
_LENGTH = re.compile("[0-9]{1,18}")


class BrokenError(Exception):
    """A connection cannot be made, broke, or brought what is no HTTP. The text begins with the name of the error."""


class breaking(contextlib.AbstractContextManager[None]):  # noqa: N801 - it is used as a function
    """Raise BrokenError for errors of the system."""

    def __init__(self, what: str, late: str = "") -> None:
        """Prepare.

        Args:
            what: name of the error.
            late: name of the error if it is that time was over, if another.
        """
        self._what, self._late = what, late

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Raise the BrokenError."""
        if isinstance(error, OSError):
            name = (isinstance(error, TimeoutError) and self._late) or self._what
            raise BrokenError(f"{name}: {' '.join(str(error).split())}") from error


@frozen
class Answer:
    """A response.

    Attributes:
        status_code: its status.
        headers: its fields, by their names in lower case.
        pieces: its body, each piece valid until the next one.
        fields: all fields as they were sent.
        close: ends it. A wire needs no end: if its answer was not read to its end, it is not used again.
    """

    status_code: int
    headers: Mapping[str, str]
    pieces: Iterator[Piece] = field(repr=False)
    fields: Sequence[tuple[str, str]] = ()
    close: Callable[[], None] = field(default=ignore, repr=False)


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
    def is_finished(self) -> bool:
        """Whether the last answer was read to its end."""
        return self._is_idle

    @property
    def is_idle(self) -> bool:
        """Whether the last answer was read to its end, and nothing came after it, not even the end."""
        return self._is_idle and self._connection.fileno() >= 0 and not self._poll.poll(0)

    def takes(self, url: str) -> bool:
        """Return whether a URL is of the same host, and goes into a request as it is."""
        return origin_of(url) == self._origin

    def asked(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Return the answer to a GET.

        Raises:
            BrokenError: the connection broke, or the answer is no HTTP.
        """
        self._is_idle = False
        named = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        target = url[len(self._origin) :].encode()
        with contextlib.suppress(OSError):  # it may have answered before it closed
            self._connection.sendall(b"GET %b HTTP/1.1\r\n%b%b\r\n" % (target, self._fields, named.encode()))
        received = code = b""
        while code in {b"", *_INTERIM}:
            head, received = self._parts(received)
            version, code, fields = _head(head)
        named_fields = _joined(fields)
        self._stays = version == b"1" and "close" not in named_fields.get("connection", "").lower()
        pieces = self._body(received, named_fields)
        return Answer(status_code=int(code), headers=named_fields, pieces=pieces, fields=fields)

    def _parts(self, received: bytes) -> tuple[bytes, bytes]:
        """Return the head of an answer, and what was received after it."""
        while (found := _HEAD_END.search(received)) is None:
            with breaking("ReadError"):
                more = self._connection.recv(_READ_BYTES)
            if not more:
                raise BrokenError("RemoteProtocolError: Server disconnected without sending a response.")
            if len(received) > _MOST_HEAD_BYTES:
                raise BrokenError(f"RemoteProtocolError: the head of the answer has more than {_MOST_HEAD_BYTES} bytes")
            received += more
        return received[: found.start()], received[found.end() :]

    def _body(self, received: bytes, fields: Mapping[str, str]) -> Iterator[Piece]:
        """Yield a body, of which some was received with its head."""
        coding, length = fields.get("transfer-encoding", "").lower(), fields.get("content-length")
        if coding not in {"", "chunked"} or not _LENGTH.fullmatch(length or "0"):
            raise BrokenError(f"RemoteProtocolError: not a length of a body: {coding or length!r:.100}")
        if coding:
            self._stays = self._stays and length is None
            return self._chunks(received)
        return self._rest(received) if length is None else self._counted(received, int(length))

    def _counted(self, received: bytes, size: int) -> Iterator[Piece]:
        left = size - len(received)
        if left <= 0:
            self._is_idle = self._stays and not left
            yield received[:size]
            return
        if received:
            yield received
        buffer = memoryview(bytearray(min(left, _AT_ONCE_BYTES)))
        while left:
            if not (came := self._received(buffer[:left])):
                raise cut_short(left)
            left -= came
            self._is_idle = self._stays and not left
            yield buffer[:came]

    def _rest(self, received: bytes) -> Iterator[Piece]:
        """Yield all that comes until the connection ends."""
        yield received
        buffer = memoryview(bytearray(_READ_BYTES))
        while came := self._received(buffer):
            yield buffer[:came]

    def _chunks(self, received: bytes) -> Iterator[Piece]:
        """Yield a body in chunks (RFC 9112, section 7.1)."""
        while True:
            line, received = self._line(received)
            if not (found := _CHUNK.fullmatch(line)):
                raise BrokenError(f"RemoteProtocolError: illegal chunk header {line!r:.100}")
            if not (left := int(found[1], 16)):
                break
            while left:
                received = received or self._more()
                yield received[:left]
                left, received = max(0, left - len(received)), received[left:]
            line, received = self._line(received)
            if line:
                raise BrokenError(f"RemoteProtocolError: illegal end of a chunk {line!r:.100}")
        while line:
            line, received = self._line(received)
        self._is_idle = self._stays and not received

    def _line(self, received: bytes) -> tuple[bytes, bytes]:
        """Return the next line, and what was received after it."""
        while (end := received.find(_LINE_END)) < 0 and len(received) < _MOST_HEAD_BYTES:
            received += self._more()
        return received[: max(0, end)], received[end + len(_LINE_END) :]

    def _more(self) -> bytes:
        buffer = bytearray(_READ_BYTES)
        if came := self._received(memoryview(buffer)):
            return bytes(buffer[:came])
        what = "peer closed connection without sending complete message body (incomplete chunked read)"
        raise BrokenError(f"RemoteProtocolError: {what}")

    def _received(self, buffer: memoryview) -> int:
        with breaking("ReadError"):
            return self._connection.recv_into(buffer)


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


def _head(text: bytes) -> tuple[bytes, bytes, list[tuple[str, str]]]:
    """Return the minor version, the status and the fields of an answer. No I/O.

    Raises:
        BrokenError: it is no HTTP.
    """
    text = _FOLD.sub(b" ", text)
    status, *lines = _LINE_ENDS.split(text)
    if (found := _STATUS.fullmatch(status)) is None:
        raise BrokenError(f"RemoteProtocolError: illegal status line {status!r:.100}")
    if not _LINES.fullmatch(text, found.end()):
        line = next(each for each in lines if not _LINE.fullmatch(each))
        raise BrokenError(f"RemoteProtocolError: illegal header line {line!r:.100}")
    fields = [(name.lower(), value) for name, value in _FIELD.findall(text.decode("iso-8859-1"))]
    if not text.isascii():
        fields = [(name, _decoded(value.encode("iso-8859-1"))) for name, value in fields]
    return found[1], found[2], fields


def _joined(fields: Collection[tuple[str, str]]) -> dict[str, str]:
    """Return fields by their names; several of a name, unless they are equal lengths, are joined as RFC 9110 says."""
    joined = dict(fields)
    if len(joined) == len(fields):
        return joined
    joined.clear()
    for name, value in fields:
        known = joined.get(name)
        is_new = known is None or (name == "content-length" and known == value)
        joined[name] = value if is_new else f"{known}, {value}"
    return joined


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("iso-8859-1")
