"""A fetch that was stopped goes on where it was, and with nothing that is not right."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.blobs import Blob, Fetched
from harness.core.errors import DiskError, FetchError, IntegrityError
from harness.fetch.journal import Chunk, parsed
from harness.fetch.policy import FetchPolicy
from harness.host.cancel import Cancelled
from tests.integration.answers import altered
from tests.integration.bench import (
    CHUNK_BYTES,
    LARGE,
    Bench,
    asked_chunks,
    child,
    good,
    inverted,
    locked,
    sha256,
    until,
)
from tests.integration.faulty_server import Answer, Reply, Request

CHUNKS = set(range(-(-len(LARGE) // CHUNK_BYTES)))


def _up_to(stop: int, answer: Answer) -> Answer:
    """Return what sends no byte of the content beyond one, and neither ends."""

    def stalling(request: Request) -> Reply:
        return replace(answer(request), stall_at=max(0, stop - request.start))

    return stalling


def _interrupted(bench: Bench, blob: Blob, answer: Answer | None = None, *, connections: int = 8) -> set[int]:
    """Fetch some parts of a blob and return which the journal has."""
    bench.server.serve("/a", _up_to(5 * CHUNK_BYTES, answer or good(LARGE)))
    with pytest.raises(Cancelled):
        bench.interrupted(blob, 5 * CHUNK_BYTES, connections=connections)
    there = {chunk.start // CHUNK_BYTES for chunk in _journalled(bench, blob)}
    assert there == set(range(5))
    assert bench.files() == []
    bench.assert_no_wrong_byte()
    bench.notices.clear()
    return there


def _journalled(bench: Bench, blob: Blob) -> tuple[Chunk, ...]:
    return parsed((bench.partial(blob) / "journal").read_bytes()).chunks


def _resumed(bench: Bench, blob: Blob, answer: Answer | Reply, content: bytes = LARGE) -> Fetched:
    bench.server.serve("/a", answer)
    fetched = bench.fetch(blob)
    assert fetched.path.read_bytes() == content
    assert bench.partials() == []
    bench.assert_no_wrong_byte()
    return fetched


def _blob(bench: Bench, *, is_locked: bool) -> Blob:
    url = bench.server.serve("/a", good(LARGE))
    return locked(url, LARGE) if is_locked else Blob(url=url)


both = pytest.mark.parametrize("is_locked", [True, False], ids=["locked", "unlocked"])


@both
@pytest.mark.parametrize("connections", [1, 8])
def test_what_is_there_is_not_asked_for_again(bench: Bench, connections: int, *, is_locked: bool) -> None:
    blob = _blob(bench, is_locked=is_locked)
    there = _interrupted(bench, blob, connections=connections)
    fetched = _resumed(bench, blob, good(LARGE))
    assert fetched.blob.resumed
    assert asked_chunks(bench.server.asked("/a"), len(LARGE)) == CHUNKS - there
    assert {each.headers["if-range"] for each in bench.server.asked("/a")} == {'"one"'}
    assert bench.notices[0] == f"{blob.url}: resuming: {5 * CHUNK_BYTES} of {len(LARGE)} bytes are on disk"


def test_a_date_is_as_good_as_an_etag(bench: Bench) -> None:
    blob, content = _blob(bench, is_locked=False), good(LARGE, etag=None)
    there = _interrupted(bench, blob, content)
    assert _resumed(bench, blob, content).blob.resumed
    assert asked_chunks(bench.server.asked("/a"), len(LARGE)) == CHUNKS - there
    assert {each.headers["if-range"] for each in bench.server.asked("/a")} == {content.last_modified}


@both
@pytest.mark.parametrize(
    "content", [good(LARGE, etag='W/"one"', last_modified=None), good(LARGE, etag=None, last_modified=None)]
)
def test_content_without_validator_resumes_only_if_it_is_locked(
    bench: Bench, content: Answer, *, is_locked: bool
) -> None:
    blob = _blob(bench, is_locked=is_locked)
    there = _interrupted(bench, blob, content)
    fetched = _resumed(bench, blob, content)
    assert not any("if-range" in each.headers for each in bench.server.asked("/a"))
    assert fetched.blob.resumed is is_locked
    assert asked_chunks(bench.server.asked("/a"), len(LARGE)) == (CHUNKS - there if is_locked else CHUNKS)


@both
def test_a_server_that_always_drops_is_gone_back_to(bench: Bench, *, is_locked: bool) -> None:
    blob = _blob(bench, is_locked=is_locked)
    bench.server.serve("/a", altered(good(LARGE), drop_at=3 * CHUNK_BYTES), Reply(status=500))
    with pytest.raises(FetchError, match="500"):
        bench.fetch(blob)
    there = {chunk.start // CHUNK_BYTES for chunk in _journalled(bench, blob)}
    assert there
    assert _resumed(bench, blob, good(LARGE)).blob.resumed
    assert asked_chunks(bench.server.asked("/a"), len(LARGE)) == CHUNKS - there


FETCH = """
with Store(Path(sys.argv[1])) as store, Fetcher(store, DownloadOptions(notice=print, chunk_bytes=65536)) as fetcher:
    fetcher.fetch(Blob(url=sys.argv[2], sha256=sys.argv[3] or None))
