"""Renders a report as Markdown: results.md, and the summary page of a GitHub Actions job."""

import html
import itertools
from collections.abc import Sequence

from harness.core.outcomes import Outcome, Report
from harness.core.text import capped, one_line, ratio
from harness.report import again, causes, facts
from harness.report.markdown import code, escaped, fenced
from harness.report.overview import Overview

# GitHub discards a summary of more than 1 MiB.
_ROWS = 1_000
_DETAILS = 40
_LOG_BYTES = 8 * 1024
_REASON_BYTES = 2 * 1024
_COMMANDS_BYTES = 4 * 1024
_TITLE_CHARS = 200

_HEADER = "| case | status | kind | seconds | max error | of threshold | modules |\n|---|---|---|--:|--:|--:|---|"


def render(report: Report) -> str:
    """Return the report as Markdown: the counts, the environment, every case, and why cases are not as expected."""
    found = Overview.of(report.cases)
    good = (outcome for outcome in report.cases if facts.is_green(outcome))
    rows = [*found.bad[:_ROWS], *itertools.islice(good, max(0, _ROWS - len(found.bad)))]
    bad = causes.grouped(found.bad)
    counts = f"{found.counts} in {facts.seconds(report.seconds):.1f} s" if report.cases else ""
    left_out = _left_out(len(report.cases) - _ROWS, "rows"), _left_out(len(bad) - _DETAILS, "explanations")
    parts = [
        f"## {escaped(found.verdict(report.exit_code))}",
        escaped(facts.environment_line(report)),
        counts,
        _table(rows),
        left_out[0],
        *map(escaped, found.remarks),
        escaped(found.close),
        *(_details(group, report) for group in bad[:_DETAILS]),
        left_out[1],
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _left_out(number: int, what: str) -> str:
    return f"{number} more {what} are in results.json." if number > 0 else ""


def _table(outcomes: list[Outcome]) -> str:
    rows = (f"| {' | '.join(_cells(outcome))} |" for outcome in outcomes)
    return "\n".join([_HEADER, *rows]) if outcomes else ""


def _cells(outcome: Outcome) -> list[str]:
    status = str(outcome.status) if facts.is_green(outcome) else f"**{outcome.status}**"
    worst = facts.worst(outcome)
    error = f"{worst.max_abs_error:.2g}" if worst and worst.max_abs_error is not None else ""
    share = ratio(worst.share) if worst and worst.share is not None else ""
    duration = f"{facts.case_seconds(outcome):.2f}"
    return [code(outcome.id), status, str(outcome.kind or ""), duration, error, share, facts.cached(outcome)]


def _details(group: Sequence[Outcome], report: Report) -> str:
    """Return a collapsed block about a case, or about errors with one cause.

    It has the reason, the end of the log, the commands, and the command to repeat the cases.
    """
    outcome, ids = group[0], [one_line(each.id, limit=_TITLE_CHARS) for each in group]
    title = f"{outcome.status} {ids[0] if len(ids) == 1 else facts.count_of_cases(len(ids))}: {facts.headline(outcome)}"
    where = facts.whereabouts(outcome)
    again_label = "To repeat only this case:" if len(ids) == 1 else "To repeat only these cases:"
    commands = "\n".join(f"+ {line}" for line in facts.command_lines(outcome))
    texts = (
        ("", outcome.reason, _REASON_BYTES),
        ("The cases:", "\n".join(ids) if len(ids) > 1 else "", _REASON_BYTES),
        (f"End of the log ({where}):", outcome.log_tail, _LOG_BYTES),
        ("What was run:", commands, _COMMANDS_BYTES),
        (again_label, "\n".join(again.case_commands(group, report)), _COMMANDS_BYTES),
    )
    blocks = [
        f"{escaped(label)}\n\n{fenced(capped(text, limit_bytes=limit_bytes, where=where))}".strip()
        for label, text, limit_bytes in texts
        if text.strip()
    ]
    summary = f"<details><summary>{html.escape(one_line(title))}</summary>"
    return "\n\n".join([summary, *blocks, "</details>"])
