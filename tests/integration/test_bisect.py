"""Searches over all stable releases for what they broke, mended and changed, held against one look at all of them."""

import json
import math
import shlex
import signal
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from harness.iree import releases
from tests.integration import transitions
from tests.integration.laboratory import Laboratory, Result
from tests.integration.transitions import PROGRAMS, RELEASES, Cells, Search, Transition, bisect

SLOWLY = ["--run-wrapper", shlex.join(["sh", "-c", 'sleep 0.5; exec "$@"', "sh"])]
TRANSITIONS = list(transitions.transitions())
KEYS = {
    *("schema", "case", "good", "bad", "find", "metric", "releases", "result", "changes", "probes", "commits"),
    *("compare_url", "defaults", "attribution", "commands"),
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory, store_dir: Path) -> Laboratory:
    """Return a laboratory with all programs."""
    lab = Laboratory(tmp_path_factory.mktemp("transitions"), store_dir)
    transitions.write(lab)
    return lab


@pytest.fixture(scope="module")
def whole(programs: Laboratory) -> Result:
    """Judge all programs with all releases."""
    out = programs.root / "matrix"
    cases = [f"toy/{name}" for name in PROGRAMS]
    done = programs.run(*cases, "--out", str(out), "--jobs", "2", command="matrix")
    return Result(code=done.code, text=done.text, out_dir=out)


@pytest.fixture(scope="module")
def cells(whole: Result) -> Cells:
    """Return what the matrix has."""
    return Cells(document=json.loads((whole.out_dir / "matrix.json").read_text()))


def commit(release: str) -> str:
    """Return the commit of a release."""
    return releases.find(release).commit


def link(last: str, first: str) -> str:
    return f"https://github.com/iree-org/iree/compare/{commit(last)[:12]}...{commit(first)[:12]}"


def statuses(search: Search) -> list[str]:
    """Return what JUnit says of the releases, oldest first."""
    suites = ET.parse(search.folder / "junit.xml").getroot()
    assert suites.tag == "testsuites"
    return [
        next((child.tag for child in case if child.tag in {"failure", "skipped"}), "passed")
        for case in suites.iter("testcase")
    ]


def changes_of(cells: Cells, name: str) -> list[tuple[str, str]]:
    """Return the releases on both sides of all changes that the matrix has."""
    seen = cells.seen(name)
    return [(RELEASES[place - 1], RELEASES[place]) for place in range(1, len(seen)) if seen[place] != seen[place - 1]]


def test_the_matrix_has_the_history_of_every_program(whole: Result, cells: Cells) -> None:
    assert whole.code == 1, whole.text
    assert cells.document["releases"] == list(RELEASES)
    assert {name: cells.seen(name) for name in PROGRAMS} == {name: each.history for name, each in PROGRAMS.items()}
    assert [cell["numbers"]["dispatches"] for cell in cells.of("product").values()] == [4] * 9 + [1] * 6


def test_a_matrix_tells_where_a_release_differs(whole: Result, cells: Cells) -> None:
    for name in PROGRAMS:
        marked = [release for release, cell in cells.of(name).items() if cell["differs"]]
        assert marked == [first for _, first in changes_of(cells, name)]
    assert "toy/power[cpu]: 3.2.0 passed -> 3.3.0 failed (nan: output 0" in whole.text
    assert len(whole.report["cases"]) == len(PROGRAMS) * len(RELEASES)
    suites = ET.parse(whole.out_dir / "junit.xml").getroot()
    assert len(list(suites.iter("testcase"))) == len(PROGRAMS) * len(RELEASES)
    assert "| toy/unread\\[cpu\\] | CRASH |" in (whole.out_dir / "matrix.md").read_text()


def test_releases_with_the_same_module_and_another_runtime_are_judged_each(cells: Cells, whole: Result) -> None:
    modules = {}
    for release in ("3.7.0", "3.7.1", "3.8.0", "3.9.0"):
        report = json.loads((whole.out_dir / "probes" / release / "results.json").read_text())
        (case,) = (case for case in report["cases"] if case["submodel"] == "unread")
        modules[release] = case["modules"][0]["sha256"]
    assert modules["3.7.0"] == modules["3.7.1"]
    assert modules["3.8.0"] == modules["3.9.0"]
    assert cells.of("unread")["3.8.0"]["kind"] == "crash"
    assert cells.of("unread")["3.9.0"]["status"] == "passed"


