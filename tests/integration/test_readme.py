"""The README's commands, as a newcomer types them: each runs here, but for what only another machine can do."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import uv

from harness.cli.arguments import parser
from tests.integration.laboratory import ADD, clean_environment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# What needs AMD GPUs, container images, the network or hours; these are only read by the parser.
ELSEWHERE = (
    "iree-test-suites",
    "--gpu",
    "--onnx",  # test_onnx.py does it
    "--torch",  # test_torch.py does it
    "--jax",  # test_jax.py does it
    "--oracle onnxruntime",  # test_onnx_programs.py does it
    "net/block",  # test_bisect_imported.py does it
    "--engine docker",
    "sd3/clip",
    "3.8..3.13",
    "path/to/repro.mlir",
    "RESULTS CASE",  # test_localize.py and test_reduce.py do it
    "-s tests",
    "pip install",
)
ARGUMENTS = {
    "model.mlir": "--function add --input @a.npy --input @b.npy --expected-output @expected.npy",
    "my/model": "--function add --input @a.npy --input @b.npy --expected-output @expected.npy",
}


def commands() -> Iterator[str]:
    """Yield the commands of the README's indented blocks, without their comments."""
    for line in re.findall(r"^    ((?:harness|nox|python3?|pytest|uvx) .*)$", README, re.MULTILINE):
        yield line.partition(" #")[0].strip()


COMMANDS = list(commands())


def harness_words(command: str) -> list[str]:
    """Return what a command passes to `harness`."""
    words = shlex.split(command)
    if words[0] == "nox":
        assert words[1] == "-s"
        return [words[2], *words[4:]]
    return words[1:]


def is_of_the_harness(command: str) -> bool:
    return command.startswith(("harness ", "nox -s "))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the files that the README's commands name."""
    (tmp_path / "models").mkdir()
    for place in (tmp_path, tmp_path / "models"):
        (place / "model.mlir").write_text(ADD)
        for name, value in (("a", 1), ("b", 2), ("expected", 3)):
            np.save(place / f"{name}.npy", np.full(4, value, np.float32))
    return tmp_path


def test_the_readme_is_short_and_has_commands() -> None:
    assert len(README.splitlines()) <= 150
    assert len(COMMANDS) >= 15


@pytest.mark.parametrize("command", [each for each in COMMANDS if is_of_the_harness(each)])
def test_a_command_is_one(command: str) -> None:
    parser({}).read(harness_words(command))


@pytest.mark.parametrize(
    "command",
    [each for each in COMMANDS if is_of_the_harness(each) and not any(part in each for part in ELSEWHERE)],
)
def test_a_command_of_the_harness_runs(command: str, folder: Path, store_dir: Path) -> None:
    words = harness_words(command)
    if any(name in words for name in ARGUMENTS):
        words = own_files(words)
    if words[0] == "bench":
        words += ["--time", "4"]
    local = ["--engine", "local"] if words[0] in {"quality", "bench", "bisect", "matrix", "new"} else []
    argv = [sys.executable, "-m", "harness", *words, "--store", str(store_dir), *local]
    done = subprocess.run(argv, cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def own_files(words: list[str]) -> list[str]:
    """Return a command with the files of the test for those of the README's reader."""
    name = next(each for each in words if each in ARGUMENTS)
    program = ["--specs", "models", "--mlir", "model.mlir"] if name == "my/model" else []
    return [words[0], name, *program, *shlex.split(ARGUMENTS[name])]


def text_of(*argv: str) -> str:
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def test_python_alone_is_enough(tmp_path: Path, store_dir: Path) -> None:
    """A fresh clone, an empty HOME, and a PATH that has nothing but Python."""
    assert "python3 noxfile.py" in COMMANDS
    clone, home = tmp_path / "clone", tmp_path / "home"
    for name in text_of("git", "ls-files").splitlines():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, clone / name)
    home.mkdir()
    environment = {
        **clean_environment(),
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).resolve().parent}:/usr/bin:/bin",
        "UV_CACHE_DIR": text_of(uv.find_uv_bin(), "cache", "dir"),
        "IREE_TEST_FILES": str(store_dir),
        "HARNESS_ENGINE": "local",
    }
    argv = ["python3", "noxfile.py", "-s", "quality", "--", "tiny/clip"]
    done = subprocess.run(argv, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASSED      tiny/clip[cpu]" in done.stdout
    assert "again" not in done.stdout
