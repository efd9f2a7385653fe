"""How a served store gets on with clients of any kind: many, old, rude, slow, or wrong."""

import contextlib
import hashlib
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.store.store import Store
from tests.integration.bench import until
from tests.integration.shelf import (
    BODY,
    LARGE,
    LARGE_URL,
    NO_BLOB,
    PATIENCE_S,
    URL,
    asked,
    client_of,
    connected,
    keep,
    raw,
)

SCRIPT = """
import functools, pathlib, signal, sys
from harness.core.errors import Terminated
from harness.fetch import mirror_server
from harness.store.store import Store
def terminated(*_):
    raise Terminated
signal.signal(signal.SIGTERM, terminated)
mirror_server.run(Store(pathlib.Path(sys.argv[1])), "127.0.0.1", 0, functools.partial(print, flush=True))
print("closed")
"""


def test_a_connection_serves_many_requests(served: str) -> None:
    with connected(served) as connection, connection.makefile("rb") as file:
        for target, body in ((f"/{URL}", BODY), ("/no", NO_BLOB.encode()), (f"/{URL}", BODY)):
            for method in ("HEAD", "GET"):
                host = served.removeprefix("http://").strip("/")
                connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                lines = list(iter(file.readline, b"\r\n"))
                assert f"Content-Length: {len(body)}\r\n".encode() in lines
                assert method == "HEAD" or file.read(len(body)) == body
        connection.sendall(f"GET /{URL} HTTP/1.1\r\nIf-None-Match: *\r\n\r\nGET / HTTP/1.1\r\n\r\n".encode())
        assert file.readline() == b"HTTP/1.1 304 Not Modified\r\n"
        assert list(iter(file.readline, b"\r\n"))
        assert file.readline() == b"HTTP/1.1 200 OK\r\n"


def test_what_follows_as_a_body_is_no_request(served: str) -> None:
    inner = b"GET /smuggled HTTP/1.1\r\n\r\n"
    for head in (b"Content-Length: 99", b"content-length: 26", b"Transfer-Encoding: chunked"):
        text = raw(served, b"GET / HTTP/1.1\r\n" + head + b"\r\n\r\n" + inner)
        assert text.count(b"HTTP/1.1 ") == 1


def test_what_is_no_request_is_refused(served: str, capfd: pytest.CaptureFixture[str]) -> None:
    for request, answer in (
        (b"\r\n\r\n", b""),
        (b"garbage\r\n\r\n", b"Bad Request.\n"),
        (b"GET / HTTP/9.9\r\n\r\n", b"HTTP Version Not Supported.\n"),
        (b"GET / nonsense\r\n\r\n", b"Bad Request.\n"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"Request-URI Too Long.\n"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", b"Request Header Fields Too Large.\n"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"Request Header Fields Too Large.\n"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", b"Bad Request.\n"),  # TLS
    ):
        assert raw(served, request).endswith(answer), request[:50]
    assert asked(served, f"/{URL}").content == BODY
    assert capfd.readouterr().err == ""


def test_old_clients_are_served(served: str) -> None:
    assert raw(served, f"GET /{URL} HTTP/1.0\r\n\r\n".encode()).endswith(b"\r\n\r\n" + BODY)
    assert raw(served, f"GET /{URL}\r\n\r\n".encode()) == BODY


@pytest.mark.parametrize("taken", [0, 100_000])
def test_a_client_that_disconnects_disturbs_no_other(
    store: Store, served: str, said: list[str], taken: int, capfd: pytest.CaptureFixture[str]
) -> None:
    keep(store, LARGE, LARGE_URL)
    with connected(served) as connection:
        connection.sendall(f"GET /{LARGE_URL} HTTP/1.1\r\n\r\n".encode())
        while taken > 0:
            taken -= len(connection.recv(taken))
    until(lambda: said[-1].endswith(", aborted"))
    assert said[-1] == f"127.0.0.1 200 {len(LARGE)} bytes for GET {LARGE_URL}, aborted"
    assert asked(served, f"/{URL}").content == BODY
    assert capfd.readouterr() == ("", "")


def test_a_client_that_disconnects_before_its_request_disturbs_no_other(
    served: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for begun in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHo"):
        with connected(served) as connection:
            connection.sendall(begun)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # it hangs up rudely
        assert asked(served, f"/{URL}").content == BODY
    assert capfd.readouterr() == ("", "")


def test_a_client_that_takes_nothing_is_left(
    store: Store, served: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.fetch.mirror_server._Handler.timeout", 0.2)
    keep(store, LARGE, LARGE_URL)
    with connected(served) as idle, connected(served) as stalled:
        stalled.sendall(f"GET /{LARGE_URL} HTTP/1.1\r\n\r\n".encode())
        until(lambda: said[-1].endswith(", aborted"))
        assert idle.recv(1) == b""


@contextlib.contextmanager
def process(store: Store) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve in a process of its own, and yield the URL too."""
    argv = [sys.executable, "-c", SCRIPT, str(store.root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().split(" on ")[1].split()[0]
        finally:
            process.kill()


def peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_during_a_transfer(store: Store, number: signal.Signals) -> None:
    keep(store, LARGE, LARGE_URL)
    with process(store) as (child, url), connected(url) as idle, connected(url) as loading:
        assert asked(url, f"/{URL}").content == BODY
        loading.sendall(f"GET /{LARGE_URL} HTTP/1.1\r\n\r\n".encode())
        assert loading.recv(1) == b"H"
        child.send_signal(number)
        out, err = child.communicate(timeout=PATIENCE_S)
        assert (child.returncode, out.splitlines()[-1], err) == (0, "closed", "")
        assert idle.recv(1) == b""


def test_parallel_clients_take_no_memory(store: Store) -> None:
    sha256 = keep(store, LARGE, LARGE_URL).sha256("blob")
    start = threading.Barrier(8)

    def digest(url: str) -> str:
        start.wait()
        digest = hashlib.sha256()
        with client_of(url) as client, client.stream("GET", f"/{LARGE_URL}") as response:
            for piece in response.iter_raw():
                digest.update(piece)
        return digest.hexdigest()

    with process(store) as (child, url), ThreadPoolExecutor(8) as pool:
        before = peak_bytes(child.pid)
        assert set(pool.map(digest, [url] * 8)) == {sha256}
        assert peak_bytes(child.pid) - before < len(LARGE) / 2
