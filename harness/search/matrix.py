"""The outcomes of cases with many releases, and where they differ from one release to the next; no I/O."""

from collections.abc import Iterator, Mapping, Sequence

from harness.core.cases import Case
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Status
from harness.core.values import frozen
from harness.search import case_numbers
from harness.search.axis import Axis


@frozen
class Difference:
    """Two cells of a row that differ, with nothing but untested cells between them.

    Attributes:
        case: id of the case.
        columns: the names of both columns.
        before: its outcome with the older release.
        after: its outcome with the newer release.
    """

    case: str
    columns: tuple[str, str]
    before: Outcome
    after: Outcome


@frozen
class Matrix:
    """A table of outcomes: a row for each case, a column for each release.

    Attributes:
        releases: the releases, oldest first.
        rows: by case id, an outcome for each release; None for a case that was not tested.
        show: name of the number that is shown and compared; None for the status.
        axis: what the columns are; they are called releases here.
    """

    releases: tuple[str, ...]
    rows: Mapping[str, tuple[Outcome | None, ...]]
    show: str | None = None
    axis: Axis = Axis.RELEASE

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """All outcomes, release by release."""
        columns = zip(*self.rows.values(), strict=True)
        return tuple(outcome for column in columns for outcome in column if outcome)

    @property
    def untested(self) -> tuple[str, ...]:
        """The releases that were not tested because the run was interrupted."""
        columns = zip(self.releases, zip(*self.rows.values(), strict=True), strict=True)
        return tuple(release for release, column in columns if None in column)

    def number(self, outcome: Outcome) -> float | None:
        """Return the number that is shown for an outcome, if any."""
        return case_numbers.numbers(outcome).get(self.show) if self.show else None

    def differs(self, case: str, index: int) -> bool:
        """Return whether a cell differs from the tested one before it."""
        return self._difference(case, index) is not None

    @property
    def differences(self) -> Iterator[Difference]:
        """All differences, case by case."""
        every = (self._difference(case, index) for case, row in self.rows.items() for index in range(len(row)))
        return (each for each in every if each)

    def _difference(self, case: str, index: int) -> Difference | None:
        row = self.rows[case]
        at = next((at for at in reversed(range(index)) if row[at]), None)
        before, after = None if at is None else row[at], row[index]
        if at is None or before is None or after is None or self._label(before) == self._label(after):
            return None
        columns = (self.releases[at], self.releases[index])
        return Difference(case=case, columns=columns, before=before, after=after)

    def _label(self, outcome: Outcome) -> object:
        return self.number(outcome) if self.show else (outcome.status, outcome.kind, outcome.phase)


def matrix(
    releases: Sequence[str],
    cases: Sequence[str],
    known: Mapping[str, Sequence[Outcome]],
    show: str | None,
    axis: Axis = Axis.RELEASE,
) -> Matrix:
    """Return the matrix of the known outcomes.

    Args:
        releases: the columns.
        cases: the ids of the rows.
        known: outcomes by release.
        show: name of the number to show, or None for the status.
        axis: what the columns are.
    """
    by_cell = {(outcome.id, release): outcome for release, outcomes in known.items() for outcome in outcomes}
    rows = {case: tuple(by_cell.get((case, release)) for release in releases) for case in cases}
    return Matrix(releases=tuple(releases), rows=rows, show=show, axis=axis)


def untested(case: Case, release: str) -> Outcome:
    """Return the outcome of a case with a release that was not tested because the run was interrupted."""
    return Outcome(
        id=case.id,
        model=case.spec.model,
        submodel=case.spec.submodel,
        backend=str(case.target.backend),
        chip=case.target.chip,
        release=release,
        status=Status.ERROR,
        kind=Kind.TOOL,
        reason="not tested: interrupted; run the same command to resume",
        path=str(case.spec.path),
        config=case.spec.config_path,
    )


def is_complete(outcomes: Sequence[Outcome]) -> bool:
    """Return whether no outcome is an error, so that the release need not be tested again."""
    return all(outcome.status is not Status.ERROR for outcome in outcomes)
