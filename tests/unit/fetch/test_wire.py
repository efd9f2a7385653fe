"""What goes straight to a connection is what httpx would have sent, and its answers are read as httpx reads them."""

import socket
import threading
from collections.abc import Iterator

import pytest

from harness.fetch import wire
from harness.fetch.source import AttemptError
from harness.fetch.wire import BrokenError, Wire

ORIGIN = "http://127.0.0.1:80"
HEADERS = [(b"Host", b"127.0.0.1"), (b"Range", b"bytes=0-3"), (b"If-Range", b'"one"')]
PLAIN = b'HTTP/1.1 206 Partial Content\r\nContent-Length: 4\r\nETag:  "one" \r\n\r\n'


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_one_request_follows_another(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    kept = Wire(ORIGIN, ours, HEADERS)
    for body in (b"abcd", b"efgh"):
        theirs.sendall(PLAIN + body[:2])
        answer = kept.asked(f"{ORIGIN}/a?b=%2F", {"Range": "bytes=4-7"})
        assert theirs.recv(999) == b"GET /a?b=%2F HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: bytes=4-7\r\n\r\n"
        assert (answer.status_code, answer.headers) == (206, {"content-length": "4", "etag": '"one"'})
        assert not kept.is_idle
        theirs.sendall(body[2:])
        assert b"".join(map(bytes, answer.pieces)) == body
        assert kept.is_idle
    theirs.close()
    assert not kept.is_idle


@pytest.mark.parametrize("more", [b"abcde", b"abcd" + PLAIN])
def test_what_follows_a_body_ends_it(ends: tuple[socket.socket, socket.socket], more: bytes) -> None:
    ours, theirs = ends
    kept = Wire(ORIGIN, ours, HEADERS)
    theirs.sendall(PLAIN + more)
    answer = kept.asked(f"{ORIGIN}/a", {})
    assert [*answer.pieces] == [b"abcd"]
    assert not kept.is_idle


def test_a_body_that_is_cut_short_is_told(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(PLAIN + b"abc")
    answer = Wire(ORIGIN, ours, HEADERS).asked(f"{ORIGIN}/a", {})
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(AttemptError, match="was closed 1 bytes before the end"):
        list(answer.pieces)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "stays"),
    [
        (CHUNKED + b"3;a=b\r\nabc\r\n1 \r\nd\r\n0\r\nA: b\r\n\r\n", True),
        (CHUNKED + b"4\r\nabcd\r\n0\r\n\r\nHTTP/1.1", False),
        (b"HTTP/1.1 200 OK\r\n\r\nabcd", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nabcd", False),
    ],
)
def test_a_body_has_its_end_however_it_is_told(
    ends: tuple[socket.socket, socket.socket], sent: bytes, *, stays: bool
) -> None:
    ours, theirs = ends
    kept = Wire(ORIGIN, ours, HEADERS)

    def send() -> None:
        for each in sent:
            theirs.sendall(bytes([each]))
        if not stays:
            theirs.shutdown(socket.SHUT_WR)

    sending = threading.Thread(target=send)
    sending.start()
    answer = kept.asked(f"{ORIGIN}/a", {})
    assert b"".join(map(bytes, answer.pieces)) == b"abcd"
    sending.join()
    assert kept.is_idle is stays


@pytest.mark.parametrize(
    ("sent", "what"),
    [
        (b"4\r\nab", "incomplete chunked read"),
        (b"0", "incomplete"),
        (b"x\r\n", "illegal"),
        (b"1\r\nab\r\n", "illegal end"),
    ],
)
def test_chunks_that_make_no_sense_are_told(ends: tuple[socket.socket, socket.socket], sent: bytes, what: str) -> None:
    ours, theirs = ends
    theirs.sendall(CHUNKED + sent)
    theirs.shutdown(socket.SHUT_WR)
    answer = Wire(ORIGIN, ours, HEADERS).asked(f"{ORIGIN}/a", {})
    with pytest.raises(BrokenError, match=f"RemoteProtocolError: .*{what}"):
        list(answer.pieces)


def test_a_host_that_will_close_is_not_asked_again(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    kept = Wire(ORIGIN, ours, HEADERS)
    theirs.sendall(b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx")
    answer = kept.asked(f"{ORIGIN}/a", {})
    assert (answer.status_code, [*answer.pieces]) == (503, [b"x"])
    assert not kept.is_idle


@pytest.mark.parametrize(
    ("sent", "what"),
    [
        (b"I am no HTTP server\r\n\r\n", "illegal status line"),
        (b"HTTP/2 200\r\n\r\n", "illegal status line"),
        (b"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nx", "illegal header line"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "not a length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "not a length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "not a length"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"a" * (1 << 17), "has more than"),
        (b"HTTP/1.1 200 OK\r\n", "Server disconnected"),
        (b"", "Server disconnected"),
    ],
)
def test_what_is_no_http_is_told(ends: tuple[socket.socket, socket.socket], sent: bytes, what: str) -> None:
    ours, theirs = ends
    theirs.sendall(sent)
    theirs.shutdown(socket.SHUT_WR)
    kept = Wire(ORIGIN, ours, HEADERS)
    with pytest.raises(BrokenError, match=f"RemoteProtocolError: .*{what}"):
        kept.asked(f"{ORIGIN}/a", {})
    assert not kept.is_idle


def test_an_answer_may_be_old_fashioned(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404\nA: \xe9\n b\nA: c\nLength: 1\nContent-Length: 1\n")
    theirs.sendall(b"content-length: 1\n\nx")
    answer = Wire(ORIGIN, ours, HEADERS).asked(f"{ORIGIN}/a", {})
    assert (answer.status_code, answer.headers) == (404, {"a": "\u00e9 b, c", "length": "1", "content-length": "1"})
    assert answer.fields[:2] == [("a", "\u00e9 b"), ("a", "c")]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://host.example/a/b-1_2~.npy?x=%2F&sig=a%3D", "https://host.example"),
        ("http://127.0.0.1:80/", ORIGIN),
        ("http://host", None),
        ("http://Host/a", None),
        ("http://user:passw0rd@host/a", None),
        ("http://[::1]/a", None),
        ("http://host/a/../b", None),
        ("http://host/./b", None),
        ("http://host/a b", None),
        ("http://host/%2f", None),
        ("http://host/a#b", None),
        ("http://host/a\r\nB: c", None),
        ("http://h\u00f6st/a", None),
        ("ftp://host/a", None),
    ],
)
def test_only_a_url_that_goes_into_a_request_as_it_is_is_plain(url: str, origin: str | None) -> None:
    assert wire.origin_of(url) == origin


def test_what_went_through_a_proxy_is_not_followed(ends: tuple[socket.socket, socket.socket]) -> None:
    url = f"{ORIGIN}/a"
    assert wire.kept(url, ends[0], url.encode(), HEADERS) is None
    assert wire.kept(url, ends[0], b"/a", HEADERS)
