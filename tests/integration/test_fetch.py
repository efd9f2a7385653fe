"""Fetches from a server that misbehaves on command."""

import base64
import contextlib
import email.utils
import hashlib
import json
import logging
import resource
import shutil
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DiskError, FetchError, IntegrityError
from harness.fetch import Fetched, Fetcher, Retry
from harness.model import Blob
from harness.process import Cancel, Cancelled
from harness.store import Entry, Store
from tests.integration.faulty_server import FaultyServer, Framing, Reply

BODY = bytes(range(256)) * 400  # 100 KiB: several pieces on the wire
SHA256 = hashlib.sha256(BODY).hexdigest()
OTHER = BODY[::-1]
GOOD = Reply(body=BODY)
QUICK = Retry(attempts=3, first_wait_s=0.01, longest_wait_s=0.05, stall_s=0.3)
PROXIES = [name for each in ("HTTP", "HTTPS", "ALL", "NO") for name in (f"{each}_PROXY", f"{each.lower()}_proxy")]

GARBAGE = Reply(head=b"I am no HTTP server\r\n\r\n")
SILENCE = Reply(head=b"", drop_at=0)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*PROXIES, "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))  # no certificate is needed, and to read them all takes long


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def notices() -> list[str]:
    return []


Fetch = Callable[..., Fetched]


@pytest.fixture
def fetch(store: Store, notices: list[str]) -> Fetch:
    def fetch(url: str, sha256: str | None = SHA256, size: int | None = None, **options: Any) -> Fetched:
        with Fetcher(store, **{"notice": notices.append, "retry": QUICK, **options}) as fetcher:
            return fetcher.fetch(Blob(url=url, sha256=sha256, size_bytes=size))

    return fetch


def files(store: Store) -> list[Path]:
    """Return what is in the store besides locks."""
    return [path for path in store.root.rglob("*") if path.is_file() and "locks" not in path.parts]


def drafts(store: Store) -> list[Path]:
    return list((store.root / "tmp").iterdir())


def test_a_blob_comes_in_whole_and_is_told_of(fetch: Fetch, server: FaultyServer, store: Store) -> None:
    url = server.serve("/clip.irpa", GOOD)
    seen: list[tuple[Blob, int, int | None]] = []
    fetched = fetch(url, size=len(BODY), progress=lambda *each: seen.append(each))
    assert fetched.path.read_bytes() == BODY
    assert fetched.path == store.root / "blobs" / SHA256[:2] / SHA256 / "blob"
    assert (fetched.blob.url, fetched.blob.sha256, fetched.blob.bytes) == (url, SHA256, len(BODY))
    assert (fetched.blob.attempts, fetched.blob.cached, fetched.blob.resumed) == (1, False, False)
    assert [so_far for _, so_far, _ in seen] == sorted(so_far for _, so_far, _ in seen)
    assert seen[-1] == (Blob(url=url, sha256=SHA256, size_bytes=len(BODY)), len(BODY), len(BODY))
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert drafts(store) == []


@pytest.mark.parametrize("sha256", [SHA256, None], ids=["locked", "unlocked"])
def test_what_is_in_the_store_needs_no_network(fetch: Fetch, server: FaultyServer, sha256: str | None) -> None:
    url = server.serve("/a", GOOD)
    first = fetch(url, sha256)
    again = fetch(url, sha256, offline=True)
    assert again.path == first.path
    assert (again.blob.attempts, again.blob.cached) == (0, True)
    assert server.count("/a") == 1


@pytest.mark.parametrize("body", [b"", b"x"])
def test_small_blobs_are_blobs(fetch: Fetch, server: FaultyServer, body: bytes) -> None:
    fetched = fetch(server.serve("/a", Reply(body=body)), hashlib.sha256(body).hexdigest(), len(body))
    assert (fetched.path.read_bytes(), fetched.blob.bytes) == (body, len(body))


