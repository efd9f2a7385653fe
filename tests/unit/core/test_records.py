import contextlib
import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.blobs import Blob
from harness.core.cases import Backend
from harness.core.floats import Number
from harness.core.records import MalformedError, as_json, read
from harness.pipeline.step_results import StepResult
from harness.pipeline.steps import Compare
from tests.unit.messages import JSON, KINDS, MESSAGES, a


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, kw_only=True)
class Leaf:
    number: int
    others: Mapping[str, Number] = field(default_factory=dict)


class Bud(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    number: int


class Twig(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    number: int


@dataclass(frozen=True, kw_only=True)
class Tree:
    name: str
    is_green: bool
    leaf: Leaf | None
    one_of: Bud | Twig | tuple[Leaf, ...] | None
    pairs: tuple[tuple[str, Leaf | None], ...]
    colours: frozenset[Colour]
    place: Path
    by_name: Mapping[str, Twig]
    height: Number
    width: float
    anything: Any


LEAF = {"number": 1, "others": {"a": 0.5}}
TREE: dict[str, Any] = {
    "name": "é\n",
    "is_green": True,
    "leaf": None,
    "one_of": {"type": "Twig", "number": 2},
    "pairs": [["a", LEAF], ["b", None]],
    "colours": ["red"],
    "place": "/a/b",
    "by_name": {"x.y": {"type": "Twig", "number": 3}},
    "height": 1.5,
    "width": 2.5,
    "anything": [{"type": "Tree"}],
}


SHAPES = (int, str, bool, Number, Path, Backend, Blob, tuple[int, str], frozenset[str], int | None)


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return data with another value at a path."""
    if not path:
        return value
    copied = list(data) if isinstance(data, list) else dict(data)
    copied[path[0]] = changed(copied[path[0]], path[1:], value)
    return copied


def places(data: Any) -> list[tuple[Any, ...]]:
    """Return the paths of all values in data."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [(), *((key, *rest) for key, inner in items for rest in places(inner))]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_is_written_is_read_again(kind: type) -> None:
    @settings(max_examples=10)
    @given(a(kind))
    def holds(value: Any) -> None:
        assert read(kind, as_json(value)) == value

    holds()


def test_every_shape_that_a_field_can_have() -> None:
    tree = read(Tree, TREE)
    leaf = Leaf(number=1, others={"a": 0.5})
    assert tree == Tree(
        name="é\n",
        is_green=True,
        leaf=None,
        one_of=Twig(number=2),
        pairs=(("a", leaf), ("b", None)),
        colours=frozenset({Colour.RED}),
        place=Path("/a/b"),
        by_name={"x.y": Twig(number=3)},
        height=1.5,
        width=2.5,
        anything=[{"type": "Tree"}],
    )
    assert as_json(tree) == TREE
    many = changed(TREE, ("one_of",), [LEAF, LEAF])
    assert read(Tree, many).one_of == (leaf, leaf)
    assert read(Tree, changed(TREE, ("one_of",), None)).one_of is None
    assert read(Tree, changed(TREE, ("leaf",), {"number": 7})).leaf == Leaf(number=7)


@pytest.mark.parametrize("number", [0.0, -0.0, 1e308, 5e-324, math.inf, -math.inf, math.nan])
def test_every_float_is_json(number: float) -> None:
    data = as_json(StepResult(seconds=number))
    assert type(data["seconds"]) is (float if math.isfinite(number) else str)
    assert repr(read(StepResult, data).seconds) == repr(number)


def test_a_whole_number_is_a_float_too() -> None:
    assert repr(read(float, 3)) == repr(read(Number, 3)) == "3.0"


def test_a_path_that_is_not_valid_text() -> None:
    assert as_json([Path("/a/\udcff"), "\0"]) == ["/a/\N{REPLACEMENT CHARACTER}", "\N{REPLACEMENT CHARACTER}"]


def test_keys_that_are_unknown_or_have_a_default() -> None:
    assert read(Blob, {"url": "u", "unknown": [1], "type": "Something"}) == Blob(url="u")


@pytest.mark.parametrize(
    ("path", "value", "where", "expected"),
    [
        ((), 1, "$", "expected `object`, got `int`"),
        ((), [], "$", "expected `object`, got `array`"),
        ((), {}, "$", "object missing required field `name`"),
        (("name",), 1, "$.name", "expected `str`, got `int`"),
        (("name",), None, "$.name", "expected `str`, got `null`"),
        (("is_green",), 1, "$.is_green", "expected `bool`, got `int`"),
        (("leaf",), [], "$.leaf", "expected `object | null`, got `array`"),
        (("leaf",), {"number": True}, "$.leaf.number", "expected `int`, got `bool`"),
        (("leaf",), {"number": 1.0}, "$.leaf.number", "expected `int`, got `float`"),
        (("one_of", "type"), "Tree", "$.one_of.type", "invalid value 'Tree'"),
        (("one_of", "type"), ["Bud"], "$.one_of.type", "expected `str`"),
        (("one_of",), {"number": 2}, "$.one_of", "object missing required field `type`"),
        (("one_of",), [LEAF, 1], "$.one_of[1]", "expected `object`, got `int`"),
        (("one_of",), 1, "$.one_of", "expected `object | array | null`, got `int`"),
        (("pairs",), {}, "$.pairs", "expected `array`, got `object`"),
        (("pairs",), "ab", "$.pairs", "expected `array`, got `str`"),
        (("pairs", 1), ["b"], "$.pairs[1]", "expected `array` of length 2, got 1"),
        (("pairs", 1), ["b", None, 1], "$.pairs[1]", "expected `array` of length 2, got 3"),
        (("pairs", 0, 1, "number"), "1", "$.pairs[0][1].number", "expected `int`, got `str`"),
        (("colours",), ["red", "green"], "$.colours[1]", "unknown value 'green'"),
        (("colours",), [{}], "$.colours[0]", "expected `str`, got `object`"),
        (("place",), 1, "$.place", "expected a path, got '1'"),
        (("by_name",), [], "$.by_name", "expected `object`, got `array`"),
        (("by_name", "x.y"), 1, "$.by_name[...]", "expected `object`, got `int`"),
        (("height",), True, "$.height", "expected a number, got `bool`"),
        (("height",), "1.5", "$.height", "unknown value '1.5'"),
        (("height",), "infinity", "$.height", "unknown value 'infinity'"),
        (("height",), [], "$.height", "expected a number, got `array`"),
        (("height",), 10**400, "$.height", "number out of range"),
        (("width",), True, "$.width", "expected `float`, got `bool`"),
        (("width",), "inf", "$.width", "expected `float`, got `str`"),
        (("width",), 10**400, "$.width", "number out of range"),
    ],
)
def test_malformed_data_is_refused_with_its_path(path: tuple[Any, ...], value: Any, where: str, expected: str) -> None:
    with pytest.raises(MalformedError) as caught:
        read(Tree, changed(TREE, path, value))
    assert str(caught.value).startswith(f"malformed at {where}: {expected}")


def test_a_message_does_not_quote_megabytes() -> None:
    for kind in (int, Number, Colour):
        with pytest.raises(MalformedError) as caught:
            read(kind, "x" * 1_000_000)
        assert len(str(caught.value)) < 300


@given(kind=st.sampled_from(SHAPES), data=JSON)
def test_any_json_is_read_or_refused(kind: Any, data: Any) -> None:
    try:
        value = read(kind, data)
    except MalformedError:
        return
    again = read(kind, as_json(value))
    assert again == value or repr(again) == repr(value) or as_json(again) == as_json(value)  # it has no NUL


@settings(max_examples=20)
@given(data=st.data())
def test_a_changed_message_is_read_or_refused(data: st.DataObject) -> None:
    message = data.draw(MESSAGES)
    written = as_json(message)
    spoilt = changed(written, data.draw(st.sampled_from(places(written))), data.draw(JSON))
    with contextlib.suppress(MalformedError):
        assert type(read(type(message), spoilt)) is type(message)


def test_only_classes_that_the_types_name_are_made() -> None:
    with pytest.raises(MalformedError):
        read(Compare, {"type": "Compare", "run": {"type": "Path", "path": "/"}, "expected": [], "thresholds": {}})
