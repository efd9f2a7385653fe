"""The catalogue from end to end on this machine: its specs unedited, and stand-ins for the models at their URLs."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from harness.core import text
from harness.core.cases import Backend, ModelSpec
from tests import original_suite
from tests.integration.laboratory import Laboratory, Result, clean_environment
from tests.integration.range_server import RangeServer
from tests.integration.stand_ins.catalogue import CATALOGUE, HOST, MAKERS, catalogue, contents, host_of, mirror
from tests.integration.stand_ins.findings import CLOSE, MODELS, ON_CPU, keys, on_cpu, statuses, verdicts
from tests.integration.stand_ins.mmdit import mmdit
from tests.integration.stand_ins.punet import TUNED

ROOT = CATALOGUE.parent


@pytest.fixture(scope="module")
def by_nox(host: RangeServer, store_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Return what came of all models on the CPU, asked for as a user does."""
    folder = tmp_path_factory.mktemp("nox")
    nox = [sys.executable, "-m", "nox", "--envdir", str(folder / "envs"), "-s", "quality", "--"]
    places = ["--store", str(store_dir), "--out", str(folder / "out")]
    done = subprocess.run(
        [*nox, *MODELS, *mirror(host), *places],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return Result(code=done.returncode, text=done.stdout + done.stderr, out_dir=folder / "out")


def of(name: str) -> list[ModelSpec]:
    return [each for each in catalogue() if each.name == name]


def test_each_spec_of_the_catalogue_has_a_stand_in() -> None:
    specs = catalogue()
    assert {each.name for each in specs} == set(MAKERS)
    assert {each.name for each in specs if each.backend is Backend.CPU} == set(ON_CPU)
    far = {blob.url for each in specs for blob in each.blobs if not blob.url.startswith("file:")}
    assert set(contents(specs)) == far


@pytest.mark.parametrize("name", MAKERS)
def test_a_stand_in_uses_all_that_it_is_given(name: str) -> None:
    (program,) = {contents([each])[each.mlir.url].decode() for each in of(name)}
    functions = program.split("func.func ")[1:]
    assert functions
    for function in functions:
        head, _, body = function.partition("\n")
        assert set(re.findall(r"%arg[0-9]+", head)) == set(re.findall(r"%arg[0-9]+", body)), head
    declared = re.findall(r"util.global private (@\S+) =", program)
    loaded = re.findall(r"util.global.load (@\S+) :", program)
    of_the_pipeline = {"@initial_ids", "@initial_times"} if name != "sdxl/unet_fp16" else set()
    assert set(declared) - of_the_pipeline == set(loaded)


def test_a_spec_without_one_is_told() -> None:
    with pytest.raises(KeyError, match="sd3/vae"):
        contents(catalogue(), {name: make for name, make in MAKERS.items() if name != "sd3/vae"})


def test_nox_runs_all_that_the_cpu_can(by_nox: Result, host: RangeServer) -> None:
    assert by_nox.code == 0, by_nox.text
    assert statuses(by_nox) == on_cpu()
    for case in by_nox.report["cases"]:
        assert {blob["url"].startswith(HOST) for blob in case["blobs"]} == {True}
        assert {blob["source"].startswith(host.url("")) for blob in case["blobs"]} == {True}
        assert case["phase"] == {"compiled": "compile"}.get(case["status"], "compare")
        for output in case["outputs"]:
            if case["status"] == "passed":
                assert output["max_abs_error"] < CLOSE[output["type"].rpartition("x")[2]], case["id"]


def test_the_pipeline_calls_the_model(by_nox: Result) -> None:
    (case,) = (case for case in by_nox.report["cases"] if case["id"] == "sdxl/unet_fp16[cpu]")
    assert len(case["modules"]) == 2
    assert [word for word in case["commands"]["run"] if word.startswith(("--module", "--function"))] == [
        "--module=model.vmfb",
        "--module=pipeline.vmfb",
        "--function=produce_image_latents",
    ]


def test_what_is_expected_to_fail_is_executed_and_fails(by_nox: Result) -> None:
    (case,) = (case for case in by_nox.report["cases"] if case["id"] == "sd3/mmdit[cpu]")
    assert (case["status"], case["kind"], case["phase"]) == ("xfailed", "numeric", "compare")
    (output,) = case["outputs"]
    assert (output["mismatches"], output["first_mismatch"]) == (1, [1, 15, 127, 127])


def without_what_is_fetched(store_dir: Path, to: Path) -> str:
    """Copy a store but for blobs, and say where it is: nothing need be compiled twice."""
    shutil.copytree(store_dir / "modules", to / "modules")
    return str(to)


def test_what_is_expected_to_fail_and_passes_is_told_with_the_line_to_delete(place: Laboratory, by_nox: Result) -> None:
    assert by_nox.code == 0
    store = without_what_is_fetched(place.store_dir, place.root / "own")
    with host_of(contents(of("sd3/mmdit"), {"sd3/mmdit": mmdit})) as right:
        result = place.run("sd3/mmdit", *mirror(right), "--store", store)
    assert result.verdict == (1, "xpassed", None), result.text
    path = CATALOGUE / "sd3" / "mmdit_cpu.json"
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "run_test_expecting_to_fail" in text)
    assert f"{path}:{line}" in result.case["reason"], result.case["reason"]


