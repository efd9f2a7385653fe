"""Renders what a search over releases has found for a person: in a terminal, or as Markdown for an issue."""

from collections.abc import Iterator, Mapping

from rich.text import Text

from harness.core.cases import Backend
from harness.core.text import capped, one_line
from harness.iree import flags, releases
from harness.iree.flags import ChangedDefault
from harness.report.markdown import code, fenced
from harness.search.bisect import Change, Unproved
from harness.search.finding import Carrier, Finding
from harness.search.probes import FLAKY, NOT_RUN, Mark, Probe

_STYLES: Mapping[Mark, str] = {Mark.GOOD: "green", Mark.BAD: "bold red", Mark.SKIP: "yellow"}
_COMPARE = "https://github.com/iree-org/iree/compare"
_COMMIT_DIGITS = 12
_LINE_CHARS = 400
_NOISE = ("seconds", "memory_bytes")  # differs from run to run
_REASON_BYTES = 8 * 1024
_CARRIED: Mapping[Carrier, str] = {
    Carrier.COMPILER: "The compiler carries the change",
    Carrier.RUNTIME: "The runtime carries the change",
    Carrier.BOTH: "Compiler and runtime both carry the change, each alone",
    Carrier.TOGETHER: "Compiler and runtime carry the change only together",
    Carrier.UNKNOWN: "Whether compiler or runtime carries it cannot be told: their module formats do not fit",
}


def probe_line(finding: Finding, place: int) -> Text:
    """Return the line that says what was seen of a release."""
    probe, mark = finding.seen[place], finding.marks[place]
    width = max(map(len, finding.asked.releases))
    remarks = "".join(f"   {note}" for note in probe.notes if note.startswith(NOT_RUN))
    text = f"  {probe.release:<{width}} {probe.seconds:>8.2f} s   {_said(finding, probe)}{remarks}"
    return Text.assemble((f"{mark.upper():<4}", _STYLES[mark]), text)


def _said(finding: Finding, probe: Probe) -> str:
    """Return how a release ended, and the numbers that are asked about."""
    metric = finding.asked.question.metric
    numbers = "".join(f", {name} {_number(probe.numbers.get(name))}" for name in (metric.names if metric else ()))
    return f"{one_line(probe.headline, limit=_LINE_CHARS)}{numbers}"


def headline(finding: Finding) -> str:
    """Return the answer in one sentence."""
    releases, change = finding.asked.releases, finding.change
    new, old = ("good", "bad") if finding.asked.question.fix else ("bad", "good")
    match change:
        case _ if finding.asked.all_changes:
            return _counted(finding)
        case Unproved():
            return _unproved(finding, change)
        case Change() if finding.stopped:
            between = f"after {releases[change.last]} and not after {releases[change.first]}"
            return f"Interrupted: the first {new} release comes {between}; the same command goes on."
        case Change() if change.is_exact:
            return f"{releases[change.first]} is the first {new} release, {releases[change.last]} the last {old} one."
        case Change():
            named = ", ".join(releases[place] for place in change.candidates)
            flaky = any(finding.seen[place].status == FLAKY for place in change.candidates if place in finding.seen)
            why = "runs disagree" if flaky else "releases between cannot be judged"
            return f"The first {new} release is one of {named}: {why}."


def _counted(finding: Finding) -> str:
    """Return how many changes there are, as far as all releases were looked at."""
    releases, count = finding.asked.releases, len(finding.changes)
    within = f"from {releases[0]} to {releases[-1]}"
    if finding.stopped:
        return (
            f"Interrupted: {len(finding.seen)} of {len(releases)} releases {within} were looked at; the same goes on."
        )
    return f"No change {within}." if not count else f"{count} {'change' if count == 1 else 'changes'} {within}:"


