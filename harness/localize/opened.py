"""Runs a case on both sides, and keeps their environments open for a look into it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.containers.provider import provider
from harness.core.callbacks import Notice, working
from harness.core.cases import Case
from harness.core.errors import UsageError, stopped_code
from harness.core.outcomes import Report
from harness.host.beneath import Folder
from harness.host.cancel import CancelToken
from harness.host.disk import disk_errors
from harness.localize import onnx_laboratory
from harness.localize.laboratory import BAD, BOTH, GOOD, NAMES, Laboratory
from harness.localize.onnx_laboratory import OnnxLaboratory
from harness.pipeline.options import Options
from harness.pipeline.prepared import Prepared
from harness.pipeline.progress import Live
from harness.pipeline.recorder import Recorder
from harness.pipeline.session import Session
from harness.pipeline.sides import Side
from harness.pipeline.steps import Plan
from harness.pipeline.together import run_together

Look = Callable[[Laboratory, Notice], None]


class OpenSides:
    """A case on two sides.

    Attributes:
        sides: the bad side and the good one.
        cases: the case on each.
        laboratory: tries programs on both; None until they are open.
        blocked: why the case cannot be run; empty if it can.
    """

    def __init__(self, sides: Sequence[Side], command: str) -> None:
        """Start nothing yet.

        Args:
            sides: the bad side and the good one, each with the same case.
            command: what the history calls the runs.

        Raises:
            UsageError: there is no other side, or several cases are selected.
        """
        if len(sides) != len(BOTH):
            raise UsageError(f"{command} needs a side that is right: name a release, a device or flags with --against.")
        names = tuple(sides[BAD].cases)
        if len(names) != 1:
            raise UsageError(f"{len(names)} cases are selected; select one.")
        self.sides, self.cases = sides, [side.cases[names[0]] for side in sides]
        self.laboratory: Laboratory | None = None
        self.blocked = ""
        self._command, self._cancel = command, CancelToken()
        self._recorder = Recorder.here(sides[BAD].settings.history)

    @property
    def case(self) -> Case:
        """The case on the bad side."""
        return self.cases[BAD]

    def run(self, folder: Path, live: Live, look: Look) -> tuple[Sequence[Report], int | None]:
        """Run the case on the sides that are compiled, and call `look` while they are open.

        Return a report for each of them, and the exit code after ^C.

        Raises:
            DiskError: the results cannot be written.
        """
        compiled = [(number, name) for number, name in enumerate(NAMES) if not self.sides[number].is_onnxruntime]
        sessions = [self._session(folder / "sides" / name, number) for number, name in compiled]
        stopped = None
        try:
            with live:
                run_together(sessions, live, lambda ready: self._look(ready, live, look))
        except KeyboardInterrupt as stop:
            stopped = stopped_code(stop)
        return [session.written() for session in sessions], stopped

    def _session(self, folder: Path, number: int) -> Session:
        side = self.sides[number]
        with disk_errors(folder):
            Folder(folder.parent.parent).make(folder)
        return Session(
            side.settings,
            [self.cases[number]],
            Options.of(side.settings),
            folder,
            provider(side.settings, side.release),
            cancel=self._cancel,
            command=self._command,
            recorder=self._recorder,
        )

    def _look(self, ready: tuple[Prepared, ...], live: Live, look: Look) -> None:
        """Look into the case, unless it could not be planned on a side."""
        plans = [each.plans[case.id] for each, case in zip(ready, self.cases, strict=False)]
        if blocked := next((each.blocked for each in plans if each.blocked), None):
            self.blocked = blocked.reason
            return
        self.laboratory = self._laboratory(ready, plans)
        with working(live.worked, f"looking into {self.case.id}") as progress:
            look(self.laboratory, progress)

    def _laboratory(self, ready: Sequence[Prepared], plans: Sequence[Plan]) -> Laboratory:
        cases = [plan.case for plan in plans]  # with a program that was imported, where one had to be
        if not self.sides[GOOD].is_onnxruntime:
            return Laboratory(sides=self.sides, cases=cases, prepared=ready, cancel=self._cancel)
        (imported,), (prepared,), bad = cases, ready, self.sides[BAD]
        if imported.spec.imported:  # which it is: nothing blocked it
            self.sides = (bad, replace(self.sides[GOOD], label=imported.spec.imported.reference))
        return OnnxLaboratory(
            sides=self.sides,
            cases=[onnx_laboratory.uncut(self.case, imported)] * len(BOTH),
            prepared=[prepared] * len(BOTH),
            cancel=self._cancel,
        )
