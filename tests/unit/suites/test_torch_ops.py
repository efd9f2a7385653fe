import hashlib
from pathlib import Path
from typing import Any

import pytest

from harness.core.cases import ModelSpec
from harness.core.errors import SpecError
from harness.core.formulas import Formula
from harness.core.tensors import Literal, Tensor
from harness.pipeline import drawing
from harness.specs.catalogue import Folders
from harness.suites import reader, torch_ops
from tests.unit.suites import torch

# By name: the seed, coeff, offset, and for each input its shape and type, and the start of its sha256 in the suite
# (iree-org/iree-test-suites@612f936a:torch_ops/generated).
DIGESTS: dict[str, tuple[int, float, float, list[tuple[list[int], str, str]]]] = {
    "AB/Nx64xf32_64xNxf32": (
        0,
        1,
        0,
        [([64, 64], "float32", "0931b77815d9954e"), ([64, 64], "float32", "164e9144de81434b")],
    ),
    "ABPlusC/64x64xf16": (
        9,
        2,
        -1,
        [([64, 64], "float16", "a40842dc91e414d8"), ([64, 64], "float16", "2b89769150f2dee6")],
    ),
    "GeluABPlusC/64x64xf32": (
        12,
        0.1,
        -0.05,
        [([64, 64], "float32", "2df99c4354dc0d6f"), ([64, 64], "float32", "01fc202ac4553b51")],
    ),
    "ConvForward/nhwc_hwcf": (
        1,
        1,
        0,
        [([2, 32, 32, 3], "float16", "a86f3e6a98c5eb50"), ([3, 3, 3, 8], "float16", "10565e15923c207c")],
    ),
}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    return tmp_path / "torch_ops"


def read(folder: Path) -> dict[str, ModelSpec]:
    found = reader.find(Folders(folder))
    assert found
    assert found.format.NAME == "torch_ops"
    return found.read(list(found.paths))


def violations(path: Path, **fields: Any) -> str:
    torch.op(path, "AB/a", **fields)
    with pytest.raises(SpecError) as caught:
        read(path)
    return str(caught.value).replace(f"{path}/generated/AB/a/run_module_io.json:", "")


@pytest.mark.parametrize("name", DIGESTS)
def test_inputs_have_the_bytes_of_the_suite(suite: Path, name: str) -> None:
    seed, coeff, offset, tensors = DIGESTS[name]
    arguments = [torch.formula(shape, dtype, coeff=coeff, offset=offset) for shape, dtype, _ in tensors]
    torch.op(suite, name, seed=seed, flat_args=arguments)
    spec = read(suite)[name]
    stream = drawing.Stream()
    drawn = [b"".join(stream.chunks(each)) for each in spec.inputs if isinstance(each, Formula)]
    assert [hashlib.sha256(each).hexdigest()[:16] for each in drawn] == [digest for _, _, digest in tensors]


def test_a_case_has_the_fields_of_its_file(suite: Path) -> None:
    path = torch.op(
        suite,
        "AB/a",
        function_name="forward",
        file_name="test.mlir",
        vmfb_name="out.vmfb",
        rtol=1e-3,
        atol=2e-3,
        flat_args=[torch.formula([2], "int8"), 5, [[1, 2.5], [3, 4]], [True, False], []],
        expected_output=[{"url": "https://host/e.npy", "value": None}, {"url": None, "value": "e.npy"}],
    )
    spec = read(suite)["AB/a"]
    assert (spec.model, spec.submodel, spec.path, spec.run_function) == ("AB", "a", path, "forward")
    assert spec.mlir.local_path == path.with_name("test.mlir")
    assert spec.thresholds.of("f32") == spec.thresholds.of("si8") == (2e-3, 1e-3)
    assert not spec.thresholds.equal_nan
    drawn, *written = spec.inputs
    assert isinstance(drawn, Formula)
    assert str(drawn.type) == "2xsi8"
    texts = ["si64=5", "2x2xf64=1 2.5 3 4", "2xi1=1 0", "0xf64="]
    assert written == [Literal(text=text) for text in texts]
    urls = [each.blob.url for each in spec.outputs if isinstance(each, Tensor)]
    assert urls == ["https://host/e.npy", path.with_name("e.npy").as_uri()]


