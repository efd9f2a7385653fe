"""How a fetch ends that does not succeed: cancelled, too late, without space; and it never tells a secret."""

import base64
import logging
import resource
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.blobs import Blob
from harness.core.errors import DiskError, FetchError, IntegrityError
from harness.fetch.download import DownloadOptions
from harness.fetch.fetcher import Fetcher
from harness.fetch.retry import Retry
from harness.host.cancel import Cancelled, CancelToken
from harness.store.store import Store
from tests.integration.bench import CHUNK_BYTES, LARGE, SMALL, Bench, good, inverted, locked
from tests.integration.faulty_server import Answer, FaultyServer, Reply

both = pytest.mark.parametrize("is_locked", [True, False], ids=["locked", "unlocked"])


def _blob(url: str, body: bytes = SMALL, *, is_locked: bool) -> Blob:
    return locked(url, body) if is_locked else Blob(url=url)


@both
@pytest.mark.parametrize("at", [CHUNK_BYTES // 2, CHUNK_BYTES], ids=["half a part", "one part"])
def test_a_cancelled_download_keeps_complete_chunks(bench: Bench, at: int, *, is_locked: bool) -> None:
    url = bench.server.serve("/a", lambda request: replace(good(LARGE)(request), stall_at=max(0, at - request.start)))
    with pytest.raises(Cancelled):
        bench.interrupted(_blob(url, LARGE, is_locked=is_locked), at)
    assert bench.files() == []
    assert sorted(path.name for path in bench.partials()) == (["blob", "journal"] if at == CHUNK_BYTES else [])


def test_a_cancelled_wait_ends(bench: Bench) -> None:
    url = bench.server.serve("/a", Reply(status=503, headers={"Retry-After": "200"}))
    cancel = CancelToken()
    with (
        bench.fetcher(cancel=cancel, retry=Retry(), notice=lambda _: cancel.set()) as fetcher,
        pytest.raises(Cancelled),
    ):
        fetcher.fetch(locked(url, SMALL))
    assert bench.server.count("/a") == 1


def test_a_cancelled_run_opens_no_connection(bench: Bench) -> None:
    url, cancel = bench.server.serve("/a", good(SMALL)), CancelToken()
    cancel.set()
    with pytest.raises(Cancelled):
        bench.fetch(locked(url, SMALL), cancel=cancel)
    assert bench.server.requests == []


def test_a_trickle_ends_at_the_deadline(bench: Bench) -> None:
    url = bench.server.serve("/a", Reply(body=SMALL, times=1_000_000, pause_s=0.05))
    with pytest.raises(FetchError, match=rf"{url}: took longer than 0\.3 s; check the network"):
        bench.fetch(Blob(url=url), retry=Retry(deadline_s=0.3))
    assert bench.files() == []


def test_no_attempt_begins_after_the_deadline(bench: Bench) -> None:
    url = bench.server.serve("/a", Reply(status=503, headers={"Retry-After": "200"}))
    with pytest.raises(FetchError, match=rf"{url}: took longer than 100 s"):
        bench.fetch(locked(url, SMALL), retry=Retry(deadline_s=100))
    assert bench.server.count("/a") == 1


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@both
@pytest.mark.parametrize("connections", [1, 8])
def test_a_disk_that_takes_no_more_is_named(bench: Bench, connections: int, *, is_locked: bool) -> None:
    blob = _blob(bench.server.serve("/a", good(LARGE)), LARGE, is_locked=is_locked)
    full = rf"^Cannot write {bench.store.root}.*: File too large\. Free disk space"
    with files_of_at_most(5 * CHUNK_BYTES), pytest.raises(DiskError, match=full):
        bench.fetch(blob, connections=connections)
    assert bench.files() == []
    assert bench.fetch(blob).path.read_bytes() == LARGE
    bench.assert_no_wrong_byte()


def test_a_store_that_cannot_be_written_is_named(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        Fetcher(Store(tmp_path / "file" / "store"), DownloadOptions(notice=print)) as fetcher,
        pytest.raises(DiskError, match="--store"),
    ):
        fetcher.fetch(Blob(url=bench.server.serve("/a", good(SMALL))))
    assert bench.server.requests == []


SECRETS = ("us3r", "passw0rd", "s1gnature", "t0ken", "fr4gment")


def _with_secrets(url: str) -> str:
    return f"http://us3r:passw0rd@{url.removeprefix('http://')}?sv=2024&sig=s1gnature%3D&t0ken#fr4gment"


BETRAYALS: dict[str, Reply | Answer] = {
    "none": good(SMALL),
    "503": Reply(status=503),
    "403": Reply(status=403),
    "dropped": Reply(body=SMALL, drop_at=9),
    "wrong": good(inverted(SMALL)),
    "no HTTP": Reply(head=b"I am no HTTP server\r\n\r\n"),
    "refused redirect": Reply(status=302, headers={"Location": "ftp://us3r:passw0rd@host/a?sig=s1gnature&t0ken"}),
    "redirect to nonsense": Reply(status=302, headers={"Location": "http://us3r:passw0rd@host:s1gnature/t0ken"}),
}


@both
@pytest.mark.parametrize("name", BETRAYALS)
def test_secrets_are_for_the_server_alone(
    bench: Bench, caplog: pytest.LogCaptureFixture, name: str, *, is_locked: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    url = _with_secrets(bench.server.serve("/a", BETRAYALS[name]))
    try:
        bench.notices.append(repr(bench.fetch(_blob(url, is_locked=is_locked))))
    except (FetchError, IntegrityError) as error:
        bench.notices.append("".join(traceback.format_exception(error)))
    request = bench.server.requests[0]
    assert request.target == "/a?sv=2024&sig=s1gnature%3D&t0ken"
    assert request.headers["authorization"] == f"Basic {base64.b64encode(b'us3r:passw0rd').decode()}"
    bench.assert_no_wrong_byte(*SECRETS)
    text = "\n".join([*bench.notices, caplog.text])
    assert f"http://127.0.0.1:{bench.server.port}/a?sv=***&sig=***&***" in text
    assert [secret for secret in SECRETS if secret in text] == []


def test_credentials_do_not_follow_a_redirect_elsewhere(bench: Bench) -> None:
    with FaultyServer() as elsewhere:
        target = elsewhere.serve("/b", good(SMALL))
        redirect = Reply(status=302, headers={"Location": target})
        bench.fetch(locked(_with_secrets(bench.server.serve("/a", redirect)), SMALL))
        assert "authorization" in bench.server.requests[0].headers
        assert "authorization" not in elsewhere.requests[0].headers
