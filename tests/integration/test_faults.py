"""Bad input and faults: each gives one clear message, the right status and exit code, and complete results."""

import json
import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.laboratory import (
    CPU_FLAGS,
    ENDLESS,
    HIP_FLAGS,
    REPORTS,
    Laboratory,
    Result,
    assert_nothing_is_left,
)

FAILING = """
func.func @add(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %x = tensor.extract %a[%c0] : tensor<4xf32>
  return %a : tensor<4xf32>
}
"""
ASSERTING = """
func.func @add(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %zero = arith.constant 0 : index
  %x = tensor.extract %a[%zero] : tensor<4xf32>
  %limit = arith.constant 100.0 : f32
  %fine = arith.cmpf ogt, %x, %limit : f32
  cf.assert %fine, "the first element is too small"
  %sum = arith.addf %a, %b : tensor<4xf32>
  return %sum : tensor<4xf32>
}
"""
UNREGISTERED = 'func.func @add(%a: tensor<4xf32>) { "nobody.knows"(%a) : (tensor<4xf32>) -> ()\n return }'


def both(lab: Laboratory, *arguments: str, **fields: Any) -> Result:
    """Run a case in trouble beside a good one, which must pass all the same."""
    lab.spec("good_cpu")
    lab.spec("bad_cpu", **fields)
    result = lab.run(*arguments)
    good, bad = sorted(result.report["cases"], key=lambda case: str(case["submodel"] == "bad"))
    assert good["status"] == "passed", result.text
    assert_nothing_is_left(lab)
    shutil.copyfile(lab.out / "results.json", lab.root / "both.json")
    return Result(code=result.code, text=result.text, out_dir=_only(lab, bad))


