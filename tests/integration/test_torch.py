"""`harness new --torch` with PyTorch and iree-turbine, in an environment of their own."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.cli.command_line import main
from harness.core.exit_codes import EXIT_USAGE
from harness.core.provenance import ProgramSource
from harness.core.records import read
from harness.importers import environment as importers
from harness.importers.frameworks import Framework
from harness.iree import releases
from harness.store.store import Store
from tests.integration import archives
from tests.integration.laboratory import Laboratory, clean_environment

MODELS, HOSTILE = (Path(__file__).with_name(name) for name in ("torch_models.py", "torch_odd_models.py"))
FUNCTIONS = ("cnn", "lstm", "gru", "block", "unet", "kinds")
New = Callable[..., tuple[int, str]]


@pytest.fixture
def new(lab: Laboratory, torch_mirror: str, capsys: pytest.CaptureFixture[str]) -> New:
    """Return a function that imports a model without running it, in this process, and returns code and text."""

    def imported(name: str, source: str, *options: str) -> tuple[int, str]:
        argv = ("new", f"net/{name}", f"--torch={lab.root}/{source}", "--no-run", torch_mirror, *options)
        code = main([*argv, f"--specs={lab.specs}", f"--store={lab.store_dir}"], clean_environment())
        said = capsys.readouterr()
        return code, said.out + said.err

    return imported


def spec_of(lab: Laboratory, name: str) -> Any:
    return json.loads((lab.specs / "net" / f"{name}_cpu.json").read_text())


def test_one_command_says_if_iree_computes_what_pytorch_does(lab: Laboratory, new: New) -> None:
    shutil.copy(MODELS, lab.root / "models.py")
    code, text = new("all", "models.py:make")
    assert code == 0, text
    checked = lab.run()
    assert [each["status"] for each in checked.report["cases"]] == ["passed"] * len(FUNCTIONS), checked.text
    assert {each["id"] for each in checked.report["cases"]} == {f"net/all-{each}[cpu]" for each in FUNCTIONS}
    source = read(ProgramSource, spec_of(lab, "all-cnn")["provenance"]["source"])
    assert (source.framework, source.seed, list(source.files)) == ("torch", 0, ["models.py"])
    assert source.importer == f"iree-turbine 3.9.0 with IREE {releases.newest().name}"
    assert source.command.startswith("harness new net/all --torch models.py:make --importer ")
    assert "computed in float64 and rounded to their types; the largest" in spec_of(lab, "all-unet")["comment"][1]
    assert spec_of(lab, "all-kinds")["inputs"][0] == {"source": "all-kinds.input0.bin", "value": "2x3xbf16"}
    program = lab.specs / "net/all.mlir"
    # The first weight of each tensor, behind eight digits for the alignment, becomes another number.
    program.write_text(re.sub(r'(torch_tensor\S*: "0x\w{8})\w{8}', r"\g<1>00002041", program.read_text()))
    spoilt = {each["id"]: (each["status"], each["kind"]) for each in lab.run().report["cases"]}
    assert spoilt.pop("net/all-kinds[cpu]") == ("passed", None)
    assert set(spoilt.values()) == {("failed", "numeric")}


REFUSED = {
    "nothing": "returned a NoneType from nothing(); expected (module, args[, kwargs[, dynamic_shapes]])",
    "leaves": "raised SystemExit at line 44: 0",
    "numbers": "returns a int as output 1; expected tensors",
    "random": "has a function 'b' that returns other numbers each time",
    "branches": "GuardOnDataDependentSymNode: Could not guard on data-dependent expression",
    "custom": "uses operators of its own, which IREE does not know: acme.frob.default",
    "name": "returned a function 'a b' from name(); expected an ASCII identifier",
    "missing": "it has no function 'missing'; it has ",
}


def test_a_hostile_or_odd_source_gets_one_error(lab: Laboratory, new: New) -> None:
    shutil.copy(HOSTILE, lab.root / "odd.py")
    code, text = new("odd", "odd.py:raises")
    assert (code, text.splitlines()[-1]) == (
        3,
        f"error: import: {lab.root}/odd.py raised RuntimeError at line 30: bad shape.",
    )
    code, text = new("odd", "odd.py:dies", "--offline")
    assert (code, "error: import: odd.py: PyTorch gave no valid answer" in text) == (3, True), text
    assert not (lab.specs / "net").exists()


SOURCES: list[tuple[dict[str, Any], str]] = [
    *(({"entry": entry}, message) for entry, message in REFUSED.items()),
    ({"entry": "saves"}, "returned a NoneType"),
    ({"model": "garbage.pt2"}, "is not a program of torch.export"),
    ({"model": "whole.pt2"}, "'4x2xf32'"),
    ({"model": "whole.pt2", "dimensions": {"x.0": 6}}, "'6x2xf32'"),
    ({"model": "whole.pt2", "dimensions": {"y.0": 6}}, "--dim y.0: no such dynamic dimension; the model has x.0"),
    ({"model": "bare.pt2"}, "add --dim x.0=N, or --input @FILE.npy for each input"),
    ({"model": "bare.pt2", "inputs": ["x.npy"]}, "the model has 2 inputs (x, y), and --input was given 1 times"),
    ({"model": "bare.pt2", "inputs": ["y.npy", "y.npy"]}, "input x is float32[s"),
    ({"model": "bare.pt2", "inputs": ["x.npy", "y.npy"]}, "'5x2xf32'"),
    ({"model": "bare.pt2", "weights": "x.npy"}, "--weights is not a safetensors archive"),
    ({"model": "bare.pt2", "weights": "lacking.safetensors"}, "--weights lacks layer.bias, which the model has"),
    ({"model": "bare.pt2", "weights": "half.safetensors"}, "'layer.weight' as float16[2, 3], and the model as float32"),
    ({"entry": "random", "dimensions": {"x.0": 6}}, "the model has 2 functions, and --dim is for a model with one"),
]


def test_every_source_gets_its_answer(lab: Laboratory, new: New) -> None:
    """In one process, because PyTorch takes long to start."""
    shutil.copy(HOSTILE, lab.root / "odd.py")
    assert new("odd", "odd.py:missing")[0] == EXIT_USAGE  # installs the importer
    np.save(lab.root / "x.npy", np.ones((5, 3), np.float32))
    np.save(lab.root / "y.npy", np.ones((5, 2), np.float32))
    for name, dtype in (("lacking", np.float32), ("half", np.float16)):
        (lab.root / f"{name}.safetensors").write_bytes(archives.safetensors({"layer.weight": np.ones((2, 3), dtype)}))
    environment = importers.installed(Framework.TORCH, releases.find(releases.newest().name), Store(lab.store_dir))
    argv = [str(environment.python), "-BIS", str(HOSTILE.with_name("torch_replies.py")), str(environment.folder)]
    requests = [json.dumps(request) for request, _ in SOURCES]
    done = subprocess.run([*argv, *requests], cwd=lab.root, capture_output=True, text=True, check=True)
    replies = json.loads(done.stdout.splitlines()[-1])
    wrong = [
        (request, reply)
        for (request, message), reply in zip(SOURCES, replies, strict=True)
        if message not in str(reply)
    ]
    assert wrong == []


LINEAR = """
import torch

