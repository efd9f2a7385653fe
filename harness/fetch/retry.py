"""Asks for bytes again and again, here and elsewhere, until they come or it makes no sense any more."""

import random
import select
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from harness.core.blobs import Blob
from harness.core.callbacks import Notice
from harness.core.urls import index_key, redacted
from harness.fetch.ranges import Span
from harness.fetch.source import AttemptError, Failure, Source
from harness.host.process import Cancelled, CancelToken

Receive = Callable[[Source, Span], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How long to try.

    `attempts` in a row may bring nothing new; the n-th is followed by a wait of up to `first_wait_s * 2**(n-1)`,
    by chance, or as long as the host asks, unless that is longer than `longest_asked_s`. `stall_s` without a byte
    end an attempt; `deadline_s` end all attempts at a blob together.
    """

    attempts: int = 6
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    longest_asked_s: float = 600.0
    stall_s: float = 30.0
    deadline_s: float = 6 * 3600.0


class RetryLoop:
    """The attempts at one blob, by any number of connections; `failures` counts those that failed."""

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
        """Ask nobody yet.

        Args:
            blob: what is wanted.
            sources: where it may be had, in the order to ask.
            retry: how long to try.
            notice: is told a line on each attempt that failed.
            ends: an order to stop.
            busy: is told that a host has too much to do.
        """
        self.failures = 0
        self.deadline_s = time.monotonic() + retry.deadline_s
        self._blob, self._given, self._sources, self._retry = blob, sources, list(sources), retry
        self._notice, self._ends, self._busy = notice, ends, busy
        self._lock = threading.Lock()

    @property
    def source(self) -> Source:
        """The one that served last, or is to be asked first."""
        return self._sources[0]

    def bring(self, span: Span, receive: Receive, is_wanted: Callable[[Span], bool]) -> None:
        """Receive a span until no more of it is wanted.

        Raises:
            AttemptError: there were too many attempts in a row that brought nothing, or a last one.
            Cancelled: the order came first.
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

    def first_of(self, served: Collection[str]) -> Source:
        """Return the first of the sources that served, as `index_key` names them, in the order they were given in."""
        with self._lock:
            asked = [each for each in self._given if each in self._sources]
        return next((each for each in asked if index_key(each.url) in served), asked[0])

    def does_without(self, source: Source) -> bool:
        """Ask a source no more, if there are others."""
        with self._lock:
            if len(self._sources) > 1 and source in self._sources:
                self._sources.remove(source)
                return True
            return False

    def too_late(self) -> AttemptError:
        """Return the error for a blob that took too long."""
        what = f"{redacted(self._blob.url)}: it took longer than {self._retry.deadline_s:g} s"
        return AttemptError(Failure(what=what, retriable=False))

    def raise_if_cancelled(self) -> None:
        """Raise Cancelled if the order to stop was given."""
        if self._ends.is_set():
            raise Cancelled

    def _attempt(self, span: Span, receive: Receive, is_wanted: Callable[[Span], bool], number: int) -> Failure | None:
        """Ask the sources in turn; return the last failure, or None if nothing failed that should be counted.

        A source that breaks off after it brought something new is reported, but costs no attempt.
        """
        best = span.best
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
            if span.best > best:
                self._notice(f"{failure.what}; goes on")
                self._sleep(self._retry.first_wait_s)
                return None
            if not is_wanted(span):
                self._notice(f"{failure.what}; leaves it to the other connections")
                return None
            if left == 0:
                return failure
            self._notice(f"{failure.what}; asking {redacted(self.source.url)}")
        return None

    def _counted(self, failure: Failure, source: Source, where: str) -> Failure:
        """Count a failure, ask another source first next time, and return the failure with all there is to say."""
        self.raise_if_cancelled()  # a connection that an order shut down looks like one that broke
        what, retriable = failure.what, failure.retriable
        if failure.wait_s is not None and failure.wait_s > self._retry.longest_asked_s:
            what, retriable = f"{what}, and to come again in {failure.wait_s:.0f} s", False
        with self._lock:
            self.failures += 1
            if has_others := self._sources != [source]:
                self._put_last(source, keep=retriable)
        if failure.busy:
            self._busy()
        what = f"{redacted(source.url)}: {what} ({where})"
        return replace(failure, what=what, retriable=retriable or has_others)

    def _put_last(self, source: Source, *, keep: bool) -> None:
        """Ask a source after the others, or no more. Another connection may have had the same failure before."""
        if source in self._sources:
            self._sources.remove(source)
            self._sources.extend([source] * keep)

    def _pause(self, failure: Failure, number: int) -> None:
        """Wait before the next attempt: as long as the host asks, else for a random time that doubles each time."""
        longest_s = min(self._retry.longest_wait_s, self._retry.first_wait_s * 2 ** (number - 1))
        wait_s = random.uniform(0, longest_s) if failure.wait_s is None else failure.wait_s  # noqa: S311 - no secret
        if time.monotonic() + wait_s > self.deadline_s:
            raise self.too_late()
        self._notice(f"{failure.what}; next in {wait_s:.1f} s")
        self._sleep(wait_s)

    def _sleep(self, seconds: float) -> None:
        poll = select.poll()
        poll.register(self._ends, select.POLLIN)
        poll.poll(seconds * 1000)
        self.raise_if_cancelled()
