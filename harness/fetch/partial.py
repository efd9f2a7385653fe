"""A blob in the making: a file, its journal, and the judgement on whether what comes belongs to what is there."""

import os
import zlib
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from harness.core.blobs import Blob
from harness.core.callbacks import Notice
from harness.core.errors import IntegrityError
from harness.core.urls import index_key, redacted
from harness.fetch.hasher import Digests
from harness.fetch.journal import Chunk, Journal
from harness.fetch.ranges import Ranges, Span
from harness.fetch.source import AttemptError, Failure, Head, Source

BLOB, JOURNAL = "blob", "journal"
_CHANGED = "it changed on the host, or a proxy alters it; if it is right now, take it with `harness lock --update`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """At most `chunk_bytes` are lost for each connection; the content may change `starts_over` times meanwhile."""

    chunk_bytes: int
    starts_over: int


class PartialDownload:
    """A folder with a blob that is not whole yet: `BLOB` and `JOURNAL`. Its methods may be called in any thread."""

    def __init__(self, blob: Blob, folder: Path, limits: Limits, say: Notice) -> None:
        """Find out what is there of it.

        Args:
            blob: what it is to become; without a digest, only what is surely one content is put together.
            folder: where an earlier draft may be.
            limits: of what may go wrong.
            say: is told why all begins anew.

        Raises:
            OSError: the folder cannot be written.
        """
        self.ranges = Ranges(limits.chunk_bytes)
        self.changed = self.ranges.changed
        self._blob, self._limits, self._say = blob, limits, say
        self._path, self._open = folder / BLOB, ExitStack()
        self._journal = Journal(folder / JOURNAL)
        self._open.callback(self._journal.close)
        self._heads: dict[str, Head] = {}
        self._can_go_on = True  # by asking for the rest
        self._starts_over, self._wrong = 0, set[str]()
        self.unsure = self._resumed()
        self.file = self._opened()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close its files; if nothing came of it, leave none."""
        is_of_use = kind is None or self._journal.written().chunks
        self._open.close()
        if not is_of_use:
            for path in (self._path, self._path.with_name(JOURNAL)):
                path.unlink(missing_ok=True)

    @property
    def head(self) -> Head:
        """What the host says of it."""
        return next(iter(self._heads.values()), Head())

    @property
    def served(self) -> Collection[str]:
        """The `index_key` of each source of which there are bytes."""
        return self._heads.keys()

    def _opened(self) -> int:
        """Open the file; it stays open until all connections have ended, so that none writes to another's."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        self._open.callback(os.close, descriptor)
        return descriptor

    def _resumed(self) -> tuple[Chunk, ...]:
        written = self._journal.written()
        if written.total is None or not written.chunks:
            self._journal.clear()
            self._path.unlink(missing_ok=True)  # and not truncated: it may be a link to what was published
            return ()
        self._heads = dict(written.heads)
        self._can_go_on = bool(self._blob.sha256 or self.head.validator)
        self.ranges.resume(written.chunks, written.total)
        self._say(f"{self.ranges.came} of {written.total} bytes are there already")
        return written.chunks

    def known(self, source: Source, span: Span) -> Head | None:
        """Return what a source said before it is asked for a span, which begins anew if nothing else makes sense."""
        with self.changed:
            if span.at and not self._can_go_on and span.generation == self.ranges.generation:
                self.start_over(span)
            return self._heads.get(index_key(source.url))

    def accept(self, source: Source, head: Head, span: Span) -> bool:
        """Return whether what is about to come belongs to what is there; if not, it may be that all begins anew.

        Raises:
            AttemptError: it is of no use.
        """
        with self.changed:
            if span.generation != self.ranges.generation:
                return False
            self._refuse_size(head)
            if self._heads and (why := self._contradiction(source, head)):
                self.start_over(span, why)
                if not head.ranged:
                    return False  # it is all of it because it is another: of that, a range may be had again
            elif head.start != span.at:
                self._can_go_on = False
                self.start_over(span, "the host sends all of it in place of the range asked for")
            if head.start != span.at:
                raise AttemptError(Failure(what="the host has no such range"))
            if self.ranges.total is None:
                self._begin(head, span)
            if self._heads.setdefault(index_key(source.url), head) is head and head.total is not None:
                self._journal.add_head(index_key(source.url), head)
            return True

    def _contradiction(self, source: Source, head: Head) -> str | None:
        if known := self._heads.get(index_key(source.url)):
            why = known.differs(head)
            if not why and self._blob.sha256 is None and known.validator not in {None, head.validator}:
                why = f"nothing says that it is still {known.validator}"
            return f"it changed meanwhile, {why}" if why else None
        if self._blob.sha256 is None:
            return f"the rest comes from {redacted(source.url)}"
        return self.head.differs(Head(total=head.total))

    def _refuse_size(self, head: Head) -> None:
        """Refuse what has another size than in the lock, but for what is small: there the digest says more."""
        sizes = {self._blob.size_bytes, head.total} - {None}
        if len(sizes) > 1 and max(filter(None, sizes)) > self._limits.chunk_bytes:
            raise AttemptError(self._another(f"{head.total} bytes{_of(head.last_modified)}"))

    def _begin(self, head: Head, span: Span) -> None:
        """Take from the first answer how large the blob is, and whether it can be had in parts."""
        self.ranges.total = span.stop = total = head.total
        self._can_go_on = head.ranged and bool(self._blob.sha256 or head.validator)
        if total is not None and self._can_go_on:
            self.ranges.spread(span, total)

    def start_over(self, span: Span | None, why: str = "") -> None:
        """Throw away what is there; the span becomes the beginning, or else a new one.

        Raises:
            AttemptError: that was once too often.
        """
        with self.changed:
            self._starts_over += bool(why)
            if self._starts_over > self._limits.starts_over:
                raise AttemptError(Failure(what=f"{why}, and that again and again", retriable=False))
            if why and self.ranges.came:
                self._say(f"{why}; starting over")
            self._journal.clear()
            self._heads.clear()
            self._path.unlink()
            if not os.fstat(self.file).st_nlink:
                os.ftruncate(self.file, 0)  # it stays open, but need not keep its space
            self.file = self._opened()
            self.ranges.start_over(span)

    def write(self, span: Span, piece: memoryview) -> bool:
        """Write a piece where it belongs; return False if some of it is not wanted any more.

        Raises:
            AttemptError: it is more than there should be.
            OSError: it cannot be written.
        """
        while piece:
            with self.changed:
                room, file = self.ranges.room(span), self.file
            if not room:
                return False
            size = os.pwrite(file, piece[:room], span.at)
            crc32 = zlib.crc32(piece[:size], span.crc32)
            with self.changed:
                if span.generation != self.ranges.generation:
                    return False
                span.crc32 = crc32
                self._record(self.ranges.advance(span, size))
            piece = piece[size:]
        if span.stop is None and self._blob.size_bytes is not None and span.at > self._blob.size_bytes:
            raise AttemptError(self._another(f"{span.at} bytes or more"))
        return True

    def _record(self, chunk: Chunk | None) -> None:
        if chunk is not None:
            self._journal.add_chunk(chunk)
            self.ranges.arrived(chunk)

    def end_of_body(self, source: Source, span: Span) -> None:
        """Take the end of a body for that of the blob, if nothing else says where it is."""
        with self.changed:
            if self.ranges.lacks(span) and span.stop is None:
                if self._blob.sha256 is None and self.head.open_ended:
                    self._say("the host says nowhere how long it is; whether it is whole is not known")
                self._record(self.ranges.end(span))
                self._journal.add_head(index_key(source.url), Head(total=span.at))

    def difference(self, digests: Digests) -> Failure | None:
        """Return in what the whole is not what the lock, or the host itself, says of it."""
        blob, head, size = self._blob, self.head, self.ranges.total
        if blob.sha256 is None and head.md5 not in {None, digests.md5}:
            return self._another(f"of MD5 {digests.md5}", expected=f"MD5 {head.md5}, as the host says")
        if blob.sha256 in {None, digests.sha256} and blob.size_bytes in {None, size}:
            return None
        failure = self._another(f"sha256:{digests.sha256}, {size} bytes{_of(head.last_modified)}")
        is_dated_anew = (
            None not in {blob.last_modified, head.last_modified} and blob.last_modified != head.last_modified
        )
        if is_dated_anew and not (self.unsure and self.ranges.generation == 0):
            # It has changed; nothing that an earlier attempt left can have been at fault.
            return replace(failure, retriable=False)
        return failure

    def _another(self, content: str, *, expected: str | None = None) -> Failure:
        """Return the failure for a content that is not the right one; the same twice is no accident, nor are many."""
        what = f"its content is {content}; expected {expected or expectation(self._blob)}"
        again = what not in self._wrong and len(self._wrong) + 1 < self._limits.starts_over
        self._wrong.add(what)
        return Failure(what=what, fix=_CHANGED, raises=IntegrityError, retriable=again)


def expectation(blob: Blob) -> str:
    """Return what the lock says of a blob; no I/O."""
    size = f"{blob.size_bytes} bytes" if blob.size_bytes is not None else ""
    digest = f"sha256:{blob.sha256}" if blob.sha256 else ""
    return ", ".join(filter(None, [digest, size])) + _of(blob.last_modified)


def _of(date: str | None) -> str:
    return f", of {date}" if date else ""
