import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.measurements import FailedCompilation, Judged
from harness.core.outcomes import Outcome, exit_code
from harness.core.statuses import Kind, Phase, Status
from harness.report import console, summary
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
        (reports.outcome(Status.XFAILED, kind=Kind.NAN), f"XFAILED     tiny/clip[cpu]  {TIMES}fails as expected: nan"),
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
    ("module", "failure", "expected"),
    [
        ((), True, "(cached)"),
        ((True,), True, "(cached)"),
        ((True,), False, "(1 of 2 cached)"),
        ((), False, "2.71  run"),
    ],
)
def test_line_tells_that_a_failure_was_cached(module: tuple[bool, ...], failure: bool, expected: str) -> None:  # noqa: FBT001
    modules = tuple(reports.module(cached=each) for each in module)
    case = reports.failed(modules=modules, failed_compilation=FailedCompilation(key="a" * 64, cached=failure))
    assert f"compile {'' if expected.startswith('2') else '2.71 '}{expected}" in console.case_line(case).plain


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([{"error_ratio": 0.5, "max_abs_error": 5e-6}, {"error_ratio": 0.9, "max_abs_error": 9e-8}], "9e-08, 90% of"),
        ([{"error_ratio": 0.5}, {"error_ratio": float("nan")}], ">1000x threshold"),
        ([{"error_ratio": None, "max_abs_error": 2.0}], "max error 2"),
        ([{"error_ratio": 0.0, "max_abs_error": 0.0}], "exact"),
        ([{"error_ratio": 9.0, "ignored": True}], "run 0.12"),
    ],
)
def test_line_tells_the_output_nearest_to_its_threshold(outputs: list[dict[str, float]], expected: str) -> None:
    case = reports.outcome(outputs=tuple(reports.measurement(**each) for each in outputs))
    assert expected in console.case_line(case).plain


def judged(statistic: str, value: float | None, expected: str, share: float) -> Judged:
    return Judged(statistic=statistic, value=value, expected=expected, holds=share <= 1, share=share)


def test_line_tells_the_condition_nearest_to_failing() -> None:
    conditions = (judged("psnr", 52.31, ">= 40", 0.24), judged("cosine_similarity", 0.99998, ">= 0.9999", 0.2))
    outputs = (reports.measurement(error_ratio=70.0, conditions=conditions), reports.measurement())
    case = reports.outcome(outputs=outputs)
    assert console.case_line(case).plain.endswith("  psnr 52.3 dB (>= 40)")
    assert "| 24% |" in summary.render(reports.report(case))
    nearer = reports.measurement(conditions=(judged("perplexity", 1.004, "<= 1.005", 0.8),))
    assert console.case_line(reports.outcome(outputs=(*outputs, nearer))).plain.endswith(
        "  perplexity 1.004 (<= 1.005)"
    )
    exact = reports.measurement(max_abs_error=0.0, error_ratio=0.0, conditions=conditions)
    assert console.case_line(reports.outcome(outputs=(exact,))).plain.endswith("  exact")


