"""Compilations that users of IREE need to be told right: flags of the harness beside theirs, files, limits.

Written after public reports: flags with which the harness's own do not go (iree#20528).
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.iree.toolchain import Toolchain
from tests.integration.laboratory import CPU_FLAGS, NEWEST, Laboratory, limited, written


@pytest.mark.parametrize("release", ["3.11.0", "3.12.0", NEWEST])
def test_flags_of_the_harness_do_not_decide(lab: Laboratory, release: str) -> None:
    lab.spec(compiler_flags=[*CPU_FLAGS, "--mlir-print-ir-after-all"])
    result = lab.run("--iree", release)
    assert result.verdict == (0, "passed", None), result.text
    is_spoilt = release != "3.11.0"
    assert any("which only the harness adds" in note for note in result.case["notes"]) == is_spoilt
    assert (result.case["modules"][0]["dispatches"] is None) == is_spoilt
    again = lab.run("--iree", release)
    assert (again.case["modules"][0]["cached"], again.case["notes"]) == (True, result.case["notes"])


def test_weights_that_the_compiler_makes_survive_what_spoils_the_statistics(lab: Laboratory) -> None:
    program = """
    util.global private @w = #flow.parameter.named<"model"::"w"> : tensor<4xf32>
    func.func @add(%a: tensor<4xf32>) -> tensor<4xf32> {
      %w = util.global.load @w : tensor<4xf32>
      %sum = arith.addf %a, %w : tensor<4xf32>
      return %sum : tensor<4xf32>
    }
    """
    flags = [*CPU_FLAGS, "--iree-scheduling-dump-statistics-format=pretty"]  # given twice, the compiler refuses it
    lab.spec(mlir=lab.file("w.mlir", program), inputs=written("4xf32=1"), outputs=None, compiler_flags=flags)
    assert lab.run("--iree", NEWEST).verdict == (0, "ran", None)


def test_a_compiled_dispatch_is_compiled(lab: Laboratory, toolchain: Callable[[str], Toolchain]) -> None:
    folder = lab.root / "dispatches"
    compiler = toolchain(NEWEST).iree_compile
    lab.spec()
    argv: list[str | Path] = [
        compiler,
        lab.model_dir / "add.mlir",
        *CPU_FLAGS,
        f"--iree-hal-dump-executable-sources-to={folder}",
    ]
    subprocess.run([*argv, "-o", "/dev/null"], check=True, timeout=60)
    (dispatch,) = folder.glob("*.mlir")
    program = lab.file("dispatch.mlir", dispatch.read_text())
    flags = [*CPU_FLAGS, "--compile-from=executable-sources"]
    lab.spec(mlir=program, run_function=None, inputs=None, outputs=None, compiler_flags=flags, compile_only=True)
    result = lab.run("--iree", NEWEST)
    assert result.verdict == (0, "compiled", None), result.text


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12\n"


def test_files_that_are_something_else_are_told(lab: Laboratory) -> None:
    files = {
        "pointer": POINTER,
        "page": b"<!DOCTYPE html>\n<html><body>Not found</body></html>",
        "packed": b"\x1f\x8b\x08\0",
        "nothing": b"",
        "onnx": bytes.fromhex("08083a750a360a017812017922"),
    }
    kinds = {
        "pointer": "a Git LFS pointer",
        "page": "an HTML page",
        "packed": "a gzip archive",
        "nothing": "an empty file",
        "onnx": "an ONNX model",
    }
    for name, content in files.items():
        lab.spec(f"{name}_cpu", mlir=lab.file(f"{name}.mlir", content))
    lab.spec("weights_cpu", real_weights=lab.file("weights.irpa", POINTER))
    lab.spec("input_cpu", inputs=[{"source": lab.file("in.npy", POINTER)}, *written("4xf32=1")])
    lab.spec("output_cpu", outputs=[{"source": lab.file("out.npy", POINTER)}])
    result = lab.run()
    cases = {case["submodel"]: case for case in result.report["cases"]}
    assert {(case["status"], case["kind"]) for case in cases.values()} == {("error", "integrity")}
    for name, kind in kinds.items():
        assert cases[name]["reason"].startswith(f"{lab.model_dir / name}.mlir is {kind}")
    for name, file in {"weights": "weights.irpa", "input": "in.npy", "output": "out.npy"}.items():
        assert str(lab.model_dir / file) in cases[name]["reason"], json.dumps(cases[name]["reason"])
        assert "a Git LFS pointer" in cases[name]["reason"]


def test_bytecode_is_a_program(lab: Laboratory, toolchain: Callable[[str], Toolchain]) -> None:
    source, compiler = lab.root / "model.mlir", toolchain(NEWEST).iree_compile
    source.write_text("func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> }")
    flags = ("--compile-to=input", "--emit-mlir-bytecode", "-o", f"{lab.root}/model.mlirbc")
    subprocess.run([compiler, source, *flags], check=True, timeout=60)
    arguments = ("--function=f", "--input=4xf32=2", "--expected-output=4xf32=2")
    found = lab.run(str(lab.root / "model.mlirbc"), *arguments)
    assert found.verdict == (0, "passed", None), found.text


def test_a_limit_of_file_size_is_of_the_machine(lab: Laboratory) -> None:
    numbers = ", ".join(map(str, range(300_000)))
    program = f"""
    util.global private @k = dense<[{numbers}]> : tensor<300000xi32>
    func.func @f() -> tensor<300000xi32> {{
      %k = util.global.load @k : tensor<300000xi32>
      return %k : tensor<300000xi32>
    }}
    """
    lab.spec(mlir=lab.file("f.mlir", program), run_function="f", inputs=None, outputs=None)
    found = lab.run(under=limited("-f", "512"))
    assert found.verdict == (3, "error", "disk"), found.text
    assert "`ulimit -f`" in found.case["reason"]


def test_a_linker_that_is_missing_is_of_the_machine(lab: Laboratory) -> None:
    lab.spec(compiler_flags=[*CPU_FLAGS, "--iree-llvmcpu-link-embedded=false"])
    found = lab.run(environment={"PATH": "/nowhere"})
    assert found.verdict == (3, "error", "tool"), found.text
    assert "install lld" in found.case["reason"]


def test_temporary_files_of_the_compiler_are_in_the_store(lab: Laboratory) -> None:
    lab.spec()
    found = lab.run(environment={"TMPDIR": f"{lab.root}/it's not"})
    assert found.verdict == (0, "passed", None), found.text


def test_a_missing_dump_tool_does_not_decide(lab: Laboratory, toolchain: Callable[[str], Toolchain]) -> None:
    tools, folder = toolchain(NEWEST), lab.root / "tools"
    folder.mkdir()
    for tool in (tools.iree_compile, tools.iree_run_module):
        (folder / tool.name).symlink_to(tool)
    (folder / "iree-dump-module").write_text("no program")
    (folder / "iree-dump-module").chmod(0o755)
    lab.spec(outputs=[{"value": "4xbf16", "source": lab.file("bf16.bin", bytes(8))}])
    found = lab.run(command="run", environment={"PATH": f"{folder}:/usr/bin:/bin"})
    assert found.verdict == (1, "failed", "shape"), found.text
    assert found.case["reason"] == "output 0: expected 4xbf16, but the model returned 4xf32"
