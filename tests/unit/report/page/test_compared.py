from harness.core.statuses import Status
from harness.report.comparison import compared
from harness.report.page import page
from harness.report.page.content import Content
from tests.unit.history import samples
from tests.unit.pages import HOSTILE, Parsed
from tests.unit.report.test_comparison import PASSED, side
from tests.unit.report.test_comparison_text import DRIFT, found


def test_a_page_shows_what_differs() -> None:
    shown = Parsed(page.render(Content(comparison=found())))
    (case,) = shown.index["compare"]["cases"]
    assert (case["change"], case["name"], case["status"]) == ("regression", PASSED.id, "passed -> failed numeric")
    assert ", ".join(case["numbers"]) == DRIFT
    assert case["remarks"] == ["output 0 differs"]
    assert shown.texts("h1") == ["1 regression, 1 the same."]
    assert [line.split()[0] for line in shown.texts("p", **{"class": "where"})] == ["side", "side"]
    assert shown.index["answer"]["tone"] == "bad"
    same = compared(side(PASSED), side(PASSED), {})
    assert Parsed(page.render(Content(comparison=same))).index["answer"]["tone"] == "good"


def test_names_of_others_are_no_markup() -> None:
    hostile = samples.case(name=HOSTILE, reason=HOSTILE, status=Status.FAILED)
    text = page.render(Content(comparison=compared(side(samples.case(name=HOSTILE)), side(hostile, number=2), {})))
    assert "<img src=x" not in text
