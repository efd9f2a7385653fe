import re
from typing import Any

import pytest

from harness.core.history import Recorded, RunSummary
from harness.core.statuses import Kind, Status
from harness.history import listing
from tests.unit.history import samples


def recorded(number: int, status: Status = Status.PASSED, **changes: Any) -> Recorded:
    return Recorded(run=samples.run(number), case=samples.case(status, **changes))


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "when", lambda run: run.started[:16].replace("T", " "))


def test_results_of_a_case() -> None:
    found = [recorded(2, Status.FAILED, error_ratio=4.2, latency_ms=None), recorded(1)]
    assert listing.of_results(found).splitlines() == [
        "tiny/clip[cpu]",
        "started           release  device     status          of limit  compile  latency  run",
        "2026-11-01 00:02  3.13.0   EPYC 9454  failed numeric      4.2x   2.50 s           00000000",
        "2026-11-01 00:01  3.13.0   EPYC 9454  passed               10%   2.50 s  1.25 ms  00000000",
        "flaky in 1 of the last 2 runs with the same release, device and inputs: 1 numeric, 1 passed",
    ]


def test_columns_that_are_empty_are_left_out() -> None:
    bare = samples.case(Status.ERROR, kind=Kind.DEVICE, compile_seconds=None, error_ratio=None, latency_ms=None)
    text = listing.of_results([Recorded(run=samples.run(), case=bare)])
    assert text.splitlines()[1] == "started           release  device     status        run"


def test_each_case_has_a_table() -> None:
    text = listing.of_results([recorded(1), recorded(1, name="tiny/vae")])
    assert re.findall(r"^tiny.*", text, re.MULTILINE) == ["tiny/clip[cpu]", "tiny/vae[cpu]"]
    assert "\n\ntiny/vae" in text


def test_runs() -> None:
    counts = {Status.PASSED: 8, Status.FAILED: 1}
    run = samples.run(branch="users/ana/a-very-long-branch", commit="0123456789" * 4)
    found = [RunSummary(run=run, counts=counts), RunSummary(run=samples.run(2, release=None), counts={})]
    assert listing.of_runs(found).splitlines() == [
        "started           run       command  release  branch            commit    result",
        "2026-11-01 00:01  00000000  quality  3.13.0   users/a...branch  01234567  8 passed, 1 failed",
        "2026-11-01 00:02  00000000  quality                                       no cases",
    ]


def test_hostile_text_is_cleaned() -> None:
    run = samples.run(branch="\x1b[2Jmain\n::error::x", release="3\r9")
    case = samples.case(name="a/\x1b]0;b", device="EPYC\x07", release="3\n9")
    text = listing.of_runs([RunSummary(run=run, counts={})]) + listing.of_results([Recorded(run=run, case=case)])
    assert not re.search("[\x00-\x09\x0b-\x1f]", text)
    assert len(text.splitlines()) == 2 + 3
