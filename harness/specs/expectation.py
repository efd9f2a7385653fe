"""Reads an expected failure of a spec."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from harness.core.cases import Expectation
from harness.core.statuses import Kind
from harness.iree import releases

# Lists in configs of suites.
COMPILE_FAILURES, RUN_FAILURES = "expected_compile_failures", "expected_run_failures"
# An object in configs of onnx_models, whose members must not go: a test without one is skipped.
OUTCOMES, PASS = "tests_and_expected_outcomes", "pass"
# What is in there in place of a list.
FAIL_COMPILE, FAIL_RUN = "fail-compile", "fail-run"
# What no list excuses.
NEVER_LISTED = frozenset({Kind.TIMEOUT, Kind.BUDGET})


def read(entry: Mapping[str, Any]) -> Expectation:
    """Return an entry of `expect`, which has followed the schema.

    Raises:
        ValueError: `iree` is no range of releases, or `until` is no date.
    """
    iree, until = entry.get("iree"), entry.get("until")
    if iree:
        releases.fulfils(releases.newest(), iree)
    fails = entry["fails"]
    return Expectation(
        fails=(fails,) if isinstance(fails, str) else tuple(fails),
        chips=tuple(entry.get("chips", ())),
        backends=tuple(entry.get("backends", ())),
        iree=iree,
        reason=entry.get("reason", ""),
        issue=entry.get("issue", ""),
        until=dt.date.fromisoformat(until) if until else None,
    )
