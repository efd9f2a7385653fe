"""HTTP requests: ranges, redirects, and failures in words for the user.

User names, passwords and values of queries are sent to their server and appear in no message.
"""

import contextlib
import socket
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from harness.core.blobs import Blob
from harness.core.values import frozen
from harness.fetch import encoding
from harness.fetch.headers import content_range, md5, retry_after_s
from harness.fetch.sessions import Session, Sessions, Trace
from harness.fetch.source import CORRECT_URL, MOVED, AttemptError, Failure, Head, Piece, causes
from harness.fetch.watch import Watch
from harness.fetch.wire import Answer, BrokenError
from harness.host.cancel import Cancelled, CancelToken

TRY_LATER = {408, 425, 429}
_BUSY = {429, 503}
_REDIRECTS = {301, 302, 303, 307, 308}
_CONTENT = {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}
_OF_THE_SERVER = 5
_RESOLVE = "check its name, DNS and the proxy"
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
            _Explained(watch),
            self.sessions.borrowed(keeps=self.blob.sha256 is not None) as session,
            session.ended_by(watch.ended, cancel) as trace,
        ):
            response = _answer(session, self.url, _range_headers(start, stop, known), trace)
            try:
                if (is_encoded := self._is_encoded(response)) and response.status_code == HTTPStatus.PARTIAL_CONTENT:
                    response.close()  # a part of a compressed body cannot be decoded
                    response = _answer(session, self.url, {}, trace)
                    is_encoded = self._is_encoded(response)
                head, pieces = _head(response, start, is_encoded=is_encoded), response.pieces
                watch.pause()
                yield head, watch.over(encoding.decoded(pieces, self.blob.size_bytes) if is_encoded else pieces)
            finally:
                response.close()  # which closes the connection, unless all was read
            session.keep(self.url)

    def _is_encoded(self, response: Answer) -> bool:
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


def _answer(session: Session, url: str, headers: Mapping[str, str], trace: Trace) -> Answer:
    """Return the answer after all redirects."""
    answer = _straight(session, url, headers)
    if answer and not (answer.status_code in _REDIRECTS and "location" in answer.headers):
        return answer
    from harness.fetch import by_httpx  # noqa: PLC0415 - it takes longer to load than most blobs to arrive

    return by_httpx.answer(session, url, headers, trace, first=answer)


def _straight(session: Session, url: str, headers: Mapping[str, str]) -> Answer | None:
    """Return the answer to a plain request; None if httpx has to ask.

    A host may close a connection that was kept just when it is used.

    Raises:
        BrokenError: it fails.
    """
    if kept := session.wire_for(url):
        with contextlib.suppress(BrokenError):
            return kept.asked(url, headers)
    new = session.connected(url)
    return new.asked(url, headers) if new else None


def _head(response: Answer, start: int, *, is_encoded: bool) -> Head:
    """Return the answer of a host; accept only the whole blob or, unless it is encoded, the requested range."""
    code, headers = response.status_code, response.headers
    first, last, size = content_range(headers.get("content-range", ""))
    said: dict[str, Any] = {
        "etag": headers.get("etag"),
        "last_modified": headers.get("last-modified"),
        "date": headers.get("date"),
    }
    if code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and size is not None and size <= start:
        return Head(start=start, ranged=True, total=size, **said)
    if is_encoded and code == HTTPStatus.OK:  # its size, ETag and MD5 are those of the encoded bytes
        return Head(last_modified=said["last_modified"], date=said["date"])
    is_range = code == HTTPStatus.PARTIAL_CONTENT and not is_encoded
    if is_range and size is not None and first == start <= last < size:
        return Head(start=start, ranged=True, total=size, md5=md5(headers.get("x-ms-blob-content-md5")), **said)
    if code == HTTPStatus.OK:
        is_chunked = "transfer-encoding" in headers
        length = None if is_chunked else headers.get("content-length")
        total = int(length) if length is not None else None
        is_open = length is None and not is_chunked
        return Head(total=total, md5=md5(headers.get("content-md5")), open_ended=is_open, **said)
    raise AttemptError(_refusal(response, start))


def _phrase(code: int) -> str:
    with contextlib.suppress(ValueError):
        return HTTPStatus(code).phrase
    return ""


def _refusal(response: Answer, start: int) -> Failure:
    code = response.status_code
    what = f"the server answered {code} {_phrase(code)}".rstrip()
    if code == HTTPStatus.PARTIAL_CONTENT:
        what += f" without a range from byte {start} of a known size: {response.headers.get('content-range')!r:.100}"
    return Failure(
        what=what,
        fix=_FIXES.get(code, "ask the operators of the host"),
        retriable=code in {*TRY_LATER, HTTPStatus.PARTIAL_CONTENT} or code // 100 == _OF_THE_SERVER,
        busy=code in _BUSY,
        wait_s=retry_after_s(response.headers.get("retry-after", ""), datetime.now(UTC)),
    )


class _Explained(contextlib.AbstractContextManager[None]):
    """Turns exceptions of connections into AttemptError. If the time was over, that is the reason."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, AttemptError):
            self._watch.check()
        elif isinstance(error, Exception) and not isinstance(error, Cancelled):
            self._explain(error)

    def _explain(self, error: Exception) -> None:
        import ssl  # noqa: PLC0415 - see above

        from harness.fetch import by_httpx  # noqa: PLC0415 - see above

        if not isinstance(error, (BrokenError, *by_httpx.ERRORS)):
            return
        self._watch.check()
        what, chain = _named(error), tuple(causes(error))
        if any(isinstance(each, by_httpx.NO_URL) for each in chain):  # its text may contain secrets
            what = "not a valid URL, or it redirects to one that is not"
            raise AttemptError(Failure(what=what, fix=CORRECT_URL, retriable=False)) from None
        if any(isinstance(each, socket.gaierror) for each in chain):
            what, fix = f"cannot resolve the host ({chain[-1] if isinstance(error, BrokenError) else error})", _RESOLVE
            raise AttemptError(Failure(what=what, fix=fix)) from error
        if any(isinstance(each, ssl.SSLCertVerificationError) for each in chain):
            fix = "name the certificates to trust in SSL_CERT_FILE"
            raise AttemptError(Failure(what=what, fix=fix, retriable=False)) from error
        raise AttemptError(Failure(what=what)) from error


def _named(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, BrokenError) else f"{type(error).__name__}: {text}"
