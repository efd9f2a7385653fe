"""Renders a report for a terminal or a CI log. `Text.plain` is the text without colours."""

from collections.abc import Mapping

from rich.text import Text

from harness.core.outcomes import Outcome, Report, Status
from harness.core.text import clean, one_line
from harness.report import again, facts

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
_SLOWEST = 3
_SHOWN_S = 0.01
_ANNOTATION_CHARS = 4_000


def case_line(outcome: Outcome, *, id_width: int = 30) -> Text:
    """Return the line of a case."""
    timings = "  ".join(_timings(outcome))
    details = "   ".join(part for part in (timings, _detail(outcome)) if part)
    text = f" {one_line(outcome.id):<{id_width}} {facts.case_seconds(outcome):>8.2f} s   {details}"
    return Text.assemble((f"{outcome.status.upper():<{_STATUS_WIDTH}}", STYLES[outcome.status]), text.rstrip())


def _timings(outcome: Outcome) -> list[str]:
    """Return durations such as `compile 2.71 (cached)` and `run 0.12`; steps that took no time are left out."""
    cached = f" ({facts.cached(outcome)})" if facts.cached(outcome) else ""
    steps = {"fetch": "", "compile": cached, "run": ""}
    known = [(step, outcome.seconds[step], remark) for step, remark in steps.items() if step in outcome.seconds]
    return [
        f"{step} {facts.seconds(value):.2f}{remark}" for step, value, remark in known if value >= _SHOWN_S or remark
    ]


def _detail(outcome: Outcome) -> str:
    match outcome.status:
        case Status.PASSED:
            return _accuracy(outcome)
        case Status.RAN:
            return facts.NOTHING_COMPARED
        case Status.COMPILED:
            return "compiled only"
        case Status.XFAILED:
            return f"as expected: {facts.headline(outcome)}"
        case _:
            return facts.headline(outcome)


def _accuracy(outcome: Outcome) -> str:
    """Return `max error 1.1e-06, 11% of threshold` for the output with the largest error ratio."""
    worst = facts.worst(outcome)
    if worst is None or worst.max_abs_error is None:
        return ""
    if worst.max_abs_error == 0:
        return "exact"
    share = f", {facts.share(worst.error_ratio)} of threshold" if worst.error_ratio is not None else ""
    return f"max error {worst.max_abs_error:.2g}{share}"


def render(report: Report) -> Text:
    """Return the summary after the lines of the cases. It ends with the counts and what they mean."""
    blocks = [_block(outcome, report) for outcome in report.cases if not facts.is_green(outcome)]
    closing = [_compared_nothing(report), _slowest(report), _counts(report), facts.verdict(report)]
    return Text("\n").join([*blocks, *(Text(line) for line in closing if line)])


def _block(outcome: Outcome, report: Report) -> Text:
    """Return the reason, the notes, the log and the command to repeat a case that is not as expected."""
    # The bar also keeps GitHub's runner from taking a line of a tool for a command (`::...`).
    reason = [f"  | {line}" for line in clean(facts.explanation(outcome)).splitlines()]
    notes = [f"  note   {one_line(note)}" for note in outcome.notes]
    log = [f"  log    {one_line(facts.log_path(outcome))}"] if facts.log_path(outcome) else []
    lines = [f" {one_line(outcome.id)}", *reason, *notes, *log, f"  again  {again.case_command(outcome, report)}", ""]
    return Text.assemble((f"{outcome.status.upper():<{_STATUS_WIDTH}}", STYLES[outcome.status]), "\n".join(lines))


def _compared_nothing(report: Report) -> str:
    ids = [one_line(outcome.id) for outcome in report.cases if outcome.status is Status.RAN]
    return f"{facts.count_of_cases(len(ids))} compared nothing (no expected output): {', '.join(ids)}" if ids else ""


def _slowest(report: Report) -> str:
    ranked = sorted(report.cases, key=facts.case_seconds, reverse=True)[:_SLOWEST]
    timed = [f"{one_line(each.id)} {facts.case_seconds(each):.1f} s" for each in ranked if facts.case_seconds(each)]
    return f"slowest: {', '.join(timed)}" if timed else ""


def _counts(report: Report) -> str:
    return f"{facts.counts(report) or 'no cases'} in {facts.seconds(report.seconds):.1f} s"


def annotations(report: Report) -> str:
    """Return GitHub Actions workflow commands for cases that are not as expected; empty if there are none.

    The format and its escapes: actions/toolkit, packages/core/src/command.ts.
    """
    return "\n".join(_annotation(outcome, report) for outcome in report.cases if not facts.is_green(outcome))


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
