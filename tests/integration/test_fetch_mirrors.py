"""Mirrors: asked in their order, the host itself last, and none of them hears a secret."""

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.core.blobs import Blob, Fetched
from harness.core.errors import FetchError, IntegrityError
from harness.core.urls import Grant, Mirror
from harness.fetch.policy import FetchPolicy
from harness.fetch.retry import Retry
from harness.host.cancel import Cancelled
from tests.integration.answers import altered
from tests.integration.bench import (
    CHUNK_BYTES,
    LARGE,
    QUICK,
    SMALL,
    Bench,
    asked_chunks,
    good,
    inverted,
    locked,
    sha256,
)
from tests.integration.faulty_server import Answer, FaultyServer, Reply, Request


@pytest.fixture
def mirror() -> Iterator[FaultyServer]:
    with FaultyServer() as mirror:
        yield mirror


def _address(server: FaultyServer) -> str:
    return f"http://127.0.0.1:{server.port}"


def _policies(bench: Bench, *mirrors: FaultyServer) -> FetchPolicy:
    parsed = (Mirror.parse(f"{_address(bench.server)}={_address(each)}") for each in mirrors)
    return FetchPolicy(mirrors=tuple(parsed))


def _fetch(bench: Bench, blob: Blob, *mirrors: FaultyServer, retry: Retry = QUICK) -> Fetched:
    fetched = bench.fetch(blob, policy=_policies(bench, *mirrors), retry=retry)
    assert bench.partials() == []
    bench.assert_no_wrong_byte()
    return fetched


@pytest.mark.parametrize("is_locked", [True, False], ids=["locked", "unlocked"])
def test_a_mirror_is_asked_in_place_of_the_host(bench: Bench, mirror: FaultyServer, *, is_locked: bool) -> None:
    url, source = bench.server.serve("/m/a", good(LARGE)), mirror.serve("/m/a", good(LARGE))
    fetched = _fetch(bench, locked(url, LARGE) if is_locked else Blob(url=url), mirror)
    assert fetched.path.read_bytes() == LARGE
    assert (fetched.blob.url, fetched.blob.source) == (url, source)
    assert bench.server.requests == []


def test_mirrors_are_asked_in_their_order_and_the_host_last(bench: Bench, mirror: FaultyServer) -> None:
    with FaultyServer() as second:
        url = bench.server.serve("/a", good(SMALL))
        first_url, second_url = mirror.serve("/a", Reply(status=404)), second.serve("/a", Reply(status=500))
        fetched = _fetch(bench, locked(url, SMALL), mirror, second)
        assert [mirror.count("/a"), second.count("/a"), bench.server.count("/a")] == [1, 1, 1]
    assert (fetched.blob.source, fetched.blob.attempts) == (url, 3)
    assert bench.notices[0].startswith(f"{first_url}: the server answered 404 ")
    assert bench.notices[0].endswith(f"; trying {second_url}")
    assert bench.notices[1].startswith(f"{second_url}: the server answered 500 ")
    assert bench.notices[1].endswith(f"; trying {url}")