def test_what_is_not_said_is_as_upstream(suite: Path) -> None:
    torch.op(suite, "AB/a", mode=None)
    spec = read(suite)["AB/a"]
    assert (spec.run_function, spec.inputs, spec.outputs) == ("main", (), ())
    assert spec.thresholds.of("f16") == (1e-8, 1e-5)


def test_a_benchmark_compares_nothing(suite: Path) -> None:
    torch.op(suite, "AB/a", mode="benchmark", expected_output=[{"url": "https://host/e.npy"}])
    spec = read(suite)["AB/a"]
    assert (spec.outputs, spec.markers) == ((), ("benchmark",))


@pytest.mark.parametrize("folder", ["", "generated", "generated/AB", "generated/AB/a"])
def test_a_case_has_the_same_name_whatever_folder_is_given(suite: Path, folder: str) -> None:
    torch.op(suite, "AB/a")
    found = reader.find(Folders(suite / folder))
    assert found
    assert list(found.paths) == ["AB/a"]
    assert found.is_whole == (folder in {"", "generated"})


def test_a_link_is_no_case(suite: Path) -> None:
    path = torch.op(suite, "AB/a")
    other = path.parents[1] / "b"
    other.mkdir()
    (other / path.name).symlink_to(path)
    assert list(read(suite)) == ["AB/a"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mode": "time"}, "2: $.mode: unknown value 'time'"),
        ({"colour": 1}, "1: $: object contains unknown field 'colour'"),
        ({"seed": -1}, "3: $.seed: expected 'int' >= 0"),
        ({"atol": -1}, "3: $.atol: expected 'float' >= 0.0"),
        ({"file_name": "../../../../x.mlir"}, "3: $.file_name: '../../../../x.mlir' is outside "),
        ({"flat_args": [{}]}, "4: $.flat_args[0]: object missing required field 'Formula'"),
        ({"flat_args": ["a"]}, "4: $.flat_args[0]: expected "),
        ({"flat_args": [["a"]]}, "4: $.flat_args[0]: expected a Formula, a number, or arrays of numbers"),
        ({"flat_args": [[[1], [2, 3]]]}, "4: $.flat_args[0]: arrays in an array differ in size; expected a tensor"),
        ({"flat_args": [1 << 63]}, "4: $.flat_args[0]: '9223372036854775808' is not a number of type si64"),
        ({"flat_args": [torch.formula([2], "bf16")]}, "9: $.flat_args[0].Formula.dtype: unknown type 'bf16'"),
        ({"flat_args": [torch.formula([-2])]}, "7: $.flat_args[0].Formula.shape[0]: expected 'int' >= 0"),
        ({"flat_args": [torch.formula([1 << 62])]}, "6: $.flat_args[0].Formula.shape: '4611686018427387904xf32' is"),
        ({"flat_args": [torch.formula([2], "int8", coeff=500)]}, "5: $.flat_args[0].Formula: its values, from 0 to"),
        ({"expected_output": [{"url": None}]}, "4: $.expected_output[0]: expected a 'url', or a file of the folder"),
        ({"expected_output": [{"value": "a.bin"}]}, "4: $.expected_output[0]: 'a.bin' is no .npy file"),
        ({"expected_output": [{"value": "/a.npy"}]}, "4: $.expected_output[0]: '/a.npy' is outside "),
    ],
)
def test_violations_have_lines(suite: Path, fields: dict[str, Any], message: str) -> None:
    assert violations(suite, **fields).startswith(message)


def test_files_that_cannot_be_read(suite: Path) -> None:
    path = torch.op(suite, "AB/a")
    for text, message in (
        ("{\n x", "2: $: not valid JSON: "),
        ('{"seed": 1,\n"seed": 2}', "2: $.seed: duplicate field"),
        ('{\n"mode": "a\\u0000"}', "2: $.mode: has the character U+0000"),
        ("[" * 101 + "]" * 101, "1: $[0]"),
        ("5", "1: $: expected 'object', got 'int'"),
    ):
        path.write_text(text)
        with pytest.raises(SpecError) as caught:
            read(suite)
        assert str(caught.value).startswith(f"{path}:{message}")


def test_numbers_as_numpy_takes_them() -> None:
    assert torch_ops.written(1.0) == "f64=1.0"
    assert torch_ops.written([[True], [2]]) == "2x1xsi64=1 2"
    with pytest.raises(ValueError, match="expected a Formula"):
        torch_ops.written([None])
