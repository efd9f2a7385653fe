import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.blobs import Blob
from harness.core.cases import Backend
from harness.pipeline.board import Board, about
from harness.pipeline.steps import Compare, Compile, Fetch, Plan, Run, Step
from tests.unit.samples import planned, spec

LONG = "sdxl/a_model_with_a_name_that_is_much_longer_than_all_others"
A, B = Blob(url="https://host/weights.irpa"), Blob(url="https://host/b.irpa")


def plans(number: int) -> list[Plan]:
    return [planned(spec(submodel=f"m{index}", mlir=Blob(url=f"https://host/{index}.mlir"))) for index in range(number)]


def step(plan: Plan, kind: type[Step]) -> Step:
    return next(each for each in plan.steps if isinstance(each, kind))


def board(wanted: list[Plan]) -> Board:
    """Return a board on which all compilations are queued at 0 s."""
    found = Board(0.0, cases=len(wanted))
    found.planned(wanted)
    for plan in wanted:
        found.queued(step(plan, Compile), [plan.case.id])
    return found


def done(of: Board, plan: Plan, *, begins_s: float, compile_s: float, run_s: float) -> None:
    """Let all steps of a case end."""
    of.started(step(plan, Compile), begins_s)
    of.ended(step(plan, Compile), begins_s + compile_s)
    of.queued(step(plan, Run), [plan.case.id])
    of.started(step(plan, Run), begins_s + compile_s)
    of.ended(step(plan, Run), begins_s + compile_s + run_s)
    of.case_ended(plan.case.id)


def test_only_what_runs_is_listed_with_the_time_since_it_began() -> None:
    wanted = plans(9)
    of = board(wanted)
    of.started(step(wanted[0], Compile), 10.0)
    of.started(step(wanted[1], Compile), 12.0)
    assert of.lines(17.0, width=60, height=24) == [
        "0/9 done, 2 compiling, 0:17 elapsed",
        "  compiling tiny/m0[cpu]                                0:07",
        "  compiling tiny/m1[cpu]                                0:05",
    ]


def test_what_is_left_is_estimated_from_what_was_done() -> None:
    wanted = plans(10)
    of = board(wanted)
    of.started(step(wanted[1], Compile), 0.0)
    assert of.left_s(0.0) is None, "nothing has ended"
    done(of, wanted[0], begins_s=0.0, compile_s=60.0, run_s=10.0)
    # 9 compilations of 60 s, one of them half done, of which two run at once, and 9 runs of 10 s.
    assert of.left_s(30.0) == pytest.approx((9 * 60 - 30) / 2 + 9 * 10)
    assert of.total(30.0) == "1/10 done, 1 compiling, about 6 min left, 0:30 elapsed"


def test_there_is_no_estimate_before_a_step_of_each_kind_has_ended() -> None:
    wanted = plans(3)
    of = board(wanted)
    of.started(step(wanted[0], Compile), 0.0)
    of.ended(step(wanted[0], Compile), 5.0)
    assert of.left_s(5.0) is None
    assert "left" not in of.total(5.0)


def test_the_steps_of_a_case_that_failed_are_not_left() -> None:
    wanted = plans(2)
    of = board(wanted)
    done(of, wanted[0], begins_s=0.0, compile_s=1.0, run_s=1.0)
    of.started(step(wanted[1], Compile), 2.0)
    of.ended(step(wanted[1], Compile), 3.0)
    of.case_ended(wanted[1].case.id)
    assert (of.left_s(3.0), of.total(3.0)) == (None, "2/2 done, 0:03 elapsed")


def test_what_is_left_of_a_search_is_estimated_from_its_cases() -> None:
    of = Board(100.0, cases=40)
    assert of.total(160.0) == "0/40 done, 1:00 elapsed"
    for number in range(10):
        of.case_ended(str(number))
    assert of.total(160.0) == "10/40 done, about 3 min left, 1:00 elapsed"
    for number in range(10, 40):
        of.case_ended(str(number))
    assert of.total(300.0) == "40/40 done, 3:20 elapsed"


def test_an_estimate_never_gets_negative() -> None:
    wanted = plans(2)
    of = board(wanted)
    done(of, wanted[0], begins_s=0.0, compile_s=1.0, run_s=0.0)
    of.started(step(wanted[1], Compile), 1.0)
    assert of.left_s(1000.0) == 0.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "about 10 s"),
        (11, "about 20 s"),
        (54, "about 60 s"),
        (56, "about 1 min"),
        (170, "about 3 min"),
        (3600, "about 1 h"),
        (7900, "about 2 h 10 min"),
    ],
)
def test_an_estimate_is_not_more_exact_than_it_is(seconds: float, words: str) -> None:
    assert about(seconds) == words


def test_downloads_have_names_bytes_of_one_unit_and_a_total() -> None:
    of = Board(0.0)
    of.throughput.expect(3, 1_200_000_000)
    of.bytes_fetched(A, 0, 850_000_000, 1.0)
    of.bytes_fetched(A, 45_250_000, 850_000_000, 11.0)
    of.bytes_fetched(B, 900, 1_000, 11.0)
    assert of.lines(12.0, width=80, height=24) == [
        "2 fetching, 0:12 elapsed",
        "fetching: 0 of 3 blobs, 45.3 MB of 1.2 GB, 4.5 MB/s, 4:15 left",
        "  fetching weights.irpa                                      45.2/850.0 MB  0:11",
        "  fetching b.irpa                                               0.0/0.0 MB  0:01",
    ]
    of.fetched(A)
    of.fetched(B)
    assert of.lines(12.0, width=80, height=24) == ["0:12 elapsed"]