def test_a_machine_that_has_fetched_needs_no_network(place: Laboratory, by_nox: Result) -> None:
    store = without_what_is_fetched(place.store_dir, place.root / "own")
    with host_of(contents(catalogue())) as gone:
        fetched = place.run("sd3", "sdxl", *mirror(gone), "--store", store, command="fetch")
        assert fetched.code == 0, fetched.text
        asked = {each.path for each in gone.serving.requests}
    assert not any("llama" in path or "punet" in path for path in asked), "they are for ROCm"
    result = place.run("sd3", "sdxl", "--offline", *mirror(gone), "--store", store)
    assert result.code == 0, result.text
    assert verdicts(result) == verdicts(by_nox)


def test_what_is_fetched_alone_is_compiled_and_run_offline_and_the_rest_is_told(
    place: Laboratory, host: RangeServer
) -> None:
    store = str(place.root / "own")
    fetched = place.run("sd3/vae", *mirror(host), "--store", store, command="fetch")
    assert fetched.code == 0, fetched.text
    result = place.run("sd3/vae", "sdxl/vae", "--offline", "--store", store)
    assert result.code == 3, result.text
    assert statuses(result) == {"sd3/vae[cpu]": "passed", "sdxl/vae[cpu]": "error"}


def test_a_plan_says_how_large_each_blob_is_and_all_of_them(place: Laboratory, host: RangeServer) -> None:
    chosen = ("--backend", "rocm", "--chip", "gfx942", "--store", str(place.root / "empty"))
    planned = place.run("sd3", *chosen, *mirror(host), command="plan")
    assert planned.code == 0, planned.text
    sizes = {url: len(body) for url, body in contents(each for each in catalogue() if each.model == "sd3").items()}
    said = re.findall(r"^# +(\S+ \w+)  to fetch  (\S+)$", planned.text, re.MULTILINE)
    assert {url: size for size, url in said} == {url: text.size(size) for url, size in sizes.items()}
    total = text.size(sum(sizes.values()))
    assert f"# {len(sizes)} blobs: {len(sizes)} to fetch ({total}), 0 cached (0 B), 0 local\n" in planned.text
    assert f": {total}; free: " in planned.text
    assert not (place.root / "empty").exists(), "nothing is fetched"


def write_for_cpu(lab: Laboratory, found: Mapping[str, bytes]) -> None:
    """Write specs for the CPU of the models that are for ROCm alone, without the choice of a GPU's instructions."""
    for each in catalogue():
        if each.name in ON_CPU:
            continue
        document = json.loads(each.path.read_text())
        dropped = ("comment", "tuner_file", "compile_chip_expecting_to_fail")
        program = found[document["mlir"]].decode().replace(TUNED, "")
        document |= {
            "mlir": lab.file(f"{each.submodel}.mlir", program),
            "device": "local-task",
            "compiler_flags": original_suite.CPU,
        }
        kept = {name: value for name, value in document.items() if name not in dropped}
        lab.file(f"{each.submodel}_cpu.json", json.dumps(kept))


def test_the_tools_own_verdict_is_the_same(place: Laboratory, host: RangeServer, by_nox: Result) -> None:
    result = place.run("sd3", "sdxl", "--verdict", "iree-run-module", *mirror(host))
    assert result.code == 0, result.text
    assert statuses(result) == statuses(by_nox)
    assert keys(result) == keys(by_nox)


def test_the_stand_ins_for_rocm_alone_are_right_too(lab: Laboratory, host: RangeServer) -> None:
    write_for_cpu(lab, contents(catalogue()))
    result = lab.run(*mirror(host))
    assert result.code == 0, result.text
    found = {case["submodel"]: case["status"] for case in result.report["cases"]}
    ran = {f"8b_f16_{name}{suffix}" for name in ("decode", "prefill") for suffix in ("", "_data_tiling")}
    assert found == dict.fromkeys(ran, "ran") | dict.fromkeys(("punet_int8_fp16", "punet_int8_fp8"), "passed")


def test_the_original_suites_files_find_the_same_on_the_cpu(
    original: Laboratory, host: RangeServer, tuned: Sequence[str], by_nox: Result
) -> None:
    result = original.run(*tuned, *mirror(host))
    assert result.code == 0, result.text
    assert verdicts(result) == verdicts(by_nox)
    assert keys(result) == keys(by_nox)


def test_the_original_suites_way_finds_the_same(
    original: Laboratory, host: RangeServer, tuned: Sequence[str], by_nox: Result
) -> None:
    assert by_nox.code == 0
    places = ["--test-file-directory", str(original.specs), "--external-file-directory", tuned[1]]
    done = subprocess.run(
        [sys.executable, "quality_tests/", "-rA", *places],
        cwd=ROOT,
        env=clean_environment()
        | {"IREE_TEST_FILES": str(original.store_dir), "TEST_OUTPUT_ARTIFACTS": str(original.out)}
        | {"HARNESS_MIRRORS": mirror(host)[1]},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = re.findall(r"^(PASSED|XFAIL) \S+::(\S+)", done.stdout, re.MULTILINE)
    found = {case: outcome for outcome, case in lines}
    assert found == {case: "XFAIL" if status == "xfailed" else "PASSED" for case, status in statuses(by_nox).items()}
