"""The catalogue: what its specs say, and that they say what the original suite's files do."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.core.blobs import Blob
from harness.core.cases import Backend, Case, ModelSpec, Target
from harness.pipeline.options import Options
from harness.pipeline.planner import plan
from harness.pipeline.steps import Compare, Compile, Plan, Run
from harness.specs import reader
from harness.specs.catalogue import Folders
from tests import original_suite
from tests.original_suite import Document
from tests.unit.samples import CPU, MI300, release

CATALOGUE = Path(__file__).parents[2] / "quality_tests"
MI308 = Target(backend=Backend.ROCM, chip="gfx942", sku="mi308")
TARGETS = (CPU, *(Target(backend=Backend.ROCM, chip=chip) for chip in ("gfx942", "gfx90a", "gfx1201")), MI300, MI308)


def as_it_was(document: Document) -> Document:
    return document


def loaded(root: Path, external_files: Path | None = None) -> dict[str, ModelSpec]:
    folders = Folders(root, external_files=external_files)
    paths = [path for path in folders.paths() if path.parent.name != "tiny"]
    return {f"{each.name}_{each.backend}": each for each in reader.load_all(paths, folders)}


@pytest.fixture(scope="module")
def catalogue() -> Mapping[str, ModelSpec]:
    found = loaded(CATALOGUE)
    assert len(found) == 22
    return found


def written(root: Path, dialect: Callable[[Document], Document]) -> dict[str, ModelSpec]:
    """Load the original suite's files in a dialect, written to a folder."""
    original_suite.write_tuners(root / "external")
    original_suite.write(root / "specs", {name: dialect(each) for name, each in original_suite.documents().items()})
    return loaded(root / "specs", root / "external")


def planned(model: ModelSpec, target: Target, name: str = "3.13.0") -> Plan:
    return plan(Case(spec=model, target=target), release(name), Options())


def compilations(model: ModelSpec, target: Target) -> list[Compile]:
    return [step for step in planned(model, target).steps if isinstance(step, Compile)]


@pytest.mark.parametrize("dialect", [as_it_was, original_suite.older])
def test_it_does_what_the_original_suites_files_say(dialect: Callable[[Document], Document], tmp_path: Path) -> None:
    theirs = written(tmp_path, dialect)
    ours = loaded(CATALOGUE, tmp_path / "external")
    assert len(theirs) == 22
    assert ours.keys() == theirs.keys()
    for name, model in ours.items():
        for target in TARGETS:
            if target.backend is model.backend:
                expected, found = planned(theirs[name], target), planned(model, target)
                assert (found.steps, found.blocked) == (expected.steps, expected.blocked), (name, target)


def translated(models: Mapping[str, ModelSpec]) -> set[str]:
    """Return the names of the models of which the newest release takes a flag in another form, or not at all."""
    return {
        name
        for name, model in models.items()
        for target in TARGETS
        if target.backend is model.backend
        for note in planned(model, target).notes
        if note.startswith(("--", "ignoring "))
    }


def test_it_is_written_in_the_newest_dialect(catalogue: Mapping[str, ModelSpec], tmp_path: Path) -> None:
    assert translated(catalogue) == set()
    assert translated(written(tmp_path, original_suite.older)) == catalogue.keys()


def test_decode_and_prefill_of_llama_compile_once(catalogue: Mapping[str, ModelSpec]) -> None:
    for suffix in ("", "_data_tiling"):
        decode, prefill = (catalogue[f"llama/8b_f16_{name}{suffix}_rocm"] for name in ("decode", "prefill"))
        assert decode.run_function != prefill.run_function
        for chip in ("gfx942", "gfx1201"):
            target = Target(backend=Backend.ROCM, chip=chip)
            assert compilations(decode, target) == compilations(prefill, target) != []


def test_llama_runs_and_is_compared_with_nothing(catalogue: Mapping[str, ModelSpec]) -> None:
    llama = [model for model in catalogue.values() if model.model == "llama"]
    assert len(llama) == 4
    for model in llama:
        kinds = {type(step) for step in planned(model, MI300).steps}
        assert Run in kinds
        assert Compare not in kinds
        assert "nothing is compared" in model.comment[0]


def test_what_is_expected_to_fail_is_executed(catalogue: Mapping[str, ModelSpec]) -> None:
    failing = {name for name, model in catalogue.items() if model.run_test_expecting_to_fail}
    assert failing == {"sd3/mmdit_cpu", "sd3/mmdit_rocm"}
    for name in failing:
        last = planned(catalogue[name], CPU if name.endswith("cpu") else MI300).steps[-1]
        assert isinstance(last, Compare)


def test_a_comment_names_thresholds_that_differ_for_the_same_outputs(catalogue: Mapping[str, ModelSpec]) -> None:
    pairs = [
        (model, catalogue[name.replace("_cpu", "_rocm")]) for name, model in catalogue.items() if name.endswith("_cpu")
    ]
    differing = [pair for pair in pairs if pair[0].threshold_args != pair[1].threshold_args]
    assert {cpu.name for cpu, _ in differing} == {"sd3/vae", "sdxl/vae", "sdxl/unet_fp16", "sdxl/unet_fp16_960_1024"}
    for cpu, rocm in differing:
        assert cpu.outputs == rocm.outputs
        limits = {re.sub("[^0-9.]", "", text.partition("=")[2]) for text in (*cpu.threshold_args, *rocm.threshold_args)}
        for model in (cpu, rocm):
            assert limits <= set(re.findall("[0-9.]*[0-9]", model.comment[0])), model.name


def test_files_without_a_url_are_tuning_specs_alone(catalogue: Mapping[str, ModelSpec]) -> None:
    def is_local(blob: Blob) -> bool:
        return blob.url.startswith("file:")

    local = {name: {blob.name for blob in model.blobs if is_local(blob)} for name, model in catalogue.items()}
    assert {name: files for name, files in local.items() if files} == {
        "sdxl/punet_int8_fp16_rocm": {original_suite.PUNET_TUNER},
        "sdxl/punet_int8_fp8_rocm": {original_suite.PUNET_TUNER},
        "sdxl/unet_fp16_rocm": {original_suite.UNET_TUNER},
        "sdxl/unet_fp16_960_1024_rocm": {original_suite.UNET_TUNER},
    }
    told = {name for name, model in catalogue.items() if "--external-files" in "".join(model.comment)}
    assert told == {name for name, files in local.items() if files}
