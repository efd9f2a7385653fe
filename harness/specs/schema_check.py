"""Makes of a JSON Schema a function that says quickly whether a value follows it; `jsonschema` says why one does not.

Only the keywords that schemas of specs have are known. What a value of one type has to fulfil is worked out in advance.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Check = Callable[[Any], bool]
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "object": (dict,),
    "array": (list,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
    "integer": (int, float),
}
_NEVER: tuple[Check, ...] = (lambda _: False,)
_EVERY = tuple(dict.fromkeys(kind for kinds in _TYPES.values() for kind in kinds))
_COMMENTS = {"$schema", "title", "description"}


def compiled(schema: Mapping[str, Any]) -> Check:
    """Return whether a value follows a schema in which no reference is left.

    Values of types that `json` does not return never do.
    """
    if unknown := schema.keys() - _COMMENTS - _BY_TYPE.keys() - _OF_ANY.keys() - _WITH_OTHERS:
        raise ValueError(f"unknown keywords of JSON Schema: {', '.join(sorted(unknown))}")
    names = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", list(_TYPES))
    allowed = {kind for name in names for kind in _TYPES[name]}
    checks: dict[type, tuple[Check, ...]] = {kind: _checks(kind, schema) for kind in _EVERY if kind in allowed}
    if "integer" in names and "number" not in names:
        checks[float] = (float.is_integer, *checks[float])

    def check(value: Any) -> bool:
        for each in checks.get(type(value), _NEVER):  # noqa: SIM110 - all() takes twice as long
            if not each(value):
                return False
        return True

    return check


def pattern(text: str) -> "re.Pattern[str]":
    """Return a pattern as ECMA-262 reads it, and so editors: `$` is the end, and not before a last line end."""
    return re.compile(re.sub(r"\$$", r"\\Z", text), re.ASCII)


def are_unique(values: Sequence[Any]) -> bool:
    """Whether all items of an array differ."""
    return len(set(map(json.dumps, values))) == len(values)


def _checks(kind: type, schema: Mapping[str, Any]) -> tuple[Check, ...]:
    """Return what values of a type have to fulfil."""
    own = [make(schema[name]) for name, (kinds, make) in _BY_TYPE.items() if name in schema and kind in kinds]
    if kind is dict and ("properties" in schema or "additionalProperties" in schema):
        own.append(_members(schema))
    any_ = [make(schema[name]) for name, make in _OF_ANY.items() if name in schema]
    return (*own, *any_, *([_conditional(schema)] if "if" in schema else []))


def _members(schema: Mapping[str, Any]) -> Check:
    """Check the members of an object; the check of one that is seldom there is made when it is."""
    schemas, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    other = compiled(others) if isinstance(others, dict) else lambda _: bool(others)
    known: dict[str, Check] = {}

    def check(value: Mapping[str, Any]) -> bool:
        for name, each in value.items():
            found = known.get(name)
            if found is None and name in schemas:
                found = known[name] = compiled(schemas[name])
            if not (found or other)(each):
                return False
        return True

    return check


def _conditional(schema: Mapping[str, Any]) -> Check:
    condition, then, otherwise = (compiled(schema.get(name, {})) for name in ("if", "then", "else"))
    return lambda value: (then if condition(value) else otherwise)(value)


def _dependent(wanted: Mapping[str, Sequence[str]]) -> Check:
    return lambda value: all(value.keys() >= set(others) for name, others in wanted.items() if name in value)


def _items(schema: Mapping[str, Any]) -> Check:
    check = compiled(schema)
    return lambda value: all(map(check, value))


def _any_of(schemas: Sequence[Mapping[str, Any]]) -> Check:
    checks = [compiled(each) for each in schemas]
    return lambda value: any(each(value) for each in checks)


def _not(schema: Mapping[str, Any]) -> Check:
    check = compiled(schema)
    return lambda value: not check(value)


def _one_of_values(known: Sequence[Any]) -> Check:
    if numbers := [each for each in known if isinstance(each, int | float) and not isinstance(each, bool)]:
        raise ValueError(f"numbers are equal to others: {numbers}")
    return lambda value: any(value is each or (isinstance(value, str) and value == each) for each in known)


def _matches(text: str) -> Check:
    search = pattern(text).search
    return lambda value: search(value) is not None


_NUMBERS = (int, float)
# The keywords that say something of values of some types, and how each is checked.
_BY_TYPE: Mapping[str, tuple[tuple[type, ...], Callable[[Any], Check]]] = {
    "minLength": ((str,), lambda least: lambda value: len(value) >= least),
    "maxLength": ((str,), lambda most: lambda value: len(value) <= most),
    "pattern": ((str,), _matches),
    "minItems": ((list,), lambda least: lambda value: len(value) >= least),
    "maxItems": ((list,), lambda most: lambda value: len(value) <= most),
    "uniqueItems": ((list,), lambda wanted: are_unique if wanted else lambda _: True),
    "items": ((list,), _items),
    "minProperties": ((dict,), lambda least: lambda value: len(value) >= least),
    "maxProperties": ((dict,), lambda most: lambda value: len(value) <= most),
    "required": ((dict,), lambda names: set(names).issubset),
    "propertyNames": ((dict,), _items),
    "dependentRequired": ((dict,), _dependent),
    "minimum": (_NUMBERS, lambda least: lambda value: value >= least),
    "maximum": (_NUMBERS, lambda most: lambda value: value <= most),
    "exclusiveMinimum": (_NUMBERS, lambda least: lambda value: value > least),
}
_OF_ANY: Mapping[str, Callable[[Any], Check]] = {
    "enum": _one_of_values,
    "const": lambda wanted: _one_of_values([wanted]),
    "anyOf": _any_of,
    "not": _not,
}
_WITH_OTHERS = {"type", "properties", "additionalProperties", "if", "then", "else"}
