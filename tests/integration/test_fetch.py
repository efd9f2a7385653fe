"""A blob comes in whole, is told of, and stays."""

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.core.blobs import Blob
from harness.core.errors import FetchError, IntegrityError
from harness.fetch.policy import FetchPolicy
from harness.store.entry import Entry
from harness.store.store import Store
from tests.integration.bench import LARGE, SMALL, Bench, good, inverted, locked, sha256
from tests.integration.faulty_server import FaultyServer, Framing, Reply

OFFLINE = FetchPolicy(offline=True)
OTHER = inverted(SMALL)
NO_LENGTH = "the host does not state the size: the blob may be incomplete"

both = pytest.mark.parametrize("is_locked", [True, False], ids=["locked", "unlocked"])


def _blob(url: str, *, is_locked: bool) -> Blob:
    return locked(url, SMALL) if is_locked else Blob(url=url)


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
def test_a_blob_comes_in_whole_and_is_told_of(bench: Bench, body: bytes) -> None:
    url = bench.server.serve("/clip.irpa", good(body))
    seen: list[tuple[Blob, int, int | None]] = []
    fetched = bench.fetch(locked(url, body), progress=lambda *each: seen.append(each))
    assert fetched.path.read_bytes() == body
    assert fetched.path == bench.store.root / "blobs" / sha256(body)[:2] / sha256(body) / "blob"
    assert (fetched.blob.url, fetched.blob.sha256, fetched.blob.bytes) == (url, sha256(body), len(body))
    assert (fetched.blob.attempts, fetched.blob.cached, fetched.blob.resumed) == (1, False, False)
    assert (fetched.blob.etag, fetched.blob.last_modified) == ('"one"', "Wed, 21 Oct 2015 07:28:00 GMT")
    assert [so_far for _, so_far, _ in seen] == sorted(so_far for _, so_far, _ in seen)
    assert seen[-1] == (locked(url, body), len(body), len(body))
    assert {each.headers["accept-encoding"] for each in bench.server.requests} == {"identity"}
    journal = ["journal"] if body is LARGE else []  # of what is one chunk nothing could be resumed
    assert sorted(path.name for path in fetched.path.parent.iterdir()) == ["blob", "entry.json", *journal]
    assert bench.partials() == []
    assert bench.notices == []


@both
def test_what_is_in_the_store_needs_no_network(bench: Bench, *, is_locked: bool) -> None:
    blob = _blob(bench.server.serve("/a", good(SMALL)), is_locked=is_locked)
    first, again = bench.fetch(blob), bench.fetch(blob, policy=OFFLINE)
    assert again.path == first.path
    assert (again.blob.attempts, again.blob.cached, again.blob.etag) == (0, True, '"one"')
    assert bench.server.count("/a") == 1


@both
@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("body", [b"", b"x"])
def test_tiny_blobs_are_blobs(bench: Bench, body: bytes, *, ranges: bool, is_locked: bool) -> None:
    url = bench.server.serve("/a", good(body, ranges=ranges))
    fetched = bench.fetch(locked(url, body) if is_locked else Blob(url=url))
    assert (fetched.path.read_bytes(), fetched.blob.bytes) == (body, len(body))


@both
def test_chunks_without_a_length_are_fine(bench: Bench, *, is_locked: bool) -> None:
    totals: list[int | None] = []
    url = bench.server.serve("/a", Reply(body=SMALL, framing=Framing.CHUNKED))
    blob = _blob(url, is_locked=is_locked)
    assert bench.fetch(blob, progress=lambda _, __, total: totals.append(total)).path.read_bytes() == SMALL
    assert totals[-1] == len(SMALL)
    assert f"{url}: {NO_LENGTH}" not in bench.notices


def test_an_unlocked_blob_that_may_be_cut_short_is_told(bench: Bench) -> None:
    url = bench.server.serve("/a", Reply(body=SMALL, framing=Framing.CLOSE))
    assert bench.fetch(Blob(url=url)).path.read_bytes() == SMALL
    assert f"{url}: {NO_LENGTH}" in bench.notices


def test_a_locked_blob_that_was_cut_short_comes_again(bench: Bench) -> None:
    url = bench.server.serve("/a", Reply(body=SMALL, framing=Framing.CLOSE, drop_at=9), good(SMALL))
    assert bench.fetch(locked(url, SMALL)).path.read_bytes() == SMALL
    assert f"{url}: its content is sha256:{sha256(SMALL[:9])}, 9 bytes; expected sha256:" in bench.notices[0]


