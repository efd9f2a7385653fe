import time

import pytest

from harness.core.statuses import Kind
from harness.report.causes import cause, grouped
from tests.unit import reports


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("no AMD GPU found", "no AMD GPU found", True),
        ("no GPU here is a gfx942", "no GPU here is a gfx90a", False),
        (
            "https://h/a.irpa?x=1: refused (attempt 6 of 6, at byte 0); x",
            "https://h/b/c: refused (attempt 6 of 6); x",
            True,
        ),
        ("https://h/a: refused", "https://g/a: refused", False),
        ("https://h/a: refused", "https://h/a: 404 Not Found", False),
        ("/m/a.mlir: no such file; correct it", "/m/b.mlir: no such file; correct it", True),
        ("/m/a.mlir: no such file", "/n/a.mlir: no such file", False),
        ("a/b or c/d", "a/c or c/e", False),
    ],
)
def test_errors_have_one_cause_if_only_names_of_files_differ(one: str, other: str, is_same: bool) -> None:  # noqa: FBT001
    first, second = (cause(reports.error(Kind.FETCH, reason=reason)) for reason in (one, other))
    assert (first == second) is is_same


def test_errors_of_another_kind_have_another_cause() -> None:
    assert cause(reports.error(Kind.FETCH)) != cause(reports.error(Kind.DEVICE))


def test_cases_are_grouped_where_the_first_of_them_is_and_failures_never() -> None:
    a, b, c = (reports.error(id=name, reason=reason) for name, reason in (("a", "x"), ("b", "y"), ("c", "x")))
    wrong = reports.failed()
    assert grouped([wrong, a, b, wrong, c]) == [[wrong], [a, c], [b], [wrong]]


@pytest.mark.parametrize("text", ["x", "/x", "(attempt ", "x://", ":/"])
def test_a_long_reason_takes_time_in_proportion(text: str) -> None:
    started = time.process_time()
    cause(reports.error(Kind.TOOL, reason=text * (200_000 // len(text))))
    assert time.process_time() - started < 2
