"""HTTP requests: ranges, redirects, and failures in words for the user.

User names, passwords and values of queries are sent to their server and appear in no message.
"""

import base64
import contextlib
import functools
import logging
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore
import httpx

from harness import __version__
from harness.core.errors import FetchError
from harness.core.urls import redacted
from harness.fetch.source import CORRECT_URL, MOVED, AttemptError, Failure, Head, Piece, causes
from harness.host.process import CancelToken

_MAX_REDIRECTS = 10
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"iree-quality-harness/{__version__}"}
# No connection is used twice: bytes after the end of a response are never taken for the next one.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=0)
_NO_URL = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError, OverflowError)
# Raised when reading straight from a connection.
_OF_THE_STREAM = (httpcore.TimeoutException, httpcore.NetworkError)
_TRY_LATER = {408, 425, 429}
_BUSY = {429, 503}
_READ_BYTES = 1 << 20
_MD5_BYTES = 16
_CONNECT_S = 10.0
_FIXES = dict.fromkeys((401, 403), "check your access rights, and whether the credentials in the URL expired")
_FIXES |= dict.fromkeys((404, 410), MOVED)

for _name in ("httpx", "httpcore"):  # they log URLs and headers with secrets
    logging.getLogger(_name).setLevel(logging.WARNING)

Trace = Callable[[str, Mapping[str, Any]], None]
Client = httpx.Client


