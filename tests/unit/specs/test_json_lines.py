import json
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from harness.specs import json_lines

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


@given(JSON, st.sampled_from([None, 0, 2]))
def test_any_json_reads_as_itself_and_every_line_is_one_of_its_own(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    document = json_lines.parse(text)
    assert document.value == value
    assert set(document.lines.values()) <= set(range(1, text.count("\n") + 2))


def test_lines_are_those_of_keys_and_items() -> None:
    document = json_lines.parse('{\n"a": [\n1,\n{"b": 2}],\n"c": "}"\n}')
    assert document.lines == {"$": 1, "$.a": 2, "$.a[0]": 3, "$.a[1]": 4, "$.a[1].b": 4, "$.c": 5}


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
    [("a", "$.a"), (0, "$[0]"), (">=3.5", "$['>=3.5']"), ("300", "$['300']"), ("", "$['']"), ("a\n", r"$['a\n']")],
)
def test_a_name_that_is_no_word_is_quoted_in_a_path(key: str | int, path: str) -> None:
    assert json_lines.member("$", key) == path
    if isinstance(key, str):
        assert json_lines.parse(json.dumps({key: 1})).lines == {"$": 1, path: 1}


def test_duplicates_are_found() -> None:
    assert json_lines.parse('{"a": {"b": 1, "b": 2}}').duplicates == ["$.a.b"]


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", ""])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        json_lines.parse(text)
