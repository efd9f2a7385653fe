"""junit.xml as others read it: a parser that CI scripts use, and two programs that show or convert it."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from junit2htmlreport.parser import Junit
from junitparser import Error, Failure, JUnitXml, Skipped

from harness.report import junit
from tests.unit import reports
from tests.unit.pages import hostile

CASES = (*reports.every_status(), dataclasses.replace(hostile(), release=None))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Return the junit.xml of a case of each status, and of one whose texts could be markup."""
    path = tmp_path / "junit.xml"
    path.write_text(junit.render(reports.report(*CASES)), encoding="utf-8")
    return path


def test_junitparser(written: Path) -> None:
    found = JUnitXml.fromfile(str(written))
    assert (found.tests, found.failures, found.errors) == (10, 3, 1)
    cases = {case.name: case for suite in found for case in suite}
    assert len(cases) == 10
    kinds = {name: [type(result) for result in case.result] for name, case in cases.items()}
    assert kinds["tiny/vae[cpu]"] == [Failure]
    assert kinds["sd3/clip[rocm-gfx942]"] == [Error]
    assert kinds["tiny/unet[cpu]"] == kinds["tiny/punet[cpu]"] == kinds["tiny/xl[cpu]"] == [Skipped]
    assert kinds["tiny/clip[cpu]"] == []
    (failure,) = cases["tiny/vae[cpu]"].result
    assert (failure.type, failure.message) == ("numeric", "output 0 (4x17x65xf32): 12 of 4420 elements differ")
    assert "again: nox -s quality -- tiny/vae --backend cpu" in failure.text
    known = next(iter(found)).properties()  # type: ignore[no-untyped-call]
    assert {each.name: each.value for each in known}["iree.release"] == "3.13.0"


def test_junit2html(written: Path) -> None:
    found = Junit(str(written))
    cases = [case for suite in found.suites for classes in suite.classes.values() for case in classes.cases]
    assert sorted(case.outcome() for case in cases) == ["failed"] * 4 + ["passed"] * 3 + ["skipped"] * 3
    html = found.html()
    assert "tiny/vae[cpu]" in html
    assert "<img src=x" not in html


def test_junit_html_report_generator(written: Path) -> None:
    program, output = Path(sys.executable).parent / "junit-html-report-generator", written.with_suffix(".html")
    done = subprocess.run([program, written, "-o", output], check=True, capture_output=True, text=True)
    said = dict(line.split(":", 1) for line in done.stdout.split("\n") if line.startswith("  ") and ":" in line)
    counts = {name.strip(): number.strip() for name, number in said.items()}
    assert [counts[name] for name in ("Passed", "Failed", "Errors", "Skipped")] == ["3", "3", "1", "3"]
    assert "tiny/vae[cpu]" in output.read_text(encoding="utf-8")
