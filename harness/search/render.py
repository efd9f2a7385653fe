"""Renders a search over releases for a terminal."""

from collections import Counter
from collections.abc import Iterator, Mapping

from rich.text import Text

from harness.core.cases import Backend
from harness.core.text import one_line
from harness.iree import flags, releases
from harness.iree.flags import ChangedDefault
from harness.search.bisect import Change, Unproved
from harness.search.finding import Attribution, Carrier, Finding
from harness.search.probes import FLAKY, NOT_RUN, Mark, Probe

_STYLES: Mapping[Mark, str] = {Mark.GOOD: "green", Mark.BAD: "bold red", Mark.SKIP: "yellow"}
_COMPARE = "https://github.com/iree-org/iree/compare"
_COMMIT_DIGITS = 12
_LINE_CHARS = 400
_PLURALS = {"is good": "are good", "is bad": "are bad", "fails differently": "fail differently"}
_NOISE = ("seconds", "memory_bytes")  # differs from run to run
_RESUME = "run the same command to resume"
_CAUSES: Mapping[Carrier, str] = {
    Carrier.COMPILER: "The compiler causes the change.",
    Carrier.RUNTIME: "The runtime causes the change.",
    Carrier.BOTH: "The new compiler and the new runtime each cause the change on their own.",
    Carrier.TOGETHER: "Only the new compiler and the new runtime together cause the change.",
    Carrier.UNKNOWN: "Cannot tell whether compiler or runtime causes the change: their module formats do not match.",
}


def probe_line(finding: Finding, index: int) -> Text:
    """Return the line for a tested release."""
    probe, mark = finding.probes[index], finding.marks[index]
    width = max(map(len, finding.request.releases))
    not_run = "".join(f"   {note}" for note in probe.notes if note.startswith(NOT_RUN))
    text = f"  {probe.release:<{width}} {probe.seconds:>8.2f} s   {_outcome(finding, probe)}{not_run}"
    return Text.assemble((f"{mark.upper():<4}", _STYLES[mark]), text)


def _outcome(finding: Finding, probe: Probe) -> str:
    """Return how a case ended with a release, and the numbers in the metric."""
    metric = finding.request.question.metric
    shown = "".join(f", {name} {_number(probe.numbers.get(name))}" for name in (metric.names if metric else ()))
    return f"{one_line(probe.headline, limit=_LINE_CHARS)}{shown}"


def headline(finding: Finding) -> str:
    """Return the result in one line."""
    change = finding.change
    if finding.request.all_changes:
        return _counted(finding)
    if isinstance(change, Unproved):
        return _unproved(finding, change)
    names = finding.request.releases
    new, old = _sides(finding)
    if finding.stopped:
        between = f"after {names[change.last]} and not after {names[change.first]}"
        return f"Interrupted: the first {new} release is {between}; {_RESUME}."
    if change.is_exact:
        return f"First {new} release: {names[change.first]} (last {old}: {names[change.last]})"
    return f"First {new} release: one of {_candidates(finding, change)} ({_why_not_exact(finding, change)})"


def _sides(finding: Finding) -> tuple[Mark, Mark]:
    """Return what releases are after the change, and before it."""
    return (Mark.GOOD, Mark.BAD) if finding.request.question.fix else (Mark.BAD, Mark.GOOD)


def _candidates(finding: Finding, change: Change) -> str:
    return ", ".join(finding.request.releases[index] for index in change.candidates)


def _why_not_exact(finding: Finding, change: Change) -> str:
    tested = (finding.probes[index] for index in change.candidates if index in finding.probes)
    is_flaky = any(probe.status == FLAKY for probe in tested)
    return "runs disagree" if is_flaky else "the releases between cannot be tested"


def _counted(finding: Finding) -> str:
    """Return how many changes there are, once all releases are tested."""
    names, count = finding.request.releases, len(finding.changes)
    within = f"from {names[0]} to {names[-1]}"
    if finding.stopped:
        return f"Interrupted: {len(finding.probes)} of {len(names)} releases {within} tested; {_RESUME}."
    return f"No change {within}." if not count else f"{count} {'change' if count == 1 else 'changes'} {within}:"


def _unproved(finding: Finding, unproved: Unproved) -> str:
    """Return how an end differs from what it should be."""
    request, is_older = finding.request, unproved.end == "older"
    expected = Mark.BAD if is_older == request.question.fix else Mark.GOOD
    if finding.stopped:
        return f"Interrupted before both ends were tested; {_RESUME}."
    probe = finding.probes.get(unproved.index) if unproved.index is not None else None
    if probe is None or unproved.index is None:
        within = f"from {request.releases[0]} to {request.releases[-1]}"
        return f"No {expected} release {within}: {_census(finding)}."
    given = request.span.older if is_older else request.span.newer
    found = f"{_described(finding, unproved.index)}: {_outcome(finding, probe)}{_advice(finding)}"
    if given is not None:
        return f"{probe.release} should be {expected}, but {found}"
    return f"The newest release should be {expected}, but {probe.release} {found}"


def _census(finding: Finding) -> str:
    """Return how many releases are what, as in `12 are bad, 3 cannot be tested`."""
    found = Counter(_described(finding, index) for index in sorted(finding.probes, reverse=True))
    return ", ".join(f"{count} {text if count == 1 else _PLURALS.get(text, text)}" for text, count in found.items())


