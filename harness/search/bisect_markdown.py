"""Renders a search over releases as Markdown for an issue."""

from collections.abc import Iterator, Sequence

from harness.core.text import capped
from harness.report.markdown import code, escaped, fenced
from harness.search import answer, render
from harness.search.bisect import Change
from harness.search.finding import Finding
from harness.search.probes import FLAKY, Probe

_REASON_BYTES = 8 * 1024


def markdown(finding: Finding) -> str:
    """Return a text to file as an issue."""
    change, request = finding.change, finding.request
    parts = [f"## {request.case}: {answer.headline(finding)}"]
    if metric := request.question.metric:
        parts.append(f"{request.axis.one} is bad if {code(metric.text)}.")
    if request.all_changes:
        parts.append(fenced("\n".join(render.every_change(finding))))
    elif isinstance(change, Change):
        parts += _sections(finding, change)
    parts.append(_table(finding))
    return "\n\n".join(parts) + "\n"


def _sections(finding: Finding, change: Change) -> Iterator[str]:
    if link := render.compare_url(finding, change):
        yield f"Commits: {link}"
    yield from (_side(finding, probe) for probe in render.both(finding, change))
    yield from (f"Device: {escaped(each)}" for each in render.device(finding, change))
    if numbers := [*render.numbers(finding, change)]:
        yield "\n".join(f"- `{line}`" for line in numbers)
    if remarks := [*render.remarks(finding, change)]:
        yield "\n".join(f"- {line.strip()}" for line in remarks)


def _side(finding: Finding, probe: Probe) -> str:
    reason = f"\n\n{fenced(capped(probe.reason, limit_bytes=_REASON_BYTES, where='the log'))}" if probe.reason else ""
    kind = f" ({probe.kind})" if probe.kind else ""
    return f"**{probe.release}**: {probe.status}{kind} with `{finding.commands[probe.release]}`{reason}"


def _table(finding: Finding) -> str:
    metric = finding.request.question.metric
    names = metric.names if metric else ()
    rows = [[str(finding.request.axis), "result", *names, "status", "runs", "seconds"]]
    rows.append(["---", "---", *["--:"] * len(names), "---", "--:", "--:"])
    rows += [_row(finding, index, names) for index in sorted(finding.probes)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(finding: Finding, index: int, names: Sequence[str]) -> list[str]:
    probe = finding.probes[index]
    numbers = [answer.number(probe.numbers.get(name)) for name in names]
    status = code(probe.reason if probe.status == FLAKY else probe.headline)
    return [probe.release, finding.marks[index], *numbers, status, str(probe.runs), f"{probe.seconds:.1f}"]
