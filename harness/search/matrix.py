"""What became of cases with many releases, and where one release differs from the one before (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.core.outcomes import Outcome, Status
from harness.search import metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A cell that is not what its left neighbour is."""

    case: str
    before: Outcome
    after: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Outcomes by case, in the order of the releases, oldest first; None where nothing is known yet.

    With `show`, it is that number which is compared, and not the status.
    """

    releases: tuple[str, ...]
    rows: Mapping[str, tuple[Outcome | None, ...]]
    show: str | None = None

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """All that is known, release by release."""
        columns = zip(*self.rows.values(), strict=True)
        return tuple(outcome for column in columns for outcome in column if outcome)

    def number(self, outcome: Outcome) -> float | None:
        """Return the number that is shown of an outcome, if it has one."""
        return metric.numbers(outcome).get(self.show) if self.show else None

    def differs(self, case: str, place: int) -> bool:
        """Whether a cell is not what its left neighbour is."""
        return self._difference(case, place) is not None

    @property
    def differences(self) -> Iterator[Difference]:
        """Every cell that is not what its left neighbour is, case by case."""
        every = (self._difference(case, place) for case, row in self.rows.items() for place in range(len(row)))
        return (each for each in every if each)

    def _difference(self, case: str, place: int) -> Difference | None:
        row = self.rows[case]
        before, after = row[place - 1] if place else None, row[place]
        if before is None or after is None or self._label(before) == self._label(after):
            return None
        return Difference(case=case, before=before, after=after)

    def _label(self, outcome: Outcome) -> object:
        return self.number(outcome) if self.show else (outcome.status, outcome.kind, outcome.phase)


def matrix(
    releases: Sequence[str], cases: Sequence[str], known: Mapping[str, Sequence[Outcome]], show: str | None
) -> Matrix:
    """Return the matrix of what is known by release."""
    by_cell = {(outcome.id, release): outcome for release, outcomes in known.items() for outcome in outcomes}
    rows = {case: tuple(by_cell.get((case, release)) for release in releases) for case in cases}
    return Matrix(releases=tuple(releases), rows=rows, show=show)


def is_worth_keeping(outcomes: Sequence[Outcome]) -> bool:
    """Whether all that was judged with a release has a verdict, so that it need not be judged again."""
    return all(outcome.status is not Status.ERROR for outcome in outcomes)
