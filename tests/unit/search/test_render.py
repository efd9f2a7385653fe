import json
import math
import xml.etree.ElementTree as ET
from dataclasses import fields, replace
from typing import Any

import pytest

from harness.core.cases import Backend
from harness.core.outcomes import Report
from harness.core.variants import Variant
from harness.iree import flags, releases
from harness.iree.flags import ChangedDefault
from harness.report import junit
from harness.search import answer, bisect_json, bisect_markdown, metric, render
from harness.search.axis import Axis
from harness.search.finding import Attribution, Carrier, Finding
from harness.search.probes import Mark, Probe, Question
from tests.unit.searches import finding, names, probe, search_request

LINK = "https://github.com/iree-org/iree/compare/3.1.00000000...3.2.00000000"
FIX = Question(fix=True)
DEFAULT = ChangedDefault(flag="--x", since="3.2.0", old="true", new="false")


def searched(history: str, changes: dict[int, dict[str, Any]] | None = None, **options: Any) -> Finding:
    """Return a finding of a history, in which dots were not tested."""
    of_finding = {
        name: options.pop(name)
        for name in ("stopped", "attribution", "defaults", "pinned", "elapsed_s")
        if name in options
    }
    seen = {
        index: probe(letter, names(99)[index], **(changes or {}).get(index, {}))
        for index, letter in enumerate(history)
        if letter != "."
    }
    return finding(search_request(history, **options), seen, **of_finding)


def test_the_answer_names_hip_runtimes_by_file_and_digest() -> None:
    digests = {name: f"{index}" * 64 for index, name in enumerate(names(3))}
    variants = {
        name: Variant(axis="HIP runtime", name=name, sha256=digest, options=("--run-wrapper", f"env {name}"))
        for name, digest in digests.items()
    }
    axis: dict[str, Any] = {"axis": Axis.HIP, "release": "3.13.0", "variants": variants}
    found = searched("gbb", good=0, bad=2, **axis)
    assert (
        answer.headline(found)
        == "First bad HIP runtime: 3.1.0@sha256:111111111111 (last good: 3.0.0@sha256:000000000000)"
    )
    assert "Tested 3 of 3 HIP runtimes in" in render.render(found)
    assert "| HIP runtime | result |" in bisect_markdown.markdown(found)
    document = json.loads(bisect_json.to_json(found))
    assert (document["axis"], document["release"]) == ("HIP runtime", "3.13.0")
    assert {each["name"]: each["sha256"] for each in document["variants"]} == digests
    cases = bisect_json.outcomes(found)
    assert [(each.release, each.column) for each in cases] == [("3.13.0", name) for name in names(3)]
    text = junit.render(Report(started="", seconds=0, exit_code=0, environment={}, cases=cases))
    assert "tiny/clip[cpu] 3.1.0" in text
    assert "iree-3.13.0 3.1.0@sha256:111111111111" in text
    assert "--run-wrapper 'env 3.1.0'" in text


@pytest.mark.parametrize(
    ("history", "options", "text"),
    [
        ("ggb", {"good": 0, "bad": 2}, "First bad release: 3.2.0 (last good: 3.1.0)"),
        ("bgg", {"good": 2, "bad": 0, "question": FIX}, "First good release: 3.1.0 (last bad: 3.0.0)"),
        (
            "geb",
            {"good": 0, "bad": 2},
            "First bad release: one of 3.1.0, 3.2.0 (the releases between cannot be tested)",
        ),
        ("g..b", {"stopped": True}, "Interrupted: the first bad release is after 3.0.0 and not after 3.3.0; run"),
        ("g...", {"stopped": True}, "Interrupted before both ends were tested; run the same command to resume."),
        ("gg", {"good": 0, "bad": 1}, "3.1.0 should be bad, but is good: passed"),
        (
            "ub",
            {"good": 0, "bad": 1},
            "3.0.0 should be good, but cannot be tested: unsupported: 3.0.0 does not know",
        ),
        (
            "gg",
            {},
            "The newest release should be bad, but 3.1.0 is good: passed. Add --find fix to find since when it is good",
        ),
        ("bb", {}, "No good release from 3.0.0 to 3.1.0: 2 are bad"),
        ("ecbb", {}, "No good release from 3.0.0 to 3.3.0: 2 are bad, 1 fails differently, 1 cannot be tested"),
        ("gg", {"question": FIX, "good": 1}, "No bad release from 3.0.0 to 3.1.0: 2 are good"),
        ("ee", {}, "No bad release from 3.0.0 to 3.1.0: 2 cannot be tested"),
    ],
)
def test_the_answer_in_a_sentence(history: str, options: dict[str, Any], text: str) -> None:
    assert answer.headline(searched(history, **options)).startswith(text)


