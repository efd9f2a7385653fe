"""Imported models with all releases: each is right with the newest, and bisect answers what the matrix has."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.integration import trained
from tests.integration.laboratory import Laboratory
from tests.integration.transitions import RELEASES

TORCH = ("cnn", "gru", "block", "unet")
SMALL = (*TORCH, "step")
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


def matrix(imported: Laboratory, names: Iterable[str], *releases: str) -> Mapping[str, Mapping[str, str]]:
    """Return what a matrix has of models: their status, or the kind of their failure, by release."""
    out = imported.root / f"matrix-{len(releases)}"
    chosen = [f"--iree={release}" for release in releases]
    done = imported.run(*(f"net/{name}" for name in names), *chosen, "--out", str(out), "--jobs=2", command="matrix")
    assert "Traceback" not in done.text
    rows: dict[str, dict[str, str]] = {}
    for cell in json.loads((out / "matrix.json").read_text())["cells"]:
        name = cell["case"].removeprefix("net/").removesuffix("[cpu]")
        rows.setdefault(name, {})[cell["release"]] = cell["kind"] or cell["status"]
    return rows


@pytest.fixture(scope="module")
def rows(imported: Laboratory) -> Mapping[str, Mapping[str, str]]:
    """Return what matrices have: of small models with all releases, of trained ones, which take long, with three."""
    return {**matrix(imported, SMALL), **matrix(imported, trained.MODELS, *RELEASES[:2], RELEASES[-1])}


def test_each_is_right_with_the_newest_release(rows: Mapping[str, Mapping[str, str]]) -> None:
    assert {name: row[RELEASES[-1]] for name, row in rows.items()} == dict.fromkeys((*SMALL, *trained.MODELS), "passed")
    assert [name for name in SMALL if list(rows[name]) != list(RELEASES)] == []


@pytest.mark.parametrize("name", [*SMALL, *trained.MODELS])
def test_bisect_answers_what_the_matrix_has(
    imported: Laboratory, rows: Mapping[str, Mapping[str, str]], name: str
) -> None:
    releases, seen = list(rows[name]), list(rows[name].values())
    wrong = [place for place, each in enumerate(seen) if each != "passed"]
    last = wrong[-1] if wrong else 0
    start = next(place for place in range(last + 1) if set(seen[place : last + 1]) == {seen[last]})
    ends = ("--find", "fix", "--bad", releases[start], "--good", releases[-1])
    out = imported.root / f"bisect-{name}"
    done = imported.run(f"net/{name}", *ends, "--repeat=1", "--out", str(out), command="bisect")
    found = json.loads((out / "bisect.json").read_text())["result"]
    if not wrong:  # nothing to find: the oldest release is right as well
        assert (done.code, found["kind"], found["first"]) == (2, "wrong-premise", None), done.text
    else:
        places = [
            RELEASES.index(each) for each in (releases[last], found["last_bad"], found["first"], releases[last + 1])
        ]
        assert (done.code, places) == (0, sorted(places)), done.text
        assert places[2] == places[1] + 1
