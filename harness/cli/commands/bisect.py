"""`harness bisect`."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.cli import search_arguments, selection
from harness.core import records
from harness.core.cases import Case
from harness.core.errors import UsageError, stopped_code
from harness.core.outcomes import EXIT_NO_VERDICT, EXIT_OK, Report, Status
from harness.core.records import as_json
from harness.host.disk import write_all
from harness.report import junit
from harness.search import bisect_json, driver, journal, render, request
from harness.search.bisect import Change
from harness.search.finding import Asked, Finding
from harness.search.journal import Logbook
from harness.search.probes import Probe, without_expectations
from harness.search.release_runner import Prober, Quiet, known_releases


def main(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Find the release that changed a case, and leave bisect.json, bisect.md and junit.xml."""
    console = Console(highlight=False)
    case = _case(parsed)
    known = known_releases(parsed, environment, lambda text: console.print(text, style="dim", markup=False))
    asked = request.asked(parsed, case, known)
    parsed.pin_defaults = request.pinned(parsed, asked)
    replayed = _replayed(parsed.replay, asked) if parsed.replay else {}
    releases = [known.find(name) for name in asked.releases]
    with journal.of_question(parsed.out, request.identity(parsed, [case], releases)) as book:
        start = Finding(
            asked=asked,
            seen=_known(asked, book) | replayed,
            defaults=request.defaults(asked),
            pinned=parsed.pin_defaults,
            again=search_arguments.again(parsed),
        )
        with Quiet(console, id_width=0) as live:
            judge = Prober(parsed, environment, [case], book.folder, live, known=known)
            found, code = _Search(parsed, book, live).run(start, judge)
        _write(found, book.folder, parsed, code)
    console.print(f"\n{render.render(found)}", markup=False, soft_wrap=True)
    console.print(f"Results: {book.folder}/bisect.json, bisect.md, junit.xml, probes", markup=False, soft_wrap=True)
    return code


def _case(parsed: argparse.Namespace) -> Case:
    """Return the one case that is asked about, as one that nobody expects to fail."""
    cases = selection.cases(parsed)
    if len(cases) > 1:
        ids = ", ".join(case.id for case in cases[:10])
        raise UsageError(f"{parsed.selectors[0]}: bisect takes one case, and these are {len(cases)}: {ids}; name one.")
    return without_expectations(cases[0])


def _known(asked: Asked, book: Logbook) -> dict[int, Probe]:
    """Return what an interrupted search has seen; what stood in its way may be gone by now."""
    probes: list[Probe] = [records.read(Probe, line) for line in book.lines]
    return {asked.releases.index(each.release): each for each in probes if each.status != Status.ERROR}


def _replayed(path: Path, asked: Asked) -> dict[int, Probe]:
    """Return what a file says was seen, with the verdicts that it has."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        probes: list[Probe] = [records.read(Probe, json.loads(line)) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise UsageError(f"--replay {path}: {error}; expected a file that --log wrote.") from error
    if unknown := [each.release for each in probes if each.release not in asked.releases]:
        within = f"{asked.releases[0]} to {asked.releases[-1]}"
        raise UsageError(f"--replay {path}: {', '.join(unknown)} is not searched, but {within}; remove its line.")
    return {asked.releases.index(each.release): each for each in probes}


class _Search:
    """Tells and keeps what is seen while it goes on."""

    def __init__(self, parsed: argparse.Namespace, book: Logbook, live: Quiet) -> None:
        self._parsed, self._book, self._live = parsed, book, live

    def run(self, start: Finding, prober: Prober) -> tuple[Finding, int]:
        """Search, and return what was found and the exit code, also after ^C."""
        self._found = start
        self._introduce(start)
        try:
            found = driver.search(start, prober, at_once=self._parsed.jobs, note=self._note, tell=self._tell)
            if self._parsed.attribute and isinstance(found.change, Change) and found.change.is_exact:
                self._live.notice("running the compiler of either side with the runtime of the other")
                found = replace(found, attribution=driver.attribution(found, prober))
        except KeyboardInterrupt as stop:
            return replace(self._found, stopped=True), stopped_code(stop)
        finally:
            prober.close()
        self._book.end()
        return found, _exit_code(found)

    def _introduce(self, start: Finding) -> None:
        asked = start.asked
        what = f"{len(asked.releases)} releases, {asked.releases[0]} to {asked.releases[-1]}"
        self._live.notice(f"bisecting {asked.case} over {what}")
        for default in start.defaults:
            self._live.notice(render.default_line(default, start.pinned))
        if start.seen:
            self._live.notice(f"going on: {len(start.seen)} of them were looked at before")
        for place in start.seen:
            self._live.say(render.probe_line(start, place))

    def _note(self, probe: Probe) -> None:
        self._book.add(as_json(probe))

    def _tell(self, found: Finding, place: int) -> None:
        self._found = found
        self._live.say(render.probe_line(found, place))
        if self._parsed.log:
            lines = (json.dumps(bisect_json.entry(found, place)) for place in found.seen)
            write_all({self._parsed.log: "".join(f"{line}\n" for line in lines)})


def _exit_code(found: Finding) -> int:
    if found.is_wrong and not found.asked.all_changes:
        return UsageError.exit_code
    exact = isinstance(found.change, Change) and found.change.is_exact
    return EXIT_OK if exact or found.asked.all_changes else EXIT_NO_VERDICT


def _write(found: Finding, folder: Path, parsed: argparse.Namespace, code: int) -> None:
    texts = {folder / "bisect.json": bisect_json.to_json(found), folder / "bisect.md": render.markdown(found)}
    cases = dict.fromkeys(filter(None, (folder / "junit.xml", parsed.junit_xml)), junit.render(_report(found, code)))
    write_all({**texts, **cases})


def _report(found: Finding, code: int) -> Report:
    """Return the releases that were looked at as the cases of a report."""
    environment: dict[str, Any] = {"bisect": {"result": render.headline(found)}, "iree": {}}
    started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    seconds = sum(probe.seconds for probe in found.seen.values())
    return Report(
        started=started, seconds=seconds, exit_code=code, environment=environment, cases=bisect_json.outcomes(found)
    )
