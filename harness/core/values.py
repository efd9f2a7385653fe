"""Makes value classes: frozen dataclasses whose methods are compiled when they are first used, and not at the import.

`dataclasses` compiles six methods for each class, which takes 0.9 ms. A command defines 100 to 300 of them and uses a
few, so that was most of its start.
"""

import functools
import operator
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from typing import Any, TypeVar, cast, dataclass_transform, overload

T = TypeVar("T")
Method = Callable[..., Any]


class _FromFactory:
    """Stands for a default that a factory makes."""

    def __repr__(self) -> str:
        return "<factory>"


_FROM_FACTORY = _FromFactory()


@overload
def frozen(declared: type[T], /) -> type[T]: ...
@overload
def frozen(*, slots: bool) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def frozen(declared: type[T] | None = None, /, *, slots: bool = True) -> type[T] | Callable[[type[T]], type[T]]:
    """Make of a class what `@dataclass(frozen=True, slots=True, kw_only=True)` makes of it.

    Without slots it may have cached properties.
    """
    return _frozen(declared, slots=slots) if declared else functools.partial(_frozen, slots=slots)


def _frozen(declared: type[T], *, slots: bool) -> type[T]:
    made: Any = dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=True)(declared)
    methods = {"__init__": _Init(made), "__repr__": _repr, **_comparing(made), **_refusing(made)}
    if slots:
        methods |= {"__getstate__": _state, "__setstate__": _set_state}
    for name, method in methods.items():
        if vars(made).get(name) is None:  # `__hash__` is None where a class has an `__eq__` of its own
            setattr(made, name, method)
    defined: type[T] = made
    return defined


class _Init:
    """The `__init__` of a class until it is looked up, which compiles the real one and puts it in this place."""

    def __init__(self, made: type) -> None:
        self._made = made

    def __get__(self, instance: object, owner: type) -> Any:
        init: Any = _compiled(self._made)
        type.__setattr__(self._made, "__init__", init)
        return init.__get__(instance, owner)


def _compiled(made: Any) -> Method:
    """Return the method that takes the fields of a class by name."""
    every = fields(made)
    scope: dict[str, Any] = {"_put": object.__setattr__, "_FROM_FACTORY": _FROM_FACTORY}
    scope["_make"] = {each.name: each.default_factory for each in every}
    parameters = ("self", *(["*"] if every else []), *(each.name for each in every))
    body = [f"_put(self, {each.name!r}, {_source(each)})" for each in every]
    body += ["self.__post_init__()"] if hasattr(made, "__post_init__") else []
    text = "\n ".join((f"def __init__({', '.join(parameters)}):", *body, "return"))
    exec(text, scope)  # noqa: S102 - as `dataclasses` does; only names of fields are in it
    method = scope["__init__"]
    defaults = {each.name: _FROM_FACTORY if each.default is MISSING else each.default for each in every}
    method.__kwdefaults__ = {each.name: defaults[each.name] for each in every if _is_optional(each)}
    method.__annotations__ = {**{each.name: each.type for each in every}, "return": None}
    method.__module__, method.__qualname__ = made.__module__, f"{made.__qualname__}.__init__"
    return cast("Method", method)


def _is_optional(each: "Field[Any]") -> bool:
    return each.default is not MISSING or each.default_factory is not MISSING


def _source(each: "Field[Any]") -> str:
    """Return the expression of a field's value."""
    if each.default_factory is MISSING:
        return each.name
    return f"_make[{each.name!r}]() if {each.name} is _FROM_FACTORY else {each.name}"


def _comparing(made: Any) -> dict[str, Method]:
    """Return the methods that compare fields."""
    compared = _getter([each.name for each in fields(made) if each.compare])
    hashed = _getter([each.name for each in fields(made) if (each.compare if each.hash is None else each.hash)])

    def equals(self: object, other: object) -> Any:
        return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

    return {"__eq__": equals, "__hash__": lambda self: hash(hashed(self))}


def _getter(names: Sequence[str]) -> Callable[[object], tuple[Any, ...]]:
    """Return what returns the values of some fields."""
    if len(names) > 1:
        return operator.attrgetter(*names)
    return lambda of: tuple(getattr(of, name) for name in names)


def _refusing(made: Any) -> dict[str, Method]:
    """Return the methods that refuse to change a field."""
    names = {each.name for each in fields(made)}

    def assign(self: object, name: str, new: object) -> None:
        if type(self) is made or name in names:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super(made, self).__setattr__(name, new)

    def delete(self: object, name: str) -> None:
        if type(self) is made or name in names:
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        super(made, self).__delattr__(name)

    return {"__setattr__": assign, "__delattr__": delete}


@reprlib.recursive_repr()
def _repr(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _state(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for each, kept in zip(fields(self), state, strict=True):
        object.__setattr__(self, each.name, kept)
