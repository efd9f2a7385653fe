"""Small blobs share connections, and nothing that a connection brought before can become a blob."""

import socketserver
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from harness.core.blobs import Blob
from harness.fetch.download import DownloadOptions
from harness.fetch.fetcher import Fetcher
from harness.store.store import Store
from tests.integration.bench import QUICK, locked
from tests.integration.running import Running, SocketServer

BODIES = {f"/{number}": bytes([number]) * (number << 12) for number in range(1, 7)}


@dataclass(eq=False)
class _Host(Running):
    """Serves the bodies, on connections that it keeps open.

    Attributes:
        surplus: bytes that follow each body.
        answers: how many requests of a connection are answered; the next one closes it.
        connections: how many there were.
    """

    surplus: bytes = b""
    answers: int = 100
    connections: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(SocketServer(self, _Handler))


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        host = cast("_Host", cast("SocketServer", self.server).owner)
        host.connections.append(0)
        place = len(host.connections) - 1
        while (line := self.rfile.readline()) and host.connections[place] < host.answers:
            while self.rfile.readline().strip():
                continue
            body = BODIES[line.decode().split()[1]]
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            self.wfile.write(head + body + host.surplus)
            host.connections[place] += 1


@pytest.fixture
def host() -> Iterator[_Host]:
    with _Host() as found:
        yield found


def _fetched(host: _Host, folder: Path, *, is_locked: bool = True) -> list[str]:
    """Fetch all bodies, and return the notices."""
    notices: list[str] = []
    with Store(folder) as store, Fetcher(store, DownloadOptions(notice=notices.append, retry=QUICK)) as fetcher:
        for path, body in BODIES.items():
            url = f"http://127.0.0.1:{host.port}{path}"
            fetched = fetcher.fetch(locked(url, body) if is_locked else Blob(url=url))
            assert fetched.path.read_bytes() == body
    return notices


def test_blobs_of_the_lock_file_share_a_connection(host: _Host, tmp_path: Path) -> None:
    assert _fetched(host, tmp_path) == []
    assert host.connections == [len(BODIES)]


def test_without_a_digest_each_blob_has_its_own_connection(host: _Host, tmp_path: Path) -> None:
    _fetched(host, tmp_path, is_locked=False)
    assert host.connections == [1] * len(BODIES)


def test_a_connection_that_the_host_has_closed_is_no_failed_attempt(host: _Host, tmp_path: Path) -> None:
    host.answers = 2
    assert _fetched(host, tmp_path) == []
    assert host.connections == [2, 2, 2]


def test_what_follows_a_body_is_not_taken_for_the_next_one(host: _Host, tmp_path: Path) -> None:
    body = b"\xff" * 10
    host.surplus = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    _fetched(host, tmp_path)  # and checks each of them