def new_client(*, stall_s: float) -> Client:
    """Return a client for all downloads, without connecting.

    Raises:
        FetchError: proxies or certificates in the environment are invalid.
    """
    timeout = httpx.Timeout(stall_s, connect=min(stall_s, _CONNECT_S))
    try:
        return httpx.Client(headers=_HEADERS, limits=_LIMITS, timeout=timeout)
    except (ValueError, ImportError, OSError) as error:
        hint = "check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE"
        raise FetchError(f"The proxies or certificates of the environment are invalid ({error}); {hint}.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSource:
    """A `Source` at an HTTP URL."""

    client: httpx.Client
    url: str = field(repr=False)

    @contextlib.contextmanager
    def opened(
        self, start: int, stop: int | None, known: Head | None, cancel: CancelToken | None
    ) -> Iterator[tuple[Head, Iterator[Piece]]]:
        """Send a GET; see `Source`.

        Raises:
            AttemptError: it failed, here or while the body was read.
        """
        headers = _range_headers(start, stop, known)
        with (
            _explained(),
            _ended_by(cancel) as trace,
            contextlib.closing(_response(self.client, self.url, headers, trace)) as response,
        ):
            head = _head(response, start)
            yield head, _pieces(response)


def reachable(url: str, *, timeout_s: float = 5.0) -> str | None:
    """Return why a host does not answer, or None if it answers anything."""
    try:
        with httpx.Client(headers=_HEADERS, timeout=timeout_s) as client:
            client.head(url)
    except (*_NO_URL, httpx.TransportError, ValueError, ImportError, OSError) as error:
        return str(error) or type(error).__name__
    return None


def retry_after_s(value: str, now: datetime) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date; None if malformed. No I/O."""
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
        return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return None


@contextlib.contextmanager
def _ended_by(cancel: CancelToken | None) -> Iterator[Trace]:
    """Yield a trace for httpx that shuts each new connection down when `cancel` is set."""
    with contextlib.ExitStack() as connections:

        def trace(event: str, info: Mapping[str, Any]) -> None:
            if event == "connection.connect_tcp.complete" and cancel is not None:
                made = info["return_value"].get_extra_info("socket")
                twin = connections.enter_context(socket.fromfd(made.fileno(), made.family, made.type))
                connections.enter_context(cancel.calling(functools.partial(_shut_down, twin)))

        yield trace


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the host closed it first
        connection.shutdown(socket.SHUT_RDWR)


def _range_headers(start: int, stop: int | None, known: Head | None) -> dict[str, str]:
    """Return the headers that request a range, of the known content only (RFC 9110, 13.1.5)."""
    asked = {"Range": f"bytes={start}-{'' if stop is None else stop - 1}"}
    return asked | ({"If-Range": known.validator} if known and known.validator else {})


def _response(client: httpx.Client, url: str, headers: Mapping[str, str], trace: Trace) -> httpx.Response:
    """Return the response after all redirects. httpx itself would read the bodies of redirects, however long."""
    request = client.build_request("GET", url, headers=headers, extensions={"trace": trace})
    for _ in range(_MAX_REDIRECTS):
        response = client.send(request, stream=True)
        if response.next_request is None:
            return response
        response.close()
        scheme, request = request.url.scheme, response.next_request
        if request.url.scheme not in {"https", scheme}:
            what = f"refused to follow a redirect from {scheme} to {redacted(str(request.url))}"
            raise AttemptError(Failure(what=what, fix=CORRECT_URL, retriable=False))
    what = f"more than {_MAX_REDIRECTS - 1} redirects"
    raise AttemptError(Failure(what=what, fix=CORRECT_URL, retriable=False))


def _head(response: httpx.Response, start: int) -> Head:
    """Return the answer of a host; accept only the whole blob or the requested range, without encoding."""
    code, headers = response.status_code, response.headers
    first, last, size = _content_range(headers.get("Content-Range", ""))
    said = {"etag": headers.get("ETag"), "last_modified": headers.get("Last-Modified"), "date": headers.get("Date")}
    if code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and size is not None and size <= start:
        return Head(start=start, ranged=True, total=size, **said)
    if encoding := headers.get("Content-Encoding", "").lower().replace("identity", ""):
        what = f"the response is {encoding}-encoded, which was not requested"
        raise AttemptError(Failure(what=what, fix="correct the server or the proxy that encodes it", retriable=False))
    if code == httpx.codes.PARTIAL_CONTENT and size is not None and first == start <= last < size:
        return Head(start=start, ranged=True, total=size, md5=_md5(headers.get("x-ms-blob-content-md5")), **said)
    if code == httpx.codes.OK:
        is_chunked = "Transfer-Encoding" in headers
        length = None if is_chunked else headers.get("Content-Length")
        total = int(length) if length is not None else None
        is_open = length is None and not is_chunked
        return Head(total=total, md5=_md5(headers.get("Content-MD5")), open_ended=is_open, **said)
    raise AttemptError(_refusal(response, start))


def _content_range(text: str) -> tuple[int, int, int | None]:
    """Return first byte, last byte and size of the whole; the size is None if the header is malformed or has no size.

    RFC 9110, section 14.4, allows `*` as the size. It is refused, because the end of the blob would be unknown.
    """
    found = re.fullmatch(r"bytes (?:([0-9]{1,14})-([0-9]{1,14})|[*])/([0-9]{1,14})", text)
    return (int(found[1] or 0), int(found[2] or 0), int(found[3])) if found else (0, 0, None)


def _refusal(response: httpx.Response, start: int) -> Failure:
    code = response.status_code
    what = f"the server answered {code} {httpx.codes.get_reason_phrase(code)}".rstrip()
    if code == httpx.codes.PARTIAL_CONTENT:
        what += f" without a range from byte {start} of a known size: {response.headers.get('Content-Range')!r:.100}"
    return Failure(
        what=what,
        fix=_FIXES.get(code, "ask the operators of the host"),
        retriable=code in {*_TRY_LATER, httpx.codes.PARTIAL_CONTENT} or httpx.codes.is_server_error(code),
        busy=code in _BUSY,
        wait_s=retry_after_s(response.headers.get("Retry-After", ""), datetime.now(UTC)),
    )


def _md5(text: str | None) -> str | None:
    try:
        digest = base64.b64decode(text or "", validate=True)
    except ValueError:
        return None
    return digest.hex() if len(digest) == _MD5_BYTES else None


def _pieces(response: httpx.Response) -> Iterator[Piece]:
    """Yield the body. If its length is known, read most of it from the socket: httpx would copy it three times."""
    headers, stream = response.headers, response.extensions.get("network_stream")
    if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        return
    pieces = response.iter_raw()
    if stream is None or "Transfer-Encoding" in headers or "Content-Length" not in headers:
        yield from pieces
        return
    left = int(headers["Content-Length"])
    piece: Piece = next(pieces, b"") if left else b""
    receive = _receiver(stream, response.request.extensions["timeout"]["read"], min(left, _READ_BYTES))
    while piece:
        left -= len(piece)
        yield piece
        piece = receive(left) if left else b""
    if left:
        raise AttemptError(Failure(what=f"the connection was closed {left} bytes before the end"))


def _receiver(stream: httpcore.NetworkStream, timeout_s: float, at_once: int) -> Callable[[int], Piece]:
    """Return a function that receives up to a number of bytes into one buffer, valid until its next call."""
    if isinstance(stream.get_extra_info("ssl_object"), ssl.SSLObject):  # TLS within the TLS of a proxy
        return lambda most: stream.read(min(most, at_once), timeout_s)
    connection, buffer = stream.get_extra_info("socket"), memoryview(bytearray(at_once))
    connection.settimeout(timeout_s)

    def receive(most: int) -> Piece:
        try:
            return buffer[: connection.recv_into(buffer[:most])]
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    return receive


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn exceptions of httpx into AttemptError."""
    try:
        yield
    except (*_NO_URL, httpx.TransportError, *_OF_THE_STREAM) as error:
        what, chain = f"{type(error).__name__}: {' '.join(str(error).split())}", tuple(causes(error))
        if any(isinstance(each, _NO_URL) for each in chain):  # its text may contain secrets
            what = "not a valid URL, or it redirects to one that is not"
            raise AttemptError(Failure(what=what, fix=CORRECT_URL, retriable=False)) from None
        if any(isinstance(each, socket.gaierror) for each in chain):
            what, fix = f"cannot resolve the host ({error})", "check its name, DNS and the proxy"
            raise AttemptError(Failure(what=what, fix=fix)) from error
        if any(isinstance(each, ssl.SSLCertVerificationError) for each in chain):
            fix = "name the certificates to trust in SSL_CERT_FILE"
            raise AttemptError(Failure(what=what, fix=fix, retriable=False)) from error
        raise AttemptError(Failure(what=what)) from error
