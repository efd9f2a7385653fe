from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from harness.core.references import Oracle
from harness.core.settings import ProgramSettings, ToolSettings
from harness.core.statuses import Kind
from harness.core.urls import Mirror
from harness.core.variants import Variant
from harness.report import again, facts
from tests.unit import reports
from tests.unit.command_lines import invocation, settings


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], ""),
        (["--good=3.4.0", "--jobs=2", "--repeat=3", "--metric=nan > 0", "--out=x", "--all"], ""),
        (["--backend=rocm", "--chip=gfx942", "--chip=gfx90a"], " --backend rocm --chip gfx942 --chip gfx90a"),
        (["--engine=docker", "--image=rocm", "--gpu=0,2"], " --gpu 0,2 --engine docker --image rocm"),
        (
            ["--compile-only", "--timeout=9", "--run-wrapper=rocprof -x 'a b'"],
            """ --compile-only --run-wrapper 'rocprof -x '"'"'a b'"'"'' --timeout 9.0""",
        ),
        (["--allow-path=/a", "--allow-path=b c", "--trust-flags"], " --allow-path /a --allow-path 'b c' --trust-flags"),
        (["--recompile"], " --recompile"),
        (["--store=/s", "--mirror=https://a=http://m"], " --store /s --mirror https://a=http://m"),
    ],
)
def test_the_command_that_repeats_a_probe(options: list[str], words: str) -> None:
    asked = invocation("bisect", "tiny/clip", *options, environment={"HARNESS_COMMAND": "nox -s quality --"})
    assert again.search_command(asked.settings) == f"nox -s quality -- tiny/clip{words}"


def test_the_command_that_repeats_a_search_selects_the_same_cases() -> None:
    given = settings("tiny", "-k", "clip", "-m", "quick and not slow")
    assert again.search_command(given) == "harness quality tiny -k clip -m 'quick and not slow'"


def test_a_command_begins_with_what_the_user_can_type() -> None:
    assert again.search_command(settings("tiny/clip")) == "harness quality tiny/clip"


def test_results_quote_what_a_case_does_not_say_itself() -> None:
    target = ["--backend=rocm", "--chip=gfx942", "--compile-chip=gfx942", "--compile-chip=gfx90a", "--engine=local"]
    start = {"prefix": ["harness", "quality"]}
    assert again.facts(settings(*target)) == {**start, "compile_chips": ["gfx90a"], "place": ["--engine", "local"]}
    assert again.facts(settings("--specs=a", "--sku=mi300", "--compile-only", "--jobs=2")) == {
        **start,
        "options": ["--specs", "a", "--compile-only", "--sku", "mi300"],
    }


def test_results_quote_where_blobs_and_results_are() -> None:
    options = ["--store=/s", "--out=/o", "--mirror=https://a=http://m"]
    words = ["--out", "/o", "--store", "/s", "--mirror", "https://a=http://m"]
    assert again.facts(settings(*options))["options"] == words


def test_results_of_a_run_quote_its_tools() -> None:
    run = again.facts(invocation("run", "--toolchain=build", "tiny/clip").settings)
    assert (run["command"], run["options"]) == ("run", ["--toolchain", "build"])


def test_secrets_of_a_page_of_wheels_and_of_a_mirror_are_quoted_nowhere() -> None:
    page = "--find-links=https://user:secret@host/page?token=secret"
    mirror = "--mirror=https://a=http://user:secret@m/?token=secret"
    given = settings(page, "--find-links=wheels/here", mirror)
    assert "secret" not in again.search_command(given) + str(again.facts(given))
    assert "--find-links wheels/here" in again.search_command(given)


@pytest.mark.parametrize(("given", "limit"), [([], "2400"), (["--timeout=3"], "6"), (["--timeout=0.5"], "1")])
def test_what_took_too_long_is_repeated_with_twice_the_time(given: list[str], limit: str) -> None:
    facts = again.facts(settings(*given, "--engine=local"))
    slow, wrong = reports.failed(kind=Kind.TIMEOUT), reports.failed()
    report = reports.report(slow, wrong, environment=facts)
    assert again.case_command(slow, report).endswith(f" --engine local --timeout {limit}")
    same = f" --timeout {given[0].partition('=')[2]}" if given else ""
    assert again.case_command(wrong, report).endswith(f" --engine local{same}")


def test_options_of_runs_are_not_for_cases_that_are_only_compiled() -> None:
    target = ["--chip=gfx942", "--compile-chip=gfx90a"]
    facts = again.facts(settings(*target, "--run-wrapper=perf stat", "--verdict=iree-run-module", "--specs=a"))
    ran, compiled = (reports.failed(backend="rocm", chip=chip) for chip in ("gfx942", "gfx90a"))
    report = reports.report(ran, compiled, environment=facts)
    words = " --run-wrapper 'perf stat' --verdict iree-run-module"
    assert again.case_command(ran, report).endswith(f" --chip gfx942 --specs a{words}")
    assert again.case_command(compiled, report).endswith(" --compile-chip gfx90a --specs a")