def _described(finding: Finding, index: int) -> str:
    if finding.marks[index] is not Mark.SKIP:
        return f"is {finding.marks[index]}"
    is_other = finding.probes[index].failure and not finding.request.question.metric
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


def render(finding: Finding) -> str:
    """Return the result of a search for a terminal."""
    tested, count = len(finding.probes), len(finding.request.releases)
    lines = [headline(finding)]
    if finding.request.all_changes:
        lines += every_change(finding)
    elif isinstance(finding.change, Change):
        lines += [f"  {line}" for line in _details(finding, finding.change)]
        if not finding.stopped and tested < count:
            lines.append("There may be more changes between untested releases; use --all to test every release.")
    seconds = sum(probe.seconds for probe in finding.probes.values())
    lines.append(f"Tested {tested} of {count} releases, {seconds:.1f} s in total.")
    return "\n".join(lines)


def _details(finding: Finding, change: Change) -> Iterator[str]:
    """Yield the outcomes on both sides of the change, and what else is known."""
    for probe in both(finding, change):
        yield f"{probe.release:<9} {_outcome(finding, probe)}"
    yield from numbers(finding, change)
    if (link := compare_url(finding, change)) is not None:
        yield f"commits   {link}"
    for probe in both(finding, change):
        yield f"again     {again(finding, probe.release)}"
    yield from (f"note      {text}" for text in remarks(finding, change))


def remarks(finding: Finding, change: Change) -> Iterator[str]:
    """Yield changed defaults, a second failure, and whether compiler or runtime causes the change."""
    yield from (_default_remark(finding, change, each) for each in finding.defaults)
    yield from _other_messages(finding, change)
    if finding.attribution:
        yield from _cause(finding.attribution)


def _other_messages(finding: Finding, change: Change) -> Iterator[str]:
    """Yield a remark for each message of bad releases that is not the one beside the change."""
    last, first = both(finding, change)
    bad = last if finding.request.question.fix else first
    others: dict[str, list[Probe]] = {}
    for index in sorted(finding.probes, reverse=not finding.request.question.fix):
        probe = finding.probes[index]
        if finding.marks[index] is Mark.BAD and bad.failure and probe.failure and probe.signature != bad.signature:
            others.setdefault(probe.signature, []).append(probe)
    for one, *more in others.values():
        who = f"{one.release} fails" if not more else f"{one.release} and {len(more)} more fail"
        yield f"{who} with another message; there may be more than one problem: {one_line(one.headline)}"


def default_line(default: ChangedDefault, pinned: str | None) -> str:
    """Return how the default of a flag changed."""
    text = f"{default.flag} defaults to {default.new} since {default.since} (before: {default.old})"
    return f"{text}; this search uses the default of {pinned} for all releases" if pinned else text


def _default_remark(finding: Finding, change: Change, default: ChangedDefault) -> str:
    text = default_line(default, finding.pinned)
    last, first = (releases.of_build(probe.release) for probe in both(finding, change))
    between = flags.changed_defaults(last, first, Backend(finding.request.backend))
    if finding.pinned or default not in between:
        return text
    return f"{text}; this may be the cause: repeat with --pin-defaults {last.name} to find out"


def _cause(attribution: Attribution) -> Iterator[str]:
    yield _CAUSES[attribution.carrier]
    for probe in filter(None, (attribution.compiler, attribution.runtime)):
        yield f"  {probe.release}: {one_line(probe.headline)}"


def numbers(finding: Finding, change: Change) -> Iterator[str]:
    """Yield the numbers in the metric; without a metric, those that differ between both sides."""
    last, first = both(finding, change)
    metric = finding.request.question.metric
    for name in metric.names if metric else last.numbers.keys():
        one, other = last.numbers.get(name), first.numbers.get(name)
        if one is None or other is None:
            continue
        sides = (_number(one), _number(other))
        if metric or (sides[0] != sides[1] and not name.endswith(_NOISE)):
            yield f"{name}: {' -> '.join(sides)}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{int(value)}" if value == int(value) else f"{value:.6g}"


def every_change(finding: Finding) -> Iterator[str]:
    """Yield a line for each change, and the URL of its commits."""
    for change in finding.changes:
        last, first = both(finding, change)
        where = "" if change.is_exact else "one of "
        yield f"  {where}{_candidates(finding, change)}: {_outcome(finding, last)} -> {_outcome(finding, first)}"
        if (link := compare_url(finding, change)) is not None:
            yield f"    {link}"


def both(finding: Finding, change: Change) -> tuple[Probe, Probe]:
    """Return the probes on both sides of a change."""
    return finding.probes[change.last], finding.probes[change.first]


def again(finding: Finding, release: str) -> str:
    """Return the command that tests a release again."""
    return f"{finding.again} --iree {release}"


def compare_url(finding: Finding, change: Change) -> str | None:
    """Return the URL that lists the commits of a change."""
    commits = [probe.commit for probe in both(finding, change)]
    if not all(commits) or commits[0] == commits[1]:
        return None
    return f"{_COMPARE}/{'...'.join((commit or '')[:_COMMIT_DIGITS] for commit in commits)}"
