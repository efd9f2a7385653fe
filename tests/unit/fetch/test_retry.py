import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import pytest

from harness.core.blobs import Blob
from harness.fetch.ranges import Span
from harness.fetch.retry import Retry, RetryLoop
from harness.fetch.source import AttemptError, Failure, Head, Piece, Source
from harness.host.cancel import Cancelled, CancelToken

SIZE = 100
BLOB = Blob(url="http://host/blob?sig=secret")
QUICK = Retry(attempts=3, first_wait_s=0.0001, longest_wait_s=0.0001)


@dataclass(frozen=True)
class Place:
    """A source by name only: what asking it is like is for a test to say."""

    url: str

    def opened(
        self, start: int, stop: int | None, known: Head | None, cancel: CancelToken | None
    ) -> AbstractContextManager[tuple[Head, Iterator[Piece]]]:
        raise NotImplementedError


FIRST, SECOND, THIRD = (Place(f"http://{name}/blob") for name in ("first", "second", "third"))


@dataclass
class Bench:
    """Brings one span from sources that do what a test wants, and notes all that was asked and said."""

    sources: tuple[Source, ...] = (FIRST,)
    retry: Retry = QUICK
    ends: CancelToken = field(default_factory=CancelToken)
    asked: list[Source] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    pushes: int = 0

    def __post_init__(self) -> None:
        self.span = Span(stop=SIZE)
        self.retry_loop = RetryLoop(
            BLOB, self.sources, self.retry, notice=self.notices.append, ends=self.ends, busy=self.was_pushed
        )

    def was_pushed(self) -> None:
        self.pushes += 1

    def fetch_span(self, *answers: Callable[[Span], None]) -> None:
        """Let the n-th request have the n-th answer, later ones the last."""

        def receive(source: Source, span: Span) -> None:
            self.asked.append(source)
            answers[min(len(self.asked), len(answers)) - 1](span)

        self.retry_loop.fetch_span(self.span, receive, lambda span: span.at < SIZE)


def brings(size: int) -> Callable[[Span], None]:
    def answer(span: Span) -> None:
        span.at = min(SIZE, span.at + size)
        span.furthest = max(span.furthest, span.at)

    return answer


def fails(
    what: str = "it is broken",
    *,
    after: int = 0,
    retriable: bool = True,
    busy: bool = False,
    wait_s: float | None = None,
) -> Callable[[Span], None]:
    def answer(span: Span) -> None:
        brings(after)(span)
        raise AttemptError(Failure(what=what, retriable=retriable, busy=busy, wait_s=wait_s))

    return answer


def test_a_span_is_asked_for_until_all_of_it_is_there() -> None:
    bench = Bench()
    bench.fetch_span(brings(40))
    assert bench.span.at == SIZE
    assert (len(bench.asked), bench.retry_loop.failures, bench.notices) == (3, 0, [])


def test_sources_are_asked_in_turn_and_the_one_that_serves_stays_first() -> None:
    bench = Bench((FIRST, SECOND, THIRD))
    bench.fetch_span(fails(), fails(), brings(50))
    assert bench.asked == [FIRST, SECOND, THIRD, THIRD]
    assert bench.retry_loop.source == THIRD
    assert bench.notices == [
        "http://first/blob: it is broken (attempt 1 of 3, at byte 0); trying http://second/blob",
        "http://second/blob: it is broken (attempt 1 of 3, at byte 0); trying http://third/blob",
    ]


def test_all_sources_together_are_one_attempt() -> None:
    bench = Bench((FIRST, SECOND))
    with pytest.raises(AttemptError, match=r"http://second/blob: it is broken \(attempt 3 of 3, at byte 0\)"):
        bench.fetch_span(fails())
    assert bench.asked == [FIRST, SECOND] * 3
    assert bench.retry_loop.failures == 6
    assert sum("; retrying in 0.0 s" in notice for notice in bench.notices) == 2


def test_a_source_that_is_of_no_use_is_asked_no_more() -> None:
    bench = Bench((FIRST, SECOND))
    bench.fetch_span(fails(retriable=False), brings(50), fails(), fails(), brings(50))
    assert bench.asked == [FIRST, SECOND, SECOND, SECOND, SECOND]


