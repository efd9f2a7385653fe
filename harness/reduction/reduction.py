"""Reduces a case to a small program that fails as it does, and resumes what was interrupted."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.callbacks import Notice, ignore
from harness.core.errors import NoVerdictError, UsageError
from harness.core.search_settings import SearchSettings
from harness.core.settings import ReduceSettings
from harness.core.text import counted
from harness.core.values import frozen
from harness.host import cores
from harness.localize.laboratory import BAD, Laboratory, program_of
from harness.localize.opened import OpenSides
from harness.packing import case_folder
from harness.pipeline.progress import Live
from harness.pipeline.sides import Side
from harness.reduction import beginning, minimal
from harness.reduction.attempts import Attempts
from harness.reduction.keeping import Begun, Keeper, Progress
from harness.reduction.reducer import Reducer, State
from harness.search import journal, request


@frozen
class Reduced:
    """What a reduction found.

    Attributes:
        state: the smallest program that fails as the case does; None if there is none.
        begun: how the reduction began; likewise.
        why: why there is none.
        is_done: whether nothing smaller was found before the time was up.
        tried: how many programs were tried.
        seconds: how long it took.
        stopped: the exit code if it was interrupted.
    """

    state: State | None
    begun: Begun | None
    why: str
    is_done: bool
    tried: int
    seconds: float
    stopped: int | None


class Reduction:
    """Reduces a case that differs between two sides.

    Attributes:
        folder: folder of the results.
        opened: the case on both sides.
    """

    folder: Path

    def __init__(self, sides: Sequence[Side], asked: ReduceSettings, notice: Notice = ignore) -> None:
        """Start nothing yet.

        Args:
            sides: the bad side and the good one, each with the same case.
            asked: how long to look for smaller programs, and where the smallest one goes.
            notice: called with a remark if an earlier run is resumed.

        Raises:
            UsageError: there is no other side, several cases are selected, each side has its own program, or the folder
                is in use.
        """
        case_folder.check_new(asked.to)
        self.opened, self._asked = OpenSides(sides, "reduce"), asked
        self._notice = notice
        if len({program_of(case.spec) for case in self.opened.cases}) != 1:
            raise UsageError("reduce needs one program for both sides; compare two programs with `harness localize`.")
        self._started_s = time.monotonic()
        self._state: State | None = None
        self._begun: Begun | None = None
        self._why = "The case could not be run on both sides."
        self._is_done, self._tried = False, 0

    def run(self, live: Live) -> Reduced:
        """Run the case on both sides, reduce it, and return what was found, also after ^C.

        Raises:
            UsageError: another search is in the folder of the results.
            DiskError: the results cannot be written.
        """
        with journal.of_search(self.opened.sides[BAD].settings.run.out, self._identity()) as lines:
            self.folder = lines.folder
            keeper = Keeper(lines)
            with journal.malformed(lines):
                known = keeper.progress()
            if known.state:
                self._notice(f"resuming: {counted(len(known.rejected), 'smaller program')} already tried")
            _, stopped = self.opened.run(
                self.folder, live, lambda laboratory, notice: self._look(laboratory, notice, keeper, known)
            )
            if stopped is None:
                lines.end()
        return Reduced(
            state=self._state,
            begun=self._begun,
            why="Interrupted." if stopped and not self._state else self.opened.blocked or self._why,
            is_done=self._is_done,
            tried=self._tried,
            seconds=round(time.monotonic() - self._started_s, 3),
            stopped=stopped,
        )

    def _identity(self) -> dict[str, object]:
        sides, cases = self.opened.sides, self.opened.cases
        found = request.identity(sides[BAD].settings, SearchSettings(), cases, [each.release for each in sides])
        return {"reduce": [each.label for each in sides], **found}

    def _look(self, laboratory: Laboratory, notice: Notice, keeper: Keeper, known: Progress) -> None:
        try:
            attempts = self._first(laboratory, notice, keeper, known)
        except NoVerdictError as error:
            self._why = str(error)
            return
        ends_s = self._started_s + self._asked.seconds
        reducer = Reducer(
            attempt=attempts.attempt,
            accepted=lambda state: self._accept(state, keeper),
            rejected=keeper.reject,
            cancel=laboratory.cancel.set,
            jobs=len(cores.usable()),
            ends_s=ends_s,
            known=set(known.rejected),
            notice=notice,
        )
        assert self._state  # noqa: S101 - `_first` set it
        assert self._begun  # noqa: S101 - likewise
        try:
            laboratory.ends_s = ends_s
            reducer.run(self._state)
        finally:
            laboratory.ends_s = math.inf
            self._tried, self._is_done = reducer.tried, reducer.is_done
            minimal.write(self._asked.to, laboratory, self._state, self._begun)

    def _first(self, laboratory: Laboratory, notice: Notice, keeper: Keeper, known: Progress) -> Attempts:
        """Go on from the last state of an earlier run of the same command, or find the first one."""
        if known.begun and known.state:
            attempts = beginning.resumed(laboratory, keeper, known.begun)
            candidate, outputs = keeper.read(known.state)
            kept = known.state
            state = replace(attempts.parsed(candidate), outputs=outputs, how=kept.how, limits=kept.limits)
            self._begun, self._state = known.begun, state
            return attempts
        attempts, state, self._begun = beginning.begun(laboratory, keeper, notice)
        keeper.begin(self._begun)
        self._accept(state, keeper)
        return attempts

    def _accept(self, state: State, keeper: Keeper) -> None:
        keeper.keep(state)
        self._state = state
