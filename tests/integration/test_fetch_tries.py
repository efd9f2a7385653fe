"""How often a host is asked, and what a fetch makes of its answers."""

import email.utils
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.core.blobs import Blob
from harness.core.errors import FetchError, IntegrityError
from tests.integration.bench import LARGE, QUICK, SMALL, Bench, child, good, inverted, locked, sha256, until
from tests.integration.faulty_server import Framing, Reply

both = pytest.mark.parametrize("is_locked", [True, False], ids=["locked", "unlocked"])


def _blob(url: str, body: bytes = SMALL, *, is_locked: bool) -> Blob:
    return locked(url, body) if is_locked else Blob(url=url)


PASSING = {
    "500": (Reply(status=500), "500 Internal Server Error"),
    "502": (Reply(status=502), "502 Bad Gateway"),
    "503": (Reply(status=503, body=b"busy"), "503 Service Unavailable"),
    "408": (Reply(status=408), "408 Request Timeout"),
    "425": (Reply(status=425), "425 Too Early"),
    "429": (Reply(status=429), "429 Too Many Requests"),
    "599, which has no name": (Reply(status=599), "answered 599 ("),
    "dropped before it begins": (Reply(body=SMALL, drop_at=0), "was closed 20000 bytes before the end"),
    "no HTTP": (Reply(head=b"I am no HTTP server\r\n\r\n"), "RemoteProtocolError"),
    "hangs up": (Reply(head=b""), "disconnected without sending"),
    "reset": (Reply(head=b"", reset=True), "ReadError: [Errno 104] Connection reset by peer"),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_waited_out(bench: Bench, name: str) -> None:
    fault, cause = PASSING[name]
    url = bench.server.serve("/a", fault, good(SMALL))
    fetched = bench.fetch(locked(url, SMALL))
    assert fetched.path.read_bytes() == SMALL
    assert (fetched.blob.attempts, bench.server.count("/a")) == (2, 2)
    (notice,) = bench.notices
    assert notice.startswith(f"{url}: ")
    assert cause in notice
    assert notice.endswith("(attempt 1 of 3, at byte 0); retrying in 0.0 s")


@pytest.mark.parametrize("reset", [True, False])
def test_what_brings_something_new_costs_no_attempt(bench: Bench, *, reset: bool) -> None:
    url = bench.server.serve(
        "/a", *[Reply(status=503)] * 2, lambda r: replace(good(LARGE)(r), drop_at=10_000, reset=reset)
    )
    retry = replace(QUICK, first_wait_s=0)
    fetched = bench.fetch(locked(url, LARGE), connections=1, retry=retry)
    assert fetched.path.read_bytes() == LARGE
    assert fetched.blob.attempts > 70
    assert bench.notices[2].endswith("(attempt 3 of 3, at byte 10000); resuming")
    assert bench.notices[3].endswith("(attempt 1 of 3, at byte 20000); resuming")


@pytest.mark.parametrize("fault", [Reply(status=503), Reply(body=SMALL, drop_at=0), Reply(head=b"")])
def test_what_does_not_pass_is_given_up(bench: Bench, fault: Reply) -> None:
    url = bench.server.serve("/a", fault)
    fixes = "check the network and the proxy, or try again later|ask the operators of the host"
    said = rf"\(attempt 3 of 3, at byte 0\); ({fixes})\."
    with pytest.raises(FetchError, match=f"{url}: .*{said}"):
        bench.fetch(locked(url, SMALL))
    assert bench.server.count("/a") == 3
    assert bench.files() == []


@pytest.mark.parametrize(
    ("status", "fix"),
    [
        (400, "ask the operators of the host"),
        (401, "check your access rights, and whether the credentials in the URL expired"),
        (403, "check your access rights, and whether the credentials in the URL expired"),
        (404, "it was moved or removed: correct the URL in the spec"),
        (410, "it was moved or removed: correct the URL in the spec"),
        (204, "ask the operators of the host"),
        (304, "ask the operators of the host"),
    ],
)
def test_what_will_not_pass_is_asked_once(bench: Bench, status: int, fix: str) -> None:
    url = bench.server.serve("/a", Reply(status=status))
    with pytest.raises(FetchError, match=rf"{url}: the server answered {status} .*; {fix}\."):
        bench.fetch(locked(url, SMALL))
    assert bench.server.count("/a") == 1


def _date(seconds: float) -> str:
    return email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("retry_after", "said"), [("0", "0.0"), ("1", "1.0"), (_date(-3600), "0.0")], ids=["at once", "seconds", "date"]
)
def test_a_host_says_when_to_come_again(bench: Bench, status: int, retry_after: str, said: str) -> None:
    url = bench.server.serve("/a", Reply(status=status, headers={"Retry-After": retry_after}), good(SMALL))
    fetched = bench.fetch(locked(url, SMALL))
    assert f"retrying in {said} s" in bench.notices[0]
    assert fetched.seconds >= float(said)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("retry_after", "said"),
    [("601", "601"), (_date(7200), r"\d+"), ("9" * 400, "inf")],
    ids=["seconds", "date", "for ever"],
)
def test_a_host_that_wants_too_long_a_wait_is_given_up(bench: Bench, status: int, retry_after: str, said: str) -> None:
    url = bench.server.serve("/a", Reply(status=status, headers={"Retry-After": retry_after}), good(SMALL))
    with pytest.raises(FetchError, match=rf"{url}: the server answered {status} .* and asks to wait {said} s \("):
        bench.fetch(locked(url, SMALL))
    assert bench.server.count("/a") == 1


