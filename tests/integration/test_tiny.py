"""The embedded models: as the script makes them, and as every kind of release judges them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.iree.toolchain import Toolchain
from tests.integration.laboratory import Laboratory

ROOT = Path(__file__).parents[2]
TINY = ROOT / "quality_tests" / "tiny"
STATUSES = {"attention_overflow": ("xfailed", "nan"), "scheduler": ("compiled", None)}
OLDEST, MIDDLE, NEWEST = "3.0.0", "3.9.0", "3.13.0"


@pytest.fixture
def tiny(lab: Laboratory) -> Laboratory:
    """Return a laboratory whose specs are the embedded ones."""
    lab.specs = TINY.parent
    return lab


def test_the_script_makes_what_is_committed(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-B", TINY / "generate.py", "--out", tmp_path], check=True)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {path.name for path in TINY.iterdir() if path.is_file()} - {"generate.py"}
    for name in made:
        if ".output." in name:
            assert_same_numbers(tmp_path / name, TINY / name)
        else:
            assert (tmp_path / name).read_bytes() == (TINY / name).read_bytes(), name


def assert_same_numbers(made: Path, committed: Path) -> None:
    """Another BLAS may round the last bit of float64 otherwise, which can reach the last bit of the output."""
    if made.suffix == ".npy":
        np.testing.assert_allclose(np.load(made), np.load(committed), rtol=1e-3)
    elif made.read_bytes() != committed.read_bytes():
        assert made.stat().st_size == committed.stat().st_size
        same = np.fromfile(made, np.uint8) == np.fromfile(committed, np.uint8)
        assert same.mean() > 0.99, made.name


def test_the_embedded_models_take_less_than_two_megabytes() -> None:
    assert sum(path.stat().st_size for path in TINY.rglob("*") if "__pycache__" not in path.parts) < 2_000_000


@pytest.mark.parametrize("release", [OLDEST, MIDDLE, NEWEST])
def test_all_are_judged_right_on_the_cpu(tiny: Laboratory, release: str) -> None:
    result = tiny.run("tiny", "--iree", release)
    assert result.code == 0, result.text
    for case in result.report["cases"]:
        expected = STATUSES.get(case["submodel"], ("passed", None))
        assert (case["status"], case["kind"]) == expected, case["id"]
    assert len(result.report["cases"]) == 9
    assert result.report["environment"]["iree"]["release"] == release


def test_a_second_run_compiles_nothing(tiny: Laboratory) -> None:
    tiny.run("tiny")
    again = tiny.run("tiny")
    modules = [module for case in again.report["cases"] for module in case["modules"]]
    assert len(modules) == 10
    assert all(module["cached"] for module in modules)


def test_another_toolchain_of_the_same_build_finds_the_same_modules(
    tiny: Laboratory, toolchain: Callable[[str], Toolchain]
) -> None:
    tiny.run("tiny/vae")
    folder = toolchain(NEWEST).iree_compile.parents[3]
    result = tiny.run("tiny/vae", "--toolchain", str(folder), command="run")
    assert result.verdict == (0, "passed", None), result.text
    assert [module["cached"] for module in result.case["modules"]] == [True]


@pytest.mark.parametrize(
    ("release", "chips"),
    [(OLDEST, ["gfx90a", "gfx942", "gfx1100"]), (NEWEST, ["gfx90a", "gfx942", "gfx950", "gfx1100", "gfx1201"])],
)
def test_small_ones_compile_for_every_chip(tiny: Laboratory, release: str, chips: list[str]) -> None:
    arguments = [text for chip in chips for text in ("--compile-chip", chip)]
    result = tiny.run("tiny/matmul_i8", "tiny/vae", "tiny/attention_overflow", "--iree", release, *arguments)
    assert result.code == 0, result.text
    assert {case["status"] for case in result.report["cases"]} == {"compiled"}
    assert len(result.report["cases"]) == 3 * len(chips)


def test_a_chip_that_the_release_does_not_know_is_unsupported(tiny: Laboratory) -> None:
    result = tiny.run("tiny/vae", "--iree", OLDEST, "--compile-chip", "gfx1201")
    assert result.verdict == (0, "unsupported", None)
