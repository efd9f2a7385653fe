"""`harness new` with the real compiler: a model is added, locked and judged by one command."""

import json
import shutil
from pathlib import Path

from tests.integration.laboratory import ADD, A, B, Laboratory, Result

INPUTS = ("--input=4xf32=1 2 3 4", "--input=4xf32=10 20 30 40")


def new(lab: Laboratory, *options: str) -> Result:
    return lab.run("toy/add", *options, command="new")


def test_a_model_is_added_locked_and_judged(lab: Laboratory, server: str, tmp_path: Path) -> None:
    (tmp_path / "www" / "add.mlir").write_text(ADD)
    lab.tensor("sum.npy", A + B)
    asked = (f"--mlir={server}/add.mlir", "--function=add", *INPUTS, "--expected-output=@toy/sum.npy")
    added = new(lab, *asked, "--out", str(lab.out))
    assert added.verdict == (0, "passed", None), added.text
    path = lab.specs / "toy" / "add_cpu.json"
    ready = f"{path} is ready; commit it, blobs.lock.json if it changed, and the files that the spec names."
    assert ready in added.text
    assert list(json.loads((lab.specs / "blobs.lock.json").read_text())) == [f"{server}/add.mlir"]
    assert lab.run(command="validate").text == "1 spec is valid.\n"
    shutil.rmtree(lab.out)
    assert lab.run("--locked", "--offline").verdict == (0, "passed", None)
    again = new(lab, *asked)
    assert again.code == 2
    assert f"{path} exists already; choose another name" in again.text


def test_only_its_own_blobs_are_locked(lab: Laboratory, server: str, tmp_path: Path) -> None:
    lab.spec("add_rocm", real_weights=f"{server}/lost.irpa")
    (tmp_path / "www" / "new.mlir").write_text(ADD)
    added = new(lab, f"--mlir={server}/new.mlir", "--no-run")
    assert added.code == 0, added.text
    assert "1 of 1 blob available" in added.text
    assert not (lab.root / "results").exists()


def test_what_was_written_stays_if_the_run_fails(lab: Laboratory) -> None:
    lab.file("add.mlir", ADD)
    lab.tensor("wrong.npy", A)
    asked = ("--mlir=toy/add.mlir", "--function=add", *INPUTS, "--expected-output=@toy/wrong.npy")
    added = new(lab, *asked, "--out", str(lab.out), "--iree", "3.13.0")
    assert added.verdict == (1, "failed", "numeric"), added.text
    path = lab.specs / "toy" / "add_cpu.json"
    hint = f"{path} is written. See the reason above and the logs, correct the spec or its files, and run again: "
    assert hint in added.text
    assert (
        f"again: harness quality toy/add --specs {lab.specs} --store {lab.store_dir} --engine local --iree 3.13.0\n"
        in added.text
    )
    lab.tensor("wrong.npy", A + B)
    assert lab.run().verdict == (0, "passed", None)


def test_nothing_is_written_that_could_not_be_run(lab: Laboratory) -> None:
    lab.file("add.mlir", ADD)
    refused = new(lab, "--mlir=toy/add.mlir", "--iree=9.9.9")
    assert refused.code == 2
    assert "9.9.9: no such IREE release" in refused.text
    assert not list(lab.specs.rglob("*.json"))