def _only(lab: Laboratory, case: Any) -> Path:
    folder = lab.root / "only"
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps({"cases": [case]}))
    return folder


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--iree=9.9.9", "9.9.9: no such IREE release; did you mean 3.9.0?"),
        ("--chip=gfx942", None),
        ("nobody", "no model named 'nobody' in"),
        ("--no-such-option", "has no option --no-such-option"),
        ("--backend=rocm --compile-only --chip=gfx942 --sku=mi9", "no such SKU"),
        ("--sku=mi9", "--sku has no effect on the CPU"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_runs_nothing(lab: Laboratory, argument: str, message: str | None) -> None:
    lab.spec()
    result = lab.run(*([] if argument == "nobody" else ["toy"]), *argument.split())
    assert result.code == 2
    assert (message or "No selected spec is for the backend rocm") in result.text
    assert "Traceback" not in result.text
    assert not lab.out.exists()


def test_an_invalid_spec_ends_with_2_and_names_file_and_line(lab: Laboratory) -> None:
    lab.spec(output=[])
    for command in ("quality", "validate", "plan", "list"):
        result = lab.run(command=command)
        assert result.code == 2
        assert "add_cpu.json:" in result.text
        assert "$.output: unknown field 'output'; did you mean 'outputs'?" in result.text


def test_a_missing_file_is_an_error_of_kind_fetch(lab: Laboratory) -> None:
    result = both(lab, mlir="nowhere.mlir")
    assert result.verdict == (3, "error", "fetch")
    assert "nowhere.mlir" in result.case["reason"]


def test_404_is_an_error_of_kind_fetch(lab: Laboratory, server: str) -> None:
    result = both(lab, mlir=f"{server}/no.mlir")
    assert result.verdict == (3, "error", "fetch")
    assert "404" in result.case["reason"]


def test_no_network_is_an_error_of_kind_fetch(lab: Laboratory, server: str) -> None:
    lab.spec(mlir=f"{server}/add.mlir")
    result = lab.run("toy", "--offline")
    assert result.verdict == (3, "error", "fetch")
    assert "offline" in result.case["reason"]


def test_a_wrong_digest_is_an_error_of_kind_integrity(lab: Laboratory, server: str, tmp_path: Path) -> None:
    lab.spec("good_cpu")
    shutil.copy(lab.model_dir / "add.mlir", tmp_path / "www")
    url = f"{server}/add.mlir"
    size = (tmp_path / "www/add.mlir").stat().st_size
    (lab.specs / "blobs.lock.json").write_text(json.dumps({url: {"sha256": "0" * 64, "size": size}}))
    result = both(lab, mlir=url)
    assert result.verdict == (3, "error", "integrity")


def test_a_blob_comes_over_the_network_once(lab: Laboratory, server: str, tmp_path: Path) -> None:
    lab.spec(mlir=f"{server}/add.mlir")
    shutil.copy(lab.model_dir / "add.mlir", tmp_path / "www")
    assert lab.run().verdict == (0, "passed", None)
    assert lab.run("toy", "--offline").verdict == (0, "passed", None)


def test_an_input_of_the_wrong_size_is_an_error_of_kind_integrity(lab: Laboratory) -> None:
    result = both(lab, inputs=[{"source": lab.file("short.bin", b"1234"), "value": "4xf32"}, {"source": "b.npy"}])
    assert result.verdict == (3, "error", "integrity")
    assert "expected 16 bytes for 4xf32, got 4" in result.case["reason"]


def test_inputs_that_do_not_fit_the_program_are_an_error(lab: Laboratory) -> None:
    result = both(lab, inputs=[{"source": "b.npy"}])
    assert result.verdict == (3, "error", "tool")
    assert "the inputs do not fit the model" in result.case["reason"]


def test_a_function_that_is_not_there_is_an_error(lab: Laboratory) -> None:
    result = both(lab, run_function='no "such"; function')
    assert result.verdict == (3, "error", "tool")
    assert "no such function" in result.case["reason"]


def test_text_that_is_no_mlir_fails(lab: Laboratory) -> None:
    result = both(lab, mlir=lab.file("bad.mlir", FAILING))
    assert result.verdict == (1, "failed", "compile")
    assert "error: use of undeclared SSA value name" in result.case["reason"]
    assert result.case["logs"] == {"compile": "logs/toy/bad-cpu/compile.log"}
    command, *_, verdict = (lab.out / "logs/toy/bad-cpu/compile.log").read_text().splitlines()
    assert command == f"+ {shlex.join(result.case['commands']['compile'])}"
    assert verdict == f"= failed: compile: {result.case['reason']}".splitlines()[-1]
    assert sorted(path.name for path in lab.out.iterdir()) == [".work", *REPORTS]


def test_a_compiler_that_crashes_fails(lab: Laboratory) -> None:
    result = both(lab, mlir=lab.file("crash.mlir", UNREGISTERED))
    assert result.verdict == (1, "failed", "crash")
    assert "iree-compile crashed with SIGSEGV" in result.case["reason"]


def test_a_flag_that_nobody_knows_is_an_error(lab: Laboratory) -> None:
    result = both(lab, "--trust-flags", compiler_flags=[*CPU_FLAGS, "--iree-opt-levle=O2"])
    assert result.verdict == (3, "error", "tool")
    assert "did you mean" in result.case["reason"]


def test_a_flag_that_no_release_has_is_an_error_of_the_spec(lab: Laboratory) -> None:
    lab.spec("bad_cpu", compiler_flags=[*CPU_FLAGS, "--iree-opt-levle=O2"])
    result = lab.run()
    assert result.code == 2
    refusal = (
        "'--iree-opt-levle=O2' is not a flag of any known release of iree-compile (did you mean --iree-opt-level?)"
    )
    assert refusal in result.text


def test_a_flag_of_another_release_is_unsupported(lab: Laboratory) -> None:
    lab.spec(compiler_flags=[*CPU_FLAGS, "--iree-codegen-llvmgpu-use-wmma=true"])
    result = lab.run()
    assert result.verdict == (3, "unsupported", None)
    assert "Nothing was tested: 1 unsupported (1 case)" in result.text
    assert "has no flag --iree-codegen-llvmgpu-use-wmma; available in 3.10.0 and earlier" in result.case["reason"]


def test_a_value_that_a_flag_does_not_take_is_an_error(lab: Laboratory) -> None:
    result = both(lab, compiler_flags=[*CPU_FLAGS, "--iree-opt-level=O9"])
    assert result.verdict == (3, "error", "tool")


def test_a_compiler_that_skips_what_was_asked_fails(lab: Laboratory) -> None:
    flags = [*CPU_FLAGS, "--iree-preprocessing-pass-pipeline=builtin.module(no-such-pass)"]
    result = both(lab, "--trust-flags", compiler_flags=flags)
    assert result.verdict == (1, "failed", "compile")
    assert "exited with code 0 but printed an error" in result.case["reason"]


@pytest.mark.parametrize(
    ("chip", "hint"),
    [
        ("gfx9420", "did you mean gfx942 or "),
        ("gfx1102x", ""),
        ("mi300", "did you mean mi300x or "),
        ("xyz7", "expected one of gfx908, "),
    ],
)
@pytest.mark.parametrize("option", ["--chip", "--compile-chip"])
def test_a_chip_that_nobody_knows_is_a_wrong_command_line(lab: Laboratory, option: str, chip: str, hint: str) -> None:
    lab.spec("add_rocm", compiler_flags=HIP_FLAGS)
    result = lab.run("toy", option, chip)
    assert result.code == 2
    assert chip in result.text
    assert hint in result.text
    assert len(result.text.splitlines()) == 1
    assert not lab.out.exists()


def test_a_chip_that_nobody_knows_may_be_one_of_a_local_build(lab: Laboratory, toolchain: Any) -> None:
    lab.spec("add_rocm", compiler_flags=HIP_FLAGS)
    tools, folder = toolchain("3.13.0"), lab.root / "bin"
    folder.mkdir()
    for program in (tools.iree_compile, tools.iree_run_module, tools.iree_dump_module):
        (folder / program.name).symlink_to(program)
    result = lab.run("toy", "--compile-chip", "gfx9999", "--toolchain", str(folder), command="run")
    assert result.verdict == (3, "error", "tool")
    assert "gfx9999" in result.case["reason"]


def test_a_chip_of_another_release_is_unsupported(lab: Laboratory) -> None:
    lab.spec("add_rocm", compiler_flags=HIP_FLAGS)
    result = lab.run("toy", "--compile-chip", "gfx1030")
    assert result.verdict == (3, "unsupported", None)
    assert "cannot compile for gfx1030; supported in 3.7.1 and earlier" in result.case["reason"]


def test_a_device_that_is_absent_is_an_error(lab: Laboratory) -> None:
    lab.spec("add_rocm", compiler_flags=HIP_FLAGS)
    result = lab.run("toy", "--chip", "gfx942")
    assert result.verdict == (3, "error", "device")
    none = lab.run("toy", "--backend", "rocm")
    assert none.verdict == (3, "error", "device")
    assert "no AMD GPU found" in none.case["reason"]


def test_a_program_that_ends_itself_fails(lab: Laboratory) -> None:
    result = both(lab, mlir=lab.file("assert.mlir", ASSERTING))
    assert result.verdict == (1, "failed", "crash")
    assert "the first element is too small" in result.case["reason"]


def test_a_compilation_that_takes_too_long_fails(lab: Laboratory) -> None:
    lab.spec(compiler_flags=[*CPU_FLAGS, "--iree-opt-level=O1"])
    result = lab.run("toy", "--timeout", "0.05")
    assert result.verdict == (1, "failed", "timeout")
    assert "iree-compile was killed after 0.05 s" in result.case["reason"]
    assert_nothing_is_left(lab)


def test_a_run_that_takes_too_long_fails(lab: Laboratory) -> None:
    lab.spec(mlir=lab.file("endless.mlir", ENDLESS))
    assert lab.run("toy", "--compile-only").verdict == (0, "compiled", None)
    result = lab.run("toy", "--timeout", "2")
    assert result.verdict == (1, "failed", "timeout")
    assert "iree-run-module was killed after 2 s" in result.case["reason"]
    assert_nothing_is_left(lab)


def test_without_tools_there_is_no_verdict(lab: Laboratory) -> None:
    lab.spec()
    result = lab.run("toy", "--toolchain", str(lab.root), command="run")
    assert result.verdict == (3, "error", "tool")
    assert "iree-compile: not found in" in result.case["reason"]
    nowhere = lab.run(command="run", environment={"PATH": "/nonexistent"})
    assert nowhere.verdict == (3, "error", "tool")


def test_a_store_that_cannot_be_written_is_an_error(lab: Laboratory) -> None:
    lab.spec()
    file = lab.root / "file"
    file.write_text("")
    lab.store_dir = file / "store"
    result = lab.run()
    assert result.verdict == (3, "error", "disk")
    assert "--store" in result.case["reason"]


def test_results_that_cannot_be_written_end_with_3(lab: Laboratory) -> None:
    lab.spec()
    (lab.root / "file").write_text("")
    lab.out = lab.root / "file" / "out"
    result = lab.run()
    assert result.code == 3
    assert "Cannot write " in result.text
    assert "Traceback" not in result.text


def on_a_small_disk(lab: Laboratory, folder: Path, size: str) -> Result:
    """Run with a folder that is a disk of a few bytes."""
    folder.mkdir()
    mount = f'mount -t tmpfs -o size={size} tmpfs {folder} && exec "$@"'
    return lab.run(under=["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"])


def test_a_full_store_is_an_error(lab: Laboratory) -> None:
    lab.spec()
    lab.store_dir = lab.root / "small"
    result = on_a_small_disk(lab, lab.store_dir, "1m")
    assert result.verdict == (3, "error", "disk"), result.text
    assert "No space left on device" in result.case["reason"]


def test_a_full_disk_of_results_is_an_error(lab: Laboratory) -> None:
    lab.spec()
    lab.out = lab.root / "small"
    result = on_a_small_disk(lab, lab.out, "4k")
    assert result.code == 3
    assert "ERROR       toy/add[cpu]" in result.text
    assert "disk: " in result.text
    assert "Cannot write " in result.text
    assert ": No space left on device. " in result.text
    assert "Traceback" not in result.text


def test_places_may_be_relative(lab: Laboratory) -> None:
    lab.spec()
    result = lab.run("--specs", "specs", "--store", os.path.relpath(lab.store_dir, lab.root), "--out", "out")
    assert result.verdict == (0, "passed", None), result.text
