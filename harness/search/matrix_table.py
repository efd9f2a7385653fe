"""Renders a matrix of cases and releases: for a terminal, as Markdown and as JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from harness.core.devices import shown
from harness.core.outcomes import Outcome, Report
from harness.core.statuses import Status
from harness.core.text import counted, filled, one_line
from harness.report import facts
from harness.report.markdown import escaped
from harness.report.overview import Overview
from harness.search import case_numbers
from harness.search.matrix import Matrix
from harness.search.release_runner import ReleaseResult

SCHEMA = 1
_WORDS = {
    Status.PASSED: "ok",
    Status.RAN: "ran",
    Status.COMPILED: "built",
    Status.XFAILED: "xfail",
    Status.XPASSED: "XPASS",
    Status.UNSUPPORTED: "-",
    Status.SKIPPED: "skip",
}
_MEANINGS = {
    Status.PASSED: "ok: passed",
    Status.RAN: "ran: nothing to compare",
    Status.COMPILED: "built: compiled only",
    Status.FAILED: "UPPER CASE: kind of failure",
    Status.XFAILED: "xfail: failed as expected",
    Status.XPASSED: "XPASS: passed unexpectedly",
    Status.UNSUPPORTED: "-: unsupported",
    Status.SKIPPED: "skip: not for this target",
    Status.ERROR: "?: kind of error",
}
_UNKNOWN, _DIFFERS, _GAP = ".", "*", "  "
_NOT_TESTED = "not tested: interrupted"
_LINE_CHARS = 300


def release_line(release: str, tested: ReleaseResult, *, width: int) -> str:
    """Return the line for a tested release."""
    return f"{release:<{width}} {tested.spent_s:>8.2f} s   {Overview.of(tested.report.cases).counts}"


def render(matrix: Matrix, width: int | None = None) -> str:
    """Return the table, its legend, its differences, and what is missing.

    Args:
        matrix: what to show.
        width: characters in a line of the terminal; what is wider is continued below. None: any number.
    """
    columns = [*zip(*[["", *matrix.releases], *_rows(matrix)], strict=True)]
    tables = "\n\n".join(_table([columns[0], *part]) for part in _parts(columns, width))
    lines = [_legend(matrix), "", *_differences(matrix), *_devices(matrix), *_interrupted(matrix)]
    return "\n".join([tables, "", *(filled([line], width=width, indent=_GAP) for line in lines)])


def _parts(columns: Sequence[Sequence[str]], width: int | None) -> Iterator[list[Sequence[str]]]:
    """Yield the columns after the first one in parts that fit beside it."""
    part: list[Sequence[str]] = []
    for column in columns[1:]:
        if part and width is not None and _chars([columns[0], *part, column]) > width:
            yield part
            part = []
        part.append(column)
    yield part


def _chars(columns: Sequence[Sequence[str]]) -> int:
    return sum(max(map(len, column)) + len(_GAP) for column in columns) - len(_GAP)


def _table(columns: Sequence[Sequence[str]]) -> str:
    padded = [[f"{cell:<{max(map(len, column))}}" for cell in column] for column in columns]
    return "\n".join(_GAP.join(row).rstrip() for row in zip(*padded, strict=True))


def _interrupted(matrix: Matrix) -> Iterator[str]:
    """Yield what is missing, if the run was interrupted."""
    if missing := matrix.untested:
        tested = f"{len(matrix.releases) - len(missing)} of {counted(len(matrix.releases), matrix.axis)} tested"
        yield f"Interrupted: {tested}, not {', '.join(missing)}. Run the same command to resume."


def markdown(matrix: Matrix) -> str:
    """Return the same as Markdown."""
    head = ["case", *matrix.releases]
    rows = [head, ["---"] * len(head), *_rows(matrix)]
    table = [f"| {' | '.join(map(escaped, row))} |" for row in rows]
    listed = [f"- {escaped(line)}" for line in (*_differences(matrix), *_devices(matrix))]
    interrupted = [part for line in _interrupted(matrix) for part in (f"**{escaped(line)}**", "")]
    return "\n".join([*interrupted, *table, "", f"{escaped(_legend(matrix))}.", "", *listed, ""])


def to_json(matrix: Matrix, report: Report) -> str:
    """Return matrix.json; the schema is in docs/bisect.md."""
    document = {
        "schema": SCHEMA,
        "started": report.started,
        "seconds": report.seconds,
        "exit_code": report.exit_code,
        "interrupted": bool(matrix.untested),
        "untested": list(matrix.untested),
        "axis": matrix.axis,
        "releases": list(matrix.releases),
        "cases": list(matrix.rows),
        "cells": [_cell(matrix, case, index) for case in matrix.rows for index in range(len(matrix.releases))],
    }
    return json.dumps(document, indent=1) + "\n"


def _cell(matrix: Matrix, case: str, index: int) -> dict[str, object]:
    outcome = matrix.rows[case][index]
    where = {"case": case, "release": matrix.releases[index]}
    if outcome is None:
        return {**where, "status": None, "kind": None, "phase": None, "reason": _NOT_TESTED, "differs": False}
    return {
        **where,
        "status": outcome.status,
        "kind": outcome.kind,
        "phase": outcome.phase,
        "reason": outcome.reason,
        "differs": matrix.differs(case, index),
        "seconds": dict(outcome.seconds),
        "numbers": {name: facts.finite(value) for name, value in case_numbers.numbers(outcome).items()},
    }


def _rows(matrix: Matrix) -> Iterator[list[str]]:
    """Yield a row for each group of cases that have one target and equal cells."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for case in matrix.rows:
        groups.setdefault((_target(case), *_cells(matrix, case)), []).append(case)
    for (_, *cells), cases in groups.items():
        yield [_together(cases), *cells]


