"""Places of results that cannot be used are found before anything is run; results are written wherever they can be."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.integration.laboratory import Laboratory, Result, clean_environment
from tests.integration.warm import HARNESS, ran

FOLDERS = ["file", "file/below", "/proc/no", "/proc", "x" * 300]


def refused(lab: Laboratory, *options: str, command: str = "quality") -> str:
    """Return the only line of a command that ends with 3 and has run nothing."""
    (lab.root / "file").touch()
    selectors = ["toy/add"] if command == "bisect" else []
    result = lab.run(*selectors, *options, command=command)
    assert result.code == 3, result.text
    (line,) = result.text.splitlines()
    assert not (lab.root / "results").exists()
    assert not (lab.out / "results.json").exists()
    return line


@pytest.mark.parametrize("command", ["quality", "bisect", "matrix"])
@pytest.mark.parametrize("place", FOLDERS)
def test_a_folder_of_results_that_cannot_be(lab: Laboratory, place: str, command: str) -> None:
    lab.spec()
    line = refused(lab, "--out", place, command=command)
    assert line.startswith(f"error: Cannot write {place}: ")
    assert line.endswith(". Choose another folder with --out.")


@pytest.mark.parametrize("command", ["quality", "bisect", "matrix"])
@pytest.mark.parametrize("place", [".", "specs", "file/below", "/proc/no.xml", "x" * 300])
def test_a_file_of_results_that_cannot_be(lab: Laboratory, place: str, command: str) -> None:
    lab.spec()
    line = refused(lab, "--junit-xml", place, command=command)
    assert line.startswith(f"error: Cannot write {place}: ")
    assert line.endswith(". Choose another file with --junit-xml.")


def test_a_log_of_a_search_that_cannot_be(lab: Laboratory) -> None:
    lab.spec()
    line = refused(lab, "--log", "specs", command="bisect")
    assert line == "error: Cannot write specs: Is a directory. Choose another file with --log."


@pytest.mark.parametrize("command", ["quality tiny/clip", "list", "doctor --offline", "bisect tiny/clip", "store du"])
def test_a_current_folder_that_was_removed(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    script = 'rmdir "$PWD" && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *HARNESS, *command.split()],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    expected = "error: The current folder cannot be used: No such file or directory. Change to another one.\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


def test_a_folder_of_logs_that_becomes_a_file_during_the_run(lab: Laboratory) -> None:
    lab.spec()
    logs = lab.root / "here" / "out" / "logs"
    result = wrapped(lab, f"rm -rf {logs} && touch {logs}")
    assert result.code == result.report["exit_code"] == 3, result.text
    assert result.case["kind"] == "disk"
    assert result.case["reason"].startswith(f"Cannot write {logs}")


def wrapped(lab: Laboratory, script: str, *options: str, out: str = "out") -> Result:
    """Run a case whose program is started by a script, in a folder `here`."""
    here = lab.root / "here"
    here.mkdir()
    wrapper = lab.root / "wrapper"
    wrapper.write_text(f'#!/bin/sh\n{script}\nexec "$@"\n')
    wrapper.chmod(0o755)
    argv = lab.argv("--out", out, "--run-wrapper", str(wrapper), *options)
    done = subprocess.run(argv, cwd=here, env=clean_environment(), capture_output=True, text=True, check=False)
    return Result(code=done.returncode, text=done.stdout + done.stderr, out_dir=here / "out")


@pytest.mark.parametrize("gone", ["here", "here/out"])
def test_a_folder_that_is_removed_during_the_run(lab: Laboratory, gone: str) -> None:
    lab.spec()
    result = wrapped(lab, f"rm -rf {lab.root / gone}")
    assert "Traceback" not in result.text
    assert result.code == json.loads((result.out_dir / "results.json").read_text())["exit_code"], result.text
    assert (result.out_dir / "junit.xml").is_file()


def test_a_copy_that_cannot_be_written_at_the_end_takes_nothing_else_with_it(lab: Laboratory) -> None:
    lab.spec()
    copy = lab.root / "copies" / "junit.xml"
    result = wrapped(lab, f"rm -rf {copy.parent} && touch {copy.parent}", "--junit-xml", str(copy))
    assert result.code == 3
    assert result.case["status"] == "passed"
    assert "As expected: 1 case." in result.text
    assert f"error: Cannot write {copy}: " in result.text.replace("copies:", "copies/junit.xml:")
    assert (result.out_dir / "junit.xml").is_file()


@pytest.mark.parametrize(
    "options",
    [
        "quality {}.mlir",
        "quality {}.json",
        "list --specs {}",
        "validate --external-files {}",
        "quality tiny --store {}",
    ],
)
def test_a_name_that_is_too_long_is_no_bug(lab: Laboratory, options: str) -> None:
    words = options.format("x" * 300).split()
    done = ran([*HARNESS, *words], cwd=lab.root, env=clean_environment())
    assert done.returncode == 3
    assert "File name too long" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_lock_of_specs_without_urls(lab: Laboratory) -> None:
    lab.spec()
    result = lab.run(command="lock")
    assert (result.code, result.text) == (0, "No spec names a URL, so there is nothing to lock.\n")
    assert not (lab.specs / "blobs.lock.json").exists()


def test_local_files_are_only_counted(lab: Laboratory) -> None:
    lab.spec()
    result = lab.run("--blobs-only", command="fetch")
    assert (result.code, result.text) == (0, "4 of 4 blobs available, 4 local files among them\n")


def test_the_doctor_asks_the_hosts_of_the_selected_specs(lab: Laboratory) -> None:
    for name in ("one", "two"):
        lab.spec(f"{name}_cpu", mlir=f"http://{name}.invalid/add.mlir")
    text = lab.run("toy/one", command="doctor").text
    assert "http://one.invalid cannot be reached" in text
    assert "two.invalid" not in text
    assert lab.run("toy/three", command="doctor").code == 2