@pytest.mark.parametrize("wanted", TRANSITIONS, ids=lambda each: f"{each.name}-{each.first}")
def test_a_search_finds_what_the_matrix_has(programs: Laboratory, cells: Cells, wanted: Transition) -> None:
    search = bisect(programs, wanted.name, *wanted.question)
    assert search.code == 0, search.text
    start, end = RELEASES.index(wanted.older), RELEASES.index(wanted.newer)
    within = [(last, first) for last, first in changes_of(cells, wanted.name) if start < RELEASES.index(first) <= end]
    assert within == [(wanted.last, wanted.first)]
    assert_answer(search, wanted)
    assert_as_in_the_matrix(search, cells.of(wanted.name))


def assert_answer(search: Search, wanted: Transition) -> None:
    """The answer is the change that is wanted, found with few looks, and told in all ways."""
    found = search.found
    assert found.keys() >= KEYS
    assert (found["schema"], found["case"]) == (1, f"toy/{wanted.name}[cpu]")
    ends = (wanted.newer, wanted.older) if wanted.is_fix else (wanted.older, wanted.newer)
    assert (found["good"], found["bad"]) == ends
    last = "last_bad" if wanted.is_fix else "last_good"
    result = {name: found["result"][name] for name in ("kind", "first", last, "candidates")}
    kind = "first-good" if wanted.is_fix else "first-bad"
    assert result == {"kind": kind, "first": wanted.first, last: wanted.last, "candidates": []}
    assert found["commits"] == {last: commit(wanted.last), "first": commit(wanted.first)}
    assert found["compare_url"] == link(wanted.last, wanted.first)
    assert len(found["probes"]) <= math.ceil(math.log2(len(found["releases"]))) + 2
    assert f"First {'good' if wanted.is_fix else 'bad'} release: {wanted.first}" in search.text
    assert found["compare_url"] in (search.folder / "bisect.md").read_text()


def assert_as_in_the_matrix(search: Search, row: dict[str, Any]) -> None:
    """What was seen of each release is what the matrix has, also in JUnit."""
    for probe in search.found["probes"]:
        cell = row[probe["release"]]
        assert [probe[name] for name in ("status", "kind", "phase", "reason")] == [
            cell[name] for name in ("status", "kind", "phase", "reason")
        ]
        assert probe["verdict"] == {"passed": "good", "failed": "bad"}[probe["status"]]
        assert probe["commit"] == commit(probe["release"])
        assert (search.folder / probe["results"] / "results.json").is_file()
    oldest_first = sorted(search.verdicts, key=RELEASES.index)
    tags = {"good": "passed", "bad": "failure", "skip": "skipped"}
    assert statuses(search) == [tags[search.verdicts[release]] for release in oldest_first]


@pytest.mark.parametrize("name", ["tangent", "absolute", "barrier", "power"])
def test_all_finds_every_change(programs: Laboratory, cells: Cells, name: str) -> None:
    search = bisect(programs, name, "--all")
    assert search.code == 0, search.text
    assert [(each["last"], each["first"]) for each in search.found["changes"]] == changes_of(cells, name)
    assert [each["compare_url"] for each in search.found["changes"]] == [
        link(last, first) for last, first in changes_of(cells, name)
    ]
    assert set(search.verdicts) == set(RELEASES)


def test_all_also_finds_another_message_of_the_same_kind(programs: Laboratory, cells: Cells) -> None:
    search = bisect(programs, "clamped", "--all", "--jobs", "3")
    assert [each["first"] for each in search.found["changes"]] == ["3.3.0", "3.13.0"]
    assert changes_of(cells, "clamped") == [("3.2.0", "3.3.0")]
    assert search.found["result"]["first"] == "3.3.0"


def test_another_message_at_the_bad_end_is_told(programs: Laboratory) -> None:
    search = bisect(programs, "clamped", "--good", "3.0.0", "--bad", "3.13.0")
    assert search.found["result"]["first"] == "3.3.0"
    assert "3.13.0 fails with another message; there may be more than one problem" in search.text