"""


@both
def test_a_killed_process_leaves_its_chunks(bench: Bench, *, is_locked: bool) -> None:
    blob = _blob(bench, is_locked=is_locked)
    bench.server.serve("/a", _up_to(5 * CHUNK_BYTES, good(LARGE)))
    with child(FETCH, str(bench.store.root), blob.url, blob.sha256 or "") as killed:
        until(lambda: (bench.partial(blob) / "journal").exists() and len(_journalled(bench, blob)) == 5)
        killed.send_signal(signal.SIGKILL)
    assert _resumed(bench, blob, good(LARGE)).blob.resumed
    assert asked_chunks(bench.server.asked("/a"), len(LARGE)) == CHUNKS - set(range(5))


@both
@pytest.mark.parametrize("honours_if_range", [True, False])
def test_content_that_changed_meanwhile_is_downloaded_from_the_start(
    bench: Bench, *, is_locked: bool, honours_if_range: bool
) -> None:
    changed = inverted(LARGE)
    url = _blob(bench, is_locked=False).url
    blob = locked(url, changed) if is_locked else Blob(url=url)
    _interrupted(bench, blob)
    fetched = _resumed(bench, blob, good(changed, etag='"two"', honours_if_range=honours_if_range), changed)
    assert not fetched.blob.resumed
    assert f'{url}: it changed during the download, its ETag was "one" and is "two"; restarting' in bench.notices


def test_content_of_another_size_is_not_what_the_lock_says(bench: Bench) -> None:
    blob = _blob(bench, is_locked=True)
    _interrupted(bench, blob)
    bench.server.serve("/a", good(LARGE + b"more", etag='"two"'))
    with pytest.raises(IntegrityError, match=f"its content is {len(LARGE) + 4} bytes.*; expected sha256:{blob.sha256}"):
        bench.fetch(blob)
    assert bench.partials() == []


@both
def test_a_server_without_ranges_any_more_sends_all(bench: Bench, *, is_locked: bool) -> None:
    blob = _blob(bench, is_locked=is_locked)
    _interrupted(bench, blob)
    assert not _resumed(bench, blob, good(LARGE, ranges=False)).blob.resumed
    assert f"{blob.url}: the host sends the whole blob instead of a range; restarting" in bench.notices


def _overwrite(path: Path, at: int, piece: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(piece)


@both
def test_a_damaged_chunk_is_downloaded_again(bench: Bench, *, is_locked: bool) -> None:
    blob = _blob(bench, is_locked=is_locked)
    there = _interrupted(bench, blob)
    at = 2 * CHUNK_BYTES + 77
    _overwrite(bench.partial(blob) / "blob", at, bytes([LARGE[at] ^ 1]))
    assert _resumed(bench, blob, good(LARGE)).blob.resumed
    assert asked_chunks(bench.server.asked("/a"), len(LARGE)) == CHUNKS - there | {2}


@both
def test_a_partial_download_that_lost_its_end_is_completed(bench: Bench, *, is_locked: bool) -> None:
    blob = _blob(bench, is_locked=is_locked)
    there = _interrupted(bench, blob)
    os.truncate(bench.partial(blob) / "blob", 4 * CHUNK_BYTES - 1)
    _resumed(bench, blob, good(LARGE))
    assert asked_chunks(bench.server.asked("/a"), len(LARGE)) == CHUNKS - there | {3, 4}


@both
def test_the_blob_is_right_whatever_a_journal_says(bench: Bench, *, is_locked: bool) -> None:
    blob = _blob(bench, is_locked=is_locked)
    _interrupted(bench, blob)
    journal = (bench.partial(blob) / "journal").read_bytes()
    for at in range(0, len(journal), 29):
        bench.partial(blob).mkdir(parents=True, exist_ok=True)
        (bench.partial(blob) / "blob").write_bytes(LARGE[: 5 * CHUNK_BYTES])
        damaged = journal[:at] + bytes([journal[at] ^ 1 << at % 7]) + journal[at + 1 :]
        (bench.partial(blob) / "journal").write_bytes(damaged)
        fetched = _resumed(bench, blob, good(LARGE))
        bench.store.remove(fetched.path.parent)


@pytest.mark.parametrize("name", ["journal", "blob"])
def test_a_partial_download_without_one_of_its_files_is_ignored(bench: Bench, name: str) -> None:
    blob = _blob(bench, is_locked=True)
    _interrupted(bench, blob)
    (bench.partial(blob) / name).unlink()
    _resumed(bench, blob, good(LARGE))


@both
def test_chunks_of_another_size_are_used_as_well(bench: Bench, *, is_locked: bool) -> None:
    blob = _blob(bench, is_locked=is_locked)
    _interrupted(bench, blob)
    _overwrite(bench.partial(blob) / "blob", 3 * CHUNK_BYTES, b"damaged")
    bench.server.serve("/a", good(LARGE))
    fetched = bench.fetch(blob, chunk_bytes=10_000)
    assert fetched.path.read_bytes() == LARGE
    starts = {each.start for each in bench.server.asked("/a")}
    assert min(starts) == 3 * CHUNK_BYTES
    assert all(3 * CHUNK_BYTES <= start < 4 * CHUNK_BYTES or start >= 5 * CHUNK_BYTES for start in starts)


def _complete(bench: Bench, blob: Blob) -> None:
    """Complete the partial download of a blob, as a process does that is killed just before the end."""
    _interrupted(bench, blob)
    journal = bench.partial(blob) / "journal"
    saved = journal.read_bytes(), (bench.partial(blob) / "blob").read_bytes()
    fetched = _resumed(bench, blob, good(LARGE))
    whole = (fetched.path.parent / "journal").read_bytes(), LARGE
    assert whole != saved
    for kind in ("blobs", "urls"):
        for entry in (bench.store.root / kind).glob("*/*"):
            bench.store.remove(entry)
    bench.partial(blob).mkdir(parents=True)
    journal.write_bytes(whole[0])
    (bench.partial(blob) / "blob").write_bytes(LARGE)


@both
def test_a_complete_partial_download_takes_no_request(bench: Bench, *, is_locked: bool) -> None:
    blob = _blob(bench, is_locked=is_locked)
    _complete(bench, blob)
    fetched = _resumed(bench, blob, Reply(status=500))
    assert bench.server.asked("/a") == []
    assert (fetched.blob.resumed, fetched.blob.sha256, fetched.blob.source) == (True, sha256(LARGE), blob.url)


@both
def test_offline_leaves_a_partial_download_as_it_is(bench: Bench, *, is_locked: bool) -> None:
    blob = _blob(bench, is_locked=is_locked)
    there = _interrupted(bench, blob)
    bench.server.serve("/a", good(LARGE))
    with pytest.raises(FetchError, match="not in the cache, and not fetched because of --offline"):
        bench.fetch(blob, policy=FetchPolicy(offline=True))
    assert bench.server.asked("/a") == []
    assert {chunk.start // CHUNK_BYTES for chunk in _journalled(bench, blob)} == there


def test_what_is_to_come_is_what_is_not_there(bench: Bench) -> None:
    blob = _blob(bench, is_locked=True)
    with bench.fetcher() as fetcher:
        before = fetcher.estimate([blob, blob])
        _interrupted(bench, blob)
        after = fetcher.estimate([blob])
        bench.server.serve("/a", good(LARGE))
        fetcher.fetch(blob)
        assert (before.blobs, before.bytes) == (1, len(LARGE))
        assert after.blobs == 1
        assert 0 < after.bytes < len(LARGE)
        assert fetcher.estimate([blob]).blobs == 0


def test_what_has_no_room_is_not_begun(bench: Bench) -> None:
    blob = replace(_blob(bench, is_locked=True), size_bytes=1 << 60)
    with bench.fetcher() as fetcher:
        fetcher.check_room(fetcher.estimate([blob]))
        said = r"1 blob to fetch \([0-9.]+ \w+\), but only [0-9.]+ \w+ free; free some space"
        with pytest.raises(DiskError, match=said):
            fetcher.fetch(blob)
    assert bench.server.requests == []
