"""Hashes a blob while it is downloaded: chunk after chunk, as soon as they arrive."""

import hashlib
import os
import zlib
from collections.abc import Callable, Collection
from typing import Self

from harness.fetch.journal import Chunk
from harness.fetch.ranges import Ranges

# Small enough to be still in the processor's cache when it is hashed.
_BLOCK_BYTES = 256 << 10


class Digests:
    """The SHA-256 of bytes, and optionally their MD5."""

    def __init__(self, *, with_md5: bool) -> None:
        """Start with no byte."""
        names = ("sha256", "md5") if with_md5 else ("sha256",)
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in names}

    @property
    def sha256(self) -> str:
        """The digest in hexadecimal."""
        return self._hashes["sha256"].hexdigest()

    @property
    def md5(self) -> str | None:
        """The digest in hexadecimal."""
        return self._hashes["md5"].hexdigest() if "md5" in self._hashes else None

    def update(self, block: memoryview) -> None:
        """Add bytes."""
        for each in self._hashes.values():
            each.update(block)

    def copy(self) -> Self:
        """Return an independent copy."""
        twin = object.__new__(type(self))
        twin._hashes = {name: each.copy() for name, each in self._hashes.items()}
        return twin


class Hasher:
    """Reads chunks back as they arrive, mostly from the page cache."""

    def __init__(
        self,
        ranges: Ranges,
        *,
        unverified: Collection[Chunk],
        with_md5: bool,
        file: Callable[[], int],
        raise_if_cancelled: Callable[[], None],
    ) -> None:
        """Prepare; `whole` reads.

        Args:
            ranges: the state of the download.
            unverified: chunks of an earlier download, whose bytes may not have reached the disk.
            with_md5: whether to compute the MD5 as well.
            file: returns the file descriptor of the current generation.
            raise_if_cancelled: raises Cancelled when the download should end.
        """
        self._ranges, self._unverified, self._with_md5 = ranges, set(unverified), with_md5
        self._file, self._raise_if_cancelled = file, raise_if_cancelled
        self._block = memoryview(b"")

    def whole(self) -> Digests:
        """Wait for the whole blob and return its digests; restart whenever the download does."""
        while True:
            with self._ranges.lock:
                generation = self._ranges.generation
            if (digests := self._of(generation)) is not None:
                return digests

    def _of(self, generation: int) -> Digests | None:
        digests, at = Digests(with_md5=self._with_md5), 0
        while True:
            with self._ranges.lock:
                chunk = self._awaited(generation, at)
                if self._ranges.generation != generation:
                    return None
                if chunk is None:
                    return digests
                file = self._file()
            if (longer := self._read(chunk, file, digests)) is not None:
                digests, at = longer, chunk.stop
                continue
            with self._ranges.lock:
                if self._ranges.generation == generation:
                    self._ranges.discard(chunk)

    def _awaited(self, generation: int, at: int) -> Chunk | None:
        """Wait for the chunk at a byte; return None at the end of the blob, or if the download restarted."""
        while True:
            self._raise_if_cancelled()
            if self._ranges.generation != generation or self._ranges.total == at:
                return None
            if (chunk := self._ranges.pop_arrived(at)) is not None:
                return chunk
            self._ranges.changed.wait()

    def _read(self, chunk: Chunk, file: int, digests: Digests) -> Digests | None:
        """Return the digests with one more chunk; None if its bytes do not match the journal."""
        longer, at, crc32 = digests.copy(), chunk.start, 0
        is_unverified = chunk in self._unverified
        self._unverified.discard(chunk)
        if len(self._block) < min(_BLOCK_BYTES, chunk.stop - at):
            self._block = memoryview(bytearray(min(_BLOCK_BYTES, chunk.stop - at)))
        while at < chunk.stop:
            block = self._block[: os.preadv(file, [self._block[: chunk.stop - at]], at)]
            if not block:
                return None
            longer.update(block)
            crc32 = zlib.crc32(block, crc32) if is_unverified else crc32
            at += len(block)
        return None if is_unverified and crc32 != chunk.crc32 else longer
