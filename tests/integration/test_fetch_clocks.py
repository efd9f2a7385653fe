"""How long a host is waited for that keeps a connection busy, or promises bytes, but brings none of a blob."""

import contextlib
import socketserver
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from harness.core.blobs import Blob
from harness.core.errors import FetchError
from harness.core.urls import Mirror
from harness.fetch.policy import FetchPolicy
from harness.fetch.retry import Retry
from harness.fetch.short_requests import reachable
from harness.host.cancel import Cancelled
from tests.integration.bench import LARGE, SMALL, Bench, good, locked
from tests.integration.faulty_server import Answer, FaultyServer, Framing, Reply, Request
from tests.integration.running import Running, SocketServer

STALL = Retry(attempts=2, first_wait_s=0.001, longest_wait_s=0.001, stall_s=0.3)
# As many attempts as anybody likes: only the clock of the blob ends them.
PATIENT = Retry(attempts=10**6, first_wait_s=0.001, longest_wait_s=0.001, stall_s=0.1, silence_s=0.4)
NO_BYTE = r"no byte of the blob came for 0\.3 s \(attempt 2 of 2, at byte {}\); check the network"
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Dripping(Running):
    """Sends some bytes to each client, then one every 20 ms for 10 s, and reads nothing."""

    def __init__(self, at_once: bytes, drops: bytes) -> None:
        self.at_once, self.drops, self.ends = at_once, drops, threading.Event()
        super().__init__(SocketServer(self, _Drip))

    def end(self) -> None:
        self.ends.set()


class _Drip(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        owner: Dripping = cast("SocketServer", self.server).owner
        with contextlib.suppress(ConnectionError):
            self.request.sendall(owner.at_once)
            for number in range(500):
                if owner.ends.wait(0.02):
                    return
                self.request.sendall(owner.drops[number % len(owner.drops)].to_bytes())


@pytest.mark.parametrize(
    ("at_once", "drops", "at"),
    [
        (b"", HEAD, 0),
        (HEAD, b"X-A: b\r\n", 0),
        (HEAD + b"X-A: ", b"b", 0),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 0),
        (CHUNKED, b"0", 0),
        (CHUNKED + b"5", b";a=b", 0),
        (CHUNKED + b"3\r\nabc\r\n", b"0", 3),
        (CHUNKED + b"3\r\nabc\r\n0\r\n", b"X-A: b\r\n", 3),
    ],
    ids=["status", "headers", "a header", "hints", "a chunk", "its extension", "the last chunk", "trailers"],
)
def test_bytes_that_are_not_of_the_blob_prolong_nothing(bench: Bench, at_once: bytes, drops: bytes, at: int) -> None:
    with Dripping(at_once, drops) as host, pytest.raises(FetchError, match=NO_BYTE.format(at)):
        bench.fetch(Blob(url=f"http://127.0.0.1:{host.port}/a"), retry=STALL)


def test_tls_is_not_waited_for_longer(bench: Bench) -> None:
    with Dripping(b"\x16\x03\x03\x40\x00\x02", b"\0") as host, pytest.raises(FetchError, match=NO_BYTE.format(0)):
        bench.fetch(Blob(url=f"https://127.0.0.1:{host.port}/a"), retry=STALL)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "HTTPS_PROXY"])
