import hashlib
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.blobs import Blob
from harness.core.callbacks import ignore
from harness.core.urls import index_key
from harness.fetch.download import DownloadOptions, download
from harness.fetch.hasher import Digests
from harness.fetch.journal import Chunk, Journal
from harness.fetch.partial import BLOB, JOURNAL, Limits, PartialDownload
from harness.fetch.ranges import Span
from harness.fetch.source import AttemptError, Head, Piece
from harness.host.beneath import Folder
from harness.host.cancel import CancelToken

CHUNK_BYTES = 8
URL = "http://host/blob"
CONTENT = bytes(range(1, 41))
SHA256 = hashlib.sha256(CONTENT).hexdigest()
LOCKED = Blob(url=URL, sha256=SHA256, size_bytes=len(CONTENT))
UNLOCKED = Blob(url=URL)
HEAD = Head(ranged=True, total=len(CONTENT), etag='"x"')


@dataclass(frozen=True)
class Memory:
    """A source of a content, which is asked for ranges of it."""

    content: bytes = CONTENT
    url: str = URL
    asked: list[tuple[int, int | None]] = field(default_factory=list)

    @contextmanager
    def opened(
        self, start: int, stop: int | None, known: Head | None, cancel: CancelToken | None
    ) -> Iterator[tuple[Head, Iterator[Piece]]]:
        del known, cancel
        self.asked.append((start, stop))
        head = Head(start=start, ranged=True, total=len(self.content), etag='"x"')
        yield head, iter([self.content[start:stop]] if start < len(self.content) else [])


HOST, MIRROR = Memory(), Memory(url="http://mirror/blob")


def partial_of(blob: Blob, folder: Path, said: list[str] | None = None) -> PartialDownload:
    limits = Limits(chunk_bytes=CHUNK_BYTES, restarts=2)
    return PartialDownload(blob, Folder(folder), limits, (said if said is not None else []).append)


def taken(partial: PartialDownload) -> Span:
    with partial.ranges.lock:
        span = partial.ranges.take()
    assert span is not None
    return span


def begun(partial: PartialDownload, size: int = 0, head: Head = HEAD) -> Span:
    """Return a span of which so much came from the host."""
    span = taken(partial)
    partial.accept(HOST, head, span)
    partial.write(span, memoryview(CONTENT[:size]))
    return span


def digests_of(content: bytes) -> Digests:
    digests = Digests(with_md5=True)
    digests.update(memoryview(content))
    return digests


@given(
    data=st.data(),
    content=st.binary(min_size=1, max_size=80),
    is_locked=st.booleans(),
    is_cut=st.booleans(),
)
@settings(max_examples=20)
def test_any_damage_of_a_partial_download_is_found_and_downloaded_again(
    data: st.DataObject, content: bytes, *, is_locked: bool, is_cut: bool
) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    policy = data.draw(st.sets(st.sampled_from(range(0, len(content), CHUNK_BYTES))))
    with TemporaryDirectory() as name:
        folder = Path(name)
        journal = Journal(Folder(folder), folder / JOURNAL)
        journal.add_head(index_key(URL), Head(total=len(content), etag='"x"'))
        for start in sorted(policy):
            chunk = content[start : start + CHUNK_BYTES]
            journal.add_chunk(Chunk(start=start, stop=start + len(chunk), crc32=zlib.crc32(chunk)))
        journal.close()
        (folder / BLOB).write_bytes(content)
        for path in filter(Path.exists, (folder / BLOB, folder / JOURNAL)):
            damage(path, data.draw(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 20)), max_size=3)), b"\0")
            damage(path, data.draw(st.lists(st.tuples(st.integers(0, 300), st.just(1)), max_size=2)), b"7")
            if is_cut:
                path.write_bytes(path.read_bytes()[: data.draw(st.integers(0, 300))])
        options = DownloadOptions(notice=ignore, connections=2, chunk_bytes=CHUNK_BYTES)
        blob = Blob(url=URL, sha256=sha256 if is_locked else None)
        received = download(blob, [Memory(content)], Folder(folder), options, threading.Semaphore(2))
        assert received.sha256 == sha256
        assert (folder / BLOB).read_bytes() == content


def damage(path: Path, ranges: list[tuple[int, int]], byte: bytes) -> None:
    """Overwrite ranges of a file, which does not grow."""
    content = bytearray(path.read_bytes())
    for start, size in ranges:
        content[start : start + size] = byte * len(content[start : start + size])
    path.write_bytes(content)


def test_bytes_of_an_earlier_download_are_not_requested(tmp_path: Path) -> None:
    with partial_of(LOCKED, tmp_path) as partial:
        begun(partial, 2 * CHUNK_BYTES + 3)
    memory, notices = Memory(), list[str]()
    options = DownloadOptions(notice=notices.append, connections=1, chunk_bytes=CHUNK_BYTES)
    received = download(LOCKED, [memory], Folder(tmp_path), options, threading.Semaphore(1))
    assert received.resumed
    assert {at for start, stop in memory.asked for at in range(start, stop or 0)} == set(range(CHUNK_BYTES, 40))
    assert notices == [f"{URL}: resuming: 8 of 40 bytes are on disk"]


def test_a_journal_without_its_blob_is_not_resumed(tmp_path: Path) -> None:
    with partial_of(LOCKED, tmp_path) as partial:
        begun(partial, 2 * CHUNK_BYTES)
    (tmp_path / BLOB).unlink()
    notices = list[str]()
    with partial_of(LOCKED, tmp_path, notices) as partial:
        assert (partial.unverified, notices) == ((), [])
        begun(partial, CHUNK_BYTES)
    with partial_of(LOCKED, tmp_path) as partial:
        assert [(each.start, each.stop) for each in partial.unverified] == [(0, CHUNK_BYTES)]


