from pathlib import Path

import pytest

from harness.core.statuses import Kind, Status
from harness.host.cancel import CancelToken
from harness.pipeline.limits import FailureLimit
from harness.pipeline.scheduler import PlanRun
from harness.pipeline.step_results import INTERRUPTED
from harness.pipeline.steps import Compile
from harness.report import console, summary
from harness.report.overview import Overview
from tests.unit import executors, reports
from tests.unit.executors import Heard
from tests.unit.samples import planned, spec


@pytest.mark.parametrize(("most", "not_run"), [(None, 0), (1, 3), (2, 2), (9, 0)])
def test_a_run_ends_after_some_failures(tmp_path: Path, most: int | None, not_run: int) -> None:
    plans = [planned(spec(submodel=name)) for name in "abcd"]
    cancel, heard = CancelToken(), Heard()
    limit = FailureLimit(inner=heard, most=most, cancel=cancel)

    def decide(step: object) -> object:
        if cancel.is_set():
            return INTERRUPTED
        return executors.failed(Kind.CRASH) if not isinstance(step, Compile) and hasattr(step, "case_id") else None

    executor = executors.FakeExecutor(tmp_path, decide)  # type: ignore[arg-type]
    run = PlanRun(plans, executor, limit, out_dir=tmp_path, cancel=cancel, unfinished=limit.unfinished)
    run.run()
    found = run.outcomes()
    assert [each.kind for each in found].count(Kind.NOT_RUN) == not_run
    assert {each.status for each in found if each.kind is Kind.NOT_RUN} <= {Status.SKIPPED}
    assert limit.found == 4 - not_run
    assert cancel.is_set() is (not_run > 0)


def test_only_what_is_not_as_expected_counts() -> None:
    limit = FailureLimit(inner=Heard(), most=2, cancel=CancelToken())
    for status in (Status.PASSED, Status.XFAILED, Status.SKIPPED, Status.UNSUPPORTED, Status.FAILED):
        limit.case_ended(reports.outcome(status))
    assert (limit.found, limit.unfinished()) == (1, INTERRUPTED)
    limit.case_ended(reports.error())
    assert limit.unfinished().reason == "2 cases were not as expected (--maxfail 2)"


def test_what_did_not_run_is_told_once_for_each_reason() -> None:
    left = {"kind": Kind.NOT_RUN, "reason": "1 case was not as expected (--maxfail 1)"}
    report = reports.report(reports.outcome(), *(reports.outcome(Status.SKIPPED, name, **left) for name in "ab"))
    told = "2 cases not run: 1 case was not as expected (--maxfail 1)"
    assert list(Overview.of(report.cases).remarks) == [told]
    assert told in console.render(report).plain
    assert told in summary.render(report)
    assert Overview.of(report.cases).verdict(report.exit_code) == "As expected: 1 case."
