"""Brings one blob into a folder: over several connections, from where it was stopped before, and hashed meanwhile."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.core.blobs import Blob
from harness.core.callbacks import DownloadProgress, Notice, ignore
from harness.core.errors import IntegrityError
from harness.core.urls import index_key, redacted
from harness.fetch.concurrency import Concurrency
from harness.fetch.hasher import Digests, Hasher
from harness.fetch.partial import Limits, PartialDownload
from harness.fetch.ranges import Span
from harness.fetch.retry import Retry, RetryLoop
from harness.fetch.source import AttemptError, Failure, Head, Source
from harness.host import waiting
from harness.host.process import Cancelled, CancelToken

_TICK_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadOptions:
    """What the downloads of a run share: how hard they try, what they may use, and whom they tell.

    `connections` are for all downloads together; a blob that is interrupted lacks at most one part of
    `chunk_bytes` for each. `notice` is told a line, and `progress` the bytes of a blob so far and, where known,
    in all; both in any thread.
    """

    notice: Notice
    progress: DownloadProgress = ignore
    cancel: CancelToken | None = None
    retry: Retry = field(default_factory=Retry)
    connections: int = 8
    chunk_bytes: int = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What came: its digest and size, what the host said of it, whence, and in how many attempts."""

    sha256: str
    bytes: int
    head: Head
    source: str
    attempts: int
    resumed: bool


def download(
    blob: Blob, sources: Sequence[Source], folder: Path, options: DownloadOptions, permits: threading.Semaphore
) -> Received:
    """Bring a blob into a folder as `BLOB`, on top of what the folder has of it.

    Args:
        blob: what is wanted.
        sources: where it may be had, in the order to ask.
        folder: keeps what is there until the whole is.
        options: how.
        permits: one for each connection that there may be.

    Raises:
        AttemptError: it cannot be had, or is not what it should be.
        OSError: it cannot be written.
        Cancelled: the order came first.
    """

    def say(text: str) -> None:
        options.notice(f"{redacted(blob.url)}: {text}")

    limits = Limits(chunk_bytes=options.chunk_bytes, starts_over=options.retry.attempts)
    with PartialDownload(blob, folder, limits, say) as partial:
        return _Download(blob, sources, partial, options, permits).run()


