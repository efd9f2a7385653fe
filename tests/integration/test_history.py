"""Real runs and the history that they leave: by the command, by pytest, and where the file cannot be used."""

import datetime as dt
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from harness.history import recording
from harness.iree import releases
from harness.report import results
from tests.integration.laboratory import A, Laboratory, Result
from tests.integration.warm import HARNESS, ran

SCHEMA = Path(results.__file__).parent / "results.schema.json"


def harness(lab: Laboratory, *words: str) -> Result:
    done = ran([*HARNESS, *words], cwd=lab.root, env=lab.environment)
    return Result(code=done.returncode, text=done.stdout + done.stderr, out_dir=lab.out)


def shown(lab: Laboratory, *words: str) -> list[dict[str, dict[str, Any]]]:
    done = harness(lab, "history", *words, "--json")
    assert done.code == 0, done.text
    found: list[dict[str, dict[str, Any]]] = json.loads(done.text)
    return found


def test_every_run_is_in_the_history(lab: Laboratory) -> None:
    lab.spec()
    (lab.root / ".git").mkdir()
    (lab.root / ".git" / "HEAD").write_text("ref: refs/heads/main")
    sometimes = lab.root / "sometimes"
    sometimes.write_text(f'#!/bin/sh\n[ -e {lab.root}/flag ] && kill -SEGV $$\ntouch {lab.root}/flag\nexec "$@"\n')
    sometimes.chmod(0o755)
    assert lab.run("toy", "--run-wrapper", str(sometimes)).code == 0
    failed = lab.run("toy", "--run-wrapper", str(sometimes))
    assert failed.verdict == (1, "failed", "crash"), failed.text
    assert "note: toy/add[cpu] is flaky in 1 of the last 2 runs with the same release" in failed.text
    assert failed.report["environment"]["source"] == {"branch": "main", "commit": None}
    after, before = shown(lab, "toy/add")
    assert (before["case"]["status"], after["case"]["status"]) == ("passed", "failed")
    assert before["case"]["module"] == after["case"]["module"] == failed.case["modules"][0]["sha256"]
    assert after["run"]["id"] == recording.run_id((lab.out / results.NAME).read_text())
    assert after["run"]["branch"] == "main"
    text = harness(lab, "history", "toy/add[cpu]").text
    assert "flaky in 1 of the last 2 runs with the same release, device and inputs: 1 crash, 1 passed" in text
    compared = harness(lab, "compare", "last~1", "last", "--fail-on", "regression")
    assert compared.code == 1
    assert "REGRESSION  toy/add[cpu]   passed -> failed crash" in compared.text
    assert "the inputs are the same: flaky" in compared.text
    assert harness(lab, "compare", str(lab.out), "last", "--fail-on", "change").code == 0
    page = harness(lab, "compare", "last~1", "last", "--format", "html", "-o", str(lab.root / "c.html"))
    assert (page.code, page.text) == (0, f"Report: {lab.root}/c.html\n")
    assert "1 regression" in (lab.root / "c.html").read_text()
    table = harness(lab, "compare", "last", f"run:{before['run']['id']}", "--format", "markdown")
    assert (table.code, table.text.splitlines()[0]) == (0, "## 1 fixed")
    assert [each["run"]["id"] for each in shown(lab)] == [after["run"]["id"], before["run"]["id"]]
    assert lab.run("toy", "--no-history").code == 0
    assert harness(lab, "history", "prune", "--keep-runs", "1").text == "1 run removed.\n"
    assert [each["run"]["id"] for each in shown(lab)] == [after["run"]["id"]]
    assert harness(lab, "history", "prune", "--keep-days", "1", "--dry-run").text == "0 runs would be removed.\n"
    assert "add --keep-days DAYS or --keep-runs N" in harness(lab, "history", "prune").text


def test_a_run_of_another_machine_is_imported_and_repeated(lab: Laboratory, tmp_path: Path) -> None:
    lab.spec()
    lab.spec("wrong_cpu", outputs=[lab.tensor("wrong.npy", A)])
    lab.run("toy", "--no-history")
    shutil.move(lab.out, tmp_path / "ci" / "17")
    assert "no such run of" in harness(lab, "history").text
    assert harness(lab, "history", "import", "ci").text == "1 run imported, 0 known already, 0 unreadable.\n"
    again = lab.run("toy", "--only-failed")
    assert [case["id"] for case in again.report["cases"]] == ["toy/wrong[cpu]"]
    (tmp_path / "ci" / "results.json").write_text("{}")
    done = harness(lab, "history", "import", "ci")
    assert done.code == 3
    assert "0 runs imported, 1 known already, 1 unreadable." in done.text
    unknown = harness(lab, "history", "lost/case")
    assert (unknown.code, unknown.text.startswith("error: lost/case: no such run of ")) == (2, True)


@pytest.mark.parametrize("history", ["garbage", "folder", "file/below"])
def test_a_history_that_cannot_be_used_changes_nothing(lab: Laboratory, history: str) -> None:
    lab.spec()
    (lab.root / "garbage").write_text("garbage" * 100)
    (lab.root / "folder").mkdir()
    (lab.root / "file").touch()
    done = lab.run("toy", "--history", history)
    assert done.verdict == (0, "passed", None)
    assert done.text.count("warning: This run is not in the history. Cannot write the history ") == 1
    listed = harness(lab, "history", "--history", history)
    assert listed.code == 3
    assert listed.text.startswith("error: Cannot read the history ")


def test_a_run_of_pytest_is_one_run(lab: Laboratory) -> None:
    lab.spec()
    lab.spec("wrong_cpu", outputs=[lab.tensor("wrong.npy", A)])
    (lab.root / "garbage").write_text("garbage" * 100)
    argv = [sys.executable, "-m", "pytest", "--test-file-directory", str(lab.specs), "-p", "harness.cli.pytest_plugin"]
    argv += ["-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(lab.root)]
    environment = lab.environment | {"IREE_TEST_FILES": str(lab.store_dir)}

    def run(*words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        options = {"cwd": lab.root, "env": environment | more, "capture_output": True, "text": True}
        return subprocess.run([*argv, *words], check=False, **options)  # type: ignore[call-overload,no-any-return]

    done = run("-n", "1")
    assert done.returncode == 1, done.stdout
    (found,) = shown(lab)
    assert found["run"]["command"] == "pytest"
    assert found["counts"] == {"passed": 1, "failed": 1}
    assert found["run"]["release"] == releases.newest().name
    broken = run("-k", "add", "-W", "error", HARNESS_HISTORY=str(lab.root / "garbage"))
    assert (broken.returncode, broken.stdout.count("warning: This run is not in the history.")) == (0, 1)
    assert len(shown(lab)) == 1


def test_a_case_in_quarantine_fails_nothing_until_its_day(lab: Laboratory) -> None:
    lab.spec()
    lab.spec("wrong_cpu", outputs=[lab.tensor("wrong.npy", A)])
    later, before = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days) for days in (9, -9))
    entry = '[[case]]\nid = "toy/{}"\nowner = "ana"\nuntil = {}\nreason = "wrong here"\n'
    (lab.specs / "quarantine.toml").write_text(entry.format("wrong[cpu]", later) + entry.format("lost", later))
    done = lab.run("--junit-xml", str(lab.root / "junit.xml"))
    assert done.code == done.report["exit_code"] == 0, done.text
    (wrong,) = (case for case in done.report["cases"] if case["submodel"] == "wrong")
    assert (wrong["status"], wrong["kind"]) == ("failed", "numeric")
    assert wrong["quarantined"] == {
        "owner": "ana",
        "until": str(later),
        "reason": "wrong here",
        "has_ended": False,
    }
    jsonschema.validate(done.report, json.loads(SCHEMA.read_text()))
    assert f"in quarantine, so they count for nothing: toy/wrong[cpu] (until {later}, ana: wrong here)" in done.text
    assert "toy/lost is about no case; remove it, or correct the id" in done.text
    assert '<skipped type="quarantined"' in (lab.root / "junit.xml").read_text()
    assert "failed numeric (quarantine)" in harness(lab, "history", "toy/wrong").text
    other = lab.root / "other.toml"
    other.write_text(entry.format("wrong", before))
    ended = lab.run("--quarantine", str(other))
    assert ended.code == 1
    assert f"note   its quarantine ended on {before} (ana: wrong here)" in ended.text
    assert f"--quarantine {other}" in ended.text  # in the command that repeats the case
    other.write_text("[[case]]\nid = 7\n")
    assert lab.run("--quarantine", str(other)).code == 2


def test_old_results_are_removed_but_not_pinned_ones(lab: Laboratory) -> None:
    lab.spec()
    words = ("quality", "--specs", str(lab.specs), "--store", str(lab.store_dir))
    for _ in range(3):
        assert harness(lab, *words).code == 0
    first, second, third = sorted(path.name for path in (lab.root / "results").glob("2*"))
    assert not list((lab.root / "results").glob("*/.run.lock"))
    oldest = shown(lab)[-1]["run"]
    assert oldest["folder"] == str(lab.root / "results" / first)
    assert harness(lab, "history", "pin", oldest["id"][:8]).code == 0
    dry = harness(lab, "results", "prune", "--keep", "1", "--dry-run")
    removed, kept, total = dry.text.splitlines()
    assert re.fullmatch(rf"would be removed  results/{second}  \S+ kB", removed)
    assert kept == f"kept     results/{first}  pinned"
    assert re.fullmatch(r"1 folder would be removed, \S+ kB\.", total)
    assert harness(lab, "results", "prune", "--keep", "1").code == 0
    assert sorted(path.name for path in (lab.root / "results").iterdir()) == [first, third, "latest"]
    assert "add --keep N or --older-than AGE" in harness(lab, "results", "prune").text
    assert harness(lab, "history", "unpin", "last~2").code == 0
    assert harness(lab, "results", "prune", "--keep", "1").text.count("removed  results/") == 1
