import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.blobs import Blob
from harness.core.text import size
from harness.fetch.throughput import Throughput

A, B = Blob(url="https://host/a"), Blob(url="https://host/b")


def test_a_line_says_how_far_how_fast_and_how_long() -> None:
    throughput = Throughput()
    throughput.expect(2, 3_000_000_000)
    throughput.update(A, 0, 1_000_000_000, now_s=100.0)
    throughput.update(A, 500_000_000, 1_000_000_000, now_s=110.0)
    assert throughput.line() == "fetching: 0 of 2 blobs, 500.0 MB of 3.0 GB, 50.0 MB/s, 0:50 left"


def test_what_was_there_before_did_not_come_just_now() -> None:
    throughput = Throughput()
    throughput.update(A, 900_000_000, 1_000_000_000, now_s=0.0)
    throughput.update(A, 910_000_000, 1_000_000_000, now_s=10.0)
    assert throughput.line() == "fetching: 0 of 1 blob, 910.0 MB of 1.0 GB, 1.0 MB/s, 1:30 left"


def test_the_rate_is_that_of_the_last_seconds() -> None:
    throughput = Throughput()
    for second in range(101):
        throughput.update(A, second * 100, 1_000_000, now_s=float(second))
    for second in range(101, 200):
        throughput.update(A, 10_000 + (second - 100) * 1_000, 1_000_000, now_s=float(second))
    assert ", 1.0 kB/s, " in throughput.line()


def test_what_ended_is_counted_and_what_is_whole_has_nothing_left() -> None:
    throughput = Throughput()
    throughput.update(A, 0, 1_000, now_s=0.0)
    throughput.update(A, 1_000, 1_000, now_s=1.0)
    throughput.ended(A)
    throughput.ended(B)  # it was there already: nobody spoke of it
    assert throughput.line() == "fetching: 1 of 1 blob, 1.0 kB of 1.0 kB, 1.0 kB/s"


def test_hours_are_told_as_hours() -> None:
    throughput = Throughput()
    throughput.update(A, 0, 7_323_000, now_s=0.0)
    throughput.update(A, 1_000, 7_323_000, now_s=1.0)
    assert throughput.line().endswith(", 2:02:02 left")


@given(
    st.lists(st.tuples(st.sampled_from([A, B]), st.integers(0, 10**12), st.none() | st.integers(0, 10**12)), min_size=1)
)
def test_any_progress_has_a_line(events: list[tuple[Blob, int, int | None]]) -> None:
    throughput = Throughput()
    for now_s, (blob, so_far, in_all) in enumerate(events):
        throughput.update(blob, so_far, in_all, now_s=float(now_s))
        assert throughput.line().startswith("fetching: 0 of ")


@pytest.mark.parametrize(
    ("size_bytes", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (85_250_000, "85.2 MB"), (2e15, "2000.0 TB")]
)
def test_sizes_are_told_in_powers_of_1000(size_bytes: float, text: str) -> None:
    assert size(size_bytes) == text
