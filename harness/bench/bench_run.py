"""Compiles, checks and times cases on all sides, and writes the results."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.bench import render, rounds
from harness.bench.result import BenchResult, CaseResult
from harness.bench.stopwatch import Stopwatch, timed_side
from harness.containers.provider import provider
from harness.core.callbacks import working
from harness.core.errors import stopped_code
from harness.core.outcomes import Outcome
from harness.core.settings import BenchSettings
from harness.core.statuses import Phase
from harness.core.timings import Latency
from harness.host.beneath import Folder
from harness.host.cancel import CancelToken
from harness.host.disk import disk_errors, write_all
from harness.pipeline.options import Options
from harness.pipeline.out_dir import new_out_dir
from harness.pipeline.page_file import PageFile
from harness.pipeline.prepared import Prepared
from harness.pipeline.progress import Live
from harness.pipeline.recorder import Recorder
from harness.pipeline.session import Session
from harness.pipeline.sides import Side
from harness.pipeline.together import run_together


class BenchProgress(Live):
    """Shows a benchmark while it goes on. Its cases are compiled and checked once for each side, so none is counted."""

    def expect_cases(self, number: int) -> None:
        """Ignore the number of cases: it is that of one side."""

    def count(self, outcome: Outcome) -> None:
        """Count nothing: the case has not been timed yet."""


class BenchRun:
    """Times cases on one side, or on two to compare them.

    Attributes:
        folder: folder of bench.json, bench.md and the results of each side.
        page: its page.
    """

    folder: Path

    def __init__(self, sides: Sequence[Side], bench: BenchSettings) -> None:
        """Start nothing yet.

        Args:
            sides: one or two sides with the same names of cases.
            bench: how to time them.
        """
        self._sides, self._bench, self._cancel = sides, bench, CancelToken()
        self._names = tuple(sides[0].cases)
        self._recorder = Recorder.here(sides[0].settings.history)
        self.page = PageFile(self._recorder, is_wanted=sides[0].settings.run.html)
        self._watches = {name: Stopwatch(bench=bench) for name in self._names}

    def run(self, live: Live) -> BenchResult:
        """Compile, check and time all cases, write the results and return them, also after ^C.

        Args:
            live: shows what goes on.

        Raises:
            DiskError: the results cannot be written.
        """
        self.folder = new_out_dir(self._sides[0].settings.run.out)
        sessions = [self._session(side, number) for number, side in enumerate(self._sides, 1)]
        stopped = None
        try:
            with live:
                run_together(sessions, live, lambda ready: self._time(ready, live))
        except KeyboardInterrupt as stop:
            stopped = stopped_code(stop)
        amended = [functools.partial(self._amended, number) for number in range(len(sessions))]
        reports = [session.written(each) for session, each in zip(sessions, amended, strict=True)]
        found = BenchResult(
            labels=tuple(side.label for side in self._sides),
            cases=tuple(map(self._result, self._names, *(report.cases for report in reports))),
            bench=self._bench,
            stopped=stopped,
        )
        texts = {"bench.json": render.to_json(found, reports), "bench.md": render.markdown(found)}
        write_all({self.folder / name: text for name, text in texts.items()})
        # What the first side is compared with is no run of the project: it may have other flags, or an old release.
        folder = sessions[0].out_dir.absolute()
        if remark := self._recorder.record(reports[0], folder=folder):
            live.notice(f"warning: {remark}")
        self.page.write_folder(self.folder)
        return found

    def _session(self, side: Side, number: int) -> Session:
        folder = self.folder / "sides" / str(number)
        with disk_errors(folder):
            Folder(self.folder).make(folder)
        run = replace(side.settings.run, timing=self._bench.timing)
        options = Options.of(replace(side.settings, run=run))
        cases = [side.cases[name] for name in self._names]
        return Session(
            side.settings,
            cases,
            options,
            folder,
            provider(side.settings, side.release),
            cancel=self._cancel,
            command="bench",
            recorder=self._recorder,
        )

    def _time(self, ready: tuple[Prepared, ...], live: Live) -> None:
        """Time the cases, which are compiled and checked on all sides."""
        for name in self._names:
            asked = zip(self._sides, ready, strict=True)
            timed = [timed_side(prepared, side.cases[name].id, self._cancel) for side, prepared in asked]
            both = [each for each in timed if each]
            if len(both) == len(timed):
                with working(live.worked, f"timing {name}") as progress:
                    self._watches[name].run(both, progress)

    def _amended(self, side: int, outcome: Outcome) -> Outcome:
        """Return what became of a case on a side, with the times of all rounds that count."""
        watch = self._watches[f"{outcome.model}/{outcome.submodel}"]
        if failed := watch.failures.get(side):
            return replace(outcome, status=failed.status, kind=failed.kind, phase=Phase.BENCHMARK, reason=failed.reason)
        counted = rounds.counted(watch.rounds) if self._bench.measure == "real" else ()
        samples = [sample for each in counted for sample in each.times[side].samples_ms]
        return replace(outcome, latency=Latency.of(samples)) if samples else outcome

    def _result(self, name: str, *outcomes: Outcome) -> CaseResult:
        return CaseResult(
            name=name, outcomes=outcomes, rounds=tuple(self._watches[name].rounds), precision=self._bench.precision
        )
