"""The catalogue compiled for two chips: its specs with their flags and tuning specs, and stand-ins for the models."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from harness.core.cases import Backend
from tests.integration.laboratory import Laboratory, Result
from tests.integration.range_server import RangeServer
from tests.integration.stand_ins.catalogue import CATALOGUE, catalogue, mirror
from tests.integration.stand_ins.findings import CHIPS, FOR_CHIPS, MODELS, OTHERWISE, keys, modules, statuses


@pytest.fixture(scope="module")
def compiled(
    host: RangeServer, tuned: Sequence[str], store_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Result]:
    """Return what came of all models compiled for two chips, by SKU; the first is none."""
    found = {}
    for sku in ("", "mi300", "mi308"):
        lab = Laboratory(tmp_path_factory.mktemp("compiled"), store_dir)
        lab.specs = CATALOGUE
        chosen = ("--sku", sku) if sku else ()
        found[sku] = lab.run(*MODELS, *FOR_CHIPS, *chosen, *tuned, *mirror(host))
    return found


def test_all_compile_for_two_chips_or_fail_as_their_specs_say(compiled: Mapping[str, Result]) -> None:
    names = {each.name for each in catalogue() if each.backend is Backend.ROCM}
    cases = {f"{name}[rocm-{chip}]" for name in names for chip in CHIPS}
    assert len(cases) == 28
    for sku, result in compiled.items():
        assert result.code == 0, result.text
        assert statuses(result) == {case: "xfailed" if case in OTHERWISE else "compiled" for case in cases}, sku


def test_they_are_compiled_with_the_flags_of_their_specs(compiled: Mapping[str, Result]) -> None:
    specs = {each.name: each for each in catalogue() if each.backend is Backend.ROCM}
    for case in compiled[""].report["cases"]:
        spec = specs[f"{case['model']}/{case['submodel']}"]
        own = {"compile": spec.compiler_flags, "compile_pipeline": spec.pipeline_compiler_flags}
        assert "compile" in case["commands"], case["id"]
        for step, argv in case["commands"].items():
            assert {f"--iree-rocm-target={case['chip']}", *own[step]} <= set(argv), case["id"]


def test_a_chip_on_which_compiling_is_expected_to_fail_fails_for_a_reason_of_that_chip(
    compiled: Mapping[str, Result],
) -> None:
    reasons = {case["id"]: case for case in compiled[""].report["cases"] if case["id"] in OTHERWISE}
    assert {(case["kind"], case["phase"]) for case in reasons.values()} == {("compile", "compile")}
    assert "no intrinsic matching MFMA size" in reasons["sdxl/punet_int8_fp16[rocm-gfx90a]"]["reason"]
    assert "F8E4M3FNUZ types are not supported" in reasons["sdxl/punet_int8_fp8[rocm-gfx90a]"]["reason"]


def test_a_tuning_spec_is_applied_for_its_sku_alone(compiled: Mapping[str, Result]) -> None:
    contents_of = {
        sku: {case["id"]: case["modules"][0]["sha256"] for case in result.report["cases"] if case["modules"]}
        for sku, result in compiled.items()
    }
    changed = {
        sku: {case for case in contents_of[""] if contents_of[sku][case] != contents_of[""][case]}
        for sku in ("mi300", "mi308")
    }
    punet = {f"sdxl/punet_int8_{kind}[rocm-gfx942]" for kind in ("fp16", "fp8")}
    unet = {f"sdxl/unet_fp16{size}[rocm-{chip}]" for size in ("", "_960_1024") for chip in CHIPS}
    assert changed == {"mi300": punet, "mi308": punet | unet}


def test_decode_and_prefill_of_llama_are_compiled_once(
    compiled: Mapping[str, Result], place: Laboratory, host: RangeServer
) -> None:
    found = {case: key for case, key in keys(compiled[""]).items() if case.startswith("llama/")}
    assert len(found) == 8
    assert len({key for (key,) in found.values()}) == 4, "with and without data tiling, for two chips"
    made = {case["id"]: case["modules"] for case in compiled[""].report["cases"]}
    for case in found:
        assert made[case.replace("decode", "prefill")] == made[case], "the one compilation, also by its seconds"
    again = place.run("llama", *FOR_CHIPS, *mirror(host))
    assert keys(again) == found
    assert {module["cached"] for module in modules(again)} == {True}


def test_llama_is_no_success_where_it_cannot_run(
    compiled: Mapping[str, Result], place: Laboratory, host: RangeServer
) -> None:
    assert compiled[""].code == 0
    result = place.run("llama", "--backend", "rocm", "--chip", "gfx942", *mirror(host))
    assert result.code == 3, result.text
    assert {(case["status"], case["kind"]) for case in result.report["cases"]} == {("error", "device")}
    assert {module["cached"] for module in modules(result)} == {True}


@pytest.mark.parametrize("sku", ["mi300", "mi308"])
def test_the_original_suites_files_become_the_same_modules(
    original: Laboratory, host: RangeServer, tuned: Sequence[str], compiled: Mapping[str, Result], sku: str
) -> None:
    result = original.run(*FOR_CHIPS, "--sku", sku, *tuned, *mirror(host))
    assert result.code == 0, result.text
    assert statuses(result) == statuses(compiled[sku])
    assert keys(result) == keys(compiled[sku])
    assert {module["cached"] for module in modules(result)} == {True}
