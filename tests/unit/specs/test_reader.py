import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from harness.core.blobs import LOCK_NAME, Blob
from harness.core.cases import Backend, ModelSpec, Program, RandomWeights, Weights
from harness.core.errors import SpecError
from harness.core.formulas import Formula
from harness.core.tensors import Literal, Tensor, TensorType
from harness.iree import releases
from harness.specs import reader
from harness.specs.catalogue import Folders
from harness.specs.tuners import missing as missing_tuners

MINIMAL: dict[str, Any] = {"mlir": "model.mlir"}


def write(root: Path, value: object, name: str = "toy/clip_cpu.json") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value, indent=2))
    return path


def load(root: Path, value: object, name: str = "toy/clip_cpu.json", **options: Any) -> ModelSpec:
    path = write(root, value, name)
    (loaded,) = reader.load_all([path], Folders(root), **options)
    return loaded


def violations(root: Path, value: object, name: str = "toy/clip_cpu.json", **options: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load(root, value, name, **options)
    return [line.removeprefix(f"{root}/") for line in str(caught.value).splitlines()]


def test_the_file_name_says_model_submodel_and_backend(tmp_path: Path) -> None:
    loaded = load(tmp_path, MINIMAL, "sd3/mm_dit_rocm.json")
    assert (loaded.model, loaded.submodel, loaded.backend, loaded.name) == ("sd3", "mm_dit", Backend.ROCM, "sd3/mm_dit")


@pytest.mark.parametrize(
    ("name", "device"),
    [("toy/clip_cpu.json", "local-task"), ("toy/clip_rocm.json", "hip"), ("toy/clip_cuda.json", "cuda")],
)
def test_the_backend_chooses_the_device_unless_the_spec_does(tmp_path: Path, name: str, device: str) -> None:
    assert load(tmp_path, MINIMAL, name).devices == (device,)
    assert load(tmp_path, MINIMAL | {"device": "hip://1"}, name).devices == ("hip://1",)
    assert load(tmp_path, MINIMAL | {"devices": ["hip://0", "hip"]}, name).devices == ("hip://0", "hip")


def test_a_chip_of_nvidia_may_be_expected_to_fail(tmp_path: Path) -> None:
    loaded = load(tmp_path, MINIMAL | {"compile_chip_expecting_to_fail": ["sm_60", "sm_90a"]}, "toy/clip_cuda.json")
    assert loaded.backend is Backend.CUDA
    assert loaded.compile_chip_expecting_to_fail == ("sm_60", "sm_90a")


def test_every_field_is_read(tmp_path: Path) -> None:
    write(tmp_path, "", "toy/tuner.mlir")
    loaded = load(
        tmp_path,
        {
            "mlir": "https://host/model.mlir",
            "inputs": [
                {"source": "http://host/x.bin", "value": "2x4xf16"},
                {"source": "y.npy"},
                {"value": "2xf32=1 2"},
                {"value": "4x1xi64"},
            ],
            "run_args": ["--device_allocator=caching"],
            "outputs": [{"source": f"{tmp_path.as_uri()}/data/o.bin", "value": "2xf32"}, {"value": "(ignored)"}],
            "real_weights": "w.irpa",
            "custom_real_weights_group": "group",
            "modules": [{"mlir": "m.mlir", "compiler_flags": ["--verify"]}],
            "pipeline_mlir": "p.mlir",
            "pipeline_compiler_flags": ["--verify"],
            "add_pipeline_module": True,
            "device": "hip",
            "compiler_flags": ["--iree-opt-level=O1"],
            "flags_for": {">=3.5,<3.9": ["--mlir-timing", "--iree-codegen-tuning-spec-path=tuner.mlir"], "<3.5": []},
            "threshold_args": ["--expected_f16_threshold=1.0f", "--expected_rtol=1e-3"],
            "run_function": "main",
            "run_test_expecting_to_fail": True,
            "compile_chip_expecting_to_fail": ["gfx90a"],
            "compile_only": True,
            "tuner_file": {"mi300": "tuner.mlir"},
            "comment": ["one", "two"],
        },
    )
    assert loaded.mlir.url == "https://host/model.mlir"
    assert loaded.inputs == (
        Tensor(blob=Blob(url="http://host/x.bin"), type=TensorType(shape=(2, 4), element="f16")),
        Tensor(blob=Blob(url=(tmp_path / "toy/y.npy").as_uri())),
        Literal(text="2xf32=1 2"),
        Literal(text="4x1xi64=0"),
    )
    assert list(loaded.programs) == ["module_0", "model", "pipeline"]
    flags = ("--verify",)
    assert loaded.modules == (Program(mlir=Blob(url=(tmp_path / "toy/m.mlir").as_uri()), compiler_flags=flags),)
    assert loaded.run_args == ("--device_allocator=caching",)
    assert isinstance(loaded.outputs[0], Tensor)
    assert loaded.outputs[0].blob.url == (tmp_path / "data/o.bin").as_uri()
    assert loaded.outputs[1] is None
    assert loaded.thresholds.of("f16") == (1.0, 1e-3)
    assert loaded.thresholds.of("f32") == (1e-4, 1e-3)
    assert loaded.thresholds.of("i32") is None
    assert loaded.compile_chip_expecting_to_fail == ("gfx90a",)
    assert loaded.tuner_file["mi300"].url == (tmp_path / "toy/tuner.mlir").as_uri()
    assert list(loaded.flags_for.items()) == [
        (">=3.5,<3.9", ("--mlir-timing", "--iree-codegen-tuning-spec-path=tuner.mlir")),
        ("<3.5", ()),
    ]
    assert loaded.flag_files == {"tuner.mlir": loaded.tuner_file["mi300"]}
    assert loaded.comment == ("one", "two")
    assert loaded.lines["$.run_test_expecting_to_fail"] == 61


def test_a_comment_is_one_text_or_several(tmp_path: Path) -> None:
    assert load(tmp_path, MINIMAL | {"comment": "one"}).comment == ("one",)
    assert load(tmp_path, MINIMAL | {"comment": []}).comment == load(tmp_path, MINIMAL).comment == ()


def test_all_violations_come_at_once_with_line_and_path(tmp_path: Path) -> None:
    text = textwrap.dedent(
        """\
        {
          "mlir": 3,
          "output": [],
          "inputs": [
            {"source": "x.bin", "valu": "2xf32"}
          ],
          "compiler_flags": ["-o", "--verify"],
          "threshold_args": ["--expected_f32_threshold=many"],
          "add_pipeline_module": true
        }
        """
    )
    assert violations(tmp_path, text) == [
        "toy/clip_cpu.json:2: $.mlir: expected a string, got 3",
        "toy/clip_cpu.json:3: $.output: unknown field 'output'; did you mean 'outputs'?",
        "toy/clip_cpu.json:5: $.inputs[0].valu: unknown field 'valu'; did you mean 'value'?",
        (
            "toy/clip_cpu.json:7: $.compiler_flags[0]: "
            'expected a flag that starts with two dashes, its value after an equals sign, got "-o"'
        ),
        (
            "toy/clip_cpu.json:8: $.threshold_args[0]: invalid value in '--expected_f32_threshold=many'; "
            "expected a finite number of at least 0"
        ),
        (
            "toy/clip_cpu.json:9: $.add_pipeline_module: "
            "missing field 'pipeline_mlir', which 'add_pipeline_module' requires"
        ),
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"mlir": ""}, "$.mlir: must not be empty"),
        ({"mlir": "ftp://host/x"}, "expected https, http, s3, gs, hf, file or a relative path"),
        ({"mlir": "../../x.mlir"}, "is outside"),
        ({"mlir": "file://host/x"}, "has a host"),
        ({"mlir": "/etc/passwd"}, "is outside"),
        (
            {"outputs": [{"source": "o.bin", "value": "2xf32"}]},
            "$: missing field 'run_function', which 'outputs' requires",
        ),
        (
            {"run_function": "f", "outputs": [{"value": "2xf32"}]},
            "$.outputs[0]: missing 'source'; add one, or write out the value, e.g. 2xf32=0",
        ),
        ({"inputs": [{"value": "2xf33"}]}, "$.inputs[0].value: '2xf33' is not a static tensor type"),
        ({"inputs": [{"value": "3xi4"}]}, "$.inputs[0].value: values of i4 cannot be written out"),
        ({"run_args": "--x"}, '$.run_args: expected an array, got "--x"'),
        ({"run_args": ["device_allocator=caching"]}, "$.run_args[0]: expected a flag such as --device_allocator="),
        ({"run_args": ["--hip_use_stream=true"]}, "iree-run-module (did you mean --hip_use_streams?); remove it"),
        ({"run_args": ["--device_allocator"]}, "'--device_allocator' needs a value, after an equals sign; remove it"),
        ({"run_args": ["--hip_dylib_path=a.so"]}, "'--hip_dylib_path=a.so' loads code into the tool; remove it"),
        ({"run_args": ["--instrument_file=x"]}, "'--instrument_file=x' makes the tool write a file; remove it"),
        ({"run_args": ["--task_topology_snapshot=x"]}, "names a file, which the tool does not get; remove it"),
        ({"run_args": ["--flagfile=x"]}, "'--flagfile=x' is set by the harness; remove it from the spec"),
        (
            {"run_args": ["--trace_execution", "--input=3"]},
            "$.run_args[1]: '--input=3' belongs into the field 'inputs'",
        ),
        ({"run_args": ["--device=hip"]}, "'--device=hip' belongs into the field 'device'"),
        ({"run_args": ["--module=a.vmfb"]}, "'--module=a.vmfb' belongs into the field 'modules'"),
        ({"run_args": ["--expected_f16_threshold=1"]}, "belongs into the field 'threshold_args'"),
        ({"inputs": [{"value": "2xf33=0"}]}, "$.inputs[0].value: '2xf33' is not a static tensor type"),
        ({"inputs": [{}]}, "$.inputs[0]: must not be empty"),
        ({"inputs": [{"source": "x.bin"}]}, "missing 'value', the type of x.bin; only .npy files have their own"),
        ({"inputs": [{"source": "x.bin", "value": "2xf33"}]}, "$.inputs[0].value: '2xf33' is not a static tensor type"),
        ({"inputs": [{"source": "x.bin", "value": "?xf32"}]}, "$.inputs[0].value: '?xf32' is not a static tensor type"),
        ({"run_function": "f", "outputs": [{"value": "(ignored)"}]}, "all outputs are ignored"),
        (
            {"run_function": "f", "outputs": [{"source": "o.bin", "value": "(ignored)"}, {"source": "o.npy"}]},
            "$.outputs[0]: an ignored output must not have a source",
        ),
        ({"add_pipeline_module": True}, "missing field 'pipeline_mlir', which 'add_pipeline_module' requires"),
        ({"pipeline_compiler_flags": []}, "$: missing field 'pipeline_mlir', which 'pipeline_compiler_flags' requires"),
        ({"compiler_flags": ["--iree-cuda-use-ptxas-from=x"]}, "makes the tool start another program"),
        ({"compiler_flags": ["--iree-opt-splat-parameters=x"]}, "is set by the harness where a spec has no"),
        ({"compiler_flags": ["--iree-load-plugin=x.so"]}, "loads code into the tool"),
        ({"compiler_flags": ["--iree-llvmcpu-system-linker-path=touch x;"]}, "start another program"),
        ({"compiler_flags": ["--dump-to=a"]}, "is not a flag of any known release of iree-compile; remove it"),
        ({"pipeline_mlir": "p.mlir", "pipeline_compiler_flags": ["--load=a.so"]}, "$.pipeline_compiler_flags[0]: "),
        ({"compiler_flags": ["model.mlir"]}, "expected a flag that starts with two dashes"),
        (
            {"compiler_flags": ["--iree-codegen-tuning-spec-path=no.mlir"]},
            "file 'no.mlir' not found beside the spec or in",
        ),
        ({"flags_for": ["--x"]}, '$.flags_for: expected an object, got ["--x"]'),
        ({"flags_for": {">=3.5": "--x"}}, "$.flags_for['>=3.5']: expected an array, got \"--x\""),
        ({"flags_for": {">=3.5": ["x"]}}, "expected a flag that starts with two dashes"),
        (
            {"flags_for": {">=3.99": []}},
            "$.flags_for['>=3.99']: '3.99' is not an IREE release; expected one of 3.0.0, ",
        ),
        ({"flags_for": {"3.5": []}}, "$.flags_for['3.5']: '3.5' is not a comparison; expected >=, >, <, <= or =="),
        ({"flags_for": {">=3.9,<3.5": []}}, "$.flags_for['>=3.9,<3.5']: no release can match '>=3.9,<3.5'"),
        (
            {"flags_for": {">=3.5": ["--verify", "--iree-hal-dump-executable-files-to=/etc"]}},
            "$.flags_for['>=3.5'][1]: '--iree-hal-dump-executable-files-to=/etc' names a file outside",
        ),
        ({"flags_for": {">=3.5": ["--iree-codegen-tuning-spec-path=no.mlir"]}}, "[0]: file 'no.mlir' not found"),
        ({"threshold_args": ["--expected_f16_threshold=abc"]}, "expected a finite number of at least 0"),
        ({"threshold_args": ["--expected_f16_threshold=-1"]}, "expected a finite number of at least 0"),
        ({"threshold_args": ["--expected_f16_threshold=inf"]}, "expected a finite number of at least 0"),
        ({"threshold_args": ["--expected_i8_threshold=1"]}, "is not a threshold"),
        ({"threshold_args": ["--device=hip"]}, "is set by the harness"),
        ({"threshold_args": ["--trace_execution"]}, "is not a threshold"),
        ({"atol": -1}, "$.atol: -1 is less than the minimum of 0"),
        ({"atol": True}, "$.atol: expected a number or an object, got true"),
        ({"atol": {"i32": "1"}}, '$.atol.i32: expected a number, got "1"'),
        ({"atol": {"f33": 1}}, "$.atol.f33: not an element type; expected one of bf16, f16, "),
        ({"atol": {"complex<f32>": 1}}, "a complex type has the threshold of its parts"),
        ({"rtol": "1e-3"}, '$.rtol: expected a number, got "1e-3"'),
        ({"equal_nan": 1}, "$.equal_nan: expected a boolean, got 1"),
        ({"rtol": 1, "threshold_args": []}, "$.threshold_args: give either 'threshold_args', or 'atol' and 'rtol'"),
        ({"modules": [{"compiler_flags": []}]}, "$.modules[0]: missing field 'mlir'"),
        ({"modules": [{"mlir": "/etc/passwd"}]}, "$.modules[0].mlir: '/etc/passwd' is outside"),
        ({"modules": [{"mlir": "a", "flags": []}]}, "$.modules[0].flags: unknown field 'flags'; expected one of mlir"),
        ({"modules": [{"mlir": "a", "compiler_flags": ["x"]}]}, "[0].compiler_flags[0]: expected a flag that starts"),
        ({"modules": [{"mlir": "a", "compiler_flags": ["--load=a.so"]}]}, "$.modules[0].compiler_flags[0]: '--load=a"),
        ({"markers": "quick"}, '$.markers: expected an array, got "quick"'),
        ({"markers": ["a b"]}, '$.markers[0]: expected a name such as quick, without spaces, got "a b"'),
        ({"markers": ["a", "a"]}, "$.markers: an item is there twice"),
        ({"markers": ["a", "not"]}, "$.markers[1]: 'not' cannot be a marker, because -m reads it otherwise"),
        ({"weights": [{"scope": "model"}]}, "$.weights[0]: expected either 'source', an archive, or 'random'"),
        ({"weights": [{"source": "a.irpa", "random": {}}]}, "$.weights[0]: expected either 'source', an archive, or"),
        ({"weights": [{"random": {"seed": -1}}]}, "$.weights[0].random.seed: -1 is less than the minimum of 0"),
        ({"weights": [{"random": 3}]}, "$.weights[0].random: expected an object, got 3"),
        ({"seed": 3, "inputs": 3}, "$.inputs: expected an array, got 3"),
        ({"markers": [[]]}, "$.markers[0]: expected a string, got []"),
        ({"seed": 3}, "$.seed: has no effect without an input that has a 'formula'"),
        ({"inputs": [{"formula": {}}]}, "$.inputs[0]: an input by formula has a type and no source"),
        ({"inputs": [{"formula": {}, "value": "4xf32", "source": "a"}]}, "$.inputs[0]: an input by formula has a type"),
        ({"inputs": [{"formula": {}, "value": "4xf33"}]}, "$.inputs[0].value: '4xf33' is not a static tensor type"),
        ({"inputs": [{"formula": {"cof": 2}, "value": "4xf32"}]}, "unknown field 'cof'; did you mean 'coeff'?"),
        ({"inputs": [{"formula": {"coeff": "2"}, "value": "4xf32"}]}, 'coeff: expected a number, got "2"'),
        ({"inputs": [{"formula": {}, "value": "4xi4"}]}, "$.inputs[0]: values of i4 cannot be drawn"),
        ({"inputs": [{"formula": {}, "value": "65537x65536xf32"}]}, "may draw 4,294,967,296 numbers in all; with this"),
        ({"inputs": [{"formula": {"coeff": 256}, "value": "4xui8"}]}, "from 0 to 256, do not fit into ui8"),
        ({"inputs": [{"formula": {"offset": -129}, "value": "4xi8"}]}, "from -129 to -128, do not fit into i8"),
        ({"inputs": [{"formula": {"coeff": 1.7e308, "offset": 1.7e308}, "value": "4xf32"}]}, "are too large for"),
        ({"seed": -1, "inputs": [{"value": "4xf32", "formula": {}}]}, "$.seed: -1 is less than the minimum of 0"),
        ({"device": "local task; rm"}, "expected a device such as local-task"),
        ({"devices": []}, "$.devices: "),
        ({"devices": "hip"}, '$.devices: expected an array, got "hip"'),
        (
            {"devices": ["hip://0", "hip://GPU-1"]},
            "$.devices[1]: expected a device such as local-task, hip://0 or cuda",
        ),
        ({"devices": ["hip"], "device": "hip"}, "$.device: give either 'device' or 'devices'"),
        ({"tuner_file": {"mi300": "no.mlir"}}, "$.tuner_file.mi300: file 'no.mlir' not found beside the spec"),
        ({"comment": ""}, "$.comment: must not be empty"),
        ({"comment": ["a", 3]}, "$.comment[1]: expected a string, got 3"),
        ({"comment": 3}, "$.comment: expected a string or an array, got 3"),
        ({"compile_only": "yes"}, '$.compile_only: expected a boolean, got "yes"'),
    ],
)
def test_what_could_never_be_judged_is_refused(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    (line,) = violations(tmp_path, MINIMAL | changes, strict=True)
    assert expected in line


@pytest.mark.parametrize(
    ("flag", "backend"),
    [
        ("--iree-rocm-target=gfx942", "rocm"),
        ("--iree-hip-target=gfx942", "rocm"),
        ("--iree-cuda-target=sm_80", "cuda"),
        ("--iree-vulkan-target=rdna3", "vulkan"),
    ],
)
@pytest.mark.parametrize("field", ["compiler_flags", "flags_for"])
def test_the_chip_of_a_spec_comes_from_the_command_line_and_that_of_other_backends_from_flags(
    tmp_path: Path, flag: str, backend: str, field: str
) -> None:
    spec = MINIMAL | {field: {">=3.5": [flag]} if field == "flags_for" else [flag]}
    (line,) = violations(tmp_path, spec, f"toy/clip_{backend}.json")
    assert f"{flag!r} is set by the harness from the chip (--chip)" in line
    found = load(tmp_path, spec, "toy/clip_cpu.json")
    assert (*found.compiler_flags, *found.flags_for.get(">=3.5", ())) == (flag,)


def test_weights_are_archives_or_random(tmp_path: Path) -> None:
    entries = [{"random": {"seed": 3}, "scope": "model"}, {"source": "a.irpa"}, {"random": {}}]
    random, archive, other = load(tmp_path, MINIMAL | {"weights": entries}).weights
    assert (random, other) == (RandomWeights(seed=3, scope="model"), RandomWeights(seed=0))
    assert archive == Weights(blob=Blob(url=(tmp_path / "toy/a.irpa").as_uri()))


def test_formulas_draw_from_one_stream(tmp_path: Path) -> None:
    formula = {"value": "2x3xf16", "formula": {"coeff": 2, "offset": -1}}
    inputs = [formula, {"value": "4xf32=1"}, formula | {"value": "5xi8"}]
    found = load(tmp_path, MINIMAL | {"seed": 9, "inputs": inputs}).inputs
    type_ = TensorType(shape=(2, 3), element="f16")
    assert found == (
        Formula(type=type_, seed=9, skipped=0, coeff=2, offset=-1),
        Literal(text="4xf32=1"),
        Formula(type=TensorType(shape=(5,), element="i8"), seed=9, skipped=6, coeff=2, offset=-1),
    )
    (default,) = load(tmp_path, MINIMAL | {"inputs": [{"value": "2x3xf16", "formula": {}}]}).inputs
    assert default == Formula(type=type_, seed=0, skipped=0, coeff=1, offset=0)


@pytest.mark.parametrize(
    ("fields", "f16", "i32"),
    [
        ({}, (1e-3, 1e-5), None),
        ({"equal_nan": False}, (1e-3, 1e-5), None),
        ({"atol": 2}, (2, 1e-5), (2, 1e-5)),
        ({"atol": 0, "rtol": 0.5}, (0, 0.5), (0, 0.5)),
        ({"rtol": 0.5}, (1e-8, 0.5), (1e-8, 0.5)),
        ({"atol": {"i32": 1}}, (1e-3, 1e-5), (1, 1e-5)),
        ({"atol": {"f16": 1}, "rtol": 0}, (1, 0), (1e-8, 0)),
    ],
)
def test_thresholds_are_numbers_as_numpy_has_them(tmp_path: Path, fields: dict[str, Any], f16: Any, i32: Any) -> None:
    found = load(tmp_path, MINIMAL | fields)
    assert (found.thresholds.of("f16"), found.thresholds.of("i32")) == (f16, i32)
    assert found.thresholds.equal_nan == ("equal_nan" not in fields)
    flags = (f"--expected_f16_threshold={float(f16[0])}", f"--expected_rtol={float(f16[1])}")
    assert set(flags) <= set(found.threshold_args) or fields.keys() <= {"equal_nan"}


def test_a_violation_in_flags_for_has_the_line_of_its_own(tmp_path: Path) -> None:
    text = '{"mlir": "a",\n "flags_for": {\n  ">=3.5": [],\n  "<3,5": ["--load=a.so"],\n  "==3.5": [\n   "x"]}}'
    assert violations(tmp_path, text.replace('"x"', '"--verify"')) == [
        (
            "toy/clip_cpu.json:4: $.flags_for['<3,5']: '3' is not an IREE release; expected one of "
            f"{', '.join(releases.locked())}, or a release candidate such as 3.11.0rc20260207"
        ),
        (
            "toy/clip_cpu.json:4: $.flags_for['<3,5'][0]: '--load=a.so' loads code into the tool; "
            "remove it from the spec, or accept all flags of the specs with --trust-flags"
        ),
    ]
    assert violations(tmp_path, text)[0].startswith(
        "toy/clip_cpu.json:6: $.flags_for['==3.5'][0]: expected a flag that "
    )
    (twice,) = violations(tmp_path, text.replace("==3.5", ">=3.5"))
    assert twice == "toy/clip_cpu.json:5: $.flags_for['>=3.5']: duplicate field"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"mlir": "a"', "toy/clip_cpu.json:1: $: not valid JSON"),
        ('{\n"mlir": NaN}', "not valid JSON"),
        ("[]", "$: expected an object, got []"),
        ('{"mlir": "a",\n "mlir": "b"}', "toy/clip_cpu.json:2: $.mlir: duplicate field"),
        ("[" * 100_000, "cannot read the file: it has more than 100 levels"),
        (f'{{"mlir": "{"x" * (1 << 20)}"}}', "it has more than"),
    ],
)
def test_what_is_no_json_object_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    (line,) = violations(tmp_path, text)
    assert expected in line


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SpecError, match="cannot read the file"):
        reader.load_all([path], Folders(tmp_path))


