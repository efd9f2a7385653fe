"""Operations that releases broke, in the middle of larger programs, and what localizing them says."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration import embedded, transitions
from tests.integration.embedded import BROKEN, Broken
from tests.integration.laboratory import ADD, CPU_FLAGS, NEWEST, Laboratory, Result

ERROR = """
func.func @f(%x: tensor<64xf32>) -> tensor<64xf32> {
  %scale = arith.constant dense<SCALE> : tensor<64xf32>
  %0 = math.tanh %x : tensor<64xf32>
  %1 = arith.mulf %0, %scale : tensor<64xf32>
  %2 = math.exp %1 : tensor<64xf32>
  return %2 : tensor<64xf32>
}
"""

CALLS = """
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = math.tanh %x : tensor<4xf32>
  %1 = call @inner(%0) : (tensor<4xf32>) -> tensor<4xf32>
  %2 = arith.addf %1, %0 : tensor<4xf32>
  return %2 : tensor<4xf32>
}
func.func private @inner(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = math.sin %x : tensor<4xf32>
  %1 = math.KIND %0 : tensor<4xf32>
  return %1 : tensor<4xf32>
}
"""

SUMS = """
func.func @f(%x: tensor<4096xf32>) -> tensor<f32> {
  %w = arith.constant dense<WEIGHTS> : tensor<4096xf32>
  %y = arith.mulf %x, %w : tensor<4096xf32>
  SUM
}
"""
WHOLE = """
func.func @f(%x: tensor<4xi32>) -> tensor<4xi32> {
  %shift = arith.constant dense<SHIFT> : tensor<4xi32>
  %0 = arith.addi %x, %x : tensor<4xi32>
  %1 = arith.shli %0, %shift : tensor<4xi32>
  return %1 : tensor<4xi32>
}
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory, store_dir: Path) -> Laboratory:
    """Return a laboratory with all broken programs."""
    lab = Laboratory(tmp_path_factory.mktemp("embedded"), store_dir)
    embedded.write(lab)
    return lab


def localized(lab: Laboratory, *words: str) -> tuple[Result, Any]:
    """Localize a case, and return how the command ended, and localize.json."""
    out = lab.root / f"localize-{len(list(lab.root.glob('localize-*')))}"
    done = lab.run(*words, "--out", str(out), command="localize")
    assert "Traceback" not in done.text
    path = out / "localize.json"
    return done, json.loads(path.read_text()) if path.exists() else None


@pytest.mark.parametrize("broken", BROKEN, ids=lambda each: f"{each.name}-{each.bad}")
def test_the_operation_that_a_release_broke_is_named(programs: Laboratory, broken: Broken) -> None:
    done, found = localized(programs, f"toy/{broken.name}", "--iree", broken.bad, "--against", broken.good)
    assert done.code == 0, done.text
    assert [each["operation"] for each in found["culprits"]] == [broken.operation]
    assert (found["kind"], found["confirmed"]) == (broken.kind, True)
    assert found["compilations"] <= 36
    assert (found["oracle"] or {}).get("wrong") == ("bad" if broken.kind in {"numeric", "nan"} else None)
    (line,) = {each["line"] for each in found["culprits"]}
    if line:
        text = (programs.model_dir / f"{broken.name}.mlir").read_text().splitlines()
        assert broken.operation in text[line - 1]


def test_results_of_a_failing_case_are_looked_into(programs: Laboratory) -> None:
    out = programs.root / "failing"
    programs.run("toy/summed", "--iree", NEWEST, "--out", str(out))
    refused, _ = localized(programs, str(out), "toy/summed")
    assert refused.code == 2
    assert "name a release, a device or flags with --against" in refused.text
    done, found = localized(programs, str(out), "toy/summed", "--against", "3.10.0")
    assert done.code == 0, done.text
    assert found["default_is_cause"] is True
    assert found["defaults"] == ["--iree-llvmcpu-reassociate-fp-reductions=true"]
    assert "error_growth.svg" in {path.name for path in done.out_dir.parent.glob("localize-*/*")}


def test_a_bisect_goes_on_to_the_operation(programs: Laboratory) -> None:
    out = programs.root / "bisect"
    words = ("--good", "3.10.0", "--bad", "3.11.0", "--repeat", "1", "--localize", "--out", str(out))
    done = programs.run("toy/summed", *words, command="bisect")
    assert done.code == 0, done.text
    assert "3.11.0 differs from 3.10.0 at linalg.generic" in (out / "bisect.md").read_text()
    assert json.loads((out / "localize/localize.json").read_text())["confirmed"]
    again, found = localized(programs, str(out), "toy/summed")
    assert again.code == 0, again.text
    assert (found["bad"]["release"], found["good"]["release"]) == ("3.11.0", "3.10.0")


def test_two_programs_are_compared_operation_by_operation(lab: Laboratory) -> None:
    lab.file("good.mlir", ERROR.replace("SCALE", "0.5"))
    lab.file("bad.mlir", ERROR.replace("SCALE", "0.5001").replace("math.tanh", "math.erf"))
    np.save(lab.model_dir / "x.npy", np.linspace(-1, 1, 64, dtype=np.float32))
    flags = [f"--compiler-flag={flag}" for flag in CPU_FLAGS]
    where = lab.model_dir
    words = (str(where / "bad.mlir"), "--against", str(where / "good.mlir"), "--function", "f", *flags)
    done, found = localized(lab, *words, "--input", f"@{where / 'x.npy'}")
    assert done.code == 0, done.text
    assert [each["operation"] for each in found["culprits"]] == ["math.erf"]
    assert found["oracle"]["wrong"] is None
    assert "Neither side can be shown to be right: in float64 the sides differ as well, by" in done.text