def test_what_no_lock_knows_is_trusted_once_and_told(bench: Bench) -> None:
    url = bench.server.serve("/a", good(SMALL), good(OTHER))
    fetched = bench.fetch(Blob(url=url))
    assert fetched.path == bench.store.root / "blobs" / sha256(SMALL)[:2] / sha256(SMALL) / "blob"
    assert bench.notices == [f"{url} is not in the lock file; trusting sha256:{sha256(SMALL)}, {len(SMALL)} bytes"]
    key = hashlib.sha256(url.encode()).hexdigest()
    index = json.loads((bench.store.root / "urls" / key[:2] / key / "url.json").read_bytes())
    assert datetime.fromisoformat(index.pop("fetched")).tzinfo == UTC
    assert (
        index.items()
        >= {
            "url": url,
            "sha256": sha256(SMALL),
            "size": len(SMALL),
            "etag": '"one"',
            "last_modified": "Wed, 21 Oct 2015 07:28:00 GMT",
            "md5": hashlib.md5(SMALL, usedforsecurity=False).hexdigest(),
            "source": url,
        }.items()
    )
    assert bench.fetch(locked(url, SMALL)).blob.cached
    assert bench.server.count("/a") == 1


def test_what_a_lock_knew_is_trusted_without_it_until_it_is_asked_for_again(bench: Bench) -> None:
    url = bench.server.serve("/a", good(SMALL), good(OTHER, etag='"two"'))
    came = bench.fetch(locked(url, SMALL)).blob
    without_lock = bench.fetch(Blob(url=url), policy=OFFLINE)
    assert (without_lock.blob.cached, without_lock.blob.etag) == (True, came.etag)
    assert {path.parts[0] for path in bench.files()} == {"blobs", "notes"}
    changed = bench.fetch(Blob(url=url), policy=FetchPolicy(revalidate=True))
    assert (changed.path.read_bytes(), changed.blob.cached) == (OTHER, False)
    assert bench.fetch(Blob(url=url), policy=OFFLINE).path == changed.path
    assert not [path for path in bench.files() if path.parts[0] == "notes"]


def test_what_no_lock_knows_can_be_refused(bench: Bench) -> None:
    url = bench.server.serve("/a", good(SMALL))
    with pytest.raises(FetchError, match=rf"{url}: not in blobs.lock.json, as --locked requires; pin it"):
        bench.fetch(Blob(url=url), policy=FetchPolicy(locked=True))
    assert bench.fetch(locked(url, SMALL), policy=FetchPolicy(locked=True)).blob.attempts == 1


