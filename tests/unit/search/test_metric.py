import math
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.core.statuses import Kind, Status
from harness.core.timings import Latency
from harness.search import case_numbers, metric
from tests.unit.reports import measurement, module, outcome

KNOWN = {"dispatches": 41, "error_ratio": 0.5, "module_bytes": 61274, "max_abs_error": math.inf}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("dispatches > 40", True),
        ("dispatches > 41", False),
        ("40 < dispatches <= 41", True),
        ("dispatches == 41 and error_ratio < .5", False),
        ("dispatches == 41 or error_ratio < .5", True),
        ("not dispatches != 41", True),
        ("module_bytes > 1.2 * 50_000", True),
        ("module_bytes / dispatches - 1 >= -1 + 1e3", True),
        ("max_abs_error > 1e300", True),
        ("nan > 0", None),
        ("nan > 0 or dispatches > 40", None),
        ("dispatches > 40 or nan > 0", True),
        ("error_ratio / 0 > 1", None),
        (" dispatches\t> 40\n", True),
    ],
)
def test_a_condition(text: str, holds: bool | None) -> None:  # noqa: FBT001
    assert metric.parse(text).holds(KNOWN) is holds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not an expression"),
        ("dispatches >", "not an expression"),
        ("dispatches", "not a condition"),
        ("dispatches + 1", "not a condition"),
        ("-dispatches", "not a condition"),
        ("dispatches > 1; nan", "not an expression"),
        ("dispatch > 40", "unknown name .dispatch.; expected one of max_abs_error, "),
        ("__import__('os').system('true') == 0", "is not supported"),
        ("dispatches.real > 1", "Attribute is not supported"),
        ("dispatches ** 9 > 1", "Pow is not supported"),
        ("dispatches > 'a'", "Constant is not supported"),
        ("dispatches > True", "Constant is not supported"),
        ("[dispatches > 1]", "List is not supported"),
        ("dispatches > 1 if error_ratio > 1 else nan > 1", "IfExp is not supported"),
        ("dispatches is 41", "Is is not supported"),
        ("(" * 500 + ")" * 500, "not an expression"),
        ("dispatches > 1" + " or dispatches > 1" * 100, "has 1814 characters; expected at most 1000"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        metric.parse(text)


def test_the_numbers_of_a_case_are_the_worst_of_its_outputs_and_the_sum_of_its_modules() -> None:
    outputs = (
        measurement(max_abs_error=0.1, error_ratio=0.2, cosine_similarity=0.9, mismatches=1),
        measurement(max_abs_error=0.3, error_ratio=None, cosine_similarity=None),
        measurement(ignored=True, max_abs_error=9.0),
    )
    modules = (module(dispatches=31, bytes=10, peak_memory_bytes=5), module(dispatches=1, bytes=20))
    times: dict[str, Any] = {"latency": Latency.of([3.0, 1.0, 2.5]), "seconds": {"run": 0.5}}
    found = case_numbers.numbers(outcome(outputs=outputs, modules=modules, peak_memory_bytes=7, **times))
    assert set(found) == set(case_numbers.NAMES)
    assert {name: found[name] for name in ("max_abs_error", "error_ratio", "cosine_similarity", "mismatches")} == {
        "max_abs_error": 0.3,
        "error_ratio": 0.2,
        "cosine_similarity": 0.9,
        "mismatches": 1,
    }
    assert (found["dispatches"], found["module_bytes"], found["peak_memory_bytes"]) == (32, 30, 9)
    assert found["latency_ms"] == 2.5
    assert (found["run_seconds"], found["compile_seconds"], found["compile_cpu_seconds"]) == (0.5, 5.4, 6.2)


def test_a_number_of_which_there_is_none_is_left_out() -> None:
    bare = outcome(Status.FAILED, modules=(), outputs=(), seconds={}, peak_memory_bytes=None)
    assert case_numbers.numbers(bare) == {}
    half = outcome(modules=(module(dispatches=None), module()), outputs=())
    assert "dispatches" not in case_numbers.numbers(half)
    assert case_numbers.numbers(half)["module_bytes"] == 2 * 84_213


def test_the_worst_statistic_is_the_smallest_likeness_or_the_largest_error() -> None:
    outputs = (
        measurement(psnr=30.0, token_match=None, perplexity=1.5, error_mean=0.1),
        measurement(psnr=40.0, token_match=0.9, perplexity=None, error_mean=0.2, kind=Kind.NUMERIC),
        measurement(psnr=math.inf, token_match=0.95, perplexity=1.25, error_deviation=0.3),
    )
    found = case_numbers.numbers(outcome(Status.FAILED, outputs=outputs, modules=()))
    names = ("psnr", "token_match", "perplexity", "error_mean", "error_deviation")
    assert [found[name] for name in names] == [30.0, 0.9, 1.5, 0.2, 0.3]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kind": None}, {"max_abs_error", "error_ratio", "cosine_similarity", "mismatches", "nan"}),
        ({"kind": Kind.NUMERIC}, {"max_abs_error", "error_ratio", "cosine_similarity", "mismatches", "nan"}),
        ({"kind": Kind.NUMERIC, "error_ratio": None}, {"max_abs_error", "cosine_similarity", "mismatches", "nan"}),
        ({"kind": Kind.NAN, "nan": 2}, {"mismatches", "nan"}),
        ({"kind": Kind.SHAPE}, set()),
    ],
)
def test_an_error_that_tells_only_of_a_part_is_no_number_of_the_case(changes: dict[str, Any], told: set[str]) -> None:
    found = case_numbers.numbers(outcome(Status.FAILED, outputs=(measurement(), measurement(**changes)), modules=()))
    assert found.keys() & {"max_abs_error", "error_ratio", "cosine_similarity", "mismatches", "nan"} == told
