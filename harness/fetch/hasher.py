"""Hashes a blob while it comes: its parts in their order, as soon as they are there."""

import hashlib
import os
import zlib
from collections.abc import Callable, Collection
from typing import Self

from harness.fetch.journal import Part
from harness.fetch.ranges import Parts

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
        parts: Parts,
        *,
        unsure: Collection[Part],
        with_md5: bool,
        file: Callable[[], int],
        heed: Callable[[], None],
    ) -> None:
        """Read nothing yet.

        Args:
            parts: what is there.
            unsure: parts of an earlier download, whose bytes may not have reached the disk.
            with_md5: whether that is wanted as well.
            file: returns the descriptor of the present generation.
            heed: raises if all is to end.
        """
        self._parts, self._unsure, self._with_md5 = parts, set(unsure), with_md5
        self._file, self._heed = file, heed
        self._block = memoryview(bytearray(_BLOCK_BYTES))

    def whole(self) -> Digests:
        """Wait until the whole is there, and return its digests; begin anew whenever the download does."""
        while True:
            with self._parts.changed:
                generation = self._parts.generation
            if (digests := self._of(generation)) is not None:
                return digests

    def _of(self, generation: int) -> Digests | None:
        digests, at = Digests(with_md5=self._with_md5), 0
        while True:
            with self._parts.changed:
                part = self._awaited(generation, at)
                if self._parts.generation != generation:
                    return None
                if part is None:
                    return digests
                file = self._file()
            if (longer := self._read(part, file, digests)) is not None:
                digests, at = longer, part.stop
                continue
            with self._parts.changed:
                if self._parts.generation == generation:
                    self._parts.lost(part)

    def _awaited(self, generation: int, at: int) -> Part | None:
        """Wait for the part that begins there; None if that is the end, or there was a new beginning."""
        while True:
            self._heed()
            if self._parts.generation != generation or self._parts.total == at:
                return None
            if (part := self._parts.next_there(at)) is not None:
                return part
            self._parts.changed.wait()

    def _read(self, part: Part, file: int, digests: Digests) -> Digests | None:
        """Return the digests with a part more; None if its bytes are not those of which the journal tells."""
        longer, at, crc32 = digests.copy(), part.start, 0
        is_unsure = part in self._unsure
        self._unsure.discard(part)
        while at < part.stop:
            block = self._block[: os.preadv(file, [self._block[: part.stop - at]], at)]
            if not block:
                return None
            longer.update(block)
            crc32 = zlib.crc32(block, crc32) if is_unsure else crc32
            at += len(block)
        return None if is_unsure and crc32 != part.crc32 else longer
