"""HTTP requests: ranges, redirects, and failures in words for the user.

User names, passwords and values of queries are sent to their server and appear in no message.
"""

import contextlib
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

import httpcore
import httpx

from harness.core.blobs import Blob
from harness.core.urls import redacted
from harness.core.values import frozen
from harness.fetch import encoding
from harness.fetch.headers import content_range, md5, retry_after_s
from harness.fetch.sessions import Session, Sessions, Trace
from harness.fetch.source import CORRECT_URL, MOVED, AttemptError, Failure, Head, Piece, causes
from harness.fetch.watch import Watch
from harness.fetch.wire import Answer
from harness.host.process import CancelToken

_MAX_REDIRECTS = 10
NO_URL = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError, OverflowError)
_FROM_THE_STREAM = httpcore.NetworkError  # raised when reading straight from a connection
TRY_LATER = {408, 425, 429}
_BUSY = {429, 503}
_CONTENT = {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}
_READ_BYTES, _SMALL_BYTES = 1 << 20, 64 << 10
_FIXES = dict.fromkeys((401, 403), "check your access rights, and whether the credentials in the URL expired")
_FIXES |= dict.fromkeys((404, 410), MOVED)


@frozen
class HttpSource:
    """A `Source` at an HTTP URL.

    Attributes:
        sessions: makes the requests.
        url: the URL, which may contain secrets.
        blob: what is expected there. If its digest is known, the body may be compressed.
        stall_s: an attempt fails after this many seconds without a byte of the blob.
    """

    sessions: Sessions
    url: str = field(repr=False)
    blob: Blob = field(repr=False)
    stall_s: float

    @contextlib.contextmanager
    def opened(
        self, start: int, stop: int | None, known: Head | None, cancel: CancelToken | None
    ) -> Iterator[tuple[Head, Iterator[Piece]]]:
        """Send a GET; see `Source`.

        Raises:
            AttemptError: it failed, here or while the body was read.
        """
        with (
            Watch(self.stall_s) as watch,
            _explained(watch),
            self.sessions.borrowed(keeps=self.blob.sha256 is not None) as session,
            session.ended_by(watch.ended, cancel) as trace,
            contextlib.ExitStack() as responses,
        ):

            def ask(**headers: str) -> httpx.Response | Answer:
                return responses.enter_context(contextlib.closing(_answer(session, self.url, headers, trace)))

            response = ask(**_range_headers(start, stop, known))
            if (is_encoded := self._is_encoded(response)) and response.status_code == httpx.codes.PARTIAL_CONTENT:
                responses.close()  # a part of a compressed body cannot be decoded
                response = ask()
                is_encoded = self._is_encoded(response)
            head, pieces = _head(response, start, is_encoded=is_encoded), _pieces(response)
            watch.pause()
            yield head, watch.over(encoding.decoded(pieces, self.blob.size_bytes) if is_encoded else pieces)
            responses.close()  # which closes the connection, unless all was read
            session.keep(self.url)

    def _is_encoded(self, response: httpx.Response | Answer) -> bool:
        """Return whether a body has to be decoded; refuse to do so if no digest will vouch for the result."""
        coding = response.headers.get("content-encoding", "").strip().lower()
        if response.status_code not in _CONTENT or coding in {"", "identity"}:
            return False
        if coding in encoding.CODINGS and self.blob.sha256:
            return True
        what = f"the response is {coding}-encoded, which was not requested"
        fix = "correct the server or the proxy that encodes it"
        if coding in encoding.CODINGS:
            fix += ", or add the SHA-256 of the blob to the lock file"
        raise AttemptError(Failure(what=what, fix=fix, retriable=False))


def _range_headers(start: int, stop: int | None, known: Head | None) -> dict[str, str]:
    """Return the headers that request a range, of the known content only (RFC 9110, 13.1.5)."""
    asked = {"Range": f"bytes={start}-{'' if stop is None else stop - 1}"}
    return asked | ({"If-Range": known.validator} if known and known.validator else {})


def _answer(session: Session, url: str, headers: Mapping[str, str], trace: Trace) -> httpx.Response | Answer:
    """Return the response after all redirects. A host may close a connection that was kept just when it is used."""
    if session.has_connections:
        with contextlib.suppress(httpx.NetworkError, httpx.RemoteProtocolError, OSError):
            if (wire := session.wire_for(url)) is None:
                return _response(session.client, url, headers, trace)
            if answer := wire.asked(url, headers):
                return answer
        session.renew()
    return _response(session.client, url, headers, trace)


