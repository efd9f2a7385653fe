"""JSON with the line of each value, so that a violation can name it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.core import strict_json

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SEGMENT = re.compile(r"""\.\w+|\[(?:[0-9]+|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\]""")
_TOKEN = re.compile(r'\s*("[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+)')


@dataclass(slots=True)
class Node:
    """The line (from 1) of a value, and the nodes of its members or items by the last segment of their JSON path."""

    line: int
    members: Mapping[str, "Node"] = field(default_factory=dict)


@dataclass(slots=True)
class Document:
    """A JSON value, the lines of it and of all values in it, and the JSON paths of duplicate keys."""

    value: Any
    root: Node = field(default_factory=lambda: Node(1))
    duplicates: list[str] = field(default_factory=list)

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
    if isinstance(key, str) and _WORD.fullmatch(key):
        return f"{path}.{key}"
    return f"{path}[{key!r}]"


def parse(text: str) -> Document:
    """Read JSON (RFC 8259: no NaN, no Infinity).

    Raises:
        json.JSONDecodeError: the text is not valid JSON; the error has the line.
        ValueError: it has more than `strict_json.DEEPEST` levels, or a number is too large.
    """
    value = strict_json.parsed(text)
    walk = _Walk(text)
    return Document(value, walk.root(), walk.duplicates)


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """Yield the tokens of valid JSON and their lines."""
    line, counted = 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", counted, match.start(1))
        counted = match.start(1)
        yield match[1], line


class _Walk:
    """Walks through valid JSON and makes the node of each value; a member has the line of its name."""

    def __init__(self, text: str) -> None:
        self.duplicates: list[str] = []
        self._tokens = _tokens(text)
        self._path = ["$"]  # one segment for each array or object around

    def root(self) -> Node:
        """Return the node of the whole document."""
        token, line = next(self._tokens)
        return Node(line, self._members(token))

    def _members(self, token: str) -> dict[str, Node]:
        """Return the nodes in the value that starts with a token."""
        match token:
            case "{":
                return self._of_object()
            case "[":
                return self._of_array()
            case _:
                return {}

    def _of_object(self) -> dict[str, Node]:
        members: dict[str, Node] = {}
        for name, line in self._until("}"):
            segment = member("", json.loads(name))
            if segment in members:
                self.duplicates.append("".join([*self._path, segment]))
            next(self._tokens)  # the colon
            token, _ = next(self._tokens)
            members[segment] = self._inner(segment, token, line)
        return members

    def _of_array(self) -> dict[str, Node]:
        items: dict[str, Node] = {}
        for token, line in self._until("]"):
            segment = member("", len(items))
            items[segment] = self._inner(segment, token, line)
        return items

    def _until(self, end: str) -> Iterator[tuple[str, int]]:
        """Yield the first token of each member or item of the innermost array or object."""
        for text, line in self._tokens:
            if text == end:
                return
            if text != ",":
                yield text, line

    def _inner(self, segment: str, token: str, line: int) -> Node:
        if len(self._path) > strict_json.DEEPEST:
            raise ValueError(strict_json.TOO_DEEP)
        self._path.append(segment)
        node = Node(line, self._members(token))
        self._path.pop()
        return node
