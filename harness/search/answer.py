"""Words the answer of a search over releases; no I/O."""

from collections import Counter
from collections.abc import Iterable

from harness.core import text
from harness.core.statuses import Status
from harness.core.text import counted, one_line
from harness.search import repeats
from harness.search.bisect import Change, Unproved
from harness.search.finding import Finding
from harness.search.probes import FLAKY, Mark, Probe

_LINE_CHARS = 400
_RESUME = "run the same command to resume"
_PLURALS = {
    "is good": "are good",
    "is bad": "are bad",
    "is flaky": "are flaky",
    "fails differently": "fail differently",
}


def headline(finding: Finding) -> str:
    """Return the result in one line."""
    change = finding.change
    if finding.request.all_changes:
        return _counted(finding)
    if isinstance(change, Unproved):
        others = "" if finding.stopped else disagreements(finding, finding.probes.keys() - {change.index})
        return f"{_unproved(finding, change)}{f'; {others}' if others else ''}"
    axis, named = finding.request.axis, finding.request.named
    new, old = _sides(finding)
    if finding.stopped:
        between = f"after {named(change.last)} and not after {named(change.first)}"
        return f"Interrupted: the first {new} {axis} is {between}; {_RESUME}."
    if change.is_exact:
        return f"First {new} {axis}: {named(change.first)} (last {old}: {named(change.last)})"
    return f"First {new} {axis}: one of {candidates(finding, change)} ({_why_not_exact(finding, change)})"


def _sides(finding: Finding) -> tuple[Mark, Mark]:
    """Return what releases are after the change, and before it."""
    return (Mark.GOOD, Mark.BAD) if finding.request.question.fix else (Mark.BAD, Mark.GOOD)


def candidates(finding: Finding, change: Change) -> str:
    """Return the releases at which a change may be."""
    return ", ".join(map(finding.request.named, change.candidates))


def _why_not_exact(finding: Finding, change: Change) -> str:
    return disagreements(finding, change.candidates) or f"the {finding.request.axis}s between cannot be tested"


def disagreements(finding: Finding, indices: Iterable[int]) -> str:
    """Return which of the releases have runs that disagree, and how; empty if there are none."""
    tested = (finding.probes[index] for index in sorted(indices) if index in finding.probes)
    flaky = [f"with {probe.release}, {probe.reason}" for probe in tested if probe.status == FLAKY]
    return f"runs disagree: {'; '.join(flaky)}" if flaky else ""


def _counted(finding: Finding) -> str:
    """Return how many changes there are, once all releases are tested."""
    names, count = finding.request.releases, len(finding.changes)
    within = f"from {names[0]} to {names[-1]}"
    if finding.stopped:
        return f"Interrupted: {len(finding.probes)} of {len(names)} {finding.request.axis}s {within} tested; {_RESUME}."
    flaky = disagreements(finding, finding.probes)
    doubts = f" ({flaky})" if flaky else ""
    return f"{counted(count, 'change')} {within}{doubts}:" if count else f"No change {within}{doubts}."


def _unproved(finding: Finding, unproved: Unproved) -> str:
    """Return how an end differs from what it should be, or that there is none."""
    request, is_older = finding.request, unproved.end == "older"
    expected = Mark.BAD if is_older == request.question.fix else Mark.GOOD
    if finding.stopped:
        return f"Interrupted before both ends were tested; {_RESUME}."
    probe = finding.probes.get(unproved.index) if unproved.index is not None else None
    if probe is None or unproved.index is None:
        within = f"from {request.releases[0]} to {request.releases[-1]}"
        return f"No {expected} {request.axis} {within}: {_census(finding)}"
    given = request.span.older if is_older else request.span.newer
    found = f"{_described(finding, unproved.index)}: {outcome(finding, probe)}{_advice(finding)}"
    if given is not None:
        return f"{probe.release} should be {expected}, but {found}"
    is_newest = unproved.index == len(request.releases) - 1 and finding.marks[unproved.index] is Mark.GOOD
    hint = ". Add --find fix to find since when it is good" if is_newest and not request.question.fix else ""
    return f"The newest {request.axis} should be {expected}, but {probe.release} {found}{hint}"


def _census(finding: Finding) -> str:
    """Return how many releases are what, as in `12 are bad, 3 cannot be tested`."""
    found = Counter(_described(finding, index) for index in sorted(finding.probes, reverse=True))
    return ", ".join(f"{count} {text if count == 1 else _PLURALS.get(text, text)}" for text, count in found.items())


def _described(finding: Finding, index: int) -> str:
    probe = finding.probes[index]
    if finding.marks[index] is not Mark.SKIP:
        return f"is {finding.marks[index]}"
    if probe.status == FLAKY:
        return "is flaky"
    is_other = probe.failure and not finding.request.question.metric
    return "fails differently" if is_other else "cannot be tested"


def _advice(finding: Finding) -> str:
    """Return what to do if an end is the opposite of what it should be, if anything."""
    request = finding.request
    if finding.pinned and finding.is_wrong:
        return f". The change does not occur with the defaults of {finding.pinned}"
    if not _is_swapped(finding):
        return ""
    option = "remove --find fix" if request.question.fix else "add --find fix"
    return f". Good and bad are swapped: {option} and use --bad {request.good} --good {request.bad}"


def _is_swapped(finding: Finding) -> bool:
    """Return whether the good end is bad, and the bad one good."""
    ends = finding.request.good, finding.request.bad
    good, bad = (finding.request.releases.index(end) if end else -1 for end in ends)
    if finding.marks.get(bad) is not Mark.GOOD or good not in finding.probes:
        return False
    return finding.marks[good] is Mark.BAD or finding.probes[good].failure is not None


def outcome(finding: Finding, probe: Probe) -> str:
    """Return how a case ended with a release, and the numbers in the metric."""
    if probe.status == FLAKY:
        return probe.reason
    metric = finding.request.question.metric
    shown = "".join(f", {name} {number(probe.numbers.get(name))}" for name in (metric.names if metric else ()))
    is_told = probe.status == Status.ERROR and len(probe.tally) > 1
    runs = "" if probe.runs == 1 or is_told else f" ({repeats.agreeing(probe)} of {probe.runs} runs)"
    return f"{one_line(probe.headline, limit=_LINE_CHARS)}{shown}{runs}"


def number(value: float | None) -> str:
    """Return a number as it is shown; `unknown` for None."""
    return "unknown" if value is None else text.number(value)
