import hashlib
import os
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.fetch.hasher import Hasher
from harness.fetch.journal import Part
from harness.fetch.ranges import Parts
from harness.host.process import Cancelled

CONTENT = bytes(range(100))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "blob").write_bytes(CONTENT)
    descriptor = os.open(tmp_path / "blob", os.O_RDWR)
    yield descriptor
    os.close(descriptor)


def part_of(start: int, stop: int) -> Part:
    return Part(start=start, stop=stop, crc32=zlib.crc32(CONTENT[start:stop]))


def heed() -> None:
    """Go on."""


def resumed(*there: Part) -> Parts:
    parts = Parts(10)
    parts.resume(there, len(CONTENT))
    return parts


def brought_again(parts: Parts, file: int, before: threading.Thread) -> None:
    """Bring whatever is missing, as soon as something is, until the hasher has ended."""
    while before.is_alive():
        with parts.changed:
            if (span := parts.take()) is None:
                parts.changed.wait(0.001)
                continue
            while room := parts.room(span):
                crc32 = zlib.crc32(CONTENT[span.at : span.at + room])
                os.pwrite(file, CONTENT[span.at : span.at + room], span.at)
                part = parts.advance(span, room)
                assert part is not None
                parts.arrived(Part(start=part.start, stop=part.stop, crc32=crc32))
            parts.leave(span)


def test_parts_are_hashed_in_their_order_however_they_arrive(file: int) -> None:
    parts = resumed(part_of(50, 100), part_of(0, 7), part_of(7, 50))
    digests = Hasher(parts, unsure=(), with_md5=True, file=lambda: file, heed=heed).whole()
    assert digests.sha256 == SHA256
    assert digests.md5 == hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


def test_nothing_has_a_digest_too(file: int) -> None:
    parts = Parts(10)
    parts.total = 0
    digests = Hasher(parts, unsure=(), with_md5=False, file=lambda: file, heed=heed).whole()
    assert (digests.sha256, digests.md5) == (hashlib.sha256().hexdigest(), None)


@pytest.mark.parametrize("damage", ["holes", "end"])
def test_a_part_of_before_whose_bytes_are_not_there_is_brought_again(file: int, damage: str) -> None:
    there = (part_of(0, 20), part_of(20, 80), part_of(80, 100))
    if damage == "holes":
        os.pwrite(file, bytes(30), 10)
    else:
        os.ftruncate(file, 75)
    parts, found = resumed(*there), []
    hasher = Hasher(parts, unsure=there, with_md5=False, file=lambda: file, heed=heed)
    thread = threading.Thread(target=lambda: found.append(hasher.whole()), daemon=True)
    thread.start()
    brought_again(parts, file, thread)
    assert found[0].sha256 == SHA256
    assert parts.came == len(CONTENT)


def test_hashing_begins_anew_with_the_download(file: int) -> None:
    parts = resumed(part_of(0, 60))
    hasher = Hasher(parts, unsure=(), with_md5=False, file=lambda: file, heed=heed)
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(hasher.whole().sha256), daemon=True)
    thread.start()
    with parts.changed:
        parts.start_over(None)
        parts.resume([part_of(0, 100)], 100)
        parts.changed.notify_all()
    thread.join()
    assert found == [SHA256]


def test_an_order_to_stop_ends_the_wait(file: int) -> None:
    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        Hasher(resumed(), unsure=(), with_md5=False, file=lambda: file, heed=stop).whole()
