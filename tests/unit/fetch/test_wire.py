"""What goes straight to a connection that is kept is what httpx would have sent, and only plain answers are taken."""

import socket
from collections.abc import Iterator

import pytest

from harness.fetch import wire
from harness.fetch.source import AttemptError
from harness.fetch.wire import Wire

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
        assert answer
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
    assert answer
    assert [*answer.pieces] == [b"abcd"]
    assert not kept.is_idle


def test_a_body_that_is_cut_short_is_told(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(PLAIN + b"abc")
    answer = Wire(ORIGIN, ours, HEADERS).asked(f"{ORIGIN}/a", {})
    theirs.shutdown(socket.SHUT_WR)
    assert answer
    with pytest.raises(AttemptError, match="was closed 1 bytes before the end"):
        list(answer.pieces)


def test_a_host_that_will_close_is_not_asked_again(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    kept = Wire(ORIGIN, ours, HEADERS)
    theirs.sendall(b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx")
    answer = kept.asked(f"{ORIGIN}/a", {})
    assert answer
    assert (answer.status_code, [*answer.pieces]) == (503, [b"x"])
    assert not kept.is_idle


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 1\n\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"a" * (1 << 17),
    ],
)
def test_an_answer_that_is_not_plain_is_left_to_httpx(ends: tuple[socket.socket, socket.socket], head: bytes) -> None:
    ours, theirs = ends
    ours.settimeout(None)
    theirs.sendall(head + b"x")
    theirs.shutdown(socket.SHUT_WR)
    kept = Wire(ORIGIN, ours, HEADERS)
    assert kept.asked(f"{ORIGIN}/a", {}) is None
    assert not kept.is_idle


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
