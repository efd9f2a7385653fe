"""The commands beside `quality`, the files it leaves, and the original suite's way."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from harness.cli.arguments import parser
from tests.integration.laboratory import ADD, TUNER, A, B, Laboratory, Result, clean_environment
from tests.integration.warm import HARNESS, ran
from tests.unit.pages import Parsed

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "harness" / "report" / "results.schema.json"


def test_plan_prints_a_script_that_does_it_and_runs_nothing(lab: Laboratory, toolchain: Any) -> None:
    lab.spec()
    result = lab.run("toy", command="plan")
    assert result.code == 0
    assert not lab.out.exists()
    tools = toolchain("3.13.0")
    folder = lab.root / "by hand"
    folder.mkdir()
    path = f"{tools.iree_compile.parent}:{tools.iree_run_module.parent}:/usr/bin:/bin"
    subprocess.run(["sh", "-e", "-c", result.text], cwd=folder, env={"PATH": path}, check=True)
    assert np.load(folder / "0.npy").tolist() == (A + B).tolist()


def test_plan_says_what_is_there_and_what_is_to_come(lab: Laboratory, server: str, tmp_path: Path) -> None:
    lab.store_dir = lab.root / "store"
    signed = f"{server}/w.irpa?sig=s1gnature"
    lab.spec(mlir=f"{server}/add.mlir", real_weights=signed, inputs=[{"source": f"{server}/lost.npy"}], outputs=None)
    (tmp_path / "www" / "add.mlir").write_text(ADD)
    (tmp_path / "www" / "w.irpa").write_bytes(bytes(66_000))

    def forecast(*options: str) -> list[str]:
        planned = lab.run("toy", *options, command="plan")
        assert planned.code == 0, planned.text
        assert "s1gnature" not in planned.text
        return planned.text.partition("\n\n")[2].splitlines()

    shown = f"{server}/w.irpa?sig=***"
    known = forecast()
    assert known[:4] == [
        f"#    {len(ADD)} B  to fetch  {server}/add.mlir",
        f"#        ?  to fetch  {server}/lost.npy",
        f"#  66.0 kB  to fetch  {shown}",
        "# 3 blobs: 3 to fetch (66.1 kB and 1 of unknown size), 0 cached (0 B), 0 local",
    ]
    assert known[4].startswith(f"# disk space needed in {lab.store_dir}: 66.1 kB and 1 of unknown size; free: ")
    assert not lab.store_dir.exists()
    assert forecast("--offline")[2] == f"#        ?  to fetch  {shown}"
    assert lab.run(command="lock").code == 3
    assert forecast("--offline")[2] == f"#  66.0 kB  cached    {shown}"
    shutil.rmtree(lab.store_dir)
    assert forecast("--offline")[2] == f"#  66.0 kB  to fetch  {shown}", "as the lock has it"


def test_plan_needs_no_host_that_answers(lab: Laboratory, server: str) -> None:
    lab.spec(mlir=f"{server}/stall/add.mlir", real_weights="http://127.0.0.1:9/w.irpa")
    planned = lab.run("toy", command="plan", environment={"HTTPS_PROXY": "no proxy", "SSL_CERT_FILE": "/nowhere"})
    assert planned.code == 0
    assert "#        ?  to fetch  http://127.0.0.1:9/w.irpa" in planned.text


def test_plan_translates_flags_and_says_so(lab: Laboratory) -> None:
    lab.spec("add_rocm", compiler_flags=["--iree-hal-target-device=hip", "--iree-rocm-waves-per-eu=2"])
    text = lab.run("toy", "--compile-chip", "gfx942", "--iree", "3.9.0", command="plan").text
    assert "--iree-hip-target=gfx942" in text
    assert "# --iree-rocm-waves-per-eu=2 becomes --iree-hip-waves-per-eu=2 on 3.9.0" in text


def test_plan_shows_flags_for_a_release_and_pinned_defaults(lab: Laboratory) -> None:
    lab.spec(flags_for={"<3.5": ["--iree-opt-level=O1"], ">=3.5": ["--iree-opt-level=O2"]})
    text = lab.run("toy", "--iree", "3.2.0", "--pin-defaults", "3.13.0", command="plan").text
    assert [line for line in text.partition("\n\n")[0].splitlines() if line.startswith("# ")][1:-1] == [
        "# flags_for '<3.5' adds --iree-opt-level=O1 on 3.2.0",
        "# --iree-opt-data-tiling=false added: the default of 3.13.0",
        "# --iree-llvmcpu-reassociate-fp-reductions=false added: the default of 3.13.0",
        "# --iree-opt-level=O1 becomes --iree-opt-outer-dim-concat=true --iree-opt-strip-assertions=true on 3.2.0",
    ]
    (compilation,) = (line for line in text.splitlines() if line.startswith("iree-compile"))
    assert " --iree-opt-data-tiling=false --iree-llvmcpu-reassociate-fp-reductions=false " in compilation


def test_defaults_are_pinned_to_those_of_a_release_that_there_is(lab: Laboratory) -> None:
    lab.spec()
    for command in ("quality", "plan"):
        result = lab.run("toy", "--pin-defaults", "3.99.0", command=command)
        assert result.code == 2
        assert "error: 3.99.0: no such IREE release; " in result.text
    assert not lab.out.exists()


def test_list_names_the_cases(lab: Laboratory) -> None:
    lab.spec()
    lab.spec("add_rocm")
    assert lab.run("toy", command="list").text == "toy/add[cpu]\n"
    chips = lab.run("toy", "--chip", "gfx942", "--compile-chip", "gfx90a", "--json", command="list")
    assert [case["id"] for case in json.loads(chips.text)] == ["toy/add[rocm-gfx942]", "toy/add[rocm-gfx90a]"]
    assert set(json.loads(chips.text)[0]) == {"id", "model", "submodel", "backend", "chip", "path"}


def test_list_says_for_which_backends_there_are_models(lab: Laboratory) -> None:
    lab.spec()
    lab.spec("add_rocm")
    lab.spec("other_rocm")
    nothing = lab.run("--backend", "cuda", command="list")
    assert nothing.code == 2
    known = "1 is for cpu and 2 are for rocm; choose one with --backend."
    assert nothing.text == f"error: No selected spec is for the backend cuda, but {known}\n"
    assert "cpu, but 1 is for rocm; choose" in lab.run("toy/other", command="list").text


def test_validate_counts_the_specs(lab: Laboratory) -> None:
    lab.spec()
    assert lab.run(command="validate").text == "1 spec is valid.\n"


def test_validate_names_missing_tuning_specs_and_refuses_them_where_they_should_be(lab: Laboratory) -> None:
    lab.spec("add_rocm", tuner_file={"mi300": "spec.mlir"})
    result = lab.run(command="validate")
    assert result.code == 0
    assert "1 spec is valid." in result.text
    assert "notice: missing tuning spec spec.mlir: --sku mi300 needs it for toy/add; " in result.text
    outside = lab.root / "outside"
    outside.mkdir()
    refused = lab.run("--external-files", str(outside), command="validate")
    assert refused.code == 2
    assert "$.tuner_file.mi300: file 'spec.mlir' not found beside the spec or in --external-files" in refused.text
    (outside / "spec.mlir").touch()
    assert lab.run("--external-files", str(outside), command="validate").text == "1 spec is valid.\n"


def test_a_missing_tuning_spec_holds_up_only_the_sku_that_needs_it(lab: Laboratory) -> None:
    lab.spec()
    lab.spec("add_rocm", tuner_file={"mi300": "spec.mlir"})
    refused = lab.run("--chip", "gfx942", "--sku", "mi300", command="list")
    assert refused.code == 2
    assert "pass that folder with --external-files" in refused.text
    on_rocm = "toy/add[rocm-gfx942]\n"
    assert lab.run("--chip", "gfx942", command="list").text == on_rocm
    assert lab.run("--chip", "gfx942", "--sku", "mi308", command="list").text == on_rocm
    assert lab.run("--sku", "mi300", command="list").text == "toy/add[cpu]\n"


def test_fetch_says_what_cannot_be_had(lab: Laboratory) -> None:
    lab.spec()
    assert lab.run(command="fetch").code == 0
    (lab.model_dir / "sum.bin").unlink()
    result = lab.run(command="fetch")
    assert result.code == 3
    assert "sum.bin" in result.text
    assert "3 of 4 blobs available" in result.text


def test_what_was_fetched_is_all_that_a_run_needs(lab: Laboratory, server: str, tmp_path: Path) -> None:
    """No wheel is in a cache of uv, and the server has nothing any more."""
    flags = {"<3.12": [f"--iree-codegen-transform-dialect-library={server}/tuner.mlir"]}
    lab.spec(mlir=f"{server}/add.mlir", flags_for=flags)
    for name, text in {"add.mlir": ADD, "tuner.mlir": TUNER}.items():
        (tmp_path / "www" / name).write_text(text)
    lab.store_dir, asked = lab.root / "store", ("toy", "--iree", "3.11.0")
    apart = {"UV_CACHE_DIR": str(lab.root / "uv")}
    fetched = lab.run(*asked, command="fetch")
    assert fetched.code == 0, fetched.text
    assert "\nready     IREE 3.11.0, local\n" in fetched.text
    assert "5 of 5 blobs available" in fetched.text
    for name in ("add.mlir", "tuner.mlir"):
        (tmp_path / "www" / name).unlink()
    offline = lab.run(*asked, "--offline", environment=apart)
    assert offline.verdict == (0, "passed", None), offline.text
    assert offline.report["environment"]["iree"]["release"] == "3.11.0"
    again = lab.run(*asked, "--offline", command="fetch", environment=apart)
    assert again.code == 0, again.text
    other = lab.run("toy", "--offline", command="fetch", environment=apart)
    assert other.code == 3
    assert "ERROR     fetch: Cannot install IREE 3.13.0; run once without --offline." in other.text
    assert "4 of 4 blobs available" in other.text


def test_fetch_says_for_which_cases_it_has_nothing(lab: Laboratory) -> None:
    lab.spec("add_cuda", compiler_flags=["--iree-hal-target-device=cuda"])
    nothing = lab.run("--backend", "cuda", command="fetch")
    assert nothing.code == 3, nothing.text
    assert "ERROR     toy/add[cuda]: no NVIDIA GPU whose chip its driver tells found" in nothing.text
    assert lab.run("--chip", "sm_80", command="fetch").code == 0
    lab.spec("add_rocm", compiler_flags=["--iree-hal-target-device=hip", "--iree-rocm-use-spirv"])
    unsupported = lab.run("--chip", "gfx942", "--iree", "3.4.0", "--blobs-only", command="fetch")
    assert unsupported.code == 0, unsupported.text
    assert "UNSUPPORTED  toy/add[rocm-gfx942]: " in unsupported.text
    lab.spec("other_rocm")
    no_gpu = lab.run("toy", "--backend", "rocm", command="fetch")
    assert no_gpu.text.count("no AMD GPU found") == 1
    assert "ERROR     toy/add[rocm], toy/other[rocm]: " in no_gpu.text


def test_fetch_refuses_a_release_that_there_is_not(lab: Laboratory) -> None:
    lab.spec()
    refused = lab.run("--iree", "3.99.0", command="fetch")
    assert refused.code == 2
    assert "error: 3.99.0: no such IREE release; " in refused.text


def test_doctor_says_what_is_and_how_to_fix_what_is_not(lab: Laboratory) -> None:
    lab.spec(mlir="http://127.0.0.1:9/add.mlir")
    result = lab.run("toy", command="doctor")
    assert result.code == 0
    lines = result.text.splitlines()
    for subject in ("python", "iree", "disk", "memory", "container engine", "gpu", "vulkan", "blob host"):
        assert any(re.match(rf"(ok|fix) +{subject} ", line) for line in lines), subject
    (host,) = [index for index, line in enumerate(lines) if "http://127.0.0.1:9" in line]
    assert "cannot be reached" in lines[host]
    assert "->" in lines[host + 1]


def test_results_and_junit_of_a_mixed_run(lab: Laboratory) -> None:
    lab.spec()
    lab.spec("wrong_cpu", outputs=[lab.tensor("wrong.npy", A)])
    lab.spec("lost_cpu", mlir="lost.mlir")
    result = lab.run("toy", "--junit-xml", str(lab.root / "deep" / "copy.xml"))
    assert result.code == 1
    jsonschema.validate(result.report, json.loads(SCHEMA.read_text()))
    suites = ET.parse(lab.out / "junit.xml").getroot()
    assert {name: suites.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "3",
        "failures": "1",
        "errors": "1",
    }
    assert (lab.root / "deep" / "copy.xml").read_bytes() == (lab.out / "junit.xml").read_bytes()
    logs = next(case for case in result.report["cases"] if case["submodel"] == "wrong")["logs"]
    assert logs.keys() >= {"compile", "run"}
    assert [log for log in logs.values() if not (lab.out / log).is_file()] == []
    text = (lab.out / "report.html").read_text()
    assert f"Results: {lab.out}/report.html, results.json, junit.xml, logs" in result.text
    page = Parsed(text)
    assert page.texts("h1") == ["Failed: 1 of 3 cases; 1 more ended in an error."]
    assert page.details[0]["logs"] == logs
    steps = {step["step"]: step["resource"] for step in result.report["cases"][0]["steps"]}
    assert steps == {"fetch": "network", "compile": "compiler", "run": "cpu", "compare": "compare"}
    written = {path.name: path.read_bytes() for path in lab.out.iterdir() if path.is_file()}
    bare = lab.run("toy/add", "--no-html", "--out", str(lab.root / "bare"))
    assert f"Results: {lab.root / 'bare'}/results.json, junit.xml, logs" in bare.text
    assert {path.name for path in (lab.root / "bare").iterdir() if path.is_file()} == written.keys() - {"report.html"}


def test_a_page_that_cannot_be_written_takes_nothing_else_with_it(lab: Laboratory) -> None:
    lab.spec()
    (lab.out / "report.html").mkdir(parents=True)
    result = lab.run("toy")
    assert result.code == 3
    assert result.case["status"] == "passed"
    assert f"Results: {lab.out}/results.json, junit.xml, logs" in result.text
    assert f"error: Cannot write {lab.out}/report.html: " in result.text
    # A bug of the page, such as a package that it cannot load.
    script = "import sys; sys.modules['jinja2'] = None; from harness.cli.main import entry_point; entry_point()"
    argv = [sys.executable, "-c", script, *lab.argv("--out", str(lab.root / "bug"))[len(HARNESS) :]]
    done = subprocess.run(argv, cwd=lab.root, env=lab.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 70, done.stderr
    assert json.loads((lab.root / "bug" / "results.json").read_text())["exit_code"] == 0
    assert f"Results: {lab.root}/bug/results.json, junit.xml, logs" in done.stdout
    assert "error: The page cannot be made; all other results are written." in done.stderr


def test_a_filter_and_only_failed(lab: Laboratory) -> None:
    lab.spec()
    lab.spec("wrong_cpu", outputs=[lab.tensor("wrong.npy", A)])
    default_out = _without_out(lab, "toy")
    assert default_out.code == 1
    assert (lab.root / "results" / "latest" / "results.json").is_file()
    again = _without_out(lab, "toy", "--only-failed")
    assert "toy/wrong[cpu]" in again.text
    assert "toy/add[cpu]" not in again.text
    filtered = _without_out(lab, "toy", "-k", "add")
    assert filtered.code == 0
    still = _without_out(lab, "toy", "--only-failed")
    assert "1 failed in" in still.text  # the newest run passed, but the case that failed was not in it
    assert _without_out(lab, "toy/add", "--only-failed").code == 2
    assert len(list((lab.root / "results").glob("2*"))) == 4


@pytest.mark.parametrize("command", ["bisect", "matrix"])
def test_a_search_between_two_runs_does_not_change_what_failed_before(lab: Laboratory, command: str) -> None:
    lab.spec()
    lab.spec("wrong_cpu", outputs=[lab.tensor("wrong.npy", A)])
    assert _without_out(lab, "toy").code == 1
    ends = ("--good", "3.12.0", "--bad", "3.13.0", "--repeat", "1") if command == "bisect" else ("--iree", "3.13.0")
    lab.run("toy/add", *ends, command=command)
    again = _without_out(lab, "toy", "--only-failed")
    assert again.code == 1, again.text
    assert "toy/wrong[cpu]" in again.text
    assert "toy/add[cpu]" not in again.text


@pytest.mark.parametrize("chips", [("--chip", "gfx942", "--compile-only"), ("--compile-chip", "gfx942")])
def test_the_command_that_is_shown_repeats_a_case_with_all_that_was_asked(
    lab: Laboratory, chips: tuple[str, ...]
) -> None:
    tuned = {"mi300": lab.file("broken.mlir", "no module")}
    lab.spec("add_rocm", tuner_file=tuned)
    first = lab.run("--backend", "rocm", *chips, "--sku", "mi300")
    assert first.verdict == (1, "failed", "compile"), first.text
    (shown,) = re.findall("^  again  harness quality (.*)$", first.text, re.MULTILINE)
    for given in (f"--specs {lab.specs}", f"--store {lab.store_dir}", f"--out {lab.out}"):
        assert given in shown
    again = lab.run(*shlex.split(shown))
    assert again.verdict == first.verdict, again.text
    assert again.case["commands"] == first.case["commands"]


def test_the_lines_of_the_tools_work_where_they_are_pasted(lab: Laboratory) -> None:
    wrong = lab.tensor("wrong.npy", A)
    lab.spec("wrong_cpu", outputs=[wrong], real_weights=lab.weights("w.irpa", {"w": A}))
    result = _without_out(lab, "toy", "--run-wrapper", "/usr/bin/env")
    compiles, runs = lab.pasted(result)
    assert (compiles.returncode, runs.returncode) == (0, 0), compiles.stderr + runs.stderr
    (kept,) = re.findall("^  kept   (.*)$", result.text, re.MULTILINE)
    (work,) = (lab.root / "results" / "latest").glob(".work/*/*")
    assert np.load(work / "0.npy").tolist() == np.load(lab.root / kept / "0.npy").tolist() == (A + B).tolist()
    (log,) = re.findall("^  log    (.*)$", result.text, re.MULTILINE)
    assert (lab.root / log).read_text().startswith("+ /usr/bin/env iree-run-module ")
    assert lab.run("toy").case["modules"][0]["cached"], "the module in the store is as it was"


def test_the_line_of_a_compiler_that_fails_fails_where_it_is_pasted(lab: Laboratory) -> None:
    lab.spec(mlir=lab.file("broken.mlir", "func.func @add() { nonsense }"))
    (compiles,) = lab.pasted(_without_out(lab, "toy"))
    assert compiles.returncode != 0
    assert "model.mlir:1:20: error: " in compiles.stderr


def test_one_cause_is_told_once_and_each_case_keeps_its_reason(lab: Laboratory) -> None:
    for name in ("a", "b", "c"):
        lab.spec(f"{name}_rocm")
    result = lab.run("--backend", "rocm")
    assert result.code == 3
    reason = "no AMD GPU found on this machine"
    assert result.text.count(f"  | device: {reason}") == 1
    assert result.text.count(reason) == 2, "in the line of the first case and in the summary"
    assert "\n  cases  toy/a[rocm], toy/b[rocm], toy/c[rocm]\n" in result.text
    assert all(reason in case["reason"] for case in result.report["cases"])
    (again,) = re.findall("^  again  harness quality (.*)$", result.text, re.MULTILINE)
    assert {case["id"] for case in lab.run(*shlex.split(again)).report["cases"]} == {f"toy/{n}[rocm]" for n in "abc"}
    junit = (lab.out / "junit.xml").read_text()
    assert junit.count(f'message="{reason}') == 3


def _without_out(lab: Laboratory, *arguments: str) -> Result:
    argv = lab.argv(*arguments)
    del argv[argv.index("--out") : argv.index("--out") + 2]
    done = subprocess.run(
        argv, cwd=lab.root, capture_output=True, text=True, check=False, env=clean_environment(), timeout=120
    )
    return Result(code=done.returncode, text=done.stdout + done.stderr, out_dir=lab.root / "results" / "latest")


def test_in_github_actions_failures_are_annotated_and_summed_up(lab: Laboratory) -> None:
    lab.spec("wrong_cpu", outputs=[lab.tensor("wrong.npy", A)])
    summary = lab.root / "summary.md"
    result = lab.run(environment={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)})
    assert re.search(r"^::error title=FAILED toy/wrong\[cpu\],file=.*::numeric: ", result.text, re.MULTILINE)
    assert "toy/wrong[cpu]" in summary.read_text()


@pytest.mark.parametrize("launch", [["quality_tests/"], ["-m", "pytest", "quality_tests/", "-n", "2"]])
def test_the_original_suites_way(lab: Laboratory, launch: list[str]) -> None:
    lab.spec()
    lab.spec("wrong_cpu", outputs=[lab.tensor("wrong.npy", A)])
    lab.spec("expected_cpu", outputs=[lab.tensor("wrong.npy", A)], run_test_expecting_to_fail=True)
    lab.spec("lost_cpu", mlir="lost.mlir")
    lab.spec("filtered_cpu")
    junit = lab.root / "junit.xml"
    options = ["-rA", "--log-cli-level=info", "--timeout=600", "--durations=0", f"--junitxml={junit}"]
    places = ["--test-file-directory", str(lab.specs), "--external-file-directory", "."]
    done = subprocess.run(
        [sys.executable, *launch, *options, *places, "-k", "not filtered", "-p", "no:cacheprovider"],
        cwd=ROOT,
        env=clean_environment()
        | {"IREE_TEST_FILES": str(lab.store_dir), "TEST_OUTPUT_ARTIFACTS": str(lab.out), "BACKEND": "cpu"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout
    assert "1 failed, 1 passed" in done.stdout
    assert "1 xfailed, 1 error" in done.stdout
    assert "numeric: output 0 (4xf32)" in done.stdout
    compiles, runs = re.findall("^  tool   (.*)$", done.stdout, re.MULTILINE)
    assert f".work/toy/wrong-cpu && {lab.store_dir}/" in compiles
    again = subprocess.run(["sh", "-c", runs], cwd=lab.root, capture_output=True, text=True, check=True, timeout=60)
    assert "EXEC @add" in again.stdout + again.stderr
    suite = ET.parse(junit).getroot()[0]
    counted = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": "4", "failures": "1", "errors": "1", "skipped": "1"}


def test_the_commands_of_the_readme_are_commands() -> None:
    text = (ROOT / "README.md").read_text() + (ROOT / "docs" / "bisect.md").read_text()
    searches = re.findall(r"^    nox -s ((?:bisect|matrix) -- [^#\n]*)", text.replace("\\\n", ""), re.MULTILINE)
    assert len(searches) >= 8
    for line in searches:
        parser({}).read([each for each in shlex.split(line) if each != "--"])
    quoted = re.findall(r"^    nox -s quality -- ([^#\n]*)", text, re.MULTILINE)
    assert len(quoted) >= 4
    for line in quoted:
        arguments = [each.replace("DIR", "quality_tests").replace("sd3/*", "tiny/*") for each in shlex.split(line)]
        argv = [*HARNESS, "list", *_without(arguments, WITHOUT)]
        assert ran(argv, cwd=ROOT, env=os.environ).returncode == 0, line


WITHOUT = {"--iree", "--find-links", "--wheels", "--gpu", "--engine", "--image"}


def _without(arguments: list[str], options: set[str]) -> list[str]:
    """Return a command line without options that `list` does not have, or that need a GPU, and their values."""
    before = ["", *arguments[:-1]]
    return [each for each, last in zip(arguments, before, strict=True) if not {each, last} & options]


def test_the_table_of_the_documentation_has_every_field() -> None:
    schema = json.loads((ROOT / "harness" / "specs" / "spec.schema.json").read_text())
    rows = re.findall(r"^\| `(\$?\w+)`", (ROOT / "docs" / "spec.md").read_text(), re.MULTILINE)
    assert set(schema["properties"]) <= set(rows)


def test_lock_pins_what_comes_and_holds_it(lab: Laboratory, server: str, tmp_path: Path) -> None:
    signed, secret = f"{server}/w.irpa?sig=s1gnature&se=2026", f"{server}/x.irpa?token=s1gnature"
    lab.spec(mlir=f"{server}/add.mlir", real_weights=signed)
    lab.spec("other_cpu", mlir=f"{server}/add.mlir", real_weights=secret)
    for name, text in {"add.mlir": ADD, "w.irpa": "weights", "x.irpa": "more weights"}.items():
        (tmp_path / "www" / name).write_text(text)
        os.utime(tmp_path / "www" / name, (1_600_000_000,) * 2)  # what comes later is of another second
    result = lab.run(command="lock")
    assert result.code == 0, result.text
    assert "not in blobs.lock.json: 1 URL, because the query may be a secret" in result.text
    lock = json.loads((lab.specs / "blobs.lock.json").read_text())
    assert {url: entry["size"] for url, entry in lock.items()} == {
        f"{server}/add.mlir": len(ADD),
        f"{server}/w.irpa": 7,
    }
    assert all(entry["last_modified"] for entry in lock.values())
    assert "s1gnature" not in result.text + str(lock)
    (tmp_path / "www" / "add.mlir").write_text(ADD.replace("addf", "subf"))
    old_store, lab.store_dir = lab.store_dir, lab.root / "empty"
    changed = lab.run("--blobs-only", command="fetch")
    assert changed.code == 3
    assert "integrity" in changed.text
    old, new = (hashlib.sha256(text.encode()).hexdigest() for text in (ADD, ADD.replace("addf", "subf")))
    assert re.search(
        rf"its content is sha256:{new}, {len(ADD)} bytes, of .*; expected sha256:{old}, {len(ADD)} bytes, of ",
        changed.text,
    )
    lab.store_dir = old_store
    updated = lab.run("--update", command="lock")
    assert updated.code == 0, updated.text
    assert re.search(rf"changed +{server}/add.mlir: was sha256:{old}.*, now sha256:{new}", updated.text)
    assert json.loads((lab.specs / "blobs.lock.json").read_text())[f"{server}/add.mlir"]["sha256"] == new
    assert lab.run(command="fetch").code == 0


def test_what_is_not_locked_is_refused_in_ci(lab: Laboratory, server: str, tmp_path: Path) -> None:
    lab.spec(mlir=f"{server}/add.mlir")
    (tmp_path / "www" / "add.mlir").write_text(ADD)
    refused = lab.run(environment={"CI": "true"})
    assert refused.verdict == (3, "error", "fetch")
    assert "not in blobs.lock.json, as --locked requires; pin it with `harness lock`" in refused.case["reason"]
    assert lab.run("--no-locked", environment={"CI": "true"}).verdict == (0, "passed", None)
    assert lab.run(command="lock", environment={"CI": "true"}).code == 0
    assert lab.run(environment={"CI": "true"}).verdict == (0, "passed", None)


def test_the_cache_keeps_to_its_size_and_has_what_is_in_use(lab: Laboratory, server: str, tmp_path: Path) -> None:
    lab.store_dir = lab.root / "store"
    for name in ("one", "two"):
        (tmp_path / "www" / name).write_bytes(name.encode() * 100_000)
        lab.spec(f"{name}_cpu", mlir=f"{server}/{name}")
        result = lab.run(f"toy/{name}", "--blobs-only", "--cache-size", "400kB", command="fetch")
        assert result.code == 0, result.text
    kept = [path.read_bytes()[:3] for path in lab.store_dir.glob("blobs/*/*/blob")]
    assert kept == [b"two"]
    both = lab.run("--blobs-only", "--cache-size", "400kB", command="fetch")
    assert (both.code, "5 of 5 blobs available" in both.text) == (0, True), both.text
    assert sum(path.stat().st_size for path in lab.store_dir.glob("blobs/*/*/blob")) <= 400_000


def test_any_text_can_be_told_on_any_terminal(lab: Laboratory) -> None:
    lab.spec(mlir="n\u00f6 \u2603.mlir")
    result = lab.run(environment={"PYTHONIOENCODING": "ascii"})
    assert result.verdict == (3, "error", "fetch"), result.text


def test_closed_streams_do_no_harm(lab: Laboratory) -> None:
    lab.spec()
    result = lab.run(under=["sh", "-c", 'exec "$@" <&- 2>&-', "sh"])
    assert result.verdict == (0, "passed", None), result.text


@pytest.mark.parametrize(
    ("option", "message"),
    [("--iree=9.9.9", "9.9.9: no such IREE release"), ("--test-file-directory=/nowhere", "/nowhere: no such folder")],
)
def test_a_wrong_option_of_the_original_suites_way_is_named(option: str, message: str) -> None:
    argv = [sys.executable, "quality_tests/", option, "-p", "no:cacheprovider"]
    done = subprocess.run(argv, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert message in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_an_invalid_spec_of_the_original_suites_way_is_an_error_of_collection(lab: Laboratory) -> None:
    lab.spec(output=[])
    argv = [sys.executable, "quality_tests/", f"--test-file-directory={lab.specs}", "-p", "no:cacheprovider"]
    done = subprocess.run(argv, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "$.output: unknown field 'output'; did you mean 'outputs'?" in done.stdout
