"""Shards: the parts into which several machines divide the cases of a run."""

import re
from typing import Self

from harness.core.values import frozen


@frozen
class Shard:
    """One of several parts of a run.

    Attributes:
        number: which one, from 1.
        total: number of parts.
    """

    number: int
    total: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the shard that a text such as `2/5` names.

        Raises:
            ValueError: there is no such shard.
        """
        found = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text)
        number, total = map(int, found.groups()) if found else (0, 0)
        if not 1 <= number <= total:
            raise ValueError(f"{text!r} is no part of a run; expected one such as 2/5, the second of five")
        return cls(number=number, total=total)

    def __str__(self) -> str:
        """Return `2/5`."""
        return f"{self.number}/{self.total}"
