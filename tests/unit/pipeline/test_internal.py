import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.core.errors import FetchError
from harness.core.exit_codes import EXIT_NO_VERDICT
from harness.core.statuses import Kind, Status, Verdict
from harness.host.cancel import CancelToken
from harness.pipeline import internal
from harness.pipeline.options import Options
from harness.pipeline.renderable import renderable
from harness.pipeline.scheduler import PlanRun
from harness.pipeline.step_results import StepResult
from harness.pipeline.steps import Compile, Step
from harness.report import results
from tests.unit import reports
from tests.unit.executors import FakeExecutor, Heard
from tests.unit.samples import blob, planned, release, spec


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (
            TypeError("odd\nvalue"),
            Kind.INTERNAL,
            "a bug of the harness: TypeError: odd value (outside of it); report it",
        ),
        (OSError(errno.ENOENT, os.strerror(errno.ENOENT), "/gone"), Kind.DISK, "No such file or directory: '/gone'"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), Kind.TOOL, "this machine refuses"),
        (RuntimeError("can't start new thread"), Kind.TOOL, "this machine refuses"),
        (MemoryError(), Kind.TOOL, "the harness ran out of memory"),
        (FetchError("no host"), Kind.FETCH, "no host"),
    ],
)
def test_what_an_exception_stands_for(error: Exception, kind: Kind, reason: str) -> None:
    found = internal.verdict(error)
    assert (found.status, found.kind) == (Status.ERROR, kind)
    assert reason in found.reason
    assert type(error).__name__ in found.details


class Broken(dict[str, Any]):
    """A field of a case in which a bug hides."""

    def __getattribute__(self, name: str) -> Any:
        raise TypeError("a bug")


def test_a_bug_in_the_plan_of_one_case_leaves_the_others_alone(tmp_path: Path) -> None:
    good = planned().case
    bad = replace(good, spec=replace(spec(submodel="bad"), flags_for=Broken()))
    plans = internal.plans([bad, good], release("3.13.0"), Options())
    heard = Heard()
    run = PlanRun(plans, FakeExecutor(tmp_path), heard, out_dir=tmp_path / "out", cancel=CancelToken())
    run.run()
    broken, passed = run.outcomes()
    assert (broken.status, broken.kind, passed.status) == (Status.ERROR, Kind.INTERNAL, Status.PASSED)
    assert broken.reason.startswith("a bug of the harness: TypeError: a bug (pipeline/compile_steps.py:")
    assert "TypeError: a bug" in (tmp_path / "out" / broken.logs["internal"]).read_text()
    assert broken.log_tail.startswith("Traceback")


class Odd(FakeExecutor):
    """Leaves a duration that is no number."""

    def done(self, step: Step, verdict: Verdict | None) -> StepResult:
        result = super().done(step, verdict)
        is_bad = isinstance(step, Compile) and "bad" in step.links[0].blob.url
        return msgspec.structs.replace(result, seconds="long") if is_bad else result


def test_a_bug_in_the_outcome_of_one_case_leaves_the_others_alone(tmp_path: Path) -> None:
    bad = planned(spec(submodel="bad", mlir=blob("bad.mlir")))
    run = PlanRun([bad, planned()], Odd(tmp_path), Heard(), out_dir=tmp_path / "out", cancel=CancelToken())
    run.run()
    broken, passed = run.outcomes()
    assert (broken.status, broken.kind, passed.status) == (Status.ERROR, Kind.INTERNAL, Status.PASSED)


def test_a_case_that_cannot_be_written_is_an_error_and_the_others_are_written() -> None:
    good = reports.outcome()
    bad = replace(good, id="a/bad[cpu]", seconds={"run": object()})  # type: ignore[dict-item]
    texts: list[str] = []
    found = renderable(reports.report(good, bad), lambda report: texts.append(results.render(report)))
    assert found.cases[0] == good
    assert (found.cases[1].id, found.cases[1].kind, found.exit_code) == ("a/bad[cpu]", Kind.INTERNAL, EXIT_NO_VERDICT)
    assert [each.status for each in results.load(texts[-1]).cases] == [Status.PASSED, Status.ERROR]
