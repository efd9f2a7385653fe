from collections.abc import Callable

import pytest

from harness.fetch.concurrency import Concurrency

TICK_S = 0.1


def passed(
    concurrency: Concurrency, until_s: float, rate: Callable[[int], float], *, now_s: float = 0.0, came: float = 0.0
) -> float:
    """Let time pass with a host that brings so many bytes a second over so many connections; return all that came."""
    for tick in range(round(now_s / TICK_S), round(until_s / TICK_S)):
        came += rate(concurrency.wanted) * TICK_S
        concurrency.update((tick + 1) * TICK_S, round(came))
    return came


def each_counts(connections: int) -> float:
    return connections * 1e6


def all_share(_: int) -> float:
    return 1e6


def test_a_host_with_too_much_to_do_is_asked_by_half_as_many() -> None:
    concurrency = Concurrency(8, 0.0)
    concurrency.throttle(5.0)
    assert concurrency.wanted == 4


def test_what_several_connections_hear_within_a_second_counts_once() -> None:
    concurrency = Concurrency(8, 0.0)
    for now_s in (5.0, 5.1, 5.9):
        concurrency.throttle(now_s)
    assert concurrency.wanted == 4
    concurrency.throttle(6.1)
    assert concurrency.wanted == 2


def test_one_connection_is_always_left() -> None:
    concurrency = Concurrency(3, 0.0)
    for now_s in range(0, 20, 2):
        concurrency.throttle(now_s)
    assert concurrency.wanted == 1
    concurrency.lower_limit()
    assert concurrency.wanted == 1


def test_one_more_is_tried_after_every_half_minute_without_a_push() -> None:
    concurrency = Concurrency(8, 0.0)
    concurrency.throttle(0.0)
    came = passed(concurrency, 29.8, each_counts)
    assert concurrency.wanted == 4
    came = passed(concurrency, 60.5, each_counts, now_s=29.8, came=came)
    assert concurrency.wanted == 6
    passed(concurrency, 125.0, each_counts, now_s=60.5, came=came)
    assert concurrency.wanted == 8


def test_where_half_of_them_bring_as_much_half_stay() -> None:
    concurrency = Concurrency(8, 0.0)
    passed(concurrency, 19.8, all_share)
    assert concurrency.wanted == 8
    passed(concurrency, 30.0, all_share, now_s=19.8, came=19.8e6)
    assert concurrency.wanted == 4
    passed(concurrency, 400.0, all_share, now_s=30.0, came=30e6)
    assert concurrency.wanted == 1


def test_where_half_of_them_bring_less_all_come_back() -> None:
    concurrency = Concurrency(8, 0.0)
    came = passed(concurrency, 20.5, each_counts)
    assert concurrency.wanted == 4
    passed(concurrency, 22.0, each_counts, now_s=20.5, came=came)
    assert concurrency.wanted == 8


@pytest.mark.parametrize("connections", [2, 3, 8, 16])
def test_an_hour_of_trials_costs_seconds(connections: int) -> None:
    full = each_counts(connections)
    lacking = 3600 * full - passed(Concurrency(connections, 0.0), 3600.0, each_counts)
    assert 0 < lacking < 8 * full


def test_one_connection_is_never_halved() -> None:
    concurrency = Concurrency(1, 0.0)
    passed(concurrency, 600.0, all_share)
    assert concurrency.wanted == 1


def test_a_push_ends_a_trial() -> None:
    concurrency = Concurrency(8, 0.0)
    came = passed(concurrency, 20.5, each_counts)
    concurrency.throttle(20.6)
    passed(concurrency, 40.0, each_counts, now_s=20.6, came=came)
    assert concurrency.wanted == 2


def test_a_trial_does_not_bring_back_a_connection_that_was_lost_meanwhile() -> None:
    concurrency = Concurrency(8, 0.0)
    came = passed(concurrency, 20.5, each_counts)
    concurrency.lower_limit()
    assert concurrency.wanted == 3
    passed(concurrency, 22.0, each_counts, now_s=20.5, came=came)
    assert concurrency.wanted == 7
