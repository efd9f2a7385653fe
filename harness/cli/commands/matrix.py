"""`harness matrix`."""

import argparse
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from harness.cli import selection
from harness.core.cases import Case
from harness.core.errors import UsageError, stopped_code
from harness.core.outcomes import Outcome, Report, exit_code
from harness.host.disk import write_all
from harness.iree.releases import Releases
from harness.report import facts, junit, results
from harness.search import journal, matrix, metric, request
from harness.search import matrix_table as report
from harness.search.journal import Logbook
from harness.search.matrix import Matrix
from harness.search.release_runner import Judged, Prober, Quiet, known_releases, threads


def main(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Judge cases with releases, and leave matrix.json, matrix.md, results.json and junit.xml."""
    console = Console(highlight=False)
    cases = selection.cases(parsed)
    known = known_releases(parsed, environment, lambda text: console.print(text, style="dim", markup=False))
    names = _names(parsed, known)
    releases = [known.find(name) for name in names]
    with journal.of_question(parsed.out, request.identity(parsed, cases, releases)) as book:
        with Quiet(console, id_width=0) as live:
            prober = Prober(parsed, environment, cases, book.folder, live, known=known)
            run = _Run(parsed=parsed, names=names, cases=cases, book=book, live=live)
            run.known.update(_known(book))
            code = run.judge(prober)
        found = matrix.matrix(names, [case.id for case in cases], run.known, parsed.show)
        run.write(found, code if code is not None else exit_code(found.outcomes))
    console.print(f"\n{report.render(found)}", markup=False, soft_wrap=True)
    told = f"Results: {book.folder}/matrix.json, matrix.md, results.json, junit.xml, probes"
    console.print(told, markup=False, soft_wrap=True)
    return code if code is not None else exit_code(found.outcomes)


def _names(parsed: argparse.Namespace, known: Releases) -> list[str]:
    """Return the releases that are asked for, oldest first."""
    if parsed.show and parsed.show not in metric.NAMES:
        raise UsageError(f"--show {parsed.show}: no number of a case; there are {', '.join(metric.NAMES)}.")
    chosen = {each.release.name for text in parsed.iree or [".."] for each in known.selected(text)}
    return [name for name in known.names if name in chosen]


def _known(book: Logbook) -> dict[str, Sequence[Outcome]]:
    """Return what an interrupted run has judged; what stood in its way may be gone by now."""
    found = {str(line["release"]): book.folder / str(line["results"]) / "results.json" for line in book.lines}
    reports = {name: results.load(path.read_text(encoding="utf-8")) for name, path in found.items() if path.is_file()}
    return {name: each.cases for name, each in reports.items() if matrix.is_worth_keeping(each.cases)}


@dataclass(kw_only=True)
class _Run:
    """Judges release by release, and keeps what is known."""

    parsed: argparse.Namespace
    names: Sequence[str]
    cases: Sequence[Case]
    book: Logbook
    live: Quiet
    known: dict[str, Sequence[Outcome]] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock_s: float = field(default_factory=time.monotonic)

    def judge(self, prober: Prober) -> int | None:
        """Judge all that is not known; the exit code if that was interrupted."""
        self.live.notice(f"{facts.count_of_cases(len(self.cases))} with {len(self.names)} releases")
        if self.known:
            self.live.notice(f"going on: {len(self.known)} releases were judged before")
        left = [name for name in self.names if name not in self.known]
        try:
            with threads(self.parsed.jobs) as pool:
                futures = {pool.submit(prober.probe, name): name for name in left}
                for future in as_completed(futures):
                    self._take(futures[future], future.result())
                    for name in [name for name in left if name not in self.known][: 2 * self.parsed.jobs]:
                        prober.prepare(name)
        except KeyboardInterrupt as stop:
            return stopped_code(stop)
        finally:
            prober.close()
        self.book.end()
        return None

    def _take(self, name: str, judged: Judged) -> None:
        self.known[name], self.environment = judged.report.cases, judged.report.environment
        self.book.add({"release": name, "results": judged.folder})
        width = max(map(len, self.names))
        self.live.say(Text(report.release_line(name, judged.report.cases, width=width)))

    def write(self, found: Matrix, code: int) -> None:
        """Write the results."""
        folder, seconds = self.book.folder, round(time.monotonic() - self.clock_s, 3)
        started = self.started.strftime("%Y-%m-%dT%H:%M:%SZ")
        iree = dict.fromkeys(("release", "compiler_commit", "runtime_commit"))
        whole = Report(
            started=started,
            seconds=seconds,
            exit_code=code,
            environment={**self.environment, "iree": iree},
            cases=found.outcomes,
        )
        texts: dict[Path, str] = {
            folder / "matrix.json": report.to_json(found, started=started, seconds=seconds, exit_code=code),
            folder / "matrix.md": report.markdown(found),
            folder / "results.json": results.render(whole),
        }
        texts |= dict.fromkeys(filter(None, (folder / "junit.xml", self.parsed.junit_xml)), junit.render(whole))
        write_all(texts)
