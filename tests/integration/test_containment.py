"""What a spec may make the real tools do, and which files it may name."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from containers import list_flags
from harness.iree import releases
from harness.iree.flag_classes import Tool
from harness.iree.toolchain import Toolchain
from tests.integration.laboratory import ADD, CPU_FLAGS, Laboratory, clean_environment
from tests.integration.warm import HARNESS, ran

ROOT = Path(__file__).parents[2]
Toolchains = Callable[[str], Toolchain]
SUBSTITUTE = "--iree-hal-substitute-executable-source"
# The compiler makes names of files of the module's name.
ESCAPING = """
module @"../../../../escaped" {
  func.func @add(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
    %sum = arith.addf %a, %b : tensor<4xf32>
    return %sum : tensor<4xf32>
  }
}
"""


@pytest.mark.parametrize("name", releases.locked())
def test_every_flag_of_every_release_has_a_class(name: str, toolchain: Toolchains) -> None:
    found = list_flags.flags(toolchain(name))
    assert len(found[Tool.COMPILE]) > 2000
    assert len(found[Tool.RUN]) > 50
    for tool, flags in found.items():
        wrong = {flag: list_flags.problem(tool, flag, needs_value=needs) for flag, needs in flags.items()}
        assert {flag: problem for flag, problem in wrong.items() if problem} == {}


@pytest.mark.parametrize(
    "flag",
    [
        "--iree-hal-preprocess-executables-with=sh -c 'touch {}'",
        "--iree-llvmcpu-embedded-linker-path=touch {};",
        "--iree-preprocessing-pass-pipeline=builtin.module(iree-util-dump-module{{path={}}})",
        "--iree-parameter-export=model={}",
        "--mlir-pass-pipeline-crash-reproducer={}",
        "--iree-hal-dump-executable-files-to={}",
    ],
)
def test_a_refused_flag_reaches_no_tool(lab: Laboratory, flag: str) -> None:
    mark = lab.root / "started"
    lab.spec(compiler_flags=[*CPU_FLAGS, flag.format(mark)])
    for command in ("quality", "validate"):
        result = lab.run(command=command)
        assert result.code == 2, result.text
        assert "add_cpu.json:" in result.text
        assert "$.compiler_flags[3]: " in result.text
        assert "--trust-flags" in result.text
    assert not mark.exists()
    lab.run("--trust-flags", "--engine", "local")
    is_of_use = not flag.startswith(("--mlir-pass", "--iree-parameter"))  # nothing crashes, and nothing is exported
    assert mark.exists() == is_of_use


def test_a_dump_stays_where_the_compiler_runs(lab: Laboratory) -> None:
    flags = ["--dump-compilation-phases-to=phases", "--iree-hal-dump-executable-files-to=files"]
    lab.spec(mlir=lab.file("escaping.mlir", ESCAPING), compiler_flags=[*CPU_FLAGS, *flags])
    result = lab.run("--engine", "local")
    assert result.verdict == (0, "passed", None), result.text
    assert result.case["notes"] == [
        f"ignoring {flag}: nothing reads its files; --trust-flags keeps it" for flag in flags
    ]
    assert [*lab.store_dir.rglob("escaped.*"), *lab.root.rglob("escaped.*")] == []


def test_a_file_in_a_list_decides_which_module_is_used(lab: Laboratory, toolchain: Toolchains) -> None:
    lab.spec()
    argv = [str(toolchain(releases.newest().name).iree_compile), "add.mlir", *CPU_FLAGS, "-o", "/dev/null"]
    subprocess.run([*argv, "--iree-hal-dump-executable-sources-to=d"], cwd=lab.model_dir, check=True, timeout=60)
    (source,) = (lab.model_dir / "d").iterdir()
    own = source.read_text()
    name = re.findall(r"hal\.executable (?:private|public) @(\w+)", own)[0]
    lab.file("dispatch.mlir", own)
    lab.spec(compiler_flags=[*CPU_FLAGS, f"{SUBSTITUTE}={name}={lab.model_dir}/dispatch.mlir"])

    def outcome(content: str) -> tuple[str, bool]:
        lab.file("dispatch.mlir", content)
        case = lab.run("--engine", "local").case
        return case["status"], case["modules"][0]["cached"]

    assert outcome(own) == ("passed", False)
    assert outcome(own.replace("arith.addf", "arith.mulf")) == ("failed", False)
    assert outcome(own) == ("passed", True)


@pytest.mark.parametrize("field", ["mlir", "real_weights", "input", "output", "pipeline", "flag", "tuner", "weights"])
def test_no_field_names_a_file_outside_the_folder_of_specs(lab: Laboratory, field: str) -> None:
    outside = lab.root / "outside.mlir"
    outside.write_text("secret")
    (lab.model_dir / "link.mlir").symlink_to(outside)
    tensor = {"source": "link.mlir", "value": "1xf32"}
    changes: Any = {
        "mlir": {"mlir": outside.as_uri()},
        "real_weights": {"real_weights": "link.mlir"},
        "input": {"inputs": [tensor]},
        "output": {"outputs": [tensor]},
        "pipeline": {"pipeline_mlir": "../../outside.mlir"},
        "flag": {"compiler_flags": [*CPU_FLAGS, f"{SUBSTITUTE}=a=link.mlir"]},
        "tuner": {"tuner_file": {"mi300": outside.as_uri()}},
        "weights": {"weights": [{"source": str(outside)}]},
    }[field]
    lab.spec(**changes)
    for command in ("validate", "list", "fetch", "bisect"):
        selector = ["toy/add"] if command == "bisect" else []
        result = lab.run(*selector, command=command)
        assert result.code == 2, result.text
        assert re.search(
            rf"add_cpu\.json:\d+: .* is outside .*; to allow it, add --allow-path {outside}$", result.text, re.MULTILINE
        )
    assert lab.run("--allow-path", str(outside), command="validate").code == 0


def test_a_spec_that_is_named_by_its_path_has_files_beside_itself(lab: Laboratory) -> None:
    lab.spec()
    shared = lab.specs / "shared.mlir"
    (lab.model_dir / "add.mlir").rename(shared)
    path = lab.model_dir / "add_cpu.json"
    path.write_text(path.read_text().replace("add.mlir", "../shared.mlir"))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [*HARNESS, "list", str(path), *arguments]
        return ran(argv, cwd=lab.root, env=clean_environment(), timeout=60)

    refused = run()
    assert refused.returncode == 2
    assert f"'../shared.mlir' is outside {lab.model_dir}; expected a path in it" in refused.stderr
    assert run("--specs", str(lab.specs)).stdout == run("--allow-path", str(shared)).stdout == "toy/add[cpu]\n"


def test_pytest_takes_the_same_options(lab: Laboratory) -> None:
    outside = lab.root / "outside.mlir"
    outside.write_text(ADD)
    lab.spec(mlir=outside.as_uri(), compiler_flags=[*CPU_FLAGS, "--info-output-file=info"])

    def collected(*options: str) -> str:
        argv = [sys.executable, "quality_tests/", "--test-file-directory", str(lab.specs), "--collect-only", "-q"]
        variables = clean_environment() | {"IREE_TEST_FILES": str(lab.store_dir)}
        done = subprocess.run(
            [*argv, *options], capture_output=True, text=True, check=False, cwd=ROOT, env=variables, timeout=120
        )
        return done.stdout

    refused = collected()
    assert f"--allow-path {outside}" in refused
    assert "makes the tool write a file; remove it from the spec, or accept all flags of the specs with" in refused
    assert "toy/add[cpu]" in collected("--allow-path", str(outside), "--trust-flags")


def test_a_program_on_the_command_line_is_the_users_own(lab: Laboratory) -> None:
    lab.spec()
    elsewhere = lab.root / "elsewhere.npy"
    (lab.model_dir / "b.npy").rename(elsewhere)
    argv = ["--function", "add", "--input", f"@{elsewhere}", "--input", f"@{elsewhere}"]
    dump = f"--compiler-flag=--iree-hal-dump-executable-sources-to={lab.root}/dump"
    for _ in range(2):
        lab.specs = lab.model_dir
        result = lab.run(str(lab.model_dir / "add.mlir"), *argv, dump, "--engine", "local")
        assert result.verdict == (0, "ran", None), result.text
        (source,) = (lab.root / "dump").iterdir()
        source.unlink()
