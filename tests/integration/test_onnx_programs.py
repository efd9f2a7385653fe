"""ONNX files as programs: in specs and on the command line, with the real importer and ONNX Runtime."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.iree import releases
from tests.integration.laboratory import CPU_FLAGS, Laboratory

ORACLE = ("--oracle", "onnxruntime", "--offline")


def spec(lab: Laboratory, onnx_files: Path, name: str, **fields: Any) -> None:
    """Write a spec of an ONNX file, which is copied beside it."""
    shutil.copy(onnx_files / f"{name}.onnx", lab.model_dir)
    document = {"mlir": f"{name}.onnx", "compiler_flags": CPU_FLAGS, **fields}
    lab.file(f"{name}_cpu.json", json.dumps(document))


def test_a_spec_may_name_an_onnx_file(lab: Laboratory, onnx_files: Path) -> None:
    own = [*CPU_FLAGS, "--iree-opt-level=O1"]  # so that the same program for the CPU is another module
    spec(lab, onnx_files, "mlp", dimensions={"batch": 3}, seed=5, compiler_flags=own)
    spec(lab, onnx_files, "half", inputs=[{"value": "2x8xf16=1"}])
    spec(lab, onnx_files, "large", inputs=[{"formula": {"offset": -0.5}, "value": "2x8xf32"}])
    shutil.copy(onnx_files / "beside.data", lab.model_dir / "here.data")
    spec(lab, onnx_files, "beside", external_data={"beside.data": "here.data"}, dimensions={"batch": 2})
    spec(lab, onnx_files, "double", compile_only=True)
    lab.spec()
    checked = lab.run(*ORACLE)
    cases = {each["submodel"]: each for each in checked.report["cases"]}
    assert {name: each["status"] for name, each in cases.items()} == {
        "add": "passed",
        "double": "compiled",
        **dict.fromkeys(("mlp", "half", "large", "beside"), "passed"),
    }, checked.text
    importer = f"IREE {releases.newest().name}"
    assert {name: each["importer"] for name, each in cases.items() if each["importer"] != importer} == {"add": ""}
    assert {name for name, each in cases.items() if each["oracle"]} == {"mlp", "half", "large", "beside"}
    assert f"program: imported from mlp.onnx by the importer of {importer}" in cases["mlp"]["notes"]
    assert any(note.startswith("expected outputs: those of ONNX Runtime ") for note in cases["mlp"]["notes"])
    assert any("demote-f64-to-f32=false added" in note for note in cases["double"]["notes"])
    assert [each["url"].rpartition("/")[2] for each in cases["beside"]["blobs"][:2]] == ["beside.onnx", "here.data"]
    again = lab.run("toy/mlp", "--oracle", "cpu", "--offline")
    assert again.verdict == (0, "passed", None), again.text


def test_an_onnx_file_needs_no_spec(lab: Laboratory, onnx_files: Path) -> None:
    lab.tensor("x.npy", np.full((2, 8), 0.5, np.float32))
    program, given = str(onnx_files / "mlp.onnx"), f"--input=@{lab.model_dir}/x.npy"
    good = lab.run(program, given, *ORACLE)
    assert good.verdict == (0, "passed", None), good.text
    lab.tensor("wrong.npy", np.full((2, 4), 9, np.float32))
    asked = (program, given, f"--expected-output=@{lab.model_dir}/wrong.npy", "--offline")
    wrong = lab.run(*asked)
    assert wrong.verdict == (1, "failed", "numeric"), wrong.text
    assert f"again  harness quality {program} {given}" in wrong.text
    planned = lab.run(*asked, command="plan")
    assert "iree-import-onnx model.onnx -o model.mlir" in planned.text
    assert lab.run(program, *asked[1:], command="fetch").code == 0
    refused = lab.run(program, "--threshold=f32=1")
    assert refused.text.startswith("error: --threshold has no effect without --expected-output or --oracle")
    lab.spec()
    seeded = lab.run("toy/add", "--seed=1")
    assert seeded.text == "error: --seed is only for a program, PATH.onnx; a spec has a field for it.\n"


ODD = {
    "garbage": ("import", "is not an ONNX file: DecodeError: Error parsing message"),
    "empty": ("import", "is not an ONNX file: it has no graph with nodes."),
    "outside": ("import", "names external data '../beside.data', which is outside the folder of the model; copy it"),
    "linked": ("import", "names external data 'linked.data', which is a link to outside the folder"),
    "beside": ("import", "names external data 'beside.data', which is missing; put it beside the model."),
    "custom": ("oracle", "ONNX Runtime: Fail: [ONNXRuntimeError]"),
    "embedding": ("import", "--dim tokens=N, or --input @FILE.npy for each input. A spec has the fields"),
    "mlp": ("import", "--dim x: no such dynamic dimension; the model has batch."),
    "half": ("oracle", "cannot be given an input of 2x8xbf16"),
}


def test_what_cannot_be_imported_is_an_error(lab: Laboratory, onnx_files: Path) -> None:
    more: dict[str, dict[str, Any]] = {"mlp": {"dimensions": {"x": 1}}, "half": {"inputs": [{"value": "2x8xbf16=1"}]}}
    for name in ODD:
        spec(lab, onnx_files, name, **more.get(name, {}))
    (lab.model_dir / "linked.data").symlink_to(__file__)
    checked = lab.run(*ORACLE)
    cases = {each["submodel"]: each for each in checked.report["cases"]}
    found = {name: (each["status"], each["kind"], each["phase"]) for name, each in cases.items()}
    assert found == {name: ("error", kind, "import") for name, (kind, _) in ODD.items()}, checked.text
    assert [name for name, (_, text) in ODD.items() if text not in cases[name]["reason"]] == [], checked.text
    assert checked.code == 3


REFUSED = {
    "not-onnx": ({"mlir": "add.mlir", "dimensions": {"n": 1}}, "has no effect, because 'mlir' names no .onnx file"),
    "both": ({"mlir": "a.onnx", "dimensions": {"n": 1}, "inputs": [{"value": "1xf32=1"}]}, "no input is drawn"),
    "function": ({"mlir": "add.mlir", "outputs": [{"value": "1xf32=1"}]}, "missing field 'run_function', which"),
    "outside": ({"mlir": "a.onnx", "external_data": {"w": "../../w"}}, "'../../w' is outside"),
    "size": ({"mlir": "a.onnx", "dimensions": {"n": 0}}, "$.dimensions.n"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_spec_says_what_makes_no_sense(lab: Laboratory, case: str) -> None:
    fields, message = REFUSED[case]
    lab.file("add_cpu.json", json.dumps(fields))
    refused = lab.run(command="validate")
    assert (refused.code, message in refused.text) == (2, True), refused.text


SUITE_TEST = """
BASE_PATH = "zoo/"