def test_a_file_name_without_a_backend_is_refused(tmp_path: Path) -> None:
    (line,) = violations(tmp_path, MINIMAL, "toy/clip.json")
    assert "expected clip_cpu.json or clip_rocm.json or clip_cuda.json" in line


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    root = tmp_path / "specs"
    path = write(root, {"mlir": "link.mlir"})
    (path.parent / "link.mlir").symlink_to(tmp_path / "secret")
    with pytest.raises(SpecError, match="is outside"):
        reader.load_all([path], Folders(root))


def test_files_are_found_by_name_among_the_external_ones(tmp_path: Path) -> None:
    external = tmp_path / "external"
    external.mkdir()
    (external / "tuner.mlir").write_text("")
    path = write(tmp_path / "specs", MINIMAL | {"tuner_file": {"mi300": "deep/tuner.mlir"}})
    folders = Folders(tmp_path / "specs", external_files=external)
    (loaded,) = reader.load_all([path], folders, strict=True)
    assert loaded.tuner_file["mi300"].url == (external / "tuner.mlir").as_uri()


def test_the_files_in_a_list_of_a_flag_are_those_of_the_spec(tmp_path: Path) -> None:
    flags = ["--iree-parameter-import=a=x.irpa,deep/y.irpa", "--iree-link-bitcode=https://host/z.bc"]
    files = load(tmp_path, MINIMAL | {"compiler_flags": flags}).flag_files
    assert {name: blob.url for name, blob in files.items()} == {
        "x.irpa": (tmp_path / "toy/x.irpa").as_uri(),
        "deep/y.irpa": (tmp_path / "toy/deep/y.irpa").as_uri(),
        "https://host/z.bc": "https://host/z.bc",
    }
    (line,) = violations(tmp_path, MINIMAL | {"compiler_flags": [f"{flags[0]},b=/etc/passwd"]})
    assert line.startswith("toy/clip_cpu.json:4: $.compiler_flags[0]: '/etc/passwd' is outside ")


