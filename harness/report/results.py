"""The only place that writes and reads results.json, whose schema is in `results.schema.json` beside it."""

import dataclasses
import enum
import json
import types
from collections.abc import Mapping
from typing import Any, NoReturn, get_args, get_origin

from harness.errors import UsageError
from harness.model import Outcome, Report, as_json

SCHEMA = 1
_NOT_FINITE = ("inf", "-inf", "nan")


def render(report: Report) -> str:
    """Return the report as strict JSON; a number that is not finite is one of the strings `inf`, `-inf`, `nan`."""
    return json.dumps({"schema": SCHEMA, **as_json(report)}, indent=1, allow_nan=False) + "\n"


def load(text: str) -> Report:
    """Return the report that `render` wrote; no I/O. Keys that this version does not know are ignored.

    Sequences within `commands` come back as tuples, those within `environment` as lists.

    Raises:
        UsageError: the text is not JSON, of another schema, or a value is not what the schema says.
    """
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"Expected a results.json, got text that is not JSON: {error}.") from error
    fields = _mapping(document, "$")
    schema = fields.get("schema")
    if schema != SCHEMA or isinstance(schema, bool):
        raise UsageError(
            f"Expected a results.json with schema {SCHEMA}, got schema {schema!r}; "
            "read it with the version of the harness that wrote it."
        )
    report: Report = _record(Report, fields, "$")
    return report


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _record(kind: Any, value: Any, where: str) -> Any:
    """Build a dataclass of `harness.model` from an object; keys with a default may be absent."""
    given = _mapping(value, where)
    fields = {each.name: each for each in dataclasses.fields(kind)}
    required = {name for name, each in fields.items() if each.default is each.default_factory is dataclasses.MISSING}
    if missing := sorted(required - given.keys()):
        _refuse(where, f"the keys {', '.join(missing)}", "an object without them")
    known = {name: given[name] for name in fields if name in given}
    if kind is Outcome and "commands" in known:
        known["commands"] = _commands(known["commands"], f"{where}.commands")
    return kind(**{name: _value(fields[name].type, each, f"{where}.{name}") for name, each in known.items()})


def _value(kind: Any, value: Any, where: str) -> Any:
    """Turn JSON data into a value of a type that a field of `harness.model` has."""
    arguments = get_args(kind)
    if kind is Any:
        return value
    if isinstance(kind, types.UnionType):
        return None if value is None else _value(arguments[0], value, where)
    if get_origin(kind) is tuple:
        items = enumerate(_list(value, where))
        return tuple(_value(arguments[0], each, f"{where}[{index}]") for index, each in items)
    if get_origin(kind) is Mapping:
        return {key: _value(arguments[1], each, f"{where}.{key}") for key, each in _mapping(value, where).items()}
    return _record(kind, value, where) if dataclasses.is_dataclass(kind) else _scalar(kind, value, where)


def _scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is float:
        return _number(value, where)
    if issubclass(kind, enum.Enum):
        names = [str(member) for member in kind]
        return kind(value) if value in names else _refuse(where, f"one of {', '.join(names)}", value)
    return value if type(value) is kind else _refuse(where, f"a value of type {kind.__name__}", value)


def _number(value: Any, where: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            _refuse(where, "a number that fits 64 bits", value)
    return float(value) if value in _NOT_FINITE else _refuse(where, "a number", value)


def _commands(value: Any, where: str) -> dict[str, Any]:
    """Turn the argv of each step, or its several argv, into tuples."""
    named = {step: (_list(argv, f"{where}.{step}"), f"{where}.{step}") for step, argv in _mapping(value, where).items()}
    return {step: _argv(argv, place) for step, (argv, place) in named.items()}


def _argv(value: list[Any], where: str) -> tuple[Any, ...]:
    several = bool(value) and all(isinstance(each, list) for each in value)
    kind = tuple[tuple[str, ...], ...] if several else tuple[str, ...]
    loaded: tuple[Any, ...] = _value(kind, value, where)
    return loaded


def _mapping(value: Any, where: str) -> dict[str, Any]:
    return value if isinstance(value, dict) else _refuse(where, "an object", value)


def _list(value: Any, where: str) -> list[Any]:
    return value if isinstance(value, list) else _refuse(where, "an array", value)


def _refuse(where: str, expected: str, got: Any) -> NoReturn:
    raise UsageError(f"The results.json is malformed at {where}: expected {expected}, got {str(got)[:80]!r}.")
