"""The command in a process that is forked from a warm one is the command that a user starts."""

import subprocess

import pytest

from tests.integration.laboratory import ENDLESS, Laboratory, clean_environment, wait_for
from tests.integration.warm import HARNESS, ran


@pytest.mark.parametrize("words", ["--version", "list --specs specs", "qualty", "list nothing", "releases"])
def test_it_ends_and_says_what_a_new_process_does(lab: Laboratory, words: str) -> None:
    lab.spec()
    argv, env = [*HARNESS, *words.split()], clean_environment() | {"HARNESS_COMMAND": "nox -s quality --"}
    new = subprocess.run(argv, cwd=lab.root, env=env, capture_output=True, text=True, check=False)
    forked = ran(argv, cwd=lab.root, env=env)
    assert (forked.returncode, forked.stdout, forked.stderr) == (new.returncode, new.stdout, new.stderr)
    assert new.stdout + new.stderr


def test_it_is_killed_once_it_takes_too_long(lab: Laboratory) -> None:
    lab.spec(mlir=lab.file("endless.mlir", ENDLESS))
    with pytest.raises(TimeoutError):
        ran(lab.argv(), cwd=lab.root, env=clean_environment(), timeout=1)
    wait_for(lambda: not lab.processes(""))