def test_a_missing_tuner_holds_up_only_the_sku_that_needs_it(tmp_path: Path) -> None:
    value = MINIMAL | {"tuner_file": {"mi300": "no.mlir"}}
    assert load(tmp_path, value).tuner_file
    assert load(tmp_path, value, sku="mi308").tuner_file
    (line,) = violations(tmp_path, value, sku="mi300")
    assert line == (
        "toy/clip_cpu.json:4: $.tuner_file.mi300: file 'no.mlir' not found beside the spec or in --external-files, "
        "and --sku mi300 needs it; tuning specs are in IREE's sources, in tests/external/iree-test-suites/"
        "test_suite_files: pass that folder with --external-files (pytest: --external-file-directory)"
    )


def test_missing_tuners_are_named_each_once(tmp_path: Path) -> None:
    write(tmp_path, "", "toy/there.mlir")
    tuners = {"mi300": "no.mlir", "mi308": "no.mlir", "mi325": "there.mlir", "mi350": "https://host/remote.mlir"}
    names = ("toy/clip_rocm.json", "toy/vae_rocm.json")
    specs = [load(tmp_path, MINIMAL | {"tuner_file": tuners}, name) for name in names]
    (text,) = missing_tuners(specs)
    start = "missing tuning spec no.mlir: --sku mi300 or mi308 needs it for toy/clip, toy/vae; tuning specs are in "
    assert text.startswith(start)
    assert list(missing_tuners([load(tmp_path, MINIMAL)])) == []


