"""Requests by httpx: through proxies, after redirects, and whatever else is not plain."""

import ssl
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import httpcore
import httpx

from harness.core.urls import redacted
from harness.fetch.sessions import Session, Trace
from harness.fetch.source import CORRECT_URL, AttemptError, Failure, Piece, cut_short
from harness.fetch.wire import Answer

_MAX_REDIRECTS = 10
_READ_BYTES, _SMALL_BYTES = 1 << 20, 64 << 10
NO_URL = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError, OverflowError)
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# The last is raised when reading straight from a connection.
ERRORS = (*NO_URL, httpx.TransportError, httpcore.NetworkError)


def answer(
    session: Session, url: str, headers: Mapping[str, str], trace: Trace, *, first: Answer | None = None
) -> Answer:
    """Return the answer after all redirects. A host may close a connection that was kept just when it is used.

    Args:
        session: makes the requests.
        url: the URL.
        headers: those of the request.
        trace: told of connections.
        first: the answer of the URL itself, if it was asked before.
    """
    found = None
    if first:
        session.renew()
    if session.has_connections:
        try:
            found = response(session.client, url, headers, trace)
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            session.renew()
    found = found or response(session.client, url, headers, trace, first)
    # httpx decodes all of them for each `get`.
    said = dict(found.headers.items())
    return Answer(status_code=found.status_code, headers=said, pieces=_pieces(found), close=found.close)


def response(
    client: httpx.Client, url: str, headers: Mapping[str, str], trace: Trace, first: Answer | None = None
) -> httpx.Response:
    """Return the response after all redirects. httpx itself would read the bodies of redirects, however long.

    Cookies go back to their scheme, host and port only, and are forgotten with the response.
    """
    cookies: dict[tuple[str, str, int | None], httpx.Cookies] = defaultdict(httpx.Cookies)
    request = client.build_request("GET", url, headers=headers, extensions={"trace": trace})
    for _ in range(_MAX_REDIRECTS):
        own = cookies[request.url.scheme, request.url.host, request.url.port]
        if own:
            own.set_cookie_header(request)
        found = (_replaying(first) if first else client).send(request, stream=True)
        first = None
        if "set-cookie" in found.headers:
            own.extract_cookies(found)
        if found.next_request is None:
            return found
        found.close()
        scheme, request = request.url.scheme, found.next_request
        if request.url.scheme not in {"https", scheme}:
            what = f"refused to follow a redirect from {scheme} to {redacted(str(request.url))}"
            raise AttemptError(Failure(what=what, fix=CORRECT_URL, retriable=False))
    what = f"more than {_MAX_REDIRECTS - 1} redirects"
    raise AttemptError(Failure(what=what, fix=CORRECT_URL, retriable=False))


def _replaying(first: Answer) -> httpx.Client:
    """Return a client that has an answer already: httpx knows where it leads, and which headers go there."""
    again = httpx.Response(first.status_code, headers=list(first.fields))
    return httpx.Client(transport=httpx.MockTransport(lambda _: again), trust_env=False, verify=_NO_TLS)


def _pieces(response: httpx.Response) -> Iterator[Piece]:
    """Yield the body. If its length is known and large, read most of it from the socket: httpx would copy it thrice."""
    headers, stream = response.headers, response.extensions.get("network_stream")
    if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        return
    pieces = response.iter_raw()
    if stream is None or "Transfer-Encoding" in headers or "Content-Length" not in headers:
        yield from pieces
        return
    left = int(headers["Content-Length"])
    is_small = left <= _SMALL_BYTES
    piece: Piece = next(pieces, b"") if left else b""
    receive = (lambda _: next(pieces, b"")) if is_small else _receiver(stream, min(left, _READ_BYTES))
    while piece:
        left -= len(piece)
        if is_small and not left:
            next(pieces, None)  # httpx learns that this was the end, and keeps the connection
        yield piece
        piece = receive(left) if left else b""
    if left:
        raise cut_short(left)


def _receiver(stream: httpcore.NetworkStream, at_once: int) -> Callable[[int], Piece]:
    """Return a function that receives up to a number of bytes into one buffer, valid until its next call."""
    if isinstance(stream.get_extra_info("ssl_object"), ssl.SSLObject):  # TLS within the TLS of a proxy
        return lambda most: stream.read(min(most, at_once))
    connection, buffer = stream.get_extra_info("socket"), memoryview(bytearray(at_once))
    connection.settimeout(None)

    def receive(most: int) -> Piece:
        try:
            return buffer[: connection.recv_into(buffer[:most])]
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    return receive
