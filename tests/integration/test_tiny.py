"""The embedded models: as the script makes them, and as every kind of release judges them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from harness.iree.toolchain import Toolchain
from harness.pipeline.contents import numpy_type
from tests.integration.laboratory import Array, Laboratory

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
    outputs = output_types()
    assert outputs.keys() == {name for name in made if ".output." in name}
    for name in made - outputs.keys():
        assert (tmp_path / name).read_bytes() == (TINY / name).read_bytes(), name
    for name, dtype in outputs.items():
        assert is_same_but_for_rounding(numbers(tmp_path / name, dtype), numbers(TINY / name, dtype)), name


def output_types() -> dict[str, np.dtype[Any]]:
    """Return the element type of each file with expected outputs; a .npy file says its own."""
    specs = [json.loads(path.read_text()) for path in TINY.glob("*.json")]
    types = {output["source"]: output.get("value") for spec in specs for output in spec.get("outputs", ())}
    return {
        name: np.dtype(numpy_type(value.rpartition("x")[2])) if value else np.load(TINY / name).dtype
        for name, value in types.items()
    }


def numbers(path: Path, dtype: np.dtype[Any]) -> Array:
    return np.load(path) if path.suffix == ".npy" else np.fromfile(path, dtype)


def is_same_but_for_rounding(made: Array, committed: Array) -> bool:
    """Return whether integers are equal, and floats at most one representable number apart.

    They are computed in float64 and rounded once. Another BLAS may round the last bit of float64 otherwise, which
    can make the rounding of the output go the other way, and nothing more.
    """
    if made.shape != committed.shape or made.dtype != committed.dtype:
        return False
    if made.dtype.kind in "iu":
        return np.array_equal(made, committed)
    return int(np.abs(ranks(made) - ranks(committed)).max()) <= 1


def ranks(floats: Array) -> npt.NDArray[np.int64]:
    """Return the place of each float among all of its type; zero, of either sign, has 0."""
    words = floats.view(f"i{floats.itemsize}").astype(np.int64)
    return np.where(words < 0, -(words & np.iinfo(f"i{floats.itemsize}").max), words)


@pytest.mark.parametrize("name", ["clip.output.0.bin", "clip_f16.output.1.bin", "decode.output.1.npy"])
def test_an_output_that_differs_by_more_than_a_rounding_is_seen(name: str) -> None:
    committed = numbers(TINY / name, output_types()[name])
    assert committed.dtype.kind == "f"
    for steps, same in ((0, True), (1, True), (2, False)):
        made = committed.copy()
        for _ in range(steps):
            made.flat[7] = np.nextafter(made.flat[7], made.dtype.type(np.inf))
        assert is_same_but_for_rounding(made, committed) is same
    made = committed.copy()
    made.flat[7] = -made.flat[7]
    assert not is_same_but_for_rounding(made, committed)
    assert not is_same_but_for_rounding(committed.ravel()[1:], committed.ravel())


def test_an_integer_that_differs_is_seen() -> None:
    committed = numbers(TINY / "matmul_i8.output.1.bin", output_types()["matmul_i8.output.1.bin"])
    made = committed.copy()
    made[7] += 1
    assert not is_same_but_for_rounding(made, committed)


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
    assert result.verdict == (3, "unsupported", None)
