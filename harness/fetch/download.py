"""Brings one blob into a folder: over several connections, from where it was stopped before, and hashed meanwhile."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.core.blobs import Blob
from harness.core.errors import IntegrityError
from harness.core.urls import index_key, redacted
from harness.fetch.concurrency import Pace
from harness.fetch.hasher import Digests, Hasher
from harness.fetch.partial import Draft, Limits
from harness.fetch.ranges import Span
from harness.fetch.retry import Retry, Tries
from harness.fetch.source import AttemptError, Head, Source
from harness.host.process import Cancelled, CancelToken

_TICK_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the downloads of a run share: how hard they try, what they may use, and whom they tell.

    `connections` are for all downloads together; a blob that is interrupted lacks at most one part of
    `part_bytes` for each. `notice` is told a line, and `progress` the bytes of a blob so far and, where known,
    in all; both in any thread.
    """

    notice: Callable[[str], None]
    progress: Callable[[Blob, int, int | None], None] = lambda *_: None
    cancel: CancelToken | None = None
    retry: Retry = field(default_factory=Retry)
    connections: int = 8
    part_bytes: int = 8 << 20


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
    blob: Blob, sources: Sequence[Source], folder: Path, means: Means, permits: threading.Semaphore
) -> Received:
    """Bring a blob into a folder as `BLOB`, on top of what the folder has of it.

    Args:
        blob: what is wanted.
        sources: where it may be had, in the order to ask.
        folder: keeps what is there until the whole is.
        means: how.
        permits: one for each connection that there may be.

    Raises:
        AttemptError: it cannot be had, or is not what it should be.
        OSError: it cannot be written.
        Cancelled: the order came first.
    """

    def say(text: str) -> None:
        means.notice(f"{redacted(blob.url)}: {text}")

    limits = Limits(part_bytes=means.part_bytes, starts_over=means.retry.attempts)
    with Draft(blob, folder, limits, say) as draft:
        return _Download(blob, sources, draft, means, permits).run()


class _Download:
    """The connections that bring what a draft lacks, and the thread that hashes it."""

    def __init__(
        self, blob: Blob, sources: Sequence[Source], draft: Draft, means: Means, permits: threading.Semaphore
    ) -> None:
        self._blob, self._draft, self._means, self._permits = blob, draft, means, permits
        self._parts, self._changed = draft.parts, draft.changed
        self._ends = CancelToken()
        self._tries = Tries(blob, sources, means.retry, notice=means.notice, ends=self._ends, busy=self._push_back)
        self._pace = Pace(means.connections, time.monotonic())
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
                if each.is_alive():  # an interrupt may have come before it was started
                    each.join()
        self._means.progress(self._blob, self._parts.came, self._parts.total)
        if self._failed is not None:
            if isinstance(self._failed, AttemptError) and self._failed.raises is IntegrityError:
                self._draft.start_over(None)  # there is nothing to go on with
            raise self._failed
        if self._received is None:
            raise Cancelled
        return self._received

    def _look_after(self) -> None:
        """See that there are as many connections as are wanted, until all is over."""
        cancel = self._means.cancel or self._ends
        with cancel.calling(self._end):
            while not self._ends.is_set():
                if (now_s := time.monotonic()) > self._tries.deadline_s:
                    self._fail(self._tries.too_late())
                with self._changed:
                    self._pace.came(now_s, self._parts.came)
                    self._connect()
                    if not self._ends.is_set():
                        self._changed.wait(_TICK_S)
                self._means.progress(self._blob, self._parts.came, self._parts.total)

    def _connect(self) -> None:
        wanted = min(self._pace.wanted, self._parts.divisible)
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
                    self._tries.bring(span, self._receive, self._is_wanted)
                finally:
                    with self._changed:
                        self._parts.leave(span)
        except AttemptError as error:
            with self._changed:
                if not error.again or (was_alone and len(self._workers) == 1):
                    raise
                self._pace.lost()  # others may still bring something, and they may have been what it failed for
        finally:
            self._permits.release()
            with self._changed:
                self._workers.discard(threading.current_thread())
                self._changed.notify_all()

    def _taken(self) -> Span | None:
        with self._changed:
            return None if self._ends.is_set() or self._is_one_too_many() else self._parts.take()

    def _is_wanted(self, span: Span) -> bool:
        with self._changed:
            return self._parts.lacks(span) and not self._is_one_too_many()

    def _is_one_too_many(self) -> bool:
        return len(self._workers) > max(1, self._pace.wanted)

    def _push_back(self) -> None:
        with self._changed:
            self._pace.pushed_back(time.monotonic())

    def _receive(self, source: Source, span: Span) -> None:
        """Ask a source once for what a span lacks, and write what comes."""
        self._tries.heed()
        if not self._is_wanted(span):
            return
        known = self._draft.known(source, span)
        with source.opened(span.at, span.stop, known, self._ends) as (head, pieces):
            if not self._draft.accept(source, head, span):
                return
            before = span.at
            for piece in pieces:
                self._tries.heed()
                if not self._draft.write(span, memoryview(piece)) or not self._is_wanted(span):
                    return
        self._draft.end_of_body(source, span)
        if span.at == before and self._is_wanted(span):
            raise AttemptError("no byte came")

    def _hash(self) -> None:
        """Hash the blob while it comes; what is not as it should be is had once more."""
        hasher = Hasher(
            self._parts,
            unsure=self._draft.unsure,
            with_md5=self._blob.sha256 is None,
            file=lambda: self._draft.file,
            heed=self._tries.heed,
        )
        while (error := self._draft.difference(digests := hasher.whole())) is not None:
            source = self._tries.first_of(self._draft.served)
            error.what = f"{redacted(source.url)}: {error.what}"
            if not self._tries.does_without(source) and not error.again:
                raise error
            self._means.notice(f"{error}; starting over")
            self._draft.start_over(None)
        self._received = self._receipt(digests)
        self._end()

    def _receipt(self, digests: Digests) -> Received:
        head, source = self._draft.head, self._tries.source
        if index_key(source.url) not in self._draft.served:
            source = self._tries.first_of(self._draft.served)
        return Received(
            sha256=digests.sha256,
            bytes=self._parts.total or 0,
            head=replace(head, md5=head.md5 or digests.md5),
            source=redacted(source.url),
            attempts=self._tries.failures + 1,
            resumed=bool(self._draft.unsure) and self._parts.generation == 0,
        )
