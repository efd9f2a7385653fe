"""Failures of a run that the config of a suite expects from then on."""

from typing import Any

import pytest

from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Phase, Status
from harness.specs import listed_failures

CONFIG = """{
  expected_compile_failures: [
    "a", // see the tracker
    "moved",
  ],
  expected_run_failures: ["b"]
}
"""
OUTCOMES = """{
  tests_and_expected_outcomes: {
    default: "pass", // as far as is known
    "x_test.py::test_models[a.onnx]": "fail-compile", // too large
  },
}
"""


def outcome(name: str, phase: Phase, status: Status = Status.FAILED, **fields: Any) -> Outcome:
    """Return a result of a case of a suite."""
    fields = {"config": "c.json", "listed_as": name, **fields}
    return Outcome(
        id=f"m/{name}[c]", model="m", submodel=name, backend="cpu", chip=None, status=status, phase=phase, **fields
    )


def test_failures_have_the_list_of_their_phase() -> None:
    found = listed_failures.of(
        [
            outcome("c", Phase.COMPILE, kind=Kind.COMPILE),
            outcome("r", Phase.RUN, kind=Kind.CRASH),
            outcome("n", Phase.COMPARE, kind=Kind.NUMERIC),
            outcome("late", Phase.RUN, kind=Kind.TIMEOUT),
            outcome("slow", Phase.BENCHMARK, kind=Kind.BUDGET),
            outcome("right", Phase.COMPARE, Status.PASSED),
            outcome("known", Phase.COMPARE, Status.XFAILED, kind=Kind.NUMERIC),
            outcome("spec", Phase.COMPARE, kind=Kind.NUMERIC, config="", listed_as=""),
            outcome("of an older harness", Phase.COMPARE, kind=Kind.NUMERIC, listed_as=""),
        ]
    )
    assert found == {"c.json": {"c": "fail-compile", "r": "fail-run", "n": "fail-run"}}


def test_lists_get_what_failed_and_lose_what_failed_elsewhere() -> None:
    failures = {"z": "fail-run", "y": "fail-compile", "moved": "fail-run", "c": "fail-compile"}
    assert (
        listed_failures.written(CONFIG, failures)
        == """{
  expected_compile_failures: [
    "a", // see the tracker
    "c",
    "y",
  ],
  expected_run_failures: ["b", "moved", "z"]
}
"""
    )


@pytest.mark.parametrize(("text", "end"), [("{\n  a: 1,\n}\n", ",\n}\n"), ("{\n  a: 1\n}\n", "\n}\n")])
def test_a_list_that_is_missing_is_written(text: str, end: str) -> None:
    found = listed_failures.written(text, {"x": "fail-run"})
    assert found == f'{{\n  a: 1,\n  "expected_run_failures": [\n    "x"\n  ]{end}'


def test_outcomes_of_tests_are_set() -> None:
    failures = {"x_test.py::test_models[a.onnx]": "fail-run", "x_test.py::test_models[b.onnx]": "fail-run"}
    assert (
        listed_failures.written(OUTCOMES, failures)
        == """{
  tests_and_expected_outcomes: {
    default: "pass", // as far as is known
    "x_test.py::test_models[a.onnx]": "fail-run", // too large
    "x_test.py::test_models[b.onnx]": "fail-run",
  },
}
"""
    )
