"""One matrix: cases with many releases, in a folder of results that is written also after ^C."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.text import Text

from harness.core.errors import UsageError, stopped_code
from harness.core.outcomes import Outcome, Report, exit_code
from harness.core.settings import SearchSettings, Settings
from harness.host.disk import write_all
from harness.host.waiting import completed
from harness.iree.releases import Releases
from harness.pipeline import selection
from harness.report import facts, junit, results
from harness.search import journal, matrix, matrix_table, metric, request
from harness.search.journal import Logbook
from harness.search.matrix import Matrix
from harness.search.release_runner import Quiet, ReleaseResult, ReleaseRunner, known_releases, threads


class MatrixRun:
    """Tests release by release, and keeps what is known.

    Attributes:
        folder: where matrix.json, matrix.md, results.json, junit.xml and the results of each release are.
        exit_code: of a command that ends with this.
    """

    folder: Path
    exit_code: int

    def __init__(self, settings: Settings, search: SearchSettings, notice: Callable[[str], None]) -> None:
        """Find out which cases and releases are asked for.

        Raises:
            UsageError: the settings make no sense.
        """
        self._settings, self._search = settings, search
        self._cases = selection.cases(settings)
        self._releases = known_releases(settings, notice)
        self._names = _names(search, self._releases)
        self._known: dict[str, Sequence[Outcome]] = {}
        self._environment: Mapping[str, Any] = {}
        self._started, self._clock_s = datetime.now(UTC), time.monotonic()

    def run(self, live: Quiet) -> Matrix:
        """Test, write the results, and return the table, also after ^C.

        Raises:
            UsageError: the folder that is named has another search in it.
            DiskError: the results cannot be written.
        """
        releases = [self._releases.find(name) for name in self._names]
        identity = request.identity(self._settings, self._search, self._cases, releases)
        with journal.of_question(self._settings.run.out, identity) as book:
            self.folder = book.folder
            self._known.update(_resumed(book))
            with live:
                code = self._test(book, live)
            found = matrix.matrix(self._names, [case.id for case in self._cases], self._known, self._search.show)
            self.exit_code = exit_code(found.outcomes) if code is None else code
            self._write(found)
        return found

    def _test(self, book: Logbook, live: Quiet) -> int | None:
        """Test all that is not known; return the exit code if that was interrupted."""
        live.notice(f"{facts.count_of_cases(len(self._cases))} with {len(self._names)} releases")
        if self._known:
            live.notice(f"resuming: {len(self._known)} releases already tested")
        at_once = self._search.jobs
        runner = ReleaseRunner(self._settings, self._cases, book.folder, live, known=self._releases, at_once=at_once)
        left = [name for name in self._names if name not in self._known]
        try:
            with contextlib.closing(runner), threads(at_once) as pool:
                futures = {pool.submit(runner.probe, name): name for name in left}
                for future in completed(futures):
                    self._take(futures[future], future.result(), book, live)
                    for name in [name for name in left if name not in self._known][: 2 * at_once]:
                        runner.prepare(name)
        except KeyboardInterrupt as stop:
            return stopped_code(stop)
        book.end()
        return None

    def _take(self, name: str, tested: ReleaseResult, book: Logbook, live: Quiet) -> None:
        self._known[name], self._environment = tested.report.cases, tested.report.environment
        book.add({"release": name, "results": tested.folder})
        width = max(map(len, self._names))
        live.say(Text(matrix_table.release_line(name, tested.report.cases, width=width)))

    def _write(self, found: Matrix) -> None:
        report = self._report(found)
        about: dict[str, Any] = {
            "started": report.started,
            "seconds": report.seconds,
            "exit_code": report.exit_code,
        }
        paths = filter(None, (self.folder / "junit.xml", self._settings.run.junit_xml))
        write_all(
            {
                self.folder / "matrix.json": matrix_table.to_json(found, **about),
                self.folder / "matrix.md": matrix_table.markdown(found),
                self.folder / "results.json": results.render(report),
                **dict.fromkeys(paths, junit.render(report)),
            }
        )

    def _report(self, found: Matrix) -> Report:
        iree = dict.fromkeys(("release", "compiler_commit", "runtime_commit"))
        return Report(
            started=self._started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            seconds=round(time.monotonic() - self._clock_s, 3),
            exit_code=self.exit_code,
            environment={**self._environment, "iree": iree},
            cases=found.outcomes,
        )


def _names(search: SearchSettings, known: Releases) -> list[str]:
    """Return the releases that are asked for, oldest first."""
    if search.show and search.show not in metric.NAMES:
        raise UsageError(f"--show {search.show}: no number of a case; there are {', '.join(metric.NAMES)}.")
    chosen = {each.release.name for text in search.releases or [".."] for each in known.selected(text)}
    return [name for name in known.names if name in chosen]


def _resumed(book: Logbook) -> dict[str, Sequence[Outcome]]:
    """Return what an interrupted run has tested; what stood in its way may be gone by now."""
    found = {str(line["release"]): book.folder / str(line["results"]) / "results.json" for line in book.lines}
    reports = {name: results.load(path.read_text(encoding="utf-8")) for name, path in found.items() if path.is_file()}
    return {name: each.cases for name, each in reports.items() if matrix.is_worth_keeping(each.cases)}
