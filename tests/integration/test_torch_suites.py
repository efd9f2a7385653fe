"""Suites torch_ops, torch_models and sharktank_models in their layouts, with programs of our own and the real tools."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.blobs import LOCK_NAME
from tests.integration.laboratory import CPU_FLAGS, Laboratory, Result, clean_environment
from tests.unit.suites import onnx, torch

OP = """
module {{
  func.func @main(%a: !torch.vtensor<[4],{0}>, %b: !torch.vtensor<[4],{0}>) -> !torch.vtensor<[4],{0}>
      attributes {{torch.assume_strict_symbolic_shapes}} {{
    %one = torch.constant.int 1
    %sum = torch.aten.add.Tensor %a, %b, %one
        : !torch.vtensor<[4],{0}>, !torch.vtensor<[4],{0}>, !torch.int -> !torch.vtensor<[4],{0}>
    return %sum : !torch.vtensor<[4],{0}>
  }}
}}
"""
LITERALS = """
func.func @main(%n: tensor<i64>, %m: tensor<2x2xf64>, %f: tensor<2xi1>) -> tensor<2x2xf64> {
  %empty = tensor.empty() : tensor<2x2xf64>
  %sum = linalg.generic {
    indexing_maps = [affine_map<(i, j) -> ()>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>,
                     affine_map<(i, j) -> (i, j)>],
    iterator_types = ["parallel", "parallel"]
  } ins(%n, %m, %f : tensor<i64>, tensor<2x2xf64>, tensor<2xi1>) outs(%empty : tensor<2x2xf64>) {
  ^bb0(%x: i64, %y: f64, %z: i1, %out: f64):
    %g = arith.sitofp %x : i64 to f64
    %s = arith.addf %g, %y : f64
    %r = arith.select %z, %s, %y : f64
    linalg.yield %r : f64
  } -> tensor<2x2xf64>
  return %sum : tensor<2x2xf64>
}
"""
SCALED = """
module @scaled {
  util.global private @w = #flow.parameter.named<"model"::"w"> : tensor<4xf32>
  func.func @scale(%a: tensor<4xf32>) -> tensor<4xf32> {
    %w = util.global.load @w : tensor<4xf32>
    %r = arith.mulf %a, %w : tensor<4xf32>
    return %r : tensor<4xf32>
  }
}
"""
CALLS = """
module @calls {
  func.func private @scaled.scale(%a: tensor<4xf32>) -> tensor<4xf32>
  func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> {
    %r = func.call @scaled.scale(%a) : (tensor<4xf32>) -> tensor<4xf32>
    return %r : tensor<4xf32>
  }
}
"""
A, W = np.array([1, 2, 3, 4], np.float32), np.array([2, 2, 2, 3], np.float32)
PAIR = [torch.formula([4], coeff=2, offset=-1), torch.formula([4], coeff=2, offset=-1)]


def expected(dtype: str = "float32", wrong: float = 0) -> Any:
    """Return the sum of two inputs as the suite draws them; `wrong` is added to the last element."""
    rand = np.random.RandomState(9).rand
    first, second = ((2 * rand(4) - 1).astype(dtype) for _ in range(2))
    result = first + second
    result[-1] += np.dtype(dtype).type(wrong)
    return result


def op(suite: Path, name: str, element: str = "f32", *, array: Any = None, **fields: Any) -> Path:
    """Write a case of torch_ops that adds two inputs, and the output that it expects."""
    value = [{"url": None, "value": "expected.npy"}]
    path = torch.op(
        suite, name, OP.format(element), **{"seed": 9, "flat_args": PAIR, "expected_output": value} | fields
    )
    np.save(path.with_name("expected.npy"), expected() if array is None else array)
    return path


def statuses(result: Result) -> dict[str, tuple[str, str | None]]:
    cases = result.report["cases"]
    return {f"{case['model']}/{case['submodel']}": (case["status"], case["kind"]) for case in cases}


@pytest.fixture
def ops(lab: Laboratory) -> Path:
    return lab.root / "torch_ops"


def test_torch_ops(lab: Laboratory, ops: Path) -> None:
    halves = [torch.formula([4], "float16", coeff=2, offset=-1)] * 2
    bytes_ = [torch.formula([4], "int8", coeff=40, offset=-20)] * 2
    rand = np.random.RandomState(3).rand
    op(ops, "Add/right")
    op(ops, "Add/f16", "f16", array=expected("float16"), flat_args=halves, rtol=0, atol=0)
    op(ops, "Add/i8", "si8", array=sum((40 * rand(4) - 20).astype(np.int8) for _ in range(2)), flat_args=bytes_, seed=3)
    op(ops, "Add/near", array=expected(wrong=0.001), atol=0.002)
    op(ops, "Add/wrong", array=expected(wrong=0.001))
    op(ops, "Add/nan", array=expected(wrong=np.nan))
    op(ops, "Add/known", array=expected(wrong=1))
    op(ops, "Add/fixed")
    for name in ("fast", "slow", "free", "untimed", "listed"):
        op(ops, f"Time/{name}", mode="benchmark", expected_output=None)
    op(ops, "Add/nothing", expected_output=[])
    op(ops, "Add/lost", expected_output=[{"value": "lost.npy"}])
    op(ops, "Add/refused", flat_args=[torch.formula([5])] * 2)
    given = [5, [[1, 2], [3, 4.5]], [True, False]]
    path = torch.op(ops, "Literals/all", LITERALS, flat_args=given, expected_output=[{"value": "e.npy"}])
    np.save(path.with_name("e.npy"), np.array([[6, 2], [8, 4.5]]))
    cpu = onnx.config(
        lab.root / "cpu.json",
        flags=[*CPU_FLAGS, "--iree-input-demote-f64-to-f32=false"],
        expected_run_failures=["Add/known", "Add/fixed", "Time/listed"],
        skip_run_tests=["Time/untimed"],
        golden_times_ms={
            "Time/fast": 1e9,
            "Time/slow": 1e-9,
            "Time/untimed": 1e-9,
            "Time/listed": 1e-9,
            "Add/right": 0,
        },
    )
    result = lab.run("--specs", str(ops), "--suite-config", str(cpu))
    assert statuses(result) == {
        "Add/right": ("passed", None),
        "Add/f16": ("passed", None),
        "Add/i8": ("passed", None),
        "Add/near": ("passed", None),
        "Add/wrong": ("failed", "numeric"),
        "Add/nan": ("failed", "numeric"),
        "Add/known": ("xfailed", "numeric"),
        "Add/fixed": ("xpassed", None),
        "Time/fast": ("ran", None),
        "Time/slow": ("failed", "budget"),
        "Time/free": ("ran", None),
        "Time/untimed": ("compiled", None),
        "Time/listed": ("failed", "budget"),
        "Add/nothing": ("ran", None),
        "Add/lost": ("error", "fetch"),
        "Add/refused": ("failed", "shape"),
        "Literals/all": ("passed", None),
    }, result.text
    cases = {case["submodel"]: case for case in result.report["cases"]}
    assert cases["free"]["notes"] == [f"{cpu} has no golden time for it"]
    (limit,) = cases["slow"]["budgets"]
    assert (limit["value"],) == tuple(cases["slow"]["latency"]["samples_ms"])  # one repetition
    assert limit["limit"] == pytest.approx(1.1e-9)
    assert not list(ops.rglob("*.vmfb"))


def test_expected_outputs_are_fetched_and_locked(lab: Laboratory, ops: Path, server: str) -> None:
    www = lab.root / "www"
    np.save(www / "right.npy", expected())
    path = op(ops, "Add/url", expected_output=[{"url": f"{server}/right.npy", "value": None}])
    path.with_name("expected.npy").unlink()
    common = ["--specs", str(ops), "--suite-config", str(onnx.config(lab.root / "cpu.json"))]
    locked = lab.run("--specs", str(ops), command="lock")
    assert locked.code == 0, locked.text
    assert f"{server}/right.npy" in (ops / LOCK_NAME).read_text()
    assert lab.run(*common, "--locked").verdict == (0, "passed", None)
    np.save(www / "right.npy", expected(wrong=1))
    changed = lab.run(*common, "--blobs-only", "--store", str(lab.root / "empty"), command="fetch")
    assert "sha256" in changed.text, changed.text
    assert changed.code == 3


def model_suite(lab: Laboratory) -> Path:
    """Write a suite with modules, weights and inputs, for the CPU and for a GPU."""
    suite = lab.root / "torch_models"
    torch.module(suite, "toy/modules/scaled_cpu", mlir="../scaled.mlir", compiler_flags=CPU_FLAGS)
    torch.module(suite, "toy/modules/calls_cpu", mlir="../calls.mlir", compiler_flags=CPU_FLAGS)
    torch.module(suite, "toy/modules/scaled_gfx942", mlir="../scaled.mlir", compiler_flags=torch.HIP_FLAGS)
    lab.weights("w.irpa", {"w": W})
    (lab.model_dir / "w.irpa").rename(suite / "toy/w.irpa")
    (suite / "toy/scaled.mlir").write_text(SCALED)
    (suite / "toy/calls.mlir").write_text(CALLS)
    (suite / "toy/a.bin").write_bytes(A.tobytes())
    (suite / "toy/o.bin").write_bytes((A * W).tobytes())
    (suite / "toy/wrong.bin").write_bytes((A * W + 0.5).astype(np.float32).tobytes())
    common: dict[str, Any] = {
        "modules": ["toy/modules/scaled_cpu", "toy/modules/calls_cpu"],
        "weights": [{"type": "url", "url": "w.irpa", "scope": "model"}],
        "inputs": [{"url": "a.bin", "value": "4xf32"}],
        "expected_outputs": [{"url": "o.bin", "value": "4xf32"}],
        "run_args": ["--function=f", "--device=local-sync", "--device_allocator=caching"],
    }
    wrong = [{"url": "wrong.bin", "value": "4xf32"}]
    loose = [*common["run_args"], "--expected_f32_threshold=0.6f"]
    torch.model(suite, "toy/right", **common)
    torch.model(suite, "toy/wrong", **common | {"expected_outputs": wrong, "markers": ["cpu", "slow"]})
    torch.model(suite, "toy/loose", **common | {"expected_outputs": wrong, "run_args": loose})
    torch.model(suite, "toy/checks_itself", **common | {"expected_outputs": []})
    random = [{"type": "random", "module": "toy/modules/scaled_cpu", "seed": 42, "scope": "model"}]
    quick = ["--benchmark_repetitions=3", "--benchmark_min_warmup_time=0.1", "--benchmark_min_time=0.01s"]
    flags = ["--function=scale", *quick]
    timed = {"type": "benchmark", "weights": random, "inputs": [{"value": "4xf32"}], "run_args": flags}
    torch.model(suite, "toy/time", modules=["toy/modules/scaled_cpu"], golden_time_ms=1e9, **timed)
    torch.model(suite, "toy/slow", modules=["toy/modules/scaled_cpu"], golden_time_ms=1e-9, **timed)
    torch.model(suite, "toy/untimed", modules=["toy/modules/scaled_cpu"], **timed)
    compstat = {"type": "compstat", "module": "toy/modules/scaled_cpu", "golden_dispatch_count": 1}
    torch.model(suite, "toy/size", golden_binary_size=1e6, **compstat)
    torch.model(suite, "toy/large", golden_binary_size=1, **compstat)
    torch.model(suite, "toy/dispatches", **compstat | {"golden_dispatch_count": 0})
    torch.model(suite, "toy/hip", type="compstat", module="toy/modules/scaled_gfx942", markers=["hip", "gfx942"])
    return suite


def test_torch_models(lab: Laboratory) -> None:
    suite = model_suite(lab)
    result = lab.run("--specs", str(suite))
    assert statuses(result) == {
        "toy/right": ("passed", None),
        "toy/wrong": ("failed", "numeric"),
        "toy/loose": ("passed", None),
        "toy/checks_itself": ("ran", None),
        "toy/time": ("ran", None),
        "toy/slow": ("failed", "budget"),
        "toy/untimed": ("ran", None),
        "toy/size": ("compiled", None),
        "toy/large": ("failed", "budget"),
        "toy/dispatches": ("failed", "budget"),
    }, result.text
    cases = {case["submodel"]: case for case in result.report["cases"]}
    assert cases["dispatches"]["reason"] == "dispatches: 1, budget 0 (1 more)"
    assert [each["exceeded"] for each in cases["large"]["budgets"]] == [False, True]
    slow = cases["slow"]
    assert [each["value"] for each in slow["budgets"]] == [slow["latency"]["minimum_ms"]]
    assert (len(slow["latency"]["samples_ms"]), cases["untimed"]["latency"]) == (3, None)
    again = next(line for line in result.text.splitlines() if line.startswith("  again") and "toy/wrong" in line)
    assert " toy/wrong --backend cpu --iree 3.13.0 " in again
    assert f" --specs {suite} " in again
    by_tool = lab.run("--specs", str(suite), "--verdict", "iree-run-module", "-m", "quality")
    assert set(statuses(by_tool).values()) == {("passed", None), ("failed", "numeric"), ("ran", None)}, by_tool.text
    assert statuses(lab.run("--specs", str(suite), "-m", "quality and not slow", "-k", "right")) == {
        "toy/right": ("passed", None)
    }
    hip = lab.run("--specs", str(suite), "--compile-chip", "gfx942", "-m", "hip")
    assert statuses(hip) == {"toy/hip": ("compiled", None)}, hip.text


def test_commands_that_only_read(lab: Laboratory) -> None:
    suite = model_suite(lab)
    common = ["--specs", str(suite)]
    assert lab.run(*common, command="validate").text == "11 cases of torch_models are valid.\n"
    listed = lab.run(*common, "-m", "benchmark", command="list")
    assert listed.text == "toy/slow[cpu]\ntoy/time[cpu]\ntoy/untimed[cpu]\n"
    planned = lab.run(*common, "time", command="plan")
    line = "iree-run-module --device=local-task --module=model.vmfb --parameters=model=weights.0.irpa --function=scale"
    assert f"{line} --input=4xf32=0\n" in planned.text
    fetched = lab.run(*common, "right", "--blobs-only", command="fetch")
    assert "5 of 5 blobs available, 5 local files among them" in fetched.text
    torch.model(suite, "toy/size", type="compstat", module="toy/modules/scaled_cpu", comment="x")
    valid = lab.run(*common, command="validate")
    assert f"notice: {suite}/toy/size.json: unknown field 'comment' in line 10 is ignored\n" in valid.text
    (suite / "toy" / "time.json").write_text('{"type": "benchmark",\n"markers": 5}')
    broken = lab.run(*common, command="validate")
    assert broken.code == 2
    assert f"{suite}/toy/time.json:2: $.markers: expected 'array', got 'int'" in broken.text


def test_sharktank_models(lab: Laboratory) -> None:
    suite = lab.root / "sharktank_models"
    for name, program in {"scaled": SCALED, "calls": CALLS}.items():
        path = suite / "quality_tests" / "toy" / f"{name}.mlir"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(program)
    lab.weights("w.irpa", {"w": W})
    (lab.model_dir / "w.irpa").rename(suite / "quality_tests/toy/w.irpa")
    fields = {"mlir": "scaled.mlir", "real_weights": "w.irpa", "compiler_flags": CPU_FLAGS, "run_function": "scale"}
    outputs = [{"value": "4xf32=2 2 2 4"}]
    torch.quality(suite, "toy/scaled_cpu", **fields, inputs=[{"value": "4xf32=1"}], outputs=outputs)
    repeats = ["--benchmark_repetitions=3", "--benchmark_min_time=0.01", "--device_allocator=caching"]
    benchmark = {"function_run": "scale", "benchmark_flags": repeats}
    times = {"golden_time_ms": {"cpu": 1e9}, "golden_time_tolerance_multiplier": {"cpu": 1.1}}
    sizes = {"golden_dispatch": {"cpu": 0}, "golden_size": {"cpu": 1e6}}
    torch.benchmark(suite, "toy/scaled_cpu", **benchmark, **times, **sizes)
    for name, golden in {"slow": {"cpu": 1e-9}, "other": {"mi300": 1e-9}}.items():
        torch.quality(suite, f"toy/{name}_cpu", **fields, inputs=[{"value": "4xf32=1"}])
        limits = {"golden_time_ms": golden, "golden_time_tolerance_multiplier": dict.fromkeys(golden, 1)}
        torch.benchmark(suite, f"toy/{name}_cpu", **benchmark, **limits)
    pipeline = {"mlir_file_name": "calls.mlir", "compile_flags": CPU_FLAGS, "modules": ["toy_scaled"]}
    torch.benchmark(suite, "toy/e2e_cpu", compilation_required=True, **pipeline)
    external = ["--external-files", str(suite / "quality_tests" / "toy")]
    result = lab.run("--specs", str(suite), *external)
    assert statuses(result) == {
        "benchmarks/toy/scaled_cpu": ("ran", None),
        "benchmarks/toy/slow_cpu": ("failed", "budget"),
        "benchmarks/toy/other_cpu": ("ran", None),
        "benchmarks/toy/e2e_cpu": ("ran", None),
        "quality_tests/toy/scaled_cpu": ("failed", "numeric"),
        "quality_tests/toy/slow_cpu": ("ran", None),
        "quality_tests/toy/other_cpu": ("ran", None),
    }, result.text
    cases = {case["id"].removesuffix("[cpu]"): case for case in result.report["cases"]}
    slow = cases["benchmarks/toy/slow_cpu"]
    assert [each["value"] for each in slow["budgets"]] == [slow["latency"]["mean_ms"]]
    limited = [each["name"] for each in cases["benchmarks/toy/scaled_cpu"]["budgets"]]
    assert limited == ["module_bytes", "latency_ms"]  # 0 dispatches stand for no limit
    other = cases["benchmarks/toy/other_cpu"]
    assert (other["latency"], other["notes"]) == (None, ["no budget for cpu; there are budgets of latency_ms (mi300)"])
    assert statuses(lab.run("--specs", str(suite), *external, "benchmarks")).keys() == {
        name for name in cases if name.startswith("benchmarks/")
    }


def test_pytest_and_bisect_know_these_suites(lab: Laboratory) -> None:
    suite = model_suite(lab)
    argv = [sys.executable, "-m", "pytest", "-p", "harness.cli.pytest_plugin", "--test-file-directory", str(suite)]
    environment = clean_environment() | {"IREE_TEST_FILES": str(lab.store_dir)}
    done = subprocess.run(
        [*argv, "-m", "quality"],
        check=False,
        cwd=lab.root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "1 failed, 3 passed, 6 deselected" in done.stdout, done.stdout + done.stderr
    words = ["toy/right", "--specs", str(suite), "--out", str(lab.out)]
    found = lab.run(*words, "--all", "--repeat=1", "--good=3.12.0", "--bad=3.13.0", command="bisect")
    assert "GOOD  3.12.0" in found.text, found.text
