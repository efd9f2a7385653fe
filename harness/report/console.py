"""Renders a report for a terminal or a CI log. `Text.plain` is the text without colours."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.text import Span, Text

from harness.core.devices import shown
from harness.core.outcomes import Outcome, Report
from harness.core.statuses import Status
from harness.core.text import clean, command, filled, listed, of_statistic, of_threshold, one_line
from harness.report import again, by_hand, causes, facts
from harness.report.overview import Overview

STYLES: Mapping[Status, str] = {
    Status.PASSED: "green",
    Status.RAN: "green",
    Status.COMPILED: "green",
    Status.FAILED: "bold red",
    Status.XFAILED: "yellow",
    Status.XPASSED: "bold red",
    Status.UNSUPPORTED: "yellow",
    Status.SKIPPED: "yellow",
    Status.ERROR: "bold magenta",
}
_STATUS_WIDTH = max(map(len, Status))
_INDENT = " " * 4
_SECONDS = "  12345.67 s"  # what follows the id in the first line of a case
_SHOWN_S = 0.01
_ANNOTATION_CHARS = 4_000


def case_line(outcome: Outcome, *, id_width: int = 30, width: int | None = None, is_told: bool = False) -> Text:
    """Return the line of a case; with a width, continued below where it is longer, but not within a word.

    Args:
        outcome: the case.
        id_width: length of the longest id.
        width: columns of the terminal; None for one line.
        is_told: whether the line of an earlier case has told the cause.
    """
    pad = id_width if width is None else min(id_width, width - _STATUS_WIDTH - len(_SECONDS))
    start = f" {one_line(outcome.id):<{max(0, pad)}} {facts.case_seconds(outcome):>8.2f} s"
    detail = f"{outcome.kind}: as above" if is_told else _detail(outcome)
    rest = [part for part in ("  ".join(_timings(outcome)), detail) if part]
    head = f"{outcome.status.upper():<{_STATUS_WIDTH}}"
    text = filled([head + start, *rest], width=width, indent=_INDENT)
    return Text(text.rstrip(), spans=[Span(0, len(head), STYLES[outcome.status])])


def _timings(outcome: Outcome) -> list[str]:
    """Return durations such as `compile 2.71 (cached)` and `run 0.12`; steps that took no time are left out."""
    cached = f" ({facts.cached(outcome)})" if facts.cached(outcome) else ""
    ran = " (cached)" if outcome.reused else ""
    steps = {"fetch": "", "import": "", "compile": cached, "run": ran, "oracle": ""}
    known = [(step, outcome.seconds[step], remark) for step, remark in steps.items() if step in outcome.seconds]
    return [
        f"{step} {facts.seconds(value):.2f}{remark}" for step, value, remark in known if value >= _SHOWN_S or remark
    ]


def _detail(outcome: Outcome) -> str:
    match outcome.status:
        case Status.PASSED:
            return _accuracy(outcome)
        case Status.RAN:
            return outcome.reason or ("outputs kept" if outcome.kept else facts.NOTHING_COMPARED)
        case Status.COMPILED:
            return "compiled only"
        case Status.XFAILED:
            return f"fails as expected: {facts.headline(outcome)}"
        case _ if outcome.is_excused:
            return f"in quarantine: {facts.headline(outcome)}"
        case _:
            return facts.headline(outcome)


def _accuracy(outcome: Outcome) -> str:
    """Return `max error 1.1e-06, 11% of threshold` or `psnr 52.3 dB (>= 40)`: what is nearest to a failure."""
    worst = facts.worst(outcome)
    if worst is None or worst.max_abs_error is None:
        return ""
    if worst.max_abs_error == 0:
        return "exact"
    if (judged := worst.decisive) and judged.value is not None:
        return f"{judged.statistic} {of_statistic(judged.statistic, judged.value)} ({judged.expected})"
    share = f", {of_threshold(worst.error_ratio)}" if worst.error_ratio is not None else ""
    return f"max error {worst.max_abs_error:.2g}{share}"


def render(report: Report, *, folder: Path = Path(), width: int | None = None) -> Text:
    """Return the summary after the lines of the cases. It ends with the counts and what they mean.

    Args:
        report: the report.
        folder: the folder of the results, as it is named from where the user is.
        width: columns of the terminal, between whose words text is continued; None for lines as long as they are.
    """
    found = Overview.of(report.cases)
    blocks = [_block(group, report, folder, width) for group in causes.grouped(found.bad)]
    counts = f"{found.counts or 'no cases'} in {facts.seconds(report.seconds):.1f} s"
    closing = [
        *found.remarks,
        found.compared_nothing,
        found.close,
        found.slowest,
        counts,
        found.verdict(report.exit_code),
    ]
    return Text("\n").join([*blocks, *(Text(filled([line], width=width)) for line in closing if line)])


def _block(group: Sequence[Outcome], report: Report, folder: Path, width: int | None) -> Text:
    """Return the reason, the notes, the files and the commands of a case, or of several errors with one cause."""
    outcome, status = group[0], group[0].status.upper()
    title = one_line(outcome.id) if len(group) == 1 else facts.count_of_cases(len(group))
    # The bar also keeps GitHub's runner from taking a line of a tool for a command (`::...`).
    reason = (filled([line], width=width and width - 4) for line in clean(facts.explanation(outcome)).splitlines())
    told = [f"  | {line}" for text in reason for line in text.splitlines() or [""]]
    shown = [f"  {label:<6} {text}" for label, text in _particulars(group, report, folder)]
    ids = listed([one_line(each.id) for each in group])
    cases = [filled([f"  cases  {ids}"], width=width, indent=" " * 9)] if len(group) > 1 else []
    return Text.assemble(
        (f"{status:<{_STATUS_WIDTH}}", STYLES[outcome.status]), "\n".join([f" {title}", *told, *cases, *shown, ""])
    )


def _particulars(group: Sequence[Outcome], report: Report, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what a block says below the reason: labels and texts that can be pasted."""
    outcome = group[0]
    if len({each.reason for each in group}) > 1:
        yield "note", "the names differ; results.json has the reason of each case"
    for note in outcome.notes:
        yield "note", one_line(note)
    if devices := shown(outcome.devices):
        yield "device", devices
    if log := facts.log_path(outcome):
        yield "log", command([str(folder / log)])
    if outcome.kept:
        yield "kept", command([str(folder / outcome.kept)])
    for line in by_hand.tool_lines(outcome, report.environment, folder):
        yield "tool", line
    for line in again.case_commands(group, report):
        yield "again", line


def annotations(report: Report) -> str:
    """Return GitHub Actions workflow commands: an error for each case that is not as expected, and a warning.

    The warning names the cases that passed close to a threshold. It is empty if there is nothing to say.

    The format and its escapes: actions/toolkit, packages/core/src/command.ts.
    """
    found = Overview.of(report.cases)
    errors = [_annotation(outcome, report) for outcome in found.bad]
    warnings = [f"::warning title=Close to a threshold::{_data(line)}" for line in [found.close] if line]
    return "\n".join([*errors, *warnings])


def _annotation(outcome: Outcome, report: Report) -> str:
    properties = {"title": f"{outcome.status.upper()} {one_line(outcome.id)}", "file": one_line(outcome.path)}
    named = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    log = one_line(facts.log_path(outcome))
    lines = [
        clean(facts.explanation(outcome)[:_ANNOTATION_CHARS]),
        *([f"log: {log}"] if log else []),
        f"again: {again.case_command(outcome, report)}",
    ]
    message = _data("\n".join(lines))
    return f"::error {named}::{message}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
