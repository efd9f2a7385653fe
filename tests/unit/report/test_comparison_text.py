import re

from harness.core.comparisons import Comparison
from harness.core.statuses import Kind, Status
from harness.report import comparison_text
from harness.report.comparison import compared
from tests.unit.history import samples
from tests.unit.report.test_comparison import PASSED, side

WRONG = samples.case(Status.FAILED, reason="output 0 differs", inputs="d", error_ratio=4.2, dispatches=40)
DRIFT = "error 10% -> 4.2x (+4100%), dispatches 31 -> 40 (+29%)"
SAME = samples.case(name="tiny/vae")


def found(**allowed: float) -> Comparison:
    return compared(side(PASSED, SAME), side(WRONG, SAME, number=2), allowed)


def test_console() -> None:
    assert comparison_text.console(found(), width=None).plain.splitlines() == [
        "A  side 1  2 cases, IREE 3.13.0, EPYC 9454, run 00000000",
        "B  side 2  2 cases, IREE 3.13.0, EPYC 9454, run 00000000",
        "",
        f"REGRESSION  tiny/clip[cpu]   passed -> failed numeric   {DRIFT}",
        "            output 0 differs",
        "",
        "1 regression, 1 the same",
    ]


def test_all_cases_and_no_difference() -> None:
    same = compared(side(PASSED), side(PASSED), {})
    assert comparison_text.console(same).plain.splitlines()[2:] == ["", "1 the same"]
    listed = comparison_text.console(same, shows_all=True).plain.splitlines()
    assert listed[2:] == ["", "SAME        tiny/clip[cpu]   passed", "", "1 the same"]
    assert comparison_text.markdown(same).splitlines()[0] == "## 1 the same"
    assert "| same | `tiny/clip[cpu]` | passed |  |" in comparison_text.markdown(same, shows_all=True)


def test_no_line_is_wider_than_the_terminal() -> None:
    lines = comparison_text.console(found(dispatches=0.0), width=80).plain.splitlines()
    assert max(map(len, lines)) <= 80
    assert "dispatches 31 -> 40 (+29%), too much" in " ".join(" ".join(lines).split())


def test_markdown() -> None:
    drift = DRIFT.replace(">", "&gt;")
    assert comparison_text.markdown(found()).splitlines() == [
        "## 1 regression, 1 the same",
        "",
        "- side 1 2 cases, IREE 3.13.0, EPYC 9454, run 00000000",
        "- side 2 2 cases, IREE 3.13.0, EPYC 9454, run 00000000",
        "",
        "| change | case | status | numbers |",
        "|---|---|---|---|",
        f"| **regression** | `tiny/clip[cpu]` | passed -&gt; failed numeric<br>output 0 differs | {drift} |",
    ]


def test_notes_and_flaky_cases() -> None:
    flaky = samples.case(Status.FAILED, kind=Kind.CRASH)
    slower = samples.case(name="tiny/vae", device="Xeon", latency_ms=9.0)
    both = compared(side(PASSED, SAME), side(flaky, slower), {})
    text = comparison_text.console(both).plain
    assert "the inputs are the same: flaky" in text
    assert "note: 1 case was on different devices (EPYC 9454 and Xeon): their times and memory do not count" in text
    assert "flaky" in comparison_text.markdown(both)
    assert "different devices" in comparison_text.markdown(both)


def test_numbers_have_units() -> None:
    more = samples.case(compile_seconds=5.0, module_bytes=168_426, latency_ms=2.5, peak_memory_bytes=430_000_000)
    text = comparison_text.console(compared(side(PASSED), side(more), {})).plain
    for part in ("compile 2.50 s -> 5.00 s (+100%)", "size 84.2 kB -> 168.4 kB", "latency 1.25 ms -> 2.5 ms"):
        assert part in text
    assert "memory 215.0 MB -> 430.0 MB" in text
    zero = compared(side(samples.case(dispatches=0)), side(PASSED), {})
    assert "dispatches 0 -> 31\n" in comparison_text.console(zero).plain


def test_hostile_text_is_cleaned() -> None:
    hostile = samples.case(
        Status.FAILED,
        name="a/\x1b[2Jb|c",
        id="a/\x1b[2Jb|c[cpu]",
        reason="\x1b]0;x\x07 <b>::error::",
        device="x\ny",
        release="3\r9",
    )
    both = compared(side(PASSED), side(hostile), {})
    texts = [comparison_text.console(both).plain, comparison_text.markdown(both)]
    assert not any(re.search("[\x00-\x09\x0b-\x1f]", text) for text in texts)
    assert "<b>" not in texts[1]
    assert "b\\|c" in texts[1]


def test_many_rows_are_cut() -> None:
    many = [samples.case(Status.FAILED, name=f"a/{number}") for number in range(1_001)]
    text = comparison_text.markdown(compared(side(), side(*many), {}))
    assert "1 more cases differ." in text
    assert text.count("\n| added |") == 1_000
