"""Delta debugging by rules."""

from collections.abc import Sequence
from random import Random

import pytest

from harness.localize.fewest import fewest, groups


@pytest.mark.parametrize("seed", range(50))
def test_exactly_the_parts_that_are_needed_are_left(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - for tests
    size = random.randint(1, 40)
    needed = set(random.sample(range(size), random.randint(1, min(3, size))))
    tried = list[Sequence[int]]()

    def does(parts: Sequence[int]) -> bool:
        tried.append(parts)
        return needed <= set(parts)

    assert fewest(range(size), does) == sorted(needed)
    assert len(tried) < 12 * (size.bit_length() + 1) + 2 * len(needed)


def test_no_part_can_be_left_out_where_parts_replace_each_other() -> None:
    def does(parts: Sequence[int]) -> bool:
        return {1, 7} <= {*parts} or {2, 3, 9} <= {*parts}

    assert fewest(range(10), does) in ([1, 7], [2, 3, 9])


def test_one_part_is_left_where_any_does() -> None:
    assert fewest([1, 2, 3, 4], lambda parts: len(parts) > 0) == [1]
    assert fewest([5], lambda _: True) == []


def test_groups_become_smaller_down_to_each_part() -> None:
    assert groups([1, 2, 3]) == [[1, 2, 3], [1, 2], [3], [1], [2], [3]]
    assert groups([1]) == [[1]]
