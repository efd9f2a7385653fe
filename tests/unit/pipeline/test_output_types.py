from pathlib import Path

import numpy as np
import pytest

from harness.core.tensors import TensorType
from harness.pipeline import output_types
from harness.pipeline.output_types import declared

# What iree-dump-module prints of three functions; the same on 3.0.0, 3.6.0 and 3.13.0.
SIGNATURE = """\
Exported Functions:
  [  0] two(!vm.ref<?>) -> (!vm.ref<?>, !vm.ref<?>)
        iree.abi.declaration: sync func @two(%input0: tensor<4xf32>) -> \
(%output0: tensor<4xf32>, %output1: tensor<4xi32>)
  [  1] Model from "x"; rm -rf(!vm.ref<?>) -> (!vm.ref<?>)
        iree.abi.declaration: sync func @Model from "x"; rm -rf(%input0: tensor<?xf32>) -> (%output0: tensor<?x3xf32>)
  [  2] nil(!vm.ref<?>) -> ()
        iree.abi.declaration: sync func @nil(%input0: tensor<4xf32>) -> ()
  [  3] sc(i32) -> (i32)
        iree.abi.declaration: sync func @sc(%input0: i32) -> (%output0: i32)
  [  4] async(!vm.ref<?>, !vm.ref<?>) -> (!vm.ref<?>)
        iree.abi.declaration: async func @async(%input0: tensor<2xcomplex<f32>>) -> (%output0: tensor<2xcomplex<f32>>)
  [  5] main graph$async(!vm.ref<?>, !vm.ref<?>, !vm.ref<?>) -> (!vm.ref<?>, i32)
  [  6] main graph(!vm.ref<?>) -> (!vm.ref<?>, i32)
  [  7] __init() -> ()
"""


@pytest.mark.parametrize(
    ("function", "outputs"),
    [
        ("two", ("4xf32", "4xi32")),
        (None, ("4xf32", "4xi32")),
        ('Model from "x"; rm -rf', ("?x3xf32",)),
        ("nil", ()),
        ("sc", ("i32",)),
        ("async", ("2xcomplex<f32>",)),
        ("main graph", ("", "")),
        ("tw.", ()),
        ("missing", ()),
    ],
)
def test_the_types_that_a_program_declares(function: str | None, outputs: tuple[str, ...]) -> None:
    assert declared(SIGNATURE, function) == outputs


def test_a_program_that_declares_none() -> None:
    assert declared("", "two") == ()
    assert declared("Exported Functions:\n  [  0] two() -> ()\n", None) == ()


@pytest.mark.parametrize(
    ("element", "name"),
    [
        ("f32", "3.npy"),
        ("si8", "3.npy"),
        ("i1", "3.npy"),
        ("complex<f64>", "3.npy"),
        ("bf16", "3.bin"),
        ("i4", "3.bin"),
    ],
)
def test_numpy_files_are_used_where_numpy_has_the_type(element: str, name: str) -> None:
    assert output_types.file_name(3, TensorType(shape=(2,), element=element)) == name


def test_the_type_of_each_output(tmp_path: Path) -> None:
    np.save(tmp_path / "0.npy", np.zeros((5, 6), np.float32))
    (tmp_path / "2.npy").write_bytes(b"")
    names = ("0.npy", "", "2.npy", "3.bin", "4.bin", "5.bin")
    types = output_types.stated(tmp_path, names, ("?x?xf32", "f32", "f32", "2xbf16", "?xbf16"))
    assert types == ("5x6xf32", "f32", "", "2xbf16", "?xbf16", "")
    assert output_types.unknown(names, types) == [2, 4, 5]


# What iree-run-module prints with --output_max_element_count=0; the same on 3.0.0 and 3.13.0, but for f8.
PRINTED = """\
some driver says: 4xf32=no
EXEC @main
hal.buffer_view
2x3xbf16=[...][...]
i32=249
hal.buffer_view
cf64=...
hal.buffer_view
0x3xf8=
"""


def test_a_run_that_prints_types() -> None:
    argv = ("iree-run-module", "--function=main", "--output=@0.bin", "--output=", "--output=@2.bin", "--x")
    expected = ("iree-run-module", "--function=main", "--x", "--output=", "--output=", "--output=-")
    assert output_types.print_arguments(argv, [2]) == (*expected, "--output_max_element_count=0")
    found = output_types.printed(PRINTED, ("a", "b", "", "", "", ""), [2, 3, 4, 5])
    assert found == ("a", "b", "2x3xbf16", "i32", "complex<f32>", "0x3xf8")


