import pytest

from harness.fetch.silence import Silence

TICK_S = 0.125


def silent_s(*ticks: tuple[int, int], is_waiting: bool = True) -> float:
    """Return the silence after ticks with bytes received so far, and present."""
    silence = Silence(100.0)
    for number, (received, present) in enumerate(ticks, 1):
        silence.update(100.0 + number * TICK_S, received, present, is_waiting=is_waiting)
    return silence.seconds


@pytest.mark.parametrize(
    ("ticks", "seconds"),
    [
        ([(0, 0), (0, 0), (0, 0)], 3 * TICK_S),
        ([(0, 0), (1, 1)], 0),
        ([(1, 1), (1, 1), (1, 1)], 2 * TICK_S),
        ([(5, 5), (5, 5), (5, 0), (8, 3), (8, 3)], 3 * TICK_S),
        ([(5, 5), (5, 0), (9, 4), (9, 4), (11, 6)], 0),
        ([(0, 7), (0, 7)], TICK_S),
    ],
    ids=["no byte", "a byte", "no further byte", "the same bytes again", "and then a new one", "resumed"],
)
def test_only_new_bytes_end_it_and_no_bytes_lengthen_it(ticks: list[tuple[int, int]], seconds: float) -> None:
    assert silent_s(*ticks) == seconds


def test_it_does_not_grow_while_no_host_is_waited_for() -> None:
    assert silent_s((0, 0), (0, 0), is_waiting=False) == 0
