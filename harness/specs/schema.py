"""Validates a spec by its JSON Schema, with messages for users."""

import difflib
import functools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.text import shortened
from harness.iree import flag_classes
from harness.specs import json_lines, schema_check
from harness.specs.schema_check import Check

if TYPE_CHECKING:  # see _validator
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

_SHOWN = 60  # characters
_NULL = {"type": "null"}
_SOURCE, _FLAGS = "#/$defs/source", "#/$defs/flags"


def violations(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the JSON path and the message of each violation, each once."""
    if _check()(value):
        return
    told = set[tuple[str, str]]()
    errors = (each for error in _validator().iter_errors(value) for each in _flattened(error))
    for found in (each for error in errors for each in _explained(error)):
        if found not in told:
            told.add(found)
            yield found


@functools.cache
def _check() -> Check:
    return schema_check.compiled(_inlined(_schema(), _schema()["$defs"]))


@functools.cache
def _validator() -> "Draft202012Validator":
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415 - most of a start's time, seldom needed

    kind: type[Draft202012Validator] = validators.extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, {"pattern": _pattern, "uniqueItems": _unique}
    )
    return kind(_inlined(_schema(), _schema()["$defs"]))


def _inlined(schema: Any, definitions: Any) -> Any:
    """Return a schema with definitions in the place of references to them, whose look-ups take a third of the time."""
    if isinstance(schema, list):
        return [_inlined(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if reference := schema.get("$ref"):
        schema = {**definitions[reference.rpartition("/")[2]], **schema}
        del schema["$ref"]
    return {name: _inlined(each, definitions) for name, each in schema.items() if name != "$defs"}


@functools.cache
def _schema() -> Any:
    """Return the schema of a merged document: no field of it may be null, which an overlay may have."""
    text = Path(__file__).with_name("spec.schema.json").read_text(encoding="utf-8")
    return _without_null(json.loads(text))


def _without_null(schema: Any) -> Any:
    """Return a schema that allows null for no member of an object; the items of arrays are not merged."""
    if isinstance(schema, list):
        return [_without_null(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if _NULL in (choices := schema.get("anyOf", [])):
        left = [each for each in choices if each != _NULL]
        schema = {name: each for name, each in schema.items() if name != "anyOf"} | (
            left[0] if len(left) == 1 else {"anyOf": left}
        )
    if isinstance(types := schema.get("type"), list):
        left = [each for each in types if each != "null"]
        schema = schema | {"type": left if len(left) > 1 else left[0]}
    if None in (values := schema.get("enum", [])):
        schema = schema | {"enum": [each for each in values if each is not None]}
    return {name: each if name == "items" else _without_null(each) for name, each in schema.items()}


def with_sources(value: Any, move: Callable[[str], str], schema: Any = None) -> Any:
    """Return a document, or the part of it that a schema is of, in which files have other names.

    Args:
        value: what a spec or a base says; it need not follow the schema.
        move: returns the new name of a source.
        schema: the schema of the part.
    """
    schema = _schema() if schema is None else schema
    reference = schema.get("$ref", "")
    if reference == _SOURCE and isinstance(value, str):
        return move(value)
    if reference == _FLAGS and isinstance(value, list):
        return [_with_files(each, move) if isinstance(each, str) else each for each in value]
    if reference:
        schema = _schema()["$defs"][reference.rpartition("/")[2]]
    if isinstance(value, dict):
        known, other = schema.get("properties", {}), schema.get("additionalProperties") or {}
        return {name: with_sources(each, move, known.get(name, other)) for name, each in value.items()}
    if isinstance(value, list):
        return [with_sources(each, move, schema.get("items", {})) for each in value]
    return value


def _with_files(flag: str, move: Callable[[str], str]) -> str:
    return flag_classes.with_files(flag, {name: move(name) for name in flag_classes.files_named(flag)})


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> "Iterator[ValidationError]":
    """Check a pattern as editors do."""
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - see _validator

    if isinstance(value, str) and not schema_check.pattern(pattern).search(value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _unique(_validator: Any, wanted: bool, value: Any, _schema: Any) -> "Iterator[ValidationError]":  # noqa: FBT001
    """Check that items differ, each looked at once; jsonschema compares each with all others."""
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - see _validator

    if wanted and isinstance(value, list) and not schema_check.are_unique(value):
        yield ValidationError("an item is there twice; remove one of them")


def _explained(error: "ValidationError") -> Iterator[tuple[str, str]]:
    """Yield the JSON path and the message of a schema error; one for missing fields yields all that are missing."""
    path = functools.reduce(json_lines.member, error.absolute_path, "$")
    value: Any = error.instance
    wanted: Any = error.validator_value
    match error.validator:
        case "additionalProperties":
            known = list(error.schema["properties"])  # type: ignore[index]
            for name in sorted(set(value) - set(known)):
                yield (
                    json_lines.member(path, name),
                    f"unknown field {shortened(name, _SHOWN)!r}; {_nearest(name, known)}",
                )
        case "required":
            yield from ((path, f"missing field {name!r}") for name in wanted if name not in value)
        case "dependentRequired":
            for name, others in wanted.items():
                missing = (other for other in others if name in value and other not in value)
                yield from ((path, f"missing field {other!r}, which {name!r} requires") for other in missing)
        case "type":
            yield path, f"expected {_articles(wanted)}, got {_shown(value)}"
        case "pattern":
            fields = (each for each in reversed(_FIELD.findall(path)) if each in _PATTERNS)
            yield path, f"expected {_PATTERNS.get(next(fields, ''), 'letters and digits')}, got {_shown(value)}"
        case "minLength" | "minProperties":
            yield path, "must not be empty"
        case "maxLength" | "maxItems" | "maxProperties":
            unit = {"maxLength": "characters", "maxItems": "items", "maxProperties": "fields"}[error.validator]
            yield path, f"has {len(value):,} {unit}; expected at most {wanted:,}"
        case _:
            yield path, _expected_kinds(error) or error.message


def _flattened(error: "ValidationError") -> Iterator["ValidationError"]:
    """Yield an error; in place of one of alternatives, those of the only one whose type is that of the value."""
    by_alternative: dict[Any, list[ValidationError]] = {}
    for each in error.context or ():
        by_alternative.setdefault(each.schema_path[0], []).append(each)
    fit = [found for found in by_alternative.values() if not any(map(_is_of_kind, found))]
    if len(fit) != 1:
        yield error
    else:
        yield from (each for nested in fit[0] for each in _flattened(nested))


def _is_of_kind(error: "ValidationError") -> bool:
    """Whether an error of an alternative says that the value itself is of another type."""
    return not error.relative_path and error.validator in {"type", "const", "enum"}


def _expected_kinds(error: "ValidationError") -> str:
    """Return what a value should be that fits none of several alternatives."""
    kinds = [each for each in error.context or () if _is_of_kind(each)]
    texts = [_articles(each.validator_value) if each.validator == "type" else _choices(each) for each in kinds]
    return f"expected {' or '.join(texts)}, got {_shown(error.instance)}" if texts else ""


def _choices(error: "ValidationError") -> str:
    wanted: Any = error.validator_value
    return " or ".join(map(_shown, wanted if error.validator == "enum" else [wanted]))


_FIELD = re.compile(r"\.([a-z_]+)")
_PATTERNS = {
    "device": "a device such as local-task, hip, hip://0 or cuda",
    "devices": "a device such as local-task, hip://0 or cuda://1",
    "compiler_flags": "a flag that starts with two dashes, its value after an equals sign",
    "pipeline_compiler_flags": "a flag that starts with two dashes, its value after an equals sign",
    "flags_for": "a flag that starts with two dashes, its value after an equals sign",
    "run_args": "a flag such as --device_allocator=caching, its value after an equals sign",
    "threshold_args": "a flag such as --expected_f16_threshold=1.0f",
    "compile_chip_expecting_to_fail": "a chip such as gfx90a or sm_80",
    "chips": "a chip such as gfx90a or sm_80",
    "issue": "a URL that begins with https://",
    "markers": "a name such as quick, without spaces",
    "until": "a date such as 2027-01-31",
    "scope": "a name without spaces and equals signs",
    "tuner_file": "a SKU such as mi300",
}


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name[:_SHOWN], known, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"


def _articles(json_types: Any) -> str:
    """Return `a string`, or `a string or an array`, for the value of `type` in a schema."""
    names = [json_types] if isinstance(json_types, str) else json_types
    return " or ".join(f"an {each}" if each[0] in "aeio" else f"a {each}" for each in names)


def _shown(value: object) -> str:
    return shortened(json.dumps(value), _SHOWN)
