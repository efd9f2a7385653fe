import base64
import hashlib
import itertools
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.blobs import Blob
from harness.fetch.by_httpx import response
from harness.fetch.headers import retry_after_s
from harness.fetch.http import HttpSource, _Explained, _head
from harness.fetch.sessions import Sessions
from harness.fetch.source import AttemptError, Head
from harness.fetch.watch import Watch
from harness.fetch.wire import Answer

NOW = datetime(2024, 2, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("9" * 5000, float("inf")),
        ("Thu, 29 Feb 2024 12:01:00 GMT", 60),
        ("Thu, 29 Feb 2024 13:00:30 +0100", 30),
        ("Thu, 29 Feb 2024 12:01:00", 60),
        ("Thursday, 29-Feb-24 12:01:00 GMT", 60),
        ("Thu, 29 Feb 2024 11:59:59 GMT", 0),
        ("Thu, 29 Feb 99999999999999999999 12:00:00 GMT", None),
        ("-5", None),
        ("1.5", None),
        ("\u00b2", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_server_says_when_to_come_again(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


@given(st.text() | st.from_regex(r"\w{3}, \d+ (Jan|Feb|Dec) \d+ \d+:\d+:\d+ (GMT|[+-]\d+)", fullmatch=True))
def test_any_header_is_understood_or_ignored(value: str) -> None:
    seconds = retry_after_s(value, NOW)
    assert seconds is None or seconds >= 0


def _redirecting(*hops: str) -> httpx.Client:
    """Return a client in whose world each URL redirects to the next; the last is content."""
    steps = dict(itertools.pairwise(hops))

    def answer(request: httpx.Request) -> httpx.Response:
        target = steps.get(str(request.url))
        return httpx.Response(302, headers={"Location": target}) if target else httpx.Response(200)

    return httpx.Client(transport=httpx.MockTransport(answer))


def _unheard(_event: str, _info: Mapping[str, Any]) -> None:
    """Hear nothing of connections."""


@pytest.mark.parametrize(
    "hops",
    [
        ("https://a/1",),
        ("https://a/1", "https://b/2", "https://c/3"),
        ("http://a/1", "http://b/2"),
        ("http://a/1", "https://b/2"),
    ],
)
def test_a_redirect_may_stay_or_become_safer(hops: tuple[str, ...]) -> None:
    with _redirecting(*hops) as client:
        assert response(client, hops[0], {}, _unheard).url == hops[-1]


@pytest.mark.parametrize(
    "hops",
    [
        ("https://a/1", "http://b/2?sig=s1gnature"),
        ("http://a/1", "https://a/2", "http://a/3"),
        ("https://a/1", "ftp://a/2"),
    ],
)
def test_a_redirect_may_not_become_less_safe(hops: tuple[str, ...]) -> None:
    with _redirecting(*hops) as client, pytest.raises(AttemptError, match="refused to follow a redirect") as raised:
        response(client, hops[0], {}, _unheard)
    assert not raised.value.failure.retriable
    assert "s1gnature" not in str(raised.value)


@pytest.mark.parametrize(
    ("cause", "what", "fix", "retriable"),
    [
        (socket.gaierror(-2, "Name or service not known"), "cannot resolve the host", "DNS", True),
        (ssl.SSLCertVerificationError(1, "self-signed certificate"), "self-signed", "SSL_CERT_FILE", False),
        (ConnectionRefusedError(111, "Connection refused"), "ConnectError: ", "check the network", True),
        (httpx.InvalidURL("Invalid port: 'passw0rd'"), "not a valid URL", "the spec", False),
    ],
)
def test_what_httpx_says_becomes_advice(cause: Exception, what: str, fix: str, retriable: bool) -> None:  # noqa: FBT001
    error = httpx.ConnectError(str(cause))
    error.__context__ = cause
    with pytest.raises(AttemptError) as raised, _Explained(Watch(1)):
        raise error
    assert what in str(raised.value)
    assert fix in raised.value.failure.fix
    assert raised.value.failure.retriable is retriable
    assert "passw0rd" not in str(raised.value)


SAID = {"ETag": '"one"', "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT", "Date": "Thu, 29 Feb 2024 12:00:00 GMT"}
MD5 = base64.b64encode(hashlib.md5(b"", usedforsecurity=False).digest()).decode()


def _said(code: int, start: int, **headers: str) -> Head:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return _head(_answer(code, httpx.Headers(SAID | named)), start, is_encoded=False)


def _answer(code: int, headers: httpx.Headers) -> Answer:
    return Answer(status_code=code, headers=dict(headers.items()), pieces=iter(()))


def test_a_head_says_what_comes() -> None:
    ranged = _said(206, 5, Content_Range="bytes 5-9/20", x_ms_blob_content_md5=MD5, Content_MD5="of the range")
    assert (ranged.start, ranged.ranged, ranged.total) == (5, True, 20)
    assert (ranged.etag, ranged.last_modified, ranged.date) == tuple(SAID.values())
    assert ranged.md5 == "d41d8cd98f00b204e9800998ecf8427e"
    whole = _said(200, 5, Content_Length="20", Content_MD5=MD5)
    assert (whole.start, whole.ranged, whole.total, whole.open_ended) == (0, False, 20, False)
    assert whole.md5 == ranged.md5
    assert _said(200, 0, Content_MD5="no base64").md5 is None


def test_a_head_may_not_say_where_the_end_is() -> None:
    chunked, endless = _said(200, 0, Transfer_Encoding="chunked"), _said(200, 0)
    assert (chunked.total, chunked.open_ended) == (None, False)
    assert (endless.total, endless.open_ended) == (None, True)


@pytest.mark.parametrize(("start", "size"), [(0, 0), (20, 20), (20, 5)])
def test_a_range_beyond_the_end_says_where_the_end_is(start: int, size: int) -> None:
    head = _said(416, start, Content_Range=f"bytes */{size}")
    assert (head.start, head.ranged, head.total) == (start, True, size)


@pytest.mark.parametrize(
    ("code", "content_range"),
    [
        (206, ""),
        (206, "bytes 4-9/20"),
        (206, "bytes 6-9/20"),
        (206, "bytes 5-4/20"),
        (206, "bytes 5-20/20"),
        (206, "bytes 5-9/*"),
        (206, "bytes */20"),
        (206, "bytes 5-9/" + "9" * 5000),
        (206, "items 5-9/20"),
        (206, "bytes \u0665-9/20"),
        (416, ""),
        (416, "bytes */*"),
        (416, "bytes */6"),
        (201, "bytes 5-9/20"),
    ],
)
def test_a_head_that_makes_no_sense_is_refused(code: int, content_range: str) -> None:
    headers = httpx.Headers({"Content-Range": content_range}, encoding="utf-8")
    with pytest.raises(AttemptError, match=f"the server answered {code} ") as raised:
        _head(_answer(code, headers), 5, is_encoded=False)
    assert raised.value.failure.retriable is (code == 206)  # what a proxy got wrong once, it may get right


def _answering(sha256: str | None, code: int = 200, **headers: str) -> HttpSource:
    """Return a source whose host has one answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sessions = Sessions(stall_s=60, transport=httpx.MockTransport(lambda _: httpx.Response(code, headers=named)))
    return HttpSource(sessions=sessions, url="http://a/1", blob=Blob(url="http://a/1", sha256=sha256), stall_s=60)


@pytest.mark.parametrize("sha256", [None, "0" * 64])
@pytest.mark.parametrize("encoding", ["identity", "Identity", "gzip", "x-gzip", "br", "deflate", "gzip, gzip"])
def test_bytes_are_decoded_only_if_a_digest_vouches_for_the_result(encoding: str, sha256: str | None) -> None:
    source = _answering(sha256, Content_Encoding=encoding)
    if encoding.lower() == "identity" or (sha256 and encoding in {"gzip", "x-gzip"}):
        with source.opened(0, None, None, None) as (head, _):
            assert (head.start, head.ranged, head.total) == (0, False, None)
    else:
        refused = pytest.raises(AttemptError, match=f"the response is {encoding}-encoded, which was not requested")
        with refused as raised, source.opened(0, None, None, None):
            pass
        assert not raised.value.failure.retriable
        assert ("add the SHA-256" in raised.value.failure.fix) is (encoding in {"gzip", "x-gzip"})


def test_an_encoded_refusal_is_a_refusal() -> None:
    source = _answering(None, 503, Content_Encoding="gzip")
    with pytest.raises(AttemptError, match="the server answered 503") as raised, source.opened(0, None, None, None):
        pass
    assert raised.value.failure.retriable


@pytest.mark.parametrize(
    ("head", "validator"),
    [
        (Head(etag='"one"'), '"one"'),
        (Head(etag='W/"one"', last_modified=SAID["Last-Modified"], date=SAID["Date"]), None),
        (Head(last_modified=SAID["Last-Modified"], date=SAID["Date"]), SAID["Last-Modified"]),
        (Head(last_modified=SAID["Date"], date=SAID["Date"]), None),
        (Head(last_modified="yesterday", date=SAID["Date"]), None),
        (Head(last_modified=SAID["Last-Modified"]), None),
        (Head(), None),
    ],
)
def test_only_a_strong_validator_is_used(head: Head, validator: str | None) -> None:
    assert head.validator == validator


@pytest.mark.parametrize(
    ("was", "now", "difference"),
    [
        (Head(total=1), Head(total=2), "its size was 1 and is 2"),
        (Head(etag="a"), Head(etag="b"), "its ETag was a and is b"),
        (Head(etag="a", last_modified="x"), Head(etag="a", last_modified="y"), None),
        (Head(last_modified="x"), Head(last_modified="y"), "its date was x and is y"),
        (Head(etag="a", last_modified="x"), Head(last_modified="y"), "its date was x and is y"),
        (Head(total=1, etag="a"), Head(), None),
    ],
)
def test_two_heads_may_be_of_two_contents(was: Head, now: Head, difference: str | None) -> None:
    assert was.differs(now) == difference
