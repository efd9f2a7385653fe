"""Changes values in the text of a JSON or JSON5 document, and leaves the rest of it as it is written."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.specs import json_lines
from harness.specs.json_lines import Node

JsonPath = tuple[str | int, ...]
_COMMENT = r"//[^\n\r\u2028\u2029]*|/\*.*?\*/"
_IN_GAP = re.compile(rf"({_COMMENT})|,", re.DOTALL)
_COMMENTS = re.compile(_COMMENT, re.DOTALL)
_LINE_END = re.compile(r"[^\S\n]*\n")
_GAP = re.compile(r"\s*\Z")
_AT_END = re.compile(rf"(?:[^\S\n]*(?:{_COMMENT}))?", re.DOTALL)
_WIDTH = 100
_Change = tuple[int, int, str]  # start, end and the text that takes the place of what is between


def without(text: str, paths: Iterable[JsonPath]) -> str:
    """Return a JSON document without some members and items; what is empty then goes as well.

    Args:
        text: a valid document.
        paths: what to remove, such as `("expect", 0)`.
    """
    document = json_lines.parse(text)
    return _edited(text, document.root, _with_emptied(document.value, set(paths)))


def without_json5(text: str, paths: Iterable[JsonPath]) -> str:
    """Return a JSON5 document without some members and items; comments stay, and so do arrays that are empty then.

    Args:
        text: a valid document.
        paths: what to remove, such as `("expected_run_failures", 0)`.
    """
    return _edited(text, json_lines.parse_json5(text).root, set(paths))


def with_texts_json5(text: str, values: Mapping[JsonPath, str]) -> str:
    """Return a JSON5 document in which other texts are at some paths; everything else stays, also comments.

    Args:
        text: a valid document.
        values: by path, what to write.
    """
    root = json_lines.parse_json5(text).root
    nodes = [(_node(root, path), value) for path, value in values.items()]
    for node, value in sorted(nodes, key=lambda each: each[0].value, reverse=True):
        text = f"{text[: node.value]}{json.dumps(value)}{text[node.end :]}"
    return text


def with_entries_json5(text: str, path: JsonPath, entries: Sequence[str]) -> str:
    """Return a JSON5 document in which an array or an object has more entries, after those that it has.

    Args:
        text: a valid document.
        path: the array or the object.
        entries: what to write, such as `"name"` or `"name": "value"`.
    """
    container = _node(json_lines.parse_json5(text).root, path)
    members = list(container.members.values())
    if not members:
        return _with_first(text, container, entries)
    last, close = members[-1], container.end - 1
    before = _GAP.search(text, 0, last.start)[0]  # type: ignore[index]  # it matches nothing as well
    gap = before or " "
    after = text[last.end : close]
    comma = next((each for each in _IN_GAP.finditer(after) if not each[1]), None)
    place = last.end + (comma.end() if comma else 0)
    if "\n" in gap:  # a comment in the line of the last entry is about that
        place = _AT_END.match(text, place).end()  # type: ignore[union-attr]  # it matches nothing as well
    shown = f",{gap}".join(entries)
    if comma:
        return f"{text[:place]}{gap}{shown},{text[place:]}"
    return f"{text[: last.end]},{text[last.end : place]}{gap}{shown}{text[place:]}"


def _with_first(text: str, container: Node, entries: Sequence[str]) -> str:
    """Return a document in which a container without entries has some, each in a line of its own."""
    place = container.value + 1
    indent = re.match(r"[^\S\n]*", text[text.rfind("\n", 0, container.value) + 1 :])[0]  # type: ignore[index]
    unit = indent or "  "
    shown = "".join(f"\n{indent}{unit}{each}," for each in entries).removesuffix(",")
    rest = text[place : container.end - 1]
    if "\n" not in rest:
        rest = f"{rest.rstrip()}\n{indent}"
    return f"{text[:place]}{shown}{rest}{text[container.end - 1 :]}"


def with_members(text: str, values: Mapping[str, Any]) -> str:
    """Return a JSON object in which members have these values; new ones follow the one before, or come last.

    Args:
        text: a valid document, an object that is not empty.
        values: by name, what to write.
    """
    before = None
    for name, value in values.items():
        members = json_lines.parse(text).root.members
        node = members.get(json_lines.member("", name))
        near = node or members[before or list(members)[-1]]
        gap = _GAP.search(text, 0, near.start)[0]  # type: ignore[index]  # it matches nothing as well
        unit = gap.rpartition("\n")[2]
        shown = _written(value, unit=unit, indent=unit) if "\n" in gap else json.dumps(value, ensure_ascii=False)
        if node:
            text = f"{text[: node.value]}{shown}{text[node.end :]}"
        else:
            text = f"{text[: near.end]},{gap}{json.dumps(name)}: {shown}{text[near.end :]}"
        before = json_lines.member("", name)
    return text


def _written(value: Any, *, unit: str, indent: str) -> str:
    """Return a value as JSON: in one line if it has room, else with a line for each of its entries.

    Args:
        value: the value.
        unit: what lines of entries have more before them than those around.
        indent: what is before the value in its line.
    """
    line = json.dumps(value, ensure_ascii=False)
    if len(line) <= _WIDTH or not isinstance(value, dict | list):
        return line
    inner = indent + unit
    if isinstance(value, dict):
        shown = (f"{json.dumps(name)}: {_written(each, unit=unit, indent=inner)}" for name, each in value.items())
    else:
        shown = (_written(each, unit=unit, indent=inner) for each in value)
    return f"{line[0]}\n{inner}" + f",\n{inner}".join(shown) + f"\n{indent}{line[-1]}"


def _edited(text: str, root: Node, paths: set[JsonPath]) -> str:
    by_parent: dict[JsonPath, set[str]] = defaultdict(set)
    for path in paths:
        by_parent[path[:-1]].add(json_lines.member("", path[-1]))
    changes = [each for parent, gone in by_parent.items() for each in _changes(text, _node(root, parent), gone)]
    for start, end, kept in sorted(changes, reverse=True):
        text = text[:start] + kept + text[end:]
    return text


def _node(root: Node, path: JsonPath) -> Node:
    for key in path:
        root = root.members[json_lines.member("", key)]
    return root


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


def _changes(text: str, container: Node, gone: set[str]) -> Iterator[_Change]:
    """Yield the changes that remove entries of an object or array.

    Raises:
        KeyError: it has no such entry.
    """
    if missing := gone - container.members.keys():
        raise KeyError(*missing)
    entries = [(segment in gone, node) for segment, node in container.members.items()]
    kept = next((index for index in range(len(entries), 0, -1) if not entries[index - 1][0]), 0)
    nodes = [node for _, node in entries]
    for index, (is_gone, node) in enumerate(entries[:kept]):
        if is_gone:
            end = nodes[index + 1].start
            yield node.start, end, _comments(text[node.end : end]).lstrip()
    if kept < len(entries):
        yield _tail(text, container, nodes, kept)


def _tail(text: str, container: Node, nodes: Sequence[Node], kept: int) -> _Change:
    """Return the change that removes all entries after the first ones; a comma after the last stays such a comma."""
    start = nodes[kept - 1].end if kept else container.value + 1
    ends = [start, *(node.end for node in nodes[kept:])]
    gaps = [text[end : node.start] for end, node in zip(ends, nodes[kept:], strict=False)]
    after = text[nodes[-1].end : container.end - 1]
    if comma := next((each for each in _IN_GAP.finditer(after) if not each[1]), None):
        gaps.append(after[: comma.start()])
    end = nodes[-1].end + (comma.end() if comma else 0)
    left = [("," if kept and comma else "") if not index else "" for index in range(len(gaps))]
    found = "".join(f"{mark}{_comments(gap)}" for mark, gap in zip(left, gaps, strict=True))
    if _LINE_END.match(text, end) or not found.strip():
        return start, end, found.rstrip()
    return start, end, found if "//" not in found.rpartition("\n")[2] else f"{found}\n"


def _comments(gap: str) -> str:
    """Return what stands between two entries without the comma, and nothing if no comment is there."""
    return _IN_GAP.sub(lambda found: found[1] or "", gap) if _COMMENTS.search(gap) else ""
