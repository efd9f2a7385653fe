"""Runs that users of IREE need to be told right: loading, initializers, weights, devices, results in arguments.

Written after public reports: modules that do not load (iree#21066), scopes (iree#18658), devices (iree#19507).
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration import archives
from tests.integration.laboratory import NEWEST, OLDEST, A, B, Laboratory, limited, written


def test_a_scalar_argument_has_no_type(lab: Laboratory) -> None:
    program = "func.func @f(%x: i32) -> i32 { return %x : i32 }"
    found = lab.run_program(program, inputs=written("i32=5"))
    assert found.verdict == (3, "error", "tool"), found.text
    assert "write 5, not i32=5" in found.case["reason"]


INITIALIZER = """
util.global private mutable @k : i32
util.initializer {
  %three = util.unfoldable_constant 3 : i32
  %four = arith.constant 4 : i32
  %ok = arith.cmpi eq, %three, %four : i32
  cf.assert %ok, "required module 'hal' version mismatch"
  util.global.store %three, @k : i32
  util.return
}
func.func @f() -> i32 {
  %k = util.global.load @k : i32
  return %k : i32
}
"""


TERABYTES = """
func.func @f(%n: index) -> tensor<?x?xf32> {
  %one = arith.constant 1.0 : f32
  %empty = tensor.empty(%n, %n) : tensor<?x?xf32>
  %y = linalg.fill ins(%one : f32) outs(%empty : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}
"""


TORCH = "func.func @f(%x: !torch.vtensor<[7],f32>) -> !torch.vtensor<[7],f32> { return %x : !torch.vtensor<[7],f32> }"


IMPORT = """
func.func private @extra.scale(tensor<4xf32>) -> tensor<4xf32>
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = call @extra.scale(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
"""


@pytest.mark.parametrize("release", [OLDEST, NEWEST])
def test_to_load_and_to_initialize_are_phases_of_the_model(lab: Laboratory, release: str) -> None:
    broken = lab.run_program(INITIALIZER, "--iree", release)
    assert broken.verdict == (1, "failed", "crash"), broken.text
    assert broken.case["reason"].startswith("the model failed while initializing: FAILED_PRECONDITION; required module")
    huge = lab.run_program(TERABYTES, "--iree", release, inputs=written("1048576"))
    assert huge.verdict == (1, "failed", "crash"), huge.text
    assert huge.case["reason"].startswith("the model asked for more memory than this machine has: RESOURCE_EXHAUSTED")
    module = lab.run_program(IMPORT, "--iree", release, inputs=written("4xf32=1"))
    assert module.verdict == (3, "error", "tool"), module.text
    assert "required module 'extra' not available" in module.case["reason"]


@pytest.mark.parametrize(("release", "verdict"), [("3.3.0", (1, "failed", "load")), ("3.6.0", (0, "passed", None))])
def test_a_module_that_the_runtime_of_its_release_refuses(lab: Laboratory, release: str, verdict: Any) -> None:
    found = lab.run_program(TORCH, "--iree", release, inputs=written("7xf32=1"), outputs=written("7xf32=1"))
    assert found.verdict == verdict, found.text


def test_checks_that_the_runtime_leaves_out_are_named(lab: Laboratory) -> None:
    program = """
    func.func @f() {
      %x = util.unfoldable_constant dense<[1, 2]> : tensor<2xi32>
      check.expect_eq_const(%x, dense<[1, 3]> : tensor<2xi32>) : tensor<2xi32>
      return
    }
    """
    found = lab.run_program(program)
    assert found.verdict == (0, "ran", None)
    assert "nothing checks check.expect_eq: iree-run-module leaves out the check dialect" in found.case["notes"]


@pytest.mark.parametrize(
    ("scope", "hint"),
    [
        ('#flow.parameter.named<"lora"::"w">', "the program loads from the scope 'lora'"),
        ('#stream.parameter.named<"model"::"w">', "write #flow.parameter.named"),
    ],
)
def test_the_hint_fits_the_program(lab: Laboratory, scope: str, hint: str) -> None:
    program = f"""
    util.global private @w = {scope} : tensor<4xf32>
    func.func @f() -> tensor<4xf32> {{
      %w = util.global.load @w : tensor<4xf32>
      return %w : tensor<4xf32>
    }}
    """
    found = lab.run_program(program, "--timeout", "60")
    assert found.verdict == (3, "error", "integrity"), found.text
    assert hint in found.case["reason"]
    assert ("#stream.parameter.named" in found.case["reason"]) == ("stream" in scope)


def test_weights_have_scopes(lab: Laboratory) -> None:
    program = """
    util.global private @w = #flow.parameter.named<"model"::"w"> : tensor<4xf32>
    util.global private @l = #flow.parameter.named<"lora"::"w"> : tensor<4xf32>
    func.func @f() -> tensor<4xf32> {
      %w = util.global.load @w : tensor<4xf32>
      %l = util.global.load @l : tensor<4xf32>
      %sum = arith.addf %w, %l : tensor<4xf32>
      return %sum : tensor<4xf32>
    }
    """
    model = {"source": lab.weights("model.irpa", {"w": A}), "scope": "model"}
    lora = {"source": lab.weights("lora.irpa", {"w": B}), "scope": "lora"}
    outputs = written("4xf32=11 22 33 44")
    both = lab.run_program(program, weights=[lora, model], outputs=outputs)
    assert both.verdict == (0, "passed", None), both.text
    one = lab.run_program(program, weights=[model], outputs=outputs)
    assert one.verdict == (3, "error", "integrity"), one.text
    assert "the program loads from the scope 'lora'" in one.case["reason"]
    twice = lab.run_program(program, weights=[model], real_weights="model.irpa", outputs=outputs)
    assert twice.code == 2, twice.text


def test_weights_of_every_format_and_two_functions_of_one_module(lab: Laboratory) -> None:
    program = """
    util.global private @a = #flow.parameter.named<"model"::"a"> : tensor<4xf32>
    util.global private @b = #flow.parameter.named<"lora"::"b"> : tensor<4xf32>
    util.global private @c = #flow.parameter.named<"gguf"::"c"> : tensor<4xf32>
    util.global private @d = #flow.parameter.named<"d"> : tensor<4xf32>
    util.global private @e = #flow.parameter.named<"model"::"e"> : tensor<4xf32>
    func.func @two() -> (tensor<4xf32>, tensor<4xf32>) {
      %a = util.global.load @a : tensor<4xf32>
      %b = util.global.load @b : tensor<4xf32>
      return %a, %b : tensor<4xf32>, tensor<4xf32>
    }
    func.func @three() -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
      %c = util.global.load @c : tensor<4xf32>
      %d = util.global.load @d : tensor<4xf32>
      %e = util.global.load @e : tensor<4xf32>
      return %c, %d, %e : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
    }
    """
    weights = [
        {"source": lab.weights("a.irpa", {"a": A}), "scope": "model"},
        {"source": lab.file("b.safetensors", archives.safetensors({"b": A + 1})), "scope": "lora"},
        {"source": lab.file("c.gguf", archives.gguf({"c": A + 2})), "scope": "gguf"},
        {"source": lab.weights("d.irpa", {"d": A + 3})},
        {"source": lab.weights("e.irpa", {"e": A + 4}), "scope": "model"},
    ]
    values = [written(f"4xf32={' '.join(map(str, A + each))}")[0] for each in range(5)]
    fields: dict[str, Any] = {"mlir": lab.file("f.mlir", program), "inputs": None, "weights": weights}
    lab.spec("two_cpu", **fields, run_function="two", outputs=values[:2])
    lab.spec("three_cpu", **fields, run_function="three", outputs=values[2:])
    found = lab.run()
    assert [case["status"] for case in found.report["cases"]] == ["passed", "passed"], found.text
    compiled = [step for case in found.report["cases"] for step in case["steps"] if step["step"] == "compile"]
    assert compiled == [compiled[0]] * 2  # once, for both


def test_a_limit_of_memory_is_of_the_machine(lab: Laboratory) -> None:
    lab.spec(mlir=lab.file("f.mlir", TERABYTES), run_function="f", inputs=written("65536"), outputs=None)
    found = lab.run(under=limited("-v", "8000000"))
    assert found.verdict == (3, "error", "tool"), found.text
    assert "raise `ulimit -v`" in found.case["reason"]


TWO_DEVICES = """
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = arith.constant dense<[2.0, 3.0, 4.0, 5.0]> : tensor<4xf32>
  %a = flow.tensor.transfer %x : tensor<4xf32> to #hal.device.promise<@dev_a>
  %m = arith.mulf %a, %c : tensor<4xf32>
  %t = flow.tensor.transfer %m : tensor<4xf32> to #hal.device.promise<@dev_b>
  %s = arith.addf %t, %c : tensor<4xf32>
  %r = flow.tensor.transfer %s : tensor<4xf32> to #hal.device.promise<@dev_a>
  return %r : tensor<4xf32>
}
"""
ON_TWO = [
    "--iree-execution-model=async-external",
    "--iree-hal-target-device=dev_a=local[0]",
    "--iree-hal-target-device=dev_b=local[1]",
    "--iree-hal-local-target-device-backends=llvm-cpu",
    "--iree-llvmcpu-target-cpu=generic",
]


@pytest.mark.parametrize("release", [OLDEST, "3.3.0", "3.6.0", "3.10.0", NEWEST])
def test_a_program_for_two_devices(lab: Laboratory, release: str) -> None:
    fields = {"mlir": lab.file("two.mlir", TWO_DEVICES), "run_function": "f", "compiler_flags": ON_TWO}
    values = {"inputs": written("4xf32=10 11 12 13"), "outputs": written("4xf32=22 36 52 70")}
    lab.spec("both_cpu", **fields, **values, device=None, devices=["local-task", "local-task"])
    lab.spec("mixed_cpu", **fields, **values, device=None, devices=["local-task", "local-sync"])
    lab.spec("one_cpu", **fields, **values, devices=None)
    cases = {case["submodel"]: case for case in lab.run("--iree", release).report["cases"]}
    assert {name: (case["status"], case["kind"]) for name, case in cases.items()} == {
        "both": ("passed", None),
        "mixed": ("passed", None),
        "one": ("error", "device"),
    }
    assert cases["both"]["commands"]["run"][1:3] == ["--device=local-task"] * 2
    assert cases["one"]["reason"].endswith(" (the program uses 2 devices: list them in 'devices', in order)")


IN_PLACE = """
func.func @main(%y: !torch.tensor<[4],f32>, %x: !torch.vtensor<[4],f32>)
    attributes {torch.assume_strict_symbolic_shapes} {
  %r = torch.aten.mul.Tensor %x, %x : !torch.vtensor<[4],f32>, !torch.vtensor<[4],f32> -> !torch.vtensor<[4],f32>
  torch.overwrite.tensor.contents %r overwrites %y : !torch.vtensor<[4],f32>, !torch.tensor<[4],f32>
  return
}
"""
MANUAL = Path(__file__).parents[2] / "docs/spec.md"


def quoted(first_line: str) -> str:
    """Return a block of the section on second programs in the manual."""
    section = MANUAL.read_text(encoding="utf-8").partition("## A second program")[2]
    blocks: list[str] = re.findall(r"(?:^    .*\n)+", section, re.MULTILINE)
    return next(block for block in blocks if block.startswith(first_line))


@pytest.mark.parametrize("release", [OLDEST, "3.6.0", NEWEST])
def test_results_in_arguments_are_returned_by_the_program_in_the_manual(lab: Laboratory, release: str) -> None:
    spec = json.loads(quoted("    {"))
    lab.file(spec["mlir"], IN_PLACE)
    lab.file(spec["pipeline_mlir"], quoted("    module @driver"))
    lab.spec("right_cpu", **spec, device=None)
    lab.spec("wrong_cpu", **(spec | {"outputs": written("4xf32=1 4 9 17")}), device=None)
    alone = {name: value for name, value in spec.items() if "pipeline" not in name}
    lab.spec("alone_cpu", **(alone | {"run_function": "main"}), device=None)
    cases = {case["submodel"]: case for case in lab.run("--iree", release).report["cases"]}
    assert {name: (case["status"], case["kind"]) for name, case in cases.items()} == {
        "right": ("passed", None),
        "wrong": ("failed", "numeric"),
        "alone": ("failed", "shape"),
    }
    assert cases["alone"]["reason"].endswith("see 'A second program' in docs/spec.md)")
