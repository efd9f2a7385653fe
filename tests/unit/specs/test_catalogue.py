from pathlib import Path

import pytest

from harness.core.blobs import LOCK_NAME
from harness.core.errors import UsageError
from harness.specs.catalogue import Folders, select


@pytest.mark.parametrize("text", ["[]", "{", '{"https://h/x": {}}'])
def test_a_malformed_lock_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCK_NAME).write_text(text)
    with pytest.raises(UsageError, match="not a valid lock file"):
        Folders(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        Folders(tmp_path / "no")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "results/20261128T182058Z/results.json",
            '{"schema": 1, "cases": [{"commands": ["model.mlir"]}]}',
        ),
        ("results.json", '{"schema": 1, "cases": []}'),
        ("bisect/bisect.json", '{"case": "m/add[cpu]"}'),
        ("log.json", '{"release": "3.13.0"}\n{"release": "3.12.0"}\n'),
        ("results/truncated.json", '{"mlir": "add.ml'),
        ("schema.json", '{"properties": {"mlir": {"type": "string"}}}'),
        ("list.json", '["mlir"]'),
        (".venv/lib/quality_tests/m/add_cpu.json", '{"mlir": "add.mlir"}'),
        (LOCK_NAME, "{}"),
        (f"other/{LOCK_NAME}", "{}"),
    ],
)
def test_a_file_that_is_no_spec_may_be_among_specs(tmp_path: Path, name: str, text: str) -> None:
    for path, content in ((tmp_path / "m/add_cpu.json", '{"mlir": "add.mlir"}'), (tmp_path / name, text)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "folder_cpu.json").mkdir()
    assert Folders(tmp_path).paths() == [tmp_path / "m/add_cpu.json"]


@pytest.mark.parametrize("name", ["add.json", "add_cuad.json", "cpu.json"])
def test_a_spec_with_a_wrong_name_is_noticed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"mlir": "add.mlir"}')
    assert Folders(tmp_path).paths() == [tmp_path / name]


def test_selectors_are_names_and_globs(tmp_path: Path) -> None:
    for name in ("sd3/clip_cpu", "sd3/clip_rocm", "sd3/vae_cpu", "sdxl/clip_cpu"):
        path = tmp_path / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    folders = Folders(tmp_path)

    def selected(*selectors: str) -> list[str]:
        return [f"{path.parent.name}/{path.stem}" for path in select(folders, selectors)]

    assert selected("sd3") == ["sd3/clip_cpu", "sd3/clip_rocm", "sd3/vae_cpu"]
    assert selected("sd3/clip", "sdxl") == ["sd3/clip_cpu", "sd3/clip_rocm", "sdxl/clip_cpu"]
    assert selected("*/vae") == ["sd3/vae_cpu"]
    with pytest.raises(UsageError, match=r"^no model named 'sd4' in .*; did you mean sd3, sdxl\?$"):
        selected("sd4")
    with pytest.raises(UsageError, match=r"^no model named 'llama' in .*; available models: sd3, sdxl\.$"):
        selected("llama")
