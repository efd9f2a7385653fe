from pathlib import Path
from typing import Any

import pytest

from harness.core.budgets import EVERY, Limit, Quantity, Statistic
from harness.core.cases import Backend, ModelSpec, Program, RandomWeights, Weights
from harness.core.errors import SpecError, UsageError
from harness.core.tensors import Literal, Tensor
from harness.core.timings import Timing
from harness.specs.catalogue import Folders
from harness.suites import reader
from tests.unit.suites import torch

HOST = "https://host.blob.core.windows.net"
ONCE = Timing(repetitions=1, seconds=0.1, warmup_seconds=0)


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    folder = tmp_path / "torch_models"
    torch.module(folder, "toy/modules/toy_cpu")
    return folder


def read(folder: Path) -> dict[str, ModelSpec]:
    found = reader.find(Folders(folder))
    assert found
    assert found.format.NAME == "torch_models"
    return found.read(list(found.paths))


def violations(folder: Path) -> str:
    with pytest.raises(SpecError) as caught:
        read(folder)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_quality_case(suite: Path) -> None:
    torch.module(suite, "toy/modules/scheduler", mlir=f"{HOST}/scheduler.mlir")
    path = torch.model(
        suite,
        "toy/quality_cpu",
        markers=["cpu", "local-task"],
        modules=["toy/modules/toy_cpu", "toy/modules/scheduler"],
        weights=[
            {"type": "url", "url": f"{HOST}/w.irpa", "scope": "model"},
            {"type": "random", "module": "toy/modules/toy_cpu", "seed": 7, "scope": "lora"},
        ],
        inputs=[{"url": f"{HOST}/i.bin", "value": "1x4xi64"}, {"value": "1xsi64"}, {"url": f"{HOST}/i.npy"}],
        expected_outputs=[{"url": f"{HOST}/o.bin", "value": "4xf16"}],
        run_args=["--function=f", "--device=local-sync", "--expected_f16_threshold=1.0f", "--device_allocator=caching"],
        outputs=[{"value": "ignored, as all that is unknown"}],
        colour="red",
    )
    spec = read(suite)["toy/quality_cpu"]
    assert (spec.path, spec.model, spec.submodel, spec.backend, spec.chip) == (
        path,
        "toy",
        "quality_cpu",
        Backend.CPU,
        None,
    )
    first = (suite / "toy/modules/model.mlir").as_uri()
    assert [each.mlir.url for each in spec.modules] == [first]
    assert (spec.mlir.url, spec.compiler_flags) == (f"{HOST}/scheduler.mlir", tuple(torch.CPU_FLAGS))
    assert spec.markers == ("cpu", "local-task", "quality")
    assert [each.partition(" in line ")[0] for each in spec.remarks] == [
        "unknown field 'outputs'",
        "unknown field 'colour'",
    ]
    urls, random = spec.weights
    assert isinstance(urls, Weights)
    assert (urls.blob.url, urls.scope) == (f"{HOST}/w.irpa", "model")
    assert random == RandomWeights(seed=7, scope="lora")
    typed, zeros, own = spec.inputs
    assert zeros == Literal(text="1xsi64=0")
    assert [isinstance(each, Tensor) and str(each.type) for each in (typed, own)] == ["1x4xi64", "None"]
    assert len(spec.outputs) == 1
    assert (spec.run_function, spec.devices, spec.run_args) == ("f", ("local-sync",), ("--device_allocator=caching",))
    assert spec.thresholds.of("f16") == (1.0, 1e-5)
    assert spec.thresholds.of("f32") == (1e-4, 1e-5)
    assert spec.threshold_args == ("--expected_f16_threshold=1.0f",)


def test_a_benchmark_runs_and_compares_nothing(suite: Path) -> None:
    torch.model(
        suite,
        "toy/benchmark_cpu",
        type="benchmark",
        run_args=["--function=f", "--benchmark_repetitions=10", "--benchmark_min_warmup_time=3.0"],
        expected_outputs=[{"url": f"{HOST}/o.bin", "value": "4xf16"}],
        golden_time_ms=6.2,
        tolerance_factor=1,
    )
    spec = read(suite)["toy/benchmark_cpu"]
    assert (spec.outputs, spec.run_args, spec.devices) == ((), (), ("local-task",))
    timing = Timing(repetitions=10, seconds=0.5, warmup_seconds=3)
    limit = Limit(golden=6.2, tolerance=1, statistic=Statistic.MIN, timing=timing)
    assert spec.budget == {Quantity.LATENCY_MS: {EVERY: limit}}
    assert not spec.compile_only


