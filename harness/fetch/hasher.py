"""Hashes a blob while it comes: its parts in their order, as soon as they are there."""

import hashlib
import os
import zlib
from collections.abc import Callable, Collection
from typing import Self

from harness.fetch.journal import Chunk
from harness.fetch.ranges import Ranges

# So few that they are in the processor's cache still when they are hashed.
_BLOCK_BYTES = 256 << 10


class Digests:
    """The sha256 of some bytes, and their MD5 if it is wanted."""

    def __init__(self, *, with_md5: bool) -> None:
        """Begin with no byte."""
        names = ("sha256", "md5") if with_md5 else ("sha256",)
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in names}

    @property
    def sha256(self) -> str:
        """In hexadecimal."""
        return self._hashes["sha256"].hexdigest()

    @property
    def md5(self) -> str | None:
        """In hexadecimal."""
        return self._hashes["md5"].hexdigest() if "md5" in self._hashes else None

    def update(self, block: memoryview) -> None:
        """Go on with more bytes."""
        for each in self._hashes.values():
            each.update(block)

    def copy(self) -> Self:
        """Return what can go on by itself."""
        twin = type(self)(with_md5=False)
        twin._hashes = {name: each.copy() for name, each in self._hashes.items()}  # noqa: SLF001 - our own
        return twin


class Hasher:
    """Reads parts back as they arrive; it is from the memory of the system that most of them come."""

    def __init__(
        self,
        ranges: Ranges,
        *,
        unsure: Collection[Chunk],
        with_md5: bool,
        file: Callable[[], int],
        raise_if_cancelled: Callable[[], None],
    ) -> None:
        """Read nothing yet.

        Args:
            ranges: what is there.
            unsure: chunks of an earlier download, whose bytes may not have reached the disk.
            with_md5: whether that is wanted as well.
            file: returns the descriptor of the present generation.
            raise_if_cancelled: raises Cancelled if the download is to end.
        """
        self._ranges, self._unsure, self._with_md5 = ranges, set(unsure), with_md5
        self._file, self._raise_if_cancelled = file, raise_if_cancelled
        self._block = memoryview(bytearray(_BLOCK_BYTES))

    def whole(self) -> Digests:
        """Wait until the whole is there, and return its digests; begin anew whenever the download does."""
        while True:
            with self._ranges.changed:
                generation = self._ranges.generation
            if (digests := self._of(generation)) is not None:
                return digests

    def _of(self, generation: int) -> Digests | None:
        digests, at = Digests(with_md5=self._with_md5), 0
        while True:
            with self._ranges.changed:
                chunk = self._awaited(generation, at)
                if self._ranges.generation != generation:
                    return None
                if chunk is None:
                    return digests
                file = self._file()
            if (longer := self._read(chunk, file, digests)) is not None:
                digests, at = longer, chunk.stop
                continue
            with self._ranges.changed:
                if self._ranges.generation == generation:
                    self._ranges.lost(chunk)

    def _awaited(self, generation: int, at: int) -> Chunk | None:
        """Wait for the part that begins there; None if that is the end, or there was a new beginning."""
        while True:
            self._raise_if_cancelled()
            if self._ranges.generation != generation or self._ranges.total == at:
                return None
            if (chunk := self._ranges.next_there(at)) is not None:
                return chunk
            self._ranges.changed.wait()

    def _read(self, chunk: Chunk, file: int, digests: Digests) -> Digests | None:
        """Return the digests with a part more; None if its bytes are not those of which the journal tells."""
        longer, at, crc32 = digests.copy(), chunk.start, 0
        is_unsure = chunk in self._unsure
        self._unsure.discard(chunk)
        while at < chunk.stop:
            block = self._block[: os.preadv(file, [self._block[: chunk.stop - at]], at)]
            if not block:
                return None
            longer.update(block)
            crc32 = zlib.crc32(block, crc32) if is_unsure else crc32
            at += len(block)
        return None if is_unsure and crc32 != chunk.crc32 else longer
