"""Opens both sides, runs the case on them, and looks for the operation to blame."""

import difflib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.containers.provider import provider
from harness.core.callbacks import working
from harness.core.cases import Case
from harness.core.errors import ImportFailedError, UsageError, stopped_code
from harness.core.settings import LocalizeSettings
from harness.core.statuses import Kind
from harness.core.text import one_line
from harness.host.beneath import Folder
from harness.host.disk import disk_errors
from harness.host.process import CancelToken
from harness.importers.frameworks import Framework
from harness.iree import flags, releases
from harness.iree.releases import ReleaseWheels
from harness.localize import difference
from harness.localize.by_operation import Located, Locator
from harness.localize.editor import CutProgram, Editor
from harness.localize.laboratory import BAD, BOTH, GOOD, Experiment, Laboratory, program_of
from harness.localize.program import Program
from harness.localize.result import Grown, Localized, NamedOperation, SideResult
from harness.localize.subject import Mark, Shown, Subject
from harness.pipeline import selection
from harness.pipeline.import_steps import WorkerRunner
from harness.pipeline.out_dir import new_out_dir
from harness.pipeline.prepared import Prepared
from harness.pipeline.progress import Live
from harness.pipeline.recorder import Recorder
from harness.pipeline.session import Session
from harness.pipeline.sides import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """In which form programs are written: by the bindings of a release, and in generic form or not."""

    release: ReleaseWheels
    is_generic: bool


class Localization:
    """Looks for the operation that makes a case differ between two sides.

    Attributes:
        folder: folder of the results.
    """

    folder: Path

    def __init__(self, sides: Sequence[Side], asked: LocalizeSettings) -> None:
        """Start nothing yet.

        Args:
            sides: the bad side and the good one, with one case each.
            asked: how to look.

        Raises:
            UsageError: several cases are selected.
        """
        self._sides, self._asked, self._cancel = sides, asked, CancelToken()
        names = tuple(sides[BAD].cases)
        if len(names) != 1:
            raise UsageError(f"{len(names)} cases are selected, and one can be looked into; select one.")
        self._cases = [side.cases[names[0]] for side in sides]
        self._recorder = Recorder.here(sides[BAD].settings.history)
        self._found: Localized | None = None
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
        reports = [session.written() for session in sessions]
        outcomes = [report.cases[0] for report in reports]
        found = self._found or self._nothing("interrupted" if stopped else "the case could not be run on both sides")
        named = [
            replace(each, status=str(outcome.status), reason=outcome.reason)
            for each, outcome in zip((found.bad, found.good), outcomes, strict=True)
        ]
        return replace(
            found,
            bad=named[BAD],
            good=named[GOOD],
            stopped=stopped,
            seconds=round(time.monotonic() - self._started_s, 3),
        )

    def _session(self, side: Side, number: int) -> Session:
        folder = self.folder / "sides" / ("bad", "good")[number]
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
        laboratory = Laboratory(sides=self._sides, cases=self._cases, prepared=ready, cancel=self._cancel)
        laboratory.compilations = len(BOTH)
        with working(live.worked, f"looking into {self._cases[BAD].id}") as progress:
            self._found = self._looked(laboratory, progress)

    def _looked(self, laboratory: Laboratory, progress: Callable[[str], None]) -> Localized:
        try:
            found = self._subject(laboratory)
        except ImportFailedError as error:
            return self._nothing(str(error), laboratory)
        if isinstance(found, str):
            return self._nothing(found, laboratory)
        subject, whole = found
        located = Locator(subject=subject, notice=progress).located()
        return self._localized(subject, whole, located)

    def _subject(self, laboratory: Laboratory) -> "tuple[Subject, Shown] | str":
        """Return the function as one that fails in the same way when it is written again, or why there is none."""
        said = list[str]()
        for form in self._forms():
            editors = [self._editor(laboratory, side, form) for side in BOTH]
            try:
                programs = [editor.read(case.spec.run_function) for editor, case in zip(editors, self._cases, strict=True)]
                same = [editor.same() for editor in editors]
            except ImportFailedError as error:
                said.append(str(error))
                continue
            program = programs[BAD]
            if program.blocks != 1:
                return f"{program.function} has {program.blocks} blocks, and only a function of one can be cut"
            subject = Subject(
                laboratory=laboratory,
                editors=editors,
                program=program,
                inputs=self._cases[BAD].spec.inputs,
                matched=matched(programs[BAD], programs[GOOD]),
            )
            found = _whole(subject, same)
            if isinstance(found, Shown):
                return subject, found
            said.append(found)
        return said[0] if said else "no release can read the program"

    def _forms(self) -> Iterator[_Form]:
        """Yield the forms in which both sides may take a program: that of the newer release is tried first."""
        known = releases.locked()
        wanted = {side.release.release.name for side in self._sides}
        order = [each for name, each in known.items() if name in wanted] or [known[releases.newest().name]]
        for is_generic in (False, True):
            for each in reversed(order):
                yield _Form(release=each, is_generic=is_generic)

    def _editor(self, laboratory: Laboratory, side: int, form: _Form) -> Editor:
        prepared, settings, case = laboratory.prepared[side], self._sides[side].settings, self._cases[side]
        steps = prepared.steps
        runner = WorkerRunner(
            framework=Framework.MLIR,
            release=form.release,
            offline=settings.fetch.offline,
            python=prepared.python,
            tools=steps.tools,
            store=steps.store,
            timeout_s=settings.run.timeout_s,
            again=False,
            cancel=self._cancel,
        )
        plan = prepared.plans[case.id]
        program = program_of(plan.case.spec)
        return Editor(
            runner=runner,
            store=steps.store,
            path=prepared.results.fetched(program).path,
            name=program.name,
            is_generic=form.is_generic,
        )

    def _localized(self, subject: Subject, whole: Shown, located: Located) -> Localized:
        program, look = subject.program, located.look
        names = tuple(
            _named(program, index, number)
            for number, culprit in enumerate(located.culprits)
            for index in culprit.operations
        )
        growth = tuple(
            Grown(
                operation=program.operations[value[0]].name,
                index=value[0],
                line=program.operations[value[0]].line,
                type=program.type(value),
                relative=error.relative,
                ulp=error.ulp,
                alone=look.alone[value].relative if value in look.alone else None,
            )
            for value, error in sorted(look.errors.items())
        )
        phase, kind = subject.failure or (None, Kind.NUMERIC)
        none = "no part of the program fails as the whole does; it may be a fusion of several operations"
        return replace(
            self._nothing(none, subject.laboratory),
            kind=kind,
            phase=phase,
            culprits=names,
            confirmed=bool(located.culprits) and all(each.is_confirmed for each in located.culprits),
            **({"why": located.culprits[0].why} if located.culprits else {}),
            error_growth=growth,
        )

    def _nothing(self, why: str, laboratory: Laboratory | None = None) -> Localized:
        bad, good = (
            SideResult(label=side.label, release=side.release.release.name, target=str(case.target), status="")
            for side, case in zip(self._sides, self._cases, strict=True)
        )
        return Localized(
            case=self._cases[BAD].id,
            bad=bad,
            good=good,
            by="operation",
            kind=None,
            why=one_line(why),
            compilations=laboratory.compilations if laboratory else 0,
        )


