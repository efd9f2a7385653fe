"""Writes and reads results.json. Its schema is `results.schema.json` in this folder."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

import msgspec

from harness.core import records, strict_json
from harness.core.errors import UsageError
from harness.core.outcomes import Outcome, Report
from harness.core.records import MalformedError, as_json
from harness.core.values import frozen
from harness.host import files
from harness.report.outcome_log import OutcomeLog

SCHEMA = 1
NAME = "results.json"
SEARCH_JOURNAL = "search.jsonl"  # only folders of searches have one
MAX_BYTES = 1 << 30


def render(report: Report) -> str:
    """Return the report as strict JSON. The strings `inf`, `-inf` and `nan` stand for numbers that are not finite."""
    return "".join(parts(report))


def parts(report: Report) -> Iterator[str]:
    """Yield the text that `render` returns in parts, one for each case."""
    frame = records.encoded({"schema": SCHEMA, **as_json(replace(report, cases=()))})
    head, tail = msgspec.json.format(frame.decode(), indent=1).rsplit("[]", 1)
    separator = f"{head}[\n  "
    for line in lines(report.cases):
        yield separator + msgspec.json.format(line, indent=1).decode().replace("\n", "\n  ")
        separator = ",\n  "
    yield f"\n ]{tail}\n" if report.cases else f"{head}[]{tail}\n"


def lines(cases: Sequence[Outcome]) -> Iterable[bytes]:
    """Return the JSON of each outcome in one line."""
    return cases.lines() if isinstance(cases, OutcomeLog) else map(records.encoded, cases)


@frozen
class _Quoted:
    """What renderers use of the environment: `harness.report.again` and `by_hand` make commands of it."""

    command: str | None = None
    prefix: list[str] = field(default_factory=list)
    program: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    place: list[str] = field(default_factory=list)
    compile_chips: list[str] = field(default_factory=list)
    by_hand: dict[str, str | list[str]] | None = None


def read(path: Path) -> Report:
    """Return the report in a results.json.

    Raises:
        UsageError: the file cannot be read, or is not a results.json; the message names it.
    """
    try:
        return load(files.read(path, MAX_BYTES))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path}: cannot be read ({files.reason(error)}); expected the results.json of a run."
        ) from error
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def load(text: bytes | str) -> Report:
    """Return the report that `render` wrote. Keys that this version does not know are ignored.

    Sequences within `commands` come back as tuples, those within `environment` as lists.

    Raises:
        UsageError: the text is not JSON, of another schema, or a value is not what the schema says.
    """
    try:
        document = strict_json.loads(text)
    except ValueError as error:
        raise UsageError(f"Expected a results.json, got text that is not JSON: {error}.") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA or isinstance(schema, bool):
        raise UsageError(
            f"Expected a results.json with schema {SCHEMA}, got schema {schema!r}; "
            "read it with the version of the harness that wrote it."
        )
    try:
        cases = records.read(list[dict[str, Any]], document.get("cases"), "$.cases")
        with_tuples = [_with_tuples(case, f"$.cases[{index}]") for index, case in enumerate(cases)]
        records.read(_Quoted, document.get("environment"), "$.environment")
        report = records.read(Report, {**document, "cases": with_tuples})
        return replace(report, cases=tuple(report.cases))
    except MalformedError as error:
        raise UsageError(f"The results.json is {error}.") from error


def _with_tuples(case: dict[str, Any], where: str) -> dict[str, Any]:
    """Turn the argv of each step, or each of its several argv, into tuples."""
    commands = records.read(dict[str, Any], case.get("commands", {}), f"{where}.commands")
    argvs = {step: _argv(argv, f"{where}.commands.{step}") for step, argv in commands.items()}
    return {**case, "commands": argvs}


def _argv(value: Any, where: str) -> tuple[Any, ...]:
    several = isinstance(value, list) and bool(value) and all(isinstance(each, list) for each in value)
    return records.read(tuple[tuple[str, ...], ...] if several else tuple[str, ...], value, where)
