"""What differs between the results of two sides, such as two runs or two releases."""

import enum
from collections.abc import Mapping

from harness.core.history import Recorded
from harness.core.values import frozen


class Change(enum.StrEnum):
    """What became of a case, the worst first."""

    REGRESSION = "regression"
    LOST = "lost"
    FIXED = "fixed"
    CHANGED = "changed"
    DRIFT = "drift"
    ADDED = "added"
    REMOVED = "removed"
    SAME = "same"


@frozen
class Side:
    """One of two sides.

    Attributes:
        name: as the user named it.
        cases: the results.
    """

    name: str
    cases: tuple[Recorded, ...]


@frozen
class Drift:
    """A number of a case on both sides.

    Attributes:
        name: one of `harness.report.comparison.NUMBERS`.
        before: the number on the first side.
        after: the number on the second side.
        is_over: whether it grew by more than it may.
        counts: whether both sides can be compared: times of different devices cannot.
    """

    name: str
    before: float
    after: float
    is_over: bool = False
    counts: bool = True

    @property
    def growth(self) -> float:
        """By which share the number grew; infinite if it was 0."""
        if self.before == self.after:
            return 0.0
        return self.after / self.before - 1 if self.before else float("inf")


@frozen
class CaseComparison:
    """A case on both sides.

    Attributes:
        name: its id; its name if the sides have it on different chips.
        change: what became of it.
        before: its result on the first side; None if it has none.
        after: its result on the second side, likewise.
        numbers: the numbers that both sides know.
        is_flaky: whether the inputs are the same although the results differ.
    """

    name: str
    change: Change
    before: Recorded | None
    after: Recorded | None
    numbers: tuple[Drift, ...] = ()
    is_flaky: bool = False


@frozen
class Comparison:
    """Both sides, and what became of each case.

    Attributes:
        before: the first side.
        after: the second side.
        cases: the cases, those with the worst change first.
        notes: remarks for the user, such as that the sides ran on different devices.
    """

    before: Side
    after: Side
    cases: tuple[CaseComparison, ...]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> Mapping[Change, int]:
        """How many cases have which change, without the changes that none has."""
        changes = [case.change for case in self.cases]
        return {change: changes.count(change) for change in Change if change in changes}