PASSING = {
    "500": (Reply(status=500), "500 Internal Server Error", 0),
    "502": (Reply(status=502), "502 Bad Gateway", 0),
    "503": (Reply(status=503, body=b"busy"), "503 Service Unavailable", 0),
    "408": (Reply(status=408), "408 Request Timeout", 0),
    "425": (Reply(status=425), "425 Too Early", 0),
    "429": (Reply(status=429), "429 Too Many Requests", 0),
    "599, which has no name": (Reply(status=599), "answered 599 (", 0),
    "dropped before it begins": (Reply(body=BODY, drop_at=0), "closed connection without sending", 0),
    "dropped": (Reply(body=BODY, drop_at=70_000), "closed connection without sending", 70_000),
    "dropped in a chunk": (
        Reply(body=BODY, drop_at=70_000, framing=Framing.CHUNKED),
        "incomplete chunked read",
        70_000,
    ),
    "announced too long": (Reply(body=BODY, announced=len(BODY) + 1), "closed connection without sending", len(BODY)),
    "announced too short": (Reply(body=BODY, announced=1000), "1000 bytes; expected sha256:", 1000),
    "cut short without a length": (Reply(body=BODY, framing=Framing.CLOSE, drop_at=9), "9 bytes; expected", 9),
    "stalls": (Reply(body=BODY, stall_at=30_000), "ReadTimeout", 30_000),
    "stalls before it begins": (Reply(body=BODY, head=b"", drop_at=0, stall_at=0), "ReadTimeout", 0),
    "right length, wrong bytes": (Reply(body=OTHER), f"expected sha256:{SHA256}", len(BODY)),
    "no HTTP": (GARBAGE, "RemoteProtocolError", 0),
    "hangs up": (SILENCE, "disconnected without sending", 0),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_waited_out(
    fetch: Fetch, server: FaultyServer, store: Store, notices: list[str], name: str
) -> None:
    fault, cause, offset = PASSING[name]
    url = server.serve("/a", fault, GOOD)
    fetched = fetch(url)
    assert fetched.path.read_bytes() == BODY
    assert (fetched.blob.attempts, server.count("/a")) == (2, 2)
    (notice,) = notices
    assert notice.startswith(f"{url}: ")
    assert cause in notice
    assert f"(attempt 1 of 3, at byte {offset}); next in 0.0 s" in notice
    assert "\n" not in notice
    assert drafts(store) == []


def test_a_reset_connection_is_a_dropped_one(fetch: Fetch, server: FaultyServer, notices: list[str]) -> None:
    url = server.serve("/a", Reply(body=BODY, times=40, drop_at=20 * len(BODY), reset=True), GOOD)
    assert fetch(url, size=None).blob.attempts == 2
    assert "ReadError: [Errno 104] Connection reset by peer" in notices[0]


def test_two_faults_in_a_row_cost_three_attempts(fetch: Fetch, server: FaultyServer, notices: list[str]) -> None:
    url = server.serve("/a", Reply(status=503), Reply(body=BODY, drop_at=20_000), GOOD)
    assert fetch(url).blob.attempts == 3
    assert [f"attempt {number} of 3" in notice for number, notice in enumerate(notices, 1)] == [True, True]


@pytest.mark.parametrize("fault", [Reply(status=503), Reply(body=BODY, drop_at=9), GARBAGE, SILENCE])
def test_what_does_not_pass_is_given_up(fetch: Fetch, server: FaultyServer, store: Store, fault: Reply) -> None:
    url = server.serve("/a", fault)
    with pytest.raises(
        FetchError, match=r"\(attempt 3 of 3, at byte \d\); .*later\.|ask those who run the host"
    ) as raised:
        fetch(url)
    assert str(raised.value).startswith(f"{url}: ")
    assert server.count("/a") == 3
    assert files(store) == []
    assert drafts(store) == []


@pytest.mark.parametrize(
    ("status", "mend"),
    [
        (400, "ask those who run the host"),
        (401, "check the right of access, and whether the credentials in the URL expired"),
        (403, "check the right of access, and whether the credentials in the URL expired"),
        (404, "it was moved or removed: correct the URL in the spec"),
        (410, "it was moved or removed: correct the URL in the spec"),
        (204, "ask those who run the host"),
        (206, "ask those who run the host"),
        (304, "ask those who run the host"),
    ],
)
def test_what_will_not_pass_is_asked_once(fetch: Fetch, server: FaultyServer, status: int, mend: str) -> None:
    url = server.serve("/a", Reply(status=status))
    with pytest.raises(FetchError, match=rf"{url}: the server answered {status} .*; {mend}\."):
        fetch(url)
    assert server.count("/a") == 1


def _date(hours: int) -> str:
    return email.utils.format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)


