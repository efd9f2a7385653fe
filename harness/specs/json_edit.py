"""Removes values from the text of a JSON document, and leaves the rest of it as it is written."""

import json
import re
from collections.abc import Iterable, Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

JsonPath = tuple[str | int, ...]
_SPACE = re.compile(r"\s*")


def without(text: str, paths: Iterable[JsonPath]) -> str:
    """Return a document without some members and items; what is empty then goes as well.

    Args:
        text: a valid document.
        paths: what to remove, such as `("expect", 0)`.
    """
    for path in sorted(_with_emptied(json.loads(text), set(paths)), key=_order, reverse=True):
        text = _without(text, path)
    return text


def _order(path: JsonPath) -> list[tuple[int, str]]:
    return [(each, "") if isinstance(each, int) else (0, each) for each in path]


def _with_emptied(value: Any, paths: set[JsonPath]) -> set[JsonPath]:
    """Return paths in which a container whose values are all removed takes their place."""
    for parent in sorted({path[:-1] for path in paths}, key=len, reverse=True):
        children = {path for path in paths if path[:-1] == parent}
        container = value
        for key in parent:
            container = container[key]
        if parent and len(children) == len(container):
            return _with_emptied(value, (paths - children) | {parent})
    return paths


def _without(text: str, path: JsonPath) -> str:
    at = _skip(text, 0)
    for key in path[:-1]:
        at = next(value for found, _, value, _ in _entries(text, at) if found == key)
    entries = list(_entries(text, at))
    index = next(index for index, (key, *_) in enumerate(entries) if key == path[-1])
    _, start, _, end = entries[index]
    if index + 1 < len(entries):
        return text[:start] + text[entries[index + 1][1] :]
    before = entries[index - 1][3] if index else at + 1
    return text[:before] + text[end:]


def _entries(text: str, at: int) -> Iterator[tuple[str | int, int, int, int]]:
    """Yield the key, the start, the start of the value, and the end of each entry of the object or array at a place."""
    is_object = text[at] == "{"
    start = _skip(text, at + 1)
    index = 0
    while text[start] not in "}]":
        key, value = scanstring(text, start + 1) if is_object else (index, start)
        value = _skip(text, _skip(text, value) + 1) if is_object else start
        _, end = json.JSONDecoder().raw_decode(text, value)
        yield key, start, value, end
        index += 1
        start = _skip(text, end)
        start = _skip(text, start + 1) if text[start] == "," else start


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