@pytest.mark.parametrize(("is_own", "wrong"), [("true", "good"), ("false", "bad")])
def test_the_side_is_wrong_that_float64_contradicts(lab: Laboratory, is_own: str, wrong: str) -> None:
    """A single sum over all numbers loses the small ones, on whichever side it is."""
    weights = np.ones(4096, np.float32)
    weights[-1] = 1.0001  # so that the constant is written as bytes
    numbers = transitions.PROGRAMS["summed"].inputs[0]
    flag = "--iree-llvmcpu-reassociate-fp-reductions="
    lab.spec(
        mlir=lab.file(
            "f.mlir",
            SUMS.replace("WEIGHTS", f'"0x{weights.tobytes().hex()}"').replace(
                "SUM", transitions.SUM.replace("%x", "%y")
            ),
        ),
        compiler_flags=[*CPU_FLAGS, f"{flag}{is_own}"],
        inputs=[lab.tensor("x.npy", numbers)],
        outputs=None,
        run_function="f",
    )
    other = {"true": "false", "false": "true"}[is_own]
    done, found = localized(lab, "toy/add", f"--against={flag}{other}")
    assert done.code == 0, done.text
    assert [each["operation"] for each in found["culprits"]] == ["linalg.generic"]
    errors = found["oracle"]["errors"]
    assert (found["oracle"]["by"], found["oracle"]["wrong"]) == ("float64", wrong)
    assert errors[wrong] > 3 * min(errors.values())


def test_whole_numbers_have_no_float64(lab: Laboratory) -> None:
    for name, shift in (("good", 1), ("bad", 2)):
        lab.file(f"{name}.mlir", WHOLE.replace("SHIFT", str(shift)))
    flags = [f"--compiler-flag={flag}" for flag in CPU_FLAGS]
    words = (str(lab.model_dir / "bad.mlir"), "--against", str(lab.model_dir / "good.mlir"), "--function", "f", *flags)
    done, found = localized(lab, *words, "--input", "4xi32=1 2 3 4")
    assert done.code == 0, done.text
    assert found["oracle"]["wrong"] is None
    assert "the operation computes with integers alone, for which there is no float64." in done.text


def test_sides_that_agree_have_nothing_to_find(lab: Laboratory) -> None:
    lab.spec()
    done, found = localized(lab, "toy/add", "--against", "cpu")
    assert done.code == 3
    assert found["text"] == "No operation was found: Both sides compute the same, except for rounding."
    assert (found["culprits"], found["kind"], found["compilations"]) == ([], None, 4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["toy/add"], "name a release, a device or flags with --against"),
        (["toy/add", "--against", "./nothing.mlir"], "no such file"),
        (["toy/add", "--against", "4.0.0"], "4.0.0"),
        (["nowhere", "toy/add"], "nowhere: no such folder of results"),
        (["toy/add", "toy/add", "toy/add"], "localize takes one case"),
        (["toy/*", "--against", "cpu"], "2 cases are selected; select one"),
    ],
)
def test_a_wrong_command_line_is_refused(lab: Laboratory, words: list[str], message: str) -> None:
    lab.spec()
    lab.spec("other_cpu")
    lab.file("add.mlir", ADD)
    done, found = localized(lab, *words)
    assert (done.code, found) == (2, None), done.text
    assert message in done.text


def test_an_operation_of_a_function_that_is_called_is_named_there(lab: Laboratory) -> None:
    lab.file("good.mlir", CALLS.replace("KIND", "exp"))
    lab.file("bad.mlir", CALLS.replace("KIND", "exp2"))
    flags = [f"--compiler-flag={flag}" for flag in CPU_FLAGS]
    words = (str(lab.model_dir / "bad.mlir"), "--against", str(lab.model_dir / "good.mlir"), "--function", "f", *flags)
    done, found = localized(lab, *words, "--input", "4xf32=1 2 3 4")
    assert done.code == 0, done.text
    (culprit,) = found["culprits"]
    assert (culprit["operation"], culprit["function"], culprit["index"]) == ("math.exp2", "inner", 1)
    assert "math.exp2" in CALLS.replace("KIND", "exp2").splitlines()[culprit["line"] - 1]


def test_the_dispatch_that_computes_a_wrong_number_is_named(programs: Laboratory) -> None:
    words = ("toy/summed", "--iree", NEWEST, "--against", "3.10.0")
    done, found = localized(programs, *words, "--by", "dispatch")
    assert done.code == 0, done.text
    (culprit,) = found["culprits"]
    assert "reduction_4096" in culprit["dispatch"]
    assert (found["by"], found["kind"], found["confirmed"]) == ("dispatch", "numeric", False)
    assert [each["operation"] for each in found["error_growth"] if each["blamed"]] == [culprit["dispatch"]]


def test_the_pass_that_refuses_a_program_is_named(programs: Laboratory) -> None:
    _, found = localized(programs, "toy/softmax", "--iree", "3.4.0", "--against", "3.3.0")
    failed = found["pass"]
    assert failed == "LLVMCPUVerifyVectorSizeLegalityPass (iree-llvmcpu-verify-vector-size-legality)"
