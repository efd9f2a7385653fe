import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.core.cases import Backend, Case
from harness.core.errors import UsageError
from harness.core.statuses import Kind, Phase, Status, Verdict
from harness.pipeline import planner, selection
from harness.pipeline.expectations import expected_failures, judged
from harness.pipeline.options import Options
from tests.unit.command_lines import settings
from tests.unit.samples import release
from tests.unit.suites import onnx, torch

HIP = ["--iree-hal-target-device=hip", "--iree-rocm-target=gfx1100"]
CUDA = ["--iree-hal-target-device=cuda"]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    folder = tmp_path / "onnx_ops"
    for name in ("test_abs", "test_add", "test_softmax"):
        onnx.case(folder, name, "--expected_output=4xf32=@o.bin")
    return folder


def cases(suite: Path, *words: str, environment: Mapping[str, str] | None = None) -> list[Case]:
    notices: list[str] = []
    given = settings("--specs", str(suite), *words, environment=environment or {})
    return selection.cases(given, notices.append)


def short(found: list[Case]) -> list[str]:
    return [case.id.removeprefix(f"{onnx.GENERATED}/") for case in found]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["test_abs[cpu]", "test_abs[hip]", "test_add[cpu]", "test_add[hip]"]),
        (["onnx/node"], ["test_abs[cpu]", "test_abs[hip]", "test_add[cpu]", "test_add[hip]"]),
        (["onnx/node/generated/test_abs"], ["test_abs[cpu]", "test_abs[hip]"]),
        (["test_a*s"], ["test_abs[cpu]", "test_abs[hip]"]),
        (["*/test_abs"], ["test_abs[cpu]", "test_abs[hip]"]),
        (["onnx/node/generated/test_abs[hip]"], ["test_abs[hip]"]),
        (["onnx/node/generated/test_abs[hip]", "test_add"], ["test_abs[hip]", "test_add[cpu]", "test_add[hip]"]),
        (["-k", "add[cpu"], ["test_add[cpu]"]),
        (["--backend", "rocm"], ["test_abs[hip]", "test_add[hip]"]),
        (["--chip", "gfx1100"], ["test_abs[hip]", "test_add[hip]"]),
    ],
)
def test_cases_by_configs(suite: Path, tmp_path: Path, words: list[str], expected: list[str]) -> None:
    configs = [onnx.config(tmp_path / "cpu.json"), onnx.config(tmp_path / "hip.json", flags=HIP)]
    (suite / onnx.GENERATED / "test_softmax" / "run_module_io_flags.txt").unlink()
    found = cases(suite, *(f"--suite-config={each}" for each in configs), *words)
    assert short(found) == expected
    assert {case.spec.backend for case in found} == {case.target.backend for case in found}


def test_a_chip_to_compile_for_runs_nothing(suite: Path, tmp_path: Path) -> None:
    hip = onnx.config(tmp_path / "hip.json", flags=HIP)
    found = cases(suite, f"--suite-config={hip}", "--compile-chip=gfx1100")
    assert {(case.target.compile_only, case.target.chip) for case in found} == {(True, "gfx1100")}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--backend=cuda"], "No config is for the backend and the chips that are asked for; there are cpu (cpu)."),
        (["test_ads"], "no case named 'test_ads' in "),
        (["x.mlir"], "x.mlir: a program cannot be tested together with a suite"),
        (["--threshold=f32=1"], "--threshold=f32=1 is only for a program"),
        (["-k", "lost"], "-k lost: no selected case has this in its id"),
    ],
)
def test_what_selects_nothing(suite: Path, tmp_path: Path, words: list[str], message: str) -> None:
    cpu = onnx.config(tmp_path / "cpu.json")
    with pytest.raises(UsageError) as caught:
        cases(suite, f"--suite-config={cpu}", *words)
    assert str(caught.value).startswith(message)


def test_a_case_id_of_another_config(suite: Path, tmp_path: Path) -> None:
    configs = [onnx.config(tmp_path / "cpu.json"), onnx.config(tmp_path / "hip.json", flags=HIP)]
    with pytest.raises(UsageError, match="no such case; with these options there are"):
        cases(
            suite, *(f"--suite-config={each}" for each in configs), "--backend=cpu", "onnx/node/generated/test_abs[hip]"
        )


