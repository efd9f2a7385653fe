from pathlib import Path

import pytest

from harness.core.errors import SpecError, UsageError
from harness.core.tensors import Tensor, TensorType
from harness.specs.catalogue import Folders
from harness.suites import reader
from harness.suites.reader import Suite
from tests.unit.suites import onnx, torch

FLAGS = "--input=2x3xf32=@input_0.bin\n--input=i64=@input_1.bin\n--expected_output=0xbf16=@output_0.bin\n"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    return tmp_path / "onnx_ops"


def found(folder: Path) -> Suite:
    suite = reader.find(Folders(folder))
    assert suite
    return suite


def violations(folder: Path) -> str:
    suite = found(folder)
    with pytest.raises(SpecError) as caught:
        suite.read(list(suite.paths))
    return str(caught.value)


def test_a_case_is_a_folder_with_flags(suite: Path) -> None:
    path = onnx.case(suite, "test_a", FLAGS, input_0=b"", input_1=b"", output_0=b"")
    whole = found(suite)
    assert whole.is_whole
    assert whole.format.NAME == "onnx_ops"
    spec = whole.read(["onnx/node/generated/test_a"])["onnx/node/generated/test_a"]
    assert (spec.name, spec.model, spec.submodel) == ("onnx/node/generated/test_a", onnx.GENERATED, "test_a")
    assert (spec.path, spec.mlir.local_path) == (path, path.with_name("model.mlir"))
    tensors = [each for each in (*spec.inputs, *spec.outputs) if isinstance(each, Tensor)]
    assert [each.blob.local_path.name for each in tensors] == ["input_0.bin", "input_1.bin", "output_0.bin"]
    assert [each.type and each.type.shape for each in tensors] == [(2, 3), (), (0,)]
    assert tensors[1].type == TensorType(shape=(), element="i64")
    assert spec.run_function is None


@pytest.mark.parametrize(
    ("folder", "is_whole"),
    [("", True), ("onnx_ops", True), ("onnx_ops/onnx", False), ("onnx_ops/onnx/node/generated/test_a", False)],
)
def test_a_case_has_the_same_name_whatever_folder_is_given(tmp_path: Path, folder: str, *, is_whole: bool) -> None:
    onnx.case(tmp_path / "onnx_ops", "test_a")
    suite = found(tmp_path / folder)
    assert list(suite.paths) == ["onnx/node/generated/test_a"]
    assert suite.is_whole is is_whole


def test_names_in_a_suite_of_another_name(tmp_path: Path) -> None:
    onnx.case(tmp_path / "copy", "a/test_a")
    (tmp_path / "copy" / "test_b").mkdir()
    (tmp_path / "copy" / "test_b" / "run_module_io_flags.txt").write_text("")
    assert list(found(tmp_path / "copy").paths) == ["a/test_a", "copy/test_b"]


def test_what_is_no_suite(tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "run_module_io_flags.txt").write_text("")
    assert reader.find(Folders(tmp_path)) is None


def test_a_folder_with_specs_as_well(suite: Path) -> None:
    path = onnx.case(suite, "test_a")
    spec = suite / "toy_cpu.json"
    spec.write_text('{"mlir": "a.mlir"}')
    with pytest.raises(UsageError) as caught:
        reader.find(Folders(suite))
    assert (
        str(caught.value) == f"{suite} has specs ({spec}) and cases of onnx_ops ({path}); expected a folder of either."
    )
    spec.write_text('{"config_name": "x"}')
    assert reader.find(Folders(suite))


def test_a_folder_with_two_suites(suite: Path) -> None:
    path, other = onnx.case(suite, "test_a"), torch.op(suite, "AB/a")
    with pytest.raises(UsageError) as caught:
        reader.find(Folders(suite))
    assert str(caught.value) == (
        f"{suite} has cases of onnx_ops ({path}) and of torch_ops ({other}); expected a folder of either."
    )


def test_two_cases_of_one_name(tmp_path: Path) -> None:
    for version in ("1", "2"):
        onnx.case(tmp_path / version / "onnx_ops", "test_a")
    with pytest.raises(UsageError, match="are both cases of the name onnx/node/generated/test_a; name one folder"):
        reader.find(Folders(tmp_path))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("\n--output=@x", "2: '--output=@x': expected --input=TYPE=@FILE or --expected_output=TYPE=@FILE"),
        ("--input=@a.bin", "1: a.bin: missing type; expected"),
        ("--input=4xf31=@a.bin", "1: '4xf31' is not a static tensor type"),
        ("--input=4xf32=@/etc/passwd", "1: '/etc/passwd' is outside "),
        ("--input=4xf32=@../../../../../a", "1: '../../../../../a' is outside "),
        ("--input=4xf32=@link.bin", "1: 'link.bin' is outside "),
        ("--input=4xf32=@\0", "1: "),
    ],
)
def test_violations_of_flags_have_lines(suite: Path, flags: str, message: str) -> None:
    path = onnx.case(suite, "test_a", flags)
    (path.parent / "link.bin").symlink_to("/etc/passwd")
    assert violations(suite).startswith(f"{path}:{message}")


def test_violations_of_all_cases_are_told(suite: Path) -> None:
    first, second = onnx.case(suite, "test_a"), onnx.case(suite, "test_b", "x")
    (first.parent / "model.mlirbc").write_bytes(b"")
    lines = violations(suite).splitlines()
    assert (
        lines[0]
        == f"{first}:1: expected one program beside this file, *.mlir or *.mlirbc, got model.mlir, model.mlirbc"
    )
    assert lines[1].startswith(f"{second}:1: 'x'")
    (first.parent / "model.mlirbc").unlink()
    (first.parent / "model.mlir").unlink()
    assert "got none" in violations(suite)


def test_a_file_that_is_not_there_is_no_violation(suite: Path) -> None:
    onnx.case(suite, "test_a", "--input=4xf32=@a b:c.bin")
    (spec,) = found(suite).read(onnx.named("test_a")).values()
    (tensor,) = spec.inputs
    assert isinstance(tensor, Tensor)
    assert tensor.blob.local_path.name == "a b:c.bin"


def test_flags_that_cannot_be_read(suite: Path) -> None:
    path = onnx.case(suite, "test_a")
    path.unlink()
    path.symlink_to("lost")
    assert violations(suite) == f"{path}:1: cannot read the file: No such file or directory"