def test_only_the_failure_of_the_bad_end_counts(programs: Laboratory) -> None:
    search = bisect(programs, "absolute", "--good", "3.0.0", "--bad", "3.13.0")
    assert search.code == 3, search.text
    assert search.found["result"]["kind"] == "candidates"
    assert search.found["result"]["candidates"] == ["3.11.0", "3.12.0", "3.13.0"]
    assert (search.verdicts["3.11.0"], search.verdicts["3.12.0"]) == ("skip", "skip")
    assert "skipped" in statuses(search)
    older = bisect(programs, "absolute", "--good", "3.0.0", "--bad", "3.12.0")
    assert older.found["result"]["first"] == "3.11.0"


def test_junit_names_the_log_and_the_command_of_each_failure(programs: Laboratory) -> None:
    search = bisect(programs, "summed", "--good", "3.10.0", "--bad", "3.11.0", "--repeat", "1")
    (failure,) = ET.parse(search.folder / "junit.xml").iter("failure")
    lines = (failure.text or "").splitlines()
    (log,) = (line.removeprefix("log: ") for line in lines if line.startswith("log: "))
    assert (search.folder / log).is_file()
    (again,) = (line.removeprefix("again: harness ") for line in lines if line.startswith("again: "))
    command, *words = shlex.split(again)
    assert "--out" not in words
    repeated = programs.run(*words, command=command)
    assert repeated.verdict == (1, "failed", "numeric"), repeated.text


def test_any_failure_counts_if_asked_for(programs: Laboratory) -> None:
    search = bisect(programs, "absolute", "--good", "3.0.0", "--bad", "3.13.0", "--any-failure")
    assert (search.code, search.found["result"]["first"]) == (0, "3.11.0")
    fix = bisect(programs, "barrier", "--find", "fix", "--bad", "3.0.0", "--good", "3.13.0", "--any-failure")
    assert (fix.code, fix.found["result"]["first"], fix.found["result"]["last_bad"]) == (0, "3.9.0", "3.8.0")


def test_unsupported_releases_become_candidates(programs: Laboratory) -> None:
    search = bisect(programs, "hidden", "--good", "3.0.0", "--bad", "3.13.0")
    assert search.code == 3
    assert search.found["result"]["candidates"] == ["3.8.0", "3.9.0", "3.10.0", "3.11.0"]
    assert search.found["compare_url"] == link("3.7.1", "3.11.0")
    assert {search.verdicts[release] for release in ("3.8.0", "3.9.0", "3.10.0")} == {"skip"}


@pytest.mark.parametrize(
    ("name", "options", "ends", "first"),
    [
        ("summed", [], ("3.10.0", "3.13.0"), "3.11.0"),
        ("expected", [], ("3.10.0", "3.13.0"), "3.11.0"),
        ("transposed", ["--good", "3.1.0"], ("3.1.0", "3.13.0"), "3.7.0"),
        ("tangent", ["--bad", "3.9.0"], ("3.7.1", "3.9.0"), "3.8.0"),
        ("unread", ["--find", "fix"], ("3.13.0", "3.8.0"), "3.9.0"),
        ("softmax", [], ("3.3.0", "3.13.0"), "3.4.0"),
        ("softmax", ["--find", "fix", "--good", "3.3.0"], ("3.3.0", "3.0.0"), "3.1.0"),
    ],
)
def test_ends_that_are_left_out_are_found(
    programs: Laboratory, name: str, options: list[str], ends: tuple[str, str], first: str
) -> None:
    search = bisect(programs, name, *options)
    assert (search.code, search.found["result"]["first"]) == (0, first), search.text
    assert (search.found["good"], search.found["bad"]) == ends


def test_a_number_of_the_case_instead_of_its_status(programs: Laboratory) -> None:
    ends = ("--find", "fix", "--bad", "3.0.0", "--good", "3.13.0")
    search = bisect(programs, "product", "--metric", "dispatches > 2", *ends)
    assert (search.code, search.found["result"]["first"]) == (0, "3.8.0"), search.text
    assert "dispatches: 4 -> 1" in search.text
    assert "--iree-opt-data-tiling defaults to false since 3.8.0rc20250924" in search.text
    error = bisect(programs, "summed", "--metric", "max_abs_error > 2000", "--good", "3.0.0", "--bad", "3.13.0")
    assert error.found["result"]["first"] == "3.11.0"


