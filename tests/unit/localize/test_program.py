"""Functions as values, and what can be cut out of them."""

import pytest

from harness.localize import program as programs
from harness.localize.start import matched
from tests.unit.localize.made import F32, operation, program

# 0: constant, 1 and 2 compute, 3 is a number that no function can return, 4 uses it, 5 is not needed
MADE = program(
    [
        operation(name="arith.constant", is_free=True),
        operation((-1, 0), (0, 0)),
        operation((1, 0)),
        operation((1, 0), name="tensor.extract", type_="f32", crosses=(False,)),
        operation((3, 0), (2, 0)),
        operation((2, 0)),
    ],
    [(4, 0)],
)


def test_what_is_computed_and_needed_can_be_returned() -> None:
    assert MADE.taps == ((1, 0), (2, 0), (4, 0))
    assert MADE.results == ((4, 0),)


def test_operands_are_found_through_what_cannot_be_returned() -> None:
    assert MADE.tapped_operands(4) == ((1, 0), (2, 0))
    assert MADE.tapped_operands(1) == ()


def test_what_later_operations_use_is_the_frontier() -> None:
    cone = MADE.ancestors(MADE.returns)
    assert cone == {0, 1, 2, 3, 4}
    assert MADE.frontier(1, cone) == ((1, 0),)
    assert MADE.frontier(2, cone) == ((1, 0), (2, 0))
    assert MADE.frontier(4, cone) == ((4, 0),)


@pytest.mark.parametrize(
    ("text", "element", "size_bytes"),
    [
        ("tensor<2x3xf16>", "f16", 12),
        ("tensor<f32>", "f32", 4),
        ("tensor<?x3xi64>", "i64", 24),
        ("tensor<4xcomplex<f32>>", "complex<f32>", 32),
        ("!torch.vtensor<[2,3],bf16>", "bf16", 12),
        ("!torch.vtensor<[?,3],si64>", "i64", 24),
        ("!torch.vtensor<[],f32>", "f32", 4),
        ("tensor<4xi1>", "i1", 4),
    ],
)
def test_tensor_types_are_read(text: str, element: str, size_bytes: int) -> None:
    made = program([operation(type_=text)])
    assert made.element((0, 0)) == element
    assert made.size_bytes((0, 0)) == size_bytes


def test_values_are_grouped_by_their_size() -> None:
    made = program([operation() for _ in range(5)], [(index, 0) for index in range(5)])
    assert [len(group) for group in programs.groups(made, made.taps, 32)] == [2, 2, 1]
    assert [len(group) for group in programs.groups(made, made.taps, 1)] == [1] * 5
    assert [len(group) for group in programs.groups(made, made.taps, 1000, 3)] == [3, 2]


def test_operations_of_two_programs_correspond_by_name_type_and_place() -> None:
    one = [operation(name=name) for name in "abcd"]
    assert matched(program(one), program(one)) == {0: 0, 1: 1, 2: 2, 3: 3}
    renamed = [operation(name=name) for name in "axcd"]
    assert matched(program(one), program(renamed)) == {0: 0, 1: 1, 2: 2, 3: 3}
    longer = [operation(name=name) for name in "abxxcd"]
    assert matched(program(one), program(longer)) == {0: 0, 1: 1, 2: 4, 3: 5}
    retyped = [operation(name=name, type_="tensor<4xf16>" if name == "x" else F32) for name in "axcd"]
    assert matched(program(one), program(retyped)) == {0: 0, 2: 2, 3: 3}
