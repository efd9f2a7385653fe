"""A page of very many cases."""

from pathlib import Path

from harness.core.statuses import Status
from harness.report.page import cases
from harness.report.page.content import Run
from tests.unit import reports


def test_of_very_many_cases_those_that_are_not_as_expected_and_some_more_are_shown() -> None:
    good = [reports.outcome(submodel=f"good{number}", id=f"tiny/good{number}[cpu]") for number in range(cases.MOST)]
    bad = [reports.failed(submodel=name, id=f"tiny/{name}[cpu]") for name in ("one", "two")]
    shown = cases.shown([Run(report=reports.report(*good, *bad), folder=Path("out"))])
    assert [each.outcome.status for each in shown[:3]] == [Status.FAILED, Status.FAILED, Status.PASSED]
    assert len(shown) == cases.MOST
