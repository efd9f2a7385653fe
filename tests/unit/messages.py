"""Any message that goes through the wall of a container, and any JSON that may come instead."""

import dataclasses
import enum
import functools
import math
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from harness.containers.protocol import Hello, Order, Reply
from harness.core.floats import NotFinite
from harness.pipeline.steps import Compare, Compile, Run

KINDS = (Compile, Run, Compare, Hello, Order, Reply)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("type"), inner, max_size=3),
    max_leaves=8,
)
_USABLE = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
_SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    types.NoneType: st.none(),
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    NotFinite: st.sampled_from([math.inf, -math.inf]),  # a NaN is not what it was: nothing with one can be compared
    str: st.text(_USABLE, max_size=5),
    Path: st.text(_USABLE, max_size=5).map(Path),
}


@functools.cache
def a(kind: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one for each shape of a type
    """Return any value of a type; fields with a default have others too."""
    if kind in _SCALARS:
        return _SCALARS[kind]
    if dataclasses.is_dataclass(kind):
        types_of: dict[str, Any] = {each.name: each.type for each in dataclasses.fields(kind)}
        make: Any = kind
        return st.builds(make, **{name: a(each) for name, each in types_of.items()})
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return st.builds(kind, **{each.encode_name: a(each.type) for each in msgspec.structs.fields(kind)})
    if isinstance(kind, enum.EnumType):
        return st.sampled_from(list(kind))
    if isinstance(kind, types.UnionType):
        return st.one_of(*map(a, get_args(kind)))
    match get_origin(kind), get_args(kind):
        case origin, (each, last) if origin is tuple and last is Ellipsis:
            return st.lists(a(each), max_size=2).map(tuple)
        case origin, each if origin is tuple:
            return st.tuples(*map(a, each))
        case origin, (_, each) if origin is Mapping:
            return st.dictionaries(_SCALARS[str], a(each), max_size=2)
    raise TypeError(kind)


MESSAGES: st.SearchStrategy[Any] = st.one_of(*map(a, (Hello, Order, Reply)))
