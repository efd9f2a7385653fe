import json
from typing import Any

import pyjson5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.specs.json_edit import JsonPath, with_entries_json5, with_members, without, without_json5

TEXT = """{
  "mlir": "a.mlir",
  "chips": ["gfx90a", "gfx942"],
  "expect": [
    {"fails": "numeric", "chips": ["gfx942"]},
    {"fails": "nan"}
  ],
  "last": true
}
"""


@pytest.mark.parametrize(
    ("paths", "before", "after"),
    [
        ([("last",)], '],\n  "last": true\n}', "]\n}"),
        ([("mlir",)], '"mlir": "a.mlir",\n  ', ""),
        ([("chips", 0)], '"gfx90a", ', ""),
        ([("chips", 1)], ', "gfx942"],\n  "e', '],\n  "e'),
        ([("chips", 0), ("chips", 1)], '"chips": ["gfx90a", "gfx942"],\n  ', ""),
        ([("expect", 0)], '{"fails": "numeric", "chips": ["gfx942"]},\n    ', ""),
        ([("expect", 1)], ',\n    {"fails": "nan"}', ""),
        ([("expect", 0, "chips", 0)], ', "chips": ["gfx942"]', ""),
        ([("expect", 0), ("expect", 1)], TEXT[TEXT.index('"expect"') : TEXT.index('"last"')], ""),
    ],
)
def test_only_what_is_removed_changes(paths: list[JsonPath], before: str, after: str) -> None:
    assert TEXT.count(before) == 1
    assert without(TEXT, paths) == TEXT.replace(before, after)


LEAF = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=3)
VALUE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
)


def places(value: Any, at: JsonPath = ()) -> list[JsonPath]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, inner in entries for path in ((*at, key), *places(inner, (*at, key)))]


@given(
    data=st.data(),
    value=st.dictionaries(st.text(max_size=2), VALUE, min_size=2, max_size=4),
    indent=st.sampled_from([None, 2]),
)
def test_one_value_is_removed_from_any_document(data: st.DataObject, value: Any, indent: int | None) -> None:
    path = data.draw(st.sampled_from(places(value)))
    found = json.loads(without(json.dumps(value, indent=indent), [path]))
    expected, parents = json.loads(json.dumps(value)), []
    container = expected
    for key in path[:-1]:
        parents.append((container, key))
        container = container[key]
    del container[path[-1]]
    for parent, key in reversed(parents):
        if parent[key]:
            break
        del parent[key]
    assert found == expected


CONFIG = """// top
{
  name: 'x', // name
  "list": [
    "a", // about a
    // before b
    'b', /* b */
    "c",
    // before d
    "d", // about d
  ],
  short: ["a", "b"],
  last: [
    "a", // x
    "b"],
}
"""


@pytest.mark.parametrize(
    ("paths", "before", "after"),
    [
        ([("list", 0)], '"a", // about a\n    // before b', "// about a\n    // before b"),
        ([("list", 1)], "'b', /* b */", "/* b */"),
        ([("list", 2)], '"c",\n    // before d', "// before d"),
        ([("list", 3)], '    "d", // about d', "     // about d"),
        ([("list", 1), ("list", 2)], "'b', /* b */\n    \"c\",\n    // before d", "/* b */\n    // before d"),
        ([("short", 0)], '["a", "b"]', '["b"]'),
        ([("short", 1)], '["a", "b"]', '["a"]'),
        ([("short", 0), ("short", 1)], '["a", "b"]', "[]"),
        ([("last", 1)], '"a", // x\n    "b"]', '"a" // x\n    ]'),
    ],
)
def test_comments_stay(paths: list[JsonPath], before: str, after: str) -> None:
    assert CONFIG.count(before) == 1
    assert without_json5(CONFIG, paths) == CONFIG.replace(before, after)


GAP = st.sampled_from(["", " ", "\n  ", " // x, ]\n", "/* \n, [ */", "//\n//\n"])