def test_an_error_is_not_small_where_there_are_nans(programs: Laboratory) -> None:
    search = bisect(programs, "power", "--metric", "max_abs_error > 1", "--good", "3.2.0", "--bad", "3.3.0")
    assert (search.code, search.verdicts) == (3, {"3.3.0": "skip", "3.2.0": "good"}), search.text
    told = bisect(programs, "power", "--metric", "nan > 0 or max_abs_error > 1", "--good", "3.2.0", "--bad", "3.3.0")
    assert told.found["result"]["first"] == "3.3.0"


def test_every_change_of_a_number(programs: Laboratory) -> None:
    search = bisect(programs, "product", "--metric", "dispatches > 2", "--all")
    assert [each["first"] for each in search.found["changes"]] == ["3.8.0"]
    assert "3.8.0: passed, dispatches 4 -> passed, dispatches 1" in search.text


def test_a_default_that_changed_is_no_change_once_it_is_pinned(programs: Laboratory) -> None:
    search = bisect(programs, "summed", "--good", "3.10.0", "--bad", "3.11.0", "--pin-defaults", "good")
    assert search.code == 2
    assert search.verdicts["3.11.0"] == "good"


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("power", ["--good", "3.3.0", "--bad", "3.13.0"], "3.3.0 should be good, but is bad: failed: nan: output 0"),
        ("tangent", ["--good", "3.0.0", "--bad", "3.13.0"], "3.13.0 should be bad, but is good: passed"),
        ("unread", ["--good", "3.0.0", "--bad", "3.13.0"], "add --find fix and use --bad 3.0.0 --good 3.13.0"),
    ],
)
def test_a_wrong_premise_is_told_with_what_was_seen(
    programs: Laboratory, name: str, options: list[str], said: str
) -> None:
    search = bisect(programs, name, *options)
    assert search.code == 2
    assert said in search.text
    assert search.found["result"]["kind"] == "wrong-premise"
    assert (search.found["result"]["first"], search.found["compare_url"]) == (None, None)
    assert len(search.verdicts) <= 2
    assert said in (search.folder / "bisect.md").read_text()


def test_a_flag_that_was_renamed_is_no_change(programs: Laboratory) -> None:
    target = ("--backend", "rocm", "--compile-chip", "gfx942")
    search = bisect(programs, "renamed", *target, "--good", "3.10.0", "--bad", "3.12.0")
    assert search.code == 2, search.text
    every = bisect(programs, "renamed", *target, "--good", "3.10.0", "--bad", "3.12.0", "--all")
    assert [probe["status"] for probe in every.found["probes"]] == ["compiled"] * 3, every.text
    assert every.found["changes"] == []
    assert "No change from 3.10.0 to 3.12.0." in every.text


def test_several_releases_at_once_find_the_same(programs: Laboratory) -> None:
    for wanted in TRANSITIONS[:2]:
        search = bisect(programs, wanted.name, *wanted.question, "--jobs", "3")
        assert (search.code, search.found["result"]["first"]) == (0, wanted.first)
        assert search.verdicts


@pytest.mark.parametrize(
    ("name", "options", "carrier"),
    [
        ("rounded", ["--find", "fix", "--bad", "3.2.0", "--good", "3.3.0"], "compiler"),
        ("transposed", ["--good", "3.6.0", "--bad", "3.7.0"], "compiler"),
        ("unread", ["--find", "fix", "--bad", "3.8.0", "--good", "3.9.0"], "runtime"),
        ("subnormal", ["--good", "3.2.0", "--bad", "3.3.0", "--verdict", "iree-run-module"], "runtime"),
        ("summed", ["--good", "3.10.0", "--bad", "3.11.0"], "unknown"),
    ],
)
def test_what_carries_a_change(programs: Laboratory, name: str, options: list[str], carrier: str) -> None:
    search = bisect(programs, name, *options, "--attribute")
    assert search.code == 0, search.text
    found = search.found["attribution"]
    assert found["carrier"] == carrier
    if found["compiler"]:
        older, newer = (search.found["releases"][place] for place in (0, -1))
        commits = [[found[part][of] for of in ("commit", "runtime_commit")] for part in ("compiler", "runtime")]
        assert commits == [[commit(newer), commit(older)], [commit(older), commit(newer)]]