def _unproved(finding: Finding, unproved: Unproved) -> str:
    """Return what was seen in the place of what was claimed or looked for."""
    asked, is_older = finding.asked, unproved.end == "older"
    wanted = Mark.BAD if is_older == asked.question.fix else Mark.GOOD
    if finding.stopped:
        return "Interrupted before both ends were proved; the same command goes on."
    probe = finding.seen.get(unproved.place) if unproved.place is not None else None
    if probe is None or unproved.place is None:
        return f"No release from {asked.releases[0]} to {asked.releases[-1]} was found to be {wanted}."
    claimed = asked.span.older if is_older else asked.span.newer
    seen = f"{_seen_as(finding, unproved.place)}: {_said(finding, probe)}{_advice(finding)}"
    if claimed is not None:
        return f"{probe.release} should be {wanted}, but {seen}"
    return f"The newest release should be {wanted}, but {probe.release} {seen}"


def _seen_as(finding: Finding, place: int) -> str:
    if finding.marks[place] is not Mark.SKIP:
        return f"is {finding.marks[place]}"
    is_other = finding.seen[place].failure and not finding.asked.question.metric
    return "fails otherwise" if is_other else "cannot be judged"


def _advice(finding: Finding) -> str:
    """Return advice where an end is the opposite of what it should be, if there is any."""
    asked = finding.asked
    places = [asked.releases.index(end) if end else -1 for end in (asked.good, asked.bad)]
    good, bad = (finding.seen.get(place) for place in places)
    if finding.pinned and finding.is_wrong:
        return f". With the defaults of {finding.pinned} there is no such change"
    if good is None or bad is None or finding.marks[places[1]] is not Mark.GOOD:
        return ""
    if finding.marks[places[0]] is not Mark.BAD and not good.failure:
        return ""
    option = "leave out --find fix" if asked.question.fix else "add --find fix"
    return f". It is the other way round: {option}, with --bad {asked.good} --good {asked.bad}"


def render(finding: Finding) -> str:
    """Return what a person reads at the end of a search."""
    lines = [headline(finding)]
    if finding.asked.all_changes:
        lines += _every_change(finding)
    elif isinstance(finding.change, Change):
        lines += [f"  {line}" for line in _sides(finding, finding.change)]
        if not finding.stopped and len(finding.seen) < len(finding.asked.releases):
            lines.append("There may be more changes between releases that were not looked at; --all looks at them all.")
    seconds = sum(probe.seconds for probe in finding.seen.values())
    lines.append(f"{len(finding.seen)} of {len(finding.asked.releases)} releases looked at, {seconds:.1f} s of work.")
    return "\n".join(lines)


def _sides(finding: Finding, change: Change) -> Iterator[str]:
    """Yield what lies on both sides of the change, and what else is known of it."""
    for probe in both(finding, change):
        yield f"{probe.release:<9} {_said(finding, probe)}"
    yield from _numbers(finding, change)
    if (link := compare_url(finding, change)) is not None:
        yield f"commits   {link}"
    for probe in both(finding, change):
        yield f"again     {again(finding, probe.release)}"
    yield from (f"note      {text}" for text in _remarks(finding, change))


def _remarks(finding: Finding, change: Change) -> Iterator[str]:
    yield from (_changed(finding, change, each) for each in finding.defaults)
    last, first = both(finding, change)
    bad_end = finding.seen.get(finding.asked.bad_end) if finding.asked.bad_end is not None else None
    bad = last if finding.asked.question.fix else first
    if bad_end and bad_end.failure and bad.failure and bad_end.signature != bad.signature:
        yield f"{bad_end.release} fails with another message, so more than one thing may be broken: {bad_end.headline}"
    if finding.attribution:
        yield from _attributed(finding)


def default_line(default: ChangedDefault, pinned: str | None) -> str:
    """Return what another default is since when."""
    text = f"{default.flag} is {default.new} by default since {default.since}, and {default.old} before"
    return f"{text}; here it always is what it was in {pinned}" if pinned else text


