"""Runs a matrix: tests cases with many releases and writes the results, also after ^C."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.text import Text

from harness.core import records
from harness.core.errors import UsageError, stopped_code
from harness.core.outcomes import Outcome, Report, exit_code
from harness.core.search_settings import SearchSettings
from harness.core.settings import Settings
from harness.core.text import counted
from harness.core.values import frozen
from harness.host.waiting import completed
from harness.iree.releases import Releases
from harness.pipeline import selection
from harness.pipeline.out_dir import check_files, write_results
from harness.pipeline.page_file import PageFile
from harness.pipeline.recorder import Recorder
from harness.report import again, facts, results
from harness.search import axis, case_numbers, journal, matrix, matrix_table, request
from harness.search.axis import Axis
from harness.search.journal import SearchJournal
from harness.search.matrix import Matrix
from harness.search.release_runner import (
    ReleaseResult,
    ReleaseRunner,
    SearchProgress,
    known_releases,
    moved,
    threads,
)


class MatrixRun:
    """Tests cases with many releases.

    Attributes:
        folder: folder of matrix.json, matrix.md, results.json, junit.xml and the results of each release.
        exit_code: exit code of the command.
        page: its page.
    """

    folder: Path
    exit_code: int

    def __init__(self, settings: Settings, search: SearchSettings, notice: Callable[[str], None]) -> None:
        """Select the cases and the releases.

        Args:
            settings: which cases, and how to run them.
            search: which releases.
            notice: called with remarks while releases are looked up.

        Raises:
            UsageError: the settings are wrong.
            DiskError: a file that the settings name cannot be written.
        """
        self.page = PageFile(Recorder.here(settings.history), is_wanted=settings.run.html)
        check_files({"--junit-xml": settings.run.junit_xml})
        settings = replace(settings, cases=selection.located(settings.cases))
        settings = request.timed(settings, [search.show] if search.show else ())
        self._settings, self._search = settings, search
        self._cases = selection.cases(settings, notice)
        self._releases = known_releases(settings, notice)
        self._axis, columns = axis.of(search)
        names = _names(search, self._releases)
        self._names = [*columns] or names
        if columns:
            self._settings = settings = _with_one_release(settings, search, names)
        self._variants = self._axis.variants(settings, columns)
        self._known: dict[str, Sequence[Outcome]] = {}
        self._environment: Mapping[str, Any] = {}
        self._started, self._clock_s = datetime.now(UTC), time.monotonic()

    def run(self, live: SearchProgress) -> Matrix:
        """Test all releases, write the results and return the matrix, also after ^C.

        Args:
            live: shows the tests while they run.

        Raises:
            UsageError: another search uses the folder of the results.
            DiskError: the results cannot be written.
        """
        one = self._settings.release.name
        tested = self._names if self._axis is Axis.RELEASE else [one] if one else []
        releases = [self._releases.find(name) for name in tested]
        identity = request.identity(self._settings, self._search, self._cases, releases, self._variants)
        with journal.of_search(self._settings.run.out, identity) as progress:
            self.folder = progress.folder
            self._known.update(_resumed(progress))
            with live:
                code = self._test(progress, live)
            found = matrix.matrix(
                self._names, [case.id for case in self._cases], self._known, self._search.show, self._axis
            )
            self.exit_code = exit_code(found.outcomes) if code is None else code
            self._write(found)
        return found

    def _test(self, progress: SearchJournal, live: SearchProgress) -> int | None:
        """Test the releases that are left; return the exit code if the tests were interrupted, else None."""
        live.notice(f"testing {facts.count_of_cases(len(self._cases))} with {counted(len(self._names), self._axis)}")
        if self._known:
            live.notice(f"resuming: {counted(len(self._known), self._axis)} already tested")
        at_once = self._search.jobs
        runner = ReleaseRunner(
            self._settings,
            self._cases,
            progress.folder,
            live,
            known=self._releases,
            at_once=at_once,
            variants=self._variants,
        )
        left = [name for name in self._names if name not in self._known]
        live.expect_tests(len(left) * len(self._cases))
        try:
            with contextlib.closing(runner), threads(at_once) as pool:
                futures = {pool.submit(runner.probe, name): name for name in left}
                for future in completed(futures):
                    self._take(futures[future], future.result(), progress, live)
                    for name in [name for name in left if name not in self._known][: 2 * at_once]:
                        runner.prepare(name)
        except KeyboardInterrupt as stop:
            return stopped_code(stop)
        progress.end()
        return None

    def _take(self, name: str, tested: ReleaseResult, progress: SearchJournal, live: SearchProgress) -> None:
        self._known[name], self._environment = tested.outcomes, tested.report.environment
        progress.add({"release": name, "results": tested.folder})
        width = max(map(len, self._names))
        live.say(Text(matrix_table.release_line(name, tested, width=width)))

    def _write(self, found: Matrix) -> None:
        report = self._report(found)
        texts = {
            "matrix.json": matrix_table.to_json(found, report),
            "matrix.md": matrix_table.markdown(found),
            results.NAME: results.render(report),
        }
        write_results(self.folder, texts, report, self._settings.run.junit_xml)
        self.page.write_folder(self.folder)

    def _report(self, found: Matrix) -> Report:
        iree = dict.fromkeys(("release", "compiler_commit", "runtime_commit"))
        return Report(
            started=self._started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            seconds=round(time.monotonic() - self._clock_s, 3),
            exit_code=self.exit_code,
            environment={**again.facts(self._settings), **self._environment, "iree": iree},
            cases=tuple(self._outcomes(found)),
        )

    def _outcomes(self, found: Matrix) -> Iterator[Outcome]:
        """Yield the outcomes of all cells, release by release."""
        for index, release in enumerate(found.releases):
            for case in self._cases:
                variant, one = self._variants.get(release), self._settings.release.name
                untested = replace(matrix.untested(case, one if variant and one else release), variant=variant)
                yield found.rows[case.id][index] or untested


def _names(search: SearchSettings, known: Releases) -> list[str]:
    """Return the selected releases, oldest first."""
    if search.show and search.show not in case_numbers.NAMES:
        raise UsageError(f"--show {search.show}: unknown name; expected one of {', '.join(case_numbers.NAMES)}.")
    chosen = {each.release.name for text in search.releases or [".."] for each in known.selected(text)}
    return [name for name in known.names if name in chosen]


def _with_one_release(settings: Settings, search: SearchSettings, names: Sequence[str]) -> Settings:
    """Return the settings with the release of all columns: the one that is named, or the newest."""
    if search.releases and len(names) > 1:
        raise UsageError(f"--iree: {len(names)} releases; expected one, because images or HIP runtimes are compared.")
    return replace(settings, release=replace(settings.release, name=names[-1]))


def _resumed(progress: SearchJournal) -> dict[str, Sequence[Outcome]]:
    """Return the outcomes of an interrupted run, without releases that ended in an error: these are tested again."""
    known: dict[str, Sequence[Outcome]] = {}
    with journal.malformed(progress):
        lines = records.read(list[_Line], progress.lines)
    for line in lines:
        path = progress.folder / line.results / results.NAME
        cases = results.read(path).cases if path.is_file() else ()
        if cases and matrix.is_complete(cases):
            known[line.release] = [moved(each, line.results) for each in cases]
    return known


@frozen
class _Line:
    """A line of the journal: a release, and the folder of its results."""

    release: str
    results: str
