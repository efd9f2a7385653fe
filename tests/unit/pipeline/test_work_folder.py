from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.core.blobs import Fetched, FetchedBlob
from harness.core.measurements import Module
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Phase, Status, Verdict
from harness.pipeline import work_folder
from harness.pipeline.outcome import outcome
from harness.pipeline.step_results import INTERRUPTED, CompileResult, FetchResult, StepResult
from harness.pipeline.steps import Compile, Fetch, Plan, Run, Step
from tests.unit.samples import planned

WRONG = Verdict(status=Status.FAILED, kind=Kind.NUMERIC, reason="wrong")


def done(root: Path, plan: Plan, verdict: Verdict = WRONG, last: type[Step] | None = None) -> dict[Step, StepResult]:
    """Return results of all steps of a plan, up to the first of a kind, with which a verdict comes."""
    store = root / "store"
    store.mkdir(exist_ok=True)
    results: dict[Step, StepResult] = {}
    for step in plan.steps:
        if last is type(step):
            return results | {step: StepResult(verdict=verdict)}
        if isinstance(step, Fetch):
            (store / step.blob.name).write_text(f"blob {step.blob.name}")
            blob = FetchedBlob(url=step.blob.url, sha256="a", bytes=1)
            results[step] = FetchResult(fetched=Fetched(path=store / step.blob.name, blob=blob, seconds=0))
        elif isinstance(step, Compile):
            for name in step.products:
                (store / name).write_text(f"product {name}")
            module = Module(key="a", bytes=1, cached=False, sha256="b")
            results[step] = CompileResult(folder=store, module=module)
        else:
            results[step] = StepResult(verdict=verdict)
    return results


def kept(root: Path, verdict: Verdict = WRONG, last: type[Step] | None = None) -> Outcome:
    plan = planned()
    results = done(root, plan, verdict, last)
    return work_folder.kept(plan, results, outcome(plan, results, verdict, root / "out"), root / "out")


def test_all_that_the_commands_read_is_there_under_the_names_that_they_use(tmp_path: Path) -> None:
    found = kept(tmp_path)
    assert found.work == ".work/tiny/clip-cpu"
    folder = tmp_path / "out" / found.work
    for step in planned().steps:
        for link in getattr(step, "links", ()):
            assert (folder / link.name).read_text() == f"blob {link.blob.name}"
    assert (folder / "model.vmfb").read_text() == "product model.vmfb"
    assert (folder / "expected.0.bin").read_text() == "blob out.bin"


def test_the_tools_have_the_flags_of_the_spec_alone(tmp_path: Path) -> None:
    compiles, runs = kept(tmp_path).tools
    assert compiles == ("iree-compile", "model.mlir", "-o", "model.vmfb", "--iree-hal-target-device=local")
    assert runs == next(step.argv for step in planned().steps if isinstance(step, Run))


def test_what_the_compiler_did_not_write_beside_the_module_is_not_missed(tmp_path: Path) -> None:
    plan = planned()
    results = done(tmp_path, plan)
    (tmp_path / "store" / "statistics.json").unlink(missing_ok=True)
    found = work_folder.kept(plan, results, outcome(plan, results, WRONG, tmp_path / "out"), tmp_path / "out")
    assert "model.vmfb" in [path.name for path in (tmp_path / "out" / found.work).iterdir()]


def test_a_repeated_compilation_does_not_write_into_the_store(tmp_path: Path) -> None:
    folder = tmp_path / "out" / kept(tmp_path).work
    (folder / "model.vmfb").write_text("another")
    assert (tmp_path / "store" / "model.vmfb").read_text() == "product model.vmfb"


def test_a_case_whose_compilation_failed_has_its_program(tmp_path: Path) -> None:
    found = kept(tmp_path, last=Compile)
    assert found.phase is Phase.COMPILE
    assert (tmp_path / "out" / found.work / "model.mlir").is_symlink()
    assert [argv[0] for argv in found.tools] == ["iree-compile"], "it has not run"


@pytest.mark.parametrize(
    ("verdict", "last"),
    [
        (INTERRUPTED, None),
        (replace(WRONG, status=Status.UNSUPPORTED), None),
        (replace(WRONG, status=Status.ERROR, kind=Kind.FETCH), Fetch),
    ],
)
def test_other_cases_have_no_folder(tmp_path: Path, verdict: Verdict, last: Any) -> None:
    assert kept(tmp_path, verdict, last).work == ""
    assert not (tmp_path / "out" / ".work").exists()


def test_without_the_files_there_is_no_folder_and_the_result_is_not_lost(tmp_path: Path) -> None:
    plan = planned()
    results = done(tmp_path, plan)
    (tmp_path / "store" / "model.vmfb").unlink()
    found = work_folder.kept(plan, results, outcome(plan, results, WRONG, tmp_path / "out"), tmp_path / "out")
    assert (found.work, found.status, found.reason) == ("", Status.FAILED, "wrong")
