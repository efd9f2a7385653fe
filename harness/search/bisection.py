"""One bisect: from a case to its answer in a folder of results, which is written also after ^C."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.core.cases import Case
from harness.core.errors import UsageError, stopped_code
from harness.core.outcomes import EXIT_NO_VERDICT, EXIT_OK, Report, Status
from harness.core.records import as_json, read
from harness.core.settings import SearchSettings, Settings
from harness.host.disk import write_all
from harness.pipeline import selection
from harness.report import again, junit
from harness.search import bisect_json, driver, journal, render, request
from harness.search.bisect import Change
from harness.search.finding import Asked, Finding
from harness.search.journal import Logbook
from harness.search.probes import Probe, without_expectations
from harness.search.release_runner import Quiet, ReleaseRunner, known_releases


class Bisection:
    """Searches the releases for the one that changed a case.

    Attributes:
        folder: where bisect.json, bisect.md, junit.xml and the results of each release are.
        found: what is known by now.
        exit_code: of a command that ends with this.
        stopped: what ended the search before its end, if anything did.
    """

    folder: Path
    found: Finding
    exit_code: int = EXIT_NO_VERDICT

    def __init__(self, settings: Settings, search: SearchSettings, notice: Callable[[str], None]) -> None:
        """Find out what is asked of which releases.

        Args:
            settings: which case, and how to run it.
            search: what to find.
            notice: called with remarks while releases are looked for.

        Raises:
            UsageError: the settings make no sense, or do not select exactly one case.
        """
        self.stopped: KeyboardInterrupt | None = None
        self._search, self._case = search, _case(settings)
        self._known = known_releases(settings, notice)
        self._asked = request.asked(search, self._case, self._known)
        pinned = request.pinned(settings.run.pin_defaults, self._asked)
        self._settings = replace(settings, run=replace(settings.run, pin_defaults=pinned))
        self._replayed = _replayed(search.replay, self._asked) if search.replay else {}

    def run(self, live: Quiet) -> Finding:
        """Search, write the results, and return what was found, also after ^C.

        Raises:
            UsageError: the folder that is named has another search in it.
            DiskError: the results cannot be written.
        """
        with self._book() as book:
            self.folder, self.found = book.folder, self._start(book)
            with live:
                self._search_on(book, live)
            self._write()
        return self.found

    def _book(self) -> Logbook:
        releases = [self._known.find(name) for name in self._asked.releases]
        identity = request.identity(self._settings, self._search, [self._case], releases)
        return journal.of_question(self._settings.run.out, identity)

    def _start(self, book: Logbook) -> Finding:
        return Finding(
            asked=self._asked,
            seen=_resumed(self._asked, book) | self._replayed,
            defaults=request.defaults(self._asked),
            pinned=self._settings.run.pin_defaults,
            again=again.search_command(self._settings),
        )

    def _search_on(self, book: Logbook, live: Quiet) -> None:
        _introduce(self.found, live)
        runner = ReleaseRunner(
            self._settings, [self._case], book.folder, live, known=self._known, at_once=self._search.jobs
        )

        def tell(found: Finding, place: int) -> None:
            self.found = found
            live.say(render.probe_line(found, place))
            self._write_log()

        with self._stoppable(), contextlib.closing(runner):
            self.found = driver.search(
                self.found,
                runner,
                at_once=self._search.jobs,
                note=lambda probe: book.add(as_json(probe)),
                tell=tell,
            )
            self._attribute(runner, live)
            book.end()
            self.exit_code = _exit_code(self.found)

    @contextlib.contextmanager
    def _stoppable(self) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt as stop:
            self.stopped, self.exit_code = stop, stopped_code(stop)
            self.found = replace(self.found, stopped=True)

    def _attribute(self, runner: ReleaseRunner, live: Quiet) -> None:
        change = self.found.change
        if self._search.attribute and isinstance(change, Change) and change.is_exact:
            live.notice("running the compiler of either side with the runtime of the other")
            self.found = replace(self.found, attribution=driver.attribution(self.found, runner))

    def _write_log(self) -> None:
        if self._search.log:
            lines = (json.dumps(bisect_json.entry(self.found, place)) for place in self.found.seen)
            write_all({self._search.log: "".join(f"{line}\n" for line in lines)})

    def _write(self) -> None:
        found, junit_xml = self.found, self._settings.run.junit_xml
        paths = filter(None, (self.folder / "junit.xml", junit_xml))
        write_all(
            {
                self.folder / "bisect.json": bisect_json.to_json(found),
                self.folder / "bisect.md": render.markdown(found),
                **dict.fromkeys(paths, junit.render(_report(found, self.exit_code))),
            }
        )


def _case(settings: Settings) -> Case:
    """Return the one case that is asked about, as one that is not expected to fail."""
    cases = selection.cases(settings)
    if len(cases) > 1:
        ids = ", ".join(case.id for case in cases[:10])
        named = " ".join(settings.cases.selectors)
        raise UsageError(f"{named}: bisect takes one case, and these are {len(cases)}: {ids}; name one.")
    return without_expectations(cases[0])


def _resumed(asked: Asked, book: Logbook) -> dict[int, Probe]:
    """Return what an interrupted search has seen; what stood in its way may be gone by now."""
    probes: list[Probe] = [read(Probe, line) for line in book.lines]
    return {asked.releases.index(each.release): each for each in probes if each.status != Status.ERROR}


def _replayed(path: Path, asked: Asked) -> dict[int, Probe]:
    """Return what a file says was seen, with the verdicts that it has."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        probes: list[Probe] = [read(Probe, json.loads(line)) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise UsageError(f"--replay {path}: {error}; expected a file that --log wrote.") from error
    if unknown := [each.release for each in probes if each.release not in asked.releases]:
        within = f"{asked.releases[0]} to {asked.releases[-1]}"
        raise UsageError(f"--replay {path}: {', '.join(unknown)} is not searched, but {within}; remove its line.")
    return {asked.releases.index(each.release): each for each in probes}


def _introduce(start: Finding, live: Quiet) -> None:
    asked = start.asked
    what = f"{len(asked.releases)} releases, {asked.releases[0]} to {asked.releases[-1]}"
    live.notice(f"bisecting {asked.case} over {what}")
    for default in start.defaults:
        live.notice(render.default_line(default, start.pinned))
    if start.seen:
        live.notice(f"resuming: {len(start.seen)} of them already tested")
    for place in start.seen:
        live.say(render.probe_line(start, place))


def _exit_code(found: Finding) -> int:
    if found.is_wrong and not found.asked.all_changes:
        return UsageError.exit_code
    exact = isinstance(found.change, Change) and found.change.is_exact
    return EXIT_OK if exact or found.asked.all_changes else EXIT_NO_VERDICT


def _report(found: Finding, code: int) -> Report:
    """Return the releases that were tested as the cases of a report."""
    environment: dict[str, Any] = {"bisect": {"result": render.headline(found)}, "iree": {}}
    started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    seconds = sum(probe.seconds for probe in found.seen.values())
    return Report(
        started=started, seconds=seconds, exit_code=code, environment=environment, cases=bisect_json.outcomes(found)
    )
