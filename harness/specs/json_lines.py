"""JSON whose values know the line they stand on, so that a violation can name it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LAST = re.compile(r"(\.\w+|\[[0-9]+\]|\[(['\"]).*\2\])$")
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+)')


@dataclass(slots=True)
class Document:
    """A JSON value, the line of each JSON path in it, and the paths of keys written twice."""

    value: Any
    lines: dict[str, int] = field(default_factory=dict)
    duplicates: list[str] = field(default_factory=list)

    def line(self, json_path: str) -> int:
        """Return the line (from 1) of a path or of the nearest value around it."""
        while json_path and json_path not in self.lines:
            last = _LAST.search(json_path)
            json_path = json_path[: last.start()] if last else ""
        return self.lines.get(json_path, 1)


def member(path: str, key: str | int) -> str:
    """Return the JSON path (RFC 9535) of a member or item: `$.a`, `$.a[0]`, or `$['>=3.5']` where a name is no word."""
    if isinstance(key, str) and _WORD.fullmatch(key):
        return f"{path}.{key}"
    return f"{path}[{key!r}]"


def parse(text: str) -> Document:
    """Read JSON (RFC 8259: no NaN, no Infinity).

    Raises:
        json.JSONDecodeError: the text is no JSON; it knows the line.
        RecursionError: it is nested too deeply.
    """
    document = Document(json.loads(text, parse_constant=_refused))
    tokens = ((match[1], text.count("\n", 0, match.start(1)) + 1) for match in _TOKEN.finditer(text))
    _walk(next(tokens), tokens, "$", document)
    return document


def _refused(constant: str) -> NoReturn:
    raise json.JSONDecodeError(f"{constant} is not JSON", constant, 0)


Token = tuple[str, int]


def _walk(token: Token, tokens: Iterator[Token], path: str, document: Document) -> None:
    """Note the line of the value that starts with this token, and of all values in it."""
    text, line = token
    document.lines.setdefault(path, line)
    if text == "{":
        _walk_object(tokens, path, document)
    elif text == "[":
        _walk_array(tokens, path, document)


def _walk_object(tokens: Iterator[Token], path: str, document: Document) -> None:
    while (token := next(tokens))[0] != "}":
        if token[0] == ",":
            continue
        inner = member(path, json.loads(token[0]))
        if inner in document.lines:
            document.duplicates.append(inner)
        document.lines[inner] = token[1]
        next(tokens)  # the colon
        _walk(next(tokens), tokens, inner, document)


def _walk_array(tokens: Iterator[Token], path: str, document: Document) -> None:
    index = 0
    while (token := next(tokens))[0] != "]":
        if token[0] != ",":
            _walk(token, tokens, member(path, index), document)
            index += 1
