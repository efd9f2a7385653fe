"""Runs a bisection: searches the releases for the change of a case and writes the results, also after ^C."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.core import strict_json
from harness.core.cases import Case
from harness.core.errors import UsageError, stopped_code
from harness.core.exit_codes import EXIT_NO_VERDICT, EXIT_OK
from harness.core.outcomes import Report
from harness.core.records import as_json, read
from harness.core.search_settings import SearchSettings
from harness.core.settings import Settings
from harness.core.statuses import Status
from harness.core.text import counted
from harness.host import files
from harness.host.disk import write_all
from harness.pipeline import selection
from harness.pipeline.out_dir import check_files, write_results
from harness.pipeline.page_file import PageFile
from harness.pipeline.recorder import Recorder
from harness.report import again
from harness.search import answer, bisect_json, bisect_markdown, driver, journal, render, request
from harness.search.axis import Axis
from harness.search.bisect import Change
from harness.search.finding import Finding, SearchRequest
from harness.search.journal import SearchJournal
from harness.search.probes import Probe, without_expectations
from harness.search.release_runner import ReleaseRunner, SearchProgress, known_releases

_IDS, _NAMED = 10, 2
_REPLAY_BYTES = 64 << 20
_ELAPSED = "elapsed_s"  # in a line of the journal


class Bisection:
    """Searches the releases for the one that changed a case.

    Attributes:
        folder: folder of bisect.json, bisect.md, junit.xml and the results of each release.
        found: what is known so far.
        exit_code: exit code of the command.
        stopped: what interrupted the search, if anything.
        page: its page.
    """

    folder: Path
    found: Finding
    exit_code: int = EXIT_NO_VERDICT

    def __init__(self, settings: Settings, search: SearchSettings, notice: Callable[[str], None]) -> None:
        """Select the case and the releases.

        Args:
            settings: which case, and how to run it.
            search: what to find.
            notice: called with remarks while releases are looked up.

        Raises:
            UsageError: the settings are wrong, or do not select exactly one case.
            DiskError: a file that the settings name cannot be written.
        """
        self.stopped: KeyboardInterrupt | None = None
        self.page = PageFile(Recorder.here(settings.history), is_wanted=settings.run.html)
        check_files({"--junit-xml": settings.run.junit_xml, "--log": search.log})
        settings = replace(settings, cases=selection.located(settings.cases))
        self._search, self._case = search, _case(settings, notice)
        self._known = known_releases(settings, notice)
        self._request = request.search_request(search, settings, self._case, self._known)
        if self._request.release:
            settings = replace(settings, release=replace(settings.release, name=self._request.release))
        pinned = request.pinned(settings.run.pin_defaults, self._request)
        settings = replace(settings, run=replace(settings.run, pin_defaults=pinned))
        asked = self._request.question.metric
        self._settings = request.timed(settings, asked.names if asked else ())
        self._replayed = _replayed(search.replay, self._request) if search.replay else {}

    def run(self, live: SearchProgress) -> Finding:
        """Search, write the results and return what was found, also after ^C.

        Args:
            live: shows the search while it runs.

        Raises:
            UsageError: another search uses the folder of the results.
            DiskError: the results cannot be written.
        """
        self._clock_s = time.monotonic()
        with self._journal() as progress:
            self._before_s = max(map(_elapsed_s, progress.lines), default=0.0)
            self.folder, self.found = progress.folder, self._start(progress)
            with live:
                self._search_on(progress, live)
            self.found = self._timed(self.found)
            self._write()
        return self.found

    def _timed(self, found: Finding) -> Finding:
        return replace(found, elapsed_s=round(self._before_s + time.monotonic() - self._clock_s, 3))

    def _journal(self) -> SearchJournal:
        asked = self._request
        releases = [self._known.find(name) for name in ([asked.release] if asked.release else asked.releases)]
        identity = request.identity(self._settings, self._search, [self._case], releases, asked.variants)
        return journal.of_search(self._settings.run.out, identity)

    def _start(self, progress: SearchJournal) -> Finding:
        return Finding(
            request=self._request,
            probes=_resumed(self._request, progress) | self._replayed,
            defaults=request.defaults(self._request),
            pinned=self._settings.run.pin_defaults,
            commands={name: self._command(name) for name in self._request.releases},
        )

    def _command(self, name: str) -> str:
        """Return the command that tests a release again."""
        settings = self._request.axis.settings(self._settings, name)
        command = again.search_command(settings, has_configs=bool(self._case.target.config))
        return f"{command} --iree {settings.release.name}"

    def _search_on(self, progress: SearchJournal, live: SearchProgress) -> None:
        _introduce(self.found, live)
        at_once = self._search.jobs
        runner = ReleaseRunner(
            self._settings,
            [self._case],
            progress.folder,
            live,
            known=self._known,
            at_once=at_once,
            variants=self._request.variants,
        )

        def on_probe(found: Finding, index: int) -> None:
            self.found = self._timed(found)
            progress.add({**as_json(found.probes[index]), _ELAPSED: self.found.elapsed_s})
            live.say(render.probe_line(found, index, steps_left=found.steps_left, width=live.width))
            self._write_log()
            if found.probes[index].runs == 1:
                _announce(found, live)

        with self._stoppable(), contextlib.closing(runner):
            self.found = driver.search(self.found, runner, at_once=at_once, on_probe=on_probe, on_work=live.worked)
            self._attribute(runner, live)
            progress.end()
            self.exit_code = _exit_code(self.found)

    @contextlib.contextmanager
    def _stoppable(self) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt as stop:
            self.stopped, self.exit_code = stop, stopped_code(stop)
            self.found = replace(self.found, stopped=True)

    def _attribute(self, runner: ReleaseRunner, live: SearchProgress) -> None:
        change = self.found.change
        if self._search.attribute and isinstance(change, Change) and change.is_exact:
            live.notice("testing the compiler of each release with the runtime of the other")
            self.found = replace(self.found, attribution=driver.attribution(self.found, change, runner))

    def _write_log(self) -> None:
        if self._search.log:
            lines = (json.dumps(bisect_json.entry(self.found, index)) for index in self.found.probes)
            write_all({self._search.log: "".join(f"{line}\n" for line in lines)})

    def _write(self) -> None:
        texts = {
            "bisect.json": bisect_json.to_json(self.found),
            "bisect.md": bisect_markdown.markdown(self.found),
        }
        write_results(self.folder, texts, self._report(), self._settings.run.junit_xml)
        self.page.write_folder(self.folder)

    def _report(self) -> Report:
        """Return the tested releases as the cases of a report. Its commands write into other folders than this."""
        settings = replace(self._settings, run=replace(self._settings.run, out=None))
        bisect = {"bisect": {"result": answer.headline(self.found)}, "iree": {}}
        return Report(
            started=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            seconds=self.found.elapsed_s,
            exit_code=self.exit_code,
            environment={**again.facts(settings), **bisect},
            cases=bisect_json.outcomes(self.found),
        )


def _case(settings: Settings, notice: Callable[[str], None]) -> Case:
    """Return the selected case, without its expected failures."""
    cases = selection.cases(settings, notice)
    if len(cases) > 1:
        ids = ", ".join(case.id for case in cases[:_IDS])
        selected = " ".join(settings.cases.selectors)
        raise UsageError(f"{selected}: bisect takes one case, and this selects {len(cases)}: {ids}; name one.")
    return without_expectations(cases[0])


def _elapsed_s(line: Mapping[str, Any]) -> float:
    """Return how long the search had taken when a line was written."""
    found = line.get(_ELAPSED)
    return float(found) if isinstance(found, int | float) else 0.0


def _resumed(request: SearchRequest, progress: SearchJournal) -> dict[int, Probe]:
    """Return the probes of an interrupted search, without errors: these are tested again."""
    with journal.malformed(progress):
        probes: list[Probe] = [read(Probe, line) for line in progress.lines]
    known = [each for each in probes if each.release in request.releases and each.status != Status.ERROR]
    return {request.releases.index(each.release): each for each in known}


def _replayed(path: Path, request: SearchRequest) -> dict[int, Probe]:
    """Return the probes in a file that --log wrote, with the verdicts in it."""
    try:
        lines = files.read(path, _REPLAY_BYTES).split(b"\n")
        probes: list[Probe] = [read(Probe, strict_json.loads(line)) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise UsageError(f"--replay {path}: {files.reason(error)}; expected a file that --log wrote.") from error
    if unknown := [each.release for each in probes if each.release not in request.releases]:
        within = f"{request.releases[0]} to {request.releases[-1]}"
        raise UsageError(f"--replay {path}: {', '.join(unknown)}: not within {within}; remove this {request.axis}.")
    return {request.releases.index(each.release): each for each in probes}


def _introduce(start: Finding, live: SearchProgress) -> None:
    names, metric = start.request.releases, start.request.question.metric
    condition = f"; bad if {metric.text}" if metric else ""
    within = f"{counted(len(names), start.request.axis)}, {names[0]} to {names[-1]}"
    live.notice(f"bisecting {start.request.case}: {within}{condition}")
    for default in start.defaults:
        live.notice(render.default_line(default, start.pinned))
    if start.probes:
        live.notice(f"resuming: {counted(len(start.probes), start.request.axis)} already tested")
    for index in start.probes:
        live.say(render.probe_line(start, index, width=live.width))
    _announce(start, live)


def _announce(found: Finding, live: SearchProgress) -> None:
    """Say that the answer will be confirmed, if there is one."""
    if names := [found.request.releases[index] for index in found.unconfirmed]:
        live.notice(f"repeating {_named(names, found.request.axis)} to see if the result stays the same")


def _named(releases: Sequence[str], axis: Axis) -> str:
    return " and ".join(releases) if len(releases) <= _NAMED else counted(len(releases), axis)


def _exit_code(found: Finding) -> int:
    if found.is_wrong and not found.request.all_changes:
        return UsageError.exit_code
    exact = isinstance(found.change, Change) and found.change.is_exact
    return EXIT_OK if exact or found.request.all_changes else EXIT_NO_VERDICT