def test_a_case_of_a_suite_is_repeated_with_its_config() -> None:
    failed = reports.failed(
        model="onnx/node", submodel="test_abs", backend="rocm", chip="gfx1100", config="/c/hip_O3.json"
    )
    words = " onnx/node/test_abs --suite-config /c/hip_O3.json"
    assert again.case_command(failed, reports.report(failed, environment={})).endswith(words)
    compiled = reports.report(failed, environment={"compile_chips": ["gfx1100"]})
    assert again.case_command(failed, compiled).endswith(f"{words} --compile-chip gfx1100")
    assert facts.target(failed) == "hip_O3"
    quoted = again.facts(settings("--specs=onnx_ops", "--out=r", "--engine=docker"))
    search = again.search_of_case(failed, reports.report(failed, environment=quoted))
    assert search == f"harness bisect{words} --engine docker --specs onnx_ops"


def test_a_search_of_a_suite_is_repeated_with_its_configs() -> None:
    asked = settings("x/y", "--specs", "onnx_ops", "--suite-config=a.json", "--suite-config=b.json")
    assert again.search_command(asked) == "harness quality x/y --specs onnx_ops"
    command = again.search_command(asked, has_configs=True)
    assert command == "harness quality x/y --suite-config a.json --suite-config b.json --specs onnx_ops"


def test_a_case_of_a_search_is_repeated_with_its_own_image_or_hip_runtime() -> None:
    rocm = Variant(axis="image", name="rocm-7.2", options=("--image", "rocm-7.2"))
    library = Variant(axis="HIP runtime", name="x.so", sha256="0" * 64, options=("--run-wrapper", "env A=x.so perf"))
    cases = [reports.failed(backend="rocm", chip="gfx942", variant=each) for each in (rocm, library)]
    facts = again.facts(settings("--run-wrapper=perf"))
    last = {"container_engine": {"name": "docker"}, "image": {"image": "rocm-6.4", "digest": "h/n@sha256:1"}}
    report = reports.report(*cases, environment={**facts, **last})
    first, _ = (again.case_command(each, report) for each in cases)
    assert first.endswith(" --engine docker --run-wrapper perf --image rocm-7.2")
    _, second = (again.case_command(each, reports.report(*cases, environment=facts)) for each in cases)
    assert second.endswith(" --run-wrapper 'env A=x.so perf'")


# What a repeated command needs beside the case, its target and its release, with a value other than the default.
QUOTED: dict[str, dict[str, Any]] = {
    "fetch": {"store": Path("/s"), "mirrors": (Mirror(prefix="https://a", url="http://m"),)},
    "release": {"find_links": ("/links",), "wheels": (Path("/w.whl"),)},
    "container": {
        "engine": "docker",
        "image": "rocm",
        "definitions": Path("/images"),
        "debian_mirror": "http://debian",
        "wheel_index": "http://wheels",
        "capabilities": ("SYS_NICE",),
        "memory_bytes": 1 << 30,
    },
    "target": {"compile_chips": ("gfx90a",), "compile_only": True, "sku": "mi300", "gpus": (0, 2)},
    "cases": {
        "specs": Path("/specs"),
        "external_files": Path("/files"),
        "allow_paths": (Path("/allowed"),),
        "trust_flags": True,
        "quarantine": Path("/q.toml"),
        "program": ProgramSettings(function="f"),
    },
    "run": {
        "out": Path("/out"),
        "timeout_s": 9.0,
        "recompile": True,
        "tool_verdict": True,
        "oracle": Oracle.CPU,
        "importer": "2.9.0",
        "run_wrapper": ("rocprof",),
        "emulator": "rocjitsu",
        "emulator_root": Path("/emulators"),
        "pin_defaults": "3.1.0",
        "tools": ToolSettings(folder=Path("/build")),
    },
}
# What each case says itself, what changes no result, secrets, and what reports beside the results.
UNQUOTED = {
    "fetch": {"store_url", "store_key", "cache_bytes", "grants", "connections", "offline", "locked", "update"},
    "release": {"name"},
    "container": {"registry", "variables"},
    "target": {"backend", "chips", "visible", "default_chip"},
    "cases": {
        *("selectors", "is_guessed", "id_contains", "markers", "shard", "durations", "only_failed"),
        *("suite_configs", "default_suite_configs"),
    },
    "run": {
        *("junit_xml", "html", "reuse_passed", "measures_compiler", "time_budget_s", "max_failures", "jobs", "timing"),
    },
}


@pytest.mark.parametrize("part", QUOTED)
def test_each_setting_is_quoted_or_named_as_one_that_need_not_be(part: str) -> None:
    plain = settings("tiny")
    group = getattr(plain, part)
    assert {each.name for each in fields(group)} == QUOTED[part].keys() | UNQUOTED[part]
    for name, value in QUOTED[part].items():
        changed = replace(plain, **{part: replace(group, **{name: value})})
        assert again.facts(changed) != again.facts(plain), name


def test_cases_with_the_same_options_share_them_and_no_others() -> None:
    image = Variant(name="rocm:a", axis="image", options=("--image", "rocm:a"))
    several = [
        reports.outcome(),
        reports.outcome(submodel="vae"),
        reports.outcome(backend="rocm", chip="gfx942"),
        reports.outcome(backend="rocm", chip="gfx90a"),
        reports.outcome(release="3.9.0"),
        reports.outcome(config="a.json"),
        reports.outcome(variant=image),
        reports.failed(Kind.TIMEOUT),
        reports.failed(path="a/b.mlir"),
    ]
    report = reports.report(*several)
    commands = again.CaseCommands(report)
    found = [commands.of(each) for each in several]
    assert found == [again.CaseCommands(report).of(each) for each in several]
    assert len(set(found)) == len(several)
