from typing import Any

import pytest

from harness.core.comparisons import Change, Comparison, Side
from harness.core.history import CaseRecord, Recorded
from harness.core.statuses import Kind, Status
from harness.report.comparison import compared, is_drift
from tests.unit.history import samples

PASSED, FAILED = samples.case(), samples.case(Status.FAILED)
CRASHED = samples.case(Status.FAILED, kind=Kind.CRASH)
ERROR = samples.case(Status.ERROR, kind=Kind.FETCH)
SKIPPED = samples.case(Status.SKIPPED, is_green=True)


def side(*cases: CaseRecord, number: int = 1, **changes: Any) -> Side:
    run = samples.run(number, **changes)
    return Side(name=f"side {number}", cases=tuple(Recorded(run=run, case=case) for case in cases))


def both(before: CaseRecord, after: CaseRecord, **allowed: float) -> Comparison:
    return compared(side(before), side(after, number=2), allowed)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (PASSED, PASSED, Change.SAME),
        (PASSED, FAILED, Change.REGRESSION),
        (FAILED, PASSED, Change.FIXED),
        (FAILED, CRASHED, Change.CHANGED),
        (PASSED, SKIPPED, Change.CHANGED),
        (PASSED, ERROR, Change.LOST),
        (FAILED, ERROR, Change.LOST),
        (ERROR, FAILED, Change.CHANGED),
        (ERROR, PASSED, Change.FIXED),
        (ERROR, ERROR, Change.SAME),
    ],
)
def test_statuses(before: CaseRecord, after: CaseRecord, change: Change) -> None:
    assert both(before, after).cases[0].change is change


@pytest.mark.parametrize(
    ("changes", "change"),
    [
        ({"dispatches": 32}, Change.DRIFT),
        ({"module_bytes": 84_300}, Change.SAME),
        ({"module_bytes": 80_000}, Change.DRIFT),
        ({"compile_seconds": 3.0}, Change.SAME),
        ({"compile_seconds": 3.5}, Change.DRIFT),
        ({"latency_ms": 1.5}, Change.DRIFT),
        ({"error_ratio": 0.2}, Change.DRIFT),
        ({"error_ratio": None}, Change.SAME),
    ],
)
def test_numbers(changes: dict[str, Any], change: Change) -> None:
    assert both(PASSED, samples.case(**changes)).cases[0].change is change


def test_a_number_that_grows_by_more_than_it_may_is_a_regression() -> None:
    slower = samples.case(latency_ms=1.5, dispatches=31)
    assert both(PASSED, slower, latency=0.3).cases[0].change is Change.DRIFT
    (case,) = both(PASSED, slower, latency=0.1, dispatches=0.0).cases
    assert case.change is Change.REGRESSION
    assert [each.name for each in case.numbers if each.is_over] == ["latency"]
    assert both(samples.case(dispatches=0), PASSED, dispatches=0.5).cases[0].change is Change.REGRESSION
    assert both(PASSED, samples.case(latency_ms=0.5), latency=0.0).cases[0].change is Change.DRIFT


def test_times_of_different_devices_do_not_count() -> None:
    slower = samples.case(device="Xeon", latency_ms=9.0, peak_memory_bytes=10**9, compile_seconds=99.0)
    found = compared(side(PASSED), side(slower, machine="Xeon"), {"latency": 0.1, "memory": 0.1, "compile": 0.1})
    (case,) = found.cases
    assert case.change is Change.SAME
    assert not any(map(is_drift, case.numbers))
    assert found.notes == ("1 case was on different devices (EPYC 9454 and Xeon): their times and memory do not count",)


def test_times_of_compilations_on_different_machines_do_not_count() -> None:
    gpu = samples.case(device="mi300 (gfx942)", compile_seconds=1.0)
    slower = samples.case(device="mi300 (gfx942)", compile_seconds=9.0)
    found = compared(side(gpu), side(slower, machine="Xeon"), {"compile": 0.1})
    assert found.cases[0].change is Change.SAME
    assert found.notes == (
        "1 case was on different machines (EPYC 9454 and Xeon): the times of their compilations do not count",
    )


def test_cases_of_one_side() -> None:
    other = samples.case(name="tiny/vae")
    found = compared(side(PASSED, other), side(PASSED, samples.case(name="tiny/unet")), {})
    assert [(case.name, case.change) for case in found.cases] == [
        ("tiny/unet[cpu]", Change.ADDED),
        ("tiny/vae[cpu]", Change.REMOVED),
        ("tiny/clip[cpu]", Change.SAME),
    ]
    assert dict(found.counts) == {Change.ADDED: 1, Change.REMOVED: 1, Change.SAME: 1}


def test_one_name_on_two_chips_is_one_case() -> None:
    one = samples.case(id="sd3/clip[rocm-gfx90a]", name="sd3/clip", backend="rocm", chip="gfx90a")
    two = samples.case(id="sd3/clip[rocm-gfx942]", name="sd3/clip", backend="rocm", chip="gfx942")
    (case,) = compared(side(one), side(two), {}).cases
    assert (case.name, case.change) == ("sd3/clip", Change.SAME)
    cases = compared(side(one, two), side(two), {}).cases
    assert [(case.name, case.change) for case in cases] == [(one.id, Change.REMOVED), (two.id, Change.SAME)]


@pytest.mark.parametrize(
    "changes", [{}, {"limits": ""}, {"inputs": "d"}, {"limits": "d"}, {"release": "9"}, {"device": "Xeon"}], ids=str
)
def test_another_result_of_the_same_inputs_is_flaky(changes: dict[str, Any]) -> None:
    is_same = changes in ({}, {"limits": ""})
    assert both(PASSED, samples.case(Status.FAILED, **changes)).cases[0].is_flaky is is_same
    assert not both(PASSED, samples.case(**changes)).cases[0].is_flaky


def test_several_results_of_a_case_are_said() -> None:
    found = compared(side(PASSED, samples.case(release="3.9.0")), side(PASSED), {})
    assert len(found.cases) == 1
    assert found.notes == ("side 1 has cases with several results; 1 of these are left out",)
