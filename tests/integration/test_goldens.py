"""Outputs that are compared with an oracle, and outputs that are recorded, with the real IREE tools."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.provenance import Provenance
from harness.core.records import read
from tests.integration.laboratory import CPU_FLAGS, HIP_FLAGS, NEWEST, OLDEST, A, B, Laboratory, written

# A product, and its rounded elements in a type that NumPy lacks.
PRODUCT = """
func.func @f(%a: tensor<8x16xf32>, %b: tensor<16x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xbf16>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<8x8xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<8x8xf32>) -> tensor<8x8xf32>
  %c = linalg.matmul ins(%a, %b : tensor<8x16xf32>, tensor<16x8xf32>) outs(%init : tensor<8x8xf32>) -> tensor<8x8xf32>
  %d = arith.truncf %c : tensor<8x8xf32> to tensor<8x8xbf16>
  return %c, %d : tensor<8x8xf32>, tensor<8x8xbf16>
}
"""
# A program whose assertion fails, unless a flag strips it.
ASSERTED = """
func.func @f(%a: tensor<8x16xf32>, %b: tensor<16x8xf32>) -> tensor<8x16xf32> {
  %zero = arith.constant 0 : index
  %first = tensor.extract %a[%zero, %zero] : tensor<8x16xf32>
  %limit = arith.constant 100.0 : f32
  %large = arith.cmpf ogt, %first, %limit : f32
  cf.assert %large, "too small"
  return %a : tensor<8x16xf32>
}
"""
DRAWN = [{"value": "8x16xf32", "formula": {}}, {"value": "16x8xf32", "formula": {}}]
DEMOTED = "--iree-global-opt-demote-contraction-inputs"
ORACLE = "the same program compiled for the CPU (--oracle cpu)"


def product(lab: Laboratory, name: str, *flags: str, program: str = PRODUCT, **fields: Any) -> Path:
    """Write a spec without expected outputs."""
    lab.file(f"{name}.mlir", program)
    own = {"mlir": f"{name}.mlir", "run_function": "f", "inputs": DRAWN, "outputs": None, "compiler_flags": list(flags)}
    lab.spec(name, **(own | fields))
    return lab.model_dir / f"{name}.json"


def test_outputs_are_compared_with_those_of_the_oracle(lab: Laboratory) -> None:
    vmvx = ("--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=vmvx")
    product(lab, "vmvx_cpu", *vmvx, device="local-sync")
    product(lab, "bf16_cpu", *CPU_FLAGS, f"{DEMOTED}-type=bf16", f"{DEMOTED}-operations=matmul")
    product(lab, "plain_cpu", *CPU_FLAGS)
    product(lab, "asserted_cpu", *CPU_FLAGS, "--iree-opt-strip-assertions", program=ASSERTED)
    lab.spec("expected_cpu", compiler_flags=[*CPU_FLAGS, "--iree-opt-level=O3"])
    result = lab.run("--oracle", "cpu")
    cases = {case["submodel"]: case for case in result.report["cases"]}
    ended = {name: (case["status"], case["kind"], case["oracle"]) for name, case in cases.items()}
    assert ended == {
        "vmvx": ("passed", None, "cpu"),
        "bf16": ("failed", "numeric", "cpu"),
        "plain": ("ran", None, None),
        "asserted": ("error", "oracle", "cpu"),
        "expected": ("passed", None, None),
    }, result.text
    assert result.code == 1
    assert [output["type"] for output in cases["vmvx"]["outputs"]] == ["8x8xf32", "8x8xbf16"]
    assert cases["vmvx"]["commands"]["run"][-2:] == ["--output=@0.npy", "--output=@1.bin"]
    assert "--device=local-sync" in cases["vmvx"]["commands"]["run"]
    assert "--device=local-task" in cases["vmvx"]["commands"]["oracle_run"]
    assert cases["bf16"]["reason"].endswith(f"; compared with {ORACLE}")
    kept = sorted(str(path.relative_to(lab.out)) for path in (lab.out / "outputs").rglob("*.*"))
    folders = ("outputs/toy/asserted-cpu", "outputs/toy/bf16-cpu", "outputs/toy/bf16-cpu/oracle")
    assert kept == [f"{folders[0]}/0.npy", *(f"{each}/{name}" for each in folders[1:] for name in ("0.npy", "1.bin"))]
    assert f"nothing compared: without compiler flags of its own, the case is {ORACLE}" in result.text
    reason = cases["asserted"]["reason"]
    assert reason.startswith(f"nothing was compared, because the oracle failed: {ORACLE}: the model failed"), reason
    assert "too small" in (lab.out / cases["asserted"]["logs"]["oracle_run"]).read_text()
    told = f"2 cases without expected outputs compared with {ORACLE}: toy/bf16[cpu], toy/vmvx[cpu]"
    assert told in result.text
    assert "--oracle cpu" in re.search("^  again  (.*)$", result.text, re.MULTILINE)[1]  # type: ignore[index]


def test_a_plan_for_a_gpu_shows_its_oracle(lab: Laboratory) -> None:
    product(lab, "mm_rocm", *HIP_FLAGS, "--iree-opt-level=O3")
    plan = lab.run("--backend", "rocm", "--chip", "gfx942", "--oracle", "cpu", command="plan")
    assert plan.code == 0, plan.text
    own, _, oracle = plan.text.partition(f"# {ORACLE}:\n")
    assert [line.split()[0] for line in own.splitlines() if line.startswith("iree-")] == [
        "iree-compile",
        "iree-run-module",
    ]
    assert "--iree-rocm-target=gfx942" in own
    assert "mkdir -p oracle && cd oracle\n" in oracle
    assert "--iree-hal-local-target-device-backends=llvm-cpu" in oracle
    assert "gfx942" not in oracle
    assert "# compare each output with that in oracle\n" in oracle


def listing(lab: Laboratory) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in lab.model_dir.iterdir()}


def test_outputs_are_recorded_with_their_provenance(lab: Laboratory) -> None:
    path = product(lab, "mm_cpu", *CPU_FLAGS, "--iree-opt-level=O3")
    before = listing(lab)
    asked = lab.record("toy/mm", "--reference", "cpu")
    assert (asked.code, listing(lab)) == (1, before), asked.text
    assert "output 1 (8x8xbf16): no expected output before\n" in asked.text
    assert "Nothing was written; add --yes to write these changes.\n" in asked.text
    done = lab.record("toy/mm", "--reference", "cpu", "--yes")
    assert done.code == 0, done.text
    spec = json.loads(path.read_text())
    first, second = spec["outputs"]
    assert re.fullmatch(r"mm_cpu\.output0\.[0-9a-f]{8}\.npy", first["source"])
    assert re.fullmatch(r"mm_cpu\.output1\.[0-9a-f]{8}\.bin", second["source"])
    assert (second["value"], "value" in first) == ("8x8xbf16", False)
    found = read(Provenance, spec["provenance"])
    assert (found.reference, found.release, found.backend, found.devices) == ("cpu", NEWEST, "cpu", ("local-task",))
    assert found.compiler_commit
    digests = [hashlib.sha256((lab.model_dir / each["source"]).read_bytes()).hexdigest() for each in spec["outputs"]]
    assert [each and (each.sha256, each.max_abs_error) for each in found.outputs] == [(each, None) for each in digests]
    assert lab.run(command="validate").code == 0
    checked = lab.run("toy/mm")
    assert checked.verdict == (0, "passed", None), checked.text
    assert checked.case["notes"] == [f"expected outputs: {found}"]


def test_what_is_recorded_again_is_compared_with_what_was_before(lab: Laboratory) -> None:
    wrong = lab.tensor("wrong.npy", A + B + 1)
    lab.spec(outputs=[wrong, *written("(ignored)")], mlir=lab.file("two.mlir", TWO))
    path = lab.model_dir / "add_cpu.json"
    done = lab.record("toy/add", "--reference", OLDEST, "--yes")
    assert done.code == 0, done.text
    assert (
        "output 0 (4xf32): not like the expected output before: output 0 (4xf32): 4 of 4 elements differ" in done.text
    )
    assert "output 1: ignored by the spec\n" in done.text
    assert f"kept      {(lab.model_dir / 'wrong.npy').resolve()}, which the spec does not name any more\n" in done.text
    assert (lab.model_dir / "wrong.npy").exists()
    spec = json.loads(path.read_text())
    assert spec["outputs"][1] == {"value": "(ignored)"}
    found = read(Provenance, spec["provenance"])
    assert (found.reference, found.release, found.outputs[1]) == (OLDEST, OLDEST, None)
    assert found.outputs[0]
    assert found.outputs[0].max_abs_error == 1
    again = lab.record("toy/add", "--reference", "local-sync", "--yes")
    assert again.code == 0, again.text
    assert "output 0 (4xf32): the same as before, bit for bit\n" in again.text
    assert "Every output is the same as before; only the provenance changes.\n" in again.text
    now = json.loads(path.read_text())
    assert now["outputs"] == spec["outputs"]
    newer = read(Provenance, now["provenance"])
    assert (newer.reference, newer.release, newer.devices) == ("local-sync", NEWEST, ("local-sync",))
    np.save(lab.model_dir / spec["outputs"][0]["source"], A)
    changed = lab.run("toy/add")
    assert changed.verdict == (1, "failed", "numeric")
    assert "output 0: the expected output is another one than that whose provenance the spec has" in changed.text


TWO = """
func.func @add(%a: tensor<4xf32>, %b: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %sum = arith.addf %a, %b : tensor<4xf32>
  return %sum, %a : tensor<4xf32>, tensor<4xf32>
}
"""


def test_a_spec_for_a_gpu_gets_outputs_of_the_cpu(lab: Laboratory) -> None:
    path = product(lab, "mm_rocm", *HIP_FLAGS)
    done = lab.record("toy/mm", "--backend", "rocm", "--chip", "gfx942", "--reference", "cpu", "--yes")
    assert done.code == 0, done.text
    spec = json.loads(path.read_text())
    found = read(Provenance, spec["provenance"])
    assert (found.backend, found.chip, found.devices, found.gpus) == ("cpu", None, ("local-task",), ())
    assert spec["compiler_flags"] == HIP_FLAGS
    assert lab.run(command="validate").code == 0


def test_a_reference_that_fails_changes_nothing(lab: Laboratory) -> None:
    product(lab, "mm_cpu", *CPU_FLAGS, run_function="missing")
    product(lab, "broken_cpu", *CPU_FLAGS, program=PRODUCT.replace("linalg.matmul", "linalg.no_such_op"))
    before = listing(lab)
    for name, code in (("mm", 3), ("broken", 1)):
        failed = lab.record(f"toy/{name}", "--reference", "cpu", "--yes")
        assert failed.code == code, failed.text
        assert "Nothing was recorded, because the reference failed.\n" in failed.text
    refused = {
        ("toy/mm", "--reference", "hip"): "toy/mm[cpu] is not compiled for it; expected local-task or local-sync",
        ("toy/*", "--reference", "cpu"): "bless takes one case, and this selects 2: toy/broken[cpu], toy/mm[cpu]",
        ("toy/mm", "--reference", "fast"): "'fast' is no reference; expected cpu, a release such as 3.9.0, or a device",
        ("toy/mm", "--reference", NEWEST, "--iree", NEWEST): "--iree cannot be combined with a release as --reference",
        (str(lab.model_dir / "mm_cpu.mlir"), "--reference", "cpu"): "a program has no expected outputs to record",
    }
    for arguments, why in refused.items():
        asked = lab.record(*arguments, "--yes")
        assert (asked.code, why in asked.text) == (2, True), asked.text
    assert listing(lab) == before
