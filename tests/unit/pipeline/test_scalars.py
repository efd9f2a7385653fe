import pytest

from harness.pipeline import scalars

# What iree-dump-module prints of a function with scalars: until 3.10.0, and since 3.11.0.
DECLARED = """
        iree.abi.declaration: sync func @f.x(%input0: bf16, %input1: tensor<2xcomplex<f32>>, %input2: i8, \
%input3: f16) -> (%output0: bf16)
"""
OLD = f"Exported Functions:\n  [  0] f.x(f32, !vm.ref<?>, i32, f32) -> (f32){DECLARED}"
NEW = f"Exported Functions:\n  [  0] f.x(i32, !vm.ref<?>, i32, i32) -> (i32){DECLARED}"
ARGV = (
    "iree-run-module",
    "--function=f.x",
    "--input=-1.5",
    "--input=2xcomplex<f32>=@a.bin",
    "--input=3",
    "--input=nan",
)


def test_small_floats_are_given_as_their_bits_where_the_function_takes_bits() -> None:
    assert scalars.fitted(ARGV, OLD, "f.x") == ARGV
    bits = ("--input=49088", "--input=2xcomplex<f32>=@a.bin", "--input=3", "--input=32256")
    assert scalars.fitted(ARGV, NEW, "f.x") == (*ARGV[:2], *bits)
    assert scalars.fitted(ARGV, NEW, None) == (*ARGV[:2], *bits)


@pytest.mark.parametrize(
    ("argv", "signature"),
    [
        (ARGV, ""),
        (ARGV, NEW.replace("f.x", "f-x")),
        (("--input=two", "--x"), NEW),  # the tool says what is wrong
        (("--input=1", "--input=1", "--input=1", "--input=&x", "--input=5"), OLD),
    ],
)
def test_all_else_is_given_as_it_is(argv: tuple[str, ...], signature: str) -> None:
    assert scalars.fitted(argv, signature, "f.x") == argv
