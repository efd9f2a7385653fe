import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.core.outcomes import Outcome, Report
from harness.core.statuses import Kind, Status
from harness.report import junit
from tests.unit import reports

# junit-10.xsd of jenkinsci/xunit-plugin: element: (attributes it must have, may have, children it may have).
RERUN = ({"type"}, {"message"}, {"stackTrace", "system-out", "system-err"})
RERUNS = {"rerunFailure", "rerunError", "flakyFailure", "flakyError"}
RESULTS = {"failure", "error", "skipped"}
TEXTS: dict[str, tuple[set[str], set[str], set[str]]] = {
    name: (set(), set(), set()) for name in ("system-out", "system-err", "stackTrace")
}
RULES: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"skipped", "time", "timestamp", "hostname", "id", "package", "file", "log", "url", "group"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name"}, {"time", "classname", "group"}, {*RESULTS, *RERUNS, "system-out", "system-err"}),
    **{name: (set(), {"type", "message"}, set()) for name in RESULTS},
    **dict.fromkeys(RERUNS, RERUN),
    **TEXTS,
}
TIME = re.compile(r"[0-9]+\.[0-9]{3}")
HOSTILE = "\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x1b\\ \x00\x07\ud800\ufffe]]>&<b>'\"\r\nnext\rlast"


def parsed(report: Report) -> ET.Element:
    """Return the rendered report, having applied every rule to it."""
    text = junit.render(report)
    root = ET.fromstring(text.encode())
    assert root.tag == "testsuites"
    for element in root.iter():
        check_element(element)
    check_counts(root)
    keys = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(keys)) == len(keys) == len(report.cases)
    return root


def check_element(element: ET.Element) -> None:
    must, may, children = RULES[element.tag]
    assert must <= set(element.keys()) <= must | may
    assert {child.tag for child in element} <= children
    assert TIME.fullmatch(element.get("time", "0.000"))
    assert len((element.text or "").encode()) <= junit.NODE_BYTES
    assert all(value.strip() == value for name, value in element.items() if name in ("name", "classname"))
    if len(element):
        assert not (element.text or "").strip()


def check_counts(root: ET.Element) -> None:
    """Counts are those of the elements; EnricoMi trusts them, and `tests` includes the skipped."""
    counted = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for suite in root:
        for attribute, tag in counted.items():
            assert suite.get(attribute) == str(len([*suite.iter(tag)]))
    for attribute in ("tests", "failures", "errors"):
        assert root.get(attribute) == str(len([*root.iter(counted[attribute])]))


def only_case(outcome: Outcome) -> ET.Element:
    (case,) = parsed(reports.report(outcome)).iter("testcase")
    return case


def text_of(element: ET.Element, path: str) -> str:
    return element.findtext(path) or ""


def properties_of(root: ET.Element) -> dict[str, str]:
    return {each.attrib["name"]: each.attrib["value"] for each in root.iter("property")}


def test_every_status_at_once_obeys_the_rules() -> None:
    root = parsed(reports.report(*reports.every_status()))
    assert root.attrib == {"name": "harness", "time": "12.340", "tests": "9", "failures": "2", "errors": "1"}
    assert [suite.get("name") for suite in root] == ["sd3 rocm-gfx942 iree-3.13.0", "tiny cpu iree-3.13.0"]
    assert root[1].get("skipped") == "3"
    assert root[1].get("timestamp") == "2026-11-22T18:30:00Z"


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        *((reports.failed(kind), ("failure", str(kind))) for kind in reports.FAILURES),
        *((reports.error(kind), ("error", str(kind))) for kind in reports.NO_VERDICTS),
        (reports.outcome(Status.XPASSED), ("failure", "xpass")),
        (reports.outcome(Status.XFAILED, kind=Kind.NAN), ("skipped", "xfail")),
        (reports.outcome(Status.UNSUPPORTED), ("skipped", "unsupported")),
        (reports.outcome(Status.SKIPPED), ("skipped", "skipped")),
        (reports.outcome(Status.FAILED, kind=None), ("failure", "failed")),
    ],
)
def test_type_of_each_status_and_kind(outcome: Outcome, expected: tuple[str, str]) -> None:
    (found,) = (child for child in only_case(outcome) if child.tag in RESULTS)
    assert (found.tag, found.get("type")) == expected
    assert found.get("message")
    assert found.text


@pytest.mark.parametrize("status", [Status.PASSED, Status.RAN, Status.COMPILED])
def test_what_is_well_has_no_result_element(status: Status) -> None:
    assert {child.tag for child in only_case(reports.outcome(status))} == {"system-out"}


def test_names_stay_the_same_from_release_to_release() -> None:
    case = only_case(reports.error(model="llama3.1", id="llama3.1/clip[rocm-gfx942]"))
    assert case.get("name") == "llama3.1/clip[rocm-gfx942]"
    assert case.get("classname") == "llama3_1.rocm-gfx942"
    assert case.get("time") == "2.912"


