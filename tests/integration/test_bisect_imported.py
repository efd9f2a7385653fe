"""Imported models with all releases: each is right with the newest, and bisect answers what the matrix has."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.integration import trained
from tests.integration.laboratory import Laboratory
from tests.integration.transitions import RELEASES

TORCH = ("cnn", "gru", "block", "unet")
NAMES = (*TORCH, "step", *trained.MODELS)
STEP = """
import jax
import jax.numpy as jnp

def step(w, x):
    return jax.value_and_grad(lambda w: jnp.mean(jax.nn.gelu(x @ w) ** 2))(w)

def make():
    return step, tuple(jax.random.normal(jax.random.key(seed), (8, 8)) for seed in range(2))
"""
CPU = "--compiler-flag=--iree-llvmcpu-target-cpu=generic"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory, store_dir: Path, torch_mirror: str) -> Laboratory:
    """Return a laboratory with the spec of each model."""
    lab = Laboratory(tmp_path_factory.mktemp("imported"), store_dir)
    shutil.copy(Path(__file__).with_name("torch_models.py"), lab.root / "models.py")
    (lab.root / "step.py").write_text(STEP)
    sources: list[tuple[str, tuple[str, ...]]] = [(name, (f"--torch=models.py:{name}", torch_mirror)) for name in TORCH]
    sources += [("step", ("--jax=step.py:make",))]
    for name, model in trained.MODELS.items():
        file = trained.fetched(model, tmp_path_factory.mktemp("wheels"))
        sources += [(name, (f"--onnx={file}", *model.options))]
    for name, options in sources:
        made = lab.run(f"net/{name}", *options, CPU, "--no-run", command="new")
        assert made.code == 0, made.text
    return lab


@pytest.fixture(scope="module")
def rows(imported: Laboratory) -> Mapping[str, Mapping[str, str]]:
    """Return what a matrix has of each model: its status, or the kind of its failure, by release."""
    releases = (f"--iree={release}" for release in RELEASES)
    done = imported.run("net", *releases, "--jobs=2", "--out", str(imported.out), command="matrix")
    assert (imported.out / "matrix.json").is_file(), done.text
    found: dict[str, dict[str, str]] = {}
    for cell in json.loads((imported.out / "matrix.json").read_text())["cells"]:
        name = cell["case"].removeprefix("net/").removesuffix("[cpu]")
        found.setdefault(name, {})[cell["release"]] = cell["kind"] or cell["status"]
    return found


def test_each_is_right_with_the_newest_release(rows: Mapping[str, Mapping[str, str]]) -> None:
    assert {name: row[RELEASES[-1]] for name, row in rows.items()} == dict.fromkeys(NAMES, "passed")


@pytest.mark.parametrize("name", NAMES)
def test_bisect_answers_what_the_matrix_has(
    imported: Laboratory, rows: Mapping[str, Mapping[str, str]], name: str
) -> None:
    seen = list(rows[name].values())
    wrong = [place for place, each in enumerate(seen) if each != "passed"]
    last = wrong[-1] if wrong else 0
    start = next(place for place in range(last + 1) if set(seen[place : last + 1]) == {seen[last]})
    ends = ("--find", "fix", "--bad", RELEASES[start], "--good", RELEASES[-1])
    out = imported.root / f"bisect-{name}"
    done = imported.run(f"net/{name}", *ends, "--repeat=1", "--out", str(out), command="bisect")
    found = json.loads((out / "bisect.json").read_text())["result"]
    if not wrong:  # nothing to find: the oldest release is right as well
        assert (done.code, found["kind"], found["first"]) == (2, "wrong-premise", None), done.text
    else:
        answer = (found["last_bad"], found["first"])
        assert (done.code, answer) == (0, (RELEASES[last], RELEASES[last + 1])), done.text
