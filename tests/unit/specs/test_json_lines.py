import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from harness.core import strict_json
from harness.specs import json_lines

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


def paths(value: Any, path: str = "$") -> Iterator[str]:
    """Yield the path of a value and of all in it, as they come in the text."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from paths(each, json_lines.member(path, key))


class Counted(str):
    """A text that counts the characters in which line ends are looked for, and fails at too many."""

    __slots__ = ("looked_at",)

    def count(self, wanted: str, start: Any = None, end: Any = None) -> int:
        looked_in = range(*slice(start, end).indices(len(self) if wanted == "\n" else 0))
        self.looked_at = getattr(self, "looked_at", 0) + len(looked_in)
        assert self.looked_at <= len(self), "each character is looked at once"
        return super().count(wanted, start, end)


@given(JSON, st.sampled_from([None, 0, 2]))
def test_any_json_reads_as_itself_and_every_value_has_a_line(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    document = json_lines.parse(text)
    assert document.value == value
    assert document.duplicates == []
    lines = [document.line(path) for path in paths(value)]
    # Where JSON is indented, each value is on a line of its own.
    assert lines == sorted(lines) if indent is None else lines == sorted(set(lines))
    assert set(lines) <= set(range(1, text.count("\n") + 2))


def test_lines_are_those_of_keys_and_items() -> None:
    document = json_lines.parse('{\n"a": [\n1,\n{\n"b":\n2}],\n"c": "}"\n}')
    expected = {"$": 1, "$.a": 2, "$.a[0]": 3, "$.a[1]": 4, "$.a[1].b": 5, "$.c": 7}
    assert list(paths(document.value)) == list(expected)
    assert {path: document.line(path) for path in expected} == expected


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("$.a.x", 2),
        ("$.a[7].x", 2),
        ("$.a['>=3.5'][0]", 3),
        ("$.a['>=3.5'][0].x", 3),
        ("$.a['<3.5'][0]", 2),
        ("$.no", 1),
        ("$", 1),
        ("no path", 1),
    ],
)
def test_an_unknown_path_has_the_line_of_what_is_around_it(path: str, line: int) -> None:
    assert json_lines.parse('{\n"a": {\n">=3.5": []}}').line(path) == line


@pytest.mark.parametrize(
    ("key", "path"),
    [
        *(("a", "$.a"), (0, "$[0]"), (">=3.5", "$['>=3.5']"), ("300", "$['300']"), ("", "$['']"), ("a\n", r"$['a\n']")),
        *(("it's", '$["it\'s"]'), ("'\"", r"""$['\'"']"""), ("a']['b", "$[\"a']['b\"]"), ("\\", r"$['\\']")),
    ],
)
def test_a_name_that_is_no_word_is_quoted_in_a_path(key: str | int, path: str) -> None:
    assert json_lines.member("$", key) == path
    if isinstance(key, str):
        document = json_lines.parse("{\n" + json.dumps(key) + ": {\n" + json.dumps(key) + ": 1}}")
        inner = json_lines.member(path, key)
        assert [document.line(each) for each in ("$", path, inner)] == [1, 2, 3]


def test_duplicates_are_found() -> None:
    document = json_lines.parse('{"a": [0, {"b": 1,\n"c": 1,\n"\\u0062": {\n"d": 1}}]}')
    assert document.duplicates == ["$.a[1].b"]
    assert [document.line(f"$.a[1]{rest}") for rest in ("", ".c", ".b", ".b.d")] == [1, 2, 3, 4], "the last one counts"


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", ""])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        json_lines.parse(text)


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_too_deeply_is_refused(start: str, end: str) -> None:
    for levels in (strict_json.DEEPEST + 1, 100_000):
        with pytest.raises(ValueError, match=r"^it has more than 100 levels of arrays and objects$"):
            json_lines.parse(start * levels + "0" + end * levels)
    deepest = json_lines.parse(start * strict_json.DEEPEST + "0" + end * strict_json.DEEPEST)
    assert json.dumps(deepest.value).count(start[0]) == strict_json.DEEPEST


def test_a_large_document_is_looked_at_once() -> None:
    fields = {f"field {index}": [f"{index:<45}"] * 30 for index in range(700)}
    text = Counted(json.dumps(fields, indent=1))
    assert len(text) > 1 << 20
    document = json_lines.parse(text)
    last = list(fields)[-1]
    assert document.line(f"$['{last}'][29]") == text.splitlines().index(f' "{last}": [') + 31


def test_a_long_name_is_not_repeated_for_all_that_is_in_it() -> None:
    text = json.dumps({"x" * 3_000: [0] * 3_000})
    tracemalloc.start()
    json_lines.parse(text)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 300 * len(text), "in a path for each item it would be more than 700 times its length"
