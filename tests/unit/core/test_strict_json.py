import contextlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core import strict_json

CHARACTERS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | CHARACTERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CHARACTERS, inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_json_is_read_as_json_reads_it(value: Any) -> None:
    assert strict_json.loads(json.dumps(value)) == value
    assert strict_json.loads(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[NaN]", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ("[1e999]", "1e999 is too large for a number"),
        ("9" * 5_000, "has too many digits for a number"),
        ("[" * 101 + "]" * 101, "more than 100 levels"),
        ("[" * 200_000, "more than 100 levels"),
        (r'{"a": ["\u0000"]}', "['a'][0]: has the character U+0000"),
        (r'{"a": {"\ud800": 1}}', "['a']: has the character U+D800"),
        (b'"\xff"', "invalid start byte"),
        (b"\xff\xfe1\x00", "invalid start byte"),
        ("", "Expecting value"),
        ("\ufeff1", "Unexpected UTF-8 BOM"),
    ],
)
def test_what_would_break_later_is_refused(text: bytes | str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        strict_json.loads(text)


@given(st.recursive(st.text("a\0\ud800u\\[{"), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_a_document_is_refused_if_it_has_a_fault_however_it_is_written(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        with contextlib.suppress(json.JSONDecodeError):  # a raw NUL
            found = list(strict_json.faults(strict_json.parsed(text)))
            with pytest.raises(ValueError, match="has the character") if found else contextlib.nullcontext():
                strict_json.loads(text)


@pytest.mark.parametrize("levels", [99, 100, 101])
@pytest.mark.parametrize("inside", ["1", '"]"', r'"\"[[{"', "[], {}", "[[1], {}]"])
def test_only_what_has_many_levels_is_looked_through(levels: int, inside: str) -> None:
    """However many values it has."""
    text = f"{'[' * levels}{inside}{']' * levels}"
    assert strict_json.may_have_faults(text) is bool([*strict_json.faults(json.loads(text))])
    assert not strict_json.may_have_faults(json.dumps([{"a": [1, [2, "[{"]]}] * 500))


@given(st.text())
def test_a_usable_text_has_no_fault(text: str) -> None:
    assert list(strict_json.faults([strict_json.usable(text)])) == []
    assert strict_json.usable(strict_json.usable(text)) == strict_json.usable(text)