def _response(client: httpx.Client, url: str, headers: Mapping[str, str], trace: Trace) -> httpx.Response:
    """Return the response after all redirects. httpx itself would read the bodies of redirects, however long.

    Cookies go back to their scheme, host and port only, and are forgotten with the response.
    """
    cookies: dict[tuple[str, str, int | None], httpx.Cookies] = defaultdict(httpx.Cookies)
    request = client.build_request("GET", url, headers=headers, extensions={"trace": trace})
    for _ in range(_MAX_REDIRECTS):
        own = cookies[request.url.scheme, request.url.host, request.url.port]
        if own:
            own.set_cookie_header(request)
        response = client.send(request, stream=True)
        if "set-cookie" in response.headers:
            own.extract_cookies(response)
        if response.next_request is None:
            return response
        response.close()
        scheme, request = request.url.scheme, response.next_request
        if request.url.scheme not in {"https", scheme}:
            what = f"refused to follow a redirect from {scheme} to {redacted(str(request.url))}"
            raise AttemptError(Failure(what=what, fix=CORRECT_URL, retriable=False))
    what = f"more than {_MAX_REDIRECTS - 1} redirects"
    raise AttemptError(Failure(what=what, fix=CORRECT_URL, retriable=False))


def _head(response: httpx.Response | Answer, start: int, *, is_encoded: bool) -> Head:
    """Return the answer of a host; accept only the whole blob or, unless it is encoded, the requested range."""
    # httpx decodes all of them for each `get`.
    code, headers = response.status_code, dict[str, Any](response.headers.items())
    first, last, size = content_range(headers.get("content-range", ""))
    said: dict[str, Any] = {
        "etag": headers.get("etag"),
        "last_modified": headers.get("last-modified"),
        "date": headers.get("date"),
    }
    if code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and size is not None and size <= start:
        return Head(start=start, ranged=True, total=size, **said)
    if is_encoded and code == httpx.codes.OK:  # its size, ETag and MD5 are those of the encoded bytes
        return Head(last_modified=said["last_modified"], date=said["date"])
    is_range = code == httpx.codes.PARTIAL_CONTENT and not is_encoded
    if is_range and size is not None and first == start <= last < size:
        return Head(start=start, ranged=True, total=size, md5=md5(headers.get("x-ms-blob-content-md5")), **said)
    if code == httpx.codes.OK:
        is_chunked = "transfer-encoding" in headers
        length = None if is_chunked else headers.get("content-length")
        total = int(length) if length is not None else None
        is_open = length is None and not is_chunked
        return Head(total=total, md5=md5(headers.get("content-md5")), open_ended=is_open, **said)
    raise AttemptError(_refusal(response, start))


def _refusal(response: httpx.Response | Answer, start: int) -> Failure:
    code = response.status_code
    what = f"the server answered {code} {httpx.codes.get_reason_phrase(code)}".rstrip()
    if code == httpx.codes.PARTIAL_CONTENT:
        what += f" without a range from byte {start} of a known size: {response.headers.get('content-range')!r:.100}"
    return Failure(
        what=what,
        fix=_FIXES.get(code, "ask the operators of the host"),
        retriable=code in {*TRY_LATER, httpx.codes.PARTIAL_CONTENT} or httpx.codes.is_server_error(code),
        busy=code in _BUSY,
        wait_s=retry_after_s(response.headers.get("retry-after", ""), datetime.now(UTC)),
    )


def _pieces(response: httpx.Response | Answer) -> Iterator[Piece]:
    """Yield the body. If its length is known and large, read most of it from the socket: httpx would copy it thrice."""
    if isinstance(response, Answer):
        yield from response.pieces
        return
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
        raise AttemptError(Failure(what=f"the connection was closed {left} bytes before the end"))


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


@contextlib.contextmanager
def _explained(watch: Watch) -> Iterator[None]:
    """Turn exceptions of httpx into AttemptError. If the time was over, that is the reason."""
    try:
        yield
    except AttemptError:
        watch.check()
        raise
    except (*NO_URL, httpx.TransportError, _FROM_THE_STREAM) as error:
        watch.check()
        what, chain = f"{type(error).__name__}: {' '.join(str(error).split())}", tuple(causes(error))
        if any(isinstance(each, NO_URL) for each in chain):  # its text may contain secrets
            what = "not a valid URL, or it redirects to one that is not"
            raise AttemptError(Failure(what=what, fix=CORRECT_URL, retriable=False)) from None
        if any(isinstance(each, socket.gaierror) for each in chain):
            what, fix = f"cannot resolve the host ({error})", "check its name, DNS and the proxy"
            raise AttemptError(Failure(what=what, fix=fix)) from error
        if any(isinstance(each, ssl.SSLCertVerificationError) for each in chain):
            fix = "name the certificates to trust in SSL_CERT_FILE"
            raise AttemptError(Failure(what=what, fix=fix, retriable=False)) from error
        raise AttemptError(Failure(what=what)) from error
