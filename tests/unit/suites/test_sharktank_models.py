from pathlib import Path
from typing import Any

import pytest

from harness.core.budgets import Limit, Quantity, Statistic
from harness.core.cases import Backend, ModelSpec, Weights
from harness.core.errors import SpecError
from harness.core.tensors import Literal
from harness.core.timings import Timing
from harness.specs.catalogue import Folders
from harness.suites import reader
from tests.unit.suites import torch

HOST = "https://host.blob.core.windows.net"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    return tmp_path / "sharktank_models"


def read(folder: Path) -> dict[str, ModelSpec]:
    found = reader.find(Folders(folder))
    assert found
    assert found.format.NAME == "sharktank_models"
    return found.read(list(found.paths))


def violations(folder: Path) -> str:
    with pytest.raises(SpecError) as caught:
        read(folder)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_benchmark_runs_the_module_of_a_spec(suite: Path) -> None:
    outputs = [{"value": "4xf32=1"}]
    torch.quality(
        suite,
        "toy/clip_rocm",
        device="hip",
        real_weights=f"{HOST}/w.irpa",
        run_function="g",
        outputs=outputs,
        run_test_expecting_to_fail=True,
        compile_only=True,
        pipeline_mlir="pipeline.mlir",
        add_pipeline_module=True,
    )
    path = torch.benchmark(
        suite,
        "toy/clip_rocm",
        device="hip",
        inputs=["1x4xi64", "2xf16"],
        benchmark_flags=["--hip_use_streams=true", "--benchmark_repetitions=10"],
        specific_chip_to_ignore=["gfx90a"],
        golden_time_ms={"mi300": 6.3, "mi308": 0},
        golden_time_tolerance_multiplier={"mi300": 1.2, "mi250": 2},
        golden_size={"mi300": 5},
        golden_dispatch={"mi300": 0},
        real_weights_file_name="w.irpa",
    )
    found = read(suite)
    assert list(found) == ["benchmarks/toy/clip_rocm", "quality_tests/toy/clip_rocm"]
    spec, quality = found.values()
    assert (quality.run_function, quality.compile_only, len(quality.outputs)) == ("g", True, 1)
    assert (spec.path, spec.name, spec.backend) == (path, "benchmarks/toy/clip_rocm", Backend.ROCM)
    assert (spec.mlir, spec.real_weights, spec.compiler_flags) == (
        quality.mlir,
        quality.real_weights,
        quality.compiler_flags,
    )
    assert (spec.run_function, spec.devices, spec.run_args) == ("f", ("hip",), ("--hip_use_streams=true",))
    assert spec.inputs == (Literal(text="1x4xi64=0"), Literal(text="2xf16=0"))
    assert (spec.outputs, spec.compile_only, spec.run_test_expecting_to_fail) == ((), False, False)
    assert (spec.ignored_chips, spec.lines) == (("gfx90a",), {"$.specific_chip_to_ignore": 12})
    assert spec.remarks == ()
    timing = Timing(repetitions=10, seconds=0.5, warmup_seconds=0)
    assert spec.budget == {
        Quantity.MODULE_BYTES: {"mi300": Limit(golden=5)},
        Quantity.LATENCY_MS: {
            "mi300": Limit(golden=6.3, tolerance=1.2, statistic=Statistic.MEAN, timing=timing),
        },
    }
    assert (list(spec.programs), list(quality.programs)) == (["model"], ["model", "pipeline"])


def test_a_benchmark_of_several_modules(suite: Path) -> None:
    for name in ("clip", "unet_fp16"):
        tuner = {"mi300": f"{name}_tuner.mlir"}
        fields = {"mlir": f"{name}.mlir", "real_weights": f"{HOST}/{name}.irpa", "tuner_file": tuner}
        torch.quality(suite, f"sdxl_x/{name}_cpu", **fields)
    torch.benchmark(
        suite,
        "sdxl_x/e2e_cpu",
        compilation_required=True,
        compiled_file_name="e2e",
        mlir_file_name="e2e.mlir",
        compile_flags=torch.CPU_FLAGS,
        modules=["sdxl_x_clip", "sdxl_x_unet_fp16"],
    )
    spec = read(suite)["benchmarks/sdxl_x/e2e_cpu"]
    assert [each.mlir.name for each in spec.programs.values()] == ["clip.mlir", "unet_fp16.mlir", "e2e.mlir"]
    assert {each.compiler_flags for each in spec.programs.values()} == {tuple(torch.CPU_FLAGS)}
    tuners = [[each.name for each in program.tuner_file.values()] for program in spec.programs.values()]
    assert tuners == [["clip_tuner.mlir"], ["unet_fp16_tuner.mlir"], []]
    scopes = [(each.blob.name, each.scope) for each in spec.weights if isinstance(each, Weights)]
    assert scopes == [("clip.irpa", "model"), ("unet_fp16.irpa", "model")]


def test_specs_alone_are_no_suite(suite: Path) -> None:
    torch.quality(suite, "toy/clip_cpu")
    assert reader.find(Folders(suite)) is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"device": None}, "1: $: object missing required field 'device'"),
        ({"device": "../x"}, "6: $.device: '--device=../x' names no device"),
        ({"inputs": ["4xf31"]}, "3: $.inputs[0].value: '4xf31' is not a static tensor type"),
        ({"benchmark_flags": ["--output=x"]}, "8: $.benchmark_flags[0]: '--output=x' belongs into"),
        (
            {"golden_time_ms": {"cpu": 1, "mi300": 2}, "golden_time_tolerance_multiplier": {"mi300": 1}},
            "7: $.golden_time_ms: 'cpu' is missing in golden_time_tolerance_multiplier",
        ),
        ({"golden_size": {"cpu": "x"}}, "7: $.golden_size: expected 'float', got 'str'"),
        ({"compilation_required": True}, "7: $.compilation_required: missing field 'mlir_file_name'"),
        (
            {"compilation_required": True, "mlir_file_name": "m.mlir", "modules": ["toy_clip", "toy_lost"]},
            "11: $.modules[1]: no spec ",
        ),
        (
            {"compilation_required": True, "mlir_file_name": "m.mlir", "compile_flags": ["--no-such-flag"]},
            "10: $.compile_flags[0]: '--no-such-flag' is not a flag of any known release",
        ),
    ],
)
def test_violations_have_lines(suite: Path, fields: dict[str, Any], message: str) -> None:
    torch.quality(suite, "toy/clip_cpu")
    torch.benchmark(suite, "toy/clip_cpu", **fields)
    assert violations(suite).startswith(f"benchmarks/toy/clip_cpu.json:{message}")


def test_a_benchmark_without_its_spec(suite: Path) -> None:
    path = torch.benchmark(suite, "toy/clip_cpu")
    missing = suite / "quality_tests" / "toy" / "clip_cpu.json"
    hint = "name the folder that has quality_tests too with --specs"
    assert violations(suite / "benchmarks") == f"toy/{path.name}:1: $: no spec {missing}, whose module it runs; {hint}"
    torch.quality(suite, "toy/clip_cpu")
    assert "no spec" in violations(suite / "benchmarks")
    assert read(suite)


def test_a_spec_that_is_not_valid(suite: Path) -> None:
    torch.benchmark(suite, "toy/clip_cpu")
    torch.quality(suite, "toy/clip_cpu", compile_only=1)
    assert violations(suite).startswith("quality_tests/toy/clip_cpu.json:")