DISAGREE = "3 of 60 runs failed (compare: numeric), 57 passed"
FLAKY = {"status": "flaky", "kind": None, "phase": None, "reason": DISAGREE, "tally": {"passed": 57, "failed": 3}}


@pytest.mark.parametrize(
    ("history", "index", "ends", "text"),
    [
        ("ggb", 1, (0, 2), f"First bad release: one of 3.1.0, 3.2.0 (runs disagree: with 3.1.0, {DISAGREE})"),
        ("gb", 1, (0, 1), f"3.1.0 should be bad, but is flaky: {DISAGREE}"),
        ("gb", 0, (0, 1), f"3.0.0 should be good, but is flaky: {DISAGREE}"),
        (
            "ggb",
            2,
            (0, None),
            f"The newest release should be bad, but 3.1.0 is good: passed; runs disagree: with 3.2.0, {DISAGREE}",
        ),
        (
            "bbb",
            0,
            (None, None),
            f"No good release from 3.0.0 to 3.2.0: 2 are bad, 1 is flaky; runs disagree: with 3.0.0, {DISAGREE}",
        ),
    ],
)
def test_runs_that_disagree_are_the_answer(history: str, index: int, ends: tuple[int, int], text: str) -> None:
    found = searched(history, {index: FLAKY}, good=ends[0], bad=ends[1])
    assert answer.headline(found) == text
    assert text in render.render(found)
    document = json.loads(bisect_json.to_json(found))
    assert (document["flaky"], document["result"]["first"]) == ([f"3.{index}.0"], None)


def test_all_changes_also_tell_which_releases_are_flaky() -> None:
    told = f"(runs disagree: with 3.1.0, {DISAGREE})"
    none = searched("ggg", {1: FLAKY}, all_changes=True)
    assert answer.headline(none) == f"No change from 3.0.0 to 3.2.0 {told}."
    one = searched("ggb", {1: FLAKY}, all_changes=True)
    assert answer.headline(one) == f"1 change from 3.0.0 to 3.2.0 {told}:"
    assert told in bisect_markdown.markdown(one)


def test_a_flaky_release_that_is_not_beside_the_answer_is_told() -> None:
    found = searched("ggggb", {1: FLAKY}, good=0, bad=4)
    assert answer.headline(found) == "First bad release: 3.4.0 (last good: 3.3.0)"
    assert f"  note      runs disagree: with 3.1.0, {DISAGREE}" in render.render(found).splitlines()


def test_the_number_of_runs_is_told() -> None:
    found = searched("gb", {0: {"tally": {"passed": 59, "ended in an error (run: tool)": 1}}, 1: FLAKY}, good=0, bad=1)
    assert render.probe_line(found, 0).plain.endswith("  passed (59 of 60 runs)")
    assert render.probe_line(found, 1).plain.endswith(f"  {DISAGREE}")


@pytest.mark.parametrize(
    ("history", "question", "advice"),
    [
        ("bg", Question(), "Good and bad are swapped: add --find fix and use --bad 3.0.0 --good 3.1.0"),
        ("gb", FIX, "Good and bad are swapped: remove --find fix and use --bad 3.1.0 --good 3.0.0"),
    ],
)
def test_ends_that_are_swapped_are_told(history: str, question: Question, advice: str) -> None:
    good, bad = (1, 0) if question.fix else (0, 1)
    assert answer.headline(searched(history, question=question, good=good, bad=bad)).endswith(advice)


