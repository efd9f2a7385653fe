"""Kinds of answers that users of IREE need to be right, with old and new releases.

Written after public reports: types that only the program knows (iree#23427), scalars (iree#14911), complex numbers
(iree#13539), flags with which the harness's own do not go (iree#20528), modules that do not load (iree#21066).
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.iree.toolchain import Toolchain
from tests.integration.laboratory import CPU_FLAGS, A, B, Laboratory, Result

OLD, NEW = "3.0.0", "3.13.0"
PROGRAM = """
func.func @same(%x: tensor<?x?xf32>) -> tensor<?x?xf32> { return %x : tensor<?x?xf32> }
func.func @view(%x: !hal.buffer_view) -> !hal.buffer_view { return %x : !hal.buffer_view }
func.func @half(%x: tensor<?xf32>) -> tensor<?xbf16> {
  %zero = arith.constant 0 : index
  %size = tensor.dim %x, %zero : tensor<?xf32>
  %empty = tensor.empty(%size) : tensor<?xbf16>
  %y = linalg.generic {
    indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]
  } ins(%x : tensor<?xf32>) outs(%empty : tensor<?xbf16>) {
  ^bb0(%a: f32, %b: bf16):
    %c = arith.truncf %a : f32 to bf16
    linalg.yield %c : bf16
  } -> tensor<?xbf16>
  return %y : tensor<?xbf16>
}
func.func @scalars(%a: i1, %b: i8, %c: i16, %d: i32, %e: f32) -> (i1, i8, i16, i32, index, f32) {
  %i = arith.index_cast %d : i32 to index
  return %a, %b, %c, %d, %i, %e : i1, i8, i16, i32, index, f32
}
func.func @complex(%x: tensor<2xcomplex<f32>>) -> tensor<2xcomplex<f32>> { return %x : tensor<2xcomplex<f32>> }
func.func @bits(%x: tensor<3xi1>) -> tensor<3xi1> { return %x : tensor<3xi1> }
"""


def written(*values: str) -> list[dict[str, str]]:
    return [{"value": value} for value in values]


SCALARS = written("1", "-7", "300", "-5", "2.5")
# By name: the function, its inputs, its expected outputs, and the kind of failure.
CASES: dict[str, tuple[str, list[dict[str, str]], list[dict[str, str]], str | None]] = {
    "dynamic": ("same", written("2x3xf32=1 2 3 4 5 6"), written("2x3xf32=1 2 3 4 5 6"), None),
    "turned": ("same", written("2x3xf32=1"), written("3x2xf32=1"), "shape"),
    "flat": ("same", written("2x3xf32=1"), written("6xf32=1"), "shape"),
    "opaque": ("view", written("2xbf16=1"), written("2xbf16=1"), None),
    "other": ("view", written("2xbf16=1"), written("2xi16=16256"), "shape"),  # the same bytes
    "wider": ("view", written("4xi8=0"), written("2xi16=0"), "shape"),
    "unnamed": ("view", written("2xf32=1"), written("2xbf16=1"), "shape"),
    "half": ("half", written("3xf32=1.5"), written("3xbf16=1.5"), None),
    "half_long": ("half", written("3xf32=1.5"), written("4xbf16=1.5"), "shape"),
    "half_f32": ("half", written("3xf32=1.5"), written("3xf32=1.5"), "shape"),
    "scalars": ("scalars", SCALARS, written("i1=1", "i8=-7", "i16=300", "i32=-5", "i64=-5", "f32=2.5"), None),
    "as_told": ("scalars", SCALARS, written("i32=1", "i32=-7", "i32=300", "i32=-5", "i64=-5", "f32=2.5"), None),
    "scalar": ("scalars", SCALARS, written("i1=1", "i8=-6", "i16=300", "i32=-5", "i64=-5", "f32=2.5"), "numeric"),
    "narrow": ("scalars", SCALARS, written("i1=1", "i8=-7", "i8=44", "i32=-5", "i64=-5", "f32=2.5"), "shape"),
    "complex": ("complex", written("2xcomplex<f32>=1+2j -3j"), written("2xcomplex<f32>=1.00005+2j -3.00005j"), None),
    "complexer": ("complex", written("2xcomplex<f32>=1+2j"), written("2xcomplex<f32>=1+2.001j"), "numeric"),
    "bits": ("bits", written("3xi1=1 0 1"), written("3xi1=true false true"), None),
    "bit": ("bits", written("3xi1=1 0 1"), written("3xi1=1"), "numeric"),
    # 160 kB are more than an argument may have; so are a few kB in hexadecimal.
    "long": ("same", written("1x40000xf32=" + "0.5 " * 40_000), written("1x40000xf32=0.5"), None),
    "long_wrong": ("same", written("1x40000xf32=" + "0.5 " * 40_000), written("1x40000xf32=0.6"), "numeric"),
    "long_bits": ("view", written("2000xi1=" + "1 0 " * 1000), written("2000xi1=" + "1 0 " * 1000), None),
    "long_bf16": ("view", written("400xbf16=" + "1 2 " * 200), written("400xbf16=" + "1 2 " * 200), None),
    "long_bytes": ("view", written("400xi8=" + "-1 255 " * 200), written("400xi8=-1"), None),
}


@pytest.mark.parametrize("release", [OLD, "3.6.0", NEW])
def test_types_and_shapes_are_those_that_the_program_gave(lab: Laboratory, release: str) -> None:
    for name, (function, inputs, outputs, _) in CASES.items():
        fields: dict[str, Any] = {"inputs": inputs, "outputs": outputs, "run_function": function}
        lab.spec(f"{name}_cpu", mlir=lab.file("kinds.mlir", PROGRAM), **fields)
    result = lab.run("--iree", release)
    found = {case["submodel"]: (case["status"], case["kind"]) for case in result.report["cases"]}
    assert found == {name: ("failed", kind) if kind else ("passed", None) for name, (*_, kind) in CASES.items()}
    reasons = {case["submodel"]: case["reason"] for case in result.report["cases"]}
    assert reasons["turned"] == "output 0: expected 3x2xf32, but the model returned 2x3xf32"
    assert reasons["other"] == "output 0: expected 2xi16, but the model returned 2xbf16"
    assert reasons["half_f32"] == "output 0: expected 3xf32, but the model returned 3xbf16"


def test_elements_smaller_than_a_byte(lab: Laboratory) -> None:
    program = "func.func @view(%x: !hal.buffer_view) -> !hal.buffer_view { return %x : !hal.buffer_view }"
    packed = {"value": "4xi4", "source": lab.file("packed.bin", bytes([0x21, 0x8F]))}  # 1, 2, -1, -8
    other = {"value": "4xi4", "source": lab.file("other.bin", bytes([0x21, 0x8E]))}
    shorter = {"value": "3xi4", "source": lab.file("shorter.bin", bytes([0x21, 0x0F]))}
    for name, outputs in {"same": packed, "other": other, "shorter": shorter}.items():
        lab.spec(
            f"{name}_cpu", mlir=lab.file("v.mlir", program), run_function="view", inputs=[packed], outputs=[outputs]
        )
    result = lab.run("--iree", NEW)
    by_name = {case["submodel"]: case for case in result.report["cases"]}
    assert {name: case["kind"] for name, case in by_name.items()} == {
        "same": None,
        "other": "numeric",
        "shorter": "shape",
    }
    assert "first at [2]: got -1, expected -2" in by_name["other"]["reason"]
    assert lab.run("toy/same", "--iree", OLD).case["status"] == "unsupported"


def test_a_scalar_argument_has_no_type(lab: Laboratory) -> None:
    program = "func.func @f(%x: i32) -> i32 { return %x : i32 }"
    found = run(lab, program, inputs=written("i32=5"))
    assert found.verdict == (3, "error", "tool"), found.text
    assert "write 5, not i32=5" in found.case["reason"]


@pytest.mark.parametrize("release", ["3.11.0", "3.12.0", NEW])
def test_flags_of_the_harness_do_not_decide(lab: Laboratory, release: str) -> None:
    lab.spec(compiler_flags=[*CPU_FLAGS, "--mlir-print-ir-after-all"])
    result = lab.run("--iree", release)
    assert result.verdict == (0, "passed", None), result.text
    is_spoilt = release != "3.11.0"
    assert any("which only the harness adds" in note for note in result.case["notes"]) == is_spoilt
    assert (result.case["modules"][0]["dispatches"] is None) == is_spoilt
    again = lab.run("--iree", release)
    assert (again.case["modules"][0]["cached"], again.case["notes"]) == (True, result.case["notes"])


def test_weights_that_the_compiler_makes_survive_what_spoils_the_statistics(lab: Laboratory) -> None:
    program = """
    util.global private @w = #flow.parameter.named<"model"::"w"> : tensor<4xf32>
    func.func @add(%a: tensor<4xf32>) -> tensor<4xf32> {
      %w = util.global.load @w : tensor<4xf32>
      %sum = arith.addf %a, %w : tensor<4xf32>
      return %sum : tensor<4xf32>
    }
    """
    flags = [*CPU_FLAGS, "--iree-scheduling-dump-statistics-format=pretty"]  # given twice, the compiler refuses it
    lab.spec(mlir=lab.file("w.mlir", program), inputs=written("4xf32=1"), outputs=None, compiler_flags=flags)
    assert lab.run("--iree", NEW).verdict == (0, "ran", None)


def test_a_compiled_dispatch_is_compiled(lab: Laboratory, toolchain: Callable[[str], Toolchain]) -> None:
    folder = lab.root / "dispatches"
    compiler = toolchain(NEW).iree_compile
    lab.spec()
    argv: list[str | Path] = [
        compiler,
        lab.model_dir / "add.mlir",
        *CPU_FLAGS,
        f"--iree-hal-dump-executable-sources-to={folder}",
    ]
    subprocess.run([*argv, "-o", "/dev/null"], check=True, timeout=60)
    (dispatch,) = folder.glob("*.mlir")
    program = lab.file("dispatch.mlir", dispatch.read_text())
    flags = [*CPU_FLAGS, "--compile-from=executable-sources"]
    lab.spec(mlir=program, run_function=None, inputs=None, outputs=None, compiler_flags=flags, compile_only=True)
    result = lab.run("--iree", NEW)
    assert result.verdict == (0, "compiled", None), result.text


def run(lab: Laboratory, program: str, *arguments: str, **fields: Any) -> Result:
    """Run the function `f` of a program; without fields it has no inputs, and nothing is compared."""
    lab.spec(mlir=lab.file("f.mlir", program), **({"run_function": "f", "inputs": None, "outputs": None} | fields))
    return lab.run(*arguments)


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


@pytest.mark.parametrize("release", [OLD, NEW])
def test_to_load_and_to_initialize_are_phases_of_the_model(lab: Laboratory, release: str) -> None:
    broken = run(lab, INITIALIZER, "--iree", release)
    assert broken.verdict == (1, "failed", "crash"), broken.text
    assert broken.case["reason"].startswith("the model failed while initializing: FAILED_PRECONDITION; required module")
    huge = run(lab, TERABYTES, "--iree", release, inputs=written("1048576"))
    assert huge.verdict == (1, "failed", "crash"), huge.text
    assert huge.case["reason"].startswith("the model asked for more memory than this machine has: RESOURCE_EXHAUSTED")
    module = run(lab, IMPORT, "--iree", release, inputs=written("4xf32=1"))
    assert module.verdict == (3, "error", "tool"), module.text
    assert "required module 'extra' not available" in module.case["reason"]


@pytest.mark.parametrize(("release", "verdict"), [("3.3.0", (1, "failed", "load")), ("3.6.0", (0, "passed", None))])
def test_a_module_that_the_runtime_of_its_release_refuses(lab: Laboratory, release: str, verdict: Any) -> None:
    found = run(lab, TORCH, "--iree", release, inputs=written("7xf32=1"), outputs=written("7xf32=1"))
    assert found.verdict == verdict, found.text


def test_checks_that_the_runtime_leaves_out_are_named(lab: Laboratory) -> None:
    program = """
    func.func @f() {
      %x = util.unfoldable_constant dense<[1, 2]> : tensor<2xi32>
      check.expect_eq_const(%x, dense<[1, 3]> : tensor<2xi32>) : tensor<2xi32>
      return
    }
    """
    found = run(lab, program)
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
    found = run(lab, program, "--timeout", "60")
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
    both = run(lab, program, weights=[lora, model], outputs=outputs)
    assert both.verdict == (0, "passed", None), both.text
    one = run(lab, program, weights=[model], outputs=outputs)
    assert one.verdict == (3, "error", "integrity"), one.text
    assert "the program loads from the scope 'lora'" in one.case["reason"]
    twice = run(lab, program, weights=[model], real_weights="model.irpa", outputs=outputs)
    assert twice.code == 2, twice.text


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12\n"


def test_files_that_are_something_else_are_told(lab: Laboratory) -> None:
    files = {
        "pointer": POINTER,
        "page": b"<!DOCTYPE html>\n<html><body>Not found</body></html>",
        "packed": b"\x1f\x8b\x08\0",
        "nothing": b"",
        "onnx": bytes.fromhex("08083a750a360a017812017922"),
    }
    kinds = {
        "pointer": "a Git LFS pointer",
        "page": "an HTML page",
        "packed": "a gzip archive",
        "nothing": "an empty file",
        "onnx": "an ONNX model",
    }
    for name, content in files.items():
        lab.spec(f"{name}_cpu", mlir=lab.file(f"{name}.mlir", content))
    lab.spec("weights_cpu", real_weights=lab.file("weights.irpa", POINTER))
    lab.spec("input_cpu", inputs=[{"source": lab.file("in.npy", POINTER)}, *written("4xf32=1")])
    lab.spec("output_cpu", outputs=[{"source": lab.file("out.npy", POINTER)}])
    result = lab.run()
    cases = {case["submodel"]: case for case in result.report["cases"]}
    assert {(case["status"], case["kind"]) for case in cases.values()} == {("error", "integrity")}
    for name, kind in kinds.items():
        assert cases[name]["reason"].startswith(f"{lab.model_dir / name}.mlir is {kind}")
    for name, file in {"weights": "weights.irpa", "input": "in.npy", "output": "out.npy"}.items():
        assert str(lab.model_dir / file) in cases[name]["reason"], json.dumps(cases[name]["reason"])
        assert "a Git LFS pointer" in cases[name]["reason"]


def test_bytecode_is_a_program(lab: Laboratory, toolchain: Callable[[str], Toolchain]) -> None:
    source, compiler = lab.root / "model.mlir", toolchain(NEW).iree_compile
    source.write_text("func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> }")
    flags = ("--compile-to=input", "--emit-mlir-bytecode", "-o", f"{lab.root}/model.mlirbc")
    subprocess.run([compiler, source, *flags], check=True, timeout=60)
    arguments = ("--function=f", "--input=4xf32=2", "--expected-output=4xf32=2")
    found = lab.run(str(lab.root / "model.mlirbc"), *arguments)
    assert found.verdict == (0, "passed", None), found.text


def test_a_reference_of_nothing_but_nan_is_said(lab: Laboratory) -> None:
    nothing = lab.tensor("nan.npy", np.full(4, np.nan, np.float32))
    lab.spec(inputs=[nothing, *written("4xf32=1")], outputs=[nothing], **{"$schema": "https://example.org/spec.json"})
    found = lab.run()
    assert found.verdict == (0, "passed", None), found.text
    assert "output 0: the expected output is NaN throughout, so no number was compared" in found.case["notes"]


def test_an_expected_failure_says_which(lab: Laboratory) -> None:
    nan, ended = {"fails": "nan", "issue": "https://example.org/1"}, {"fails": "numeric", "until": "2020-01-31"}
    numeric = {"fails": ["numeric", "shape"], "backends": ["cpu"], "iree": ">=3.0", "reason": "rounding"}
    wrong = {"outputs": written("4xf32=1")}
    lab.spec("right_cpu", expect=[numeric], **wrong)
    lab.spec("other_cpu", expect=[nan], **wrong)
    lab.spec("ended_cpu", expect=[ended], **wrong)
    lab.spec("stale_cpu", expect=[nan, numeric], comment="keep me")
    lab.spec("elsewhere_cpu", expect=[{"fails": "numeric", "chips": ["gfx942"]}])
    result = lab.run()
    cases = {case["submodel"]: (case["status"], case["kind"]) for case in result.report["cases"]}
    assert cases == {
        "right": ("xfailed", "numeric"),
        "other": ("failed", "numeric"),
        "ended": ("failed", "numeric"),
        "stale": ("xpassed", None),
        "elsewhere": ("passed", None),
    }
    before = (lab.model_dir / "stale_cpu.json").read_text()
    asked = lab.bless(str(lab.out))
    assert (asked.code, (lab.model_dir / "stale_cpu.json").read_text()) == (1, before)
    assert '-  "expect": [' in asked.text
    done = lab.bless(str(lab.out), "--yes")
    assert done.code == 0, done.text
    after = json.loads((lab.model_dir / "stale_cpu.json").read_text())
    assert after == {name: value for name, value in json.loads(before).items() if name != "expect"}
    assert lab.bless(str(lab.out)).code == 2, "the spec has changed since"
    assert lab.run("toy/stale").verdict == (0, "passed", None)
    assert lab.bless().code == 2, "there is no folder of results here"


def limited(*limits: str) -> tuple[str, ...]:
    """Return what goes before a command to run it under limits of `ulimit`."""
    return ("bash", "-c", f'ulimit {" ".join(limits)}; exec "$@"', "limited")


def test_a_limit_of_memory_is_of_the_machine(lab: Laboratory) -> None:
    lab.spec(mlir=lab.file("f.mlir", TERABYTES), run_function="f", inputs=written("65536"), outputs=None)
    found = lab.run(under=limited("-v", "8000000"))
    assert found.verdict == (3, "error", "tool"), found.text
    assert "raise `ulimit -v`" in found.case["reason"]


def test_a_limit_of_file_size_is_of_the_machine(lab: Laboratory) -> None:
    numbers = ", ".join(map(str, range(300_000)))
    program = f"""
    util.global private @k = dense<[{numbers}]> : tensor<300000xi32>
    func.func @f() -> tensor<300000xi32> {{
      %k = util.global.load @k : tensor<300000xi32>
      return %k : tensor<300000xi32>
    }}
    """
    lab.spec(mlir=lab.file("f.mlir", program), run_function="f", inputs=None, outputs=None)
    found = lab.run(under=limited("-f", "512"))
    assert found.verdict == (3, "error", "disk"), found.text
    assert "`ulimit -f`" in found.case["reason"]


def test_a_linker_that_is_missing_is_of_the_machine(lab: Laboratory) -> None:
    lab.spec(compiler_flags=[*CPU_FLAGS, "--iree-llvmcpu-link-embedded=false"])
    found = lab.run(environment={"PATH": "/nowhere"})
    assert found.verdict == (3, "error", "tool"), found.text
    assert "install lld" in found.case["reason"]


def test_temporary_files_of_the_compiler_are_in_the_store(lab: Laboratory) -> None:
    lab.spec()
    found = lab.run(environment={"TMPDIR": f"{lab.root}/it's not"})
    assert found.verdict == (0, "passed", None), found.text


def test_a_missing_dump_tool_does_not_decide(lab: Laboratory, toolchain: Callable[[str], Toolchain]) -> None:
    tools, folder = toolchain(NEW), lab.root / "tools"
    folder.mkdir()
    for tool in (tools.iree_compile, tools.iree_run_module):
        (folder / tool.name).symlink_to(tool)
    (folder / "iree-dump-module").write_text("no program")
    (folder / "iree-dump-module").chmod(0o755)
    lab.spec(outputs=[{"value": "4xbf16", "source": lab.file("bf16.bin", bytes(8))}])
    found = lab.run(command="run", environment={"PATH": f"{folder}:/usr/bin:/bin"})
    assert found.verdict == (1, "failed", "shape"), found.text
    assert found.case["reason"] == "output 0: expected 4xbf16, but the model returned 4xf32"
