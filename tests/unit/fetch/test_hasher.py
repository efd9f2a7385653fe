import hashlib
import os
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.fetch.hasher import Hasher
from harness.fetch.journal import Chunk
from harness.fetch.ranges import Ranges
from harness.host.cancel import Cancelled

CONTENT = bytes(range(100))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "blob").write_bytes(CONTENT)
    descriptor = os.open(tmp_path / "blob", os.O_RDWR)
    yield descriptor
    os.close(descriptor)


def chunk_of(start: int, stop: int) -> Chunk:
    return Chunk(start=start, stop=stop, crc32=zlib.crc32(CONTENT[start:stop]))


def raise_if_cancelled() -> None:
    """Go on."""


def resumed(*there: Chunk) -> Ranges:
    ranges = Ranges(10)
    ranges.resume(there, len(CONTENT))
    return ranges


def brought_again(ranges: Ranges, file: int, before: threading.Thread) -> None:
    """Bring whatever is missing, as soon as something is, until the hasher has ended."""
    while before.is_alive():
        with ranges.changed:
            if (span := ranges.take()) is None:
                ranges.changed.wait(0.001)
                continue
            while writable_bytes := ranges.writable_bytes(span):
                crc32 = zlib.crc32(CONTENT[span.at : span.at + writable_bytes])
                os.pwrite(file, CONTENT[span.at : span.at + writable_bytes], span.at)
                chunk = ranges.advance(span, writable_bytes)
                assert chunk is not None
                ranges.add_arrived(Chunk(start=chunk.start, stop=chunk.stop, crc32=crc32))
            ranges.give_back(span)


def test_chunks_are_hashed_in_order_however_they_arrive(file: int) -> None:
    ranges = resumed(chunk_of(50, 100), chunk_of(0, 7), chunk_of(7, 50))
    digests = Hasher(
        ranges, unverified=(), with_md5=True, file=lambda: file, raise_if_cancelled=raise_if_cancelled
    ).whole()
    assert digests.sha256 == SHA256
    assert digests.md5 == hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


def test_nothing_has_a_digest_too(file: int) -> None:
    ranges = Ranges(10)
    ranges.total = 0
    digests = Hasher(
        ranges, unverified=(), with_md5=False, file=lambda: file, raise_if_cancelled=raise_if_cancelled
    ).whole()
    assert (digests.sha256, digests.md5) == (hashlib.sha256().hexdigest(), None)


@pytest.mark.parametrize("damage", ["holes", "end"])
def test_a_chunk_of_an_earlier_download_that_is_damaged_is_downloaded_again(file: int, damage: str) -> None:
    there = (chunk_of(0, 20), chunk_of(20, 80), chunk_of(80, 100))
    if damage == "holes":
        os.pwrite(file, bytes(30), 10)
    else:
        os.ftruncate(file, 75)
    ranges, found = resumed(*there), []
    hasher = Hasher(ranges, unverified=there, with_md5=False, file=lambda: file, raise_if_cancelled=raise_if_cancelled)
    thread = threading.Thread(target=lambda: found.append(hasher.whole()), daemon=True)
    thread.start()
    brought_again(ranges, file, thread)
    assert found[0].sha256 == SHA256
    assert ranges.present_bytes == len(CONTENT)


def test_hashing_restarts_with_the_download(file: int) -> None:
    ranges = resumed(chunk_of(0, 60))
    hasher = Hasher(ranges, unverified=(), with_md5=False, file=lambda: file, raise_if_cancelled=raise_if_cancelled)
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(hasher.whole().sha256), daemon=True)
    thread.start()
    with ranges.changed:
        ranges.restart(None)
        ranges.resume([chunk_of(0, 100)], 100)
        ranges.changed.notify_all()
    thread.join()
    assert found == [SHA256]


def test_an_order_to_stop_ends_the_wait(file: int) -> None:
    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        Hasher(resumed(), unverified=(), with_md5=False, file=lambda: file, raise_if_cancelled=stop).whole()