WISHES = {"at once": ("0", 0.0), "in an hour": ("3600", 0.2), "past": (_date(-1), 0.0), "to come": (_date(1), 0.2)}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("wish", WISHES)
def test_the_server_says_when_to_come_again(
    fetch: Fetch, server: FaultyServer, notices: list[str], status: int, wish: str
) -> None:
    retry_after, wait_s = WISHES[wish]
    url = server.serve("/a", Reply(status=status, headers={"Retry-After": retry_after}), GOOD)
    fetched = fetch(url, retry=Retry(attempts=2, first_wait_s=0.1, longest_wait_s=0.2))
    assert f"next in {wait_s:.1f} s" in notices[0]
    assert fetched.seconds >= wait_s


def test_the_same_wrong_content_twice_is_no_accident(fetch: Fetch, server: FaultyServer, store: Store) -> None:
    url = server.serve("/a", Reply(body=OTHER))
    with pytest.raises(IntegrityError) as raised:
        fetch(url, size=len(BODY))
    got, expected = (f"sha256:{digest}, {len(BODY)} bytes" for digest in (hashlib.sha256(OTHER).hexdigest(), SHA256))
    assert f"{url}: its content is {got}; expected {expected} (attempt 2 of 3" in str(raised.value)
    assert "the content changed on the host, or a proxy alters it; compare with `harness lock`." in str(raised.value)
    assert server.count("/a") == 2
    assert files(store) == []


def test_content_that_is_wrong_in_ever_new_ways_is_given_up(fetch: Fetch, server: FaultyServer, store: Store) -> None:
    url = server.serve("/a", *(Reply(body=BODY[:-1] + bytes([each])) for each in range(5)))
    with pytest.raises(IntegrityError, match="attempt 3 of 3"):
        fetch(url)
    assert server.count("/a") == 3
    assert files(store) == []


@pytest.mark.parametrize("framing", [Framing.LENGTH, Framing.CHUNKED])
def test_too_much_is_not_taken_in(fetch: Fetch, server: FaultyServer, framing: Framing) -> None:
    url = server.serve("/a", Reply(body=BODY, times=20_000, framing=framing))
    seen: list[int] = []
    with pytest.raises(IntegrityError, match=f"bytes or more; expected sha256:{SHA256}, {len(BODY)} bytes"):
        fetch(url, size=len(BODY), progress=lambda _, so_far, __: seen.append(so_far))
    assert seen == [] if framing is Framing.LENGTH else max(seen) <= len(BODY)


@pytest.mark.parametrize("sha256", [SHA256, None], ids=["locked", "unlocked"])
def test_chunks_without_a_length_are_fine(
    fetch: Fetch, server: FaultyServer, notices: list[str], sha256: str | None
) -> None:
    totals: set[int | None] = set()
    url = server.serve("/a", Reply(body=BODY, framing=Framing.CHUNKED))
    assert fetch(url, sha256, progress=lambda _, __, total: totals.add(total)).path.read_bytes() == BODY
    assert totals == {None}
    assert not any("nowhere" in notice for notice in notices)


def test_an_unlocked_blob_that_may_be_cut_short_is_told(fetch: Fetch, server: FaultyServer, notices: list[str]) -> None:
    url = server.serve("/a", Reply(body=BODY, framing=Framing.CLOSE))
    assert fetch(url, None).path.read_bytes() == BODY
    assert f"{url}: the server says nowhere how long it is; whether it is whole is not known" in notices


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("is_relative", [False, True])
def test_a_redirect_is_followed(fetch: Fetch, server: FaultyServer, status: int, *, is_relative: bool) -> None:
    target = server.serve("/b", GOOD)
    url = server.serve("/a", Reply(status=status, headers={"Location": "b" if is_relative else target}))
    fetched = fetch(url)
    assert fetched.path.read_bytes() == BODY
    assert (fetched.blob.url, fetched.blob.attempts) == (url, 1)


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/b", "file:///etc/hostname"])
def test_a_redirect_to_another_scheme_is_refused(fetch: Fetch, server: FaultyServer, target: str) -> None:
    url = server.serve("/a", Reply(status=302, headers={"Location": target}))
    scheme = target.partition(":")[0]
    with pytest.raises(FetchError, match=rf"it redirects from http to {scheme}:.*, which is refused"):
        fetch(url)
    assert server.count("/a") == 1


