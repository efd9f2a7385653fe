"""A partial download: a file, its journal, and the check that new bytes belong to the same content."""

import os
import zlib
from collections.abc import Collection
from dataclasses import replace
from typing import Self

from harness.core.blobs import Blob
from harness.core.callbacks import Notice
from harness.core.errors import IntegrityError
from harness.core.urls import index_key, redacted
from harness.core.values import frozen
from harness.fetch import journal
from harness.fetch.hasher import Digests
from harness.fetch.journal import Chunk, Journal
from harness.fetch.ranges import Ranges, Span
from harness.fetch.source import AttemptError, Failure, Head, Source
from harness.host.beneath import Folder

BLOB, JOURNAL = "blob", journal.NAME
_CHANGED = "it changed on the host or a proxy altered it; to accept the new content, run `harness lock --update`"


@frozen
class Limits:
    """Limits of a download.

    Attributes:
        chunk_bytes: size of a chunk; an interruption loses at most this for each connection.
        restarts: how often the download may restart because the content changed.
    """

    chunk_bytes: int
    restarts: int


class PartialDownload:
    """A folder with an incomplete blob: the files `BLOB` and `JOURNAL`. Any thread may call its methods.

    Attributes:
        ranges: which bytes are present, being downloaded or missing.
        unverified: chunks of an earlier download.
        file: file descriptor of `BLOB`.
    """

    def __init__(self, blob: Blob, folder: Folder, limits: Limits, say: Notice) -> None:
        """Resume an earlier download in the folder, or start a new one.

        Args:
            blob: the blob; without a digest, bytes are combined only if a validator shows that they belong together.
            folder: where to download it.
            limits: limits of the download.
            say: called when the download resumes or restarts.

        Raises:
            OSError: the folder cannot be written.
        """
        self.ranges = Ranges(limits.chunk_bytes)
        self._lock = self.ranges.lock
        self._blob, self._limits, self._say = blob, limits, say
        self._root, self._files = folder, list[int]()
        self._heads: dict[str, Head] = {}
        self._is_resumable = True  # with a request for the missing bytes
        self._restarts, self._wrong = 0, set[str]()
        self.unverified: tuple[Chunk, ...] = ()
        try:
            self.file = self._opened(os.O_EXCL)
            self._journal = Journal(folder, JOURNAL, is_new=True)
        except FileExistsError:
            self._journal = Journal(folder, JOURNAL)
            self.unverified = self._resumed()
            self.file = self._opened()

    def __enter__(self) -> Self:
        """Return the partial download."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the files; after an error, remove them unless a chunk is complete."""
        is_useful = kind is None or self._journal.read().chunks
        self._journal.close()
        for each in self._files:
            os.close(each)
        if not is_useful:
            for name in (JOURNAL, BLOB):
                self._root.remove(name)

    @property
    def head(self) -> Head:
        """The first answer of a host."""
        return next(iter(self._heads.values()), Head())

    @property
    def sources_used(self) -> Collection[str]:
        """The `index_key` of every source that sent bytes."""
        return self._heads.keys()

    def _opened(self, flags: int = 0) -> int:
        """Open the file until the end; after a restart, connections that still write to the old one harm nothing."""
        self._files.append(descriptor := self._root.open(BLOB, os.O_RDWR | os.O_CREAT | flags))
        return descriptor

    def _resumed(self) -> tuple[Chunk, ...]:
        written = self._journal.read()
        if written.total is None or not written.chunks:
            self._journal.clear()
            self._root.remove(BLOB)  # not truncated: it may be a link to a published blob
            return ()
        self._heads = dict(written.heads)
        self._is_resumable = bool(self._blob.sha256 or self.head.validator)
        self.ranges.resume(written.chunks, written.total)
        self._say(f"resuming: {self.ranges.present_bytes} of {written.total} bytes are on disk")
        return written.chunks

    def known(self, source: Source, span: Span) -> Head | None:
        """Return the earlier answer of a source before a request for a span; restart if it cannot be resumed."""
        with self._lock:
            if span.at and not self._is_resumable and span.generation == self.ranges.generation:
                self.restart(span)
            return self._heads.get(index_key(source.url))

    def accept(self, source: Source, head: Head, span: Span) -> bool:
        """Return whether to write the bytes that follow an answer. If the content changed, restart.

        Raises:
            AttemptError: the answer cannot be used.
        """
        with self._lock:
            if span.generation != self.ranges.generation:
                return False
            self._check_size(head)
            if self._heads and (why := self._difference(source, head)):
                self.restart(span, why)
                if not head.ranged:
                    return False  # it is whole only because the content changed: ask again for a range
            elif head.start != span.at:
                self._is_resumable = False
                self.restart(span, "the host sends the whole blob instead of a range")
            if head.start != span.at:
                raise AttemptError(Failure(what="the host does not have this range"))
            if self.ranges.total is None:
                self._begin(head, span)
            if self._heads.setdefault(index_key(source.url), head) is head and head.total is not None:
                self._journal.add_head(index_key(source.url), head)
            return True

    def _difference(self, source: Source, head: Head) -> str | None:
        if known := self._heads.get(index_key(source.url)):
            why = known.differs(head)
            if not why and self._blob.sha256 is None and known.validator not in {None, head.validator}:
                why = f"it may not be {known.validator} any more"
            return f"it changed during the download, {why}" if why else None
        if self._blob.sha256 is None:
            return f"the rest comes from {redacted(source.url)}"
        return self.head.differs(Head(total=head.total))

    def _check_size(self, head: Head) -> None:
        """Refuse another size than in the lock file. A small blob is downloaded: its digest tells more."""
        sizes = {self._blob.size_bytes, head.total} - {None}
        if len(sizes) > 1 and max(filter(None, sizes)) > self._limits.chunk_bytes:
            raise AttemptError(self._wrong_content(f"{head.total} bytes{_of(head.last_modified)}"))

    def _begin(self, head: Head, span: Span) -> None:
        """Take the size from the first answer, and divide the blob if the host supports ranges."""
        self.ranges.total = span.stop = total = head.total
        self._is_resumable = head.ranged and bool(self._blob.sha256 or head.validator)
        if total is not None and self._is_resumable:
            self.ranges.split(span, total)

    def restart(self, span: Span | None, why: str = "") -> None:
        """Discard all bytes; the given span, or a new one, starts at byte 0.

        Raises:
            AttemptError: this happened too often.
        """
        with self._lock:
            self._restarts += bool(why)
            if self._restarts > self._limits.restarts:
                raise AttemptError(Failure(what=f"{why}, repeatedly", retriable=False))
            if why and self.ranges.present_bytes:
                self._say(f"{why}; restarting")
            self._journal.clear()
            self._heads.clear()
            self._root.remove(BLOB)
            if not os.fstat(self.file).st_nlink:
                os.ftruncate(self.file, 0)  # free the space of the old file, which stays open
            self.file = self._opened()
            self.ranges.restart(span)

    def write(self, span: Span, piece: memoryview) -> bool:
        """Write a piece; return False if the rest of it is not wanted.

        Raises:
            AttemptError: the blob is larger than in the lock file.
            OSError: the file cannot be written.
        """
        while piece:
            with self._lock:
                writable_bytes, file = self.ranges.writable_bytes(span), self.file
            if not writable_bytes:
                return False
            size = os.pwrite(file, piece[:writable_bytes], span.at)
            crc32 = zlib.crc32(piece[:size], span.crc32)
            with self._lock:
                if span.generation != self.ranges.generation:
                    return False
                span.crc32 = crc32
                self._record(self.ranges.advance(span, size))
            piece = piece[size:]
        if span.stop is None and self._blob.size_bytes is not None and span.at > self._blob.size_bytes:
            raise AttemptError(self._wrong_content(f"at least {span.at} bytes"))
        return True

    def _record(self, chunk: Chunk | None) -> None:
        if chunk is not None:
            if chunk.start or chunk.stop != self.ranges.total:  # of a blob that is one chunk nothing is resumed
                self._journal.add_chunk(chunk)
            self.ranges.add_arrived(chunk)

    def end_body(self, source: Source, span: Span) -> None:
        """Take the end of a body for the end of the blob, if its size is unknown."""
        with self._lock:
            if self.ranges.is_incomplete(span) and span.stop is None:
                if self._blob.sha256 is None and self.head.open_ended:
                    self._say("the host does not state the size: the blob may be incomplete")
                self._record(self.ranges.end(span))
                self._journal.add_head(index_key(source.url), Head(total=span.at))

    def difference(self, digests: Digests) -> Failure | None:
        """Return how the complete blob differs from the lock file or from the MD5 of the host, or None."""
        blob, head, size = self._blob, self.head, self.ranges.total
        if blob.sha256 is None and head.md5 not in {None, digests.md5}:
            return self._wrong_content(f"MD5 {digests.md5}", expected=f"MD5 {head.md5}, which the host states")
        if blob.sha256 in {None, digests.sha256} and blob.size_bytes in {None, size}:
            return None
        failure = self._wrong_content(f"sha256:{digests.sha256}, {size} bytes{_of(head.last_modified)}")
        has_new_date = None not in {blob.last_modified, head.last_modified} and blob.last_modified != head.last_modified
        if has_new_date and not (self.unverified and self.ranges.generation == 0):
            # The host has new content, and no byte of an earlier download can be the reason.
            return replace(failure, retriable=False)
        return failure

    def _wrong_content(self, content: str, *, expected: str | None = None) -> Failure:
        """Return the failure for wrong content; the same content twice, or many different ones, cannot be retried."""
        what = f"its content is {content}; expected {expected or expectation(self._blob)}"
        again = what not in self._wrong and len(self._wrong) + 1 < self._limits.restarts
        self._wrong.add(what)
        return Failure(what=what, fix=_CHANGED, raises=IntegrityError, retriable=again)


def expectation(blob: Blob) -> str:
    """Return digest, size and date of a blob in the lock file, in words. No I/O."""
    size = f"{blob.size_bytes} bytes" if blob.size_bytes is not None else ""
    digest = f"sha256:{blob.sha256}" if blob.sha256 else ""
    return ", ".join(filter(None, [digest, size])) + _of(blob.last_modified)


def _of(date: str | None) -> str:
    return f", of {date}" if date else ""
