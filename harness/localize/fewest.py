"""Delta debugging: finds few parts that still do what all of them do together."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
Does = Callable[[Sequence[T]], bool]


def fewest(parts: Sequence[T], does: Does[T]) -> list[T]:
    """Return parts of which none can be left out; as many as possible are left out at once.

    Args:
        parts: parts that do it, in order; the last ones are tried first.
        does: whether some of them do it, in order.
    """
    kept = list(parts)
    size = max(1, len(kept) // 2)
    while True:
        before = len(kept)
        for end in range(before, 0, -size):
            fewer = kept[: max(0, end - size)] + kept[end:]
            if does(fewer):
                kept = fewer
        if size == 1 and len(kept) in {before, 1}:
            return kept
        size = max(1, size // 2)


def groups(parts: Sequence[T]) -> list[list[T]]:
    """Return all parts, then their halves, quarters and so on, down to each alone."""
    found, size = [list(parts)], len(parts)
    while size > 1:
        size = (size + 1) // 2
        found += [list(parts[start : start + size]) for start in range(0, len(parts), size)]
    return found
