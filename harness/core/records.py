"""Turns values into JSON data, and JSON data into values by the types of their fields.

The data may come from anywhere: what a type does not allow is refused, nothing is converted, and only classes that the
type names are made. Keys that a class does not know are ignored. A class that is one of several in a union has to be a
`msgspec.Struct` with a tag; all others may be dataclasses.
"""

import contextlib
import functools
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from harness.core import strict_json

T = TypeVar("T")
_SHOWN_CHARACTERS = 200
_NUMBER = re.compile(r"`float \| str(?: \| null)?`")  # as msgspec names the type of `harness.core.floats`
_STRICT = json.JSONEncoder(allow_nan=False, check_circular=False, separators=(",", ":"))
# As JSON has them, characters that no string may have, or that take two escapes.
_ODD = re.compile(r"\\u(?:0000|d[89a-f])")


class MalformedError(ValueError):
    """The data does not fit the type. The text names the JSON path, what was expected, and what was found."""


def read(kind: type[T], data: object, where: str = "$") -> T:
    """Return JSON data as a value of a type.

    Args:
        kind: a dataclass, a `msgspec.Struct`, or another type that msgspec knows; a `Path` is written as a string.
        data: what `json.loads` returned.
        where: the JSON path of the data, for the message.

    Raises:
        MalformedError: the data does not fit the type.
    """
    try:
        return msgspec.convert(data, kind, dec_hook=_decoded)
    except msgspec.ValidationError as error:
        raise MalformedError(_message(str(error), where)) from error


def as_json(value: object) -> Any:
    """Return a value as JSON data: dicts, lists, strings, numbers, bools and None."""
    return json.loads(encoded(value))


def encoded(value: object) -> bytes:
    """Return what `as_json` returns as the text of a JSON document, in one line."""
    data = msgspec.to_builtins(value, enc_hook=_encoded)
    with contextlib.suppress(ValueError):  # a float is not finite
        text = _STRICT.encode(data)
        if "\\u" not in text or not _ODD.search(text):
            return text.encode()
    return _STRICT.encode(_plain(data)).encode()


@functools.cache
def decoder(kind: type[T]) -> "msgspec.json.Decoder[T]":
    """Return what decodes the text of values of a type, as `encoded` wrote it."""
    return msgspec.json.Decoder(kind, dec_hook=_decoded)


def _decoded(kind: type, data: object) -> object:
    if kind is Path and isinstance(data, str):
        return Path(data)
    raise ValueError(f"Expected a path, got {str(data)[:_SHOWN_CHARACTERS]!r}")


def _message(text: str, where: str) -> str:
    """Return msgspec's message with the path in front."""
    what, path = explained(text)
    return f"malformed at {where}{path}: {_NUMBER.sub('a number', what)[:_SHOWN_CHARACTERS]}"


def explained(text: str) -> tuple[str, str]:
    """Return what msgspec's message says is wrong, and the path from the value on, such as `.cases[0].status`."""
    what, _, path = text.rpartition(" - at `$") if " - at `$" in text else (text, "", "")
    what = what.replace("Invalid enum value", "unknown value")
    return what[:1].lower() + what[1:], path.removesuffix("`")


def _encoded(value: object) -> object:
    match value:
        case Path():
            return str(value)
        case float():
            return float(value)
        case Mapping():
            return dict(value)
        case _:
            raise NotImplementedError(f"{type(value).__name__} cannot be written as JSON")


def _plain(data: Any) -> Any:
    """Return data with lists for tuples, strings for the floats that JSON cannot write, and usable strings."""
    match data:
        case str():
            return strict_json.usable(data)
        case dict():
            return {_plain(key): _plain(each) for key, each in data.items()}
        case list() | tuple():
            return [_plain(each) for each in data]
        case float() if not math.isfinite(data):
            return str(data)
        case _:
            return data
