"""The benchmarks explain themselves, and then run nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = [path for path in sorted(FOLDER.glob("*.py")) if 'if __name__ == "__main__":' in path.read_text()]


def test_there_are_benchmarks() -> None:
    assert {"bisection", "fetch", "images", "overhead"} <= {path.stem for path in SCRIPTS}


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_help_is_printed_and_nothing_is_run(path: Path, option: str, tmp_path: Path) -> None:
    # Without a search path no tool can be started; a cache or a result would be in the folder.
    environment = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    argv = [sys.executable, str(path), option]
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    first_sentence = path.read_text().removeprefix('"""').partition("\n")[0]
    assert first_sentence in done.stdout
    assert path.name in done.stdout
    assert list(tmp_path.iterdir()) == []