def test_a_terminal_shows_both_sides_and_what_to_do() -> None:
    numbers = {
        1: {"numbers": {"error_ratio": 0.5, "dispatches": 41.0}, "seconds": 4.5},
        2: {"numbers": {"error_ratio": 7.25}, "seconds": 3.0},
    }
    found = searched("ggb.", numbers, good=0, bad=2, defaults=(DEFAULT,), elapsed_s=9.51)
    text = render.render(found)
    lines = text.splitlines()
    assert lines[1:] == [
        "  3.1.0     passed",
        "  3.2.0     failed: numeric: output 0: 12 of 44 differ",
        "  error_ratio: 0.5 -> 7.25",
        f"  commits   {LINK}",
        "  again     nox -s quality -- tiny/clip --iree 3.1.0",
        "  again     nox -s quality -- tiny/clip --iree 3.2.0",
        "  note      --x defaults to false since 3.2.0 (before: true)",
        "There may be more changes between untested releases; use --all to test every release.",
        "Tested 3 of 4 releases in 9.5 s; compiling and running took 7.5 s.",
    ]
    assert "There may be more" not in render.render(searched("ggb", good=0, bad=2))


def test_a_failure_with_another_message_at_the_bad_end_is_told() -> None:
    other = {2: {"reason": "output 1: all differ"}}
    said = "3.2.0 fails with another message; there may be more than one problem: failed: numeric: output 1: all differ"
    assert said in render.render(searched("gbb", other, good=0, bad=2))
    assert said in render.render(searched("gbb", other)), "also if the search found this end"
    fix = searched("bbg", {0: {"reason": "output 1: all differ"}}, question=FIX)
    assert said.replace("3.2.0", "3.0.0") in render.render(fix)
    assert "another message" not in render.render(searched("gbb", {0: {"reason": "x"}}))


def test_each_other_message_is_told_once() -> None:
    other = {"reason": "output 1: all differ"}
    text = render.render(searched("gbbbb", {2: other, 4: other, 3: {"reason": "output 2: none"}}))
    assert "3.4.0 and 1 more fail with another message" in text
    assert "3.3.0 fails with another message" in text


def test_a_metric_is_shown_with_its_number() -> None:
    question = Question(metric=metric.parse("dispatches > 40"))
    numbers = {0: {"numbers": {"dispatches": 40}}, 1: {"numbers": {"dispatches": 41}}}
    found = searched("gg", numbers, good=0, bad=1, question=question)
    assert {"  bad if    dispatches > 40", "  dispatches: 40 -> 41"} < {*render.render(found).splitlines()}
    line = render.probe_line(found, 1).plain
    assert line == "BAD   3.1.0     0.00 s                   passed, dispatches 41"
    table = bisect_markdown.markdown(found)
    assert "A release is bad if `dispatches > 40`." in table
    assert "| release | result | dispatches | status | runs | seconds |" in table
    assert "| 3.0.0 | good | 40 | `passed` | 1 | 0.0 |" in table


def test_a_line_says_how_many_releases_are_left() -> None:
    found = searched("g......b", good=0, bad=7)
    line = render.probe_line(found, 7, steps_left=found.steps_left)
    assert line.plain == "BAD   3.7.0     0.00 s   about 3 left    failed: numeric: output 0: 12 of 44 differ"
    assert render.probe_line(searched("gb", good=0, bad=1), 1).plain.startswith("BAD   3.1.0     0.00 s            ")


