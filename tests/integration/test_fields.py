"""Every field of a spec, each with the real IREE tools."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from harness.iree.toolchain import Toolchain
from tests.integration.laboratory import (
    CPU_FLAGS,
    HIP_FLAGS,
    NEWEST,
    OLDEST,
    REPORTS,
    TUNER,
    A,
    B,
    Laboratory,
    clean_environment,
)

WEIGHTED = """
util.global private @w = #{dialect}.parameter.named<"model"::"w"> : tensor<4xf32>
func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> {{
  %w = util.global.load @w : tensor<4xf32>
  %r = arith.addf %a, %w : tensor<4xf32>
  return %r : tensor<4xf32>
}}
"""
TWO_RESULTS = """
func.func @main(%a: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %r = arith.addf %a, %a : tensor<4xf32>
  return %a, %r : tensor<4xf32>, tensor<4xf32>
}
"""
INNER = """
module @inner {
  func.func @twice(%a: tensor<4xf32>) -> tensor<4xf32> {
    %r = arith.addf %a, %a : tensor<4xf32>
    return %r : tensor<4xf32>
  }
}
"""
OUTER = """
module @outer {
  func.func private @inner.twice(%a: tensor<4xf32>) -> tensor<4xf32>
  func.func @four_times(%a: tensor<4xf32>) -> tensor<4xf32> {
    %b = func.call @inner.twice(%a) : (tensor<4xf32>) -> tensor<4xf32>
    %c = func.call @inner.twice(%b) : (tensor<4xf32>) -> tensor<4xf32>
    return %c : tensor<4xf32>
  }
}
"""
NO_SUCH_OP = """
func.func @add(%a: tensor<4xf32>) -> tensor<4xf32> {
  %r = "arith.no_such_op"(%a) : (tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}
"""


def test_mlir_inputs_outputs_and_run_function(lab: Laboratory) -> None:
    lab.spec()
    result = lab.run()
    assert result.verdict == (0, "passed", None), result.text
    assert sorted(path.name for path in lab.out.iterdir()) == REPORTS
    (output,) = result.case["outputs"]
    assert (output["type"], output["max_abs_error"], output["error_ratio"]) == ("4xf32", 0.0, 0.0)


def test_a_wrong_number_fails_and_keeps_the_outputs(lab: Laboratory) -> None:
    wrong = A + B
    wrong[2] += 1
    lab.spec(outputs=[lab.tensor("wrong.npy", wrong)])
    result = lab.run()
    assert result.verdict == (1, "failed", "numeric")
    assert (
        "output 0 (4xf32): 1 of 4 elements differ by more than 0.0001 + 1e-05 * |expected|, first at [2]"
        in result.case["reason"]
    )
    assert np.load(lab.out / "outputs/toy/add-cpu/0.npy").tolist() == (A + B).tolist()
    assert (lab.out / "logs/toy/add-cpu/compile.log").read_text().startswith("+ iree-compile model.mlir ")
    command, *_, verdict = (lab.out / "logs/toy/add-cpu/run.log").read_text().splitlines()
    assert command.startswith("+ iree-run-module --device=local-task ")
    assert verdict == f"= failed: numeric: {result.case['reason']}"


def test_nan_where_the_reference_has_none_fails(lab: Laboratory) -> None:
    lab.spec(inputs=[lab.tensor("nan.bin", np.full(4, np.nan, np.float32), "4xf32"), lab.tensor("b.npy", B)])
    assert lab.run().verdict == (1, "failed", "nan")


@pytest.mark.parametrize(
    ("threshold", "expected"), [("0.11f", (0, "passed", None)), ("0.09", (1, "failed", "numeric"))]
)
def test_threshold_args(lab: Laboratory, threshold: str, expected: tuple[int, str, str | None]) -> None:
    off = A + B + np.float32(0.1)
    lab.spec(outputs=[lab.tensor("off.npy", off)], threshold_args=[f"--expected_f32_threshold={threshold}"])
    assert lab.run().verdict == expected


def test_the_relative_threshold(lab: Laboratory) -> None:
    off = (A + B) * np.float32(1.01)
    lab.spec(outputs=[lab.tensor("off.npy", off)], threshold_args=["--expected_rtol=0.0101"])
    assert lab.run().verdict == (0, "passed", None)


def test_thresholds_as_numpy_has_them(lab: Laboratory) -> None:
    program = "func.func @f(%x: tensor<4xi32>) -> tensor<4xi32> { return %x : tensor<4xi32> }"
    fields = {"inputs": [{"value": "4xi32=1 2 3 4"}], "outputs": [{"value": "4xi32=1 2 3 6"}]}
    exact = lab.run_program(program, **fields)
    assert exact.verdict == (1, "failed", "numeric"), exact.text
    near = lab.run_program(program, **fields, atol={"i32": 1.5})
    assert "1 of 4 elements differ by more than 1.5 + 1e-05 * |expected|, first at [3]: got 4" in near.case["reason"]
    (output,) = near.case["outputs"]
    assert (output["atol"], output["rtol"]) == (1.5, 1e-5)
    assert "by more than 1.5 + 1e-05" in (lab.out / "junit.xml").read_text()
    assert lab.run_program(program, **fields, atol=2, rtol=0).verdict == (0, "passed", None)
    nan = {"source": lab.tensor("nan.npy", np.array([1, np.nan, 3, 4], np.float32))["source"]}
    for equal, expected in ((True, (0, "passed", None)), (False, (1, "failed", "nan"))):
        lab.spec(inputs=[nan, {"value": "4xf32=0"}], outputs=[nan], equal_nan=equal)
        assert lab.run("toy/add").verdict == expected


def test_inputs_by_formula_can_be_drawn_again_by_hand(lab: Laboratory) -> None:
    draw = np.random.RandomState(9).rand
    x, y = ((2 * draw(4) - 1).astype(np.float32) for _ in "xy")
    one = {"value": "4xf32", "formula": {"coeff": 2, "offset": -1}}
    lab.spec(inputs=[one, one], seed=9, outputs=[lab.tensor("sum.npy", x + y)], atol=0, rtol=0)
    assert lab.run().verdict == (0, "passed", None)
    lab.spec(inputs=[one, one], seed=8, outputs=[lab.tensor("sum.npy", x + y)], atol=0, rtol=0)
    found = lab.run()
    assert found.verdict == (1, "failed", "numeric"), found.text
    wrong = lab.out / "outputs/toy/add-cpu/0.npy"
    expected = wrong.read_bytes()
    wrong.unlink()
    assert [done.returncode for done in lab.pasted(found)] == [0, 0]
    (again,) = lab.out.glob(".work/toy/*/0.npy")
    assert again.read_bytes() == expected
    (script,) = re.findall(r"^python3 << '.'$.*?^\.$", lab.run(command="plan").text, re.MULTILINE | re.DOTALL)
    folder = lab.root / "by hand"
    folder.mkdir()
    program = script.replace("python3", shlex.quote(sys.executable), 1)
    subprocess.run(["bash", "-c", program], cwd=folder, check=True, timeout=60)
    numbers = [np.fromfile(path, np.float32) for path in sorted(folder.iterdir())]
    assert (numbers[0] + numbers[1]).tolist() == np.load(again).tolist()


def test_an_output_of_another_shape_and_the_same_size_fails(lab: Laboratory) -> None:
    lab.spec(outputs=[lab.tensor("square.npy", (A + B).reshape(2, 2))])
    result = lab.run()
    assert result.verdict == (1, "failed", "shape")
    assert result.case["reason"] == "output 0: expected 2x2xf32, but the model returned 4xf32"


def test_an_output_of_another_size_fails(lab: Laboratory) -> None:
    lab.spec(outputs=[lab.tensor("long.npy", np.zeros(5, np.float32))])
    assert lab.run().verdict == (1, "failed", "shape")


def test_another_number_of_outputs_fails(lab: Laboratory) -> None:
    both = [lab.tensor("sum.npy", A + B)] * 2
    lab.spec(outputs=both)
    result = lab.run()
    assert result.verdict == (1, "failed", "shape")
    assert "another number of outputs" in result.case["reason"]


def test_ignored_outputs(lab: Laboratory) -> None:
    mlir = lab.file("two.mlir", TWO_RESULTS)
    outputs = [{"value": "(ignored)"}, lab.tensor("twice.npy", A + A)]
    lab.spec(mlir=mlir, inputs=[lab.tensor("a.npy", A)], outputs=outputs, run_function="main")
    result = lab.run()
    assert result.verdict == (0, "passed", None), result.text
    assert [output["ignored"] for output in result.case["outputs"]] == [True, False]


def test_without_outputs_nothing_is_compared_and_that_is_said(lab: Laboratory) -> None:
    lab.spec(outputs=None)
    result = lab.run()
    assert result.verdict == (0, "ran", None)
    assert "1 case compared nothing" in result.text
    assert "add[cpu].compared" in (lab.out / "junit.xml").read_text()


def test_without_run_function_the_only_function_is_run(lab: Laboratory) -> None:
    lab.spec(outputs=None, run_function=None)
    assert lab.run().verdict == (0, "ran", None)


def test_device(lab: Laboratory) -> None:
    lab.spec(device="local-sync")
    result = lab.run()
    assert result.verdict == (0, "passed", None)
    assert "--device=local-sync" in result.case["commands"]["run"]


def test_run_args(lab: Laboratory) -> None:
    lab.spec(run_args=["--device_allocator=caching", "--print_device_statistics=false"])
    found = lab.run()
    assert found.verdict == (0, "passed", None), found.text
    assert "--device_allocator=caching" in found.case["commands"]["run"]
    planned = lab.run("--iree", "3.11", command="plan")
    assert "unsupported: IREE 3.11.0 has no flag --print_device_statistics; available in 3.12.0 and" in planned.text


@pytest.mark.parametrize("release", [OLDEST, NEWEST])
def test_a_bare_type_is_zeros(lab: Laboratory, release: str) -> None:
    types = ["2x2xf32", "1xsi64", "3xi1", "2xui8", "2xbf16", "34xf8E4M3FNUZ", "2xcomplex<f32>", "2x0xi64"]
    given = ", ".join(f"%{index}: !hal.buffer_view" for index, _ in enumerate(types))
    program = f"""
    func.func @f({given}, %t: tensor<2xi32>) -> ({", ".join(["!hal.buffer_view"] * len(types))}, tensor<2xi32>) {{
      return {", ".join(f"%{index}" for index, _ in enumerate(types))}, %t
        : {", ".join(["!hal.buffer_view"] * len(types))}, tensor<2xi32>
    }}
    """
    inputs = [{"value": each} for each in (*types, "2xi32")]
    outputs = [{"value": f"{each}=0"} for each in (*types, "2xi32")]
    found = lab.run_program(program, "--iree", release, inputs=inputs, outputs=outputs)
    assert found.verdict == (0, "passed", None), found.text


def test_compiler_flags(lab: Laboratory) -> None:
    lab.spec(compiler_flags=[*CPU_FLAGS, "--iree-opt-level=O2"])
    result = lab.run()
    assert result.verdict == (0, "passed", None)
    assert "--iree-opt-level=O2" in result.case["commands"]["compile"]


def test_flags_for_ranges_of_releases(lab: Laboratory) -> None:
    lab.spec(flags_for={">=3.13": ["--iree-opt-level=O2"], "<3.13": ["--iree-opt-level=O1"]})
    result = lab.run()
    assert result.verdict == (0, "passed", None)
    assert "--iree-opt-level=O2" in result.case["commands"]["compile"]
    assert "--iree-opt-level=O1" not in result.case["commands"]["compile"]
    assert result.case["notes"] == ["flags_for '>=3.13' adds --iree-opt-level=O2 on 3.13.0"]


def test_real_weights(lab: Laboratory) -> None:
    lab.spec(
        mlir=lab.file("weighted.mlir", WEIGHTED.format(dialect="stream")),
        inputs=[lab.tensor("a.npy", A)],
        outputs=[lab.tensor("sum.npy", A + B)],
        real_weights=lab.weights("w.irpa", {"w": B}),
        run_function="main",
        custom_real_weights_group="shared",
    )
    result = lab.run()
    assert result.verdict == (0, "passed", None), result.text
    assert "custom_real_weights_group 'shared' has no effect" in result.case["notes"][0]


RANDOM = """
module @random {
  util.global private @a = #stream.parameter.named<"model"::"layer.0/a"> : tensor<300x7xf16>
  util.global private @b {noinline} = #flow.parameter.named<"model"::"b"> : tensor<5xf32>
  util.global private @c = #stream.parameter.named<"other"::"c"> : tensor<9xsi8>
  util.global private @d = #flow.parameter.named<"other"::"d"> : tensor<4xbf16>
  util.global private @k = dense<1.0> : tensor<4xf32>
  func.func @f() -> (tensor<300x7xf16>, tensor<5xf32>, tensor<9xsi8>, tensor<4xbf16>) {
    %a = util.global.load @a : tensor<300x7xf16>
    %b = util.global.load @b : tensor<5xf32>
    %c = util.global.load @c : tensor<9xsi8>
    %d = util.global.load @d : tensor<4xbf16>
    return %a, %b, %c, %d : tensor<300x7xf16>, tensor<5xf32>, tensor<9xsi8>, tensor<4xbf16>
  }
}
"""


@pytest.mark.parametrize(("release", "form"), [(OLDEST, "text"), (NEWEST, "bytecode")])
def test_random_weights(lab: Laboratory, toolchain: Callable[[str], Toolchain], release: str, form: str) -> None:
    generator = np.random.default_rng(3)
    wanted: dict[str, npt.NDArray[Any]] = {
        "300x7xf16": generator.normal(loc=0, scale=0.01, size=(300, 7)).astype(np.float16),
        "5xf32": generator.normal(loc=0, scale=0.01, size=5).astype(np.float32),
        "9xsi8": generator.integers(-128, 127, size=9, dtype=np.int8),
        "4xbf16": generator.normal(loc=0, scale=0.01, size=4).astype(ml_dtypes.bfloat16),
    }
    outputs = [lab.tensor(f"{index}.bin", each, type_) for index, (type_, each) in enumerate(wanted.items())]
    mlir = lab.file("random.mlir", RANDOM)
    if form == "bytecode":
        iree_opt = toolchain(release).iree_compile.with_name("iree-opt")
        mlir = "random.mlirbc"
        argv = [str(iree_opt), "random.mlir", "--emit-bytecode", "-o", mlir]
        subprocess.run(argv, cwd=lab.model_dir, check=True, timeout=60)
    weights = [{"random": {"seed": 3}, "scope": "model"}, {"random": {"seed": 3}, "scope": "other"}]
    fields: dict[str, Any] = {"mlir": mlir, "inputs": None, "run_function": "f", "atol": 0, "rtol": 0}
    lab.spec(**fields, weights=weights, outputs=outputs)
    found = lab.run("--iree", release)
    assert found.verdict == (0, "passed", None), found.text
    assert "draw" in found.case["seconds"]
    assert (
        lab.run("--iree", release, command="plan").text.count("random weights with the seed 3, which a run makes") == 2
    )
    lab.spec(**fields, weights=[each | {"random": {"seed": 4}} for each in weights], outputs=outputs)
    other = lab.run("--iree", release)
    assert other.verdict == (1, "failed", "numeric"), other.text
    assert [done.returncode for done in lab.pasted(other)] == [0, 0], "the archive is there"


def test_random_weights_of_a_program_that_is_wrong(lab: Laboratory) -> None:
    weights = [{"random": {}, "scope": "model"}]
    lab.spec("none_cpu", weights=weights)
    lab.spec("bad_cpu", mlir=lab.file("bad.mlir", NO_SUCH_OP), weights=weights)
    strange = WEIGHTED.format(dialect="stream").replace("4xf32", "4xi4")
    lab.spec("strange_cpu", mlir=lab.file("i4.mlir", strange.replace("addf", "addi")), weights=weights)
    cases = {case["submodel"]: case for case in lab.run().report["cases"]}
    found = {name: (case["status"], case["kind"]) for name, case in cases.items()}
    assert found == {"none": ("error", "integrity"), "bad": ("failed", "compile"), "strange": ("error", "integrity")}
    assert cases["none"]["reason"].startswith("No program has parameters; remove 'random' from the weights")
    assert cases["strange"]["reason"].startswith("The parameter w cannot be random: its type is 4xi4; expected")


def test_splat_weights_stand_in_where_there_are_none(lab: Laboratory) -> None:
    mlir = lab.file("weighted.mlir", WEIGHTED.format(dialect="flow"))
    lab.spec(mlir=mlir, inputs=[lab.tensor("a.npy", A)], outputs=None, run_function="main")
    assert lab.run().verdict == (0, "ran", None)


def test_what_splat_weights_leave_out_is_said(lab: Laboratory) -> None:
    mlir = lab.file("weighted.mlir", WEIGHTED.format(dialect="stream"))
    lab.spec(mlir=mlir, inputs=[lab.tensor("a.npy", A)], outputs=None, run_function="main")
    result = lab.run()
    assert result.verdict == (3, "error", "integrity")
    assert "name real_weights, or write #flow.parameter.named" in result.case["reason"]
    assert "key 'w'" in result.case["reason"]


def pipeline(lab: Laboratory, **changes: Any) -> None:
    fields: dict[str, Any] = {
        "mlir": lab.file("inner.mlir", INNER),
        "inputs": [lab.tensor("a.npy", A)],
        "outputs": [lab.tensor("four.npy", A * 4)],
        "pipeline_mlir": lab.file("outer.mlir", OUTER),
        "pipeline_compiler_flags": CPU_FLAGS,
        "add_pipeline_module": True,
        "run_function": "four_times",
    }
    lab.spec(**(fields | changes))


def test_pipeline_modules(lab: Laboratory) -> None:
    pipeline(lab)
    result = lab.run()
    assert result.verdict == (0, "passed", None), result.text
    modules = [each for each in result.case["commands"]["run"] if each.startswith("--module")]
    assert modules == ["--module=model.vmfb", "--module=pipeline.vmfb"]
    assert [module["cached"] for module in result.case["modules"]] == [False, False]


def test_modules_are_loaded_in_order_and_compiled_once(lab: Laboratory) -> None:
    middle = OUTER.replace("@outer", "@middle")
    last = (
        OUTER.replace("@outer", "@last")
        .replace("@inner.twice", "@middle.four_times")
        .replace("@four_times(%a: t", "@f(%a: t")
    )
    inner = {"mlir": lab.file("inner.mlir", INNER), "compiler_flags": CPU_FLAGS}
    modules = [inner, {"mlir": lab.file("middle.mlir", middle), "compiler_flags": CPU_FLAGS}]
    fields: dict[str, Any] = {
        "mlir": lab.file("last.mlir", last),
        "inputs": [{"value": "4xf32=1"}],
        "run_function": "f",
    }
    lab.spec(**fields, modules=modules, outputs=[{"value": "4xf32=16"}])
    found = lab.run()
    assert found.verdict == (0, "passed", None), found.text
    names = ["module_0", "module_1", "model"]
    assert [word for word in found.case["commands"]["run"] if word.startswith("--module")] == [
        f"--module={name}.vmfb" for name in names
    ]
    assert list(found.case["commands"]) == ["compile_module_0", "compile_module_1", "compile", "run"]
    assert list(found.case["logs"]) == list(found.case["commands"])
    copy = {"mlir": lab.file("copy.mlir", INNER), "compiler_flags": CPU_FLAGS}
    outer = {"mlir": lab.file("outer.mlir", OUTER), "run_function": "four_times", "modules": [copy]}
    lab.spec("other_cpu", **fields | outer, outputs=[{"value": "4xf32=4"}])
    other = lab.run("toy/other")
    assert other.verdict == (0, "passed", None), other.text
    assert [module["cached"] for module in other.case["modules"]] == [True, False]
    lab.spec("wrong_cpu", **fields, modules=modules[::-1], outputs=[{"value": "4xf32=16"}])
    wrong = lab.run("toy/wrong")
    assert wrong.verdict == (3, "error", "tool"), wrong.text
    assert "name its program in 'modules', before those that call it" in wrong.case["reason"]
    assert [done.returncode for done in lab.pasted(wrong)][:3] == [0, 0, 0]


def test_a_pipeline_module_that_is_not_added_is_compiled_only(lab: Laboratory) -> None:
    pipeline(lab, add_pipeline_module=None, run_function="twice", outputs=[lab.tensor("two.npy", A * 2)])
    result = lab.run()
    assert result.verdict == (0, "passed", None), result.text
    assert len(result.case["modules"]) == 2
    assert "--module=pipeline.vmfb" not in result.case["commands"]["run"]


def test_a_pipeline_that_does_not_compile_fails(lab: Laboratory) -> None:
    pipeline(lab, pipeline_mlir=lab.file("bad.mlir", NO_SUCH_OP))
    assert lab.run().verdict == (1, "failed", "compile")


def test_compile_only(lab: Laboratory) -> None:
    lab.spec(compile_only=True)
    result = lab.run()
    assert result.verdict == (0, "compiled", None)
    assert "run" not in result.case["commands"]


def test_run_test_expecting_to_fail_that_fails(lab: Laboratory) -> None:
    lab.spec(run_test_expecting_to_fail=True, outputs=[lab.tensor("wrong.npy", A)])
    assert lab.run().verdict == (0, "xfailed", "numeric")


def test_run_test_expecting_to_fail_that_passes_names_the_line_to_delete(lab: Laboratory) -> None:
    lab.spec(run_test_expecting_to_fail=True)
    result = lab.run()
    assert result.verdict == (1, "xpassed", None)
    text = (lab.model_dir / "add_cpu.json").read_text().splitlines()
    line = next(number for number, each in enumerate(text, 1) if "run_test_expecting_to_fail" in each)
    assert f"add_cpu.json:{line}" in result.case["reason"]


def test_a_compilation_that_fails_is_not_excused_by_an_expected_run_failure(lab: Laboratory) -> None:
    lab.spec(run_test_expecting_to_fail=True, mlir=lab.file("bad.mlir", NO_SUCH_OP))
    assert lab.run().verdict == (1, "failed", "compile")


def test_compile_chip_expecting_to_fail(lab: Laboratory) -> None:
    bad = lab.file("bad.mlir", NO_SUCH_OP)
    lab.spec("bad_rocm", mlir=bad, compile_chip_expecting_to_fail=["gfx90a"])
    lab.spec("good_rocm", compile_chip_expecting_to_fail=["gfx90a"])
    result = lab.run("toy", "--compile-chip", "gfx90a", "--compile-chip", "gfx942")
    found = {case["id"]: (case["status"], case["kind"]) for case in result.report["cases"]}
    assert found == {
        "toy/bad[rocm-gfx90a]": ("xfailed", "compile"),
        "toy/bad[rocm-gfx942]": ("failed", "compile"),
        "toy/good[rocm-gfx90a]": ("xpassed", None),
        "toy/good[rocm-gfx942]": ("compiled", None),
    }
    assert result.code == 1
    (stale,) = [case for case in result.report["cases"] if case["status"] == "xpassed"]
    assert 'delete "compile_chip_expecting_to_fail"[gfx90a]' in stale["reason"]


def test_a_compile_failure_may_be_expected_without_a_chip(lab: Laboratory) -> None:
    expect = [{"fails": "compile", "reason": "no such operation"}]
    bad = {"mlir": lab.file("bad.mlir", NO_SUCH_OP)}
    lab.spec("bad_cpu", **bad, expect=expect)
    lab.spec("only_cpu", **bad, expect=expect, compile_only=True)
    lab.spec("good_cpu", expect=expect)
    lab.spec("ran_cpu", expect=expect, outputs=None)
    lab.spec("compiled_cpu", expect=expect, compile_only=True)
    lab.spec("wrong_cpu", expect=expect, outputs=[{"value": "4xf32=0"}])
    lab.spec("other_cpu", **bad, expect=[{"fails": "numeric"}])
    result = lab.run()
    found = {case["submodel"]: (case["status"], case["kind"]) for case in result.report["cases"]}
    assert found == {
        **dict.fromkeys(("bad", "only"), ("xfailed", "compile")),
        **dict.fromkeys(("good", "ran", "compiled"), ("xpassed", None)),
        "wrong": ("failed", "numeric"),
        "other": ("failed", "compile"),
    }
    reasons = {case["submodel"]: case["reason"] for case in result.report["cases"]}
    assert reasons["bad"].endswith("(expected: no such operation)")
    assert reasons["wrong"].endswith("(the spec expects another failure: compile)")
    assert lab.bless(str(lab.out), "--yes").code == 0
    kept = {path.stem for path in lab.model_dir.glob("*_cpu.json") if '"expect"' in path.read_text()}
    assert kept == {"bad_cpu", "only_cpu", "wrong_cpu", "other_cpu"}


def test_markers(lab: Laboratory) -> None:
    lab.spec("a_cpu", markers=["quick", "local-task"])
    lab.spec("b_cpu", markers=["quick", "slow"])
    lab.spec("c_cpu")

    def selected(expression: str, command: str = "list", *arguments: str) -> list[str]:
        found = lab.run(*arguments, "-m", expression, command=command)
        assert found.code == 0, found.text
        return re.findall(r"toy/\w(?=\[cpu\])", found.text)

    assert selected("quick") == ["toy/a", "toy/b"]
    assert selected("quick and not slow") == selected("local-task or no_such") == ["toy/a"]
    assert selected("not quick") == ["toy/c"]
    assert selected("slow", "plan") == ["toy/b"]
    assert [case["id"] for case in lab.run("-m", "local-task").report["cases"]] == ["toy/a[cpu]"]
    none = lab.run("-m", "quik")
    assert (none.code, none.text) == (
        2,
        "error: -m quik: no selected spec has the marker 'quik'; did you mean quick?\n",
    )
    wrong = lab.run("-m", "quick slow", command="list")
    assert (wrong.code, "-m quick slow: expected `and`, `or` or the end, got 'slow'." in wrong.text) == (2, True)
    assert "-m slow and local-task: no selected case has such markers." in lab.run("-m", "slow and local-task").text


def test_markers_are_those_of_pytest(lab: Laboratory) -> None:
    lab.spec("a_cpu", markers=["quick", "local-task"])
    lab.spec("b_cpu", markers=["slow"])
    words = ["--collect-only", "-q", "--strict-markers", "-m"]
    done = subprocess.run(
        [sys.executable, "quality_tests/", "--test-file-directory", str(lab.specs), *words, "quick and not slow"],
        cwd=Path(__file__).parents[2],
        env=clean_environment() | {"IREE_TEST_FILES": str(lab.store_dir)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "toy/a[cpu]" in done.stdout
    assert "toy/b[cpu]" not in done.stdout


def test_tuner_file_of_the_sku(lab: Laboratory) -> None:
    tuners = {"mi300": lab.file("tuner.mlir", TUNER), "mi308": lab.file("broken.mlir", "not MLIR")}
    lab.spec("add_rocm", tuner_file=tuners, compiler_flags=HIP_FLAGS)
    good = lab.run("toy", "--compile-chip", "gfx942", "--sku", "mi300")
    assert good.verdict == (0, "compiled", None), good.text
    assert "--iree-codegen-transform-dialect-library=tuner.mlir" in good.case["commands"]["compile"]
    broken = lab.run("toy", "--compile-chip", "gfx942", "--sku", "mi308")
    assert broken.verdict == (1, "failed", "compile")
    assert "exited with code 0 but printed an error" in broken.case["reason"]
    none = lab.run("toy", "--compile-chip", "gfx950", "--sku", "mi355")
    assert none.verdict == (0, "compiled", None)
    assert "no tuner file for mi355" in none.case["notes"][0]


def test_a_flag_that_names_a_file(lab: Laboratory) -> None:
    flag = "--iree-codegen-tuning-spec-path"
    lab.file("mine.mlir", "not MLIR")
    lab.spec("add_rocm", compiler_flags=[*HIP_FLAGS, f"{flag}=mine.mlir"])
    result = lab.run("toy", "--compile-chip", "gfx942")
    assert f"{flag}=0.mine.mlir" in result.case["commands"]["compile"]
    assert result.verdict == (1, "failed", "compile")


def test_a_comment_is_shown_by_plan_and_changes_nothing(lab: Laboratory) -> None:
    lab.spec()
    silent = lab.run()
    lab.spec(comment=["0.11 for 30 is much:", "\nrm -r /"])
    result = lab.run()
    assert result.verdict == (0, "passed", None)
    assert result.case["notes"] == []
    assert result.case["modules"][0]["sha256"] == silent.case["modules"][0]["sha256"]
    assert result.case["modules"][0]["cached"]
    lines = lab.run("toy", command="plan").text.splitlines()
    assert lines[:3] == ["# toy/add[cpu]", "# 0.11 for 30 is much:", "# rm -r /"]


def test_the_tool_as_judge(lab: Laboratory) -> None:
    lab.spec()
    assert lab.run("toy", "--verdict", "iree-run-module").verdict == (0, "passed", None)
    lab.spec(outputs=[lab.tensor("wrong.bin", A, "4xf32")])
    assert lab.run("toy", "--verdict", "iree-run-module").verdict == (1, "failed", "numeric")


def test_a_run_wrapper_is_put_before_the_tool_and_recorded(lab: Laboratory) -> None:
    lab.spec()
    result = lab.run("toy", "--run-wrapper", "nice -n 5")
    assert result.verdict == (0, "passed", None)
    assert result.case["commands"]["run"][:4] == ["nice", "-n", "5", "iree-run-module"]
