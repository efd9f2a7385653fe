from typing import Any

from harness.core.history import Recorded
from harness.core.statuses import Status
from harness.history import trends
from harness.report.page.content import Point
from tests.unit.history import samples


def recorded(number: int, status: Status = Status.PASSED, **changes: Any) -> Recorded:
    return Recorded(run=samples.run(number), case=samples.case(status, **changes))


def test_numbers_of_a_case_oldest_first() -> None:
    found = trends.trends({"tiny/clip[cpu]": [recorded(2, Status.FAILED, error_ratio=4.2), recorded(1)]})
    assert [each.name for each in found] == [
        "error_ratio",
        "latency_ms",
        "compile_seconds",
        "dispatches",
        "module_bytes",
    ]
    assert found[0].case == "tiny/clip[cpu]"
    assert found[0].points == (
        Point(when="2026-11-01T00:01:00Z", release="3.13.0", status="passed", value=0.1),
        Point(when="2026-11-01T00:02:00Z", release="3.13.0", status="failed", value=4.2),
    )


def test_one_number_is_no_trend() -> None:
    bare: dict[str, Any] = dict.fromkeys(("latency_ms", "dispatches", "module_bytes"))
    found = trends.trends({"a": [recorded(2, **bare, is_cached=True), recorded(1, **bare)], "b": [recorded(1)]})
    assert [(each.case, each.name) for each in found] == [("a", "error_ratio")]


def test_another_device_is_another_trend() -> None:
    results = [recorded(3), recorded(2, device="mi300 (gfx942)"), recorded(1, release="")]
    points = trends.trends({"a": results})[0].points
    assert [(each.when[-6:], each.release) for each in points] == [("01:00Z", None), ("03:00Z", "3.13.0")]