def test_runs_are_repeated(programs: Laboratory) -> None:
    search = bisect(programs, "summed", "--good", "3.10.0", "--bad", "3.11.0", "--repeat", "3")
    assert (search.code, search.found["result"]["first"]) == (0, "3.11.0")
    folders = {path.parent.relative_to(search.folder / "probes") for path in search.folder.rglob("results.json")}
    again = ("", "/runs/2", "/runs/3")
    assert folders == {Path(f"{release}{run}") for release in ("3.10.0", "3.11.0") for run in again}
    for folder in folders:
        (case,) = json.loads((search.folder / "probes" / folder / "results.json").read_text())["cases"]
        assert case["seconds"]["run"] > 0
    assert {sum(probe["tally"].values()) for probe in search.found["probes"]} == {3}
    assert "3.10.0    passed (3 of 3 runs)" in search.text


FLAKY = """#!/bin/sh
case "$*" in
  */3.13.0-*) kill -SEGV $$ ;;
  */3.12.0-*) echo >> "$0.runs"; [ $(($(wc -l < "$0.runs") % 20)) = REST ] && kill -SEGV $$ ;;
esac
exec "$@"
"""


@pytest.mark.parametrize("rest", [1, 7])
def test_a_case_that_fails_sometimes_is_no_answer(programs: Laboratory, tmp_path: Path, rest: int) -> None:
    """With 3.12.0 one run of 20 fails: the first one, or one after that."""
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(FLAKY.replace("REST", str(rest)))
    wrapper.chmod(0o755)
    search = bisect(
        programs, "product", "--good", "3.10.0", "--bad", "3.13.0", "--run-wrapper", str(wrapper), repeats=True
    )
    assert search.code == 3, search.text
    result = search.found["result"]
    assert (result["kind"], result["candidates"]) == ("candidates", ["3.12.0", "3.13.0"])
    assert search.found["flaky"] == ["3.12.0"]
    (flaky,) = (probe for probe in search.found["probes"] if probe["status"] == "flaky")
    failed, passed = (flaky["tally"][name] for name in ("failed (run: crash)", "passed"))
    assert 7 <= failed + passed <= 60, "fewer than 60 on a slow machine"
    said = f"runs disagree: with 3.12.0, {failed} of {failed + passed} runs failed (run: crash), {passed} passed"
    assert said in search.text
    assert said in (search.folder / "bisect.md").read_text()
    (case,) = json.loads((search.folder / flaky["results"] / "results.json").read_text())["cases"]
    assert case["kind"] == "crash"


def test_the_answer_is_confirmed(programs: Laboratory) -> None:
    search = bisect(programs, "summed", "--good", "3.10.0", "--bad", "3.11.0", repeats=True)
    runs = [sum(probe["tally"].values()) for probe in search.found["probes"]]
    assert 5 <= min(runs) <= max(runs) <= 60, "fewer than 60 on a slow machine"
    compiled = bisect(programs, "transposed", "--good", "3.6.0", "--bad", "3.7.0", repeats=True)
    bad, good = (probe["tally"] for probe in compiled.found["probes"])
    assert (bad, [*good]) == ({"failed (compile: compile)": 2}, ["passed"])
    folder = compiled.folder / "probes" / "3.7.0" / "runs" / "2"
    (case,) = json.loads((folder / "results.json").read_text())["cases"]
    assert not case["failed_compilation"]["cached"], "a repetition compiles again"
    number = bisect(
        programs,
        "product",
        "--metric",
        "dispatches > 2",
        "--find",
        "fix",
        "--bad",
        "3.7.1",
        "--good",
        "3.8.0",
        repeats=True,
    )
    assert {sum(probe["tally"].values()) for probe in number.found["probes"]} == {1}, "modules do not change"


def test_a_release_that_runs_the_same_is_not_run(programs: Laboratory) -> None:
    search = bisect(
        programs, "product", "--all", "--metric", "dispatches > 2", "--good", "3.8.0", "--bad", "3.7.0", "--find", "fix"
    )
    notes = {probe["release"]: probe["notes"] for probe in search.found["probes"]}
    assert set(notes) == {"3.7.0", "3.7.1", "3.8.0"}
    assert notes["3.7.1"] == ["not run: same module and runtime as 3.7.0"]
    assert notes["3.7.0"] == notes["3.8.0"] == []