def test_the_same_wrong_content_twice_is_no_accident(bench: Bench) -> None:
    other = inverted(SMALL)
    url = bench.server.serve("/a", good(other, last_modified=None))
    with pytest.raises(IntegrityError) as raised:
        bench.fetch(locked(url, SMALL))
    got, expected = (f"sha256:{sha256(body)}, {len(SMALL)} bytes" for body in (other, SMALL))
    fix = "it changed on the host or a proxy altered it; to accept the new content, run `harness lock --update`."
    assert str(raised.value) == f"{url}: its content is {got}; expected {expected}; {fix}"
    assert bench.notices == [f"{url}: its content is {got}; expected {expected}; restarting"]
    assert bench.server.count("/a") == 2
    assert bench.files() == []
    assert bench.partials() == []


def test_content_with_a_new_date_has_changed(bench: Bench) -> None:
    old, new = "Tue, 20 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT"
    url = bench.server.serve("/a", good(inverted(SMALL), last_modified=new))
    with pytest.raises(IntegrityError, match=f"bytes, of {new}; expected .* bytes, of {old}; it changed on the host"):
        bench.fetch(replace(locked(url, SMALL), last_modified=old))
    assert bench.server.count("/a") == 1
    assert bench.partials() == []


def test_content_that_is_wrong_in_ever_new_ways_is_given_up(bench: Bench) -> None:
    url = bench.server.serve("/a", *(good(SMALL[:-1] + bytes([SMALL[-1] ^ each])) for each in range(1, 9)))
    with pytest.raises(IntegrityError, match="its content is"):
        bench.fetch(locked(url, SMALL))
    assert bench.server.count("/a") == 3
    assert bench.partials() == []


@pytest.mark.parametrize("framing", [Framing.LENGTH, Framing.CHUNKED])
def test_too_much_is_not_taken_in(bench: Bench, framing: Framing) -> None:
    url = bench.server.serve("/a", Reply(body=LARGE, times=20_000, framing=framing))
    seen: list[int] = []
    with pytest.raises(
        IntegrityError, match=rf"its content is (at least )?\d+ bytes.*; expected sha256:{sha256(LARGE)}"
    ):
        bench.fetch(locked(url, LARGE), progress=lambda _, so_far, __: seen.append(so_far))
    assert max(seen) < 2 * len(LARGE)
    assert bench.partials() == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("is_relative", [False, True])
def test_a_redirect_is_followed(bench: Bench, status: int, *, is_relative: bool) -> None:
    target = bench.server.serve("/b", good(LARGE))
    url = bench.server.serve("/a", Reply(status=status, headers={"Location": "b" if is_relative else target}))
    fetched = bench.fetch(locked(url, LARGE))
    assert fetched.path.read_bytes() == LARGE
    assert (fetched.blob.url, fetched.blob.source, fetched.blob.attempts) == (url, url, 1)


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/b", "file:///etc/hostname"])
def test_a_redirect_to_another_scheme_is_refused(bench: Bench, target: str) -> None:
    url = bench.server.serve("/a", Reply(status=302, headers={"Location": target}))
    with pytest.raises(FetchError, match=rf"refused to follow a redirect from http to {target.partition(':')[0]}:"):
        bench.fetch(locked(url, SMALL))
    assert bench.server.count("/a") == 1


def test_a_redirect_to_nonsense_is_refused(bench: Bench) -> None:
    url = bench.server.serve("/a", Reply(status=302, headers={"Location": "http://[::bad"}))
    with pytest.raises(FetchError, match=f"{url}: not a valid URL, or it redirects to one that is not"):
        bench.fetch(locked(url, SMALL))
    assert bench.server.count("/a") == 1


def test_a_circle_of_redirects_ends(bench: Bench) -> None:
    url = bench.server.serve("/a", Reply(status=302, headers={"Location": "/a"}))
    with pytest.raises(FetchError, match="more than 9 redirects"):
        bench.fetch(locked(url, SMALL))
    assert bench.server.count("/a") == 10


def test_the_endless_body_of_a_redirect_is_not_read(bench: Bench) -> None:
    bench.server.serve("/b", good(SMALL))
    endless = Reply(status=302, headers={"Location": "/b"}, body=LARGE, times=1_000_000, framing=Framing.CHUNKED)
    assert bench.fetch(locked(bench.server.serve("/a", endless), SMALL)).blob.attempts == 1


@both
def test_threads_that_want_the_same_download_it_once(bench: Bench, *, is_locked: bool) -> None:
    url = bench.server.serve("/a", lambda request: replace(good(SMALL)(request), pause_s=0.02))
    with bench.fetcher() as fetcher, ThreadPoolExecutor(8) as pool:
        fetched = list(pool.map(fetcher.fetch, [_blob(url, is_locked=is_locked)] * 8))
    assert {each.path.read_bytes() for each in fetched} == {SMALL}
    assert sorted(each.blob.cached for each in fetched) == [False] + [True] * 7
    assert bench.server.count("/a") == 1


FETCH = """
store = Store(Path(sys.argv[1]), on_wait=lambda *_: Path(sys.argv[4]).touch())
with Fetcher(store, DownloadOptions(notice=print)) as fetcher:
    print(fetcher.fetch(Blob(url=sys.argv[2], sha256=sys.argv[3] or None)).blob.cached)
"""


@both
def test_processes_that_want_the_same_download_it_once(bench: Bench, tmp_path: Path, *, is_locked: bool) -> None:
    go, waits = threading.Event(), tmp_path / "waits"
    url = bench.server.serve("/a", lambda request: replace(good(SMALL)(request), stall_at=10_000, go=go))
    known = sha256(SMALL) if is_locked else ""
    children = [child(FETCH, str(bench.store.root), url, known, str(waits)) for _ in range(2)]
    until(waits.exists)
    go.set()
    said = [each.communicate(timeout=60)[0].split()[-1] for each in children]
    assert sorted(said) == ["False", "True"]
    assert bench.server.count("/a") == 1
