"""Small programs that fail as larger ones do, which releases broke."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.iree.toolchain import Toolchain
from tests.integration import embedded
from tests.integration.embedded import BROKEN, Broken
from tests.integration.laboratory import Laboratory, Result

_FIFTH = 5
# As `summed` in `transitions`, in a function that is called, of numbers that are multiplied with parameters.
WEIGHTED = """
util.global private @weights = #flow.parameter.named<"model"::"w"> : tensor<4096xf32>
func.func @f(%x: tensor<4096xf32>) -> tensor<f32> {
  %r = call @called(%x) : (tensor<4096xf32>) -> tensor<f32>
  return %r : tensor<f32>
}
func.func private @called(%x: tensor<4096xf32>) -> tensor<f32> {
  %w = util.global.load @weights : tensor<4096xf32>
  %a = arith.mulf %x, %w : tensor<4096xf32>
  %b = arith.negf %a : tensor<4096xf32>
  %c = arith.negf %b : tensor<4096xf32>
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<f32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<f32>) -> tensor<f32>
  %r = linalg.generic
    {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
    ins(%c : tensor<4096xf32>) outs(%start : tensor<f32>) {
  ^bb0(%one: f32, %so_far: f32):
    %more = arith.addf %so_far, %one : f32
    linalg.yield %more : f32
  } -> tensor<f32>
  return %r : tensor<f32>
}
"""
# 3.8.0 does not survive the second argument.
UNREAD = """
util.global private @weights = #flow.parameter.named<"model"::"w"> : tensor<4xf32>
func.func @f(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %w = util.global.load @weights : tensor<4xf32>
  %r = arith.addf %x, %w : tensor<4xf32>
  return %r : tensor<4xf32>
}
"""

# What the README says where iree-opt fails with the reproducer as the compiler does.
REPRODUCED = {
    "softmax-3.4.0": "LLVMCPUVerifyVectorSizeLegalityPass fails in f_dispatch_23_softmax_4xDxf16_dispatch_tensor_store",
    "tangent-3.8.0": "The compiler names the line of 1 operation; the reduction began there.",
    "tangent-3.9.0": "The compiler names the line of 1 operation; the reduction began there.",
}
ERRORS = {
    "softmax": "One or more operations with large vector sizes (8192 bytes) were found",
    "tangent": "failed to legalize operation 'stablehlo.tan' that was explicitly marked illegal",
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory, store_dir: Path) -> Laboratory:
    """Return a laboratory with all broken programs."""
    lab = Laboratory(tmp_path_factory.mktemp("reduced"), store_dir)
    embedded.write(lab)
    return lab


def reduced(lab: Laboratory, *words: str) -> tuple[Result, Path]:
    """Reduce a case, and return how the command ended, and the folder of the small program."""
    number = len(list(lab.root.glob("reduced-*")))
    to = lab.root / f"reduced-{number}"
    done = lab.run(*words, "-o", str(to), "--out", str(lab.root / f"out-{number}"), command="reduce")
    assert "Traceback" not in done.text
    return done, to


def judged(lab: Laboratory, folder: Path, release: str) -> Any:
    """Return the exit code of the only case of a folder with a release, and how it ended."""
    done = lab.run("--specs", str(folder), "*", "--iree", release)
    return done.code, done.case["status"], done.case["kind"]


def operations(text: str) -> int:
    """Return how many operations with a result a program has."""
    return sum(" = " in line and not line.startswith("#") for line in text.splitlines())


@pytest.mark.parametrize("broken", BROKEN, ids=lambda each: f"{each.name}-{each.bad}")
def test_a_small_program_still_fails(
    programs: Laboratory, toolchain: Callable[[str], Toolchain], broken: Broken
) -> None:
    case = f"toy/{broken.name}"
    done, folder = reduced(programs, case, "--iree", broken.bad, "--against", broken.good)
    assert done.code == 0, done.text
    text = (folder / "toy/program.mlir").read_text()
    assert operations(text) * _FIFTH <= operations((programs.model_dir / f"{broken.name}.mlir").read_text())
    code, status, kind = judged(programs, folder, broken.bad)
    assert (code, status, kind) == (1, "failed", broken.kind)
    assert judged(programs, folder, broken.good)[0] == 0
    assert not [path for path in folder.rglob("*.*") if str(programs.root).encode() in path.read_bytes()]
    if wanted := REPRODUCED.get(f"{broken.name}-{broken.bad}"):
        assert wanted in (folder / "README.md").read_text()
        assert ERRORS[broken.name] in of_reproducer(folder, toolchain(broken.bad))
    else:
        assert not list(folder.rglob("reproducer.mlir"))


def of_reproducer(folder: Path, tools: Toolchain) -> str:
    """Return what iree-opt prints with the line of the README."""
    (line,) = re.findall("^    (iree-opt .*)$", (folder / "README.md").read_text(), re.MULTILINE)
    done = subprocess.run(
        [tools.iree_compile.with_name("iree-opt"), *line.split()[1:]],
        cwd=folder / "toy",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr


def test_a_failed_dispatch_of_bytecode_is_where_it_begins(
    programs: Laboratory, toolchain: Callable[[str], Toolchain]
) -> None:
    text = programs.model_dir / "softmax.mlir"
    optimizer = toolchain("3.3.0").iree_compile.with_name("iree-opt")
    subprocess.run([optimizer, "--emit-bytecode", text, "-o", text.with_name("bytes.mlirbc")], check=True)
    spec = json.loads((programs.model_dir / "softmax_cpu.json").read_text())
    programs.spec("bytes_cpu", **{**spec, "mlir": "bytes.mlirbc"})
    done, folder = reduced(programs, "toy/bytes", "--iree", "3.4.0", "--against", "3.3.0", "--time", "1")
    assert done.code == 0, done.text
    assert "0 programs tried" in done.text
    assert operations((folder / "toy/program.mlir").read_text()) <= 5
    said = "which was made of 2 operations; the reduction began there."
    assert said in (folder / "README.md").read_text()
    assert ERRORS["softmax"] in of_reproducer(folder, toolchain("3.4.0"))


def test_a_killed_reduction_goes_on_and_by_hand_it_is_the_same(
    programs: Laboratory, toolchain: Callable[[str], Toolchain]
) -> None:
    out, folder = programs.root / "killed", programs.root / "small"
    words = ["toy/summed", "--iree", "3.13.0", "--against", "3.10.0", "-o", str(folder), "--out", str(out)]

    def lines() -> list[Any]:
        path = out / "search.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()[1:]] if path.exists() else []

    programs.interrupted(*words, until=lambda: len(lines()) > 6, number=signal.SIGKILL, command="reduce")
    known = lines()
    assert {"end": True} not in known
    assert not folder.exists()
    done = programs.run(*words, command="reduce")
    assert done.code == 0, done.text
    tried = sum("rejected" in each for each in known)
    assert f"resuming: {tried} smaller programs already tried" in done.text
    assert lines()[: len(known)] == known
    assert lines()[-1] == {"end": True}
    assert operations((folder / "toy/program.mlir").read_text()) == 5
    assert [judged(programs, folder, release)[0] for release in ("3.13.0", "3.10.0")] == [1, 0]
    again = programs.run(*words, command="reduce")
    assert (again.code, "exists and is no empty folder" in again.text) == (2, True)
    for release, says in (("3.13.0", "[FAILED]"), ("3.10.0", "[SUCCESS]")):
        assert says in by_hand(folder, toolchain(release))


def by_hand(folder: Path, tools: Toolchain) -> str:
    """Return what the tools of a release print with the lines of the README."""
    _, _, rest = (folder / "README.md").read_text().partition(f"IREE {tools.release.name}:\n\n")
    lines = [line.strip() for line in rest.partition("\n\n")[0].splitlines()]
    path = os.pathsep.join(str(each.parent) for each in (tools.iree_compile, tools.iree_run_module))
    done = subprocess.run(
        ["sh", "-c", "\n".join(lines)],
        cwd=folder / "toy",
        env={"PATH": f"{path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_a_bisect_goes_on_to_a_small_program(programs: Laboratory) -> None:
    out = programs.root / "bisect"
    words = ("--find", "fix", "--bad", "3.8.0", "--good", "3.9.0", "--repeat", "1", "--reduce", "--out", str(out))
    done = programs.run("toy/barrier", *words, command="bisect")
    assert done.code == 0, done.text
    text = (out / "bisect.md").read_text().replace("\\", "")
    assert "3.8.0 differs from 3.9.0 at iree_tensor_ext.compute_barrier.start" in text
    small = text.partition("## The small program")[2]
    assert operations(small) == 1
    assert "compute_barrier.start" in small
    assert judged(programs, out / "reduced", "3.8.0") == (1, "failed", "compile")
    again, folder = reduced(programs, str(out), "toy/barrier", "--time", "1")
    assert again.code == 0, again.text
    assert judged(programs, folder, "3.9.0") == (0, "compiled", None)


def test_calls_and_weights_of_bytecode_are_replaced(lab: Laboratory, toolchain: Callable[[str], Toolchain]) -> None:
    text = lab.model_dir / lab.file("weighted.mlir", WEIGHTED)
    optimizer = toolchain("3.10.0").iree_compile.with_name("iree-opt")
    subprocess.run([optimizer, "--emit-bytecode", text, "-o", text.with_suffix(".mlirbc")], check=True)
    inputs = np.ones(4096, np.float32)
    inputs[0] = 2**24
    lab.spec(
        "weighted_cpu",
        mlir="weighted.mlirbc",
        inputs=[lab.tensor("x.npy", inputs)],
        outputs=[lab.tensor("y.npy", np.array(2**24 + 4095, np.float32))],
        real_weights=lab.weights("w.irpa", {"w": np.linspace(1, 1.0001, 4096, dtype=np.float32)}),
        run_function="f",
        atol=2500,
    )
    done, folder = reduced(lab, "toy/weighted", "--iree", "3.13.0", "--against", "3.10.0", "--time", "120")
    assert done.code == 0, done.text
    small = (folder / "toy/program.mlir").read_text()
    assert "parameter" not in small
    assert "call" not in small
    assert operations(small) <= 5
    assert not list(folder.rglob("*.irpa"))


def test_weights_that_are_needed_are_copied(lab: Laboratory) -> None:
    numbers = np.arange(4, dtype=np.float32)
    lab.spec(
        "weighted_cpu",
        mlir=lab.file("weighted.mlir", UNREAD),
        inputs=[lab.tensor("x.npy", numbers)] * 2,
        outputs=[lab.tensor("y.npy", 2 * numbers)],
        real_weights=lab.weights("w.irpa", {"w": numbers}),
        run_function="f",
    )
    done, folder = reduced(lab, "toy/weighted", "--iree", "3.8.0", "--against", "3.9.0", "--time", "0.1")
    assert done.code == 0, done.text
    assert "0 programs tried" in done.text
    assert [path.name for path in folder.rglob("*.irpa")] == ["w.irpa"]
    assert judged(lab, folder, "3.8.0") == (1, "failed", "crash")
    assert judged(lab, folder, "3.9.0") == (0, "passed", None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["toy/add", "--against", "cpu"], "the following arguments are required: -o/--output"),
        (["toy/add", "-o", "new"], "reduce needs a side that is right"),
        (["toy/add", "--against", "3.10.0", "-o", "."], "exists and is no empty folder"),
        (["toy/add", "--against", "{root}/specs/toy/add.mlir", "-o", "new"], "reduce needs one program for both sides"),
        (["nowhere", "toy/add", "-o", "new"], "nowhere: no such folder of results"),
    ],
)
def test_a_wrong_command_line_is_refused(lab: Laboratory, words: list[str], message: str) -> None:
    lab.spec()
    lab.file("other.mlir", "")
    done = lab.run(*(each.replace("add.mlir", "other.mlir").format(root=lab.root) for each in words), command="reduce")
    assert done.code == 2, done.text
    assert message in done.text
    assert not (lab.root / "new").exists()