def test_a_line_fits_the_terminal() -> None:
    found = searched("g......b", {7: {"reason": "output 0: " + "12 of 44 elements differ, " * 5}}, good=0, bad=7)
    lines = render.probe_line(found, 7, steps_left=3, width=60).plain.splitlines()
    assert lines[0] == "BAD   3.7.0     0.00 s   about 3 left"
    assert all(len(line) <= 60 and line.startswith("      ") for line in lines[1:])
    assert " ".join(" ".join(lines).split()) == " ".join(render.probe_line(found, 7, steps_left=3).plain.split())


def test_the_answer_fits_the_terminal_and_what_is_pasted_stays_whole() -> None:
    reason = "output 0: " + "12 of 44 elements differ, " * 5
    found = searched("ggb.", {2: {"reason": reason}}, good=0, bad=2, defaults=(DEFAULT,))
    lines = render.render(found, width=60).splitlines()
    assert "  again     nox -s quality -- tiny/clip --iree 3.2.0" in lines
    assert f"  commits   {LINK}" in lines
    assert all(len(line) <= 60 for line in lines if LINK not in line)
    assert "between untested releases; use\n--all to test every release." in "\n".join(lines)
    whole = render.render(found)
    assert " ".join(whole.split()) == " ".join(" ".join(lines).split())


def test_no_change_is_said_to_be_none() -> None:
    assert "No change from 3.0.0 to 3.2.0." in render.render(searched("ggg", all_changes=True)).splitlines()


def test_every_change_of_a_number_is_listed_with_it() -> None:
    question = Question(metric=metric.parse("dispatches > 40"))
    numbers = {0: {"numbers": {"dispatches": 40}}, 1: {"numbers": {"dispatches": 41}}}
    found = searched("gg", numbers, question=question, all_changes=True)
    assert "  3.1.0: passed, dispatches 40 -> passed, dispatches 41" in render.render(found).splitlines()


def test_only_numbers_that_are_seen_to_differ_are_listed() -> None:
    alike = {"cosine_similarity": 0.99999991, "peak_memory_bytes": 1.0, "run_seconds": 1.0, "mismatches": 1.0}
    other = {"cosine_similarity": 0.99999992, "peak_memory_bytes": 2.0, "run_seconds": 2.0, "mismatches": 2.0}
    text = render.render(searched("gb", {0: {"numbers": alike}, 1: {"numbers": other}}, good=0, bad=1))
    assert [line for line in text.splitlines() if ": " in line and " -> " in line] == ["  mismatches: 1 -> 2"]


def test_what_was_not_run_again_is_told_in_its_line() -> None:
    note = "not run: same module and runtime as 3.0.0"
    found = searched("gb", {1: {"notes": ("--a is --b", note)}})
    assert render.probe_line(found, 1).plain.endswith(f"differ   {note}")


def test_what_causes_the_change() -> None:
    other = probe("b", "compiler 3.1.0, runtime 3.0.0")
    attribution = Attribution(carrier=Carrier.COMPILER, compiler=other, runtime=probe("g", "compiler 3.0.0, ..."))
    text = render.render(searched("gb", attribution=attribution))
    assert "note      The compiler causes the change." in text
    assert "note        compiler 3.1.0, runtime 3.0.0: failed: numeric" in text


def test_every_change_is_listed() -> None:
    found = searched("gbe.cg", all_changes=True)
    text = render.render(found)
    assert text.startswith("3 changes from 3.0.0 to 3.5.0:\n")
    assert "  3.1.0: passed -> failed: numeric: output 0: 12 of 44 differ" in text
    assert "  one of 3.2.0, 3.3.0, 3.4.0: failed: numeric" in text
    changes = json.loads(bisect_json.to_json(found))["changes"]
    assert [(each["last"], each["first"], each["candidates"]) for each in changes] == [
        ("3.0.0", "3.1.0", []),
        ("3.1.0", None, ["3.2.0", "3.3.0", "3.4.0"]),
        ("3.4.0", "3.5.0", []),
    ]


