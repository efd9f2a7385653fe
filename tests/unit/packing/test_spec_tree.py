import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.blobs import FetchedBlob
from harness.core.callbacks import ignore
from harness.core.cases import Case
from harness.core.errors import IntegrityError, UsageError
from harness.core.settings import CaseSettings, ContainerSettings, ProgramSettings, Settings
from harness.host.beneath import Folder
from harness.packing import case_folder, store_copy
from harness.packing.spec_tree import SpecTree
from harness.pipeline import selection
from harness.store.store import Store

FLAGS = ["--iree-hal-target-device=local"]


def spec(folder: Path, name: str = "clip_cpu", **fields: Any) -> Settings:
    model = folder / "models" / "my"
    model.mkdir(parents=True, exist_ok=True)
    (model / "clip.mlir").write_text("program")
    np.save(model / "a.npy", np.zeros(1))
    value = {"mlir": "clip.mlir", "compiler_flags": FLAGS, "inputs": [{"source": "a.npy"}], "run_function": "f"}
    (model / f"{name}.json").write_text(json.dumps(value | fields))
    return of(CaseSettings(selectors=("*",), specs=folder / "models"))


def of(cases: CaseSettings) -> Settings:
    return Settings(cases=cases, container=ContainerSettings(engine="local"))


def packed(settings: Settings, to: Path, **options: Any) -> list[Case]:
    """Pack all cases that settings select, and return those that the folder has."""
    tree = SpecTree(Folder(to), may_copy=options.pop("may_copy", ignore), **options)
    for case in selection.cases(settings):
        tree.add(case, settings.cases)
    tree.write_lock()
    there = tree.settings
    configs = tuple(to / each for each in there.suite_configs)
    return selection.cases(of(replace(there, specs=to / str(there.specs), suite_configs=configs)))