def test_a_benchmark_without_a_golden_time_and_one_without_a_factor(suite: Path) -> None:
    flags = ["--benchmark_time_unit=us"]
    torch.model(suite, "toy/any", type="benchmark", run_args=flags, golden_dispatch_count=1)
    torch.model(suite, "toy/zero", type="benchmark", golden_time_ms=0, run_args=["--benchmark_min_time=0.1s"])
    specs = read(suite)
    assert specs["toy/any"].budget == {}
    assert specs["toy/any"].remarks == (
        "--benchmark_time_unit=us in line 10 is ignored",
        "golden_dispatch_count has no effect in a benchmark case",
    )
    limit = Limit(golden=0, tolerance=1.1, statistic=Statistic.MIN, timing=ONCE)
    assert specs["toy/zero"].budget == {Quantity.LATENCY_MS: {EVERY: limit}}


def test_a_compstat_compiles(suite: Path) -> None:
    torch.module(suite, "toy/modules/hip", compiler_flags=[*torch.HIP_FLAGS, "--iree-opt-level=O3"])
    golden = {"golden_dispatch_count": 0, "golden_binary_size": 100, "golden_time_ms": 3}
    torch.model(suite, "toy/compstat", type="compstat", module="toy/modules/hip", **golden)
    spec = read(suite)["toy/compstat"]
    assert spec.compile_only
    assert (spec.backend, spec.chip) == (Backend.ROCM, "gfx942")
    assert spec.compiler_flags == ("--iree-hal-target-device=hip", "--iree-opt-level=O3")
    assert spec.programs == {"model": Program(mlir=spec.mlir, compiler_flags=spec.compiler_flags)}
    limits = {Quantity.DISPATCHES: {EVERY: Limit(golden=0)}, Quantity.MODULE_BYTES: {EVERY: Limit(golden=100)}}
    assert (spec.budget, spec.markers) == (limits, ("cpu", "compstat"))
    assert spec.remarks == ("golden_time_ms has no effect in a compstat case",)


@pytest.mark.parametrize("folder", ["", "torch_models", "torch_models/toy"])
def test_modules_are_found_whatever_folder_is_given(suite: Path, folder: str) -> None:
    torch.model(suite, "toy/quality_cpu")
    assert list(read(suite.parent / folder)) == ["toy/quality_cpu"]


def test_names_in_a_folder_of_another_name(tmp_path: Path) -> None:
    torch.module(tmp_path / "mine", "toy/modules/toy_cpu")
    torch.model(tmp_path / "mine", "quality_cpu")
    assert list(read(tmp_path / "mine")) == ["mine/quality_cpu"]


def test_specs_beside_cases(suite: Path) -> None:
    torch.model(suite, "toy/quality_cpu")
    spec = torch.written(suite / "toy/clip_cpu.json", {"mlir": "a.mlir", "run_function": "f"})
    with pytest.raises(UsageError, match=f"has specs \\({spec}\\) and cases of torch_models"):
        read(suite)