def test_bisect_json() -> None:
    document = json.loads(bisect_json.to_json(searched("ggb", {2: {"numbers": {"nan": 1.0}}}, good=0, bad=2)))
    assert (document["schema"], document["case"]) == (1, "tiny/clip[cpu]")
    assert (document["good"], document["bad"]) == ("3.0.0", "3.2.0")
    result: dict[str, Any] = {
        "kind": "first-bad",
        "last_good": "3.1.0",
        "last_bad": None,
        "first": "3.2.0",
        "candidates": [],
    }
    assert {name: document["result"][name] for name in result} == result
    assert document["commits"] == {"last_good": f"{'3.1.0':0<40}", "first": f"{'3.2.0':0<40}"}
    assert document["compare_url"] == LINK
    assert [(each["release"], each["verdict"], each["status"]) for each in document["probes"]] == [
        ("3.0.0", "good", "passed"),
        ("3.1.0", "good", "passed"),
        ("3.2.0", "bad", "failed"),
    ]
    assert {"reason", "seconds", "kind", "phase", "signature", "numbers"} <= document["probes"][2].keys()
    assert document["commands"]["3.2.0"] == "nox -s quality -- tiny/clip --iree 3.2.0"


@pytest.mark.parametrize(
    ("history", "options", "result"),
    [
        ("bg", {"question": FIX}, {"kind": "first-good", "last_good": None, "last_bad": "3.0.0", "first": "3.1.0"}),
        ("geb", {}, {"kind": "candidates", "last_good": "3.0.0", "first": None, "candidates": ["3.1.0", "3.2.0"]}),
        ("bb", {"good": 0, "bad": 1}, {"kind": "wrong-premise", "first": None}),
        ("eb", {"good": 0, "bad": 1}, {"kind": "unproved", "first": None}),
        ("g.b", {"stopped": True}, {"kind": "interrupted", "first": None, "candidates": []}),
    ],
)
def test_the_result_in_bisect_json(history: str, options: dict[str, Any], result: dict[str, Any]) -> None:
    document = json.loads(bisect_json.to_json(searched(history, **options)))
    assert {name: document["result"][name] for name in result} == result


def test_ends_that_were_looked_for_are_named() -> None:
    document = json.loads(bisect_json.to_json(searched("gggb")))
    assert (document["good"], document["bad"]) == ("3.2.0", "3.3.0")


def test_commits_that_are_not_known_have_no_link() -> None:
    found = searched("gb", {0: {"commit": None}})
    assert json.loads(bisect_json.to_json(found))["compare_url"] is None
    assert "commits" not in render.render(found)
    assert json.loads(bisect_json.to_json(searched("bb", good=0, bad=1)))["commits"] == {}


def test_an_issue_has_all_that_is_known() -> None:
    reason = "model.mlir:1:1: error: no ```op``` | here"
    text = bisect_markdown.markdown(searched("gc", {1: {"reason": reason}}, defaults=(DEFAULT,)))
    assert text.startswith("## tiny/clip[cpu]: First bad release: 3.1.0 (last good: 3.0.0)\n\nCommits: ")
    assert f"````text\n{reason}\n````" in text
    assert "**3.1.0**: failed (compile) with `nox -s quality -- tiny/clip --iree 3.1.0`" in text
    assert "- --x defaults to false since 3.2.0 (before: true)" in text
    assert "| 3.1.0 | bad | ```` failed: compile: model.mlir:1:1: error: no ```op``` \\| here ```` | 1 | 0.0 |" in text


def test_the_releases_are_cases_for_junit() -> None:
    found = searched("geb", good=0, bad=2)
    outcomes = bisect_json.outcomes(found)
    report = Report(started="2026-11-26T00:00:00Z", seconds=1, exit_code=3, environment={}, cases=outcomes)
    root = ET.fromstring(junit.render(report))
    cases = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert list(cases) == ["tiny/clip[cpu] 3.0.0", "tiny/clip[cpu] 3.1.0", "tiny/clip[cpu] 3.2.0"]
    assert [next(iter(tags), "") for tags in cases.values()] == ["", "skipped", "failure"]
    assert "First bad release: one of" in ET.tostring(root, encoding="unicode")