def test_a_spec_stands_alone(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    base = {"mlir": "../other/x y.mlir", "compiler_flags": FLAGS, "$schema": "../x.json"}
    (tmp_path / "models" / "clip_base.json").write_text(json.dumps(base | {"mlir": "other/x y.mlir"}))
    (tmp_path / "models" / "other").mkdir()
    (tmp_path / "models" / "other" / "x y.mlir").write_text("another")
    url = {"source": "https://user:pw@host/b.npy?sig=1&sv=2", "value": "4xf32"}
    settings = spec(tmp_path, extends="../clip_base.json", outputs=[url, {"source": "a.npy"}], mlir="../other/x y.mlir")
    known = FetchedBlob(url="https://host/b.npy?sig=***&sv=***", sha256="a" * 64, bytes=16)
    (case,) = packed(settings, tmp_path / "to", fetched={known.url: known})
    assert case.id == "my/clip[cpu]"
    folder = tmp_path / "to" / "specs" / "my"
    value = json.loads((folder / "clip_cpu.json").read_text())
    assert value["mlir"] == "files/x_y.mlir"
    assert value["outputs"] == [{"source": "https://host/b.npy", "value": "4xf32"}, {"source": "files/a.npy"}]
    assert value.keys().isdisjoint({"extends", "$schema"})
    assert (folder / "files" / "x_y.mlir").read_text() == "another"
    lock = json.loads((tmp_path / "to" / "specs" / "blobs.lock.json").read_text())
    assert lock == {"https://host/b.npy": {"sha256": "a" * 64, "size": 16}}


def test_what_the_lock_file_says_is_kept(tmp_path: Path) -> None:
    settings = spec(tmp_path, mlir="https://host/m.mlir")
    entry = {"https://host/m.mlir": {"sha256": "b" * 64, "size": 3}}
    (tmp_path / "models" / "blobs.lock.json").write_text(json.dumps(entry))
    (case,) = packed(settings, tmp_path / "to")
    assert case.spec.mlir.sha256 == "b" * 64


def test_a_url_with_a_secret_is_not_written(tmp_path: Path) -> None:
    settings = spec(tmp_path, mlir="https://host/m.mlir?token=1")
    with pytest.raises(UsageError, match=r"https://host/m.mlir\?token=\*\*\*: its query may be secret, so it is not"):
        packed(settings, tmp_path / "to")
    (case,) = packed(settings, tmp_path / "two", content=lambda _: tmp_path / "models" / "my" / "clip.mlir")
    assert case.spec.mlir.local_path.read_text() == "program"


def test_a_file_that_is_missing_has_a_name(tmp_path: Path) -> None:
    settings = spec(tmp_path, tuner_file={"mi300": "no/tuner.mlir"})
    (case,) = packed(settings, tmp_path / "to")
    assert case.spec.tuner_file["mi300"].name == "tuner.mlir"


def test_two_files_of_one_name_are_both_there(tmp_path: Path) -> None:
    (tmp_path / "models" / "b").mkdir(parents=True)
    np.save(tmp_path / "models" / "b" / "a.npy", np.ones(1))
    (case,) = packed(spec(tmp_path, outputs=[{"source": "../b/a.npy"}]), tmp_path / "to")
    assert [each.name for each in case.spec.blobs] == ["clip.mlir", "a.npy", "2_a.npy"]


def test_a_special_file_is_refused(tmp_path: Path) -> None:
    settings = spec(tmp_path, mlir="folder")
    (tmp_path / "models" / "my" / "folder").mkdir()
    with pytest.raises(UsageError, match="folder: cannot be read"):
        packed(settings, tmp_path / "to")


def test_a_file_that_must_not_be_copied_is_not(tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise UsageError(f"{path}: no")

    with pytest.raises(UsageError, match=r"clip\.mlir: no"):
        packed(spec(tmp_path), tmp_path / "to", may_copy=refuse)
    assert not list((tmp_path / "to").rglob("*.mlir"))


def test_a_program_becomes_a_spec(tmp_path: Path) -> None:
    spec(tmp_path)
    program = str(tmp_path / "models" / "my" / "clip.mlir")
    asked = ProgramSettings(function="f", inputs=(f"@{tmp_path}/models/my/a.npy", "4xf32=2"))
    (case,) = packed(of(CaseSettings(selectors=(program,), program=asked)), tmp_path / "to")
    assert (case.id, case.spec.run_function) == ("my/clip[cpu]", "f")
    value = json.loads((tmp_path / "to" / "specs" / "my" / "clip_cpu.json").read_text())
    assert value["inputs"] == [{"source": "files/a.npy"}, {"value": "4xf32=2"}]


def suite(folder: Path) -> Settings:
    case = folder / "onnx_ops" / "node" / "test_abs"
    case.mkdir(parents=True)
    (case / "model.mlir").write_text("program")
    (case / "in put.bin").write_bytes(bytes(4))
    (case / "out.bin").symlink_to("in put.bin")
    flags = "--input=1xf32=@in put.bin\n--expected_output=1xf32=@out.bin\n"
    (case / "run_module_io_flags.txt").write_text(flags)
    config = {
        "config_name": "cpu",
        "iree_compile_flags": ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"],
        "iree_run_module_flags": ["--device=local-task"],
        "expected_run_failures": ["test_abs"],
    }
    (folder / "my_config.json").write_text(json.dumps(config))
    configs = (folder / "my_config.json",)
    return of(CaseSettings(selectors=("*",), specs=folder / "onnx_ops" / "node", suite_configs=configs))


def test_a_suite_stays_as_it_is(tmp_path: Path) -> None:
    settings = suite(tmp_path)
    (before,) = selection.cases(settings)
    (after,) = packed(settings, tmp_path / "to")
    assert after.id == before.id == "node/test_abs[my_config]"
    assert after.spec.listing is not None
    assert after.spec.listing.run_failure == before.spec.listing.run_failure  # type: ignore[union-attr]
    copied = tmp_path / "to" / "specs" / "onnx_ops" / "node" / "test_abs"
    assert sorted(each.name for each in copied.iterdir()) == sorted(
        ["in put.bin", "model.mlir", "out.bin", "run_module_io_flags.txt"]
    )
    assert not (copied / "out.bin").is_symlink()


def test_a_suite_whose_files_are_elsewhere_is_refused(tmp_path: Path) -> None:
    settings = suite(tmp_path)
    (tmp_path / "elsewhere.bin").write_bytes(bytes(4))
    link = tmp_path / "onnx_ops" / "node" / "test_abs" / "out.bin"
    link.unlink()
    link.symlink_to(tmp_path / "elsewhere.bin")
    allowed = of(replace(settings.cases, allow_paths=(tmp_path / "elsewhere.bin",)))
    with pytest.raises(UsageError, match=r"elsewhere\.bin: is not in the folder of the suite"):
        packed(allowed, tmp_path / "to")


def test_the_folder_is_new_or_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case_folder.check_new(tmp_path / "new")
    case_folder.check_new(tmp_path / "not" / "there")
    (tmp_path / "empty").mkdir()
    case_folder.check_new(tmp_path / "empty")
    (tmp_path / "link").symlink_to("empty")
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    for name in ("link", "file", "full"):
        with pytest.raises(UsageError, match="exists and is no empty folder"):
            case_folder.check_new(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"^\.: exists and is no empty folder"):
        case_folder.check_new(Path())


def test_an_entry_is_copied_with_its_programs(tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "bin").mkdir()
        (folder / "bin" / "tool").write_text("x")
        (folder / "bin" / "tool").chmod(0o700)
        (folder / "text").write_text("y")

    with Store(tmp_path / "one") as source, Store(tmp_path / "two") as target:
        made = source.provide("toolchains", "ab", fill)
        store_copy.copy("toolchains", "ab", source, target)
        found = target.find("toolchains", "ab")
        assert found is not None
        assert {name: found.sha256(name) for name in found.files} == {name: made.sha256(name) for name in made.files}
        modes = [(found.path / name).stat().st_mode & 0o777 for name in ("bin/tool", "text")]
        assert modes == [0o755, 0o644]
        with pytest.raises(IntegrityError, match="was removed from the cache meanwhile"):
            store_copy.copy("toolchains", "cd", source, target)


def test_an_entry_that_differs_from_the_copy_there_is_said(tmp_path: Path) -> None:
    with Store(tmp_path / "one") as source, Store(tmp_path / "two") as target:
        source.provide("modules", "ab", lambda folder: {} if (folder / "m").write_text("x") else None)
        target.provide("modules", "ab", lambda folder: {} if (folder / "m").write_text("y") else None)
        with pytest.raises(IntegrityError, match="changed while it was copied"):
            store_copy.copy("modules", "ab", source, target)