def make():
    batch = torch.export.Dim("batch")
    return torch.nn.Linear(3, 2), (torch.zeros(4, 3),), {}, ({0: batch},)
"""


def test_weights_that_are_there_already_and_inputs_of_the_user(lab: Laboratory, new: New) -> None:
    (lab.root / "linear.py").write_text(LINEAR)
    weight, bias, x = np.full((2, 3), 0.5, np.float32), np.array([1, 2], np.float32), np.ones((5, 3), np.float32)
    lab.file("w.safetensors", archives.safetensors({"bias": bias, "more": x, "weight": weight}))
    lab.tensor("x.npy", x)
    code, text = new("linear", "linear.py:make", "--weights=toy/w.safetensors", "--input=@toy/x.npy", "--seed=3")
    assert code == 0, text
    spec = spec_of(lab, "linear")
    assert (spec["real_weights"], spec["inputs"]) == ("../toy/w.safetensors", [{"source": "../toy/x.npy"}])
    source = spec["provenance"]["source"]
    assert (list(source["files"]), source["seed"]) == (["linear.py", "w.safetensors"], 3)
    assert source["command"].endswith("--seed=3 --input=@toy/x.npy --weights=toy/w.safetensors")
    assert np.load(lab.specs / "net/linear.output0.npy").tolist() == (x @ weight.T + bias).tolist()
    assert not list((lab.specs / "net").glob("*.irpa"))
    checked = lab.run()
    assert checked.verdict == (0, "passed", None), checked.text
    lab.file("w.safetensors", archives.safetensors({"bias": bias, "more": x, "weight": weight * 2}))
    assert lab.run().verdict == (1, "failed", "numeric")
