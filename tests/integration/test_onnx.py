"""`harness new --onnx` with the real importer and ONNX Runtime, in an environment of their own."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.cli.command_line import main
from harness.core.provenance import ProgramSource
from harness.core.records import read
from harness.iree import releases
from tests.integration.laboratory import Laboratory, clean_environment

New = Callable[..., tuple[int, str]]
DIM = "--dim=batch=3"


@pytest.fixture
def new(lab: Laboratory, onnx_files: Path, capsys: pytest.CaptureFixture[str]) -> New:
    """Return a function that imports a model without running it, in this process, and returns code and text."""

    def imported(name: str, *options: str) -> tuple[int, str]:
        argv = ("new", f"zoo/{name}", f"--onnx={onnx_files}/{name}.onnx", "--no-run", "--offline", *options)
        places = (f"--specs={lab.specs}", f"--store={lab.store_dir}")
        code = main([*argv, *places], clean_environment())
        said = capsys.readouterr()
        return code, said.out + said.err

    return imported


def spec_of(lab: Laboratory, name: str) -> Any:
    return json.loads((lab.specs / "zoo" / f"{name}_cpu.json").read_text())


def test_one_command_says_if_iree_computes_what_onnx_runtime_does(lab: Laboratory, onnx_files: Path) -> None:
    asked = ("zoo/mlp", "--onnx", os.path.relpath(onnx_files / "mlp.onnx", lab.root), DIM, "--offline")
    added = lab.run(*asked, "--out", str(lab.out), command="new")
    assert added.verdict == (0, "passed", None), added.text
    assert "installing the importer" not in added.text
    source = read(ProgramSource, spec_of(lab, "mlp")["provenance"]["source"])
    assert f"program: {source}" in added.case["notes"]
    assert (source.framework, source.seed, source.dimensions) == ("onnx", 0, {"batch": 3})
    assert source.importer == f"IREE {releases.newest().name}"
    assert list(source.files) == ["mlp.onnx"]
    assert source.command.startswith("harness new zoo/mlp --onnx mlp.onnx --importer ")
    assert np.load(lab.specs / "zoo/mlp.input0.npy").shape == (3, 8)
    assert lab.run(command="validate").text == "1 spec is valid.\n"
    program = lab.specs / "zoo/mlp.mlir"
    # The first weight, behind eight digits for the alignment, becomes another number.
    program.write_text(re.sub(r'(w1: "0x\w{8})\w{8}', r"\g<1>00002041", program.read_text()))
    assert lab.run().verdict == (1, "failed", "numeric")


def test_models_of_many_kinds_agree(lab: Laboratory, new: New) -> None:
    for name in ("old", "half", "large", "beside"):
        assert new(name, DIM)[0] == 0
    assert new("embedding", "--dim=ids.0=2", "--dim=tokens=5")[0] == 0
    assert new("cnn")[0] == new("double")[0] == 0
    checked = lab.run()
    assert {each["status"] for each in checked.report["cases"]} == {"passed"}, checked.text
    assert len(checked.report["cases"]) == 7
    assert "The importer raised its operators from opset 9 to 17." in spec_of(lab, "old")["comment"]
    assert spec_of(lab, "half")["threshold_args"] == ["--expected_f16_threshold=0.02"]
    assert spec_of(lab, "large")["real_weights"] == "large.irpa"
    assert (lab.specs / "zoo/large.mlir").stat().st_size < 10_000
    assert list(spec_of(lab, "beside")["provenance"]["source"]["files"]) == ["beside.onnx", "beside.data"]
    assert set(np.load(lab.specs / "zoo/embedding.input1.npy").ravel()) == {False, True}
    assert "--iree-input-demote-f64-to-f32=false" in spec_of(lab, "double")["compiler_flags"]


def test_inputs_may_be_given_and_backends_share_files(lab: Laboratory, new: New) -> None:
    lab.tensor("x.npy", np.ones((2, 8), np.float32))
    asked = ("mlp", "--input=@toy/x.npy", "--threshold=f32=0.5")
    assert new(*asked)[0] == 0
    program = (lab.specs / "zoo/mlp.mlir").stat()
    code, text = new(*asked, "--backend=rocm", "--chip=gfx942")
    assert (code, text.splitlines()[-1]) == (0, f"written   {lab.specs}/zoo/mlp_rocm.json"), text
    assert (lab.specs / "zoo/mlp.mlir").stat().st_mtime_ns == program.st_mtime_ns
    spec = spec_of(lab, "mlp")
    assert spec["inputs"] == [{"source": "../toy/x.npy"}]
    assert "seed" not in spec["provenance"]["source"]
    assert spec["threshold_args"] == ["--expected_f32_threshold=0.5"]
    assert np.load(lab.specs / "zoo/mlp.output0.npy").shape == (2, 4)


REFUSED = {
    "no-onnx": (
        "garbage",
        (),
        3,
        r"error: import: \S+/garbage.onnx is not an ONNX file: DecodeError: Error parsing message",
    ),
    "empty": ("empty", (), 3, r"error: import: \S+/empty.onnx is not an ONNX file: it has no graph with nodes\."),
    "missing": ("lost", (), 2, r"error: --onnx \S+/lost.onnx: no such file; check the path\."),
    "outside": ("outside", (DIM,), 3, r"error: import: \S+ names external data '../beside.data', which is outside"),
    "linked": (
        "linked",
        (DIM,),
        3,
        r"error: import: \S+ names external data 'linked.data', which is .*a link to there",
    ),
    "custom": (
        "custom",
        (),
        3,
        r"error: import: custom.onnx: ONNX Runtime: Fail: .*com.acme:Frobnicate.* is not a registered",
    ),
    "dynamic": ("embedding", (), 2, r"error: embedding.onnx: .* add --dim ids.0=N --dim tokens=N, or --input "),
    "no-dimension": ("mlp", ("--dim=x=1",), 2, r"error: mlp.onnx: --dim x: no .* dimension; the model has batch\."),
    "inputs": ("mlp", ("--input=@a.npy",) * 2, 2, r"error: mlp.onnx: the model has 1 input \(x\), .* given 2 times"),
    "form": ("mlp", ("--input=4xf32=1",), 2, r"error: --input 4xf32=1: expected @FILE.npy for an imported model"),
    "time": ("mlp", (DIM, "--timeout=0.01"), 3, r"error: import: mlp.onnx: ONNX Runtime was stopped after 0.01 s"),
    "importer": ("mlp", ("--importer=9.9",), 2, "error: 9.9: no such IREE release"),
    "twice": ("mlp", ("--mlir=x.mlir",), 2, "error: expected MODEL/SUBMODEL and one of --mlir, --onnx, --"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_imported_gets_one_error(lab: Laboratory, new: New, case: str) -> None:
    name, options, code, message = REFUSED[case]
    np.save(lab.specs / "a.npy", np.ones((2, 8), np.float32))
    ended, text = new(name, *options)
    assert (ended, bool(re.match(message, text.splitlines()[-1]))) == (code, True), text
    assert [line.startswith("error: ") for line in text.splitlines()].count(True) == 1
    assert not (lab.specs / "zoo").exists()
