"""Ends a run before all of its cases have run: after some failures, or when its time is up."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Status, Verdict
from harness.core.text import counted
from harness.host.cancel import CancelToken
from harness.pipeline.scheduler import Listener
from harness.pipeline.step_results import INTERRUPTED
from harness.pipeline.steps import Step
from harness.report import facts


def not_run(reason: str) -> Verdict:
    """Return the verdict of a case that a limit of the run left out."""
    return Verdict(status=Status.SKIPPED, kind=Kind.NOT_RUN, reason=reason)


@dataclass(eq=False)
class FailureLimit:
    """Stops a run after some cases that are not as expected; tells another listener all that it hears.

    Attributes:
        inner: the other listener.
        most: number of such cases; None for any number.
        cancel: stops what is running.
        found: number of such cases so far.
    """

    inner: Listener
    most: int | None
    cancel: CancelToken
    found: int = 0

    def step_started(self, step: Step, case_ids: Sequence[str]) -> None:
        """Tell it."""
        self.inner.step_started(step, case_ids)

    def step_ended(self, step: Step) -> None:
        """Tell it."""
        self.inner.step_ended(step)

    def case_ended(self, outcome: Outcome) -> None:
        """Tell it, and stop if that was the last case that may fail."""
        self.inner.case_ended(outcome)
        self.found += not facts.is_green(outcome)
        if self._is_reached:
            self.cancel.set()

    @property
    def _is_reached(self) -> bool:
        return self.most is not None and self.found >= self.most

    def unfinished(self) -> Verdict:
        """Return what becomes of the cases that had not ended when the run did."""
        if not self._is_reached:
            return INTERRUPTED
        verb = "was" if self.found == 1 else "were"
        return not_run(f"{counted(self.found, 'case')} {verb} not as expected (--maxfail {self.most})")
