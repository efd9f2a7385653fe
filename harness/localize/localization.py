"""Runs a case on both sides, and looks for the operation to blame while their environments are open."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.core.callbacks import Notice
from harness.core.errors import NoVerdictError
from harness.core.outcomes import Report
from harness.core.statuses import Kind
from harness.core.text import one_line
from harness.iree import flags, releases
from harness.localize import start
from harness.localize.by_operation import Located, Locator
from harness.localize.laboratory import BAD, BOTH, Laboratory
from harness.localize.opened import OpenSides
from harness.localize.result import UNUSED, Grown, Localized, NamedOperation, SideResult
from harness.localize.subject import Subject
from harness.pipeline.out_dir import new_out_dir
from harness.pipeline.progress import Live
from harness.pipeline.sides import Side

_NOTHING = "No part of the program fails as the whole does; several operations that are fused may do it together."


class Localization:
    """Looks for the operation that makes a case differ between two sides.

    Attributes:
        folder: folder of the results.
    """

    folder: Path

    def __init__(self, sides: Sequence[Side]) -> None:
        """Start nothing yet.

        Args:
            sides: the bad side and the good one, each with the same case.

        Raises:
            UsageError: there is no other side, or several cases are selected.
        """
        self._open = OpenSides(sides, "localize")
        self._subject: Subject | None = None
        self._located: Located | None = None
        self._default_is_cause: bool | None = None
        self._why = "The case could not be run on both sides."
        self._started_s = time.monotonic()

    def run(self, live: Live) -> Localized:
        """Run the case on both sides, look into it and return what was found, also after ^C.

        Raises:
            DiskError: the results cannot be written.
        """
        self.folder = new_out_dir(self._open.sides[BAD].settings.run.out)
        reports, stopped = self._open.run(self.folder, live, self._look)
        return self._localized(reports, stopped)

    def _look(self, laboratory: Laboratory, progress: Notice) -> None:
        try:
            self._subject = start.subject(laboratory)
            if flags_ := tuple(self._defaults()):
                self._default_is_cause = start.mends(self._subject, flags_)
            self._located = Locator(subject=self._subject, notice=progress).located()
            self._why = _why(self._located)
        except NoVerdictError as error:
            self._why = str(error)

    def _localized(self, reports: Sequence[Report], stopped: int | None) -> Localized:
        subject, located, laboratory = self._subject, self._located, self._open.laboratory
        phase, kind = (subject.failure or (None, Kind.NUMERIC)) if subject else (None, None)
        culprits = located.culprits if located else ()
        bad, good = map(self._side, BOTH, reports)
        return Localized(
            case=self._open.case.id,
            bad=bad,
            good=good,
            by="operation",
            kind=kind,
            phase=phase,
            culprits=tuple(_named(subject, located)) if subject and located else (),
            confirmed=all(each.is_confirmed for each in culprits) if culprits else bool(located and located.unused),
            why=one_line("Interrupted." if stopped and not culprits else self._open.blocked or self._why),
            error_growth=tuple(_growth(subject, located)) if subject and located else (),
            compilations=len(BOTH) + (laboratory.compilations if laboratory else 0),
            defaults=tuple(self._defaults()),
            default_is_cause=self._default_is_cause,
            seconds=round(time.monotonic() - self._started_s, 3),
            stopped=stopped,
        )

    def _side(self, number: int, report: Report) -> SideResult:
        side, (outcome,) = self._open.sides[number], report.cases
        return SideResult(
            label=side.label,
            release=side.release.release.name,
            target=str(self._open.cases[number].target),
            status=str(outcome.status),
            reason=outcome.reason,
        )

    def _defaults(self) -> Iterator[str]:
        """Yield the flags that give the bad side's release the defaults of the good one's."""
        bad, good = (releases.of_build(side.release.release.name) for side in self._open.sides)
        older, newer = sorted((bad, good), key=releases.order)
        for each in flags.changed_defaults(older, newer, self._open.case.target.backend):
            yield f"{each.flag}={each.old if bad == newer else each.new}"


def _why(located: Located) -> str:
    if located.culprits:
        return located.culprits[0].why
    if located.unused:
        return "Without arguments that nothing uses, it does not fail."
    return _NOTHING


def _named(subject: Subject, located: Located) -> Iterator[NamedOperation]:
    for number, culprit in enumerate(located.culprits):
        for index in culprit.operations:
            operation = subject.program.operations[index]
            yield NamedOperation(
                operation=operation.name,
                index=index,
                line=operation.line,
                location=operation.location,
                function=subject.program.function,
                together=number,
            )
    for number in located.unused:
        yield NamedOperation(operation=UNUSED, index=number, line=None, function=subject.program.function)


def _growth(subject: Subject, located: Located) -> Iterator[Grown]:
    alone = located.look.alone
    for value, error in sorted(located.look.errors.items()):
        operation = subject.program.operations[value[0]]
        yield Grown(
            operation=operation.name,
            index=value[0],
            line=operation.line,
            type=subject.program.type(value),
            relative=error.relative,
            ulp=error.ulp,
            alone=alone[value].relative if value in alone else None,
        )