def test_what_was_seen_can_be_said_again_otherwise(programs: Laboratory) -> None:
    log = programs.root / "seen.jsonl"
    ends = ("--good", "3.0.0", "--bad", "3.13.0")
    first = bisect(programs, "summed", *ends, "--log", str(log))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["release"] for line in lines] == [probe["release"] for probe in first.found["probes"]]
    again = bisect(programs, "summed", *ends, "--replay", str(log))
    assert again.found["result"] == first.found["result"]
    assert not (again.folder / "probes").exists()
    edited = [{**line, "verdict": "bad"} if line["release"] == "3.10.0" else line for line in lines]
    log.write_text("".join(f"{json.dumps(line)}\n" for line in edited))
    other = bisect(programs, "summed", *ends, "--replay", str(log))
    assert (other.found["result"]["first"], other.found["result"]["last_good"]) == ("3.10.0", "3.9.0")
    assert {path.name for path in (other.folder / "probes").iterdir()} == set(other.verdicts) - set(first.verdicts)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_same_command_goes_on(lab: Laboratory, cells: Cells, number: signal.Signals) -> None:
    transitions.write(lab)
    command = ["toy/summed", "--good", "3.0.0", "--bad", "3.13.0", "--repeat", "1", *SLOWLY]
    stopped = lab.interrupted(*command, until=lambda: len(lines_of(lab)) == 2, number=number, command="bisect")
    known = lines_of(lab)
    assert 2 <= len(known) < 6
    if number is signal.SIGINT:
        assert stopped.code == 130, stopped.text
        assert json.loads((lab.root / "results/latest/bisect.json").read_text())["result"]["kind"] == "interrupted"
        assert "run the same command to resume" in stopped.text
    done = lab.run(*command, command="bisect")
    assert done.code == 0, done.text
    assert f"resuming: {len(known)} releases already tested" in done.text
    assert [path.name for path in (lab.root / "results").iterdir() if not path.is_symlink()] == [folder_of(lab).name]
    search = Search(code=done.code, text=done.text, folder=folder_of(lab))
    assert search.found["result"]["first"] == "3.11.0"
    assert list(search.verdicts)[: len(known)] == known
    assert lines_of(lab) == list(search.verdicts)
    assert len(search.verdicts) == 6
    assert_as_in_the_matrix(search, cells.of("summed"))


def test_a_case_that_ends_now_so_and_now_so_is_flaky_and_no_answer(programs: Laboratory, tmp_path: Path) -> None:
    wrapper = tmp_path / "every_second_time"
    wrapper.write_text('#!/bin/sh\nif mkdir "$0.ran" 2>/dev/null; then exec "$@"; fi\nrmdir "$0.ran"; kill -SEGV $$\n')
    wrapper.chmod(0o755)
    ends = ("--good", "3.12.0", "--bad", "3.13.0", "--run-wrapper", str(wrapper))
    search = bisect(programs, "product", *ends, "--repeat", "2")
    assert search.code == 3, search.text
    assert search.found["flaky"] == ["3.13.0", "3.12.0"]
    assert search.found["result"]["kind"] == "unproved"
    assert "1 of 2 runs failed (run: crash), 1 passed" in search.text
    most = bisect(programs, "product", *ends, "--repeat", "3", "--at-least", "2")
    assert {each["status"] for each in most.found["probes"]} <= {"passed", "failed"}
    assert most.found["flaky"] == []


def folder_of(lab: Laboratory) -> Path:
    """Return the only folder of results of a laboratory."""
    (folder,) = (path for path in (lab.root / "results").iterdir() if not path.is_symlink())
    return folder


def lines_of(lab: Laboratory) -> list[str]:
    """Return the releases in the journal of the only search."""
    journals = [path for path in lab.root.glob("results/*/search.jsonl") if not path.parent.is_symlink()]
    text = journals[0].read_text() if journals else ""
    lines = [json.loads(line) for line in text.splitlines(keepends=True)[1:] if line.endswith("\n")]
    return [line["release"] for line in lines if "release" in line]