def test_what_no_lock_knows_is_held_to_what_the_host_says_of_it(bench: Bench) -> None:
    wrong = {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    url = bench.server.serve("/a", Reply(body=SMALL, headers=wrong))
    with pytest.raises(
        IntegrityError, match=f"{url}: its content is MD5 .*; expected MD5 d41d8.*, which the host states"
    ):
        bench.fetch(Blob(url=url))
    assert bench.files() == []
    assert bench.partials() == []


def test_two_urls_of_the_same_content_are_one_blob(bench: Bench) -> None:
    first, second = (bench.fetch(Blob(url=bench.server.serve(path, good(SMALL)))) for path in ("/a", "/b"))
    assert first.path == second.path
    assert (second.blob.cached, second.blob.attempts) == (False, 1)
    assert len([path for path in bench.files() if path.name == "blob"]) == 1


def test_a_signature_does_not_make_another_blob(bench: Bench) -> None:
    url = bench.server.serve("/a", good(SMALL))
    bench.fetch(Blob(url=f"{url}?sv=2024&sig=one"))
    assert bench.fetch(Blob(url=f"{url}?sv=2024&sig=two"), policy=OFFLINE).blob.cached


@pytest.mark.parametrize("body", [SMALL, OTHER], ids=["same", "changed"])
def test_an_unlocked_blob_that_is_gone_is_downloaded_again(bench: Bench, body: bytes) -> None:
    blob = Blob(url=bench.server.serve("/a", good(SMALL), good(body)))
    bench.fetch(blob).path.write_bytes(b"damaged")
    again = bench.fetch(blob)
    assert again.path.read_bytes() == body
    assert (again.blob.cached, again.blob.attempts) == (False, 1)
    assert bench.fetch(blob, policy=OFFLINE).blob.sha256 == sha256(body)


class Forgetful(Store):
    """A store that is emptied by another whenever it knows what a URL holds."""

    def provide(self, kind: str, key: str, make: Callable[[Path], Any], **options: Any) -> Entry:
        entry = super().provide(kind, key, make, **options)
        if kind == "urls":
            shutil.rmtree(self.root / "blobs")
        return entry


def test_an_unlocked_blob_that_vanishes_meanwhile_is_held_to_what_it_was(bench: Bench) -> None:
    url = bench.server.serve("/a", good(SMALL), good(OTHER))
    with Forgetful(bench.store.root) as store:
        forgetful = Bench(server=bench.server, store=store)
        with pytest.raises(IntegrityError, match=f"expected sha256:{sha256(SMALL)}"):
            forgetful.fetch(Blob(url=url))


def test_a_damaged_blob_is_downloaded_again(bench: Bench) -> None:
    blob = locked(bench.server.serve("/a", good(SMALL)), SMALL)
    bench.fetch(blob).path.write_bytes(OTHER)
    assert bench.fetch(blob).path.read_bytes() == SMALL
    assert bench.server.count("/a") == 2


def test_a_lock_that_contradicts_the_store_is_told(bench: Bench) -> None:
    url = bench.server.serve("/a", good(SMALL))
    bench.fetch(locked(url, SMALL))
    with pytest.raises(IntegrityError, match=f"{len(SMALL)} bytes; expected sha256:{sha256(SMALL)}, 7 bytes; correct"):
        bench.fetch(Blob(url=url, sha256=sha256(SMALL), size_bytes=7))


@both
def test_offline_names_what_is_missing_and_how_to_have_it(bench: Bench, *, is_locked: bool) -> None:
    url = bench.server.serve("/a", good(SMALL))
    with pytest.raises(
        FetchError,
        match=rf"{url}: not in the cache.*run `harness fetch` or this command once without --offline",
    ):
        bench.fetch(_blob(url, is_locked=is_locked), policy=OFFLINE)
    assert bench.server.requests == []


def test_bytes_beyond_the_end_are_not_the_next_response(bench: Bench) -> None:
    body = b"a" + Reply(body=b"smuggled").first_bytes() + b"smuggled"
    keeps_open = Reply(body=body, announced=1, stall_at=len(body), headers={"Connection": "keep-alive"})
    with bench.fetcher() as fetcher:
        fetcher.fetch(Blob(url=bench.server.serve("/a", keeps_open)))
        assert fetcher.fetch(Blob(url=bench.server.serve("/b", good(SMALL)))).blob.sha256 == sha256(SMALL)


def test_a_proxy_of_the_environment_is_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.server.serve("http://far.invalid/a", good(LARGE))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{bench.server.port}")
    assert bench.fetch(locked("http://far.invalid/a", LARGE)).path.read_bytes() == LARGE


@pytest.mark.parametrize(
    ("name", "value"), [("ALL_PROXY", "gopher://h"), ("ALL_PROXY", "socks5://h"), ("SSL_CERT_FILE", "/nowhere")]
)
def test_an_unfit_environment_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(
        FetchError, match=r"The proxies or certificates of the environment are invalid .*; check HTTP_PROXY"
    ):
        bench.fetch(locked("https://host.invalid/a", SMALL))


def test_a_host_without_an_address_is_named(bench: Bench) -> None:
    with pytest.raises(FetchError, match=r"http://host\.invalid/a: cannot resolve the host .*; check its name, DNS"):
        bench.fetch(locked("http://host.invalid/a", SMALL))
    assert len(bench.notices) == 2


def test_a_port_without_a_server_is_named(bench: Bench) -> None:
    with FaultyServer() as gone:
        url = gone.serve("/a", good(SMALL))
    with pytest.raises(
        FetchError, match=f"{url}: ConnectError: .*Connection refused .*check the network and the proxy"
    ):
        bench.fetch(locked(url, SMALL))


def test_a_server_without_tls_is_named(bench: Bench) -> None:
    with pytest.raises(FetchError, match=r"https://127.0.0.1:\d+/a: ConnectError: .*SSL"):
        bench.fetch(locked(f"https://127.0.0.1:{bench.server.port}/a", SMALL))


@pytest.mark.parametrize(
    "url",
    ["http://", "http:///a", "http://[::1/a", "http://a..b/", "http://" + "a" * 70, "http://h\0/", "http://h/\udcff"],
)
def test_an_invalid_url_opens_no_connection(bench: Bench, url: str) -> None:
    with pytest.raises(FetchError, match="not a valid URL"):
        bench.fetch(Blob(url=url))
    assert bench.notices == []
