"""JSON and JSON5 with the place of each value, so that a violation can name its line and an edit can remove it."""

import functools
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.core import strict_json

_SEGMENT = re.compile(r"""\.\w+|\[(?:[0-9]+|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\]""")
# A token of JSON5, of which JSON is a part, after white space and comments.
_TOKEN = re.compile(
    r"""(?:[\s\ufeff]|//[^\n\r\u2028\u2029]*|/\*.*?\*/)*"""
    r"""("[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*'|[{}\[\],:]|[^\s\ufeff{}\[\],:"'/]+)""",
    re.DOTALL,
)
_NEAR = re.compile(r" (?:starting )?near ([0-9]+)")


class InvalidError(ValueError):
    """A text is not JSON5.

    Attributes:
        line: the line (from 1) of the error.
    """

    def __init__(self, message: str, line: int) -> None:
        """Carry the line."""
        super().__init__(message)
        self.line = line


@dataclass(slots=True)
class Node:
    """A value: its line (from 1), its place in the text, and its members or items by the last segment of their paths.

    The line and the start of a member are those of its name; `value` is where its value starts.
    """

    line: int
    members: Mapping[str, "Node"] = field(default_factory=dict)
    start: int = 0
    value: int = 0
    end: int = 0


class Document:
    """A JSON value and the places of it and of all values in it, which are looked for when they are asked for.

    Attributes:
        value: the value.
        duplicates: the JSON paths of duplicate keys.
    """

    def __init__(self, value: Any, text: str = "") -> None:
        """Take a value and the JSON that it was read from; without that all is in line 1."""
        self.value, self.duplicates = value, list[str]()
        self._text = text
        self._root = None if text else Node(1)

    @property
    def root(self) -> Node:
        """The place of the value, in which those of all others are."""
        return self._root or self.walk(self._text, json.loads)

    def walk(self, text: str, name: Callable[[str], str]) -> Node:
        """Find all places and duplicates in JSON5, with a function that reads a name; return the place of the value."""
        walk = _Walk(text, name)
        self._root, self.duplicates = walk.root(), walk.duplicates
        return self._root

    def line(self, json_path: str) -> int:
        """Return the line (from 1) of a path or of the nearest value around it."""
        node = self.root
        for segment in _SEGMENT.findall(json_path):
            if segment not in node.members:
                break
            node = node.members[segment]
        return node.line


def member(path: str, key: str | int) -> str:
    """Return the JSON path (RFC 9535) of a member or item: `$.a`, `$.a[0]`; `$['>=3.5']` if the name is not a word."""
    if isinstance(key, str) and key.isascii() and key.isidentifier():
        return f"{path}.{key}"
    return f"{path}[{key!r}]"


def around(json_path: str) -> Iterator[str]:
    """Yield the JSON paths of the values around a path, from the outermost inside the document, and the path itself."""
    return itertools.accumulate(_SEGMENT.findall(json_path), initial="$")


def parse(text: str) -> Document:
    """Read JSON (RFC 8259: no NaN, no Infinity).

    Raises:
        json.JSONDecodeError: the text is not valid JSON; the error has the line.
        ValueError: it has more than `strict_json.DEEPEST` levels, or a number is too large.
    """
    has_duplicates = False

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal has_duplicates
        found = dict(pairs)
        has_duplicates |= len(found) < len(pairs)
        return found

    document = Document(strict_json.parsed(text, members), text)
    if has_duplicates or strict_json.may_have_faults(text):
        document.walk(text, json.loads)
    return document


def parse_json5(text: str) -> Document:
    """Read JSON5 (https://spec.json5.org), which has comments, trailing commas and names without quotes.

    Raises:
        InvalidError: the text is not valid JSON5.
    """
    import pyjson5  # noqa: PLC0415 - only configs of suites are JSON5

    try:
        value = pyjson5.decode(text, maxdepth=strict_json.DEEPEST)
    except pyjson5.Json5DecoderException as error:
        message, near = str(error.args[0]), _NEAR.search(str(error.args[0]))
        line = text.count("\n", 0, int(near[1]) - 1) + 1 if near and near[1] != "0" else 1
        raise InvalidError(_NEAR.sub("", message).replace("b'", "'"), line) from error
    document = Document(value)
    document.walk(text, functools.partial(_json5_name, pyjson5.decode))
    return document


def _json5_name(decode: Callable[[str], Any], token: str) -> str:
    return str(decode(token) if token[0] in "\"'" else next(iter(decode(f"{{{token}:0}}"))))


def _tokens(text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Yield the tokens of valid JSON5 and their lines."""
    line, counted = 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", counted, match.start(1))
        counted = match.start(1)
        yield match, line


class _Walk:
    """Walks through valid JSON5 and makes the node of each value."""

    def __init__(self, text: str, name: Callable[[str], str]) -> None:
        self.duplicates: list[str] = []
        self._tokens, self._name = _tokens(text), name
        self._path = ["$"]  # one segment for each array or object around
        self._end = 0  # of the value that was walked through last

    def root(self) -> Node:
        """Return the node of the whole document."""
        token, line = next(self._tokens)
        return self._node(token, line, token.start(1))

    def _node(self, token: re.Match[str], line: int, start: int) -> Node:
        """Return the node of the value that starts with a token."""
        self._end = token.end(1)
        members = self._of_object() if token[1] == "{" else self._of_array() if token[1] == "[" else {}
        return Node(line, members, start, token.start(1), self._end)

    def _of_object(self) -> dict[str, Node]:
        members: dict[str, Node] = {}
        for name, line in self._until("}"):
            segment = member("", self._name(name[1]))
            if segment in members:
                self.duplicates.append("".join([*self._path, segment]))
            next(self._tokens)  # the colon
            token, _ = next(self._tokens)
            members[segment] = self._inner(segment, token, line, name.start(1))
        return members

    def _of_array(self) -> dict[str, Node]:
        items: dict[str, Node] = {}
        for token, line in self._until("]"):
            segment = member("", len(items))
            items[segment] = self._inner(segment, token, line, token.start(1))
        return items

    def _until(self, end: str) -> Iterator[tuple[re.Match[str], int]]:
        """Yield the first token of each member or item of the innermost array or object."""
        for token, line in self._tokens:
            if token[1] == end:
                self._end = token.end(1)
                return
            if token[1] != ",":
                yield token, line

    def _inner(self, segment: str, token: re.Match[str], line: int, start: int) -> Node:
        if len(self._path) > strict_json.DEEPEST:
            raise ValueError(strict_json.TOO_DEEP)
        self._path.append(segment)
        node = self._node(token, line, start)
        self._path.pop()
        return node
