"""What runs need that is more than one program on one device: several devices, and results in arguments."""

import pytest

from tests.integration.laboratory import Laboratory, written

OLD, NEW = "3.0.0", "3.13.0"

TWO_DEVICES = """
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = arith.constant dense<[2.0, 3.0, 4.0, 5.0]> : tensor<4xf32>
  %a = flow.tensor.transfer %x : tensor<4xf32> to #hal.device.promise<@dev_a>
  %m = arith.mulf %a, %c : tensor<4xf32>
  %t = flow.tensor.transfer %m : tensor<4xf32> to #hal.device.promise<@dev_b>
  %s = arith.addf %t, %c : tensor<4xf32>
  %r = flow.tensor.transfer %s : tensor<4xf32> to #hal.device.promise<@dev_a>
  return %r : tensor<4xf32>
}
"""
ON_TWO = [
    "--iree-execution-model=async-external",
    "--iree-hal-target-device=dev_a=local[0]",
    "--iree-hal-target-device=dev_b=local[1]",
    "--iree-hal-local-target-device-backends=llvm-cpu",
    "--iree-llvmcpu-target-cpu=generic",
]


@pytest.mark.parametrize("release", [OLD, "3.3.0", "3.6.0", "3.10.0", NEW])
def test_a_program_for_two_devices(lab: Laboratory, release: str) -> None:
    fields = {"mlir": lab.file("two.mlir", TWO_DEVICES), "run_function": "f", "compiler_flags": ON_TWO}
    values = {"inputs": written("4xf32=10 11 12 13"), "outputs": written("4xf32=22 36 52 70")}
    lab.spec("both_cpu", **fields, **values, device=None, devices=["local-task", "local-task"])
    lab.spec("mixed_cpu", **fields, **values, device=None, devices=["local-task", "local-sync"])
    lab.spec("one_cpu", **fields, **values, devices=None)
    cases = {case["submodel"]: case for case in lab.run("--iree", release).report["cases"]}
    assert {name: (case["status"], case["kind"]) for name, case in cases.items()} == {
        "both": ("passed", None),
        "mixed": ("passed", None),
        "one": ("error", "device"),
    }
    assert cases["both"]["commands"]["run"][1:3] == ["--device=local-task"] * 2
    assert cases["one"]["reason"].endswith(" (the program uses 2 devices: list them in 'devices', in order)")