def test_the_last_source_ends_it_all_where_another_attempt_makes_no_sense() -> None:
    bench = Bench((FIRST, SECOND))
    with pytest.raises(AttemptError, match="http://second/blob: it is gone") as caught:
        bench.fetch_span(fails("it is gone", retriable=False))
    assert not caught.value.failure.retriable
    assert bench.asked == [FIRST, SECOND]


def test_what_breaks_off_again_and_again_but_brings_something_costs_no_attempt() -> None:
    bench = Bench()
    bench.fetch_span(*[fails(after=9)] * 11, brings(1))
    assert bench.span.at == SIZE
    assert len(bench.asked) == 12
    assert bench.retry_loop.failures == 11
    assert [notice.endswith("; resuming") for notice in bench.notices] == [True] * 11


def test_progress_lets_the_attempts_be_counted_from_one() -> None:
    bench = Bench()
    with pytest.raises(AttemptError, match="attempt 3 of 3, at byte 5"):
        bench.fetch_span(fails(), fails(), fails(after=5), fails())
    assert len(bench.asked) == 6


def test_to_come_again_to_where_it_was_is_no_progress() -> None:
    def restarts(span: Span) -> None:
        span.at = 0
        fails(after=50)(span)

    bench = Bench()
    with pytest.raises(AttemptError, match="attempt 3 of 3"):
        bench.fetch_span(restarts)
    assert len(bench.asked) == 4


def test_a_failure_that_is_raised_twice_is_reported_the_same_twice() -> None:
    failed = AttemptError(Failure(what="it is broken", wait_s=0))

    def answer(_: Span) -> None:
        raise failed

    bench = Bench()
    bench.fetch_span(answer, answer, brings(SIZE))
    assert bench.notices == [
        f"http://first/blob: it is broken (attempt {number} of 3, at byte 0); retrying in 0.0 s" for number in (1, 2)
    ]
    assert failed.failure == Failure(what="it is broken", wait_s=0)


def test_a_host_with_too_much_to_do_is_reported() -> None:
    bench = Bench()
    bench.fetch_span(fails(busy=True), fails(), brings(SIZE))
    assert bench.pushes == 1


def test_a_host_says_how_long_to_wait() -> None:
    bench = Bench()
    bench.fetch_span(fails(wait_s=0.06), brings(SIZE))
    assert bench.notices == ["http://first/blob: it is broken (attempt 1 of 3, at byte 0); retrying in 0.1 s"]


def test_a_host_that_wants_to_be_left_alone_for_long_is() -> None:
    bench = Bench()
    with pytest.raises(AttemptError, match=r"it is broken and asks to wait 301 s \(attempt 1 of 3") as caught:
        bench.fetch_span(fails(wait_s=301))
    assert not caught.value.failure.retriable
    assert len(bench.asked) == 1


def test_no_wait_goes_beyond_the_deadline() -> None:
    bench = Bench(retry=Retry(attempts=3, deadline_s=5.0))
    with pytest.raises(AttemptError, match=r"^http://host/blob\?sig=\*\*\*: took longer than 5 s$") as caught:
        bench.fetch_span(fails(wait_s=30))
    assert not caught.value.failure.retriable
    assert len(bench.asked) == 1


def test_an_order_to_stop_ends_a_wait() -> None:
    bench = Bench()
    timer = threading.Timer(0.01, bench.ends.set)
    timer.start()
    with pytest.raises(Cancelled):
        bench.fetch_span(fails(wait_s=200))
    timer.join()


def test_a_connection_that_an_order_shut_down_is_no_failure() -> None:
    bench = Bench()

    def is_shut_down(span: Span) -> None:
        bench.ends.set()
        fails()(span)

    with pytest.raises(Cancelled):
        bench.fetch_span(is_shut_down)
    assert (bench.retry_loop.failures, bench.notices) == (0, [])


def test_a_source_is_done_without_only_if_there_are_others() -> None:
    retry_loop = Bench((FIRST, SECOND)).retry_loop
    assert retry_loop.drop(FIRST)
    assert retry_loop.source == SECOND
    assert not retry_loop.drop(FIRST)
    assert not retry_loop.drop(SECOND)
