"""What a benchmark says on a terminal, in Markdown and in bench.json."""

import json
from typing import Any

import pytest

from harness.bench import render
from harness.bench.result import BenchResult, CaseResult
from harness.bench.rounds import Round
from harness.core.settings import BenchSettings
from harness.core.statuses import Kind, Status
from tests.unit.bench.timed import one_round
from tests.unit.reports import outcome, report

SLOWER = [one_round(1.05, 1.0)] * 10
MORE = "Give it more --time, or an idle machine."
CLEAR = "1.050 times as long as 3.13.0 (95% interval: 1.050 to 1.050)."


def result(rounds: list[Round], labels: tuple[str, ...] = ("3.9.0", "3.13.0"), **asked: Any) -> BenchResult:
    """Return the benchmark of one case."""
    bench = BenchSettings(**asked)
    outcomes = tuple(outcome() for _ in labels)
    case = CaseResult(name="tiny/clip", outcomes=outcomes, rounds=tuple(rounds), precision=bench.precision)
    return BenchResult(labels=labels, cases=(case,), bench=bench)


def shown(found: BenchResult) -> list[str]:
    return [line.strip() for line in render.text(found, None).splitlines()]


def test_both_sides_and_how_they_compare() -> None:
    assert render.text(result(SLOWER), None) == (
        "tiny/clip\n"
        "  3.9.0   minimum 1.05 ms, median 1.05 ms (1.05 ms to 1.05 ms)\n"
        "  3.13.0  minimum 1.00 ms, median 1.00 ms (1.00 ms to 1.00 ms)\n"
        f"  3.9.0 takes {CLEAR}\n"
        "  10 rounds"
    )


@pytest.mark.parametrize(
    ("rounds", "sentence"),
    [
        ([one_round(0.5, 1.0)] * 10, "3.9.0 takes 0.500 times as long as 3.13.0 (95% interval: 0.500 to 0.500)."),
        (
            [one_round(1.0, 1.0)] * 10,
            "No difference above 1%: 3.9.0 takes 1.000 times as long as 3.13.0 (95% interval: 1.000 to 1.000).",
        ),
        (
            [one_round(1.0, 1.0), one_round(1.2, 1.0)] * 4,
            f"Not clear yet: 3.9.0 takes 1.095 times as long as 3.13.0 (95% interval: 1.000 to 1.200). {MORE}",
        ),
        (
            [one_round(1.2, 1.0)],
            f"Not clear yet: 3.9.0 takes 1.200 times as long as 3.13.0 (too few rounds for an interval). {MORE}",
        ),
    ],
)
def test_the_answers(rounds: list[Round], sentence: str) -> None:
    assert sentence in shown(result(rounds))


def test_cpu_time_is_called_that() -> None:
    lines = shown(result(SLOWER, measure="cpu"))
    assert lines[1] == "3.9.0   CPU time: minimum 1.05 ms, median 1.05 ms (1.05 ms to 1.05 ms)"
    assert lines[3].startswith("3.9.0 takes 1.050 times the CPU time of 3.13.0")
    assert "CPU time." in render.markdown(result(SLOWER, measure="cpu"))


def test_rounds_that_do_not_count_are_named() -> None:
    lines = shown(result([*SLOWER, one_round(9.0, 1.0, busy=0.5)]))
    assert lines[-1] == "11 rounds, 1 of them not counted: other programs used the cores"


@pytest.mark.parametrize(("limit", "code"), [(0.04, 1), (0.05, 0), (None, 0)])
def test_a_case_that_certainly_takes_too_long_is_a_failure(limit: float | None, code: int) -> None:
    found = result(SLOWER, fail_slower=limit)
    assert found.exit_code == code
    assert ("That is more than --fail-slower 4% allows." in shown(found)) is bool(code)


def test_a_case_without_rounds_shows_what_became_of_it_and_is_no_answer() -> None:
    found = result([])
    assert shown(found)[1:] == ["3.9.0   passed", "3.13.0  passed", "not timed"]
    assert found.exit_code == 3
    failed = CaseResult(
        name="tiny/clip",
        outcomes=(outcome(), outcome(status=Status.FAILED, kind=Kind.NUMERIC, reason="wrong\nvery")),
        rounds=(),
        precision=0.01,
    )
    found = BenchResult(labels=("a", "b"), cases=(failed,), bench=BenchSettings())
    assert shown(found)[2] == "b  failed numeric: wrong"
    assert found.exit_code == 1
    assert "b: failed numeric: wrong" in render.markdown(found)


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (1234.5, "1.23 s"),
        (123.45, "0.123 s"),
        (99.5, "99.5 ms"),
        (0.7161, "0.716 ms"),
        (0.0123, "12.3 us"),
        (1e-5, "0.0100 us"),
    ],
)
def test_times_have_three_digits(time_ms: float, text: str) -> None:
    assert f"minimum {text}, median {text}" in shown(result([one_round(time_ms)], ("3.13.0",)))[1]


def test_the_document_has_every_round() -> None:
    document = json.loads(render.to_json(result(SLOWER), [report(), report()]))
    assert [side["label"] for side in document["sides"]] == ["3.9.0", "3.13.0"]
    assert document["asked"]["precision"] == 0.01
    (case,) = document["cases"]
    assert len(case["rounds"]) == 10
    assert case["rounds"][0]["times"][0]["samples_ms"] == [1.05]
    assert case["comparison"]["conclusion"] == "slower"
    assert case["sides"][0]["times"]["minimum_ms"] == 1.05
    few = json.loads(render.to_json(result([one_round(1.0, 1.0)]), [report(), report()]))
    assert few["cases"][0]["comparison"]["high"] == "inf"
    assert json.loads(render.to_json(result([]), [report(), report()]))["cases"][0]["comparison"] is None


def test_markdown_has_a_row_for_each_side() -> None:
    text = render.markdown(result(SLOWER, ("as it is", "--iree-opt-level=O3")))
    assert "| tiny/clip | as it is | 1.05 ms | 1.05 ms | 1.05 ms to 1.05 ms |" in text
    assert "**tiny/clip**: as it is takes 1.050 times" in text
