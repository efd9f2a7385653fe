"""Writes and reads results.json. Its schema is `results.schema.json` in this folder."""

import json
from typing import Any, NoReturn

from harness.core.errors import UsageError
from harness.core.outcomes import Report
from harness.core.records import MalformedError, as_json, read

SCHEMA = 1


def render(report: Report) -> str:
    """Return the report as strict JSON. The strings `inf`, `-inf` and `nan` stand for numbers that are not finite."""
    return json.dumps({"schema": SCHEMA, **as_json(report)}, indent=1, allow_nan=False) + "\n"


def load(text: str) -> Report:
    """Return the report that `render` wrote. Keys that this version does not know are ignored.

    Sequences within `commands` come back as tuples, those within `environment` as lists.

    Raises:
        UsageError: the text is not JSON, of another schema, or a value is not what the schema says.
    """
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"Expected a results.json, got text that is not JSON: {error}.") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA or isinstance(schema, bool):
        raise UsageError(
            f"Expected a results.json with schema {SCHEMA}, got schema {schema!r}; "
            "read it with the version of the harness that wrote it."
        )
    try:
        cases = read(list[dict[str, Any]], document.get("cases"), "$.cases")
        with_tuples = [_with_tuples(case, f"$.cases[{index}]") for index, case in enumerate(cases)]
        return read(Report, {**document, "cases": with_tuples})
    except MalformedError as error:
        raise UsageError(f"The results.json is {error}.") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _with_tuples(case: dict[str, Any], where: str) -> dict[str, Any]:
    """Turn the argv of each step, or each of its several argv, into tuples."""
    commands = read(dict[str, Any], case.get("commands", {}), f"{where}.commands")
    argvs = {step: _argv(argv, f"{where}.commands.{step}") for step, argv in commands.items()}
    return {**case, "commands": argvs}


def _argv(value: Any, where: str) -> tuple[Any, ...]:
    several = isinstance(value, list) and bool(value) and all(isinstance(each, list) for each in value)
    return read(tuple[tuple[str, ...], ...], value, where) if several else read(tuple[str, ...], value, where)