@pytest.mark.parametrize("model", ["mlp.onnx", "garbage.onnx", "cnn.onnx", "lost.onnx", "half.onnx"])
def test_models(compare_between_iree_and_onnxruntime, model):
    compare_between_iree_and_onnxruntime(model_url=BASE_PATH + model)
"""
NEWS = {"garbage": "fail-import", "cnn": "fail-run", "mlp": "pass", "lost": "pass"}


def test_the_suite_onnx_models_runs_unedited(lab: Laboratory, onnx_files: Path) -> None:
    root = lab.specs = lab.root / "onnx_models"
    artifacts = root / "artifacts/model_zoo/zoo"
    artifacts.mkdir(parents=True)
    for name in ("mlp", "garbage", "cnn"):
        shutil.copy(onnx_files / f"{name}.onnx", artifacts)
    (root / "zoo_test.py").write_text(SUITE_TEST)
    config = root / "cpu_task.json"
    outcomes = {f"zoo_test.py::test_models[{name}.onnx]": word for name, word in NEWS.items()}
    flags = {"iree_compile_flags": CPU_FLAGS, "iree_run_module_flags": ["--device=local-task"]}
    text = json.dumps({"config_name": "cpu", **flags, "tests_and_expected_outcomes": outcomes}, indent=2)
    config.write_text(f"// kept\n{text}")
    checked = lab.run("--suite-config", str(config), "--offline")
    found = {each["submodel"]: (each["status"], each["kind"], each["phase"]) for each in checked.report["cases"]}
    assert found == {
        "mlp": ("passed", None, "compare"),
        "garbage": ("xfailed", "import", "import"),
        "cnn": ("xpassed", None, "compare"),
        "lost": ("error", "fetch", None),
        "half": ("skipped", None, None),
    }, checked.text
    assert lab.bless("--yes", str(lab.out)).code == 0
    assert config.read_text() == f"// kept\n{text}".replace("fail-run", "pass")