def test_the_lock_gives_digest_and_size(tmp_path: Path) -> None:
    url = "https://host/model.mlir"
    (tmp_path / LOCK_NAME).write_text(json.dumps({url: {"sha256": "ab" * 32, "size": 7}}))
    loaded = load(tmp_path, {"mlir": url})
    assert (loaded.mlir.sha256, loaded.mlir.size_bytes) == ("ab" * 32, 7)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    paths = [write(tmp_path, MINIMAL, f"{folder}/toy/clip_cpu.json") for folder in ("a", "b")]
    with pytest.raises(SpecError, match=r"a/toy/clip_cpu\.json has the name toy/clip_cpu as well; rename one"):
        reader.load_all(paths, Folders(tmp_path))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"fails": "numerics"}, "$.expect[0]"),
        ({"chips": ["gfx942"]}, "missing field 'fails'"),
        ({"fails": "nan", "iree": "3.6"}, "$.expect[0]"),
        ({"fails": "nan", "until": "2027-02-30"}, "$.expect[0]: day is out of range"),
        ({"fails": "nan", "until": "soon"}, "$.expect[0].until"),
        ({"fails": "nan", "issue": "#1"}, "$.expect[0].issue"),
    ],
)
def test_an_expected_failure_that_makes_no_sense(tmp_path: Path, entry: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        load(tmp_path, MINIMAL | {"expect": [entry]})
    assert message in str(caught.value)


SOURCE: dict[str, Any] = {
    "framework": "onnx",
    "files": {"vad.onnx": "ab" * 32},
    "importer": "IREE 3.13.0",
    "reference": "ONNX Runtime 1.32.0",
    "versions": {"onnx": "1.23.2"},
    "command": "harness new zoo/vad --onnx vad.onnx",
    "date": "2026-11-29T16:00:00Z",
}


def test_a_spec_says_what_its_program_was_imported_from(tmp_path: Path) -> None:
    value = MINIMAL | {"run_function": "f", "outputs": [{"value": "4xf32=1"}], "provenance": {"source": SOURCE}}
    spec = load(tmp_path, value)
    assert spec.program_source
    assert (spec.program_source.files, spec.program_source.seed) == (SOURCE["files"], None)
    assert spec.provenance is None
    del (lacking := dict(SOURCE))["files"]
    (found,) = violations(tmp_path, value | {"provenance": {"source": lacking}})
    assert found.endswith("$.provenance.source: missing field 'files'")
    (found,) = violations(tmp_path, value | {"provenance": {}})
    assert found.endswith("$.provenance: must not be empty")
