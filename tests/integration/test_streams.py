"""Standard streams that are closed, full or gone, and signals before the command has begun."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from tests.integration.laboratory import CPU_FLAGS, A, B, Laboratory, clean_environment
from tests.integration.warm import HARNESS, MEASURED

LOST = "error: Cannot write to standard output: No space left on device."


def run(lab: Laboratory, script: str, argv: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run a command in bash as a script says, in which it is "$@"; under its limits no coverage can be written."""
    return subprocess.run(
        ["bash", "-c", script, "bash", *argv],
        cwd=lab.root,
        env={name: value for name, value in clean_environment().items() if name != MEASURED},
        capture_output=True,
        text=True,
        check=False,
    )


def report(lab: Laboratory) -> Any:
    return json.loads((lab.out / "results.json").read_text())


@pytest.mark.parametrize(("wrong", "code"), [(False, 0), (True, 1)])
def test_a_run_whose_output_nobody_reads_ends_as_any_other(lab: Laboratory, *, wrong: bool, code: int) -> None:
    expected = A if wrong else A + B
    lab.spec(outputs=[lab.tensor("expected.npy", expected)])
    done = run(lab, '"$@" | true; exit ${PIPESTATUS[0]}', lab.argv("--engine", "local"))
    assert (done.returncode, done.stderr) == (code, "")
    assert report(lab)["exit_code"] == code
    assert (lab.out / "junit.xml").is_file()


def test_a_run_on_a_full_disk_writes_its_results(lab: Laboratory) -> None:
    lab.spec()
    done = run(lab, '"$@" > /dev/full', lab.argv("--engine", "local"))
    assert done.returncode == 3
    assert done.stderr.startswith(LOST)
    assert len(done.stderr.splitlines()) == 1
    assert report(lab)["cases"][0]["status"] == "passed"


@pytest.mark.parametrize("size", ["COLUMNS=0", "COLUMNS=\N{SUPERSCRIPT TWO}", "LINES=\N{SUPERSCRIPT TWO}", "COLUMNS="])
def test_a_size_of_the_terminal_that_is_no_number_is_ignored(lab: Laboratory, size: str) -> None:
    lab.spec()
    done = run(lab, f'export {size}; "$@"', lab.argv("--engine", "local"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "PASSED" in done.stdout


@pytest.mark.parametrize(
    ("limit", "kind", "reason"), [("-n 8", "disk", "Too many open files"), ("-f 0", "disk", "File too large")]
)
def test_a_limit_of_the_machine_says_nothing_about_the_model(
    lab: Laboratory, limit: str, kind: str, reason: str
) -> None:
    lab.spec(compiler_flags=[*CPU_FLAGS, "--iree-opt-level=O1"])
    done = run(lab, f'ulimit {limit}; "$@"', lab.argv("--engine", "local"))
    assert done.returncode == 3
    assert f"{kind}: " in done.stdout
    assert reason in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


COMMANDS = ["list", "validate tiny", "plan", "releases", "doctor --offline", "--help", "--version", "completion bash"]


@pytest.mark.parametrize("command", COMMANDS)
def test_one_convention_for_all_commands(lab: Laboratory, command: str) -> None:
    argv = [*HARNESS, *command.split()]
    for script in ('"$@" | true; exit ${PIPESTATUS[0]}', '"$@" >&-', '"$@" 2>&- >&-'):
        done = run(lab, script, argv)
        assert (done.returncode, done.stderr) == (0, ""), script
    full = run(lab, '"$@" > /dev/full', argv)
    assert full.returncode == 3
    assert full.stderr.startswith(LOST)


def test_a_wrong_command_line_is_one_wherever_it_is_told(lab: Laboratory) -> None:
    for script in ('"$@" 2>/dev/full', '"$@" 2>&-', '"$@" 2>&1 | true; exit ${PIPESTATUS[0]}'):
        assert run(lab, script, [*HARNESS, "qualty"]).returncode == 2, script


STOPPED_WHILE_LOADING = """
import os, signal, sys
class Finder:
    def find_spec(self, name, *_):
        if name == "harness.cli.arguments":
            os.kill(os.getpid(), signal.{number})
sys.meta_path.insert(0, Finder())
from harness.__main__ import main
main()
"""


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 143)])
def test_a_signal_while_the_command_is_loaded_prints_no_traceback(number: str, code: int) -> None:
    argv = [sys.executable, "-c", STOPPED_WHILE_LOADING.format(number=number), "list"]
    done = subprocess.run(argv, env=clean_environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (code, "")