@pytest.mark.parametrize("log", ["", "EXEC @main\nhal.buffer_view\n2xbf16=..\n(null)\n"])
def test_types_that_were_not_printed_stay_unknown(log: str) -> None:
    assert output_types.printed(log, ("?xbf16", "?xbf16"), [0, 1]) == ("?xbf16", "?xbf16")


@pytest.mark.parametrize(
    ("expected", "given", "declares"),
    [
        ("6x5xf32", "6x5xf32", "?x?xf32"),
        ("6x5xf32", "6x?xf32", ""),
        ("6x5xf32", "!hal.buffer_view", ""),
        ("6x5xf32", "", ""),
        ("2xsi8", "2xui8", ""),
        ("3xf8E5M2", "3xf8", ""),
        ("i8", "i32", "i8"),  # the VM widens a scalar
        ("i32", "i32", "i8"),  # and the tool prints it so
        ("i1", "i32", "i1"),
        ("f16", "f32", "f16"),
        ("bf16", "i32", "bf16"),  # its bits, since 3.11.0
    ],
)
def test_a_type_that_fits(expected: str, given: str, declares: str) -> None:
    assert output_types.mismatch(0, TensorType.parse(expected), given, declares) is None


@pytest.mark.parametrize(
    ("expected", "given", "declares"),
    [
        ("6x5xf32", "5x6xf32", "?x?xf32"),
        ("30xf32", "5x6xf32", ""),
        ("2xi16", "2xbf16", "!hal.buffer_view"),
        ("6x5xf32", "6x?xf16", ""),
        ("6x5xf32", "?xf32", ""),
        ("2xf16", "2xf8", ""),
        ("i8", "i32", "i32"),
        ("i8", "i32", "i16"),
        ("1xi8", "i32", "i8"),
        ("f16", "i32", "bf16"),
        ("f16", "i64", "f16"),
    ],
)
def test_a_type_that_does_not_fit(expected: str, given: str, declares: str) -> None:
    found = output_types.mismatch(2, TensorType.parse(expected), given, declares)
    assert found == f"output 2: expected {expected}, but the model returned {given}"


@pytest.mark.parametrize(("expected", "given"), [("4xf64", "4xf32"), ("2xcomplex<f64>", "2xcomplex<f32>")])
def test_a_type_that_the_compiler_changed(expected: str, given: str) -> None:
    found = output_types.mismatch(0, TensorType.parse(expected), given, given)
    assert found
    assert found.endswith(f"returned {given} ({output_types.DEMOTED})")


def test_a_raw_file_of_another_length_does_not_say_its_type(tmp_path: Path) -> None:
    (tmp_path / "0.bin").write_bytes(bytes(4))
    (tmp_path / "1.bin").write_bytes(bytes(2))
    assert output_types.stated(tmp_path, ("0.bin", "1.bin", "2.bin"), ("bf16",) * 3) == ("", "bf16", "bf16")


def test_files_for_the_outputs_that_a_module_declares() -> None:
    types = ("4x?xf32", "bf16", "?x?xbf16", "4xi1", "i64", "2xcomplex<f32>", "8xf8E4M3FN", "!hal.buffer_view", "3xui8")
    names = output_types.file_names(types)
    assert names == ("0.npy", "1.bin", "2.bin", "3.npy", "4.npy", "5.npy", "6.bin", "7.npy", "8.npy")
    assert output_types.arguments((*names[:2], "")) == ("--output=@0.npy", "--output=@1.bin", "--output=")


@pytest.mark.parametrize(
    ("exports", "name"),
    [
        (["f$async(!vm.ref<?>) -> (!vm.ref<?>)", "f(!vm.ref<?>) -> (!vm.ref<?>)", "__init() -> ()"], "f"),
        (["f() -> ()", "g() -> ()"], None),
        (["__init() -> ()"], None),
    ],
)
def test_the_only_function_has_a_name(exports: list[str], name: str | None) -> None:
    lines = "\n".join(f"  [  {index}] {each}" for index, each in enumerate(exports))
    assert output_types.only_function(f"//\n\nExported Functions:\n{lines}\n\n//\n  [  0] .text(1)\n") == name