def test_a_redirect_to_nonsense_is_refused(fetch: Fetch, server: FaultyServer) -> None:
    url = server.serve("/a", Reply(status=302, headers={"Location": "http://[::bad"}))
    with pytest.raises(FetchError, match=f"{url}: this is no URL to ask, or it redirects to none"):
        fetch(url)
    assert server.count("/a") == 1


def test_a_circle_of_redirects_ends(fetch: Fetch, server: FaultyServer) -> None:
    url = server.serve("/a", Reply(status=302, headers={"Location": "/a"}))
    with pytest.raises(FetchError, match="it redirects 10 times and more"):
        fetch(url)
    assert server.count("/a") == 10


def test_the_endless_body_of_a_redirect_is_not_read(fetch: Fetch, server: FaultyServer) -> None:
    server.serve("/b", GOOD)
    endless = Reply(status=302, headers={"Location": "/b"}, body=BODY, times=1_000_000, framing=Framing.CHUNKED)
    assert fetch(server.serve("/a", endless)).blob.attempts == 1


def test_an_encoded_body_is_refused(fetch: Fetch, server: FaultyServer) -> None:
    url = server.serve("/a", Reply(body=BODY, headers={"Content-Encoding": "GZip"}))
    with pytest.raises(FetchError, match="it comes gzip-encoded, though its plain bytes were asked for"):
        fetch(url)
    assert server.count("/a") == 1


def test_bytes_beyond_the_end_are_not_the_next_response(server: FaultyServer, store: Store) -> None:
    body = b"a" + Reply(body=b"smuggled").first_bytes() + b"smuggled"
    keeps_open = Reply(body=body, announced=1, stall_at=len(body), headers={"Connection": "keep-alive"})
    url = server.serve("/a", keeps_open)
    with Fetcher(store, notice=print, retry=QUICK) as fetcher:
        fetcher.fetch(Blob(url=url))
        assert fetcher.fetch(Blob(url=server.serve("/b", GOOD))).blob.sha256 == SHA256


def test_a_host_without_an_address_is_named(fetch: Fetch, notices: list[str]) -> None:
    with pytest.raises(
        FetchError, match=r"http://host\.invalid/a: the host cannot be resolved .*; check its name, DNS"
    ):
        fetch("http://host.invalid/a")
    assert len(notices) == 2


def test_a_port_without_a_server_is_named(fetch: Fetch) -> None:
    with FaultyServer() as gone:
        url = gone.serve("/a", GOOD)
    with pytest.raises(
        FetchError, match=f"{url}: ConnectError: .*Connection refused .*check the network and the proxy"
    ):
        fetch(url)


def test_a_server_without_tls_is_named(fetch: Fetch, server: FaultyServer) -> None:
    with pytest.raises(FetchError, match=r"https://127.0.0.1:\d+/a: ConnectError: .*SSL"):
        fetch(f"https://127.0.0.1:{server.port}/a")


@pytest.mark.parametrize(
    "url",
    ["http://", "http:///a", "http://[::1/a", "http://a..b/", "http://" + "a" * 70, "http://h\0/", "http://h/\udcff"],
)
def test_what_is_no_url_is_asked_of_nobody(fetch: Fetch, url: str, notices: list[str]) -> None:
    with pytest.raises(FetchError, match="this is no URL to ask"):
        fetch(url, None)
    assert notices == []


def test_offline_names_what_is_missing_and_how_to_have_it(fetch: Fetch, server: FaultyServer) -> None:
    url = server.serve("/a", GOOD)
    for sha256 in (SHA256, None):
        with pytest.raises(FetchError, match=rf"{url}: it is not in the store .*run `harness fetch` without --offline"):
            fetch(url, sha256, offline=True)
    assert server.requests == []