def test_summary_counts_in_fixed_order_and_ends_with_the_verdict() -> None:
    assert console.render(FULL).plain.splitlines()[-4:] == [
        "1 case compared nothing (no expected output): tiny/scheduler[cpu]",
        "slowest: sd3/clip[rocm-gfx942] 2.9 s, tiny/vae[cpu] 2.9 s, tiny/clip[cpu] 2.9 s",
        "1 passed, 1 ran, 1 compiled, 1 failed, 1 xfailed, 1 xpassed, 1 unsupported, 1 skipped, 1 error in 12.3 s",
        "Failed: 2 of 9 cases; 1 more ended in an error.",
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
        ((reports.failed(), reports.error()), None, "Failed: 1 of 2 cases; 1 more ended in an error."),
        ((reports.failed(), reports.outcome()), None, "Failed: 1 of 2 cases."),
        ((reports.outcome(), reports.error()), None, "1 error, 0 failed (2 cases)"),
        ((reports.outcome(Status.UNSUPPORTED),), None, "Nothing was tested: 1 unsupported (1 case)"),
        ((reports.outcome(Status.UNSUPPORTED), reports.outcome()), None, "As expected: 2 cases."),
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


@pytest.mark.parametrize(
    ("ratios", "told"),
    [
        ({"clip": 0.81, "vae": 0.8}, "1 case is close to its threshold: tiny/clip[cpu] (81%)"),
        (
            {"clip": 0.81, "vae": 0.95},
            "2 cases are close to their thresholds: tiny/clip[cpu] (81%), tiny/vae[cpu] (95%)",
        ),
    ],
)
def test_what_passes_close_to_its_threshold_is_named(ratios: dict[str, float], told: str) -> None:
    passed = [
        reports.outcome(submodel=name, outputs=(reports.measurement(error_ratio=ratio),))
        for name, ratio in ratios.items()
    ]
    report = reports.report(reports.failed(outputs=(reports.measurement(error_ratio=0.9),)), *passed)
    assert told in console.render(report).plain.splitlines()
    warning = console.annotations(report).splitlines()[-1]
    assert warning == f"::warning title=Close to a threshold::{told.replace('%', '%25')}"


def test_annotations_are_escaped() -> None:
    odd = reports.failed(id="a:b,c%", path="", reason="50%\r\n::warning::\x1b[1mx", logs={}, kind=None)
    (line,) = console.annotations(reports.report(odd)).splitlines()
    assert line.startswith("::error title=FAILED a%3Ab%2Cc%25::50%25%0A::warning::x%0Aagain: nox")


LONG = reports.outcome(
    submodel="attention_overflow",
    status=Status.XFAILED,
    kind=Kind.NAN,
    reason="output 0 (2x16x16xf16): 64 of 512 elements are NaN or infinite and should not be, first at [0, 0, 0]",
    modules=(reports.module(cached=True),),
)


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize(
    "outcome",
    [LONG, *reports.every_status(), reports.outcome(modules=(reports.module(cached=True), reports.module()))],
    ids=lambda outcome: outcome.status,
)
def test_a_line_is_continued_between_words(outcome: Outcome, width: int) -> None:
    one = console.case_line(outcome).plain
    several = console.case_line(outcome, width=width).plain
    assert several.split() == one.split()
    first, *others = several.splitlines()
    assert first.startswith(f"{outcome.status.upper()} ")
    assert all(len(line) <= max(width, 52) for line in [first, *others])
    assert all(line.startswith(" " * 4) for line in others)


@pytest.mark.parametrize(
    ("outcome", "whole"),
    [
        (reports.outcome(outputs=(reports.measurement(error_ratio=0.195),)), "max error 1.1e-06, 19.5% of threshold"),
        (reports.outcome(Status.COMPILED), "compiled only"),
        (reports.outcome(Status.RAN), "nothing compared: the spec has no expected outputs"),
    ],
    ids=lambda value: value.status if isinstance(value, Outcome) else "",
)
def test_what_has_room_in_a_line_of_its_own_is_not_broken(outcome: Outcome, whole: str) -> None:
    first, second = console.case_line(outcome, id_width=14, width=80).plain.splitlines()
    assert second.strip() == whole
    assert first.endswith("run 0.12")


def test_a_long_id_among_others_does_not_move_the_columns_out_of_the_terminal() -> None:
    first = console.case_line(reports.outcome(), id_width=90, width=80).plain.splitlines()[0]
    assert first.rstrip().endswith("2.91 s")
    assert len(first) <= 80


def test_one_cause_is_told_once_with_its_cases() -> None:
    reason = "no AMD GPU found on this machine"
    cases = [reports.error(id=f"sd3/{name}[rocm]", submodel=name, chip=None, reason=reason) for name in "abc"]
    plain = console.render(reports.report(cases[0], reports.failed(), *cases[1:])).plain
    assert plain.startswith(
        "ERROR       3 cases\n"
        "  | device: no AMD GPU found on this machine\n"
        "  cases  sd3/a[rocm], sd3/b[rocm], sd3/c[rocm]\n"
        "  note   flag --a is spelled --b in 3.13.0\n"
        "  log    logs/run.log\n"
        "  again  nox -s quality -- sd3/a sd3/b sd3/c --backend rocm\n"
        "\n"
        "FAILED      tiny/vae[cpu]\n"
    )
    assert plain.count(reason) == 1


def test_one_cause_has_the_tools_of_its_first_case() -> None:
    cases = [reports.error(id=f"m/{name}", work=f".work/{name}", tools=TOOLS, reason="gone") for name in "ab"]
    where = {"iree-compile": "/t/iree-compile", "iree-run-module": "/t/iree-run-module"}
    report = dataclasses.replace(reports.report(*cases), environment={"by_hand": where})
    lines = [line for line in console.render(report).plain.splitlines() if line.startswith("  tool   ")]
    assert [line.split(" && ")[0] for line in lines] == ["  tool   (cd .work/a"] * 2


def test_of_many_cases_with_one_cause_the_first_are_named() -> None:
    cases = [reports.error(id=f"m/c{number}", submodel=f"c{number}") for number in range(40)]
    plain = console.render(reports.report(*cases)).plain
    assert "  cases  m/c0, m/c1, m/c2, m/c3, m/c4, m/c5, m/c6, m/c7, m/c8, m/c9 and 30 more\n" in plain
    assert plain.startswith("ERROR       40 cases\n")


def test_reasons_that_differ_in_a_name_only_are_told_once_and_it_is_said() -> None:
    cases = [reports.error(Kind.FETCH, id=f"m/{each}", reason=f"https://h/{each}.irpa: refused") for each in "ab"]
    plain = console.render(reports.report(*cases)).plain
    assert "  | fetch: https://h/a.irpa: refused\n  cases  m/a, m/b\n  note   the names differ; " in plain


def test_cases_on_several_chips_are_repeated_by_a_command_for_each() -> None:
    cases = [reports.error(chip=chip, id=f"sd3/clip[{chip}]", reason="gone") for chip in ("gfx942", "gfx90a")]
    plain = console.render(reports.report(*cases)).plain
    for chip in ("gfx942", "gfx90a"):
        assert f"  again  nox -s quality -- sd3/clip --backend rocm --chip {chip}\n" in plain


def test_the_line_of_a_case_does_not_repeat_a_cause_that_was_told() -> None:
    line = console.case_line(reports.error(seconds={}), is_told=True).plain
    assert line.endswith("0.00 s   device: as above")


TOOLS = (
    ("iree-compile", "clip.mlir", "-o", "clip.vmfb"),
    ("iree-run-module", "--module=clip.vmfb", "--input=1x4xf32=1 2 3 4"),
)


def test_a_block_ends_with_what_can_be_pasted() -> None:
    outcome = reports.failed(notes=(), kept="outputs/vae", work=".work/vae", tools=TOOLS, reason="wrong")
    tools = {"iree-compile": "/t/iree-compile", "iree-run-module": "/t/iree-run-module"}
    report = dataclasses.replace(reports.report(outcome), environment={"by_hand": tools})
    assert console.render(report, folder=Path("a b/results")).plain.startswith(
        "FAILED      tiny/vae[cpu]\n"
        "  | numeric: wrong\n"
        "  log    'a b/results/logs/run.log'\n"
        "  kept   'a b/results/outputs/vae'\n"
        "  tool   (cd 'a b/results/.work/vae' && /t/iree-compile clip.mlir -o clip.vmfb)\n"
        "  tool   (cd 'a b/results/.work/vae' && /t/iree-run-module --module=clip.vmfb '--input=1x4xf32=1 2 3 4')\n"
        "  again  harness quality tiny/vae --backend cpu\n"
    )


@pytest.mark.parametrize("width", [60, 80])
def test_a_summary_is_continued_between_words_but_its_commands_are_not(width: int) -> None:
    reason = "output 0 (4x17x65xf32): 12 of 4420 elements differ by more than 1e-05, first at [0, 3, 1]: got 1.5"
    report = reports.report(reports.failed(reason=reason), reports.error(), LONG)
    narrow, wide = console.render(report, width=width).plain, console.render(report).plain
    assert narrow.replace("|", "").split() == wide.replace("|", "").split()
    long = [line for line in narrow.splitlines() if len(line) > width]
    assert all(line.startswith(("  again  ", "  tool   ", "  log    ", "  note   ")) for line in long)
