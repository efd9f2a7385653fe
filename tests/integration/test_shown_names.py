"""What others called something is shown, and does nothing: neither on a terminal nor on GitHub."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.laboratory import clean_environment
from tests.integration.warm import HARNESS

ODD = "\n::error::y"
HOSTILE = [f"x{ODD}_cpu.json", "x\r::error::y_cpu.json", "x\x1b[2J_cpu.json", "x\u202e_cpu.json", "##[error]_cpu.json"]


def shown(specs: Path, *argv: str) -> "subprocess.CompletedProcess[str]":
    environment = clean_environment() | {"GITHUB_ACTIONS": "true"}
    store = f"--store={specs.parent}/store"
    options = [f"--specs={specs}", *(["--offline", store] if argv[0] == "plan" else [])]
    words = [*HARNESS, *argv, *options]
    return subprocess.run(words, cwd=specs.parent, env=environment, capture_output=True, text=True, check=False)


def is_harmless(text: str) -> bool:
    lines = [line.lstrip() for line in text.replace("\r", "\n").split("\n")]
    return (
        "\x1b" not in text
        and "\u202e" not in text
        and not any(each.startswith("::") or "##[" in each for each in lines)
    )


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("command", ["list", "validate", "plan"])
def test_the_name_of_a_spec(tmp_path: Path, command: str, name: str) -> None:
    (tmp_path / "specs" / "toy").mkdir(parents=True)
    (tmp_path / "specs" / "toy" / name).write_text('{"mlir": "a.mlir"}')
    done = shown(tmp_path / "specs", command)
    assert done.returncode == 2
    assert "rename the file" in done.stderr
    assert is_harmless(done.stdout + done.stderr)
    assert len(done.stderr.splitlines()) == 1


def test_the_name_of_a_folder_and_the_texts_of_a_spec(tmp_path: Path) -> None:
    specs = tmp_path / f"s{ODD}"
    (specs / "toy").mkdir(parents=True)
    texts = {"comment": f"c{ODD} \x1b[31m", "run_function": f"f{ODD}", "compiler_flags": [f"--iree-x=a{ODD}"]}
    (specs / "toy" / "a_cpu.json").write_text(json.dumps({"mlir": f"m{ODD}.mlir", **texts}))
    for command in ("list", "validate", "plan"):
        done = shown(specs, command)
        assert done.returncode in {0, 2}
        assert is_harmless(done.stdout + done.stderr), command
    assert os.fspath(specs).count("\n") == 1


def test_completion_and_help_are_as_they_are_made(tmp_path: Path) -> None:
    for shell in ("bash", "zsh"):
        whole = shown_plain(tmp_path, "completion", shell)
        assert "#x" not in whole
    assert "\x1b[" in shown_plain(tmp_path, "--help", FORCE_COLOR="1")


def shown_plain(folder: Path, *argv: str, **variables: str) -> str:
    environment = clean_environment() | variables
    done = subprocess.run([*HARNESS, *argv], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout
