"""The harness as a library: the example of its documentation, and what the functions return and leave."""

import re
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from harness import api
from harness.api import (
    BenchSettings,
    CaseSettings,
    ContainerSettings,
    FetchSettings,
    RunSettings,
    SearchSettings,
    Settings,
    Status,
)
from harness.core.errors import UsageError
from tests.integration.laboratory import A, Laboratory, clean_environment


def settings(lab: Laboratory, *selectors: str) -> Settings:
    """Return the settings of a run in a laboratory."""
    return Settings(
        cases=CaseSettings(selectors=selectors, specs=lab.specs),
        fetch=FetchSettings(store=lab.store_dir),
        container=ContainerSettings(engine="local"),
        run=RunSettings(out=lab.out),
    )


def test_the_example_of_the_documentation_runs(tmp_path: Path) -> None:
    example = re.search(r"\n\n((?: {4}.*\n|\n)+)", api.__doc__ or "")
    assert example
    code = textwrap.dedent(example[1])
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "tiny/clip[cpu] passed \n"), done.stderr


def test_a_report_says_what_became_of_each_case_and_is_on_disk(lab: Laboratory) -> None:
    lab.spec()
    lab.spec("wrong_cpu", outputs=[lab.tensor("wrong.npy", A)])
    report = api.quality(settings(lab, "toy"))
    assert {each.id: each.status for each in report.cases} == {
        "toy/add[cpu]": Status.PASSED,
        "toy/wrong[cpu]": Status.FAILED,
    }
    assert report.exit_code == 1
    assert {path.name for path in lab.out.iterdir()} >= {"report.html", "results.json", "junit.xml", "logs"}


def test_a_plan_names_every_command_and_runs_none(lab: Laboratory) -> None:
    lab.spec()
    (plan,) = api.plan(settings(lab, "toy"))
    assert [type(step).__name__ for step in plan.steps].count("Compile") == 1
    assert plan.release is not None
    assert not lab.out.exists()


def test_what_makes_no_sense_is_an_exception(lab: Laboratory) -> None:
    lab.spec()
    with pytest.raises(UsageError, match="lost"):
        api.quality(settings(lab, "lost"))
    assert not lab.out.exists()


def test_a_search_returns_what_it_found(lab: Laboratory) -> None:
    lab.spec()
    asked = settings(lab, "toy")
    found = api.bisect(asked, SearchSettings(good="3.12", bad="3.13", repeat=1))
    assert {found.request.releases[index]: probe.status for index, probe in found.probes.items()} == {
        "3.12.0": Status.PASSED,
        "3.13.0": Status.PASSED,
    }
    assert found.is_wrong, "3.13.0 is not bad"
    assert (lab.out / "bisect.json").is_file()
    with pytest.raises(UsageError, match=r"3\.12\.0 is not older than 3\.12\.0"):
        api.bisect(replace(asked, run=RunSettings(out=lab.root / "other")), SearchSettings(good="3.12", bad="3.12"))


def test_bench(lab: Laboratory) -> None:
    lab.spec()
    found = api.bench(settings(lab, "toy"), BenchSettings(seconds=0.1))
    (case,) = found.cases
    assert (case.name, [each.status for each in case.outcomes]) == ("toy/add", [Status.PASSED])
    assert case.rounds
    assert case.comparison is None
    assert found.exit_code == 0
    assert (lab.out / "bench.json").is_file()
