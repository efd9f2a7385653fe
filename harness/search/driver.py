"""Goes through releases until a question is answered: asks where to look, has it looked at, and notes what was seen."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from harness.core.outcomes import Outcome, Phase
from harness.host.waiting import completed
from harness.search import finding, probes
from harness.search.bisect import Change
from harness.search.finding import Attribution, Finding
from harness.search.probes import Mark, Probe, Question
from harness.search.release_runner import ReleaseResult, threads


class Judge(Protocol):
    """Judges the case with a release; `ReleaseRunner` does."""

    def probe(self, release: str, run: int = 1) -> ReleaseResult:
        """Judge it, for the first or another time."""

    def mixed(self, compiler: str, runtime: str) -> ReleaseResult:
        """Judge it with the compiler of a release and the runtime of another."""

    def prepare(self, release: str) -> None:
        """Begin to make ready for a release."""


Tell = Callable[[Finding, int], None]


def search(start: Finding, judge: Judge, *, at_once: int, note: Callable[[Probe], None], tell: Tell) -> Finding:
    """Look until nothing more is wanted.

    Args:
        start: what is known.
        judge: looks at a release.
        at_once: how many releases at most.
        note: keeps what was seen, as soon as it was.
        tell: hears of it.

    Raises:
        KeyboardInterrupt: what was seen until then was noted.
    """
    found = start
    with threads(at_once) as pool:
        while places := found.wanted(at_once):
            futures = {pool.submit(_seen, found, judge, place): place for place in places}
            for place in found.next_candidates:
                judge.prepare(found.asked.releases[place])
            for future in completed(futures):
                probe = future.result()
                found = replace(found, seen={**found.seen, futures[future]: probe})
                note(probe)
                tell(found, futures[future])
    return found


def attribution(found: Finding, judge: Judge) -> Attribution:
    """Return which of compiler and runtime carries an exact change, by running the one of either side with the other.

    Where it fails to compile there is no runtime that could matter.
    """
    change = found.change
    assert isinstance(change, Change)  # noqa: S101 - for the type checker; nobody asks otherwise
    older, newer = found.asked.releases[change.last], found.asked.releases[change.first]
    if Phase.COMPILE in {found.seen[change.last].phase, found.seen[change.first].phase} and any(
        found.seen[place].failure for place in (change.last, change.first)
    ):
        return Attribution(carrier=finding.Carrier.COMPILER)
    question = found.asked.question
    by_compiler = _once(judge.mixed(newer, older), f"compiler {newer}, runtime {older}", question)
    by_runtime = _once(judge.mixed(older, newer), f"compiler {older}, runtime {newer}", question)
    bad_end = found.seen[change.last if question.fix else change.first]
    marked = probes.marks({0: by_compiler, 1: by_runtime, 2: bad_end}, question, 2)
    carrier = finding.carrier(marked[0], marked[1], Mark.GOOD if question.fix else Mark.BAD)
    return Attribution(carrier=carrier, compiler=by_compiler, runtime=by_runtime)


def _seen(found: Finding, judge: Judge, place: int) -> Probe:
    """Look at a release as often as the question needs."""
    release, question = found.asked.releases[place], found.asked.question
    judged = [judge.probe(release)]
    while not probes.is_settled(_outcomes(judged), question):
        judged.append(judge.probe(release, len(judged) + 1))
    return _probe(judged, release, question)


def _once(judged: ReleaseResult, name: str, question: Question) -> Probe:
    return _probe([judged], name, replace(question, repeat=1, at_least=1))


def _probe(judged: Sequence[ReleaseResult], release: str, question: Question) -> Probe:
    last = judged[-1]
    probe = probes.probe(release, _outcomes(judged), question, last.report.environment)
    same = [f"{probes.NOT_RUN} module and runtime are byte for byte those of {other}" for other in last.reused.values()]
    return replace(probe, results=last.folder, notes=(*probe.notes, *same))


def _outcomes(judged: Sequence[ReleaseResult]) -> list[Outcome]:
    return [outcome for each in judged for outcome in each.report.cases]
