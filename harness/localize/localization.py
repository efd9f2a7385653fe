"""Runs a case on both sides, and looks for the operation to blame while their environments are open."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness.containers.provider import provider
from harness.core.callbacks import working
from harness.core.errors import NoVerdictError, UsageError, stopped_code
from harness.core.outcomes import Report
from harness.core.statuses import Kind
from harness.core.text import one_line
from harness.host.beneath import Folder
from harness.host.disk import disk_errors
from harness.host.process import CancelToken
from harness.iree import flags, releases
from harness.localize import start
from harness.localize.by_operation import Located, Locator
from harness.localize.laboratory import BAD, BOTH, Laboratory
from harness.localize.result import UNUSED, Grown, Localized, NamedOperation, SideResult
from harness.localize.subject import Subject
from harness.pipeline import selection
from harness.pipeline.out_dir import new_out_dir
from harness.pipeline.prepared import Prepared
from harness.pipeline.progress import Live
from harness.pipeline.recorder import Recorder
from harness.pipeline.session import Session
from harness.pipeline.sides import Side

NAMES = ("bad", "good")
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
        if len(sides) != len(BOTH):
            raise UsageError("localize needs a side that is right: name a release, a device or flags with --against.")
        names = tuple(sides[BAD].cases)
        if len(names) != 1:
            raise UsageError(f"{len(names)} cases are selected; select one.")
        self._sides, self._cancel = sides, CancelToken()
        self._cases = [side.cases[names[0]] for side in sides]
        self._recorder = Recorder.here(sides[BAD].settings.history)
        self._laboratory: Laboratory | None = None
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
        self.folder = new_out_dir(self._sides[BAD].settings.run.out)
        sessions = [self._session(side, number) for number, side in enumerate(self._sides)]
        stopped = None
        try:
            with live:
                self._open(sessions, (), live)
        except KeyboardInterrupt as stop:
            stopped = stopped_code(stop)
        return self._localized([session.written() for session in sessions], stopped)

    def _session(self, side: Side, number: int) -> Session:
        folder = self.folder / "sides" / NAMES[number]
        with disk_errors(folder):
            Folder(self.folder).make(folder)
        return Session(
            side.settings,
            [self._cases[number]],
            selection.options(side.settings.run),
            folder,
            provider(side.settings, side.release),
            cancel=self._cancel,
            command="localize",
            recorder=self._recorder,
        )

    def _open(self, sessions: Sequence[Session], ready: tuple[Prepared, ...], live: Live) -> None:
        """Run the case on the next side; look into it when both are ready, and open."""
        if len(ready) < len(sessions):
            sessions[len(ready)].run(live, lambda prepared: self._open(sessions, (*ready, prepared), live))
            return
        plans = [each.plans[case.id] for each, case in zip(ready, self._cases, strict=True)]
        if blocked := next((each.blocked for each in plans if each.blocked), None):
            self._why = blocked.reason
            return
        cases = [plan.case for plan in plans]  # with a program that was imported, where one had to be
        self._laboratory = Laboratory(sides=self._sides, cases=cases, prepared=ready, cancel=self._cancel)
        with working(live.worked, f"looking into {self._cases[BAD].id}") as progress:
            self._look(self._laboratory, progress)

    def _look(self, laboratory: Laboratory, progress: Callable[[str], None]) -> None:
        try:
            self._subject = start.subject(laboratory)
            if flags_ := tuple(self._defaults()):
                self._default_is_cause = start.mends(self._subject, flags_)
            self._located = Locator(subject=self._subject, notice=progress).located()
            self._why = _why(self._located)
        except NoVerdictError as error:
            self._why = str(error)

    def _localized(self, reports: Sequence[Report], stopped: int | None) -> Localized:
        subject, located = self._subject, self._located
        phase, kind = (subject.failure or (None, Kind.NUMERIC)) if subject else (None, None)
        culprits = located.culprits if located else ()
        bad, good = map(self._side, BOTH, reports)
        return Localized(
            case=self._cases[BAD].id,
            bad=bad,
            good=good,
            by="operation",
            kind=kind,
            phase=phase,
            culprits=tuple(_named(subject, located)) if subject and located else (),
            confirmed=all(each.is_confirmed for each in culprits) if culprits else bool(located and located.unused),
            why=one_line("Interrupted." if stopped and not culprits else self._why),
            error_growth=tuple(_growth(subject, located)) if subject and located else (),
            compilations=len(BOTH) + (self._laboratory.compilations if self._laboratory else 0),
            defaults=tuple(self._defaults()),
            default_is_cause=self._default_is_cause,
            seconds=round(time.monotonic() - self._started_s, 3),
            stopped=stopped,
        )

    def _side(self, number: int, report: Report) -> SideResult:
        side, (outcome,) = self._sides[number], report.cases
        return SideResult(
            label=side.label,
            release=side.release.release.name,
            target=str(self._cases[number].target),
            status=str(outcome.status),
            reason=outcome.reason,
        )

    def _defaults(self) -> Iterator[str]:
        """Yield the flags that give the bad side's release the defaults of the good one's."""
        bad, good = (releases.of_build(side.release.release.name) for side in self._sides)
        older, newer = sorted((bad, good), key=releases.order)
        for each in flags.changed_defaults(older, newer, self._cases[BAD].target.backend):
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
