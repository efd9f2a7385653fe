import dataclasses
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.outcomes import Kind, Outcome, Phase, Status, exit_code
from harness.report import console
from tests.unit import reports

FULL = reports.report(*reports.every_status())
TIMES = "2.91 s   fetch 0.08  compile 2.71  run 0.12   "


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (reports.outcome(), f"PASSED      tiny/clip[cpu]  {TIMES}max error 1.1e-06, 11% of threshold"),
        (reports.failed(), f"FAILED      tiny/vae[cpu]  {TIMES}numeric: output 0 (4x17x65xf32): 12 of 4420 elem"),
        (reports.error(seconds={}), "ERROR       sd3/clip[rocm-gfx942]  0.00 s   device: no GPU here is a gfx942"),
        (reports.outcome(Status.RAN), f"RAN         tiny/clip[cpu]  {TIMES}nothing compared: the spec has no"),
        (reports.outcome(Status.COMPILED), f"COMPILED    tiny/clip[cpu]  {TIMES}compiled only"),
        (reports.outcome(Status.XFAILED, kind=Kind.NAN), f"XFAILED     tiny/clip[cpu]  {TIMES}as expected: nan"),
        (reports.outcome(Status.XPASSED, reason="stale"), f"XPASSED     tiny/clip[cpu]  {TIMES}stale"),
        (reports.outcome(Status.UNSUPPORTED, reason="no -x"), f"UNSUPPORTED tiny/clip[cpu]  {TIMES}no -x"),
        (reports.outcome(Status.SKIPPED, reason="", seconds={}), "SKIPPED     tiny/clip[cpu]  0.00 s"),
    ],
    ids=lambda value: value.status if isinstance(value, Outcome) else "",
)
def test_line_of_each_status(outcome: Outcome, expected: str) -> None:
    line = console.case_line(outcome)
    squeezed = re.sub(r"(?<=\]) +", "  ", line.plain)
    assert squeezed.startswith(expected)
    assert "\n" not in line.plain
    assert line.spans[0].style == console.STYLES[outcome.status]


@pytest.mark.parametrize(
    ("cached", "expected"),
    [((True,), "compile 2.71 (cached)"), ((True, False), "compile 2.71 (1 of 2 cached)"), ((), "compile 2.71  run")],
)
def test_line_tells_what_was_cached(cached: tuple[bool, ...], expected: str) -> None:
    modules = tuple(reports.module(cached=each) for each in cached)
    assert expected in console.case_line(reports.outcome(modules=modules)).plain


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([{"error_ratio": 0.5, "max_abs_error": 5e-6}, {"error_ratio": 0.9, "max_abs_error": 9e-8}], "9e-08, 90% of"),
        ([{"error_ratio": 0.5}, {"error_ratio": float("nan")}], "nan% of threshold"),
        ([{"error_ratio": None, "max_abs_error": 2.0}], "max error 2"),
        ([{"error_ratio": 0.0, "max_abs_error": 0.0}], "exact"),
        ([{"error_ratio": 9.0, "ignored": True}], "run 0.12"),
    ],
)
def test_line_tells_the_output_nearest_to_its_threshold(outputs: list[dict[str, float]], expected: str) -> None:
    case = reports.outcome(outputs=tuple(reports.measurement(**each) for each in outputs))
    assert expected in console.case_line(case).plain


def test_summary_counts_in_fixed_order_and_ends_with_the_verdict() -> None:
    assert console.render(FULL).plain.splitlines()[-4:] == [
        "1 case compared nothing (no expected output): tiny/scheduler[cpu]",
        "slowest: sd3/clip[rocm-gfx942] 2.9 s, tiny/vae[cpu] 2.9 s, tiny/clip[cpu] 2.9 s",
        "1 passed, 1 ran, 1 compiled, 1 failed, 1 xfailed, 1 xpassed, 1 unsupported, 1 skipped, 1 error in 12.3 s",
        "Failed: 2 of 9 cases.",
    ]


def test_summary_repeats_what_is_not_green_with_all_to_go_on() -> None:
    assert console.render(reports.report(reports.failed(), reports.outcome())).plain.startswith(
        "FAILED      tiny/vae[cpu]\n"
        "  | numeric: output 0 (4x17x65xf32): 12 of 4420 elements differ\n"
        "  | first at [0, 3, 1]\n"
        "  note   flag --a is spelled --b in 3.13.0\n"
        "  log    logs/run.log\n"
        "  again  nox -s quality -- tiny/vae --backend cpu\n"
        "\n"
        "slowest:"
    )


def test_summary_of_all_not_green_statuses_and_no_other() -> None:
    blocks = re.findall(r"^([A-Z]+) +\S+\]$", console.render(FULL).plain, re.MULTILINE)
    assert blocks == ["ERROR", "FAILED", "XPASSED"]


def test_rerun_command_names_the_chip_and_quotes() -> None:
    plain = console.render(reports.report(reports.error(submodel="a b", logs={}))).plain
    assert "again  nox -s quality -- 'sd3/a b' --backend rocm --chip gfx942\n" in plain
    assert "  log " not in plain


