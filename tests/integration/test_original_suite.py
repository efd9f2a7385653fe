"""The original suite's 22 files, without an edit, by the command and by pytest; the catalogue's flags, by compilers."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.core.cases import Backend, Release, Target
from harness.core.statuses import Status
from harness.iree import releases
from harness.iree.toolchain import Toolchain
from harness.pipeline import planner as planning
from harness.pipeline import targets
from harness.pipeline.options import Options
from harness.pipeline.steps import Compile, Plan
from tests import original_suite
from tests.integration.laboratory import ADD, HIP_FLAGS, Laboratory, clean_environment
from tests.integration.stand_ins.catalogue import catalogue
from tests.integration.warm import HARNESS, ran

ROOT = Path(__file__).parents[2]
TARGETS = (Target(backend=Backend.CPU), Target(backend=Backend.ROCM, chip="gfx942"))
MI300 = ("--chip", "gfx942", "--sku", "mi300")
TILED = ("8b_f16_decode_data_tiling", "8b_f16_prefill_data_tiling")
COUNTS = {"cpu": 8, "rocm": 14}


@pytest.fixture(params=[False, True], ids=["as it was", "older"])
def original(lab: Laboratory, request: pytest.FixtureRequest) -> Laboratory:
    """Return a laboratory with the original suite's files."""
    documents = original_suite.documents()
    if request.param:
        documents = {name: original_suite.older(each) for name, each in documents.items()}
    original_suite.write(lab.root / "original", documents)
    original_suite.write_tuners(lab.root / "external")
    lab.specs = lab.root / "original"
    return lab


def test_the_command_takes_them_as_they_are(original: Laboratory) -> None:
    external = ("--external-files", str(original.root / "external"))
    assert original.run(*external, command="validate").text == "22 specs are valid.\n"
    for backend, target in (("cpu", ()), ("rocm", MI300)):
        listed = original.run(*external, *target, command="list")
        assert listed.code == 0, listed.text
        assert len(listed.text.splitlines()) == COUNTS[backend]
        planned = original.run(*external, *target, command="plan")
        assert planned.code == 0, planned.text
        assert planned.text.count("\niree-run-module ") == COUNTS[backend] - 1, "the scheduler is compiled only"
        compilations = "".join(re.findall("^iree-compile .*", planned.text, re.MULTILINE))
        for flag in ("--iree-hip-", "enable-prefetch", "=True", "compilation_info.json", "native-math-precision"):
            assert flag not in compilations
        assert planned.text.count("custom_real_weights_group 'sdxl_unet_fp16' has no effect") == (backend == "cpu")
        assert compilations.count("--iree-codegen-transform-dialect-library=tuner.mlir") == 2 * (backend == "rocm")


@pytest.mark.parametrize("backend", COUNTS)
def test_pytest_collects_them_as_they_are(original: Laboratory, backend: str) -> None:
    places = ["--test-file-directory", str(original.specs), "--external-file-directory"]
    done = subprocess.run(
        [sys.executable, "quality_tests/", *places, str(original.root / "external"), "--collect-only", "-q"],
        cwd=ROOT,
        env=clean_environment()
        | {"IREE_TEST_FILES": str(original.store_dir), "BACKEND": backend}
        | ({"ROCM_CHIP": "gfx942", "SKU": "mi300"} if backend == "rocm" else {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{COUNTS[backend]} tests collected" in done.stdout


def unasked(lab: Laboratory, command: str) -> str:
    """Return what a command says in this repository where nothing is named."""
    argv = [*HARNESS, command, *(("--store", str(lab.store_dir)) if command == "plan" else ())]
    done = ran(argv, cwd=ROOT, env=clean_environment())
    done.check_returncode()
    return done.stdout + done.stderr


def test_the_catalogue_is_listed_and_checked_and_not_judged_where_nothing_is_named(lab: Laboratory) -> None:
    listed = {line.partition("/")[0] for line in unasked(lab, "list").splitlines()}
    assert listed == {"tiny", "sd3", "sdxl"}, "llama is for ROCm alone"
    planned = re.findall(r"^# (\w+)/\w+\[cpu\]$", unasked(lab, "plan"), re.MULTILINE)
    assert set(planned) == {"tiny"}
    checked = unasked(lab, "validate")
    assert re.search(r"^[0-9]+ specs are valid\.$", checked, re.MULTILINE)
    assert checked.count("notice: ") == checked.count("notice: missing tuning spec ") == 2


def plans(release: Release) -> Iterator[Plan]:
    for case in targets.cases(catalogue(), TARGETS):
        yield planning.plan(case, release, Options())


def preprocessed(tools: Toolchain, folder: Path, step: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Compile as far as to the end of preprocessing, which parses all flags and runs the passes that they name."""
    _, source, _, _, *own = step
    argv = [str(tools.iree_compile), source, "-o", "/dev/null", "--compile-to=preprocessing", *own]
    return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=folder, timeout=60)


@pytest.mark.parametrize("name", releases.locked())
def test_the_flags_of_the_catalogue_are_known_to_every_release_that_can_take_them(
    name: str, toolchain: Callable[[str], Toolchain], tmp_path: Path
) -> None:
    tools = toolchain(name)
    for program in ("model.mlir", "pipeline.mlir"):
        (tmp_path / program).write_text(ADD)
    made = list(plans(tools.release))
    blocked = {each.case.spec.submodel: each.blocked.status for each in made if each.blocked}
    is_too_old = releases.fulfils(tools.release, "<3.7")
    assert blocked == (dict.fromkeys(TILED, Status.UNSUPPORTED) if is_too_old else {})
    steps = {step.argv for each in made for step in each.steps if isinstance(step, Compile)}
    with ThreadPoolExecutor(2) as pool:
        for argv, done in zip(steps, pool.map(lambda argv: preprocessed(tools, tmp_path, argv), steps), strict=True):
            assert done.returncode == 0, (argv, done.stderr)
            assert "error" not in done.stderr.lower(), (argv, done.stderr)


@pytest.mark.parametrize("flag", ["--iree-no-such-flag", "--iree-preprocessing-pass-pipeline=builtin.module(no-such)"])
def test_a_flag_or_pass_that_is_not_known_would_be_seen(
    flag: str, toolchain: Callable[[str], Toolchain], tmp_path: Path
) -> None:
    (tmp_path / "model.mlir").write_text(ADD)
    step = ("iree-compile", "model.mlir", "-o", "model.vmfb", *HIP_FLAGS, "--iree-rocm-target=gfx942", flag)
    done = preprocessed(toolchain(releases.newest().name), tmp_path, step)
    assert done.returncode or "error" in done.stderr.lower()