def test_junit_has_one_command_and_one_log_for_each_failure() -> None:
    log = "probes/3.1.0/logs/clip/run.log"
    outcomes = bisect_json.outcomes(searched("gb", {1: {"log": log}}, good=0, bad=1))
    report = Report(started="2026-11-26T00:00:00Z", seconds=1, exit_code=0, environment={}, cases=outcomes)
    (failure,) = ET.fromstring(junit.render(report)).iter("failure")
    lines = (failure.text or "").splitlines()
    assert [line for line in lines if line.startswith(("again:", "log:"))] == [
        f"log: {log}",
        "again: harness quality tiny/clip --backend cpu --iree 3.1.0",
    ]
    without = replace(report, cases=bisect_json.outcomes(searched("gb", good=0, bad=1)))
    assert "log:" not in junit.render(without)


def test_junit_repeats_a_bare_program_by_its_path() -> None:
    outcomes = bisect_json.outcomes(searched("gb", path="repro.mlir", submodel="repro"))
    asked = {"program": ["--function=f"]}
    report = Report(started="2026-11-26T00:00:00Z", seconds=1, exit_code=0, environment=asked, cases=outcomes)
    assert "again: harness quality repro.mlir --function=f --backend cpu --iree 3.1.0" in junit.render(report)


def test_an_entry_can_be_replayed() -> None:
    found = searched("gb")
    entry = bisect_json.entry(found, 1)
    assert (entry["release"], entry["verdict"]) == ("3.1.0", Mark.BAD)
    assert {each.name for each in fields(Probe)} <= entry.keys()


def test_a_default_that_changed_between_both_sides_may_be_the_change() -> None:
    history = "g" * 8 + "b" * 2
    tiling = flags.changed_defaults(releases.of_build("3.7.0"), releases.of_build("3.8.0"), Backend.CPU)
    text = render.render(searched(history, defaults=tiling))
    since = "--iree-opt-data-tiling defaults to false since 3.8.0rc20250924 (before: true)"
    assert f"note      {since}; this may be the cause: repeat with --pin-defaults 3.7.0 to find out" in text
    other = render.render(searched("gb" + "." * 8, defaults=tiling, bad=1))
    assert f"note      {since}\n" in other
    pinned = render.render(searched(history, defaults=tiling, pinned="3.0.0"))
    assert f"note      {since}; this search uses the default of 3.0.0 for all releases\n" in pinned


def test_a_number_may_be_infinite() -> None:
    numbers = {0: {"numbers": {"psnr": math.inf}}, 1: {"numbers": {"psnr": 66.125}}}
    found = searched("gb", numbers, good=0, bad=1)
    assert "psnr: inf -> 66.125" in render.render(found)
    assert "inf" in bisect_markdown.markdown(found)
    assert '"psnr": "inf"' in bisect_json.to_json(found)


ONE, OTHER = "MI300X (hip, gfx942, GPU-1)", "MI300X (hip, gfx942, GPU-2)"


@pytest.mark.parametrize(
    ("devices", "text"),
    [
        (((ONE,), (ONE,)), f"device    {ONE}"),
        (((ONE,), (OTHER,)), f"different devices, which may be the cause: 3.0.0 on {ONE}, 3.1.0 on {OTHER}"),
        (((ONE, OTHER), (ONE,)), f"different devices, which may be the cause: 3.0.0 on {ONE} and on {OTHER}, 3.1.0 on"),
    ],
)
def test_the_answer_names_the_device(devices: tuple[tuple[str, ...], ...], text: str) -> None:
    found = searched("gb", {index: {"devices": each} for index, each in enumerate(devices)}, good=0, bad=1)
    said = [line for line in render.render(found).splitlines() if "device" in line]
    assert len(said) == 1
    assert text in said[0]
    assert ONE in bisect_markdown.markdown(found).replace("\\", "")
