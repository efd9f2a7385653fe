import contextlib
import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.containers.protocol import Request
from harness.core.blobs import Blob
from harness.core.cases import Backend
from harness.core.records import MalformedError, read, write
from harness.pipeline.step_results import StepResult
from tests.unit.messages import JSON, KINDS, MESSAGES, a


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, kw_only=True)
class Leaf:
    number: int
    others: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Twig:
    number: int


@dataclass(frozen=True, kw_only=True)
class Tree:
    name: str
    is_green: bool
    leaf: Leaf | None
    one_of: Leaf | Twig | tuple[Leaf, ...] | None
    pairs: tuple[tuple[str, Leaf | None], ...]
    colours: frozenset[Colour]
    place: Path
    by_name: Mapping[str, Twig]
    height: float
    anything: Any


LEAF = {"is": "Leaf", "number": 1, "others": {"a": 0.5}}
TREE: dict[str, Any] = {
    "is": "Tree",
    "name": "é\n",
    "is_green": True,
    "leaf": None,
    "one_of": {"is": "Twig", "number": 2},
    "pairs": [["a", LEAF], ["b", None]],
    "colours": ["red"],
    "place": "/a/b",
    "by_name": {"x.y": {"is": "Twig", "number": 3}},
    "height": 1.5,
    "anything": [{"is": "Tree"}],
}


SHAPES = (int, str, bool, float, Path, Backend, Blob, tuple[int, str], frozenset[str], int | None)


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return data with another value at a place."""
    if not path:
        return value
    copied = list(data) if isinstance(data, list) else dict(data)
    copied[path[0]] = changed(copied[path[0]], path[1:], value)
    return copied


def places(data: Any) -> list[tuple[Any, ...]]:
    """Return the paths to all that there is in data."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [(), *((key, *rest) for key, inner in items for rest in places(inner))]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_is_written_is_read_again(kind: type) -> None:
    @settings(max_examples=10)
    @given(a(kind))
    def holds(value: Any) -> None:
        data = write(value)
        assert data["is"] == kind.__name__
        assert read(kind, data) == value

    holds()


def test_every_shape_that_a_field_can_have() -> None:
    tree: Tree = read(Tree, TREE)
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
        anything=[{"is": "Tree"}],
    )
    assert write(tree) == TREE
    many = changed(TREE, ("one_of",), [LEAF, LEAF])
    assert read(Tree, many).one_of == (leaf, leaf)
    assert read(Tree, changed(TREE, ("one_of",), None)).one_of is None
    assert read(Tree, changed(TREE, ("leaf",), {"number": 7})).leaf == Leaf(number=7)


@pytest.mark.parametrize("number", [0.0, -0.0, 1e308, 5e-324, math.inf, -math.inf, math.nan])
def test_every_float_is_json(number: float) -> None:
    data = write(StepResult(seconds=number))
    assert type(data["seconds"]) is (float if math.isfinite(number) else str)
    assert repr(read(StepResult, data).seconds) == repr(number)


def test_a_whole_number_is_a_float_too() -> None:
    assert repr(read(float, 3)) == "3.0"


def test_a_name_that_is_no_text_on_this_machine() -> None:
    path = Path("/a/\udcff")
    assert read(Path, write(path)) == path


def test_keys_that_are_unknown_or_have_a_default() -> None:
    assert read(Blob, {"url": "u", "unknown": [1], "is": "Something"}) == Blob(url="u")


@pytest.mark.parametrize(
    ("path", "value", "where", "expected"),
    [
        ((), 1, "$", "expected an object, got '1'"),
        ((), [], "$", "expected an object, got '[]'"),
        ((), {}, "$", "expected the keys anything, by_name, colours"),
        (("name",), 1, "$.name", "expected a value of type str, got '1'"),
        (("name",), None, "$.name", "expected a value of type str, got 'None'"),
        (("is_green",), 1, "$.is_green", "expected a value of type bool, got '1'"),
        (("leaf",), [], "$.leaf", "expected an object, got '[]'"),
        (("leaf",), {"number": True}, "$.leaf.number", "expected a value of type int, got 'True'"),
        (("leaf",), {"number": 1.0}, "$.leaf.number", "expected a value of type int, got '1.0'"),
        (("one_of", "is"), "Tree", "$.one_of", "Leaf"),
        (("one_of", "is"), ["Leaf"], "$.one_of", "Twig"),
        (("one_of",), {"number": 2}, "$.one_of", "Leaf"),
        (("one_of",), [LEAF, 1], "$.one_of[1]", "expected an object, got '1'"),
        (("one_of",), 1, "$.one_of", "expected an object, got '1'"),
        (("pairs",), {}, "$.pairs", "expected an array, got '{}'"),
        (("pairs",), "ab", "$.pairs", "expected an array, got 'ab'"),
        (("pairs", 1), ["b"], "$.pairs[1]", "expected 2 values"),
        (("pairs", 1), ["b", None, 1], "$.pairs[1]", "expected 2 values"),
        (("pairs", 0, 1, "number"), "1", "$.pairs[0][1].number", "expected a value of type int, got '1'"),
        (("colours",), ["red", "green"], "$.colours[1]", "expected one of red, blue, got 'green'"),
        (("colours",), [{}], "$.colours[0]", "expected one of red, blue, got '{}'"),
        (("place",), 1, "$.place", "expected a path, got '1'"),
        (("by_name",), [], "$.by_name", "expected an object, got '[]'"),
        (("by_name", "x.y"), 1, "$.by_name.x.y", "expected an object, got '1'"),
        (("height",), True, "$.height", "expected a number, got 'True'"),
        (("height",), "1.5", "$.height", "expected a number, got '1.5'"),
        (("height",), "infinity", "$.height", "expected a number, got 'infinity'"),
        (("height",), [], "$.height", "expected a number, got '[]'"),
        (("height",), 10**400, "$.height", "expected a number that fits 64 bits, got '1000"),
    ],
)
def test_what_is_malformed_is_refused_and_where_it_is(
    path: tuple[Any, ...], value: Any, where: str, expected: str
) -> None:
    with pytest.raises(MalformedError) as caught:
        read(Tree, changed(TREE, path, value))
    assert str(caught.value).startswith(f"malformed at {where}: expected ")
    assert expected in str(caught.value)


def test_a_message_does_not_quote_megabytes() -> None:
    with pytest.raises(MalformedError) as caught:
        read(int, "x" * 1_000_000)
    assert len(str(caught.value)) < 200


@given(kind=st.sampled_from(SHAPES), data=JSON)
def test_any_json_is_read_or_refused(kind: Any, data: Any) -> None:
    try:
        value = read(kind, data)
    except MalformedError:
        return
    again = read(kind, write(value))
    assert again == value or repr(again) == repr(value)


@settings(max_examples=20)
@given(data=st.data())
def test_a_message_that_was_tampered_with_is_read_or_refused(data: st.DataObject) -> None:
    message = data.draw(MESSAGES)
    written = write(message)
    spoilt = changed(written, data.draw(st.sampled_from(places(written))), data.draw(JSON))
    with contextlib.suppress(MalformedError):
        assert type(read(type(message), spoilt)) is type(message)


def test_no_class_is_made_that_the_types_do_not_name() -> None:
    with pytest.raises(MalformedError):
        read(Request, {"is": "Request", "step": {"is": "Path", "path": "/"}, "needs": [], "gpu": None})
