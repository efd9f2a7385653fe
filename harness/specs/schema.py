"""The JSON Schema of one model file, and what is wrong by it, in the words of a user."""

import difflib
import functools
import json
import textwrap
from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING, Any

from harness.specs import json_lines

if TYPE_CHECKING:  # see _validator
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError


def violations(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the JSON path and the message of all that is wrong with the value of a model file."""
    for error in _validator().iter_errors(value):
        yield from _explained(error)


@functools.cache
def _validator() -> "Draft202012Validator":
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - most of a start's time, and few commands read a spec

    text = resources.files("harness.specs").joinpath("spec.schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))


def _explained(error: "ValidationError") -> Iterator[tuple[str, str]]:
    """Yield (JSON path, message) of what a schema error found, in the words of a user."""
    path, value = functools.reduce(json_lines.member, error.absolute_path, "$"), error.instance
    match error.validator:
        case "additionalProperties":
            known = list(error.schema["properties"])  # type: ignore[index]
            for name in sorted(set(error.instance) - set(known)):  # type: ignore[arg-type]
                yield json_lines.member(path, name), f"unknown field {name!r}; {_nearest(name, known)}"
        case "required" | "dependentRequired":
            yield path, f"{error.message}; expected the field to be there"
        case "type":
            yield path, f"{_shown(value)} is of another type; expected {_articles(error.validator_value)}"
        case "pattern":
            expected = _PATTERNS.get(path.split("[")[0], "letters and digits")
            yield path, f"{_shown(value)} does not look right; expected {expected}"
        case "minLength":
            yield path, "the text is empty; expected some"
        case _:
            yield path, error.message


_PATTERNS = {
    "$.device": "a device such as local-task, hip, hip://0 or cuda",
    "$.compiler_flags": "a flag that starts with two dashes, its value after an equals sign",
    "$.pipeline_compiler_flags": "a flag that starts with two dashes, its value after an equals sign",
    "$.flags_for": "a flag that starts with two dashes, its value after an equals sign",
    "$.threshold_args": "a flag such as --expected_f16_threshold=1.0f",
    "$.compile_chip_expecting_to_fail": "a chip such as gfx90a or sm_80",
}


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"


def _articles(json_types: Any) -> str:
    """Return `a string`, or `a string or an array`, for what a schema says under `type`."""
    names = [json_types] if isinstance(json_types, str) else json_types
    return " or ".join(f"an {each}" if each[0] in "aeio" else f"a {each}" for each in names)


def _shown(value: object) -> str:
    text = json.dumps(value)
    return textwrap.shorten(text, 60, placeholder="...")
