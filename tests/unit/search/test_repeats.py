import itertools
from dataclasses import replace
from typing import Any

import pytest

from harness.search import metric, probes, repeats
from harness.search.probes import Mark, Probe, Question
from tests.unit.reports import ENVIRONMENT, measurement, module, outcome
from tests.unit.searches import LETTERS, probe

CONFIRMS = Question(confirms=True)


def runs(question: Question, *changes: Any) -> list[Probe]:
    """Return what is known after each of several runs."""
    each = [probes.probe("3.9.0", outcome(**change), question, ENVIRONMENT) for change in changes]
    return list(itertools.accumulate(each, lambda known, run: repeats.repeated(known, run, question)))


def history(question: Question, letters: str) -> list[Probe]:
    return runs(question, *(dict(LETTERS[letter]) for letter in letters))


@pytest.mark.parametrize(
    ("repeat", "at_least", "letters", "status"),
    [
        (1, 1, "g", "passed"),
        (3, 3, "ggg", "passed"),
        (3, 3, "gb", "flaky"),
        (3, 2, "gg", "passed"),
        (3, 2, "gbb", "failed"),
        (3, 2, "gbg", "passed"),
        (3, 2, "gbc", "flaky"),
        (5, 4, "gbgb", "flaky"),
        (5, 3, "gbgbb", "failed"),
    ],
)
def test_so_many_runs_have_to_agree(repeat: int, at_least: int, letters: str, status: str) -> None:
    question = Question(repeat=repeat, at_least=at_least)
    known = history(question, letters)
    assert [repeats.is_settled(each, question) for each in known] == [False] * (len(letters) - 1) + [True]
    assert known[-1].status == status
    assert known[-1].runs == len(letters)
    if status == "flaky":
        assert (known[-1].kind, known[-1].phase) == (None, None)
        assert known[-1].reason.startswith(f"1 of {len(letters)} runs failed") or repeat == 5
    else:
        assert known[-1].kind == {"passed": None, "failed": "numeric"}[status]


def test_errors_are_no_disagreement() -> None:
    question = Question(repeat=3, at_least=3)
    for letters in ("ge", "eg"):
        known = history(question, letters)[-1]
        assert (known.status, known.kind) == ("error", "tool")
        assert known.reason == "1 of 2 runs ended in an error (run: tool), 1 passed"
        assert repeats.is_settled(known, question)
    assert history(question, "gbe")[-1].status == "flaky"
    assert history(Question(repeat=3, at_least=2), "geg")[-1].status == "passed"


def test_runs_agree_on_a_metric_and_not_on_its_number() -> None:
    question = Question(metric=metric.parse("dispatches > 30"), repeat=2, at_least=2)
    alike = runs(question, {"modules": (module(dispatches=31),)}, {"modules": (module(dispatches=99),)})
    assert (alike[-1].status, alike[-1].numbers["dispatches"]) == ("passed", 31)
    unlike = runs(question, {"modules": (module(dispatches=31),)}, {"modules": (module(dispatches=9),)})
    assert unlike[-1].reason == "1 of 2 runs had dispatches > 30, 1 did not have dispatches > 30"


@pytest.mark.parametrize(
    ("letters", "status", "reason"),
    [
        ("g" * 19 + "b", "flaky", "1 of 20 runs failed (compare: numeric), 19 passed"),
        ("b" * 19 + "g", "flaky", "19 of 20 runs failed (compare: numeric), 1 passed"),
        ("bgggb", "flaky", "2 of 5 runs failed (compare: numeric), 3 passed"),
        ("cg", "flaky", "1 of 2 runs failed (compile: compile), 1 passed"),
        ("gege", "passed", ""),
        ("gegeb", "flaky", "1 of 5 runs failed (compare: numeric), 2 ended in an error (run: tool), 2 passed"),
        ("bbbbb", "failed", "output 0: 12 of 44 differ"),
    ],
)
def test_beside_the_answer_all_runs_have_to_agree(letters: str, status: str, reason: str) -> None:
    found = history(CONFIRMS, letters)[-1]
    assert (found.status, found.reason, found.runs) == (status, reason, len(letters))


