"""Specs that extend files, with the real IREE tools."""

import json
import re
from typing import Any

from tests.integration.laboratory import CPU_FLAGS, A, B, Laboratory, written


def shared(lab: Laboratory, **fields: Any) -> None:
    """Write what the specs extend, in a folder of its own, with the files that it names."""
    lab.spec()
    own = json.loads((lab.model_dir / "add_cpu.json").read_text())
    folder = lab.specs / "shared"
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for name in ("a.bin", "b.npy", "sum.bin"):
        (lab.model_dir / name).rename(folder / "data" / name)
    (lab.model_dir / "add.mlir").rename(folder / "add.mlir")
    (lab.model_dir / "add_cpu.json").unlink()
    for entry in (*own["inputs"], *own["outputs"]):
        entry["source"] = f"data/{entry['source']}"
    (folder / "add_base.json").write_text(json.dumps(own | fields, indent=2))


def overlay(lab: Laboratory, name: str = "add_cpu", **fields: Any) -> None:
    lab.file(f"{name}.json", json.dumps({"extends": "../shared/add_base.json"} | fields, indent=2))


def plan_of(lab: Laboratory) -> str:
    """Return the plan of all specs, without the space on the disk, which changes meanwhile."""
    return re.sub("free: .*", "", lab.run(command="plan").text)


def test_a_spec_that_extends_a_file_is_what_validate_merged_prints(lab: Laboratory) -> None:
    shared(lab, atol={"f32": 1e-3, "i32": 1}, flags_for={">=3.13": ["--iree-opt-level=O2"]})
    overlay(lab, compiler_flags=[*CPU_FLAGS, "--iree-opt-level=O1"], atol={"i32": None}, seed=None)
    assert (
        lab.run(command="validate")
        .text.splitlines()[-1]
        .endswith("$.seed: null removes nothing: what this file extends has no such field; leave it out")
    )
    overlay(lab, compiler_flags=[*CPU_FLAGS, "--iree-opt-level=O1"], atol={"i32": None}, flags_for=None)
    found = lab.run()
    assert found.verdict == (0, "passed", None), found.text
    assert "--iree-opt-level=O1" in found.case["commands"]["compile"]
    assert lab.run(command="list").text == "toy/add[cpu]\n"
    planned, merged = plan_of(lab), lab.run("--merged", command="validate")
    assert merged.code == 0, merged.text
    assert merged.text.splitlines()[1:3] == ['  "mlir": "../shared/add.mlir",', '  "inputs": [']
    lab.file("add_cpu.json", merged.text)
    assert plan_of(lab) == planned
    assert lab.run("--merged", command="validate").text == merged.text
    again = lab.run()
    assert again.verdict == (0, "passed", None), again.text
    assert [module["cached"] for module in again.case["modules"]] == [True]
    overlay(lab, "other_cpu", outputs=None)
    both = json.loads(lab.run("--merged", command="validate").text)
    assert list(both) == ["toy/add_cpu.json", "toy/other_cpu.json"]
    assert both["toy/add_cpu.json"] == json.loads(merged.text)
    assert lab.run("toy/other").verdict == (0, "ran", None)
    alone = lab.run(str(lab.specs / "shared/add_base.json"))
    assert (alone.code, "a file that specs extend is tested with these specs" in alone.text) == (2, True)


def test_an_expected_failure_in_a_base_is_left_to_its_reader(lab: Laboratory) -> None:
    shared(lab, expect=[{"fails": "numeric"}])
    before = (lab.specs / "shared/add_base.json").read_text()
    line = next(number for number, each in enumerate(before.splitlines(), 1) if '"fails"' in each) - 1
    overlay(lab, "good_cpu")
    overlay(lab, "wrong_cpu", outputs=[lab.tensor("wrong.npy", A + B + 1)])
    overlay(lab, "own_cpu", expect=[{"fails": "nan"}])
    result = lab.run()
    assert {case["submodel"]: case["status"] for case in result.report["cases"]} == {
        "good": "xpassed",
        "wrong": "xfailed",
        "own": "xpassed",
    }
    where = f"{lab.specs / 'shared/add_base.json'}:{line}"
    by_hand = f'change "expect"[0] in {where} by hand, because it is about other cases as well\n'
    done = lab.bless(str(lab.out), "--yes")
    assert (done.code, f"toy/good[cpu]: expected to fail but passed: {by_hand}" in done.text) == (0, True), done.text
    assert json.loads((lab.model_dir / "own_cpu.json").read_text()) == {"extends": "../shared/add_base.json"}
    assert (lab.specs / "shared/add_base.json").read_text() == before
    overlay(lab, "good_cpu", expect=None)
    assert lab.run("toy/good").verdict == (0, "passed", None)
    overlay(lab, "own_cpu", inputs=[*written("4xf32=1"), {"source": "none.npy", "value": "4xf64"}])
    assert lab.run("toy/own").verdict[1] == "error"


def test_outputs_are_recorded_in_the_spec_and_not_in_the_base(lab: Laboratory) -> None:
    made = {"reference": "hip", "release": "3.9.0", "backend": "rocm", "chip": "gfx942", "devices": ["hip"]}
    shared(lab, provenance=made | {"image": "harness:1", "date": "2026-01-01T00:00:00Z", "outputs": [None]})
    before = (lab.specs / "shared/add_base.json").read_text()
    overlay(lab, "same_cpu")
    overlay(lab, "other_cpu", inputs=written("4xf32=1", "4xf32=2"))
    for name in ("same", "other"):
        done = lab.record(f"toy/{name}", "--reference", "cpu", "--yes")
        assert done.code == 0, done.text
    specs = json.loads(lab.run("--merged", command="validate").text)
    same, other = (specs[f"toy/{name}_cpu.json"] for name in ("same", "other"))
    assert same["outputs"] == [{"source": "../shared/data/sum.bin", "value": "4xf32"}]
    assert other["outputs"][0]["source"].startswith("other_cpu.output0.")
    for each in (same, other):
        assert each["provenance"]["backend"] == "cpu"
        assert each["provenance"].keys().isdisjoint({"chip", "image"}), "what made the outputs of the base"
    assert (lab.specs / "shared/add_base.json").read_text() == before
    assert {case["status"] for case in lab.run("toy").report["cases"]} == {"passed"}
