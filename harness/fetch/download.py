"""Downloads one blob into a folder: resumes, uses several connections and hashes meanwhile."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import field, replace

from harness.core.blobs import Blob
from harness.core.callbacks import DownloadProgress, Notice, ignore
from harness.core.errors import IntegrityError
from harness.core.urls import index_key, redacted
from harness.core.values import frozen
from harness.fetch.concurrency import Concurrency
from harness.fetch.hasher import Digests, Hasher
from harness.fetch.partial import Limits, PartialDownload
from harness.fetch.ranges import Span
from harness.fetch.retry import Retry, RetryLoop
from harness.fetch.silence import Silence
from harness.fetch.source import AttemptError, Failure, Head, Source
from harness.fetch.ticker import TICK_S, TICKER
from harness.host import waiting
from harness.host.beneath import Folder
from harness.host.cancel import Cancelled, CancelToken


@frozen
class DownloadOptions:
    """Options that all downloads of a run share.

    Attributes:
        notice: called with a line for the user, in any thread.
        progress: called with the progress of a blob, in any thread.
        cancel: stops all downloads.
        retry: how long to retry.
        connections: number of connections of all downloads together.
        chunk_bytes: an interrupted download loses at most this for each connection.
    """

    notice: Notice
    progress: DownloadProgress = ignore
    cancel: CancelToken | None = None
    retry: Retry = field(default_factory=Retry)
    connections: int = 8
    chunk_bytes: int = 8 << 20


@frozen
class Received:
    """The result of a download.

    Attributes:
        sha256: digest of the content.
        bytes: size of the content.
        head: the answer of the host.
        source: URL that served it, without secrets.
        attempts: number of attempts, the successful one included.
        resumed: whether bytes of an earlier download were used.
    """

    sha256: str
    bytes: int
    head: Head
    source: str
    attempts: int
    resumed: bool


def download(
    blob: Blob,
    sources: Sequence[Source],
    folder: Folder,
    options: DownloadOptions,
    permits: threading.Semaphore,
) -> Received:
    """Download a blob into a folder as `BLOB`, resuming an earlier download there.

    Args:
        blob: the blob.
        sources: where to download it, in the order to try.
        folder: keeps the partial download; it has nothing else.
        options: how to download.
        permits: one for each connection that may be open.

    Raises:
        AttemptError: the download failed, or the content is wrong.
        OSError: the file cannot be written.
        Cancelled: `options.cancel` was set.
    """

    def say(text: str) -> None:
        options.notice(f"{redacted(blob.url)}: {text}")

    limits = Limits(chunk_bytes=options.chunk_bytes, restarts=options.retry.attempts)
    with PartialDownload(blob, folder, limits, say) as partial:
        return _Download(blob, sources, partial, options, permits).run()


class _Download:
    """The threads of a download: one for each connection, and one that hashes. A small blob needs the caller's only."""

    def __init__(
        self,
        blob: Blob,
        sources: Sequence[Source],
        partial: PartialDownload,
        options: DownloadOptions,
        permits: threading.Semaphore,
    ) -> None:
        self._blob, self._partial, self._options, self._permits = blob, partial, options, permits
        self._ranges = partial.ranges
        self._lock, self._changed = self._ranges.lock, self._ranges.changed
        self._ends = CancelToken()
        self._retry_loop = RetryLoop(
            blob, sources, options.retry, notice=options.notice, ends=self._ends, busy=self._throttle
        )
        self._concurrency = Concurrency(options.connections, time.monotonic())
        self._silence = Silence(time.monotonic())
        self._workers: set[threading.Thread] = set()
        self._failed: BaseException | None = None
        self._received: Received | None = None

    def run(self) -> Received:
        """Download the blob."""
        with (self._options.cancel or self._ends).calling(self._end):
            if self._is_small:
                with TICKER.calling(self._listen):
                    self._guarded(self._work_alone)
            else:
                self._work_in_threads()
        self._options.progress(self._blob, self._ranges.present_bytes, self._ranges.total)
        if self._failed is not None:
            if isinstance(self._failed, AttemptError) and self._failed.failure.raises is IntegrityError:
                self._partial.restart(None)  # nothing to resume from
            raise self._failed
        if self._received is None:
            raise Cancelled
        return self._received

    @property
    def _is_small(self) -> bool:
        """Whether one request should bring the whole blob. To start threads would take longer than that."""
        size_bytes = self._blob.size_bytes
        return size_bytes is not None and size_bytes <= self._options.chunk_bytes and not self._partial.unverified

    def _work_alone(self) -> None:
        """Download the blob in this thread, then hash it, until its content is right."""
        hasher = self._hasher()
        while self._received is None:
            while not self._permits.acquire(timeout=TICK_S):
                self._retry_loop.raise_if_cancelled()
            self._workers.add(threading.current_thread())
            self._work()
            self._retry_loop.raise_if_cancelled()
            self._check(hasher.whole())

    def _work_in_threads(self) -> None:
        hasher = threading.Thread(target=self._guarded, args=(self._hash,), daemon=True)
        hasher.start()
        try:
            self._supervise()
        finally:
            self._end()
            for each in (*self._workers, hasher):
                waiting.join(each)

    def _supervise(self) -> None:
        """Adapt the number of connections until the download ends."""
        while not self._ends.is_set():
            self._listen()
            with self._lock:
                self._concurrency.update(time.monotonic(), self._ranges.present_bytes)
                self._connect()
                if not self._ends.is_set():
                    self._changed.wait(TICK_S)
            self._options.progress(self._blob, self._ranges.present_bytes, self._ranges.total)

    def _listen(self) -> None:
        """Fail if it takes too long, or nothing new has come. A blob whose turn has not come is not waited for."""
        if (now_s := time.monotonic()) > self._retry_loop.deadline_s:
            self._fail(self._retry_loop.overdue())
        with self._lock:
            ranges, is_waiting = self._ranges, bool(self._workers)
            self._silence.update(now_s, ranges.received_bytes, ranges.present_bytes, is_waiting=is_waiting)
        if self._silence.seconds > self._options.retry.silence_s:
            self._fail(self._retry_loop.silent())

    def _connect(self) -> None:
        wanted = min(self._concurrency.wanted, self._ranges.usable_connections)
        while len(self._workers) < wanted and self._permits.acquire(blocking=False):
            worker = threading.Thread(target=self._guarded, args=(self._work,), daemon=True)
            self._workers.add(worker)
            worker.start()

    def _end(self) -> None:
        if not self._ends.is_set():
            self._ends.set()
        with self._lock:
            self._changed.notify_all()

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self._failed = self._failed or error
        self._end()

    def _guarded(self, job: Callable[[], None]) -> None:
        """Run the job of a thread; pass its exception to the thread that reports it."""
        try:
            job()
        except Cancelled:
            pass
        except BaseException as error:  # noqa: BLE001
            self._fail(error)

    def _work(self) -> None:
        """Download one span after the other: the job of a connection."""
        try:
            while (span := self._next_span()) is not None:
                was_alone = len(self._workers) == 1
                try:
                    self._retry_loop.fetch_span(span, self._receive, self._is_wanted)
                finally:
                    with self._lock:
                        self._ranges.give_back(span)
        except AttemptError as error:
            with self._lock:
                if not error.failure.retriable or (was_alone and len(self._workers) == 1):
                    raise
                # The other connections may still succeed, and this one may have failed because of them.
                self._concurrency.lower_limit()
        finally:
            self._permits.release()
            with self._lock:
                self._workers.discard(threading.current_thread())
                self._changed.notify_all()

    def _next_span(self) -> Span | None:
        with self._lock:
            return None if self._ends.is_set() or self._is_surplus() else self._ranges.take()

    def _is_wanted(self, span: Span) -> bool:
        with self._lock:
            return self._ranges.is_incomplete(span) and not self._is_surplus()

    def _is_surplus(self) -> bool:
        return len(self._workers) > max(1, self._concurrency.wanted)

    def _throttle(self) -> None:
        with self._lock:
            self._concurrency.throttle(time.monotonic())

    def _receive(self, source: Source, span: Span) -> None:
        """Request the missing bytes of a span from a source once, and write them."""
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
        self._retry_loop.raise_if_cancelled()  # a connection that was shut down looks like one that ended
        self._partial.end_body(source, span)
        if span.at == before and self._is_wanted(span):
            raise AttemptError(Failure(what="no data received"))

    def _hash(self) -> None:
        """Hash the blob while it is downloaded, until its content is right."""
        hasher = self._hasher()
        while self._received is None:
            self._check(hasher.whole())
        self._end()

    def _hasher(self) -> Hasher:
        return Hasher(
            self._ranges,
            unverified=self._partial.unverified,
            with_md5=self._blob.sha256 is None,
            file=lambda: self._partial.file,
            raise_if_cancelled=self._retry_loop.raise_if_cancelled,
        )

    def _check(self, digests: Digests) -> None:
        """Keep the blob if its content is right; otherwise restart."""
        if (failure := self._partial.difference(digests)) is None:
            self._received = self._receipt(digests)
            return
        source = self._retry_loop.first_serving(self._partial.sources_used)
        what = f"{redacted(source.url)}: {failure.what}"
        if not self._retry_loop.drop(source) and not failure.retriable:
            raise AttemptError(replace(failure, what=what))
        self._options.notice(f"{what}; restarting")
        self._partial.restart(None)

    def _receipt(self, digests: Digests) -> Received:
        head, source = self._partial.head, self._retry_loop.source
        if index_key(source.url) not in self._partial.sources_used:
            source = self._retry_loop.first_serving(self._partial.sources_used)
        return Received(
            sha256=digests.sha256,
            bytes=self._ranges.total or 0,
            head=replace(head, md5=head.md5 or digests.md5),
            source=redacted(source.url),
            attempts=self._retry_loop.failures + 1,
            resumed=bool(self._partial.unverified) and self._ranges.generation == 0,
        )
