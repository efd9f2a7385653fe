"""Fetches from S3, which moto serves."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.core.errors import FetchError
from harness.fetch import object_stores
from harness.fetch.object_stores import ObjectSource
from harness.fetch.source import AttemptError
from tests.integration import object_servers
from tests.integration.faulty_server import FaultyServer, Reply
from tests.integration.hosts import BIG, BODIES, SMALL, Fetch, check, md5, run_alone
from tests.integration.laboratory import Laboratory
from tests.integration.object_servers import S3

pytestmark = pytest.mark.usefixtures("own_environment")


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with object_servers.s3(tmp_path_factory.mktemp("s3")) as server:
        server.bucket("models")
        for name, body in BODIES.items():
            server.put("models", f"dir/{name}", body, public=name == "small.irpa")
        yield server


@pytest.fixture
def credentials(s3: S3, own_environment: pytest.MonkeyPatch) -> S3:
    """Return S3, for a process that has credentials for it."""
    for name, value in s3.environment.items():
        own_environment.setenv(name, value)
    return s3


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("locked", [True, False], ids=["locked", "unlocked"])
@pytest.mark.parametrize("name", BODIES)
def test_an_object_of_s3_comes_in(fetch: Fetch, name: str, *, locked: bool) -> None:
    body = BODIES[name]
    fetched = fetch(f"s3://models/dir/{name}", body if locked else None)
    check(fetched, body)
    assert fetched.blob.etag == f'"{md5(body)}"'


def test_a_public_object_of_s3_needs_no_credentials(fetch: Fetch, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.anonymous.items():
        monkeypatch.setenv(name, value)
    check(fetch("s3://models/dir/small.irpa", SMALL), SMALL)
    with pytest.raises(FetchError, match=r"check your access rights and credentials \(AWS_ACCESS_KEY_ID"):
        fetch("s3://models/dir/big.irpa", BIG)


def test_a_key_is_taken_as_it_is_written(fetch: Fetch, credentials: S3) -> None:
    check(fetch(credentials.put("models", "a b/c%20d+e.irpa", SMALL), SMALL), SMALL)


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    ("url", "fix"),
    [
        ("s3://models/dir/none.irpa", "it was moved or removed"),
        ("s3://none/dir/small.irpa", "it was moved or removed"),
        ("s3://models/dir", "it is a folder"),
        ("s3://models", "it is a folder"),
    ],
)
def test_what_s3_does_not_have_is_not_asked_for_twice(fetch: Fetch, url: str, fix: str) -> None:
    with pytest.raises(FetchError, match=fix) as raised:
        fetch(url, SMALL)
    assert "attempt 1 of 2" in str(raised.value)


@pytest.mark.usefixtures("credentials")
def test_a_profile_that_is_not_there_is_named(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(FetchError, match=r"\(nobody\) could not be found .*; check your access rights"):
        fetch("s3://models/dir/small.irpa", SMALL)


@pytest.mark.usefixtures("credentials")
def test_an_endpoint_that_is_not_there_is_tried_again(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(FetchError, match=r"EndpointConnectionError: .*attempt 2 of 2"):
        fetch("s3://models/dir/small.irpa", SMALL)


@pytest.mark.parametrize(
    ("reply", "shown", "busy"),
    [
        (Reply(status=503), "Service Unavailable", True),
        (Reply(status=500), "Internal Server Error", False),
        (Reply(head=b"", body=b"x", stall_at=0), "Timeout|no byte of the blob", False),
        (Reply(head=b"I am no HTTP server\r\n\r\n"), "Error: ", False),
    ],
    ids=["503", "500", "stalled", "garbage"],
)
def test_an_attempt_at_s3_ends_soon(
    reply: Reply, shown: str, *, busy: bool, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer() as server:
        server.serve("/models/a", reply)
        for name, value in (s3.environment | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}"}).items():
            monkeypatch.setenv(name, value)
        stall_s = 60 if reply.stall_at is None else 5  # the library takes its time before it connects
        opened = ObjectSource("s3://models/a", stall_s=stall_s).opened(0, None, None, None)
        with pytest.raises(AttemptError, match=shown) as raised, opened:
            pytest.fail("it opened")
        assert (raised.value.failure.retriable, raised.value.failure.busy) == (True, busy)
        assert server.count("/models/a") == 1


@pytest.mark.usefixtures("credentials")
def test_the_threads_of_a_process_share_a_file_system() -> None:
    def opened(start: int) -> bytes:
        with ObjectSource("s3://models/dir/big.irpa", stall_s=5).opened(start, start + size, None, None) as (_, pieces):
            return b"".join(pieces)

    size = len(BIG) // 8
    with ThreadPoolExecutor(8) as pool:
        assert b"".join(pool.map(opened, range(0, len(BIG), size))) == BIG
    assert object_stores._shared.cache_info().misses == 1


def test_the_command_fetches_from_s3(lab: Laboratory, s3: S3) -> None:
    lab.spec(real_weights="s3://models/dir/small.irpa")
    result = run_alone(lab, "fetch", s3.environment)
    assert result.code == 0, result.text
    assert hashlib.sha256(SMALL).hexdigest()[:12] in result.text
    assert "warning" not in result.text.lower()
    lab.spec(real_weights="s3://models/dir/none.irpa")
    result = run_alone(lab, "fetch", s3.environment)
    assert result.code == 3, result.text
    assert "it was moved or removed" in " ".join(result.text.split())
    assert s3.environment["AWS_SECRET_ACCESS_KEY"] not in result.text
