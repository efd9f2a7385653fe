"""Reads JSON that others wrote (RFC 8259), and refuses what would break later: the rest of the harness need not check.

Refused are NaN and Infinity, numbers beyond 64 bits, too many levels, and strings with a NUL or half of a surrogate
pair, which no file name and no command line can contain.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

# Levels of arrays and objects; a spec has 4, and the results of a run have 6.
DEEPEST = 100
TOO_DEEP = f"it has more than {DEEPEST} levels of arrays and objects"
_DIGITS = 20
_UNUSABLE = re.compile("[\0\ud800-\udfff]")
_STRING, _NO_BRACKETS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL), re.compile(r"[^\[\]{}]+")
_INNERMOST = re.compile(r"\[\]|\{\}")

Path = tuple[str | int, ...]


def loads(text: bytes | str) -> Any:
    """Return the value of a JSON document.

    Raises:
        ValueError: the text is not JSON, or has something that is refused.
    """
    decoded = text.decode("utf-8") if isinstance(text, bytes) else text
    value = parsed(decoded)
    for path, fault in faults(value) if may_have_faults(decoded) else ():
        raise ValueError("".join(f"[{key!r}]" for key in path) + f": {fault}")
    return value


def parsed(text: bytes | str, members: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return the value of a JSON document, in which `faults` may still find some.

    Args:
        text: the document.
        members: returns an object of its members, of which some may have the same name; a dict by default.

    Raises:
        json.JSONDecodeError: the text is not JSON; the error has the line.
        ValueError: it is not UTF-8, a number is too large, or it has too many levels.
    """
    decoded = text.decode("utf-8") if isinstance(text, bytes) else text
    try:
        return json.loads(
            decoded, parse_constant=_refused, parse_float=_float, parse_int=_int, object_pairs_hook=members
        )
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


def may_have_faults(text: str) -> bool:
    """Whether `faults` may find some in the value of a document: to look for them takes as long as to parse it."""
    return "\\u" in text or _is_deep(text) or _UNUSABLE.search(text) is not None


def _is_deep(text: str) -> bool:
    """Return whether a document has too many levels: whether some are left once so many have been taken out."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    brackets = _NO_BRACKETS.sub("", _STRING.sub("", text))
    return all((brackets := _INNERMOST.sub("", brackets)) for _ in range(DEEPEST))


def faults(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield where a parsed document has too many levels or an unusable string, and what is wrong."""
    match value:
        case str() if found := _UNUSABLE.search(value):
            yield path, f"has the character U+{ord(found[0]):04X}, which no file or command line can contain"
        case list() | dict() if len(path) >= DEEPEST:
            yield path, TOO_DEEP
        case list():
            for index, each in enumerate(value):
                yield from faults(each, (*path, index))
        case dict():
            for name, each in value.items():
                yield from faults(name, path)
                yield from faults(each, (*path, name))


def usable(text: str) -> str:
    """Return a text in which U+FFFD stands for what `faults` would find."""
    return text if text.isprintable() else _UNUSABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _refused(constant: str) -> NoReturn:
    raise json.JSONDecodeError(f"{constant} is not JSON", constant, 0)


def _float(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:_DIGITS]} is too large for a number")
    return number


def _int(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"{text[:_DIGITS]}... has too many digits for a number")
    return int(text)
