import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.core.blobs import FetchedBlob
from harness.core.callbacks import ignore
from harness.core.errors import UsageError
from harness.core.outcomes import Outcome
from harness.core.settings import (
    CaseSettings,
    ContainerSettings,
    FetchSettings,
    ReleaseSettings,
    RunSettings,
    Settings,
    TargetSettings,
    ToolSettings,
)
from harness.packing import case_folder
from harness.packing.case_folder import CaseRequest
from harness.pipeline import selection
from tests.unit.reports import failed, report


def settings(folder: Path, backend: str = "cpu", **changes: Any) -> Settings:
    model = folder / "models" / "my"
    model.mkdir(parents=True)
    (model / "clip.mlir").write_text("program")
    device = "local" if backend == "cpu" else "hip"
    value = {"mlir": "clip.mlir", "compiler_flags": [f"--iree-hal-target-device={device}"], "run_function": "f"}
    (model / f"clip_{backend}.json").write_text(json.dumps(value))
    asked = Settings(
        cases=CaseSettings(selectors=("my/clip",), specs=folder / "models"),
        container=ContainerSettings(engine="local"),
        fetch=FetchSettings(store=folder / "store"),
    )
    return replace(asked, **changes)


def request(folder: Path, asked: Settings, **changes: Any) -> CaseRequest:
    (case,) = selection.cases(asked)
    outcome: Outcome = failed(
        id=case.id, model="my", submodel="clip", release="3.13.0", logs={"run": "run.log", "x/y": "../../gone"}
    )
    outcome = replace(outcome, commands={}, blobs=(), path=str(case.spec.path), **changes.pop("outcome", {}))
    (folder / "run.log").write_text(f"read {Path.home()}/x and {folder}/models/my\n")
    filled: dict[str, Any] = {"settings": asked, "case": case, "outcome": outcome, "report": report(outcome)}
    filled |= {"results": folder, "folder": folder / "to", "with_blobs": False, "allowed": (folder,)}
    return CaseRequest(**(filled | changes))


def script(folder: Path) -> str:
    (line,) = [each for each in (folder / "to" / "run.sh").read_text().splitlines() if each.startswith("harness ")]
    return line


def test_logs_are_copied_without_what_is_private(tmp_path: Path) -> None:
    packed = case_folder.write(request(tmp_path, settings(tmp_path)), ignore)
    assert packed.outcome.logs == {"run": "logs/run.log"}
    assert (tmp_path / "to" / "logs" / "run.log").read_text() == "read ~/x and specs/my\n"
    assert script(tmp_path) == (
        "harness quality my/clip --backend cpu --iree 3.13.0 --engine local --specs specs --out out --no-history "
        '"$@" || true'
    )


def test_a_run_in_a_container_names_its_image(tmp_path: Path) -> None:
    container = ContainerSettings(engine="podman", image="cpu")
    packed = case_folder.write(request(tmp_path, settings(tmp_path, container=container), with_blobs=True), ignore)
    assert not packed.is_offline
    assert "--engine podman --image cpu" in script(tmp_path)
    assert "--store store" in script(tmp_path)
    assert "It ran in a container" in (tmp_path / "to" / "README.md").read_text()


def test_a_run_with_installed_tools_needs_them_again(tmp_path: Path) -> None:
    run = RunSettings(tools=ToolSettings(folder=None), timeout_s=7)
    asked = settings(tmp_path, run=run, container=ContainerSettings())
    packed = case_folder.write(request(tmp_path, asked, outcome={"release": "3.9.0"}, with_blobs=True), ignore)
    assert packed.is_offline
    assert script(tmp_path).startswith(
        "harness run my/clip --backend cpu --specs specs --timeout 7 --out out --store store"
    )
    assert "--toolchain DIR" in (tmp_path / "to" / "README.md").read_text()


def test_a_case_that_was_only_compiled_is_only_compiled(tmp_path: Path) -> None:
    asked = settings(tmp_path, "rocm", target=TargetSettings(compile_chips=("gfx942", "gfx1100")))
    cases = selection.cases(asked)
    one = replace(asked, target=TargetSettings(compile_chips=("gfx942",)))
    case_folder.write(request(tmp_path, one, case=cases[0]), ignore)
    assert "--backend rocm --compile-chip gfx942 --iree" in script(tmp_path)


def test_wheels_of_a_local_build_are_copied(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    for name in ("iree_base_compiler", "iree_base_runtime"):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr(f"{name}/x.txt", name)
        path = tmp_path / "wheels" / f"{name}-3.99.0.dev0+abc-cp312-cp312-manylinux_2_28_x86_64.whl"
        path.write_bytes(target.getvalue())
    release = ReleaseSettings(name="3.99.0.dev0+abc", wheels=(tmp_path / "wheels",))
    case_folder.write(request(tmp_path, settings(tmp_path, release=release)), ignore)
    assert "--iree 3.99.0.dev0+abc" in script(tmp_path)
    assert "--wheels wheels" in script(tmp_path)
    names = [sorted(each.name for each in (tmp_path / where).iterdir()) for where in ("wheels", "to/wheels")]
    assert names[0] == names[1]


def test_a_file_outside_of_what_is_allowed_is_not_copied(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"clip\.mlir: is outside of this folder.*--allow-path"):
        case_folder.write(request(tmp_path, settings(tmp_path), allowed=(tmp_path / "models" / "other",)), ignore)
    assert list((tmp_path / "to").iterdir()) == []


def test_a_file_that_has_changed_is_refused(tmp_path: Path) -> None:
    asked = settings(tmp_path)
    known = FetchedBlob(url=(tmp_path / "models" / "my" / "clip.mlir").as_uri(), sha256="a" * 64, bytes=7)
    asked_for = request(tmp_path, asked)
    asked_for = replace(asked_for, outcome=replace(asked_for.outcome, blobs=(known,)))
    with pytest.raises(UsageError, match=r"clip\.mlir: has changed since the results were written"):
        case_folder.write(asked_for, ignore)