@given(data=st.data(), items=st.lists(st.sampled_from(['"a"', "'b,]'", "1", "[2, /* y */]", '"//"']), max_size=5))
def test_any_items_of_an_array_are_removed(data: Any, items: list[str]) -> None:
    gaps = data.draw(st.lists(GAP, min_size=2 * len(items) + 2, max_size=2 * len(items) + 2))
    inner = ",".join(f"{gaps[2 * index]}{item}{gaps[2 * index + 1]}" for index, item in enumerate(items))
    has_last_comma = bool(items) and data.draw(st.booleans())
    end = f",{gaps[-1]}" if has_last_comma else gaps[-1]
    text = f"{{a: [{inner}{end}]}}"
    gone = data.draw(st.sets(st.sampled_from(range(len(items))))) if items else set()
    found = without_json5(text, [("a", index) for index in gone])
    assert pyjson5.decode(found) == {
        "a": [pyjson5.decode(each) for index, each in enumerate(items) if index not in gone]
    }
    assert found.count("//") + found.count("/*") >= sum(gap.count("//") + gap.count("/*") for gap in gaps[:-2])
    if not gone:
        assert found == text


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        (("list",), '"d", // about d\n', '"d", // about d\n    "x",\n    "y",\n'),
        (("short",), '["a", "b"]', '["a", "b", "x", "y"]'),
        (("last",), '    "b"]', '    "b",\n    "x",\n    "y"]'),
        (("none",), "none: []", 'none: [\n    "x",\n    "y"\n  ]'),
        (("told",), "told: [ // of nothing\n", 'told: [\n    "x",\n    "y" // of nothing\n'),
    ],
)
def test_entries_are_written_after_the_others(path: JsonPath, before: str, after: str) -> None:
    text = CONFIG.replace("  short", "  none: [],\n  told: [ // of nothing\n  ],\n  short")
    assert text.count(before) == 1
    assert with_entries_json5(text, path, ['"x"', '"y"']) == text.replace(before, after)


@given(data=st.data(), items=st.lists(st.sampled_from(['"a"', "'b,]'", "1", "[2, /* y */]", '"//"']), max_size=5))
def test_entries_are_written_into_any_array(data: Any, items: list[str]) -> None:
    gaps = data.draw(st.lists(GAP, min_size=2 * len(items) + 2, max_size=2 * len(items) + 2))
    inner = ",".join(f"{gaps[2 * index]}{item}{gaps[2 * index + 1]}" for index, item in enumerate(items))
    end = f",{gaps[-1]}" if items and data.draw(st.booleans()) else gaps[-1]
    found = with_entries_json5(f"{{a: [{inner}{end}]}}", ("a",), ['"x"', '"y"'])
    assert pyjson5.decode(found) == {"a": [*map(pyjson5.decode, items), "x", "y"]}
    for mark in ("//", "/*"):
        # Where a comment follows another one, `*//*` is no mark of a third one.
        before, after = (text.replace("*/", "*.") for text in (f"{inner}{end}", found))
        assert after.count(mark) == before.count(mark)


def test_what_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(KeyError):
        without_json5(CONFIG, [("list", 9)])


LONG = [{"source": f"{each * 40}.npy"} for each in "ab"]
WRITTEN = f"""[
    {{"source": "{"a" * 40}.npy"}},
    {{"source": "{"b" * 40}.npy"}}
  ]"""


@pytest.mark.parametrize(
    ("values", "before", "after"),
    [
        ({"mlir": "b.mlir"}, '"a.mlir"', '"b.mlir"'),
        ({"chips": []}, '["gfx90a", "gfx942"]', "[]"),
        ({"chips": LONG}, '["gfx90a", "gfx942"]', WRITTEN),
        ({"new": 1}, '"last": true', '"last": true,\n  "new": 1'),
        ({"chips": ["é"], "new": LONG}, '["gfx90a", "gfx942"]', f'["é"],\n  "new": {WRITTEN}'),
    ],
)
def test_only_what_is_written_changes(values: dict[str, Any], before: str, after: str) -> None:
    assert TEXT.count(before) == 1
    assert with_members(TEXT, values) == TEXT.replace(before, after)


@given(
    value=st.dictionaries(st.text(max_size=2), VALUE, min_size=1, max_size=4),
    values=st.dictionaries(st.text(max_size=2), VALUE, max_size=3),
    indent=st.sampled_from([None, 2, 4, "\t"]),
)
def test_members_are_written_into_any_object(value: Any, values: Any, indent: int | str | None) -> None:
    assert json.loads(with_members(json.dumps(value, indent=indent), values)) == value | values
