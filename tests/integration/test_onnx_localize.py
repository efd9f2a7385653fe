"""Nodes of ONNX files that IREE computes otherwise than ONNX Runtime, with the real importer and ONNX Runtime."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.laboratory import Laboratory

AGAINST = ("--against", "onnxruntime", "--offline")


def localized(lab: Laboratory, *words: str) -> Any:
    """Localize a case for which a node is found, and return localize.json."""
    done = lab.run(*words, *AGAINST, "--out", str(lab.out), command="localize")
    assert done.code == 0, done.text
    return json.loads((lab.out / "localize.json").read_text())


def test_the_node_that_no_release_computes_right_is_named(lab: Laboratory, onnx_files: Path) -> None:
    found = localized(lab, str(onnx_files / "upscaled.onnx"), "--dim=batch=2")
    (culprit,) = found["culprits"]
    assert (culprit["operation"], culprit["index"], culprit["location"]) == ("onnx.DepthToSpace", 5, "upscale")
    assert (found["kind"], found["confirmed"]) == ("numeric", True)
    assert found["good"]["label"].startswith("ONNX Runtime 1.")
    errors = {each["operation"]: each["alone"] for each in found["error_growth"] if each["alone"] > 1e-6}
    assert list(errors) == ["onnx.DepthToSpace"]
    assert len(found["error_growth"]) == 11
    assert found["compilations"] <= 6
    oracle = found["oracle"]
    assert (oracle["by"], oracle["backend"], oracle["wrong"]) == ("float64", "onnx", "bad")
    assert oracle["errors"]["good"] <= 1e-7


@pytest.mark.parametrize(("name", "index"), [("uncompiled", 3), ("quantized", 3)])
def test_nodes_are_named_for_other_failures_and_types(lab: Laboratory, onnx_files: Path, name: str, index: int) -> None:
    found = localized(lab, str(onnx_files / f"{name}.onnx"), "--dim=batch=2")
    assert [each["index"] for each in found["culprits"]] == [index]
    assert (found["kind"], found["confirmed"]) == ("compile" if name == "uncompiled" else "numeric", True)
    assert (found["oracle"] or {}).get("wrong") == (None if name == "uncompiled" else "bad")


@pytest.mark.parametrize(
    ("command", "words", "message"),
    [
        ("localize", ("toy/add",), "needs a program that is an ONNX file; that of toy/add[cpu] is add.mlir."),
        ("localize", ("toy/mlp", "--by=dispatch"), "neither dispatches nor kernels; leave out --by dispatch."),
        ("reduce", ("toy/mlp", "--output=small"), "only `harness localize` takes it."),
        ("bench", ("toy/mlp",), "only `harness localize` takes it."),
    ],
)
def test_what_cannot_be_compared_with_onnx_runtime_is_refused(
    lab: Laboratory, command: str, words: tuple[str, ...], message: str
) -> None:
    lab.spec()
    lab.spec("mlp_cpu", mlir="mlp.onnx", run_function=None, outputs=None)
    lab.file("mlp.onnx", b"")
    done = lab.run(*words, *AGAINST, command=command)
    assert (done.code, done.text.startswith("error: "), message in done.text) == (2, True, True), done.text