@pytest.mark.parametrize(("chips", "option"), [([], "--chip"), (["gfx942"], "--compile-chip"), (["gfx90a"], "--chip")])
def test_rerun_command_has_what_was_asked_of_all_cases(chips: list[str], option: str) -> None:
    environment = {
        "prefix": ["harness", "quality"],
        "options": ["--specs", "a b", "--sku", "mi300"],
        "compile_chips": chips,
    }
    report = dataclasses.replace(reports.report(reports.error()), environment=environment)
    again = f"again  harness quality sd3/clip --backend rocm {option} gfx942 --specs 'a b' --sku mi300\n"
    assert again in console.render(report).plain


@pytest.mark.parametrize(
    ("image", "named"),
    [({"image": "cpu", "digest": None}, "cpu"), ({"image": "cpu", "digest": "host/x@sha256:1"}, "host/x@sha256:1")],
)
def test_rerun_command_names_engine_and_image(image: dict[str, str | None], named: str) -> None:
    environment = {"engine": "container", "image": image, "container_engine": {"name": "podman"}}
    report = dataclasses.replace(reports.report(reports.error()), environment=environment)
    assert f" --engine podman --image {named}\n" in console.render(report).plain


def test_rerun_command_of_a_run_names_the_tools_and_no_release() -> None:
    environment = {"command": "run", "options": ["--toolchain", "build"]}
    outcome = dataclasses.replace(reports.error(), release="3.14.0.dev")
    report = dataclasses.replace(reports.report(outcome), environment=environment)
    again = "again  harness run sd3/clip --backend rocm --chip gfx942 --toolchain build\n"
    assert again in console.render(report).plain


@pytest.mark.parametrize(
    ("known", "named"),
    [({}, "--engine docker --image cpu"), ({"container_engine": {"name": "podman"}}, "--engine podman")],
)
def test_rerun_command_names_the_place_that_was_asked_for_if_none_was_had(known: dict[str, Any], named: str) -> None:
    environment = {"place": ["--engine", "docker", "--image", "cpu"], **known}
    report = dataclasses.replace(reports.report(reports.error()), environment=environment)
    assert f" --chip gfx942 {named}\n" in console.render(report).plain


@pytest.mark.parametrize(
    ("phase", "expected"), [(Phase.COMPILE, "logs/compile.log"), (Phase.RUN, "logs/run.log"), (None, "logs/run.log")]
)
def test_log_is_that_of_the_deciding_step(phase: Phase | None, expected: str) -> None:
    assert f"log    {expected}" in console.render(reports.report(reports.failed(phase=phase))).plain


@pytest.mark.parametrize(
    ("cases", "code", "expected"),
    [
        ((reports.outcome(),), None, "As expected: 1 case."),
        ((), None, "No case was selected, so nothing was run."),
        ((reports.failed(), reports.error()), None, "Failed: 1 of 2 cases."),
        ((reports.outcome(), reports.error()), None, "1 error, 0 failed (2 cases)"),
        ((reports.error(), reports.error()), None, "2 errors, 0 failed (2 cases)"),
        ((reports.outcome(),), 130, "Interrupted: cases that had not finished are errors."),
        ((reports.error(),), 143, "Terminated (SIGTERM): cases that had not finished are errors."),
        ((), 70, "Internal error of the harness (exit code 70): cases that had not finished are errors."),
    ],
)
def test_verdict(cases: tuple[Outcome, ...], code: int | None, expected: str) -> None:
    report = reports.report(*cases, exit_code=exit_code(cases) if code is None else code)
    assert console.render(report).plain.splitlines()[-1] == expected


def test_summary_without_cases() -> None:
    assert console.render(reports.report()).plain.startswith("no cases in 12.3 s\n")


@given(st.text())
def test_no_text_of_a_tool_reaches_the_terminal_raw_or_starts_a_workflow_command(text: str) -> None:
    case = reports.failed(
        reason=f"{text}\n::stop-commands::x\x1b[2J", notes=(text,), logs={"run": text}, submodel=f"\x1b{text}"
    )
    plain = console.render(reports.report(case)).plain + console.case_line(case).plain
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", plain.replace("\t", ""))
    assert not re.search(r"^\s*::", plain, re.MULTILINE)


def test_annotations_are_for_what_is_not_green() -> None:
    lines = console.annotations(FULL).splitlines()
    assert [line[:21] for line in lines] == ["::error title=ERROR s", "::error title=FAILED ", "::error title=XPASSED"]
    assert lines[1] == (
        "::error title=FAILED tiny/vae[cpu],file=quality_tests/tiny/vae_cpu.json::"
        "numeric: output 0 (4x17x65xf32): 12 of 4420 elements differ%0Afirst at [0, 3, 1]"
        "%0Alog: logs/run.log%0Aagain: nox -s quality -- tiny/vae --backend cpu"
    )
    assert console.annotations(reports.report(reports.outcome())) == ""


def test_annotations_are_escaped() -> None:
    odd = reports.failed(id="a:b,c%", path="", reason="50%\r\n::warning::\x1b[1mx", logs={}, kind=None)
    (line,) = console.annotations(reports.report(odd)).splitlines()
    assert line.startswith("::error title=FAILED a%3Ab%2Cc%25::50%25%0A::warning::x%0Aagain: nox")
