"""Retries downloads, from one source after the other, until they succeed or retrying makes no sense."""

import random
import select
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from harness.core.blobs import Blob
from harness.core.callbacks import Notice
from harness.core.urls import index_key, redacted
from harness.core.values import frozen
from harness.fetch.ranges import Span
from harness.fetch.source import AttemptError, Failure, Source
from harness.host.cancel import Cancelled, CancelToken

Receive = Callable[[Source, Span], None]


@frozen
class Retry:
    """How long to retry.

    Attributes:
        attempts: attempts in a row without a new byte before giving up.
        first_wait_s: the wait after attempt n is random, up to `first_wait_s * 2**(n-1)`.
        longest_wait_s: upper limit of that wait.
        stall_s: an attempt fails after this time without a byte of the blob.
        silence_s: a blob fails after this time without a new byte, over all attempts, sources and waits.
        deadline_s: limit for all attempts at a blob together.
    """

    attempts: int = 6
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    stall_s: float = 30.0
    silence_s: float = 300.0
    deadline_s: float = 6 * 3600.0


class RetryLoop:
    """The attempts at one blob, by any number of connections.

    Attributes:
        failures: number of failed attempts.
        deadline_s: time of `time.monotonic` at which to give up.
    """

    def __init__(
        self,
        blob: Blob,
        sources: Sequence[Source],
        retry: Retry,
        *,
        notice: Notice,
        ends: CancelToken,
        busy: Callable[[], None],
    ) -> None:
        """Prepare, without connecting.

        Args:
            blob: the blob.
            sources: where to download it, in the order to try.
            retry: how long to retry.
            notice: called with a line about each failed attempt.
            ends: set when the download ends, which ends all waits.
            busy: called when a host is overloaded.
        """
        self.failures = 0
        self.deadline_s = time.monotonic() + retry.deadline_s
        self._blob, self._given, self._sources, self._retry = blob, sources, list(sources), retry
        self._notice, self._ends, self._busy = notice, ends, busy
        self._lock = threading.Lock()
        self._last = ""

    @property
    def source(self) -> Source:
        """The source to try next."""
        return self._sources[0]

    def fetch_span(self, span: Span, receive: Receive, is_wanted: Callable[[Span], bool]) -> None:
        """Call `receive` until no more of the span is wanted.

        Raises:
            AttemptError: too many attempts in a row failed, or one that cannot be retried.
            Cancelled: the download ended.
        """
        number = 1
        while is_wanted(span):
            failure = self._attempt(span, receive, is_wanted, number)
            if failure is None:
                number = 1
            elif failure.retriable and number < self._retry.attempts:
                self._pause(failure, number)
                number += 1
            else:
                raise AttemptError(failure)

    def first_serving(self, sources_used: Collection[str]) -> Source:
        """Return the first source, in the given order, among those with these values of `index_key`."""
        with self._lock:
            asked = [each for each in self._given if each in self._sources]
        return next((each for each in asked if index_key(each.url) in sources_used), asked[0])

    def drop(self, source: Source) -> bool:
        """Stop using a source. Return False if it is the only one."""
        with self._lock:
            if len(self._sources) > 1 and source in self._sources:
                self._sources.remove(source)
                return True
            return False

    def overdue(self) -> AttemptError:
        """Return the error for a download that passed its deadline."""
        what = f"{redacted(self._blob.url)}: took longer than {self._retry.deadline_s:g} s"
        return AttemptError(Failure(what=what, retriable=False))

    def silent(self) -> AttemptError:
        """Return the error for a download that has brought nothing new for too long."""
        last = f"; the last failure: {self._last}" if self._last else ""
        what = f"{redacted(self._blob.url)}: no new byte for {self._retry.silence_s:g} s{last}"
        return AttemptError(Failure(what=what, retriable=False))

    def raise_if_cancelled(self) -> None:
        """Raise Cancelled if the download ended."""
        if self._ends.is_set():
            raise Cancelled

    def _attempt(self, span: Span, receive: Receive, is_wanted: Callable[[Span], bool], number: int) -> Failure | None:
        """Try the sources in turn; return the last failure, or None if none counts as a failed attempt.

        A failure after new bytes arrived is reported but does not count.
        """
        furthest = span.furthest
        for left in range(len(self._sources) - 1, -1, -1):
            source = self.source
            try:
                receive(source, span)
            except AttemptError as error:
                where = f"attempt {number} of {self._retry.attempts}, at byte {span.at}"
                failure = self._counted(error.failure, source, where)
            else:
                return None
            if not failure.retriable:
                return failure
            if span.furthest > furthest:
                self._notice(f"{failure.what}; resuming")
                self._sleep(self._retry.first_wait_s)
                return None
            if not is_wanted(span):
                self._notice(f"{failure.what}; leaving the rest to other connections")
                return None
            if left == 0:
                return failure
            self._notice(f"{failure.what}; trying {redacted(self.source.url)}")
        return None

    def _counted(self, failure: Failure, source: Source, where: str) -> Failure:
        """Count a failure, move its source to the end, and return the failure with its source and position."""
        self.raise_if_cancelled()  # a connection that was shut down looks like one that broke
        what, retriable = failure.what, failure.retriable
        if failure.wait_s is not None and failure.wait_s > self._retry.silence_s:
            what, retriable = f"{what} and asks to wait {failure.wait_s:.0f} s", False
        with self._lock:
            self.failures += 1
            if has_others := self._sources != [source]:
                self._put_last(source, keep=retriable)
        if failure.busy:
            self._busy()
        what = self._last = f"{redacted(source.url)}: {what} ({where})"
        return replace(failure, what=what, retriable=retriable or has_others)

    def _put_last(self, source: Source, *, keep: bool) -> None:
        """Move a source to the end, or remove it. Another connection may have done so before."""
        if source in self._sources:
            self._sources.remove(source)
            self._sources.extend([source] * keep)

    def _pause(self, failure: Failure, number: int) -> None:
        """Wait before the next attempt: as long as the host asks, else for a random time with a doubling limit."""
        longest_s = min(self._retry.longest_wait_s, self._retry.first_wait_s * 2 ** (number - 1))
        wait_s = random.uniform(0, longest_s) if failure.wait_s is None else failure.wait_s  # noqa: S311 - no secret
        if time.monotonic() + wait_s > self.deadline_s:
            raise self.overdue()
        self._notice(f"{failure.what}; retrying in {wait_s:.1f} s")
        self._sleep(wait_s)

    def _sleep(self, seconds: float) -> None:
        poll = select.poll()
        poll.register(self._ends, select.POLLIN)
        poll.poll(seconds * 1000)
        self.raise_if_cancelled()