def test_what_no_lock_knows_is_trusted_once_and_told(
    fetch: Fetch, server: FaultyServer, store: Store, notices: list[str]
) -> None:
    headers = {"ETag": '"abc"', "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}
    url = server.serve("/a", Reply(body=BODY, headers=headers), Reply(body=OTHER))
    fetched = fetch(url, None)
    assert fetched.path == store.root / "blobs" / SHA256[:2] / SHA256 / "blob"
    assert notices == [f"{url} is not in the lock: sha256:{SHA256}, {len(BODY)} bytes"]
    key = hashlib.sha256(url.encode()).hexdigest()
    index = json.loads((store.root / "urls" / key[:2] / key / "url.json").read_bytes())
    assert datetime.fromisoformat(index.pop("fetched")).tzinfo == UTC
    assert index == {
        "url": url,
        "sha256": SHA256,
        "size": len(BODY),
        "etag": '"abc"',
        "last_modified": "Wed, 21 Oct 2015 07:28:00 GMT",
    }
    assert fetch(url, SHA256).blob.cached
    assert server.count("/a") == 1


def test_two_urls_of_the_same_content_are_one_blob(fetch: Fetch, server: FaultyServer, store: Store) -> None:
    first, second = (fetch(server.serve(path, GOOD), None) for path in ("/a", "/b"))
    assert first.path == second.path
    assert (second.blob.cached, second.blob.attempts) == (False, 1)
    assert len([path for path in files(store) if path.name == "blob"]) == 1


@pytest.mark.parametrize("body", [BODY, OTHER], ids=["same", "changed"])
def test_an_unlocked_blob_that_is_gone_comes_anew(fetch: Fetch, server: FaultyServer, body: bytes) -> None:
    url = server.serve("/a", GOOD, Reply(body=body))
    path = fetch(url, None).path
    path.write_bytes(b"damaged")
    again = fetch(url, None)
    assert again.path.read_bytes() == body
    assert (again.blob.cached, again.blob.attempts) == (False, 1)
    assert fetch(url, None, offline=True).blob.sha256 == hashlib.sha256(body).hexdigest()


class Forgetful(Store):
    """A store that is emptied by another whenever it knows what a URL holds."""

    def provide(self, kind: str, key: str, make: Callable[[Path], None], **options: Any) -> Entry:
        entry = super().provide(kind, key, make, **options)
        if kind == "urls":
            shutil.rmtree(self.root / "blobs")
        return entry


def test_an_unlocked_blob_that_vanishes_meanwhile_is_held_to_what_it_was(server: FaultyServer, store: Store) -> None:
    url = server.serve("/a", GOOD, GOOD, Reply(body=OTHER))
    with Fetcher(Forgetful(store.root), notice=print, retry=QUICK) as fetcher:
        assert fetcher.fetch(Blob(url=url)).path.read_bytes() == BODY
        with pytest.raises(IntegrityError, match=f"expected sha256:{SHA256}"):
            fetcher.fetch(Blob(url=url))


def test_a_damaged_blob_comes_anew(fetch: Fetch, server: FaultyServer) -> None:
    url = server.serve("/a", GOOD)
    fetch(url).path.write_bytes(OTHER)
    assert fetch(url).path.read_bytes() == BODY
    assert server.count("/a") == 2


def test_a_lock_that_contradicts_the_store_is_told(fetch: Fetch, server: FaultyServer) -> None:
    url = server.serve("/a", GOOD)
    fetch(url)
    with pytest.raises(IntegrityError, match=f"{len(BODY)} bytes; expected sha256:{SHA256}, 7 bytes; correct"):
        fetch(url, size=7)


@pytest.mark.parametrize("sha256", [SHA256, None], ids=["locked", "unlocked"])
def test_threads_that_want_the_same_download_it_once(server: FaultyServer, store: Store, sha256: str | None) -> None:
    url = server.serve("/a", Reply(body=BODY, pause_s=0.02))
    with Fetcher(store, notice=print, retry=QUICK) as fetcher, ThreadPoolExecutor(8) as pool:
        fetched = list(pool.map(fetcher.fetch, [Blob(url=url, sha256=sha256)] * 8))
    assert {each.path.read_bytes() for each in fetched} == {BODY}
    assert sorted(each.blob.cached for each in fetched) == [False] + [True] * 7
    assert server.count("/a") == 1


def child(code: str, *arguments: str) -> "subprocess.Popen[str]":
    imports = "import sys; from pathlib import Path; from harness.fetch import *"
    argv = [sys.executable, "-c", f"{imports}\n{code}", *arguments]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


FETCH = """
store = Store(Path(sys.argv[1]), on_wait=lambda *_: Path(sys.argv[4]).touch())
with Fetcher(store, notice=print) as fetcher:
    print(fetcher.fetch(Blob(url=sys.argv[2], sha256=sys.argv[3] or None)).blob.cached)
"""


@pytest.mark.parametrize("sha256", [SHA256, ""], ids=["locked", "unlocked"])
def test_processes_that_want_the_same_download_it_once(
    server: FaultyServer, store: Store, sha256: str, tmp_path: Path
) -> None:
    go, waits = threading.Event(), tmp_path / "waits"
    url = server.serve("/a", Reply(body=BODY, stall_at=50_000, go=go))
    children = [child(FETCH, str(store.root), url, sha256, str(waits)) for _ in range(2)]
    _until(waits.exists)
    go.set()
    said = [each.communicate(timeout=20)[0].split()[-1] for each in children]
    assert sorted(said) == ["False", "True"]
    assert server.count("/a") == 1


def test_a_killed_download_leaves_nothing_in_the_way(fetch: Fetch, server: FaultyServer, store: Store) -> None:
    url = server.serve("/a", Reply(body=BODY, stall_at=50_000), GOOD)
    first = child(FETCH, str(store.root), url, SHA256)
    _until(lambda: any(path.stat().st_size for path in store.root.glob("tmp/*/blob")))
    first.kill()
    first.communicate()
    assert fetch(url).blob.attempts == 1
    assert drafts(store) == []


MEASURE = """
import resource
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with Fetcher(Store(Path(sys.argv[1])), notice=str) as fetcher:
    fetcher.fetch(Blob(url=sys.argv[2]))
    before = peak()
    fetcher.fetch(Blob(url=sys.argv[3]))
    print(peak() - before)
"""


def test_memory_does_not_grow_with_the_blob(server: FaultyServer, store: Store) -> None:
    big = server.serve("/big", Reply(body=bytes(1 << 20), times=64))
    measured = child(MEASURE, str(store.root), server.serve("/small", GOOD), big)
    grown_kib = int(measured.communicate(timeout=20)[0])
    assert grown_kib < 8 << 10


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("sha256", [SHA256, None], ids=["locked", "unlocked"])
def test_a_cancelled_download_leaves_nothing(
    fetch: Fetch, server: FaultyServer, store: Store, sha256: str | None
) -> None:
    url, cancel = server.serve("/a", Reply(body=BODY, times=1000, pause_s=0.01)), Cancel()
    with pytest.raises(Cancelled):
        fetch(url, sha256, cancel=cancel, progress=lambda _, so_far, __: cancel.set() if so_far > 30_000 else None)
    assert files(store) == []
    assert drafts(store) == []


def test_a_cancelled_wait_ends_at_once(fetch: Fetch, server: FaultyServer, store: Store) -> None:
    url, cancel = server.serve("/a", Reply(status=503, headers={"Retry-After": "60"})), Cancel()
    timer = threading.Timer(0.1, cancel.set)
    timer.start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        fetch(url, cancel=cancel, retry=Retry())
    timer.join()
    assert time.monotonic() - started < 5
    assert (server.count("/a"), files(store)) == (1, [])


def test_a_cancelled_run_asks_nobody(fetch: Fetch, server: FaultyServer) -> None:
    url, cancel = server.serve("/a", GOOD), Cancel()
    cancel.set()
    with pytest.raises(Cancelled):
        fetch(url, cancel=cancel)
    assert server.requests == []


def test_a_trickle_ends_at_the_deadline(fetch: Fetch, server: FaultyServer, store: Store) -> None:
    url = server.serve("/a", Reply(body=BODY, times=1000, pause_s=0.05))
    with pytest.raises(FetchError, match=r"it took longer than 0\.3 s \(attempt 1 of 3"):
        fetch(url, retry=Retry(attempts=3, deadline_s=0.3))
    assert files(store) == []


def test_no_attempt_begins_after_the_deadline(fetch: Fetch, server: FaultyServer) -> None:
    url = server.serve("/a", Reply(status=503, headers={"Retry-After": "60"}))
    with pytest.raises(FetchError, match="attempt 1 of 6"):
        fetch(url, retry=Retry(deadline_s=1))


@contextlib.contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("sha256", [SHA256, None], ids=["locked", "unlocked"])
def test_a_disk_that_takes_no_more_is_named(
    fetch: Fetch, server: FaultyServer, store: Store, sha256: str | None
) -> None:
    url = server.serve("/a", GOOD)
    with (
        files_of_at_most(60_000),
        pytest.raises(DiskError, match=rf"{store.root}.*cannot be written \(File too large\)"),
    ):
        fetch(url, sha256)
    assert server.count("/a") == 1
    assert files(store) == []
    assert drafts(store) == []
    assert fetch(url, sha256).path.read_bytes() == BODY


def test_a_store_that_cannot_be_written_is_named(server: FaultyServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        Fetcher(Store(tmp_path / "file" / "store"), notice=print) as fetcher,
        pytest.raises(DiskError, match="--store"),
    ):
        fetcher.fetch(Blob(url=server.serve("/a", GOOD)))
    assert server.requests == []


def test_a_proxy_of_the_environment_is_asked(
    fetch: Fetch, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve("http://far.invalid/a", GOOD)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.port}")
    assert fetch("http://far.invalid/a").path.read_bytes() == BODY


@pytest.mark.parametrize(
    ("name", "value"), [("ALL_PROXY", "gopher://h"), ("ALL_PROXY", "socks5://h"), ("SSL_CERT_FILE", "/nowhere")]
)
def test_an_unfit_environment_is_named(fetch: Fetch, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(FetchError, match=r"The environment allows no connection .*; check HTTP_PROXY"):
        fetch("https://host.invalid/a")


SECRETS = ("us3r", "passw0rd", "s1gnature", "t0ken", "fr4gment")


def _with_secrets(url: str) -> str:
    plain = url.removeprefix("http://")
    return f"http://us3r:passw0rd@{plain}?sv=2024&sig=s1gnature%3D&t0ken#fr4gment"


BETRAYALS = {
    "none": Reply(body=BODY, headers={"ETag": "e"}),
    "503": Reply(status=503),
    "403": Reply(status=403),
    "dropped": Reply(body=BODY, drop_at=9),
    "wrong": Reply(body=OTHER),
    "no HTTP": GARBAGE,
    "refused redirect": Reply(status=302, headers={"Location": "ftp://us3r:passw0rd@host/a?sig=s1gnature&t0ken"}),
    "redirect to nonsense": Reply(status=302, headers={"Location": "http://us3r:passw0rd@host:s1gnature/t0ken"}),
}


@pytest.mark.parametrize("name", BETRAYALS)
@pytest.mark.parametrize("sha256", [SHA256, None], ids=["locked", "unlocked"])
def test_secrets_are_for_the_server_alone(
    server: FaultyServer, store: Store, caplog: pytest.LogCaptureFixture, name: str, sha256: str | None
) -> None:
    caplog.set_level(logging.DEBUG)
    heard: list[str] = []
    with Fetcher(store, notice=heard.append, retry=QUICK) as fetcher:
        try:
            url = _with_secrets(server.serve("/a", BETRAYALS[name]))
            heard.append(repr(fetcher.fetch(Blob(url=url, sha256=sha256))))
        except (FetchError, IntegrityError) as error:
            heard.append("".join(traceback.format_exception(error)))
    request = server.requests[0]
    assert request.target == "/a?sv=2024&sig=s1gnature%3D&t0ken"
    assert request.headers["authorization"] == f"Basic {base64.b64encode(b'us3r:passw0rd').decode()}"
    kept = "".join(f"{path}{path.read_bytes()!r}" for path in store.root.rglob("*") if path.is_file())
    text = "\n".join([*heard, kept, caplog.text])
    assert f"http://127.0.0.1:{server.port}/a?sv=***&sig=***&***" in text
    assert [secret for secret in SECRETS if secret in text] == []


def test_credentials_do_not_follow_a_redirect_elsewhere(fetch: Fetch, server: FaultyServer) -> None:
    with FaultyServer() as elsewhere:
        target = elsewhere.serve("/b", GOOD)
        fetch(_with_secrets(server.serve("/a", Reply(status=302, headers={"Location": target}))))
        assert "authorization" in server.requests[0].headers
        assert "authorization" not in elsewhere.requests[0].headers
