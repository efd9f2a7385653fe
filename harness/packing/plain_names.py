"""Makes plain names of files of names that others chose; no I/O."""

import re
from collections.abc import Container

_ODD = re.compile(r"[^A-Za-z0-9._+-]+")
_LONGEST = 100


def plain(name: str) -> str:
    """Return a name of letters, digits and `._+-`, which is not hidden and not too long."""
    return (_ODD.sub("_", name).lstrip(".-") or "file")[-_LONGEST:].lstrip(".-") or "file"


def unused(name: str, taken: Container[str]) -> str:
    """Return the plain form of a name, with a number before it if that is taken."""
    first = plain(name)
    others = (f"{number}_{first}" for number in range(2, 1_000_000))
    return first if first not in taken else next(each for each in others if each not in taken)
