from pathlib import Path

import pytest

from harness.core.cases import Backend
from harness.core.errors import UsageError
from harness.pipeline import selection
from tests.unit.command_lines import settings

NAMES = ("toy/add_cpu", "toy/add_rocm", "toy/mul_cpu", "other/add_cpu")


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    folder = tmp_path / "specs"
    for name in NAMES:
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "a.mlir").write_text("module {}")
        device = "local-task" if name.endswith("cpu") else "hip"
        flags = f'["--iree-hal-target-device={"local" if device == "local-task" else device}"]'
        path.write_text(f'{{"mlir": "a.mlir", "compile_only": true, "compiler_flags": {flags}}}')
    return folder


def ids(specs: Path, *words: str) -> list[str]:
    return [case.id for case in selection.cases(settings("--specs", str(specs), *words))]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["toy"], ["toy/add[cpu]", "toy/mul[cpu]"]),
        (["toy/"], ["toy/add[cpu]", "toy/mul[cpu]"]),
        (["toy/add[cpu]"], ["toy/add[cpu]"]),
        (["*/add"], ["other/add[cpu]", "toy/add[cpu]"]),
        (["toy/add[cpu]", "other/add[cpu]"], ["other/add[cpu]", "toy/add[cpu]"]),
        (["toy/add[rocm-gfx942]"], ["toy/add[rocm-gfx942]"]),
        (["toy/add[rocm-gfx90a]", "--chip=gfx942", "--compile-chip=gfx90a"], ["toy/add[rocm-gfx90a]"]),
        (
            ["toy", "toy/add[rocm-gfx90a]", "--chip=gfx942", "--chip=gfx90a"],
            ["toy/add[rocm-gfx942]", "toy/add[rocm-gfx90a]"],
        ),
        (["toy/[am]*"], ["toy/add[cpu]", "toy/mul[cpu]"]),
    ],
)
def test_what_is_selected(specs: Path, words: list[str], expected: list[str]) -> None:
    assert ids(specs, *words) == expected


def test_the_path_of_a_spec_selects_it_and_its_backend(specs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ids(specs, str(specs / "toy" / "mul_cpu.json")) == ["toy/mul[cpu]"]
    (case,) = selection.cases(settings(str(specs / "toy" / "add_rocm.json"), "--compile-chip=gfx942"))
    assert (case.id, case.target.backend) == ("toy/add[rocm-gfx942]", Backend.ROCM)
    monkeypatch.chdir(specs / "toy")
    assert [case.id for case in selection.cases(settings("add_cpu.json"))] == ["toy/add[cpu]"]


def test_the_path_of_a_folder_of_specs_selects_all_of_them(specs: Path) -> None:
    found = selection.cases(settings(str(specs)))
    assert [case.id for case in found] == ["other/add[cpu]", "toy/add[cpu]", "toy/mul[cpu]"]
    assert settings(str(specs)).cases.specs == specs
    assert settings(str(specs / "toy")).cases.selectors == (str(specs / "toy"),)  # it has no specs in folders of it
    assert settings(str(specs), "toy").cases.specs is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["toy/add[cpu]", "toy/add[rocm-gfx942]"], "The selectors are for several backends (cpu, rocm); select those"),
        (["toy/add[rocm-gfx90a]", "--chip=gfx942"], "toy/add[rocm-gfx90a]: no such case; with these options there are"),
        (["toy/lost[cpu]"], "no model named 'toy/lost[cpu]' in "),
        (["toy/lost_cpu.json"], "no model named 'toy/lost_cpu.json' in "),
    ],
)
def test_what_selects_nothing(specs: Path, words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        ids(specs, *words)
    assert str(caught.value).startswith(message)