def test_cases_of_the_same_name_are_all_kept() -> None:
    same = (reports.outcome(), reports.failed(id="tiny/clip[cpu] (2)"), reports.outcome(), reports.failed(id="\n"))
    names = [case.get("name") for case in parsed(reports.report(*same)).iter("testcase")]
    assert names == ["tiny/clip[cpu]", "tiny/clip[cpu] (2)", "tiny/clip[cpu] (3)", "unnamed"]


def test_message_is_the_first_line_and_the_body_tells_the_story() -> None:
    failure = only_case(reports.failed()).find("failure")
    assert failure is not None
    assert failure.get("message") == "output 0 (4x17x65xf32): 12 of 4420 elements differ"
    assert (failure.text or "").splitlines() == [
        "numeric: output 0 (4x17x65xf32): 12 of 4420 elements differ",
        "first at [0, 3, 1]",
        "flag --a is spelled --b in 3.13.0",
        "log: logs/run.log",
        "again: nox -s quality -- tiny/vae --backend cpu",
        "EXEC @main",
        "[SUCCESS]",
    ]


def test_system_out_has_commands_and_log() -> None:
    assert text_of(only_case(reports.outcome()), "system-out").splitlines() == [
        "+ iree-compile clip.mlir -o clip.vmfb",
        "+ iree-run-module --module=clip.vmfb '--input=1x4xf32=1 2 3 4'",
        "EXEC @main",
        "[SUCCESS]",
    ]


def test_properties_tell_the_environment_and_what_was_not_done() -> None:
    ran, compiled = reports.outcome(Status.RAN, "scheduler"), reports.outcome(Status.COMPILED, "text")
    properties = properties_of(parsed(reports.report(ran, compiled)))
    expected = {
        "engine": "container",
        "iree.release": "3.13.0",
        "iree.compiler_commit": "89ece87b5a02",
        "host.cpu": "EPYC 9454",
        "host.gpus.0.chip": "gfx942",
        "exit_code": "0",
        "tiny/scheduler[cpu].compared": "0",
        "tiny/text[cpu].compile_only": "true",
    }
    assert expected.items() <= properties.items()


@pytest.mark.parametrize("environment", [reports.NOWHERE, {}, {"iree": {"release": True, "odd": [1.5, "\x00\n"]}}])
def test_a_report_without_cases_is_valid_and_keeps_the_exit_code(environment: dict[str, Any]) -> None:
    root = parsed(reports.report(environment=environment, exit_code=130))
    assert (len(root), root.get("tests")) == (1, "0")
    assert properties_of(root)["exit_code"] == "130"


def test_ansi_goes_and_controls_are_spelled_out() -> None:
    case = only_case(reports.failed(id=HOSTILE, reason=HOSTILE, log_tail=HOSTILE, model=HOSTILE))
    expected = "red link #x00#x07#xD800#xFFFE]]>&<b>'\"\nnext\nlast"
    assert text_of(case, "system-out").endswith(expected)
    assert text_of(case, "failure").startswith(f"numeric: {expected}")
    assert case.get("name") == " ".join(expected.split())


def test_a_log_of_11_megabytes_is_cut_to_its_end() -> None:
    log = "\x1b[1m\x1b]unended €\x00line\n" * 550_000 + "the end"
    assert len(log.encode()) > 11_000_000
    case = only_case(reports.failed(log_tail=log, reason=log))
    out = text_of(case, "system-out")
    cut = re.search(r"^\[(\d+) bytes cut; full text in logs/run\.log\]$", out, re.MULTILINE)
    assert cut is not None
    assert int(cut[1]) > 8_000_000
    assert out.startswith("+ iree-compile")
    assert out.endswith("the end")
    assert text_of(case, "failure").endswith("the end")


def test_the_more_cases_the_shorter_their_logs_so_that_gitlab_takes_the_file() -> None:
    long = reports.failed(log_tail="x" * 70_000, reason="x" * 70_000)
    (case, *_) = parsed(reports.report(long, *[reports.outcome()] * 600)).iter("testcase")
    assert 600 * sum(len(child.text or "") for child in case) < 16_000_000


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0, 1e9])
def test_odd_times_are_decimals(seconds: float) -> None:
    parsed(reports.report(reports.outcome(seconds={"run": seconds}), seconds=seconds))


def test_a_case_without_a_log_points_to_the_results() -> None:
    case = only_case(reports.failed(reason="", logs={}, phase=None, log_tail="x" * 99_999, commands={"run": ()}))
    cut = re.fullmatch(r"\[(\d+) bytes cut; full text in results\.json\]\n(x+)", text_of(case, "system-out"))
    assert cut is not None
    assert int(cut[1]) + len(cut[2]) == 99_999
    assert case[0].get("message") == "failed, no reason was given"


@given(text=st.text(), status=st.sampled_from(Status))
@example(text=HOSTILE, status=Status.FAILED)
@example(text="\x1b[" * 40, status=Status.ERROR)
def test_any_text_is_well_formed_and_obeys_the_rules(text: str, status: Status) -> None:
    texts: dict[str, Any] = {"id": text, "reason": text, "log_tail": text, "notes": (text,), "logs": {"run": text}}
    case = reports.outcome(status, model=text, commands={"run": (text,)}, **texts)
    root = parsed(reports.report(case, case, environment={text: text}, started=text))
    assert "\x1b" not in "".join(root.itertext())
