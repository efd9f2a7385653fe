"""Turns JSON data into dataclasses by the types of their fields, and says where it is not what they ask for (pure).

What it reads may come from anybody: nothing is run, and no class is made that the types do not name.
"""

import dataclasses
import enum
import math
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, get_args, get_origin

# The key that says which class an object is of, where a field may hold one of several.
CLASS = "is"
_NOT_FINITE = ("inf", "-inf", "nan")


class MalformedError(ValueError):
    """The data is not of the type that was asked for; the text says where, what was expected and what is there."""


def read(kind: Any, value: Any, where: str = "$") -> Any:
    """Return JSON data as a value of a type.

    Args:
        kind: a dataclass, an enum, `str`, `int`, `float`, `bool`, `Path`, `None`, `Any`, or a tuple, a frozenset, a
            Mapping of strings or a union of these. Objects in a union of several dataclasses name their class.
        value: what `json.loads` returned.
        where: its JSON path, for the message.

    Raises:
        MalformedError: the data is something else. Keys that a dataclass does not know are ignored.
    """
    if kind is Any:
        return value
    if isinstance(kind, types.UnionType):
        return _one_of(get_args(kind), value, where)
    match get_origin(kind):
        case origin if origin is tuple:
            return _tuple(get_args(kind), value, where)
        case origin if origin is frozenset:
            return frozenset(_tuple((get_args(kind)[0], ...), value, where))
        case origin if origin is Mapping:
            items = _object(value, where).items()
            return {key: read(get_args(kind)[1], each, f"{where}.{key}") for key, each in items}
    return _record(kind, value, where) if dataclasses.is_dataclass(kind) else _scalar(kind, value, where)


def write(value: Any) -> Any:
    """Return a value as the JSON data that `read` turns back into it; each dataclass names its class."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {each.name: write(getattr(value, each.name)) for each in dataclasses.fields(value)}
        return {CLASS: type(value).__name__, **fields}
    if isinstance(value, Mapping):
        return {key: write(each) for key, each in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return [write(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def refuse(where: str, expected: str, got: Any) -> NoReturn:
    """Say that something else was expected."""
    raise MalformedError(f"malformed at {where}: expected {expected}, got {str(got)[:80]!r}")


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and types.NoneType in kinds:
        return None
    wanted = [kind for kind in kinds if kind is not types.NoneType]
    if len(wanted) == 1:
        return read(wanted[0], value, where)
    if isinstance(value, list):
        wanted = [kind for kind in wanted if get_origin(kind) is tuple]
    else:
        named = _object(value, where).get(CLASS)
        wanted = [kind for kind in wanted if getattr(kind, "__name__", None) == named]
    return read(wanted[0], value, where) if wanted else refuse(where, " or ".join(map(str, kinds)), value)


def _tuple(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        refuse(where, "an array", value)
    each = kinds[:1] * len(value) if kinds[-1] is Ellipsis else kinds
    if len(each) != len(value):
        refuse(where, f"{len(each)} values", value)
    return tuple(
        read(kind, item, f"{where}[{index}]") for index, (kind, item) in enumerate(zip(each, value, strict=True))
    )


def _record(kind: Any, value: Any, where: str) -> Any:
    """Build a dataclass from an object; keys with a default may be absent."""
    given = _object(value, where)
    fields = {each.name: each for each in dataclasses.fields(kind)}
    required = {name for name, each in fields.items() if each.default is each.default_factory is dataclasses.MISSING}
    if missing := sorted(required - given.keys()):
        refuse(where, f"the keys {', '.join(missing)}", "an object without them")
    known = {name: given[name] for name in fields if name in given}
    return kind(**{name: read(fields[name].type, each, f"{where}.{name}") for name, each in known.items()})


def _object(value: Any, where: str) -> dict[str, Any]:
    return value if isinstance(value, dict) else refuse(where, "an object", value)


def _scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is float:
        return _number(value, where)
    if kind is Path:
        return Path(value) if isinstance(value, str) else refuse(where, "a path", value)
    if issubclass(kind, enum.Enum):
        names = [str(member) for member in kind]
        return kind(value) if value in names else refuse(where, f"one of {', '.join(names)}", value)
    return value if type(value) is kind else refuse(where, f"a value of type {kind.__name__}", value)


def _number(value: Any, where: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            refuse(where, "a number that fits 64 bits", value)
    return float(value) if value in _NOT_FINITE else refuse(where, "a number", value)


def as_json(value: Any) -> Any:
    """Return a value of this module as JSON data: mappings, lists, strings, numbers and None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (each.name for each in dataclasses.fields(value))
        return {name: as_json(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [as_json(each) for each in value]
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)
