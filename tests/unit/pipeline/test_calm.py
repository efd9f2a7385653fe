from harness.pipeline.calm import Calm


def due(calm: Calm, until_s: int) -> list[int]:
    """Return the seconds at which a line is due, if it is looked every second."""
    return [second for second in range(until_s) if calm.is_due(float(second))]


def test_a_silent_run_is_heard_of_ever_less_often() -> None:
    assert due(Calm(0.0), 3600) == [30, 90, 210, 450, 930, 1530, 2130, 2730, 3330]


def test_whoever_speaks_is_not_silent() -> None:
    calm = Calm(0.0)
    for second in range(0, 600, 20):
        assert not calm.is_due(float(second))
        calm.spoke(float(second))
    assert due(calm, 700) == [610, 670]