FAULTS: dict[str, Answer | Reply] = {
    "404": Reply(status=404),
    "403": Reply(status=403),
    "500": Reply(status=500),
    "429 for a day": Reply(status=429, headers={"Retry-After": "86400"}),
    "hangs up": Reply(head=b"", drop_at=0),
    "encoded": Reply(body=LARGE, headers={"Content-Encoding": "br"}),
    "redirect to another scheme": Reply(status=302, headers={"Location": "ftp://host/a"}),
    "wrong bytes": good(inverted(LARGE)),
    "too small": good(LARGE[:-1]),
    "too large": good(LARGE * 2),
    "another range": Reply(status=206, body=LARGE, headers={"Content-Range": f"bytes 1-{len(LARGE)}/{len(LARGE) + 1}"}),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("connections", [1, 8])
def test_what_a_mirror_cannot_do_the_host_can(bench: Bench, mirror: FaultyServer, name: str, connections: int) -> None:
    url = bench.server.serve("/a", good(LARGE))
    mirror.serve("/a", FAULTS[name])
    blob = locked(url, LARGE)
    fetched = bench.fetch(blob, policy=_policies(bench, mirror), connections=connections)
    assert fetched.path.read_bytes() == LARGE
    assert fetched.blob.source == url
    bench.assert_no_wrong_byte()


@pytest.mark.parametrize(
    "later", [Reply(status=404), Reply(status=500), Reply(status=429, headers={"Retry-After": "86400"})]
)
@pytest.mark.parametrize("connections", [1, 8])
def test_if_a_mirror_breaks_off_the_host_sends_the_rest(
    bench: Bench, mirror: FaultyServer, later: Reply, connections: int
) -> None:
    url = bench.server.serve("/a", good(LARGE, etag='"host"'))
    mirror.serve("/a", *[good(LARGE)] * 3, later)
    fetched = bench.fetch(locked(url, LARGE), policy=_policies(bench, mirror), connections=connections)
    assert fetched.path.read_bytes() == LARGE
    assert fetched.blob.source == url
    served = asked_chunks(mirror.asked("/a")[1:3], len(LARGE)) | {0}
    rest, asked = set(range(13)) - served, asked_chunks(bench.server.asked("/a"), len(LARGE))
    # Of several connections some may have left a part of the mirror's to others, as it was too busy for all.
    assert asked == rest if connections == 1 else asked >= rest
    assert not any("if-range" in each.headers for each in bench.server.asked("/a")[:1])


def test_what_no_lock_knows_is_of_one_host_alone(bench: Bench, mirror: FaultyServer) -> None:
    url = bench.server.serve("/a", good(LARGE, etag='"host"'))
    mirror.serve("/a", altered(good(inverted(LARGE)), drop_at=CHUNK_BYTES), Reply(status=404))
    fetched = _fetch(bench, Blob(url=url), mirror)
    assert fetched.path.read_bytes() == LARGE
    assert fetched.blob.source == url
    assert f"{url}: the rest comes from {url}; restarting" in bench.notices


@pytest.mark.parametrize("connections", [1, 8])
def test_a_wrong_mirror_that_breaks_off_does_not_discredit_the_host(
    bench: Bench, mirror: FaultyServer, connections: int
) -> None:
    url = bench.server.serve("/a", good(LARGE))
    source = mirror.serve("/a", good(inverted(LARGE)), Reply(status=500))
    fetched = bench.fetch(locked(url, LARGE), policy=_policies(bench, mirror), connections=connections)
    assert fetched.path.read_bytes() == LARGE
    assert fetched.blob.source == url
    assert any(each.startswith(f"{source}: its content is sha256:") for each in bench.notices)
    bench.assert_no_wrong_byte()


def test_a_dead_mirror_is_passed_over(bench: Bench) -> None:
    with FaultyServer() as gone:
        pass
    url = bench.server.serve("/a", good(LARGE))
    assert _fetch(bench, locked(url, LARGE), gone).blob.source == url
    assert f"trying {url}" in bench.notices[0]


def test_wherever_the_content_is_wrong_it_is_refused(bench: Bench, mirror: FaultyServer) -> None:
    url = bench.server.serve("/a", good(inverted(LARGE)))
    mirror.serve("/a", good(inverted(LARGE)))
    with pytest.raises(IntegrityError, match=f"{url}: its content is sha256:{sha256(inverted(LARGE))}"):
        _fetch(bench, locked(url, LARGE), mirror)
    assert bench.partials() == []


def test_if_no_source_has_the_blob_the_answer_of_the_host_is_shown(bench: Bench, mirror: FaultyServer) -> None:
    url = bench.server.serve("/a", Reply(status=403))
    mirror.serve("/a", Reply(status=404))
    with pytest.raises(FetchError, match=f"{url}: the server answered 403"):
        _fetch(bench, locked(url, LARGE), mirror)


def test_the_first_source_that_recovers_serves(bench: Bench, mirror: FaultyServer) -> None:
    url = bench.server.serve("/a", Reply(status=500))
    source = mirror.serve("/a", Reply(status=500), good(SMALL))
    assert _fetch(bench, locked(url, SMALL), mirror).blob.source == source


def test_no_mirror_hears_a_secret(bench: Bench, mirror: FaultyServer) -> None:
    plain = bench.server.serve("/m/a", good(SMALL)).removeprefix("http://")
    mirror.serve("/m/a", Reply(status=500))
    url = f"http://us3r:passw0rd@{plain}?sv=2024&sr=b&sig=s1gnature#fr4gment"
    fetched = _fetch(bench, locked(url, SMALL), mirror)
    assert [each.target for each in mirror.requests] == ["/m/a"]
    assert "authorization" not in mirror.requests[0].headers
    assert [each.target for each in bench.server.requests] == ["/m/a?sv=2024&sr=b&sig=s1gnature"]
    assert bench.server.requests[0].headers["authorization"] == f"Basic {base64.b64encode(b'us3r:passw0rd').decode()}"
    text = "\n".join([repr(fetched), *bench.notices])
    assert [each for each in ("us3r", "passw0rd", "s1gnature", "fr4gment") if each in text] == []
    bench.assert_no_wrong_byte("us3r", "passw0rd", "s1gnature", "fr4gment")


def test_a_query_that_may_be_a_secret_is_for_the_host_alone(bench: Bench, mirror: FaultyServer) -> None:
    url = bench.server.serve("/a", good(SMALL)) + "?key=s3cret"
    _fetch(bench, locked(url, SMALL), mirror)
    assert mirror.requests == []


def test_a_grant_is_for_its_host_alone(bench: Bench, mirror: FaultyServer) -> None:
    url = bench.server.serve("/m/a", good(SMALL))
    mirror.serve("/m/a", Reply(status=404))
    grant = Grant(prefix=f"{_address(bench.server)}/m", token="sv=2024&sig=s1gnature")  # noqa: S106 - it is one
    bench.fetch(locked(url, SMALL), policy=replace(_policies(bench, mirror), grants=(grant,)))
    assert [each.target for each in mirror.requests] == ["/m/a"]
    assert [each.target for each in bench.server.requests] == ["/m/a?sv=2024&sig=s1gnature"]
    bench.assert_no_wrong_byte("s1gnature")


def test_a_longer_name_is_not_below_a_prefix(bench: Bench, mirror: FaultyServer) -> None:
    url = bench.server.serve("/models2/a", good(SMALL))
    prefix = f"{_address(bench.server)}/models"
    bench.fetch(locked(url, SMALL), policy=FetchPolicy(mirrors=(Mirror(prefix=prefix, url=_address(mirror)),)))
    assert mirror.requests == []


def test_a_blob_from_a_mirror_is_cached_for_the_host(bench: Bench, mirror: FaultyServer) -> None:
    url = bench.server.serve("/a", Reply(status=500))

    def stalling(request: Request) -> Reply:
        return replace(good(LARGE)(request), stall_at=max(0, 5 * CHUNK_BYTES - request.start))

    mirror.serve("/a", stalling)
    blob = locked(url, LARGE)
    with pytest.raises(Cancelled):
        bench.interrupted(blob, 5 * CHUNK_BYTES, policy=_policies(bench, mirror))
    bench.server.serve("/a", good(LARGE, etag='"host"'))
    fetched = bench.fetch(blob)
    assert fetched.path.read_bytes() == LARGE
    assert asked_chunks(bench.server.asked("/a"), len(LARGE)) == set(range(5, 13))
    assert (fetched.blob.resumed, fetched.blob.source) == (True, url)
