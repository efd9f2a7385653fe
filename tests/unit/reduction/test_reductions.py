"""Smaller programs of a program, as text and inputs."""

from dataclasses import replace

import numpy as np
import pytest

from harness.core.tensors import Literal, TensorType
from harness.localize.program import ARGUMENT
from harness.reduction import candidate, reductions
from harness.reduction.candidate import Candidate, Values
from tests.unit.localize.made import operation, program

TEXT = """module attributes {torch.debug = "a } b"} {
  func.func @f(%arg0: tensor<64x48xf32>) -> tensor<64x48xf32> {
    %cst = arith.constant dense<"0x0000803F"> : tensor<64x48xf32>
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c64 = arith.constant 64 : index
    %0 = scf.for %i = %c0 to %c64 step %c1 iter_args(%x = %arg0) -> (tensor<64x48xf32>) {
      scf.yield %x : tensor<64x48xf32>
    }
    return %0 : tensor<64x48xf32>
  }
}
"""


def values(*shape: int) -> Values:
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    return Values(type=TensorType(shape=shape, element="f32"), raw=array.tobytes())


GIVEN = Candidate(text=TEXT, inputs=(values(64, 48),))


def test_a_size_is_replaced_in_all_types_and_inputs_are_cut() -> None:
    first = next(reductions.sizes(GIVEN))
    assert "tensor<2x1xf32>" in first.text
    assert "tensor<64x48xf32>" not in first.text
    (given,) = first.inputs
    assert isinstance(given, Values)
    assert (str(given.type), given.array.tolist()) == ("2x1xf32", [[0.0], [48.0]])
    half = next(each for each in reductions.sizes(GIVEN) if "tensor<32x48xf32>" in each.text)
    assert "arith.constant 64" in half.text
    (given,) = half.inputs
    assert isinstance(given, Values)
    assert given.array.shape == (32, 48)


def test_a_size_is_also_replaced_where_it_is_a_number() -> None:
    numbers = [each.text for each in reductions.sizes(GIVEN) if "%c64 = arith.constant 32 : index" in each.text]
    assert numbers
    assert all("tensor<32x48xf32>" in each for each in numbers)


def test_sizes_in_arrays_are_numbers_and_those_in_maps_are_not() -> None:
    text = "slice(%a) <{ends = array<i64: 64, 3>, size = 64 : i64}> : tensor<64xf32>, affine_map<(d) -> (d + 64)>"
    small = list(reductions.sizes(Candidate(text=text)))
    assert any("array<i64: 32, 3>, size = 32" in each.text for each in small)
    assert all("(d + 64)" in each.text for each in small)


def test_sizes_of_torch_and_of_inputs_alone_are_known() -> None:
    torch = Candidate(text="func.func @f(%a: !torch.vtensor<[4,8],f32>) -> !torch.vtensor<[4,8],f32>")
    assert any("<[4,2],f32>" in each.text for each in reductions.sizes(torch))
    dynamic = Candidate(text="func.func @f(%a: tensor<?xf32>)", inputs=(Literal(text="7xf32=1"),))
    assert Literal(text="1xf32=1") in {each.inputs[0] for each in reductions.sizes(dynamic)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('dense<"0x0000803F"> : tensor<4xf32>', "dense<1.0> : tensor<4xf32>"),
        ("dense<[1, 2]> : tensor<2xi64>", "dense<1> : tensor<2xi64>"),
        ("dense<[true, false]> : tensor<2xi1>", "dense<true> : tensor<2xi1>"),
        ("dense_resource<w> : tensor<4x4xbf16>", "dense<1.0> : tensor<4x4xbf16>"),
        ("dense_resource<w> : tensor<4xcomplex<f32>>", "dense<(1.0, 0.0)> : tensor<4xcomplex<f32>>"),
        ('#flow.parameter.named<"m"::"w"> : tensor<4xf16>', "dense<1.0> : tensor<4xf16>"),
        ('#stream.parameter.named<"w"> : tensor<4xi8>', "dense<1> : tensor<4xi8>"),
    ],
)
def test_constants_and_parameters_become_one_number(text: str, expected: str) -> None:
    assert next(reductions.constants(Candidate(text=text))).text == expected


def test_one_number_is_left_as_it_is() -> None:
    assert not list(reductions.constants(Candidate(text="dense<0.0> : tensor<4xf32>")))


def test_loops_get_shorter() -> None:
    counts = [each.text for each in reductions.loops(GIVEN)]
    assert len(counts) == 5
    assert "%c64 = arith.constant 1 : index" in counts[0]
    generic = '%9 = "arith.constant"() <{value = 8 : index}> : () -> index\n"scf.for"(%1, %9, %2, %3) ({'
    assert "value = 1 : index" in next(reductions.loops(Candidate(text=generic))).text


def test_attributes_are_left_out_whatever_their_strings_have() -> None:
    first = next(reductions.attributes(GIVEN))
    assert first.text.startswith("module {\n")
    assert first.text.endswith(TEXT[TEXT.index("\n") :])


def test_inputs_become_simple() -> None:
    given = Candidate(text="", inputs=(values(2), Literal(text="5"), values(3)))
    first, second, third, *rest = reductions.inputs(given)
    assert first.inputs == (Literal(text="2xf32=1"), Literal(text="5"), Literal(text="3xf32=1"))
    assert second.inputs[0] == Literal(text="2xf32=0")
    assert isinstance(third.inputs[0], Literal)
    assert third.inputs == next(each for each in list(reductions.inputs(given))[2:3]).inputs
    assert len(rest) == 6
    assert not list(reductions.inputs(first))


def test_large_inputs_are_drawn_into_files() -> None:
    drawn = candidate.drawn(TensorType(shape=(1000,), element="f16"), 1)
    assert isinstance(drawn, Values)
    assert set(drawn.array.tolist()) == {0, 1, 2, 3, 4}


def test_cuts_leave_out_most_first() -> None:
    given = program([operation((ARGUMENT, 0)), *(operation((index, 0)) for index in range(7))])
    cuts = list(reductions.cuts(given))
    assert cuts[0].returns == ((0, 0),)
    assert not cuts[0].keeps
    assert any(each.keeps == {0} and each.returns == given.returns for each in cuts)
    assert any(each.boundary == {(3, 0), (2, 0), (1, 0), (0, 0)} for each in cuts)


def test_arguments_that_nothing_uses_are_left_out_one_by_one() -> None:
    given = replace(program([operation((ARGUMENT, 1))]), arguments=("f32", "f32", "f32", "f32"))
    kept = [sorted(each.keeps) for each in reductions.cuts(given) if 0 < len(each.keeps) < 4]
    assert kept == [[1], [1, 3], [0, 1, 2], [1, 2, 3], [0, 1, 3], [0, 1, 2]]


def test_chunks_are_all_then_halves_then_each() -> None:
    assert list(reductions.chunks("abc")) == ["abc", "ab", "c", "a", "b", "c"]
    assert not list(reductions.chunks(""))