def test_configs_of_the_environment(suite: Path, tmp_path: Path) -> None:
    first, second = onnx.config(tmp_path / "a.json"), onnx.config(tmp_path / "b.json")
    environment = {"IREE_TEST_CONFIG_FILES": f"{first};{second}"}
    assert {case.target.config for case in cases(suite, environment=environment)} == {"a", "b"}
    assert {case.target.config for case in cases(suite, f"--suite-config={second}", environment=environment)} == {"b"}
    with pytest.raises(UsageError, match=r"is a suite \(onnx_ops\), whose cases need a config: name one or more with"):
        cases(suite)


def test_a_config_without_a_suite(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--suite-config is for a suite, and .* has no case of one; pass the folder"):
        cases(tmp_path, f"--suite-config={onnx.config(tmp_path / 'a.json')}")


def test_remarks_about_configs(suite: Path, tmp_path: Path) -> None:
    lost = onnx.named("a", "test_abs", "b", "c", "d")
    cpu = onnx.config(tmp_path / "cpu.json", expected_run_failures=lost, other=1)
    notices: list[str] = []
    selection.cases(settings("--specs", str(suite), f"--suite-config={cpu}"), notices.append)
    names = "onnx/node/generated/a (line 11), onnx/node/generated/b (line 13), onnx/node/generated/c (line 14), ..."
    assert notices == [f"{cpu}:17: unknown field 'other' is ignored", f"{cpu}: 4 names of no case in onnx_ops: {names}"]
    notices.clear()
    selection.cases(settings("--specs", str(suite / "onnx"), f"--suite-config={cpu}"), notices.append)
    assert len(notices) == 1


def test_what_lists_of_a_config_do(suite: Path, tmp_path: Path) -> None:
    cpu = onnx.config(
        tmp_path / "cpu.json", skip_compile_tests=onnx.named("test_abs"), skip_run_tests=onnx.named("test_add")
    )
    skipped, compiled, run = (
        planner.plan(case, release("3.13.0"), Options()) for case in cases(suite, f"--suite-config={cpu}")
    )
    assert skipped.steps == ()
    assert skipped.blocked == Verdict(
        status=Status.SKIPPED, kind=None, reason=f"{cpu}:11 says so (skip_compile_tests[0])"
    )
    assert compiled.case.is_compile_only
    assert not run.case.is_compile_only


def test_a_config_without_a_chip_compiles_as_it_says(suite: Path, tmp_path: Path) -> None:
    cuda = onnx.config(tmp_path / "cuda.json", flags=CUDA, skip_run_tests=onnx.named("test_abs"))
    (case,) = cases(suite, f"--suite-config={cuda}", "test_abs")
    plan = planner.plan(case, release("3.13.0"), Options())
    assert plan.blocked is None
    assert case.target.backend is Backend.CUDA


FAILED = [Kind.COMPILE, Kind.CRASH, Kind.NUMERIC, Kind.TIMEOUT]


@pytest.mark.parametrize(
    ("lists", "found", "expected"),
    [
        (["expected_compile_failures"], (Status.FAILED, Kind.COMPILE, Phase.COMPILE), Status.XFAILED),
        (["expected_compile_failures"], (Status.FAILED, Kind.CRASH, Phase.COMPILE), Status.XFAILED),
        (["expected_compile_failures"], (Status.FAILED, Kind.TIMEOUT, Phase.COMPILE), Status.FAILED),
        (["expected_compile_failures"], (Status.FAILED, Kind.NUMERIC, Phase.COMPARE), Status.FAILED),
        (["expected_compile_failures"], (Status.PASSED, None, Phase.COMPARE), Status.XPASSED),
        (["expected_compile_failures"], (Status.COMPILED, None, Phase.COMPILE), Status.XPASSED),
        (["expected_run_failures"], (Status.FAILED, Kind.NUMERIC, Phase.COMPARE), Status.XFAILED),
        (["expected_run_failures"], (Status.FAILED, Kind.CRASH, Phase.RUN), Status.XFAILED),
        (["expected_run_failures"], (Status.FAILED, Kind.TIMEOUT, Phase.RUN), Status.FAILED),
        (["expected_run_failures"], (Status.FAILED, Kind.COMPILE, Phase.COMPILE), Status.FAILED),
        (["expected_run_failures"], (Status.PASSED, None, Phase.COMPARE), Status.XPASSED),
        (["expected_run_failures"], (Status.COMPILED, None, Phase.COMPILE), Status.COMPILED),
        (["expected_run_failures"], (Status.ERROR, Kind.DEVICE, Phase.RUN), Status.ERROR),
        (
            ["expected_compile_failures", "expected_run_failures"],
            (Status.FAILED, Kind.NAN, Phase.COMPARE),
            Status.FAILED,
        ),
        (
            ["expected_compile_failures", "expected_run_failures"],
            (Status.FAILED, Kind.COMPILE, Phase.COMPILE),
            Status.XFAILED,
        ),
        (["expected_compile_failures", "expected_run_failures"], (Status.PASSED, None, Phase.COMPARE), Status.XPASSED),
    ],
)
def test_expectations_are_strict_and_by_phase(
    suite: Path, tmp_path: Path, lists: list[str], found: tuple[Status, Kind | None, Phase], expected: Status
) -> None:
    cpu = onnx.config(tmp_path / "cpu.json", **dict.fromkeys(lists, onnx.named("test_abs")))
    (case,) = cases(suite, f"--suite-config={cpu}", "test_abs")
    status, kind, phase = found
    verdict = Verdict(status=status, kind=kind, reason="it is wrong")
    final = judged(verdict, phase, expected_failures(case, None, dt.date(2026, 1, 1)))
    assert final.status is expected
    if expected is Status.XPASSED:
        assert final.stale == tuple(f"$.{name}[0]" for name in lists)
        assert f"delete {lists[0]}[0]" in final.reason
        assert f" in {cpu}:11, or run `harness bless" in final.reason
    if expected is Status.FAILED:
        wanted = "compilation" if "expected_compile_failures" in lists else "run"
        assert final.reason == f"it is wrong ({cpu}:11 expects the {wanted} to fail)"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "torch_models"
    torch.module(folder, "toy/modules/toy_cpu")
    torch.module(folder, "toy/modules/hip", compiler_flags=torch.HIP_FLAGS)
    torch.model(folder, "toy/quality_cpu")
    torch.model(folder, "toy/speed_cpu", type="benchmark", markers=["cpu", "quick"])
    torch.model(folder, "toy/quality_hip", modules=["toy/modules/hip"], markers=["hip"])
    return folder


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["toy/quality_cpu[cpu]", "toy/speed_cpu[cpu]"]),
        (["speed_cpu"], ["toy/speed_cpu[cpu]"]),
        (["toy/speed_cpu[cpu]"], ["toy/speed_cpu[cpu]"]),
        (["toy/speed_cpu[cpu]", "quality*"], ["toy/quality_cpu[cpu]", "toy/speed_cpu[cpu]"]),
        (["-k", "quality"], ["toy/quality_cpu[cpu]"]),
        (["-m", "quick or quality"], ["toy/quality_cpu[cpu]", "toy/speed_cpu[cpu]"]),
        (["-m", "benchmark"], ["toy/speed_cpu[cpu]"]),
        (["--compile-chip", "gfx942"], ["toy/quality_hip[rocm-gfx942]"]),
        (["--compile-chip", "gfx942", "--compile-chip", "gfx90a"], ["toy/quality_hip[rocm-gfx942]"]),
        (["toy/quality_hip[rocm-gfx942]"], ["toy/quality_hip[rocm-gfx942]"]),
    ],
)
def test_cases_without_configs_are_selected_as_specs(models: Path, words: list[str], expected: list[str]) -> None:
    found = cases(models, *words, environment={"IREE_TEST_CONFIG_FILES": "lost.json"})
    assert [case.id for case in found] == expected


def test_a_case_is_selected_by_its_path(models: Path) -> None:
    (found,) = cases(models, str(models / "toy/quality_cpu.json"))
    assert found.id == "toy/quality_cpu[cpu]"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lost"], "no case named 'lost' in "),
        (["-m", "hip"], "-m hip: no selected spec has the marker 'hip'"),
        (["--suite-config", "a.json"], "is a suite (torch_models) without configs; remove --suite-config."),
        (["--function", "f"], "--function=f is only for a program"),
        (
            ["--compile-chip", "gfx90a"],
            "No selected spec is for the backend rocm-gfx90a, but 2 are for cpu and 1 is for rocm-gfx942; choose one",
        ),
    ],
)
def test_what_cannot_be_selected_without_configs(models: Path, words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        cases(models, *words)
    assert message in str(caught.value)