def test_a_download_that_came_at_once_is_counted_and_not_shown() -> None:
    of = Board(0.0)
    of.throughput.expect(3, 3_000)
    of.bytes_fetched(A, 1_000, 1_000, 1.0)
    of.bytes_fetched(B, 900, 1_000, 1.0)
    of.bytes_fetched(B, 1_000, 1_000, 2.0)
    head, total, line = of.lines(3.0, width=80, height=9)
    assert head.startswith("1 fetching")
    assert "b.irpa" in line
    of.fetched(A)
    of.fetched(B)
    assert of.throughput.line().startswith("fetching: 2 of 3 blobs, 2.0 kB of 3.0 kB"), total


def test_a_download_that_is_a_step_has_one_line() -> None:
    of = Board(0.0)
    fetch = Fetch(blob=A)
    of.started(fetch, 1.0)
    of.bytes_fetched(A, 10, 20, 2.0)
    assert len(of.lines(3.0, width=80, height=9)) == 2
    of.ended(fetch, 3.0)
    assert of.lines(3.0, width=80, height=9) == ["0:03 elapsed"]


def test_other_work_has_an_amount_and_a_clock() -> None:
    of = Board(0.0, cases=9)
    of.worked("installing IREE 3.13.0", "312.4 MB", 1.0)
    of.worked("building localhost/iree-quality:cpu-3.13.0", "step 3/24", 2.0)
    assert of.lines(9.0, width=80, height=24) == [
        "0/9 done, 1 installing, 1 building, 0:09 elapsed",
        "  installing IREE 3.13.0                                          312.4 MB  0:08",
        "  building localhost/iree-quality:cpu-3.13.0                     step 3/24  0:07",
    ]
    of.worked("installing IREE 3.13.0", None, 10.0)
    assert of.line(10.0).endswith("; building localhost/iree-quality:cpu-3.13.0 (step 3/24, 0:08)")


def test_a_shared_step_names_one_case_and_how_many_more() -> None:
    of = Board(0.0, names_release=True)
    plan = planned()
    compiles, runs, compares = (step(plan, kind) for kind in (Compile, Run, Compare))
    of.queued(compiles, ["tiny/clip[cpu]", "tiny/vae[cpu]", "tiny/unet[cpu]"])
    of.queued(runs, ["tiny/clip[cpu]"])
    of.queued(compares, ["tiny/clip[cpu]"])
    for each in (compiles, runs, compares):
        of.started(each, 0.0)
    release = f"with {compiles.release}"  # type: ignore[union-attr]
    assert [re.split("  +", line.strip())[0] for line in of.lines(0.0, width=80, height=9)[1:]] == [
        f"compiling tiny/clip[cpu] and 2 more {release}",
        f"running tiny/clip[cpu] {release}",
        f"comparing tiny/clip[cpu] {release}",
    ]


def test_a_line_of_a_log_names_what_has_been_going_on_for_longest() -> None:
    wanted = plans(9)
    of = board(wanted)
    for number, plan in enumerate(wanted[:5]):
        of.started(step(plan, Compile), 10.0 + number)
    assert of.line(40.0) == (
        "0/9 done, 5 compiling, 0:40 elapsed; "
        "compiling tiny/m0[cpu] (0:30), compiling tiny/m1[cpu] (0:29), compiling tiny/m2[cpu] (0:28), 2 more"
    )


@given(st.integers(20, 200), st.integers(1, 60), st.integers(0, 99), st.floats(0, 1e6))
def test_what_is_shown_fits_any_terminal(width: int, height: int, number: int, now_s: float) -> None:
    of = Board(0.0, cases=1000, names_release=True)
    for index in range(number):
        blob = Blob(url=f"https://host/{LONG}{index}.irpa")
        of.bytes_fetched(blob, 10**12 + index, 10**12 * 2, 0.0)
        of.worked(f"building {LONG}{index}", f"step {index}/99", 0.0)
    lines = of.lines(now_s, width=width, height=height)
    assert len(lines) <= height
    assert all(re.search(r"\d+:\d\d$", line) for line in lines if line.startswith("  building")), "numbers are whole"
    if width >= 72:
        assert all(len(line) <= width for line in lines)


def test_the_total_leaves_out_what_the_rows_say_before_it_cuts_a_number() -> None:
    of = Board(0.0, cases=1000)
    for verb in ("fetching", "compiling", "running", "comparing", "installing", "building"):
        of.worked(f"{verb} x", "", 0.0)
    of.case_ended("a")
    assert of.lines(3600.0, width=60, height=1) == ["1/1000 done, 1 fetching, about 999 h left, 1:00:00 elapsed"]


def test_names_are_shortened_in_the_middle_and_what_follows_them_is_not() -> None:
    of = Board(0.0, names_release=True)
    plan = planned(spec(backend=Backend.CPU))
    compiles = step(plan, Compile)
    of.queued(compiles, [f"{LONG}[rocm-gfx942]", "other"])
    of.started(compiles, 0.0)
    (line,) = of.lines(5.0, width=80, height=9)[1:]
    assert len(line) == 80
    assert re.fullmatch(r"  compiling sdxl/a_mode\S+\.\.\.\S+\[rocm-gfx942\] and 1 more with \S+ +0:05", line), line


def test_more_than_has_room_is_counted() -> None:
    of = Board(0.0)
    for index in range(10):
        of.worked(f"installing {index}", "", float(index))
    assert of.lines(10.0, width=40, height=5)[1:] == [
        "  installing 0                      0:10",
        "  installing 1                      0:09",
        "  installing 2                      0:08",
        "  and 7 more",
    ]
