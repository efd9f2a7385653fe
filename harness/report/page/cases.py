"""Makes of outcomes what the script of a page lists, and what it shows of each case when that is opened."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from harness.core.outcomes import Outcome
from harness.core.records import as_json
from harness.core.statuses import Kind, Status
from harness.core.text import capped, clean, command, first_line, one_line
from harness.core.values import frozen
from harness.report import again, by_hand, facts, outcome_log
from harness.report.page.content import Run, Trend

# Of all log excerpts together, before they are compressed, so that a page of failures stays small, too.
_LOGS_BYTES, _LEAST_LOG_BYTES, _MOST_LOG_BYTES = 2 << 20, 1 << 10, 16 << 10
_REASON_BYTES = 4 << 10
MOST = 5_000  # cases of a page, which a browser opens in a second
_FIRST = (Status.FAILED, Status.XPASSED, Status.ERROR)  # then all others, as they come
_TITLE_CHARS = 300
_SHOWN_ELSEWHERE = ("commands", "tools", "log_tail", "reason", "id", "status", "kind", "release")


@frozen
class Shown:
    """A case of a page.

    Attributes:
        key: its name in links; unique within the page.
        run: the position of its run.
        index: its position among the cases of the run.
        outcome: what became of it.
    """

    key: str
    run: int
    index: int
    outcome: Outcome


def shown(runs: Sequence[Run]) -> list[Shown]:
    """Return the cases of all runs, those that are not as expected first, and of very many only these and some more."""
    places = [
        (_FIRST.index(outcome.status) if outcome.status in _FIRST else len(_FIRST), number, index)
        for number, run in enumerate(runs)
        for index, outcome in enumerate(outcome_log.heads(run.report.cases))
    ]
    every = [(number, index, runs[number].report.cases[index]) for _, number, index in sorted(places)[:MOST]]
    ids = Counter(outcome.id for *_, outcome in every)
    keys: dict[str, Shown] = {}
    for number, index, outcome in every:
        several = f"{outcome.id} {outcome.column or ''}" if ids[outcome.id] > 1 else outcome.id
        plain = one_line(several, limit=_TITLE_CHARS) or "unnamed"
        numbered = (f"{plain} ({count})" for count in range(2, len(keys) + 3))
        key = plain if plain not in keys else next(name for name in numbered if name not in keys)
        keys[key] = Shown(key=key, run=number, index=index, outcome=outcome)
    return list(keys.values())


def row(each: Shown) -> dict[str, Any]:
    """Return what the list says of a case; numbers that it does not have are left out."""
    outcome, worst = each.outcome, facts.worst(each.outcome)
    ratio = math.inf if outcome.kind is Kind.NAN else worst.share if worst else None
    error = worst.max_abs_error if worst else None
    known = {
        "key": each.key,
        "id": one_line(outcome.id, limit=_TITLE_CHARS),
        "name": one_line(f"{outcome.model}/{outcome.submodel}", limit=_TITLE_CHARS),
        "target": one_line(facts.target(outcome), limit=_TITLE_CHARS),
        "release": one_line(outcome.column or ""),
        "iree": one_line(outcome.release or "") if outcome.variant else None,
        "status": str(outcome.status),
        "kind": str(outcome.kind or ""),
        "why": first_line(outcome.reason, limit=_TITLE_CHARS),
        "seconds": facts.finite(round(facts.case_seconds(outcome), 3)),
        "cached": outcome.reused is not None,
        "close": bool(worst and worst.is_close),
        "run": each.run,
        "ratio": None if ratio is None else facts.finite(ratio),
        "error": None if error is None else facts.finite(error),
    }
    return {name: value for name, value in known.items() if value is not None and value != ""}


def details(
    each: Shown, run: Run, commands: again.CaseCommands, trends: Sequence[Trend], log_bytes: int
) -> dict[str, Any]:
    """Return what is shown of a case when it is opened, with its trends; texts are cleaned.

    Args:
        each: the case.
        run: its run.
        commands: makes the commands that repeat cases of that run.
        trends: its trends.
        log_bytes: how much of its log is shown.
    """
    outcome = each.outcome
    text = outcome_log.line(run.report.cases, each.index)
    data = {name: value for name, value in msgspec.json.decode(text).items() if name not in _SHOWN_ELSEWHERE and value}
    log_path = facts.log_path(outcome)
    told = {
        "why": capped(outcome.reason, limit_bytes=_REASON_BYTES, where="results.json"),
        "log": capped(outcome.log_tail.strip("\n"), limit_bytes=log_bytes, where=log_path or "results.json"),
        "again": commands.of(outcome),
        "by_hand": by_hand.tool_lines(outcome, run.report.environment, run.folder),
        "commands": dict(_commands(outcome)),
        "devices": list(map(str, outcome.devices)),
        "log_path": log_path,
        "trends": as_json(trends) if trends else [],
    }
    # Without an escape, all is printable ASCII, and clean already.
    cleaned: dict[str, Any] = _cleaned(data) if b"\\" in text else data
    return cleaned | told


def _commands(outcome: Outcome) -> Iterator[tuple[str, list[str]]]:
    for step, argv in outcome.commands.items():
        yield clean(step), [command(map(str, each)) for each in facts.argvs({step: argv})]


def log_bytes(cases: int) -> int:
    """Return how much of its log each of so many cases may show."""
    return max(_LEAST_LOG_BYTES, min(_MOST_LOG_BYTES, _LOGS_BYTES // max(1, cases)))


def _cleaned(data: Any) -> Any:
    match data:
        case str():
            return clean(data)
        case dict():
            return {clean(key): _cleaned(value) for key, value in data.items()}
        case list():
            return [_cleaned(each) for each in data]
        case _:
            return data
