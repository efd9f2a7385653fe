import pytest

from harness.core.callbacks import WorkProgress, beginnings, working


def broken(tell: WorkProgress) -> None:
    """Do half of some work."""
    with working(tell, "building x") as progress:
        progress("step 1/2")
        raise ValueError("broken")


def test_work_is_told_from_its_begin_to_its_end_also_if_it_fails() -> None:
    told: list[tuple[str, str | None]] = []
    with pytest.raises(ValueError, match="broken"):
        broken(lambda *report: told.append(report))
    assert told == [("building x", ""), ("building x", "step 1/2"), ("building x", None)]


def test_only_that_work_begins() -> None:
    told: list[str] = []
    with working(beginnings(told.append), "building x") as progress:
        progress("step 1/2")
    assert told == ["building x"]