def _target(case: str) -> str:
    return case.rpartition("[")[2]


def _together(cases: Sequence[str]) -> str:
    return cases[0] if len(cases) == 1 else f"{cases[0]} and {len(cases) - 1} more"


def _cells(matrix: Matrix, case: str) -> Iterator[str]:
    for index, outcome in enumerate(matrix.rows[case]):
        yield f"{_shown(matrix, outcome)}{_DIFFERS if matrix.differs(case, index) else ''}"


def _shown(matrix: Matrix, outcome: Outcome | None) -> str:
    if outcome is None:
        return _UNKNOWN
    if matrix.show and (number := matrix.number(outcome)) is not None:
        return f"{number:.6g}"
    if outcome.status is Status.FAILED:
        return (outcome.kind or outcome.status).upper()
    return f"?{outcome.kind}" if outcome.status is Status.ERROR else _WORDS[outcome.status]


def _legend(matrix: Matrix) -> str:
    """Return the meaning of each word in the table."""
    outcomes = [each for each in matrix.outcomes if matrix.number(each) is None]
    found = {each.status for each in outcomes}
    meanings = [matrix.show] if matrix.show else []
    meanings += [meaning for status, meaning in _MEANINGS.items() if status in found]
    meanings += [f"{_UNKNOWN}: {_NOT_TESTED}"] if matrix.untested else []
    return ", ".join([*meanings, f"{_DIFFERS}: differs from the {matrix.axis} before"])


def _devices(matrix: Matrix) -> Iterator[str]:
    """Yield each device that something ran on."""
    found = Counter(shown(each.devices) for each in matrix.outcomes if each.devices)
    yield from (f"{counted(number, 'run')} on {device}" for device, number in found.items())


def _differences(matrix: Matrix) -> Iterator[str]:
    """Yield a line for each difference; cases of one target with the same difference share a line."""
    groups: dict[tuple[str, str], list[str]] = {}
    for each in matrix.differences:
        both = zip(each.columns, (each.before, each.after), strict=True)
        sides = " -> ".join(_side(matrix, column, outcome) for column, outcome in both)
        groups.setdefault((_target(each.case), sides), []).append(each.case)
    tested = len(matrix.releases) - len(matrix.untested)
    if not groups and tested > 1:
        yield (
            f"The tested {matrix.axis}s do not differ."
            if matrix.untested
            else f"No {matrix.axis} differs from the one before."
        )
    for (_, sides), cases in groups.items():
        yield f"{_together(cases)}: {sides}"


def _side(matrix: Matrix, column: str, outcome: Outcome) -> str:
    if matrix.show:
        return f"{column} {_shown(matrix, outcome)}"
    reason = facts.headline(outcome)
    return one_line(f"{column} {outcome.status}{f' ({reason})' if reason else ''}", limit=_LINE_CHARS)
