"""A blob comes over several connections at once: as many as are welcome, each byte once, in little memory."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.blobs import Blob
from harness.fetch.retry import Retry
from tests.integration.bench import CHUNK_BYTES, LARGE, SINGLE_CHUNKS, SMALL, Bench, child, good, locked, until
from tests.integration.faulty_server import Answer, Content, Reply, Request


class _Gathering:
    """Answers once so many requests are there at once."""

    def __init__(self, answer: Answer, size: int) -> None:
        self._answer, self._barrier = answer, threading.Barrier(size)

    def __call__(self, request: Request) -> Reply:
        self._barrier.wait(60)
        return self._answer(request)


def _ranges(requests: list[Request], size: int) -> list[tuple[int, int]]:
    return sorted((each.start, each.stop or size) for each in requests)


@pytest.mark.parametrize("is_locked", [True, False], ids=["locked", "unlocked"])
def test_each_byte_is_asked_for_once(bench: Bench, *, is_locked: bool) -> None:
    url = bench.server.serve("/a", good(SINGLE_CHUNKS))
    blob = locked(url, SINGLE_CHUNKS) if is_locked else Blob(url=url)
    assert bench.fetch(blob).path.read_bytes() == SINGLE_CHUNKS
    first, *others = _ranges(bench.server.requests, len(SINGLE_CHUNKS))
    assert first == (0, len(SINGLE_CHUNKS))
    assert [start for start, _ in others] == [CHUNK_BYTES, *(stop for _, stop in others[:-1])]
    assert others[-1][1] == len(SINGLE_CHUNKS)
    assert "if-range" not in bench.server.requests[0].headers
    assert {each.headers.get("if-range") for each in bench.server.requests[1:]} == {'"one"'}


@pytest.mark.parametrize("connections", [1, 2, 8])
def test_there_are_as_many_connections_as_may_be(bench: Bench, connections: int) -> None:
    content = good(SINGLE_CHUNKS)
    gathering = [_Gathering(content, connections)] * connections
    url = bench.server.serve("/a", content, *gathering, content)
    bench.fetch(locked(url, SINGLE_CHUNKS), connections=connections)
    assert max(each.at_once for each in bench.server.requests) == connections


def test_all_downloads_together_have_as_many_connections_as_one(bench: Bench) -> None:
    blobs = [
        locked(bench.server.serve(f"/{each}", good(LARGE + bytes([each]))), LARGE + bytes([each])) for each in range(6)
    ]
    with bench.fetcher(connections=3) as fetcher, ThreadPoolExecutor(6) as pool:
        list(pool.map(fetcher.fetch, blobs))
    assert max(each.at_once for each in bench.server.requests) <= 3
    bench.assert_no_wrong_byte()


def test_a_small_blob_is_one_request(bench: Bench) -> None:
    bench.fetch(locked(bench.server.serve("/a", good(SMALL)), SMALL))
    assert len(bench.server.requests) == 1


@pytest.mark.parametrize("is_locked", [True, False], ids=["locked", "unlocked"])
def test_a_host_without_ranges_is_asked_once(bench: Bench, *, is_locked: bool) -> None:
    url = bench.server.serve("/a", lambda request: replace(good(LARGE, ranges=False)(request), pause_s=0.001))
    bench.fetch(locked(url, LARGE) if is_locked else Blob(url=url))
    assert len(bench.server.requests) == 1


def test_content_without_digest_or_validator_takes_one_request(bench: Bench) -> None:
    url = bench.server.serve("/a", good(LARGE, etag=None, last_modified=None))
    bench.fetch(Blob(url=url))
    assert len(bench.server.requests) == 1


def test_a_slow_connection_is_helped_by_others(bench: Bench) -> None:
    chunk_bytes, helped = 4096, threading.Event()
    content = good(SINGLE_CHUNKS)
    span = len(SINGLE_CHUNKS) // 64

    def slow_at_first(request: Request) -> Reply:
        if 0 < request.start < span:
            helped.set()
        reply = content(request)
        return reply if request.start else replace(reply, stall_at=100, go=helped)

    url = bench.server.serve("/a", slow_at_first)
    fetched = bench.fetch(locked(url, SINGLE_CHUNKS), chunk_bytes=chunk_bytes)
    assert fetched.path.read_bytes() == SINGLE_CHUNKS
    assert fetched.blob.attempts == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_that_has_too_much_to_do_is_asked_less_at_once(bench: Bench, status: int) -> None:
    content = good(SINGLE_CHUNKS)
    busy: list[Request] = []

    def too_much(request: Request) -> Reply:
        busy.append(request)
        return Reply(status=status)

    gathered = [_Gathering(content, 8)] * 8
    url = bench.server.serve("/a", content, *gathered, too_much, content)
    fetched = bench.fetch(locked(url, SINGLE_CHUNKS))
    assert fetched.path.read_bytes() == SINGLE_CHUNKS
    # Who asks for the same again has heard of it, and so, one request later, have all.
    (refused,) = busy
    retried = next(each for each in bench.server.requests[refused.number :] if each.start == refused.start)
    later = bench.server.requests[retried.number + 8 :]
    assert max(each.at_once for each in bench.server.requests[: refused.number]) == 8
    assert max((each.at_once for each in later), default=0) <= 4


@pytest.mark.parametrize("answer", [Reply(status=503), Reply(head=b"", reset=True)])
@pytest.mark.parametrize("most", [1, 3])
def test_a_host_of_few_connections_is_content(bench: Bench, answer: Reply, most: int) -> None:
    content = good(SINGLE_CHUNKS)
    url = bench.server.serve("/a", lambda request: content(request) if request.at_once <= most else answer)
    patient = Retry(attempts=40, first_wait_s=0.001, longest_wait_s=0.001)
    assert bench.fetch(locked(url, SINGLE_CHUNKS), retry=patient).path.read_bytes() == SINGLE_CHUNKS
    bench.assert_no_wrong_byte()


def test_a_chunk_of_other_content_is_never_combined(bench: Bench) -> None:
    contents = [Content(body=bytes([each]) * len(LARGE), etag=f'"{each}"') for each in range(3)]
    url = bench.server.serve("/a", *[contents[0]] * 5, *[contents[1]] * 5, contents[2])
    fetched = bench.fetch(Blob(url=url), retry=Retry(attempts=9, first_wait_s=0.001))
    assert (fetched.path.read_bytes(), fetched.blob.etag) in [(each.body, each.etag) for each in contents[1:]]


def test_nothing_is_left_behind(bench: Bench) -> None:
    faults: list[Answer | Reply] = [Reply(status=503), Reply(head=b"", drop_at=0), good(LARGE, ranges=False)]

    def state() -> tuple[set[str], int]:
        gc.collect()
        threads = {each.name for each in threading.enumerate() if "_guarded" in each.name}
        return threads, sum(map(_is_of_a_file, Path("/proc/self/fd").iterdir()))

    bench.fetch(locked(bench.server.serve("/a", good(LARGE)), LARGE))  # the store opens its pins
    before = state()
    for number in range(12):
        url = bench.server.serve("/a", good(LARGE), *faults, good(LARGE + bytes([number])))
        with bench.fetcher() as fetcher:
            fetcher.fetch(Blob(url=f"{url}?download={number}"))
    until(lambda: state() == before)


def _is_of_a_file(descriptor: Path) -> bool:
    """Return whether a descriptor is of a file or a pipe; the sockets are the server's."""
    try:
        return not str(descriptor.readlink()).startswith("socket:")
    except OSError:
        return False


MEASURE = """
import resource
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with Fetcher(Store(Path(sys.argv[1])), DownloadOptions(notice=str, chunk_bytes=1 << 20)) as fetcher:
    fetcher.fetch(Blob(url=sys.argv[2]))
    before = peak()
    fetcher.fetch(Blob(url=sys.argv[3]))
    print(peak() - before)
"""


@pytest.mark.parametrize("ranges", [True, False])
def test_memory_does_not_grow_with_the_blob(bench: Bench, *, ranges: bool) -> None:
    small = bench.server.serve("/small", good(bytes(9 << 20), ranges=ranges))
    large = bench.server.serve("/large", good(bytes(96 << 20), ranges=ranges))
    with child(MEASURE, str(bench.store.root), small, large) as measured:
        grown_kib = int(measured.communicate(timeout=120)[0])
    assert grown_kib < 24 << 10
