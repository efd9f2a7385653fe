"""Tests releases until the question of a search is answered."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from harness.core.callbacks import WorkProgress, ignore, working
from harness.core.statuses import Phase
from harness.host.waiting import completed
from harness.search import finding, probes, repeats
from harness.search.bisect import Change
from harness.search.finding import Attribution, Finding
from harness.search.probes import Mark, Probe, Question
from harness.search.release_runner import ReleaseResult, threads


class ReleaseTester(Protocol):
    """Tests a case with releases; `ReleaseRunner` does."""

    def probe(self, release: str, run: int = 1) -> ReleaseResult:
        """Test with a release, for the first or another time."""

    def mixed(self, compiler: str, runtime: str) -> ReleaseResult:
        """Test with the compiler of one release and the runtime of another."""

    def discard(self, result: ReleaseResult) -> None:
        """Remove the large files of a result that tells nothing new."""

    def prepare(self, release: str) -> None:
        """Begin to install a release."""


def search(
    start: Finding,
    tester: ReleaseTester,
    *,
    at_once: int,
    on_probe: Callable[[Finding, int], None],
    on_work: WorkProgress = ignore,
) -> Finding:
    """Test releases until the search is over.

    Args:
        start: what is known at the start.
        tester: tests a release.
        at_once: number of releases to test at once.
        on_probe: called with what is known and the index of the release, after each test.
        on_work: called while a release is run several times.

    Raises:
        KeyboardInterrupt: the search was interrupted; `on_probe` was called for each test that ended before.
    """
    found = start
    with threads(at_once) as pool:
        while indices := found.next_indices(at_once):
            futures = {pool.submit(_probed, found, tester, index, on_work): index for index in indices}
            for index in found.likely_indices:
                tester.prepare(found.request.releases[index])
            for future in completed(futures):
                index = futures[future]
                found = replace(found, probes={**found.probes, index: future.result()})
                on_probe(found, index)
    return found


def attribution(found: Finding, change: Change, tester: ReleaseTester) -> Attribution:
    """Return whether compiler or runtime causes an exact change, by testing each with the other of the other side.

    If a release does not compile the case, the compiler is the cause, and nothing is tested.
    """
    last, first = found.probes[change.last], found.probes[change.first]
    if Phase.COMPILE in {last.phase, first.phase} and (last.failure or first.failure):
        return Attribution(carrier=finding.Carrier.COMPILER)
    older, newer = found.request.releases[change.last], found.request.releases[change.first]
    question = found.request.question
    by_compiler = _probe(tester.mixed(newer, older), f"compiler {newer}, runtime {older}", question)
    by_runtime = _probe(tester.mixed(older, newer), f"compiler {older}, runtime {newer}", question)
    bad_end = last if question.fix else first
    marked = probes.marks({0: by_compiler, 1: by_runtime, 2: bad_end}, question, 2)
    carrier = finding.carrier(marked[0], marked[1], Mark.GOOD if question.fix else Mark.BAD)
    return Attribution(carrier=carrier, compiler=by_compiler, runtime=by_runtime)


def _probed(found: Finding, tester: ReleaseTester, index: int, on_work: WorkProgress) -> Probe:
    """Test a release as often as the question asks for; one that was tested before is run again to confirm it."""
    release, question = found.request.releases[index], found.request.question
    known = found.probes.get(index)
    is_enough = repeats.is_confirmed if known else repeats.is_settled
    probe = known or _probe(tester.probe(release), release, question)
    with working(on_work, f"repeating {release}") as progress:
        while not is_enough(probe, question):
            progress(f"{probe.runs} done")
            result = tester.probe(release, probe.runs + 1)
            run = replace(_probe(result, release, question), repeating_s=result.report.seconds)
            if run.tally.keys() <= probe.tally.keys():
                tester.discard(result)
            probe = repeats.repeated(probe, run, question)
    return probe


def _probe(result: ReleaseResult, release: str, question: Question) -> Probe:
    (outcome,) = result.outcomes
    probe = probes.probe(release, outcome, question, result.report.environment)
    same = [f"{probes.NOT_RUN} same module and runtime as {other}" for other in result.reused.values()]
    return replace(probe, results=result.folder, seconds=round(result.spent_s, 3), notes=(*probe.notes, *same))
