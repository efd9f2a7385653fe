import io

import pytest
from rich.console import Console

from harness.core.blobs import Blob, FetchEstimate
from harness.core.statuses import Kind
from harness.pipeline.progress import Live
from harness.pipeline.steps import Compile
from tests.patience import comes_true
from tests.unit import reports
from tests.unit.samples import planned


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def log() -> tuple[Live, Clock, io.StringIO]:
    """Return what shows a run where there is no terminal."""
    file, clock = io.StringIO(), Clock()
    return Live(Console(file=file, width=80), id_width=14, clock=clock), clock, file


def test_a_log_is_told_now_and_then_what_goes_on() -> None:
    live, clock, file = log()
    plan = planned()
    step = next(each for each in plan.steps if isinstance(each, Compile))
    live.expect_cases(1)
    live.planned([plan])
    live.step_started(step, [plan.case.id])
    clock.now_s = 160.0
    live.step_running(step)
    live.notice("a remark")
    for clock.now_s in range(160, 760):
        live.look()
    assert file.getvalue().splitlines() == [
        "a remark",
        "0/1 done, 1 compiling, 1:30 elapsed; compiling tiny/clip[cpu] (0:30)",
        "0/1 done, 1 compiling, 2:30 elapsed; compiling tiny/clip[cpu] (1:30)",
        "0/1 done, 1 compiling, 4:30 elapsed; compiling tiny/clip[cpu] (3:30)",
        "0/1 done, 1 compiling, 8:30 elapsed; compiling tiny/clip[cpu] (7:30)",
    ]


def test_downloads_are_told_to_a_log_too() -> None:
    live, clock, file = log()
    blob = Blob(url="https://host/w.irpa")
    live.expect(FetchEstimate(blobs=1, bytes=100_000_000))
    live.bytes_fetched(blob, 0, 100_000_000)
    clock.now_s += 30
    live.bytes_fetched(blob, 30_000_000, 100_000_000)
    live.look()
    assert file.getvalue() == (
        "1 fetching, 0:30 elapsed; fetching: 0 of 1 blob, 30.0 MB of 100.0 MB, 1.0 MB/s, 1:10 left; "
        "fetching w.irpa (30.0/100.0 MB, 0:30)\n"
    )


def test_a_log_is_not_told_each_second_without_waiting() -> None:
    file = io.StringIO()
    with Live(Console(file=file), id_width=0):
        pass
    assert file.getvalue() == ""


def test_a_cause_is_told_in_the_line_of_its_first_case() -> None:
    live, _, file = log()
    for name in ("a", "b"):
        live.case_ended(reports.error(Kind.DEVICE, id=f"m/{name}", seconds={}))
    live.case_ended(reports.failed(seconds={}))
    live.case_ended(reports.failed(seconds={}))
    ends = [line.partition(" s   ")[2] for line in file.getvalue().splitlines()]
    assert ends[:2] == ["device: no GPU here is a gfx942", "device: as above"]
    assert ends[2] == ends[3] != "", "failures are told each on their own"


def test_attempts_that_fail_alike_are_told_once_a_minute() -> None:
    live, clock, file = log()
    told = "https://{}: refused (attempt {} of 6, at byte 0); retrying in {} s"
    for number in range(1, 4):
        for name in ("h/a.irpa", "h/b.irpa", "g/a.irpa"):
            live.notice(told.format(name, number, number / 10))
    live.notice("https://h/a.irpa: 503 (attempt 1 of 6, at byte 0); retrying in 1.0 s")
    clock.now_s += 61
    live.notice(told.format("h/b.irpa", 4, 20))
    live.notice("another remark")
    live.notice("another remark")
    assert file.getvalue().splitlines() == [
        told.format("h/a.irpa", 1, 0.1),
        told.format("g/a.irpa", 1, 0.1),
        "https://h/a.irpa: 503 (attempt 1 of 6, at byte 0); retrying in 1.0 s",
        told.format("h/b.irpa", 4, 20),
        "another remark",
        "another remark",
    ]


class Screen(io.StringIO):
    """The file of a terminal."""

    def isatty(self) -> bool:
        return True


def test_forced_colours_do_not_make_a_terminal_of_a_log() -> None:
    file = io.StringIO()
    with Live(Console(file=file, force_terminal=True, width=40), id_width=0) as live:
        live.worked("installing IREE 3.13.0", "")
        live.notice("a remark that is longer than the width of a console that nobody has")
    first, second = file.getvalue().splitlines()
    assert first == "\x1b[2minstalling IREE 3.13.0\x1b[0m"
    assert "a remark that is longer than the width of a console that nobody has" in second


@pytest.mark.parametrize("height", [3, 10])
def test_a_terminal_shows_what_goes_on_and_forgets_it(height: int) -> None:
    file = Screen()
    console = Console(file=file, force_terminal=True, width=80, height=height, legacy_windows=False, _environ={})
    with Live(console, id_width=0) as live:
        for number in range(20):
            live.worked(f"installing IREE 3.{number}.0", f"{number}.5 MB")
        assert comes_true(lambda: "more" in file.getvalue())
        live.notice("a remark")
        for number in range(20):
            live.worked(f"installing IREE 3.{number}.0", None)
    text = file.getvalue()
    assert "a remark" in text
    shown = text.partition("a remark")[0].rpartition("elapsed")[2]
    assert shown.count("installing") == max(0, height - 3)
    assert "installing" not in text.rpartition("elapsed")[2]
