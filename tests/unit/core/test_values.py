"""A value class is what `dataclasses` makes of it."""

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field
from functools import cached_property
from typing import Any

import pytest

from harness.core.values import frozen


@frozen
class Point:
    x: int
    names: tuple[str, ...] = ()


@frozen
class Far(Point):
    z: float = 0.0


@frozen(slots=False)
class Lazy:
    x: int

    @cached_property
    def double(self) -> int:
        return 2 * self.x


def declared(make: Callable[[type], Any]) -> Any:
    """Return a class with all that a field may have."""

    @make
    class Declared:
        x: int
        names: list[str] = field(default_factory=list, hash=False)
        secret: str = field(default="", repr=False)
        remark: str | None = field(default=None, compare=False)

        def __post_init__(self) -> None:
            if self.x < 0:
                raise ValueError(self.x)

    return Declared


MADE, KNOWN = declared(frozen), declared(dataclass(frozen=True, slots=True, kw_only=True))


def attempt(do: Callable[[], object]) -> object:
    try:
        return do()
    except (AttributeError, TypeError, ValueError) as error:
        return type(error), str(error)


@pytest.mark.parametrize(
    "given",
    [{"x": 1}, {"x": 2, "names": ["a"], "secret": "s"}, {"x": 1, "remark": "r"}, {}, {"x": 1, "y": 2}, {"x": -1}],
    ids=str,
)
@pytest.mark.parametrize(
    "use",
    [
        repr,
        hash,
        dataclasses.asdict,
        lambda made: made == type(made)(x=1),
        lambda made: made == copy.copy(made),
        lambda made: made == 1,
        lambda made: dataclasses.replace(made, names=[]),
        lambda made: setattr(made, "x", 3),
        lambda made: delattr(made, "x"),
        lambda made: made.__dict__,
    ],
)
def test_a_value_does_what_that_of_a_dataclass_does(given: dict[str, Any], use: Callable[[Any], object]) -> None:
    made, known = (attempt(lambda each=each: use(each(**given))) for each in (MADE, KNOWN))  # type: ignore[misc]
    assert str(made) == str(known)


def test_its_signature_is_that_of_a_dataclass() -> None:
    assert str(inspect.signature(declared(frozen))) == str(inspect.signature(KNOWN))
    assert dataclasses.fields(MADE)[0].name == "x"
    assert (MADE.__match_args__, attempt(lambda: MADE(1))) == (KNOWN.__match_args__, attempt(lambda: KNOWN(1)))


def test_it_takes_no_other_attribute() -> None:
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'y'"):
        setattr(Point(x=1), "y", 2)  # noqa: B010 - mypy refuses the assignment, too


def test_default_factories_make_a_new_value_each_time() -> None:
    assert MADE(x=1).names is not MADE(x=1).names


@pytest.mark.parametrize("made", [Point(x=1, names=("a",)), Far(x=1, z=2.0), Lazy(x=3)], ids=repr)
def test_it_can_be_sent_to_another_process_and_copied(made: object) -> None:
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == made  # noqa: S301 - our own


def test_it_inherits_fields_and_is_equal_to_none_of_another_class() -> None:
    assert repr(Far(x=1)) == "Far(x=1, names=(), z=0.0)"
    assert Far(x=1) != Point(x=1)
    assert {Point(x=1): "a"}[Point(x=1)] == "a"


def test_one_without_slots_caches_properties() -> None:
    lazy = Lazy(x=2)
    assert lazy.double == 4
    assert vars(lazy) == {"x": 2, "double": 4}


def test_its_own_methods_stay() -> None:
    @frozen
    class Own:
        x: int

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

    assert (repr(Own(x=1)), Own(x=1) == Own(x=2), hash(Own(x=1))) == ("own", True, 7)


def test_a_class_without_fields_has_one_value() -> None:
    @frozen
    class Empty:
        pass

    assert (repr(Empty()).rpartition(".")[2], Empty() == Empty(), hash(Empty())) == ("Empty()", True, hash(()))
