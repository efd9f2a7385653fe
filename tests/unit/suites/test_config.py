from pathlib import Path
from typing import Any

import pytest

from harness.core.budgets import EVERY, Limit, Quantity
from harness.core.cases import Backend, Place, Target
from harness.core.errors import SpecError
from harness.core.timings import Timing
from harness.suites import config
from tests.unit import samples
from tests.unit.suites import onnx

JSON5 = """// of the CPU
{
  config_name: 'cpu', /* not
  used */ iree_compile_flags: ["--iree-hal-target-device=local",],
  "iree_run_module_flags": [],
  skip_compile_tests: [
    "a/b", // too slow
    'a/c',
  ],
  "expected_run_failures": ["a/d", "a/b"],
  golden: Infinity,
}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cpu_O0.json"


def violations(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        config.read_all([path])
    return str(caught.value).replace(f"{path}:", "")


def test_a_config_is_a_target_and_lists(path: Path) -> None:
    path.write_text(JSON5)
    (found,) = config.read_all([path])
    assert (found.name, found.target()) == ("cpu_O0", Target(backend=Backend.CPU, config="cpu_O0"))
    assert found.flags.others == ("--iree-hal-target-device=local",)
    assert found.devices == ("local-task",)
    assert found.lists["skip_compile_tests"] == {
        "a/b": Place(json_path="$.skip_compile_tests[0]", line=7),
        "a/c": Place(json_path="$.skip_compile_tests[1]", line=8),
    }
    assert found.lists["expected_run_failures"]["a/b"] == Place(json_path="$.expected_run_failures[1]", line=10)
    assert found.unknown == {"golden": Place(json_path="$.golden", line=11)}


def test_golden_times(path: Path) -> None:
    (found,) = config.read_all([onnx.config(path, golden_times_ms={"AB/a": 0.25}, tolerance_factor=1.5)])
    assert found.unknown == {}
    benchmark = samples.spec(markers=("benchmark",))
    limit = Limit(golden=0.25, tolerance=1.5, timing=Timing(repetitions=1, seconds=0.5, warmup_seconds=0))
    assert found.applied(benchmark, "AB/a").budget == {Quantity.LATENCY_MS: {EVERY: limit}}
    lacking = found.applied(benchmark, "AB/b")
    assert (lacking.budget, lacking.remarks) == ({}, (f"{path} has no golden time for it",))
    compared = found.applied(samples.spec(), "AB/a")
    assert (compared.budget, compared.remarks) == ({}, ())
    fields: dict[str, Any] = {"golden_times_ms": {"AB/a": 0}, "skip_run_tests": ["AB/b"]}
    (found,) = config.read_all([onnx.config(path, **fields)])
    assert found.applied(benchmark, "AB/a").budget[Quantity.LATENCY_MS][EVERY].tolerance == 1.1
    assert found.applied(benchmark, "AB/b").remarks == ()


def test_flags_of_the_runtime(path: Path) -> None:
    flags = ["--device=hip://0", "--device_allocator=caching", "--device=hip://1"]
    (found,) = config.read_all([onnx.config(path, iree_run_module_flags=flags)])
    assert found.devices == ("hip://0", "hip://1")
    assert found.run_args == ("--device_allocator=caching",)


@pytest.mark.parametrize(
    ("flags", "backend", "chip", "others"),
    [
        (onnx.CPU_FLAGS, Backend.CPU, None, onnx.CPU_FLAGS),
        (["--iree-hal-target-backends=llvm-cpu"], Backend.CPU, None, ["--iree-hal-target-backends=llvm-cpu"]),
        (
            ["--iree-hal-target-device=hip", "--iree-rocm-target=gfx1100", "--iree-opt-level=O3"],
            Backend.ROCM,
            "gfx1100",
            ["--iree-hal-target-device=hip", "--iree-opt-level=O3"],
        ),
        (["--iree-hal-target-device=hip", "--iree-hip-target=gfx942"], Backend.ROCM, "gfx942", None),
        (["--iree-hal-target-device=cuda"], Backend.CUDA, None, None),
        (["--iree-hal-target-device=cuda", "--iree-cuda-target=sm_75"], Backend.CUDA, "sm_75", None),
        (["--iree-hal-target-device=vulkan"], Backend.VULKAN, None, None),
        (["--iree-hal-target-device=vulkan", "--iree-vulkan-target=mali-g715"], Backend.VULKAN, "mali-g715", None),
    ],
)
def test_flags_say_the_target(
    path: Path, flags: list[str], backend: Backend, chip: str | None, others: list[str] | None
) -> None:
    (found,) = config.read_all([onnx.config(path, flags=flags)])
    assert found.target() == Target(backend=backend, chip=chip, config="cpu_O0")
    assert found.flags.others == tuple(flags[:1] if others is None else others)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"config_name": None, "iree_run_module_flags": None}, "1: $: missing field 'iree_run_module_flags'"),
        ({"config_name": 5}, "2: $.config_name: expected a string"),
        ({"skip_run_tests": "a"}, "10: $.skip_run_tests: expected an array of strings"),
        ({"skip_run_tests": ["a", 1]}, "12: $.skip_run_tests[1]: expected a string"),
        ({"skip_run_tests": ["a\0"]}, "11: $.skip_run_tests[0]: has the character U+0000"),
        ({"golden_times_ms": {"AB/a": "1"}}, "10: $.golden_times_ms: expected an object of numbers, by the names of"),
        ({"golden_times_ms": []}, "10: $.golden_times_ms: expected an object of numbers"),
        ({"tolerance_factor": True}, "10: $.tolerance_factor: expected a number"),
        ({"flags": []}, "3: $.iree_compile_flags: no flag says what to compile for"),
        (
            {"flags": ["--iree-hal-target-device=metal"]},
            "3: $.iree_compile_flags: compiles for metal, for which the harness has no backend; it has cpu, rocm,",
        ),
        ({"flags": ["--iree-hal-target-device=hip", *onnx.CPU_FLAGS]}, "3: $.iree_compile_flags: compiles for several"),
        (
            {"flags": ["--iree-hal-target-device=hip", "--iree-hip-target=gfx942", "--iree-rocm-target=gfx90a"]},
            "3: $.iree_compile_flags: compiles for 'gfx942' and 'gfx90a'; expected one chip",
        ),
        (
            {"flags": [*onnx.CPU_FLAGS, "--iree-llvmcpu-link-static", "--iree-hal-dump-executable-files-to=/x"]},
            "7: $.iree_compile_flags[3]: '--iree-hal-dump-executable-files-to=/x' ",
        ),
        (
            {"flags": [*onnx.CPU_FLAGS, "--iree-codegen-transform-dialect-library=a.mlir"]},
            "6: $.iree_compile_flags[2]: '--iree-codegen-transform-dialect-library=a.mlir' names a file",
        ),
        (
            {"iree_run_module_flags": ["--device=../x"]},
            "8: $.iree_run_module_flags[0]: '--device=../x' names no device",
        ),
        (
            {"iree_run_module_flags": ["--output=x"]},
            "8: $.iree_run_module_flags[0]: '--output=x' belongs into",
        ),
    ],
)
def test_violations_have_lines(path: Path, fields: dict[str, Any], message: str) -> None:
    assert message in violations(onnx.config(path, **fields)).splitlines()[-1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{\n a: 1\n b: 2}", "3: $: not valid JSON5: Expected 'comma' or U+007d, found U+0062"),
        ("", "1: $: not valid JSON5: No JSON data found"),
        ("[" * 101, "1: $: not valid JSON5: Maximum nesting level exceeded"),
        ("[]", "1: $: expected an object"),
        ("{a: 1,\n'a': 2}", "2: $.a: duplicate field"),
    ],
)
def test_a_file_that_is_no_config(path: Path, text: str, message: str) -> None:
    path.write_text(text)
    assert violations(path).startswith(message)


def test_a_config_that_cannot_be_read(path: Path) -> None:
    assert violations(path) == "1: $: cannot read the config: No such file or directory"
    path.write_bytes(b"{" + b" " * config.MAX_BYTES + b"}")
    assert "it has more than" in violations(path)
    path.write_bytes(b"\xff")
    assert "cannot read the config" in violations(path)


def test_configs_of_one_name_and_a_name_that_no_id_can_have(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / path.name
    other.parent.mkdir()
    with pytest.raises(SpecError, match=f"{path} is called cpu_O0 as well"):
        config.read_all([onnx.config(path), onnx.config(other)])
    assert len(config.read_all([path, path])) == 1
    odd = onnx.config(tmp_path / "a[b].json")
    assert "U+005B" in violations(odd)