def test_if_runs_disagree_the_results_are_of_one_that_failed() -> None:
    known, failed = probe("g", results="probes/3.0.0", tally={"passed": 1}), probe("b", results="probes/3.0.0/runs/2")
    run = replace(failed, tally={"failed": 1}, seconds=0.5)
    found = repeats.repeated(replace(known, seconds=1.0), run, CONFIRMS)
    assert (found.status, found.results, found.seconds) == ("flaky", "probes/3.0.0/runs/2", 1.5)
    assert repeats.repeated(run, known, CONFIRMS).results == "probes/3.0.0/runs/2"
    assert repeats.repeated(found, replace(run, results="x"), CONFIRMS).results == "probes/3.0.0/runs/2"
    assert repeats.repeated(known, replace(known, results="x"), CONFIRMS).results == "probes/3.0.0"


def test_the_devices_of_all_runs_are_kept() -> None:
    known, run = (probe("g", devices=(each,), tally={"passed": 1}) for each in ("GPU-1", "GPU-2"))
    assert repeats.repeated(repeats.repeated(known, run, CONFIRMS), known, CONFIRMS).devices == ("GPU-1", "GPU-2")


@pytest.mark.parametrize(
    ("letter", "count", "seconds", "enough"),
    [
        ("g", 1, 0.0, False),
        ("g", 59, 19.9, False),
        ("g", 60, 1.0, True),
        ("b", 59, 19.9, False),
        ("b", 60, 1.0, True),
        ("g", 4, 119.0, False),
        ("g", 1, 999.0, False),
        ("g", 2, 119.0, False),
        ("g", 2, 120.0, True),
        ("g", 5, 19.9, False),
        ("g", 5, 20.0, True),
        ("c", 1, 0.0, False),
        ("c", 2, 0.0, True),
    ],
)
def test_how_often_a_release_beside_the_answer_is_run(letter: str, count: int, seconds: float, enough: bool) -> None:  # noqa: FBT001
    found = probe(letter, tally={"x": count}, repeating_s=seconds)
    assert repeats.is_confirmed(found, CONFIRMS) is enough
    assert repeats.is_confirmed(found, Question()), "the user said how often"
    assert repeats.is_confirmed(probe(letter, verdict=Mark.BAD), CONFIRMS), "the user said what it is"


def test_what_was_only_compiled_is_not_repeated() -> None:
    assert repeats.is_confirmed(probe("g", status="compiled", phase="compile"), CONFIRMS)
    assert not repeats.is_confirmed(probe("g", status="flaky", phase=None), CONFIRMS)


@pytest.mark.parametrize(
    ("condition", "enough"),
    [
        ("dispatches > 4", True),
        ("module_bytes > 4 * dispatches", True),
        ("max_abs_error > 1", False),
        ("dispatches > 4 or nan > 0", False),
        ("peak_memory_bytes > 4", False),
    ],
)
def test_only_numbers_of_runs_are_repeated(condition: str, enough: bool) -> None:  # noqa: FBT001
    question = Question(metric=metric.parse(condition), confirms=True)
    assert repeats.is_confirmed(probe("g"), question) is enough


def test_runs_have_to_agree_on_a_metric_beside_the_answer() -> None:
    question = Question(metric=metric.parse("max_abs_error > 1"), confirms=True)
    changes = [{"outputs": (measurement(max_abs_error=each),)} for each in (0.5, 0.7, 1.5, 0.6)]
    found = runs(question, *changes)
    assert [each.status for each in found] == ["passed", "passed", "flaky", "flaky"]
    assert found[-1].reason == "1 of 4 runs had max_abs_error > 1, 3 did not have max_abs_error > 1"


def test_the_number_of_runs_that_agree() -> None:
    assert repeats.agreeing(probe("g")) == 1
    assert repeats.agreeing(probe("g", tally={"passed": 3, "ended in an error (run: tool)": 4})) == 3