def test_a_partial_download_without_a_journal_is_emptied(tmp_path: Path) -> None:
    (tmp_path / BLOB).write_bytes(b"anything")
    with partial_of(LOCKED, tmp_path) as partial:
        assert partial.unverified == ()
        assert (tmp_path / BLOB).read_bytes() == b""


def test_a_content_that_changed_meanwhile_starts_over(tmp_path: Path) -> None:
    said: list[str] = []
    with partial_of(UNLOCKED, tmp_path, said) as partial:
        begun(partial, CHUNK_BYTES)
        span = taken(partial)
        assert span.at == CHUNK_BYTES
        with pytest.raises(AttemptError, match="does not have this range"):
            partial.accept(HOST, Head(start=CHUNK_BYTES, ranged=True, total=40, etag='"y"'), span)
        assert (span.at, partial.ranges.present_bytes, partial.ranges.generation) == (0, 0, 1)
    assert said == ['it changed during the download, its ETag was "x" and is "y"; restarting']


def test_a_content_that_changes_again_and_again_is_given_up(tmp_path: Path) -> None:
    with partial_of(UNLOCKED, tmp_path) as partial:
        span = begun(partial, CHUNK_BYTES)
        for number in range(2):
            partial.accept(HOST, Head(ranged=True, total=40, etag=f'"{number}"'), span)
        with pytest.raises(AttemptError, match="repeatedly") as caught:
            partial.accept(HOST, Head(ranged=True, total=40, etag='"2"'), span)
        assert not caught.value.failure.retriable


def test_a_host_that_sends_all_in_place_of_the_rest_is_taken_from_the_beginning(tmp_path: Path) -> None:
    with partial_of(LOCKED, tmp_path) as partial:
        begun(partial, CHUNK_BYTES)
        span = taken(partial)
        partial.accept(HOST, Head(total=40, etag='"x"'), span)
        assert (span.at, span.stop) == (0, 40)
        partial.write(span, memoryview(CONTENT))
        assert partial.ranges.present_bytes == 40


@pytest.mark.parametrize(("blob", "generation"), [(LOCKED, 0), (UNLOCKED, 1)])
def test_only_a_lock_lets_two_hosts_bring_one_blob(tmp_path: Path, blob: Blob, generation: int) -> None:
    with partial_of(blob, tmp_path) as partial:
        begun(partial, CHUNK_BYTES)
        span = taken(partial)
        head = Head(start=span.at, ranged=True, total=40, etag='"of the mirror"')
        if generation:
            with pytest.raises(AttemptError):
                partial.accept(MIRROR, head, span)
        else:
            partial.accept(MIRROR, head, span)
        assert partial.ranges.generation == generation


def test_content_without_digest_or_validator_is_not_requested_in_ranges(tmp_path: Path) -> None:
    with partial_of(UNLOCKED, tmp_path) as partial:
        span = begun(partial, 20, Head(ranged=True, total=40))
        assert span.stop == 40
        assert partial.known(HOST, span) is None
        assert (span.at, partial.ranges.present_bytes) == (0, 0)


def test_a_piece_of_before_a_new_beginning_is_not_written(tmp_path: Path) -> None:
    with partial_of(LOCKED, tmp_path) as partial:
        span = begun(partial, 4)
        partial.restart(None)
        assert not partial.write(span, memoryview(CONTENT))
        assert (tmp_path / BLOB).read_bytes() == b""
        assert partial.ranges.present_bytes == 0


def test_a_body_without_a_length_says_its_size_by_its_end(tmp_path: Path) -> None:
    with partial_of(UNLOCKED, tmp_path) as partial:
        span = begun(partial, 13, Head())
        partial.end_body(HOST, span)
        assert partial.ranges.total == 13
    with partial_of(UNLOCKED, tmp_path) as partial:
        assert [(chunk.start, chunk.stop) for chunk in partial.unverified] == [(0, 8), (8, 13)]


def test_more_than_the_lock_allows_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    with partial_of(LOCKED, tmp_path) as partial, pytest.raises(AttemptError, match="its content is 41 bytes"):
        begun(partial, 0, Head(ranged=True, total=41))
    with partial_of(LOCKED, tmp_path) as partial:
        span = begun(partial, 0, Head())
        with pytest.raises(AttemptError, match="at least 41 bytes"):
            partial.write(span, memoryview(bytes(41)))


def test_the_same_wrong_content_twice_is_no_accident(tmp_path: Path) -> None:
    with partial_of(LOCKED, tmp_path) as partial:
        partial.ranges.total = 40
        assert partial.difference(digests_of(CONTENT)) is None
        first, second = partial.difference(digests_of(bytes(40))), partial.difference(digests_of(bytes(40)))
        assert first is not None
        assert second is not None
        assert (first.retriable, second.retriable) == (True, False)
        assert f"expected sha256:{SHA256}, 40 bytes" in first.what


def test_the_md5_of_a_host_is_checked_where_there_is_no_lock(tmp_path: Path) -> None:
    with partial_of(UNLOCKED, tmp_path) as partial:
        begun(partial, 0, Head(ranged=True, total=40, etag='"x"', md5="0" * 32))
        error = partial.difference(digests_of(CONTENT))
        assert error is not None
        assert "MD5 " + "0" * 32 in str(error)
