"""What is written; that it is locked and run is shown by the integration tests."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from harness.cli import options
from harness.cli.arguments import parser
from harness.cli.command_line import main
from harness.specs import reader
from harness.specs.catalogue import Folders


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    """Return a folder of specs with some files, and none outside of it that may be named."""
    folder = tmp_path / "specs"
    (folder / "toy").mkdir(parents=True)
    (tmp_path / "outside.mlir").write_text("module {}")
    for name in ("toy/add.mlir", "toy/a b.npy", "shared.irpa"):
        (folder / name).write_text(name)
    return folder


def new(specs: Path, *argv: str) -> int:
    return main(["new", *argv, "--specs", str(specs), "--no-run", "--offline"], {})


def written(specs: Path, name: str) -> Any:
    """Return what a spec says, which is valid and formatted as all are."""
    path = specs / name
    assert len(reader.load_all([path], Folders(specs))) == 1
    document = json.loads(path.read_text())
    assert path.read_text() == json.dumps(document, indent=2) + "\n"
    return document


def test_a_spec_says_what_the_options_say(specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--mlir=toy/add.mlir", "--function=add", "--weights=shared.irpa", "--compiler-flag=--iree-opt-level=O3"]
    options += [
        "--input=@toy/a b.npy",
        "--input=4xf32=2",
        "--input=8xi8",
        f"--input=4xf32=@{specs.as_uri()}/toy/add.mlir",
    ]
    options += ["--expected-output=@toy/a b.npy", "--expected-output=(ignored)", "--threshold=f32=1e-5"]
    assert new(specs, "toy/add", *options) == 0
    assert capsys.readouterr().out == f"written   {specs}/toy/add_cpu.json\n"
    document = written(specs, "toy/add_cpu.json")
    assert document == {
        "mlir": "add.mlir",
        "compiler_flags": [
            "--iree-opt-level=O3",
            "--iree-hal-target-device=local",
            "--iree-hal-local-target-device-backends=llvm-cpu",
        ],
        "run_function": "add",
        "real_weights": "../shared.irpa",
        "inputs": [
            {"source": "a b.npy"},
            {"value": "4xf32=2"},
            {"value": "8xi8"},
            {"source": f"{specs.as_uri()}/toy/add.mlir", "value": "4xf32"},
        ],
        "outputs": [{"source": "a b.npy"}, {"value": "(ignored)"}],
        "threshold_args": ["--expected_f32_threshold=1e-5"],
    }
    assert not (specs / "blobs.lock.json").exists()


@pytest.mark.parametrize(
    ("options", "backend", "device"),
    [
        (["--backend=rocm", "--chip=gfx942"], "rocm", "hip"),
        (["--compile-chip=gfx942"], "rocm", "hip"),
        (["--backend=cuda"], "cuda", "cuda"),
    ],
)
def test_without_a_function_a_program_is_compiled_only(
    specs: Path, options: list[str], backend: str, device: str
) -> None:
    assert new(specs, "other/add.v2_x", "--mlir=toy/add.mlir", *options) == 0
    assert written(specs, f"other/add.v2_x_{backend}.json") == {
        "mlir": "../toy/add.mlir",
        "compiler_flags": [f"--iree-hal-target-device={device}"],
        "compile_only": True,
    }


def test_files_may_be_elsewhere(specs: Path, tmp_path: Path) -> None:
    (tmp_path / "external").mkdir()
    (tmp_path / "external" / "big.irpa").write_text("weights")
    options = ("--external-files", str(tmp_path / "external"), "--weights=big.irpa", "--function=f")
    assert new(specs, "toy/add", "--mlir=add.mlir", *options) == 0
    assert written(specs, "toy/add_cpu.json")["real_weights"] == "big.irpa"
    assert written(specs, "toy/add_cpu.json")["mlir"] == "add.mlir"


def test_what_cannot_be_locked_yet_stays(specs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert new(specs, "toy/far", "--mlir=https://host/far.mlir", "--store", str(tmp_path / "store")) == 3
    assert written(specs, "toy/far_cpu.json")["mlir"] == "https://host/far.mlir"
    told = (
        f"{specs}/toy/far_cpu.json is written, but some of its blobs are not locked: correct it or try again with `harn"
    )
    assert told in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("toy", ["--mlir=toy/add.mlir"], "toy: expected MODEL/SUBMODEL of letters, digits"),
        ("../toy/add", ["--mlir=toy/add.mlir"], "expected MODEL/SUBMODEL"),
        ("toy/*", ["--mlir=toy/add.mlir"], "expected MODEL/SUBMODEL"),
        ("shared.irpa/add", ["--mlir=toy/add.mlir"], "shared.irpa is not a folder; choose another name"),
        (
            "toy/add",
            ["--mlir=toy/lost.mlir"],
            "lost.mlir: no such file; expected a URL, or a path relative to ",
        ),
        ("toy/add", ["--mlir=../outside.mlir"], "'../../outside.mlir' is outside "),
        ("toy/add", ["--mlir=/etc/passwd"], "'/etc/passwd' is outside "),
        ("toy/add", ["--mlir=ftp://host/a"], "has the scheme 'ftp'"),
        ("toy/add", ["--mlir=toy/add.mlir", "--compiler-flag=-O3"], "a flag that starts with two dashes"),
        ("toy/add", ["--mlir=toy/add.mlir", "--input=4xf33=@toy/add.mlir"], "'4xf33' is not a static tensor type"),
        ("toy/add", ["--mlir=toy/add.mlir", "--expected-output=@toy/a b.npy"], "--expected-output needs --function"),
        ("toy/add", ["--mlir=toy/add.mlir", "--chip=gfx942", "--backend=cpu"], "not for the CPU"),
    ],
)
def test_nothing_invalid_is_written(
    specs: Path, capsys: pytest.CaptureFixture[str], name: str, options: list[str], message: str
) -> None:
    before = sorted(specs.rglob("*"))
    assert new(specs, name, *options) == 2
    assert message in capsys.readouterr().err
    assert sorted(specs.rglob("*")) == before


@pytest.mark.parametrize("place", ["toy", "deep/toy"])
def test_nothing_is_overwritten(specs: Path, capsys: pytest.CaptureFixture[str], place: str) -> None:
    there = specs / place / "add_cpu.json"
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_text("mine")
    assert new(specs, "toy/add", "--mlir=toy/add.mlir") == 2
    assert f"{there} exists already; choose another name" in capsys.readouterr().err
    assert there.read_text() == "mine"
    assert new(specs, "toy/add", "--mlir=toy/add.mlir", "--backend=rocm", "--chip=gfx942") == 0


def test_the_commands_of_the_documentation_are_commands() -> None:
    page = (Path(__file__).parents[4] / "docs" / "add-a-model.md").read_text()
    commands = re.findall(r"^    harness (new (?:.*\\\n)*.*)$", page, re.MULTILINE)
    names = [parser({}).read(shlex.split(command.replace("\\\n", ""))).name for command in commands]
    assert names == ["mine/double", "sd3/clip"]
    rows = set(re.findall(r"^\| `(--[a-z-]+)", page, re.MULTILINE))
    assert {f"--{name.replace('_', '-')}" for name in (*options.PROGRAM, "mlir", "no_run", "backend")} <= rows
