"""Kernels of one release in modules of another one: code for AMD GPUs, which runs on the HIP runtime of the tests."""

import json
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.iree.toolchain import Toolchain
from harness.localize import code_objects
from tests.integration.hip import CHIP, HipLaboratory
from tests.integration.laboratory import HIP_FLAGS, NEWEST, Laboratory, Result, written

ROOT = Path(__file__).parents[2]
GOOD = "3.9.0"
# Three kernels that the HIP runtime of the tests knows; each has its buffers to itself.
SUMS = """
func.func @sums(%a: tensor<4xf32>, %b: tensor<4xf32>, %c: tensor<8xf32>, %d: tensor<8xf32>,
                %e: tensor<16xf32>, %f: tensor<16xf32>, %0: tensor<4xf32> {iree.abi.output = 0 : index},
                %1: tensor<8xf32> {iree.abi.output = 1 : index}, %2: tensor<16xf32> {iree.abi.output = 2 : index})
    -> (tensor<4xf32>, tensor<8xf32>, tensor<16xf32>) {
  %3 = arith.addf %a, %b : tensor<4xf32>
  %4 = arith.addf %c, %d : tensor<8xf32>
  %5 = arith.addf %e, %f : tensor<16xf32>
  return %3, %4, %5 : tensor<4xf32>, tensor<8xf32>, tensor<16xf32>
}
"""
KERNELS = [f"sums_dispatch_{number}_elementwise_{4 << number}_f32" for number in range(3)]
# In the wrapper: the runtime of the newest release makes a kernel wrong, whichever release compiled it.
WRONG_RUNTIME = f'case "$*" in */{NEWEST}-*) export STAND_IN_HIP=wrong=elementwise_8_ ;; esac\nexec "$@"'


@pytest.fixture
def lab(tmp_path: Path, store_dir: Path, hip_library: Path) -> HipLaboratory:
    lab = HipLaboratory(tmp_path, store_dir, hip_library)
    values = zip((4, 4, 8, 8, 16, 16, 4, 8, 16), (1, 2, 1, 2, 1, 2, 0, 0, 0), strict=True)
    lab.tell(
        {"sums": ""},
        mlir=lab.file("kernels.mlir", SUMS),
        inputs=written(*(f"{size}xf32={value}" for size, value in values)),
        outputs=written("4xf32=3", "8xf32=3", "16xf32=3"),
    )
    return lab


def localized(lab: Laboratory, *words: str) -> tuple[Result, Any]:
    """Localize by kernel against the good release, and return how the command ended, and localize.json."""
    words = ("--by", "kernel", "--against", GOOD, *words)
    done = lab.run(*words, "--out", str(lab.out), command="localize")
    path = lab.out / "localize.json"
    return done, json.loads(path.read_text()) if path.exists() else None


def dumped(program: Path, compiler: Path, folder: Path, *, linked: bool) -> dict[str, bytes]:
    """Compile a program with the newest release, and return the code of its kernels by the name of its file."""
    folder.mkdir()
    flags = [*HIP_FLAGS, f"--iree-rocm-target={CHIP}", f"--iree-hal-link-executables={str(linked).lower()}"]
    dump = f"--iree-hal-dump-executable-binaries-to={folder}"
    subprocess.run([str(compiler), str(program), *flags, dump, "-o", "/dev/null"], check=True)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def digest(code: bytes) -> str:
    """Return what the HIP runtime of the tests calls a code object."""
    (start,), (size, count) = struct.unpack_from("<Q", code, 0x28), struct.unpack_from("<HH", code, 0x3A)
    found = 0xCBF29CE484222325
    for byte in code[: start + size * count]:
        found = (found ^ byte) * 0x100000001B3 % (1 << 64)
    return f"{found:016x}"


def test_the_kernel_that_a_release_made_wrong_is_named(
    lab: HipLaboratory, toolchain: Callable[[str], Toolchain]
) -> None:
    program, compiler = lab.model_dir / "kernels.mlir", toolchain(NEWEST).iree_compile
    codes = dumped(program, compiler, lab.root / "each", linked=False)
    launch = code_objects.launches(codes["module_sums_dispatch_1_rocm_hsaco_fb.hsaco"])[KERNELS[1]]
    assert (launch.argument_bytes, {kind for *_, kind in launch.arguments}) == (24, {"global_buffer"})
    (whole,) = dumped(program, compiler, lab.root / "whole", linked=True).values()
    bad = [whole, codes["module_sums_dispatch_1_rocm_hsaco_fb.hsaco"]]
    lab.tell_all(f"wrong={','.join(map(digest, bad))}")
    done, found = localized(lab, "toy/sums", *lab.options, "--chip", CHIP)
    assert done.code == 0, done.text
    assert [each["operation"] for each in found["culprits"]] == [KERNELS[1]]
    assert (found["kind"], found["confirmed"], found["bad"]["status"]) == ("numeric", True, "failed")
    assert f"{NEWEST} differs from {GOOD} at the kernel {KERNELS[1]}." in done.text
    assert f"With this kernel of {GOOD} in its module, {NEWEST} is right" in done.text
    assert "| `sums_dispatch_1_elementwise_8_f32` | to blame |" in (lab.out / "localize.md").read_text()


def test_kernels_are_innocent_of_what_the_runtime_does(lab: HipLaboratory) -> None:
    lab.wrapper.write_text(lab.wrapper.read_text().replace('exec "$@"', WRONG_RUNTIME))
    done, found = localized(lab, "toy/sums", *lab.options, "--chip", CHIP)
    assert done.code == 3, done.text
    assert (found["culprits"], found["kind"]) == ([], "numeric")
    assert f"{NEWEST} fails in the same way with 3 kernels of {GOOD} in its module, so these are" in found["text"]


def test_without_a_gpu_it_is_said_which_kernels_can_be_transplanted(store_dir: Path, tmp_path: Path) -> None:
    lab = Laboratory(tmp_path, store_dir)
    lab.specs = ROOT / "quality_tests"
    done, found = localized(lab, "tiny/matmul_i8", "--backend", "rocm", "--chip", CHIP)
    assert done.code == 3, done.text
    assert [(each["kernel"], each["guard"], each["differences"]) for each in found["kernels"]] == [
        (
            "_initializer_0_dispatch_0_reduction_48x64_i8xi32",
            "reconfigured",
            ["1 x 1 x 1 workgroups, on the good side 48 x 1 x 1"],
        ),
        ("main_dispatch_0_matmul_32x48x64_i8xi8xi32", "transplantable", []),
        ("main_dispatch_1_elementwise_1536_i8xf32", "transplantable", []),
    ]
    assert "2 kernels can be transplanted. To try them, run the same command where the GPU is" in found["text"]


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("sums_cpu", [], "the case is compiled for cpu: use --by dispatch or --by operation."),
        ("sums_rocm", ["--backend", "rocm", "--chip", CHIP, "--against", "gfx1100"], "needs one chip for both sides"),
    ],
)
def test_what_has_no_kernels_to_exchange_is_refused(
    tmp_path: Path, store_dir: Path, name: str, words: list[str], message: str
) -> None:
    lab = Laboratory(tmp_path, store_dir)
    lab.spec(name)
    done, found = localized(lab, "toy/sums", *words)
    assert (done.code, found) == (2, None), done.text
    assert message in done.text
