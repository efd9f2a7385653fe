import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.specs.json_edit import JsonPath, without

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