def _changed(finding: Finding, change: Change, default: ChangedDefault) -> str:
    text = default_line(default, finding.pinned)
    last, first = (releases.of_build(probe.release) for probe in both(finding, change))
    between = flags.changed_defaults(last, first, Backend(finding.asked.backend))
    if finding.pinned or default not in between:
        return text
    return f"{text}: this may be the change; --pin-defaults {last.name} tells"


def _attributed(finding: Finding) -> Iterator[str]:
    found = finding.attribution
    assert found is not None  # noqa: S101 - for the type checker
    yield f"{_CARRIED[found.carrier]}."
    for probe in filter(None, (found.compiler, found.runtime)):
        yield f"  {probe.release}: {one_line(probe.headline)}"


def _numbers(finding: Finding, change: Change) -> Iterator[str]:
    """Yield the numbers that differ between both sides, if the question or the failure is about numbers."""
    last, first = both(finding, change)
    wanted = finding.asked.question.metric.names if finding.asked.question.metric else last.numbers.keys()
    for name in wanted:
        one, other = last.numbers.get(name), first.numbers.get(name)
        if one is None or other is None:
            continue
        sides = (_number(one), _number(other))
        if finding.asked.question.metric or (sides[0] != sides[1] and not name.endswith(_NOISE)):
            yield f"{name}: {' -> '.join(sides)}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{int(value)}" if value == int(value) else f"{value:.6g}"


def _every_change(finding: Finding) -> Iterator[str]:
    releases = finding.asked.releases
    for change in finding.changes:
        last, first = both(finding, change)
        where = releases[change.first]
        if not change.is_exact:
            where = f"one of {', '.join(releases[place] for place in change.candidates)}"
        yield f"  {where}: {_said(finding, last)} -> {_said(finding, first)}"
        if (link := compare_url(finding, change)) is not None:
            yield f"    {link}"


def both(finding: Finding, change: Change) -> tuple[Probe, Probe]:
    """Return what was seen on both sides of a change."""
    return finding.seen[change.last], finding.seen[change.first]


def again(finding: Finding, release: str) -> str:
    """Return the command that repeats what was seen of a release."""
    return f"{finding.again} --iree {release}"


def compare_url(finding: Finding, change: Change) -> str | None:
    """Return where the commits between both sides of a change are listed."""
    commits = [probe.commit for probe in both(finding, change)]
    if not all(commits) or commits[0] == commits[1]:
        return None
    return f"{_COMPARE}/{'...'.join((commit or '')[:_COMMIT_DIGITS] for commit in commits)}"


def markdown(finding: Finding) -> str:
    """Return a text that can be filed as an issue as it is."""
    change, asked = finding.change, finding.asked
    parts = [f"## {asked.case}: {headline(finding)}"]
    if asked.all_changes:
        parts.append(fenced("\n".join(_every_change(finding))))
    elif isinstance(change, Change):
        if link := compare_url(finding, change):
            parts.append(f"Commits: {link}")
        parts += [_side(finding, probe) for probe in both(finding, change)]
        if numbers := [*_numbers(finding, change)]:
            parts.append("\n".join(f"- `{line}`" for line in numbers))
        if remarks := [*_remarks(finding, change)]:
            parts.append("\n".join(f"- {line.strip()}" for line in remarks))
    parts.append(_table(finding))
    return "\n\n".join(parts) + "\n"


def _side(finding: Finding, probe: Probe) -> str:
    reason = f"\n\n{fenced(capped(probe.reason, limit_bytes=_REASON_BYTES, where='the log'))}" if probe.reason else ""
    kind = f" ({probe.kind})" if probe.kind else ""
    return f"**{probe.release}**: {probe.status}{kind}, by `{again(finding, probe.release)}`{reason}"


def _table(finding: Finding) -> str:
    rows = ["| release | verdict | status | seconds |", "|---|---|---|--:|"]
    for place in sorted(finding.seen):
        probe = finding.seen[place]
        rows.append(f"| {probe.release} | {finding.marks[place]} | {code(probe.headline)} | {probe.seconds:.1f} |")
    return "\n".join(rows)
