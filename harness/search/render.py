"""Renders a search over releases for a terminal."""

from collections.abc import Iterator, Mapping

from rich.text import Text

from harness.core.cases import Backend
from harness.core.text import filled, one_line
from harness.iree import flags, releases
from harness.iree.flags import ChangedDefault
from harness.search import answer
from harness.search.bisect import Change
from harness.search.finding import Attribution, Carrier, Finding
from harness.search.probes import NOT_RUN, Mark, Probe

_STYLES: Mapping[Mark, str] = {Mark.GOOD: "green", Mark.BAD: "bold red", Mark.SKIP: "yellow"}
_COMPARE = "https://github.com/iree-org/iree/compare"
_COMMIT_DIGITS = 12
_MARK_CHARS, _LEFT_CHARS, _INDENT, _DETAIL_INDENT = 4, len("about 10 left"), 6, 12
_PASTED = ("again ", "commits ", "https:")
_NOISE = ("seconds", "memory_bytes")  # differs from run to run
_CAUSES: Mapping[Carrier, str] = {
    Carrier.COMPILER: "The compiler causes the change.",
    Carrier.RUNTIME: "The runtime causes the change.",
    Carrier.BOTH: "The new compiler and the new runtime each cause the change on their own.",
    Carrier.TOGETHER: "Only the new compiler and the new runtime together cause the change.",
    Carrier.UNKNOWN: "Cannot tell whether compiler or runtime causes the change: their module formats do not match.",
}


def probe_line(finding: Finding, index: int, *, steps_left: int = 0, width: int | None = None) -> Text:
    """Return the line for a tested release.

    Args:
        finding: what is known.
        index: index of the release.
        steps_left: about how many releases are still to be tested; 0 to say nothing of that.
        width: characters in a line of the terminal; a longer line is continued below. None: any number.
    """
    probe, mark = finding.probes[index], finding.marks[index]
    release = f"{probe.release:<{max(map(len, finding.request.releases))}}"
    left = f"about {steps_left} left" if steps_left else ""
    head = f"{mark.upper():<{_MARK_CHARS}}  {release} {probe.seconds:>8.2f} s   {left:<{_LEFT_CHARS}}"
    not_run = [note for note in probe.notes if note.startswith(NOT_RUN)]
    lines = filled([head, answer.outcome(finding, probe), *not_run], width=width, indent=" " * _INDENT).splitlines()
    text = "\n".join(map(str.rstrip, lines))
    return Text.assemble((text[:_MARK_CHARS], _STYLES[mark]), text[_MARK_CHARS:])


def render(finding: Finding, width: int | None = None) -> str:
    """Return the result of a search.

    Args:
        finding: what was found.
        width: characters in a line of the terminal; longer lines are continued below. None: any number.
    """
    return "\n".join(_fitting(line, width) for line in _lines(finding))


def _fitting(line: str, width: int | None) -> str:
    """Return a line that fits; what can be pasted stays whole."""
    if line.strip().startswith(_PASTED):
        return line
    return filled([line], width=width, indent=" " * _DETAIL_INDENT if line.startswith(" ") else "")


def _lines(finding: Finding) -> Iterator[str]:
    tested, count, axis = len(finding.probes), len(finding.request.releases), finding.request.axis
    yield answer.headline(finding)
    if finding.request.all_changes:
        yield from every_change(finding)
    elif isinstance(finding.change, Change):
        yield from (f"  {line}" for line in _details(finding, finding.change))
        if not finding.stopped and tested < count:
            yield f"There may be more changes between untested {axis}s; use --all to test every {axis}."
    seconds = sum(probe.seconds for probe in finding.probes.values())
    spent = f"in {finding.elapsed_s:.1f} s; compiling and running took {seconds:.1f} s"
    yield f"Tested {tested} of {count} {axis}s {spent}."


def _details(finding: Finding, change: Change) -> Iterator[str]:
    """Yield the outcomes on both sides of the change, and what else is known."""
    for probe in both(finding, change):
        yield f"{probe.release:<9} {answer.outcome(finding, probe)}"
    if metric := finding.request.question.metric:
        yield f"bad if    {metric.text}"
    yield from (f"device    {each}" for each in device(finding, change))
    yield from numbers(finding, change)
    if (link := compare_url(finding, change)) is not None:
        yield f"commits   {link}"
    for probe in both(finding, change):
        yield f"again     {finding.commands[probe.release]}"
    yield from (f"note      {text}" for text in remarks(finding, change))


def device(finding: Finding, change: Change) -> tuple[str, ...]:
    """Return the device that both sides of a change ran on; none if they ran on several, or on the CPU."""
    last, first = both(finding, change)
    return last.devices if last.devices == first.devices and len(last.devices) == 1 else ()


def remarks(finding: Finding, change: Change) -> Iterator[str]:
    """Yield different devices, changed defaults, a second failure, and whether compiler or runtime is the cause."""
    yield from _devices(finding, change)
    yield from (_default_remark(finding, change, each) for each in finding.defaults)
    yield from _other_messages(finding, change)
    if flaky := answer.disagreements(finding, finding.probes.keys() - {*change.candidates}):
        yield flaky
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


def _devices(finding: Finding, change: Change) -> Iterator[str]:
    """Yield that the sides of a change ran on several devices, any of which may be the cause."""
    ran = [probe for probe in both(finding, change) if probe.devices]
    if len({each for probe in ran for each in probe.devices}) > 1:
        where = ", ".join(f"{probe.release} on {' and on '.join(probe.devices)}" for probe in ran)
        yield f"the runs were on different devices, which may be the cause: {where}"


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
        sides = (answer.number(one), answer.number(other))
        if metric or (sides[0] != sides[1] and not name.endswith(_NOISE)):
            yield f"{name}: {' -> '.join(sides)}"


def every_change(finding: Finding) -> Iterator[str]:
    """Yield a line for each change, and the URL of its commits."""
    for change in finding.changes:
        last, first = both(finding, change)
        where = f"{'' if change.is_exact else 'one of '}{answer.candidates(finding, change)}"
        yield f"  {where}: {answer.outcome(finding, last)} -> {answer.outcome(finding, first)}"
        if (link := compare_url(finding, change)) is not None:
            yield f"    {link}"


def both(finding: Finding, change: Change) -> tuple[Probe, Probe]:
    """Return the probes on both sides of a change."""
    return finding.probes[change.last], finding.probes[change.first]


def compare_url(finding: Finding, change: Change) -> str | None:
    """Return the URL that lists the commits of a change."""
    commits = [probe.commit for probe in both(finding, change)]
    if not all(commits) or commits[0] == commits[1]:
        return None
    return f"{_COMPARE}/{'...'.join((commit or '')[:_COMMIT_DIGITS] for commit in commits)}"
