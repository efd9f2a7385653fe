import math
from pathlib import Path
from typing import Any

import pytest

from harness.core.settings import CaseSettings, FetchSettings, ReleaseSettings, RunSettings, Settings, TargetSettings
from harness.core.statuses import Kind, Phase, Status
from harness.packing import repetition, reproducer, script
from harness.packing.plain_names import plain, unused
from harness.packing.private_text import without_folders
from harness.packing.script import Packed
from harness.report import again
from tests.unit.reports import failed, measurement, outcome, report


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.npy", "a.npy"),
        ("iree-3.14.0.dev0+0123abc.whl", "iree-3.14.0.dev0+0123abc.whl"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("-rf", "rf"),
        (".hidden", "hidden"),
        ("two words\n", "two_words_"),
        ("", "file"),
        ("..", "file"),
        ("x" * 300 + ".npy", "x" * 96 + ".npy"),
    ],
)
def test_names_become_plain(name: str, expected: str) -> None:
    assert plain(name) == expected


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert unused("a.npy", {"a.npy", "2_a.npy"}) == "3_a.npy"


def test_homes_and_other_folders_are_taken_out_of_text() -> None:
    folders = {Path("/home/me/work"): ".", Path("/home/me/work/models"): "specs", Path("/"): "x"}
    text = "file:///home/me/work/models/a /home/me/work/b /home/me/worker /home/you/x '/root' /rooted /srv"
    assert without_folders(text, folders) == "specs/a ./b ~/worker ~/x '~' /rooted /srv"


def test_equal_outcomes_repeat() -> None:
    assert repetition.differences(outcome(), outcome()) == []
    assert repetition.differences(failed(), failed()) == []


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ({}, {"max_abs_error": 1e-9}, True),  # both within their threshold
        ({"error_ratio": 3.0, "max_abs_error": 2.0}, {"error_ratio": 5.0, "max_abs_error": 3.9}, True),
        ({"error_ratio": 3.0, "max_abs_error": 2.0}, {"error_ratio": 9.0, "max_abs_error": 4.1}, False),
        ({"error_ratio": 3.0, "max_abs_error": 0.0}, {"error_ratio": 3.0, "max_abs_error": 0.0}, True),
        ({"error_ratio": None, "max_abs_error": None}, {"error_ratio": None, "max_abs_error": None}, True),
        ({"error_ratio": None, "max_abs_error": None}, {"error_ratio": 3.0, "max_abs_error": 1.0}, False),
        (
            {"error_ratio": 3.0, "max_abs_error": math.nan},
            {"error_ratio": 3.0, "max_abs_error": math.nan},
            True,
        ),
        ({"kind": Kind.NAN}, {}, False),
    ],
)
def test_errors_repeat_within_a_factor_of_two(before: dict[str, Any], now: dict[str, Any], *, same: bool) -> None:
    pair = [outcome(outputs=(measurement(**each),)) for each in (before, now)]
    assert (repetition.differences(pair[0], pair[1]) == []) is same


def test_what_differs_is_said() -> None:
    crashed = outcome(Status.FAILED, kind=Kind.CRASH, phase=Phase.RUN, reason="SIGSEGV", outputs=())
    found = repetition.differences(outcome(), crashed)
    assert found == [
        "ended as failed (run: crash), expected passed: SIGSEGV",
        "0 outputs were compared, expected 1",
    ]
    assert not repetition.differences(outcome(Status.RAN, outputs=()), outcome(Status.RAN, outputs=()))


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"status": Status.FAILED, "kind": Kind.CRASH, "phase": Phase.COMPILE}, True),
        ({"status": Status.FAILED, "kind": Kind.CRASH, "phase": Phase.RUN}, False),
        ({"status": Status.FAILED, "kind": Kind.COMPILE, "phase": Phase.COMPILE}, False),
        ({"status": Status.XFAILED, "phase": Phase.COMPILE}, True),
    ],
)
def test_a_crash_of_the_compiler_has_a_reproducer(changes: dict[str, Any], *, wanted: bool) -> None:
    assert reproducer.is_wanted(outcome(**changes)) is wanted


def packed(**changes: Any) -> Packed:
    filled: dict[str, Any] = {"outcome": failed(), "report": report(), "command": "harness quality 'a b'"}
    return Packed(**(filled | {"is_offline": True, "has_reproducer": False, "image": ""} | changes))


def test_the_script_runs_and_checks() -> None:
    lines = script.script(packed()).splitlines()
    assert lines[0] == "#!/bin/sh"
    assert lines[-3:] == ["rm -rf out", "harness quality 'a b' \"$@\" || true", "exec harness repro check ."]


def test_names_in_the_script_stay_on_their_line() -> None:
    text = script.script(packed(outcome=failed(id="a/b\nrm -rf ~[cpu]", release="3\nx")))
    assert not [line for line in text.splitlines() if line.startswith(("rm -rf ~", "x"))]


def test_the_readme_says_what_is_there() -> None:
    text = script.readme(packed())
    assert "No network is needed" in text
    assert "`store/`" in text
    assert "reproducer" not in text
    other = script.readme(packed(is_offline=False, has_reproducer=True, image="cpu", notes=("Mind this.",)))
    assert "iree-opt --run-reproducer reproducer.mlir" in other
    assert "Mind this." in other
    assert "- image: cpu" in other
    assert "`store/`" not in other


def test_the_command_says_all_that_counts() -> None:
    settings = Settings(
        cases=CaseSettings(selectors=("a/b",), specs=Path("specs"), suite_configs=(Path("configs/c.json"),)),
        target=TargetSettings(compile_chips=("gfx942",)),
        fetch=FetchSettings(store=Path("store"), offline=True),
        release=ReleaseSettings(name="3.13.0"),
        run=RunSettings(out=Path("out"), timeout_s=5),
    )
    assert again.exact_command(settings) == (
        "harness quality a/b --suite-config configs/c.json --compile-chip gfx942 --iree 3.13.0 --specs specs "
        "--timeout 5 --out out --store store --offline --no-history"
    )