def test_a_proxy_is_not_waited_for_longer(bench: Bench, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    with Dripping(HEAD, b"X-A: b\r\n") as proxy:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(FetchError, match=NO_BYTE.format(0)):
            bench.fetch(Blob(url=f"{variable[:-6].lower()}://host.invalid/a"), retry=STALL)


def test_redirects_have_one_limit_together(bench: Bench) -> None:
    def slow(request: Request) -> Reply:
        threading.Event().wait(0.12)
        return Reply(status=302, headers={"Location": f"?{request.number}"})

    with pytest.raises(FetchError, match=NO_BYTE.format(0)):
        bench.fetch(Blob(url=bench.server.serve("/a", slow)), retry=STALL)


def test_a_registry_is_not_waited_for_longer() -> None:
    with Dripping(HEAD, b"X-A: b\r\n") as host:
        assert reachable(f"http://127.0.0.1:{host.port}/v2/", timeout_s=0.2) == "no answer in 0.2 s"


def _but_the_last_byte(body: bytes, **changes: bool) -> Answer:
    """Return what serves all bytes but the last, for which the client waits."""

    def answer(request: Request) -> Reply:
        reply = good(body, **changes)(request)
        last = len(body) - 1 - (request.start if reply.status == 206 else 0)
        return replace(reply, stall_at=last) if last < len(reply.body) else reply

    return answer


def _slowly(body: bytes) -> Answer:
    """Return what has no ranges, and breaks off after the same few bytes, which it sends slowly."""
    return lambda _: Reply(body=body, drop_at=40_000, pause_s=0.08)


WITHOUT_THE_END: dict[str, Callable[[bytes], Reply | Answer]] = {
    "no last byte": _but_the_last_byte,
    "no last byte, no ranges": lambda body: _but_the_last_byte(body, ranges=False),
    "busy": lambda _: Reply(status=503),
    "slow and without ranges": _slowly,
    "chunks without the end": lambda body: Reply(body=body, framing=Framing.CHUNKED, stall_at=len(body)),
}


@pytest.mark.parametrize("connections", [1, 8])
@pytest.mark.parametrize("is_locked", [True, False], ids=["locked", "unlocked"])
@pytest.mark.parametrize("name", WITHOUT_THE_END)
def test_a_blob_ends_that_gets_no_new_byte(bench: Bench, name: str, connections: int, *, is_locked: bool) -> None:
    url = bench.server.serve("/a", WITHOUT_THE_END[name](LARGE))
    with pytest.raises(FetchError, match=rf"^{url}: no new byte for 0\.4 s; the last failure: {url}: .*check the"):
        bench.fetch(locked(url, LARGE) if is_locked else Blob(url=url), retry=PATIENT, connections=connections)
    assert bench.files() == []


def test_mirrors_share_the_clock(bench: Bench) -> None:
    with FaultyServer() as first, FaultyServer() as second:
        url, *others = (each.serve("/a", Reply(stall_at=0, head=b"")) for each in (bench.server, first, second))
        policy = FetchPolicy(mirrors=tuple(Mirror.parse(f"{url}={other}") for other in others))
        with pytest.raises(FetchError, match=r"no new byte for 0\.4 s"):
            bench.fetch(locked(url, SMALL), retry=PATIENT, policy=policy)
        assert first.requests
        assert second.requests


def test_a_blob_that_waits_for_its_turn_is_not_silent(bench: Bench) -> None:
    slow = bench.server.serve("/slow", lambda request: replace(good(LARGE)(request), pause_s=0.04))
    quick = bench.server.serve("/quick", good(SMALL))
    with bench.fetcher(connections=1, retry=PATIENT) as fetcher:
        first = threading.Thread(target=fetcher.fetch, args=(locked(slow, LARGE),))
        first.start()
        while not bench.server.requests:
            threading.Event().wait(0.01)
        assert fetcher.fetch(locked(quick, SMALL)).path.read_bytes() == SMALL
        first.join()


def test_a_cut_body_of_unknown_size_is_not_taken_for_a_whole(bench: Bench) -> None:
    url = bench.server.serve(
        "/a", Reply(body=LARGE, framing=Framing.CLOSE, stall_at=300_000, headers={"ETag": '"one"'})
    )
    with pytest.raises(Cancelled):
        bench.interrupted(Blob(url=url), 300_000)
    with pytest.raises(FetchError, match="no byte of the blob"):
        bench.fetch(Blob(url=url), retry=STALL)
    bench.server.serve("/a", good(LARGE))
    assert bench.fetch(Blob(url=url)).path.read_bytes() == LARGE
