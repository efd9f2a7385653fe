from typing import Any

import pytest

from harness.core.cases import Case
from harness.core.statuses import Kind, Status
from harness.search import metric, probes
from harness.search.probes import Mark, Question
from tests.unit.reports import ENVIRONMENT, outcome
from tests.unit.samples import CPU, spec
from tests.unit.searches import FAILED, NO_VERDICT, PASSED, UNSUPPORTED, probe


def marked(history: str, question: Question | None = None, bad_end: int | None = None) -> str:
    """Return the first letters of the marks of a history; a dot was not tested."""
    seen = {index: probe(letter) for index, letter in enumerate(history) if letter != "."}
    found = probes.marks(seen, question or Question(), bad_end)
    return "".join(found[index][0] if index in found else "." for index in range(len(history)))


@pytest.mark.parametrize(
    ("history", "bad_end", "marks"),
    [
        ("ggbb", 3, "ggbb"),
        ("gcbb", 3, "gsbb"),
        ("gcbc", 3, "gbsb"),
        ("geub", 3, "gssb"),
        ("gcb", None, "gsb"),
        ("gbc", None, "gsb"),
        ("g..g", 3, "g..g"),
        ("gc..", 3, "gs.."),
        ("ee", None, "ss"),
    ],
)
def test_only_the_failure_of_the_bad_end_counts(history: str, bad_end: int | None, marks: str) -> None:
    assert marked(history, bad_end=bad_end) == marks


def test_a_budget_is_compared_last_so_all_else_was_good() -> None:
    over = probe("b", kind=Kind.BUDGET, phase="compile")
    seen = {0: over, 1: probe("b"), 2: probe("c")}
    assert [*probes.marks(seen, Question(), 1).values()] == [Mark.GOOD, Mark.BAD, Mark.SKIP]
    assert probes.marks(seen, Question(any_failure=True), 1)[0] is Mark.BAD
    assert [*probes.marks(seen, Question(), 0).values()] == [Mark.BAD, Mark.SKIP, Mark.SKIP]


def test_any_failure_counts_if_asked_for() -> None:
    assert marked("gcbeu", Question(any_failure=True), 2) == "gbbss"


@pytest.mark.parametrize("status", [Status.PASSED, Status.RAN, Status.COMPILED])
def test_what_did_not_fail_is_good(status: Status) -> None:
    assert probes.marks({0: probe("g", status=status)}, Question(), None) == {0: Mark.GOOD}


@pytest.mark.parametrize("status", ["xfailed", "xpassed", "unsupported", "skipped", "error", "flaky"])
def test_what_has_no_verdict_is_skipped(status: str) -> None:
    assert probes.marks({0: probe("g", status=status)}, Question(any_failure=True), None) == {0: Mark.SKIP}


def test_a_metric_decides_also_over_what_failed() -> None:
    question = Question(metric=metric.parse("dispatches > 40"))
    seen = {
        0: probe("g", numbers={"dispatches": 40.0}),
        1: probe("b", numbers={"dispatches": 41.0}),
        2: probe("c", numbers={}),
        3: probe("b", numbers={"dispatches": 1.0}),
        4: probe("g", status=probes.FLAKY),
    }
    assert [*probes.marks(seen, question, 1).values()] == [Mark.GOOD, Mark.BAD, Mark.SKIP, Mark.GOOD, Mark.SKIP]


def test_what_a_person_said_counts() -> None:
    seen = {0: probe("b", verdict=Mark.GOOD), 1: probe("g", verdict=Mark.SKIP), 2: probe("b")}
    assert [*probes.marks(seen, Question(), 2).values()] == [Mark.GOOD, Mark.SKIP, Mark.BAD]


def test_to_a_search_good_is_old_unless_a_fix_is_searched_for() -> None:
    found = {0: Mark.GOOD, 1: Mark.BAD, 2: Mark.SKIP}
    assert probes.sides(found, Question()) == {0: False, 1: True, 2: None}
    assert probes.sides(found, Question(fix=True)) == {0: True, 1: False, 2: None}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("model.mlir:12:8: error: failed to legalize 'a'", "model.mlir:7:31: error: failed to legalize 'a'", True),
        ("failed to legalize 'a'", "failed to legalize 'b'", False),
        ("max error 1.5e-03 of 0x7f00", "max error 2 of 0x81", True),
        ("no such file: /tmp/a/b.irpa", "no such file: /home/b.irpa", True),
        ("first\nsecond 1", "first\nanother", True),
    ],
)
def test_a_signature_leaves_out_what_varies(one: str, other: str, same: bool) -> None:  # noqa: FBT001
    signatures = {probe("c", reason=reason).signature for reason in (one, other)}
    assert (len(signatures) == 1) is same


def test_a_signature_has_phase_and_kind() -> None:
    assert probe("b").signature == "compare: numeric: output N: N of N differ"
    assert probe("g").signature == "passed"
    assert probe("u").signature == "unsupported"


def test_a_run_is_taken_as_it_is() -> None:
    found = probes.probe("3.9.0", outcome(**dict[str, Any](PASSED)), Question(), ENVIRONMENT)
    assert (found.release, found.status, found.phase, found.commit) == ("3.9.0", "passed", "compare", "89ece87b5a02")
    assert found.numbers["dispatches"] == 31
    assert found.modules == ("b" * 64,)
    assert found.log == "logs/run.log"
    assert (found.runs, found.tally) == (1, {"passed": 1})


@pytest.mark.parametrize(
    ("history", "condition", "label"),
    [
        (FAILED, None, "failed (compare: numeric)"),
        (NO_VERDICT, None, "ended in an error (run: tool)"),
        ({**NO_VERDICT, "phase": None}, None, "ended in an error (tool)"),
        (UNSUPPORTED, None, "unsupported"),
        (PASSED, "dispatches > 30", "had dispatches > 30"),
        (FAILED, "dispatches > 31", "did not have dispatches > 31"),
        ({**PASSED, "modules": ()}, "dispatches > 30", "passed"),
    ],
)
def test_how_a_run_ended(history: dict[str, Any], condition: str | None, label: str) -> None:
    question = Question(metric=metric.parse(condition) if condition else None)
    assert probes.probe("3.9.0", outcome(**history), question, ENVIRONMENT).tally == {label: 1}


def test_expectations_are_left_out() -> None:
    expecting = spec(
        run_test_expecting_to_fail=True, compile_chip_expecting_to_fail=("gfx942",), ignored_chips=("gfx942",)
    )
    found = probes.without_expectations(Case(spec=expecting, target=CPU))
    assert found == Case(spec=spec(), target=CPU)


def test_a_headline_has_status_kind_and_the_first_line() -> None:
    assert probe("b").headline == "failed: numeric: output 0: 12 of 44 differ"
    assert probe("g").headline == "passed"
    assert probe("c", kind=Kind.CRASH, reason="a\nb").headline == "failed: crash: a"
