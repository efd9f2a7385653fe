"""The wheel alone: built, installed into a clean environment, and used in an empty folder with an empty HOME."""

import json
import shutil
import subprocess
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import uv
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import harness
from tests.integration import documents
from tests.integration.laboratory import clean_environment
from tests.integration.transitions import TRANSPOSED

ROOT = Path(__file__).parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def called(*argv: str, cwd: Path, environment: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that has the wheel and what that asks for, and nothing of the checkout."""
    folder, tool = tmp_path_factory.mktemp("wheel"), uv.find_uv_bin()
    for argv in (
        [tool, "build", "--wheel", "--out-dir", str(folder / "dist"), str(ROOT)],
        [tool, "venv", str(folder / "venv")],
    ):
        done = called(*argv, cwd=folder)
        assert done.returncode == 0, done.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    found = folder / "venv" / "bin" / "python"
    done = called(tool, "pip", "install", "--python", str(found), str(wheel), cwd=folder)
    assert done.returncode == 0, done.stderr
    return found


@pytest.fixture
def run(python: Path, tmp_path: Path) -> Run:
    """Return what calls the installed command in an empty folder, with a HOME that has nothing but uv's downloads."""
    home, folder = tmp_path / "home", tmp_path / "empty"
    home.mkdir()
    folder.mkdir()
    cache = called(uv.find_uv_bin(), "cache", "dir", cwd=folder).stdout.strip()
    environment = {
        **clean_environment(),
        "HOME": str(home),
        "PATH": f"{python.parent}:/usr/bin:/bin",
        "UV_CACHE_DIR": cache,
    }

    def call(*argv: str) -> "subprocess.CompletedProcess[str]":
        return called("harness", *argv, cwd=folder, environment=environment)

    return call


def test_the_main_job(run: Run) -> None:
    done = run("quality", "tiny/clip", "tiny/scheduler", "--engine", "local")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 1 compiled" in done.stdout


def test_all_bundled_models_are_in_it(python: Path) -> None:
    (wheel,) = (python.parents[2] / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        within = {name for name in archive.namelist() if name.startswith("harness/data/quality_tests/tiny/")}
    models = (path for path in (ROOT / "quality_tests" / "tiny").iterdir() if path.is_file() and path.suffix != ".py")
    assert {f"harness/data/quality_tests/tiny/{path.name}" for path in models} <= within


def test_the_models_of_the_original_suite_are_there(run: Run) -> None:
    for backend, count in (("cpu", 8), ("rocm", 14)):
        chip = () if backend == "cpu" else ("--compile-chip", "gfx942")
        done = run("list", "sd3", "sdxl", *(("llama",) if backend == "rocm" else ()), "--backend", backend, *chip)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == count


def test_a_bare_program_is_bisected(run: Run, tmp_path: Path) -> None:
    program = tmp_path / "transposed.mlir"
    program.write_text(TRANSPOSED)
    done = run("bisect", str(program), "--engine", "local", "--good", "3.6.0", "--bad", "3.7.1", "--repeat", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = (tmp_path / "empty" / "results").glob("2*/bisect.json")
    assert json.loads(found.read_text())["result"]["first"] == "3.7.0"


def test_what_needs_no_models(run: Run, tmp_path: Path) -> None:
    assert "container engine" in run("doctor", "--offline").stdout
    assert run("store", "du").returncode == 0
    assert run("image", "tag", "cpu").stdout.startswith("cpu-3.13.0-")
    assert list((tmp_path / "empty").iterdir()) == []


def test_it_is_small(python: Path) -> None:
    (wheel,) = (python.parents[2] / "dist").glob("*.whl")
    assert wheel.stat().st_size < 2 << 20


def test_python_runs_it_as_a_module(python: Path, tmp_path: Path) -> None:
    done = called(str(python), "-m", "harness", "--version", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


def test_a_release_has_an_sbom_of_the_wheel(python: Path, tmp_path: Path) -> None:
    build = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]["build"]
    (script,) = (step["run"] for step in build["steps"] if step.get("name") == "Write the SBOM of the wheel")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    variables = {"RUNNER_TEMP": f"{tmp_path}/temp", "TAG": f"v{harness.__version__}"}
    (tmp_path / "temp").mkdir()
    (tmp_path / "temp/wheel").symlink_to(python.parents[1])
    done = called("bash", "-eo", "pipefail", "-c", script, cwd=tmp_path, environment=clean_environment() | variables)
    assert done.returncode == 0, done.stdout + done.stderr
    found = documents.sbom((tmp_path / "sbom/sbom.json").read_text())
    itself = found["metadata"]["component"]
    assert (itself["name"], itself["version"]) == ("iree-quality-harness", harness.__version__)
    assert found["serialNumber"], "or it cannot be attested"
    names = {each["name"] for each in found["components"]}
    wanted = {
        canonicalize_name(Requirement(each).name)
        for each in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    }
    assert {canonicalize_name(each) for each in names} >= wanted
    assert "pip" not in names
