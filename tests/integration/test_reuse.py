"""Cases that passed before are not run again, unless anything that they depend on changed."""

import json
import signal
import subprocess
import sys
import uuid
from typing import Any

import jsonschema
import numpy as np
import pytest

from tests.integration.laboratory import ENDLESS, NEWEST, OLDEST, A, B, Laboratory, Result, clean_environment
from tests.integration.test_commands import ROOT, SCHEMA

OPTIONS = ("toy", "--engine", "local", "--reuse-passed")


@pytest.fixture
def fresh(lab: Laboratory) -> Laboratory:
    """Return a laboratory of which no other test has left a case that passed: its cases have names of their own."""
    lab.model_dir = lab.specs / f"toy{uuid.uuid4().hex}"
    lab.model_dir.mkdir()
    return lab


def ran(lab: Laboratory, *more: str, **fields: Any) -> Result:
    lab.spec(**fields)
    return lab.run(lab.model_dir.name, *OPTIONS[1:], *more)


def is_reused(result: Result) -> bool:
    return result.case["reused"] is not None


def test_what_changed_is_run_again(fresh: Laboratory) -> None:
    first = ran(fresh)
    assert (first.verdict, is_reused(first)) == ((0, "passed", None), False)
    again = ran(fresh)
    assert (again.verdict, is_reused(again)) == ((0, "passed", None), True)
    assert "run 0.00 (cached)" in again.text
    assert "1 case passed before with the same module, inputs and device, and did not run again" in again.text
    assert again.case["outputs"] == first.case["outputs"]
    assert not [step for step in again.case["steps"] if step["step"] in {"run", "compare"}]
    assert '.reused" value="' in (fresh.out / "junit.xml").read_text()
    jsonschema.validate(again.report, json.loads(SCHEMA.read_text()))
    plain = fresh.run(fresh.model_dir.name, *OPTIONS[1:-1])
    assert not is_reused(plain)
    changes: list[dict[str, Any]] = [
        {"threshold_args": ["--expected_f32_threshold=0.5"]},
        {"run_args": ["--device_allocator=caching"]},
        {"inputs": [fresh.tensor("a.bin", A, "4xf32"), fresh.tensor("c.npy", B + np.float32(2e-6))]},
        {"outputs": [fresh.tensor("near.bin", A + B + np.float32(1e-6), "4xf32")]},
    ]
    for fields in changes:
        changed = ran(fresh, "--no-html", **fields)
        assert (changed.verdict, is_reused(changed)) == ((0, "passed", None), False), fields
    for more, known in ((("--verdict", "iree-run-module"), [False, True]), (("--iree", OLDEST), [False])):
        assert [is_reused(ran(fresh, "--no-html", *more)) for _ in known] == known, more
    assert is_reused(ran(fresh, "--iree", NEWEST))


def test_a_failure_is_never_taken(fresh: Laboratory) -> None:
    wrong = {"outputs": [fresh.tensor("wrong.bin", A, "4xf32")]}
    for _ in range(2):
        failed = ran(fresh, **wrong)
        assert (failed.verdict, is_reused(failed)) == ((1, "failed", "numeric"), False)
    expected = {"expect": [{"fails": "numeric", "reason": "it is wrong"}]}
    assert ran(fresh, **wrong, **expected).verdict == (0, "xfailed", "numeric")
    assert not is_reused(ran(fresh))
    stale = ran(fresh, **expected)
    assert (stale.verdict, is_reused(stale)) == ((1, "xpassed", None), True)


def test_a_run_that_is_killed_goes_on_where_it_stopped(fresh: Laboratory) -> None:
    for name in "abc":
        fresh.spec(f"{name}_cpu")
    model = fresh.model_dir.name
    assert fresh.run(model, *OPTIONS[1:-1]).code == 0  # so that what never ends is compiled last, and run last
    (fresh.out / "results.json").unlink()
    fresh.spec("d_cpu", mlir=fresh.file("endless.mlir", ENDLESS), outputs=None)
    log = fresh.root / "interrupted.log"
    three_passed = lambda: log.read_text().count("PASSED") == 3  # noqa: E731
    killed = fresh.interrupted(model, *OPTIONS[1:], until=three_passed, number=signal.SIGKILL)
    assert killed.code == -signal.SIGKILL
    assert not (fresh.out / "results.json").exists()
    fresh.spec("d_cpu")
    again = fresh.run(model, *OPTIONS[1:])
    assert again.code == 0
    found = {case["id"]: case["reused"] is not None for case in again.report["cases"]}
    assert found == {f"{model}/{name}[cpu]": name != "d" for name in "abcd"}


def test_pytest_does_not_run_it_again_either(fresh: Laboratory) -> None:
    fresh.spec()
    junit = fresh.root / "junit.xml"
    places = {"IREE_TEST_FILES": str(fresh.store_dir), "TEST_OUTPUT_ARTIFACTS": str(fresh.out), "BACKEND": "cpu"}
    options = ["--test-file-directory", str(fresh.specs), f"--junitxml={junit}", "-p", "no:cacheprovider"]
    for known in (0, 1):
        argv = [sys.executable, "quality_tests/", *options, "--reuse-passed", "--no-history"]
        subprocess.run(argv, cwd=ROOT, env=clean_environment() | places, check=True, capture_output=True, timeout=120)
        assert junit.read_text().count('name="reused"') == known