def _named(program: Program, index: int, together: int) -> NamedOperation:
    operation = program.operations[index]
    return NamedOperation(
        operation=operation.name,
        index=index,
        line=operation.line,
        location=operation.location,
        function=program.function,
        together=together,
    )


def _whole(subject: Subject, same: Sequence[CutProgram]) -> Shown | str:
    """Return what the whole program shows, and set how it fails; or why it shows nothing."""
    case_inputs = subject.inputs
    experiments = [
        Experiment(program=each.program, inputs=case_inputs, function=subject.program.function) for each in same
    ]
    bad, good = subject.laboratory.tried(experiments)
    if not good.is_good:
        return f"the case fails on the good side as well: {good.outcome.reason}"
    if bad.failure:
        subject.failure = bad.failure
        return Shown(mark=Mark.FAILS, trials=(bad, good))
    if not bad.is_good:
        return f"the case ended in an error on the bad side: {bad.outcome.reason}"
    found = subject.judged(subject.program.returns, (bad, good))
    largest = {value: each for value, each in found.differences.items()}
    if all(each.relative <= difference.noise(subject.program.element(value)) for value, each in largest.items()):
        return "both sides compute the same, except for rounding"
    subject.learn(largest)
    return found


def matched(bad: Program, good: Program) -> Mapping[int, int]:
    """Return the operations of the good side by those of the bad side that they correspond to, in order.

    Operations of other names correspond if what is between the same neighbours has the same types.
    """
    one, other = ([(each.name, each.types) for each in side.operations] for side in (bad, good))
    found = dict[int, int]()
    for tag, start, end, other_start, other_end in difflib.SequenceMatcher(None, one, other, False).get_opcodes():
        if tag == "equal" or (tag == "replace" and end - start == other_end - other_start):
            pairs = zip(range(start, end), range(other_start, other_end), strict=True)
            found |= {each: its for each, its in pairs if one[each][1] == other[its][1]}
    return found