def test_other_files_are_no_cases(suite: Path) -> None:
    for name, value in {"package": {"type": "module"}, "list": ["type"], "text": "type"}.items():
        torch.written(suite / f"{name}.json", value)
    (suite / "broken.json").write_text('{"type": "quality"')
    assert reader.find(Folders(suite)) is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"type": "speed"}, "2: $.type: unknown value 'speed'"),
        ({"markers": None}, "1: $: object missing required field 'markers'"),
        ({"markers": ["a b"]}, "4: $.markers[0]: 'a b' cannot be a marker"),
        ({"markers": ["not"]}, "4: $.markers[0]: 'not' cannot be a marker"),
        ({"modules": []}, "1: $: missing field 'modules'"),
        ({"type": "compstat"}, "1: $: missing field 'module'"),
        ({"modules": ["lost"]}, "7: $.modules[0]: no module file lost.json in "),
        ({"modules": ["../torch_models/toy/modules/toy_cpu"]}, "7: $.modules[0]: no module file ../torch_models/toy"),
        ({"modules": ["/etc/x"]}, "7: $.modules[0]: no module file /etc/x.json in "),
        ({"weights": [{"type": "zeros"}]}, "11: $.weights[0].type: invalid value 'zeros'"),
        ({"weights": [{"type": "url", "url": "a"}]}, "10: $.weights[0]: object missing required field 'scope'"),
        ({"weights": [{"type": "url", "url": "/a", "scope": ""}]}, "12: $.weights[0].url: '/a' is outside "),
        ({"inputs": [{}]}, "10: $.inputs[0]: expected a 'url', a 'value' or both"),
        ({"inputs": [{"value": "4xf31"}]}, "11: $.inputs[0].value: '4xf31' is not a static tensor type"),
        ({"inputs": [{"url": "ftp://x"}]}, "11: $.inputs[0].url: 'ftp://x' has the scheme 'ftp'"),
        ({"expected_outputs": [{"value": "4xf32"}]}, "10: $.expected_outputs[0]: missing 'url'; add one, or write out"),
        ({"run_args": ["--expected_f16_threshold=x"]}, "10: $.run_args[0]: invalid value in '--expected_f16_threshold"),
        (
            {"run_args": ["--benchmark_repetitions=0"]},
            "10: $.run_args[0]: invalid value in '--benchmark_repetitions=0'; expected a number from 1 to 1000",
        ),
        (
            {"run_args": ["--benchmark_min_warmup_time"]},
            "10: $.run_args[0]: invalid value in '--benchmark_min_warmup_time'; expected a number from 0 to 3600",
        ),
        ({"run_args": ["--function"]}, "9: $.run_args: --function has no name"),
        ({"run_args": ["--module=x"]}, "10: $.run_args[0]: '--module=x' belongs into the field 'modules'"),
        ({"run_args": ["--device=../x"]}, "10: $.run_args[0]: '--device=../x' names no device"),
    ],
)
def test_violations_have_lines(suite: Path, fields: dict[str, Any], message: str) -> None:
    torch.model(suite, "toy/quality_cpu", **fields)
    assert violations(suite).startswith(f"toy/quality_cpu.json:{message}")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mlir": 5}, "2: $.mlir: expected 'str', got 'int'"),
        ({"mlir": "../../../x.mlir"}, "2: $.mlir: '../../../x.mlir' is outside "),
        ({"compiler_flags": []}, "3: $.compiler_flags: no flag says what to compile for"),
        (
            {"compiler_flags": [*torch.CPU_FLAGS, "--iree-codegen-transform-dialect-library=a.mlir"]},
            "6: $.compiler_flags[2]: '--iree-codegen-transform-dialect-library=a.mlir' names a file, which flags of",
        ),
    ],
)
def test_violations_of_modules_have_lines(suite: Path, fields: dict[str, Any], message: str) -> None:
    torch.module(suite, "toy/modules/toy_cpu", **fields)
    torch.model(suite, "toy/quality_cpu")
    assert violations(suite).startswith(f"toy/modules/toy_cpu.json:{message}")


def test_modules_for_several_chips(suite: Path) -> None:
    torch.module(suite, "toy/modules/hip", compiler_flags=torch.HIP_FLAGS)
    torch.model(suite, "toy/quality_cpu", modules=["toy/modules/hip", "toy/modules/toy_cpu"])
    assert violations(suite).startswith("toy/quality_cpu.json:6: $.modules: are for cpu and rocm gfx942; expected")


def test_a_module_that_is_a_link(suite: Path, tmp_path: Path) -> None:
    other = torch.module(tmp_path, "other")
    (suite / "toy/modules/link.json").symlink_to(other)
    torch.model(suite, "toy/quality_cpu", modules=["toy/modules/link"])
    assert "no module file toy/modules/link.json" in violations(suite)