class _Download:
    """The connections that bring what a draft lacks, and the thread that hashes it."""

    def __init__(
        self,
        blob: Blob,
        sources: Sequence[Source],
        partial: PartialDownload,
        options: DownloadOptions,
        permits: threading.Semaphore,
    ) -> None:
        self._blob, self._partial, self._options, self._permits = blob, partial, options, permits
        self._ranges, self._changed = partial.ranges, partial.changed
        self._ends = CancelToken()
        self._retry_loop = RetryLoop(
            blob, sources, options.retry, notice=options.notice, ends=self._ends, busy=self._push_back
        )
        self._concurrency = Concurrency(options.connections, time.monotonic())
        self._workers: set[threading.Thread] = set()
        self._failed: BaseException | None = None
        self._received: Received | None = None

    def run(self) -> Received:
        """Bring it."""
        hasher = threading.Thread(target=self._guarded, args=(self._hash,), daemon=True)
        hasher.start()
        try:
            self._look_after()
        finally:
            self._end()
            for each in (*self._workers, hasher):
                waiting.join(each)
        self._options.progress(self._blob, self._ranges.came, self._ranges.total)
        if self._failed is not None:
            if isinstance(self._failed, AttemptError) and self._failed.failure.raises is IntegrityError:
                self._partial.start_over(None)  # there is nothing to go on with
            raise self._failed
        if self._received is None:
            raise Cancelled
        return self._received

    def _look_after(self) -> None:
        """See that there are as many connections as are wanted, until all is over."""
        cancel = self._options.cancel or self._ends
        with cancel.calling(self._end):
            while not self._ends.is_set():
                if (now_s := time.monotonic()) > self._retry_loop.deadline_s:
                    self._fail(self._retry_loop.too_late())
                with self._changed:
                    self._concurrency.came(now_s, self._ranges.came)
                    self._connect()
                    if not self._ends.is_set():
                        self._changed.wait(_TICK_S)
                self._options.progress(self._blob, self._ranges.came, self._ranges.total)

    def _connect(self) -> None:
        wanted = min(self._concurrency.wanted, self._ranges.divisible)
        while len(self._workers) < wanted and self._permits.acquire(blocking=False):
            worker = threading.Thread(target=self._guarded, args=(self._work,), daemon=True)
            self._workers.add(worker)
            worker.start()

    def _end(self) -> None:
        if not self._ends.is_set():
            self._ends.set()
        with self._changed:
            self._changed.notify_all()

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._failed = self._failed or error
        self._end()

    def _guarded(self, job: Callable[[], None]) -> None:
        """Do what a thread is for; carry what it raises to the thread that can report it."""
        try:
            job()
        except Cancelled:
            pass
        except BaseException as error:  # noqa: BLE001
            self._fail(error)

    def _work(self) -> None:
        """Be a connection: bring one span after the other."""
        try:
            while (span := self._taken()) is not None:
                was_alone = len(self._workers) == 1
                try:
                    self._retry_loop.bring(span, self._receive, self._is_wanted)
                finally:
                    with self._changed:
                        self._ranges.leave(span)
        except AttemptError as error:
            with self._changed:
                if not error.failure.retriable or (was_alone and len(self._workers) == 1):
                    raise
                self._concurrency.lost()  # others may still bring something, and they may have been what it failed for
        finally:
            self._permits.release()
            with self._changed:
                self._workers.discard(threading.current_thread())
                self._changed.notify_all()

    def _taken(self) -> Span | None:
        with self._changed:
            return None if self._ends.is_set() or self._is_one_too_many() else self._ranges.take()

    def _is_wanted(self, span: Span) -> bool:
        with self._changed:
            return self._ranges.lacks(span) and not self._is_one_too_many()

    def _is_one_too_many(self) -> bool:
        return len(self._workers) > max(1, self._concurrency.wanted)

    def _push_back(self) -> None:
        with self._changed:
            self._concurrency.pushed_back(time.monotonic())

    def _receive(self, source: Source, span: Span) -> None:
        """Ask a source once for what a span lacks, and write what comes."""
        self._retry_loop.raise_if_cancelled()
        if not self._is_wanted(span):
            return
        known = self._partial.known(source, span)
        with source.opened(span.at, span.stop, known, self._ends) as (head, pieces):
            if not self._partial.accept(source, head, span):
                return
            before = span.at
            for piece in pieces:
                self._retry_loop.raise_if_cancelled()
                if not self._partial.write(span, memoryview(piece)) or not self._is_wanted(span):
                    return
        self._partial.end_of_body(source, span)
        if span.at == before and self._is_wanted(span):
            raise AttemptError(Failure(what="no byte came"))

    def _hash(self) -> None:
        """Hash the blob while it comes; what is not as it should be is had once more."""
        hasher = Hasher(
            self._ranges,
            unsure=self._partial.unsure,
            with_md5=self._blob.sha256 is None,
            file=lambda: self._partial.file,
            raise_if_cancelled=self._retry_loop.raise_if_cancelled,
        )
        while (failure := self._partial.difference(digests := hasher.whole())) is not None:
            source = self._retry_loop.first_of(self._partial.served)
            what = f"{redacted(source.url)}: {failure.what}"
            if not self._retry_loop.does_without(source) and not failure.retriable:
                raise AttemptError(replace(failure, what=what))
            self._options.notice(f"{what}; starting over")
            self._partial.start_over(None)
        self._received = self._receipt(digests)
        self._end()

    def _receipt(self, digests: Digests) -> Received:
        head, source = self._partial.head, self._retry_loop.source
        if index_key(source.url) not in self._partial.served:
            source = self._retry_loop.first_of(self._partial.served)
        return Received(
            sha256=digests.sha256,
            bytes=self._ranges.total or 0,
            head=replace(head, md5=head.md5 or digests.md5),
            source=redacted(source.url),
            attempts=self._retry_loop.failures + 1,
            resumed=bool(self._partial.unsure) and self._ranges.generation == 0,
        )
